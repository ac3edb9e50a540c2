//! Becoming a member, and saying goodbye.
//!
//! A newcomer looks up its own id through one contact. Whomever it asks learns of it; it is a member when the k nearest have answered.
//! Then it fills its farther buckets by one lookup each (paper, section 2.3).

use peerlab_model::{PeerId, Span};

use super::message::Ask;
use super::peer::{KademliaPeer, Purpose};
use super::table::Nearest;
use super::{Cx, Kademlia, KademliaMessage, KademliaTimer};

/// Mean pause before another attempt to join.
const JOIN_PAUSE: Span = Span::from_secs(1);

/// After so many attempts that met nobody but newcomers, the one with the lowest number begins a network.
const REFUSALS_MAX: u8 = 8;

impl Kademlia {
    pub(super) fn attempt_join(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        if peer.active {
            return;
        }
        // The newcomer with the lowest number is the one that will begin: every other attempt goes there.
        let met = peer.extra.as_deref().filter(|extra| extra.refusals % 2 == 1).and_then(|extra| extra.lowest);
        match cx.bootstrap() {
            Some(contact) => {
                let contact = met.filter(|&lowest| lowest != peer.id).unwrap_or(contact);
                self.search_own(peer, cx, cx.key_of(peer.id), Purpose::Join, Some(contact));
            }
            None => self.become_member(peer, cx),
        }
    }

    fn become_member(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        peer.active = true;
        if let Some(extra) = peer.extra.as_deref_mut() {
            (extra.refusals, extra.lowest) = (0, None);
        }
        self.begin_ticking(peer, cx);
        cx.joined();
    }

    /// The lookup of its own id has ended.
    pub(super) fn join_over(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, answered: bool) {
        if peer.active {
            return;
        }
        if answered {
            self.become_member(peer, cx);
            peer.to_fill = peer.table.groups() as u8;
            self.fill_next(peer, cx);
            return;
        }
        let first = peer.extra.as_deref().is_some_and(|extra| {
            let lowest = extra.lowest.is_none_or(|lowest| lowest > peer.id);
            extra.refusals >= REFUSALS_MAX && (lowest || extra.refusals >= 4 * REFUSALS_MAX)
        });
        if first {
            self.become_member(peer, cx);
        } else {
            let pause = Self::gap(cx, JOIN_PAUSE);
            cx.set_timer(pause, KademliaTimer::Join);
        }
    }

    /// "I am no member."
    pub(super) fn refuse(peer: &mut KademliaPeer, cx: &mut Cx<'_>, to: PeerId, ask: Ask) {
        let this = peer.id;
        let extra = peer.extra();
        let lowest = extra.lowest.map_or(to, |met| met.min(to));
        extra.lowest = Some(lowest);
        cx.send(to, KademliaMessage::Refuse { lookup: ask.lookup, token: ask.token, lowest: lowest.min(this), upkeep: ask.upkeep });
    }

    /// Tells the k nearest contacts. (The paper knows no goodbye: there, every departure is found out by silence.)
    pub(super) fn say_goodbye(&self, peer: &KademliaPeer, cx: &mut Cx<'_>) {
        if peer.active {
            let this = cx.key_of(peer.id);
            let mut nearest = Nearest::new();
            peer.table.nearest(&self.shape, self.numbering, (this, this), self.shape.k, |_| true, &mut nearest);
            for &contact in nearest.as_slice() {
                cx.send(contact, KademliaMessage::Leave);
            }
        }
    }
}
