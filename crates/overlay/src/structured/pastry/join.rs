//! Becoming a member, and saying goodbye.
//!
//! A newcomer asks a contact for the peer closest to its own key. Each peer on the way gives a row of its routing table, the closest one
//! its leaf set (paper, section 2.4). The newcomer hears from each of that leaf set before it takes it in, is a member then, and tells
//! everybody in its tables. It has *joined*, for the world, when its leaf set has answered that: from then on questions for its keys
//! reach it.

use std::sync::Arc;

use peerlab_model::{PeerId, Span, Token};

use super::message::{Goal, Query, Row};
use super::peer::{NO_LOOKUP, PastryPeer, Pending, Why};
use super::upkeep::Loss;
use super::{Cx, PastryLike, PastryMessage, PastryTimer, Variant};
use crate::structured::newcomers::Newcomers;
use crate::structured::prefix::closeness;

/// Mean pause before another attempt to join.
const JOIN_PAUSE: Span = Span::from_secs(1);

/// Members of others' neighbourhood sets that are measured at a time.
pub(super) const MEASURED_MAX: usize = 4;

impl<V: Variant> PastryLike<V> {
    pub(super) fn attempt_join(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        if !peer.active {
            self.look_for_ring(peer, cx);
        }
    }

    /// Asks for the peers around this one: as a newcomer; and as a member with room in its leaf set, which may have lost most of it, or
    /// be in a small ring that began beside another one.
    pub(super) fn look_for_ring(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        let met = peer.extra.as_deref().filter(|_| !peer.active).and_then(|extra| extra.newcomers.detour(peer.id));
        match cx.bootstrap() {
            Some(contact) => {
                let contact = met.unwrap_or(contact);
                self.ask_through(peer, cx, contact);
            }
            None if !peer.active => self.create(peer, cx),
            None => {}
        }
    }

    /// A member whose leaf set is empty: the closest of its other contacts knows more.
    pub(super) fn look_through_table(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        let key = cx.key_of(peer.id);
        match peer.all().min_by_key(|&contact| closeness(key, cx.key_of(contact))) {
            Some(contact) => self.ask_through(peer, cx, contact),
            None => self.look_for_ring(peer, cx),
        }
    }

    /// Begins a ring of one.
    fn create(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        self.become_member(peer, cx);
        announce(peer, cx);
    }

    fn become_member(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        peer.active = true;
        if let Some(extra) = peer.extra.as_deref_mut() {
            (extra.newcomers, extra.waiting) = (Newcomers::default(), 0);
        }
        self.begin_ticking(peer, cx);
    }

    pub(super) fn join_failed(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        if peer.active {
            // A small ring looks again in time.
            return;
        }
        let first = peer.extra.as_deref().is_some_and(|extra| extra.newcomers.begins(peer.id));
        if first {
            self.create(peer, cx);
        } else {
            let pause = Self::gap(cx, JOIN_PAUSE);
            cx.set_timer(pause, PastryTimer::Join);
        }
    }

    /// "I am no member."
    pub(super) fn refuse(peer: &mut PastryPeer, cx: &mut Cx<'_, V>, to: PeerId, token: Token, query: &Query) {
        let this = peer.id;
        let lowest = peer.extra().newcomers.refuse(this, to);
        cx.send(to, PastryMessage::Refuse { token, lookup: query.lookup, lowest, goal: query.goal });
    }

    /// The same for what is not about a question.
    pub(super) fn refuse_upkeep(peer: &mut PastryPeer, cx: &mut Cx<'_, V>, to: PeerId, token: Token) {
        let this = peer.id;
        let lowest = peer.extra().newcomers.refuse(this, to);
        cx.send(to, PastryMessage::Refuse { token, lookup: NO_LOOKUP, lowest, goal: Goal::Contact });
    }

    /// A contact turns out to be no member: it is dropped like a dead one, without the wait.
    pub(super) fn refused(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, lowest: PeerId) {
        if !peer.active {
            peer.extra().newcomers.refused(lowest);
        }
        if let Some(pending) = cx.close(token) {
            self.request_failed(peer, cx, pending, from);
        }
    }

    // The newcomer's tables.

    /// A row from a peer on the way: its entries are taken on trust where there is nobody yet.
    pub(super) fn joining_row(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, row: &Row) {
        for &contact in row.slots().iter().chain(&[from]) {
            let Some(place) = self.place_of(peer, contact) else { continue };
            if peer.table.get(peer.id, place, self.rules.bits).is_none() && !self.is_dead(peer, cx, contact) {
                peer.table.set(peer.id, place, self.rules.bits, contact);
            }
        }
    }

    /// The closest peer's leaf set, for a newcomer or for a member that had lost its own.
    pub(super) fn joining_leaves(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, ask: Token, leaves: &[PeerId]) {
        let Some(Pending::Own { .. }) = cx.close(ask) else { return };
        if peer.active {
            leaves.iter().chain(&[from]).for_each(|&contact| self.consider(peer, cx, contact));
            return;
        }
        let this = peer.id;
        let mut asked = 0;
        for (at, &contact) in leaves.iter().chain(&[from]).enumerate() {
            if contact != this && !leaves[..at.min(leaves.len())].contains(&contact) {
                asked += 1;
                self.ping(peer, cx, contact, Why::Join);
            }
        }
        peer.extra().waiting = asked;
    }

    /// One more of the newcomer's requests has come to an end.
    pub(super) fn waited_for(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        let extra = peer.extra();
        extra.waiting = extra.waiting.saturating_sub(1);
        if extra.waiting > 0 {
            return;
        }
        if peer.active {
            announce(peer, cx);
        } else if peer.leaves.list().is_empty() {
            self.join_failed(peer, cx);
        } else {
            self.become_member(peer, cx);
            self.say_hello(peer, cx);
        }
    }

    /// "Finally, X transmits a copy of its resulting state to each of the nodes found in its neighborhood set, leaf set, and routing table"
    /// (section 2.4): the leaf set gets all that matters to it, the others hear that there is somebody new.
    fn say_hello(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        let leaves = Arc::clone(peer.leaves.list());
        let mut waiting = 0;
        for (at, &leaf) in leaves.iter().enumerate() {
            if !leaves[..at].contains(&leaf) {
                waiting += 1;
                self.exchange(peer, cx, leaf, true);
            }
        }
        peer.extra().waiting = waiting;
        let others = peer.table.iter(peer.id).chain(peer.neighbourhood.iter().copied());
        for contact in others.filter(|contact| !leaves.contains(contact)) {
            cx.send(contact, PastryMessage::Hello);
        }
    }

    /// A contact's neighbourhood set: some of it is measured.
    pub(super) fn measure_some(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, among: &[PeerId]) {
        if among.is_empty() {
            return;
        }
        let from = cx.rng().index(among.len());
        let mut measured = 0;
        for &contact in among[from..].iter().chain(&among[..from]) {
            if measured < MEASURED_MAX && contact != peer.id && !peer.neighbourhood.contains(&contact) && !self.is_dead(peer, cx, contact) {
                measured += 1;
                self.ping(peer, cx, contact, Why::Candidate);
            }
        }
    }

    // Goodbye.

    /// Leaves the ring: the leaf set learns who is left, and gets the records that it owns from now on.
    pub(super) fn say_goodbye(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        if !peer.active {
            return;
        }
        let leaves = Arc::clone(peer.leaves.list());
        for (at, &leaf) in leaves.iter().enumerate() {
            if !leaves[..at].contains(&leaf) {
                cx.send(leaf, PastryMessage::Leave { leaves: Arc::clone(&leaves) });
            }
        }
        self.hand_over_own(peer, cx);
    }

    /// A neighbour says goodbye and names its own neighbours.
    pub(super) fn left_by(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, leaves: &[PeerId]) {
        self.lose(peer, cx, from, Loss::Goodbye);
        if peer.active {
            for &contact in leaves {
                self.consider(peer, cx, contact);
            }
        }
    }
}

/// Tells the world, once, that this peer has joined.
fn announce<V: Variant>(peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
    if !peer.announced {
        peer.announced = true;
        cx.joined();
    }
}
