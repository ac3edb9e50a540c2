//! Becoming a member, and saying goodbye.
//!
//! A newcomer looks up its own id through one contact. Whomever it asks learns of it; it is a member when the k nearest have answered.
//! Then it fills its farther buckets by one lookup each (paper, section 2.3).

use peerlab_model::{PeerId, Span};

use super::message::Ask;
use super::nearest::Nearest;
use super::peer::{KademliaPeer, Purpose};
use super::{Cx, Kademlia, KademliaMessage, KademliaTimer};
use crate::structured::newcomers::Newcomers;

/// Mean pause before another attempt to join.
const JOIN_PAUSE: Span = Span::from_secs(1);

impl Kademlia {
    pub(super) fn attempt_join(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        if peer.active {
            return;
        }
        // The newcomer with the lowest number is the one that will begin: every other attempt goes there.
        let met = peer.extra.as_deref().and_then(|extra| extra.newcomers.detour(peer.id));
        match cx.bootstrap() {
            Some(contact) => {
                let contact = met.unwrap_or(contact);
                self.search_own(peer, cx, cx.key_of(peer.id), Purpose::Join, Some(contact));
            }
            None => self.become_member(peer, cx),
        }
    }

    fn become_member(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        peer.active = true;
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.newcomers = Newcomers::default();
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
        let first = peer.extra.as_deref().is_some_and(|extra| extra.newcomers.begins(peer.id));
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
        let lowest = peer.extra().newcomers.refuse(this, to);
        cx.send(to, KademliaMessage::Refuse { lookup: ask.lookup, token: ask.token, lowest, upkeep: ask.upkeep });
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
