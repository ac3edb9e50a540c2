//! How a newcomer is made known, and how it finds its nearest neighbours (Hildrum et al. 2002, sections 3.2 and 4).
//!
//! The acknowledged multicast goes to all peers with a prefix: who gets it for its first l digits sends it to one peer in each of its slots
//! of level l and above, and answers when all below have. The newcomer's search begins with those that it reached, at the level of the
//! prefix that they share, and goes down: the k nearest are asked for their links at the next lower level *and for the peers that link to
//! them* there; all of these are measured, and the k nearest are kept for the next step. Whoever was measured gets the place in the table
//! that its round trip deserves.

use peerlab_model::{PeerId, Span, Token};

use super::join::MULTICAST_PATIENCE;
use super::peer::{Multicast, Pending, TapestryPeer, Want, Why};
use super::upkeep::Loss;
use super::{Cx, Tapestry, TapestryMessage, TapestryTimer};
use crate::structured::prefix::shared_digits;

impl Tapestry {
    // The multicast.

    /// A newcomer asks to be made known to all that share as many digits with it as this peer.
    pub(super) fn asked_to_insert(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, newcomer: PeerId, token: Token) {
        if !peer.active {
            Self::refuse_upkeep(peer, cx, newcomer, token);
            return;
        }
        let level = shared_digits(cx.key_of(peer.id), cx.key_of(newcomer), self.config.bits());
        self.multicast(peer, cx, newcomer, level, newcomer, token);
    }

    /// Word of a newcomer, for all with the first `level` digits of this peer.
    pub(super) fn told_of_newcomer(
        &self,
        peer: &mut TapestryPeer,
        cx: &mut Cx<'_>,
        from: PeerId,
        newcomer: PeerId,
        level: u8,
        token: Token,
    ) {
        if !peer.active {
            Self::refuse_upkeep(peer, cx, from, token);
            return;
        }
        cx.send(from, TapestryMessage::MulticastAck { token, done: false });
        if newcomer == peer.id {
            cx.send(from, TapestryMessage::MulticastAck { token, done: true });
            return;
        }
        self.meet(peer, cx, from, None);
        cx.send(newcomer, TapestryMessage::Reached);
        self.multicast(peer, cx, newcomer, usize::from(level), from, token);
    }

    fn multicast(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, newcomer: PeerId, level: usize, parent: PeerId, token: Token) {
        self.meet(peer, cx, newcomer, None);
        let extra = peer.extra();
        let run = extra.next_run;
        extra.next_run = run.wrapping_add(1);
        extra.multicasts.push(Multicast { run, newcomer, parent, token, open: 1 });
        let bits = self.config.bits();
        let mut slots: Vec<u16> = peer.table.above(level, bits).iter().map(|link| link.slot).collect();
        slots.dedup();
        for slot in slots {
            self.multicast_to_slot(peer, cx, run, slot);
        }
        Self::one_less(peer, cx, run);
    }

    /// Tells one peer of a slot.
    fn multicast_to_slot(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, run: u32, slot: u16) {
        let Some(extra) = peer.extra.as_deref_mut() else { return };
        let Some(multicast) = extra.multicasts.iter_mut().find(|multicast| multicast.run == run) else { return };
        let newcomer = multicast.newcomer;
        let links = peer.table.slot(slot);
        let fits = |link: &&super::table::Link| link.peer != newcomer;
        let Some(to) = links.iter().filter(fits).find(|link| !link.suspect).or_else(|| links.iter().find(fits)) else { return };
        multicast.open += 1;
        let (to, level) = (to.peer, (slot >> self.config.bits()) as u8 + 1);
        let token = cx.open(Pending::Multicast { to, run, slot, received: false, waiting: false });
        cx.send(to, TapestryMessage::Multicast { newcomer, level, token });
        cx.set_timer(self.config.request_timeout.span(), TapestryTimer::Request(token));
    }

    /// One of those below has answered, or does not exist.
    fn one_less(peer: &mut TapestryPeer, cx: &mut Cx<'_>, run: u32) {
        let Some(extra) = peer.extra.as_deref_mut() else { return };
        let Some(at) = extra.multicasts.iter().position(|multicast| multicast.run == run) else { return };
        extra.multicasts[at].open -= 1;
        if extra.multicasts[at].open > 0 {
            return;
        }
        let Multicast { newcomer, parent, token, .. } = extra.multicasts.swap_remove(at);
        let done =
            if parent == newcomer { TapestryMessage::Inserted { token } } else { TapestryMessage::MulticastAck { token, done: true } };
        cx.send(parent, done);
    }

    pub(super) fn multicast_acknowledged(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, done: bool) {
        if !done {
            if let Some(Pending::Multicast { received, .. }) = cx.request_mut(token) {
                *received = true;
            }
            return;
        }
        let Some(Pending::Multicast { to, run, .. }) = cx.close(token) else { return };
        self.heard(peer, cx, from, to, None);
        Self::one_less(peer, cx, run);
    }

    /// Nothing more has come for long. True if it is being waited for still: it has been received.
    pub(super) fn multicast_waits(&self, cx: &mut Cx<'_>, token: Token) -> bool {
        let Some(Pending::Multicast { received: true, waiting, .. }) = cx.request_mut(token) else { return false };
        let again = !std::mem::replace(waiting, true);
        if again {
            cx.set_timer(self.config.request_timeout.span().times(MULTICAST_PATIENCE), TapestryTimer::Request(token));
        }
        again
    }

    /// A peer below is of no use: another one of the slot is told.
    pub(super) fn multicast_failed(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, to: PeerId, run: u32, slot: u16, received: bool) {
        if !received {
            self.lose(peer, cx, to, Loss::Noticed);
            self.multicast_to_slot(peer, cx, run, slot);
        }
        Self::one_less(peer, cx, run);
    }

    // The newcomer's search.

    /// The multicast has reached somebody.
    pub(super) fn reached(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId) {
        if !peer.active {
            return;
        }
        match peer.extra.as_deref_mut().and_then(|extra| extra.search.as_deref_mut()) {
            Some(search) => search.fresh.push(from),
            None => self.meet(peer, cx, from, None),
        }
    }

    /// Measures those that have been named.
    pub(super) fn measure_fresh(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        let Some(search) = peer.extra.as_deref_mut().and_then(|extra| extra.search.as_deref_mut()) else { return };
        let mut fresh = std::mem::take(&mut search.fresh);
        fresh.sort_unstable();
        fresh.dedup();
        let this = peer.id;
        fresh.retain(|&contact| contact != this && !search.known.iter().any(|&(_, known)| known == contact));
        fresh.retain(|&contact| !self.is_dead(peer, cx, contact));
        for &contact in &fresh {
            self.probe(peer, cx, contact, Why::Join);
        }
        match peer.extra().search.as_deref_mut() {
            Some(search) if !fresh.is_empty() => search.waiting = fresh.len() as u16,
            _ => self.next_level(peer, cx),
        }
    }

    /// A probe of the search has been answered, with a round trip, or not.
    pub(super) fn searched(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, found: Option<(Span, PeerId)>) {
        let Some(search) = peer.extra.as_deref_mut().and_then(|extra| extra.search.as_deref_mut()) else { return };
        search.known.extend(found);
        search.waiting = search.waiting.saturating_sub(1);
        if search.waiting == 0 {
            self.measure_fresh(peer, cx);
        }
    }

    /// All have been measured: the k nearest are asked for who they know at the level below.
    fn next_level(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        let Some(search) = peer.extra.as_deref_mut().and_then(|extra| extra.search.as_deref_mut()) else { return };
        search.known.sort_unstable();
        search.known.truncate(usize::from(self.config.k));
        if search.level == 0 || search.known.is_empty() {
            peer.extra().search = None;
            return;
        }
        search.level -= 1;
        search.waiting = search.known.len() as u16;
        let level = search.level as u8;
        let known = search.known.clone();
        for (_, of) in known {
            self.get_pointers(cx, of, level, Want::Join);
        }
    }

    /// Links and backpointers of one of the nearest; or nothing.
    pub(super) fn search_learns(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, contacts: &[PeerId]) {
        let Some(search) = peer.extra.as_deref_mut().and_then(|extra| extra.search.as_deref_mut()) else { return };
        search.fresh.extend_from_slice(contacts);
        search.waiting = search.waiting.saturating_sub(1);
        if search.waiting == 0 {
            self.measure_fresh(peer, cx);
        }
    }
}
