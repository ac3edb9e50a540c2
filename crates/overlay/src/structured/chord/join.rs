//! Becoming a member, saying goodbye, and what to do when everybody near is gone.
//!
//! A newcomer asks a contact for the successor of its own key, takes over that peer's successor list, and notifies it. It is a member
//! from then on; it has *joined*, for the world, when its predecessor has shown up, because only then questions for its keys reach it.

use std::iter::once;
use std::sync::Arc;

use peerlab_model::{Key, LookupId, PeerId, Span, Token};

use super::message::Goal;
use super::peer::{Pending, RingPeer};
use super::{ChordLike, ChordTimer, Cx, Neighbours, RingMessage, Shortcuts};
use crate::structured::newcomers::Newcomers;

/// Mean pause before another attempt to join.
const JOIN_PAUSE: Span = Span::from_secs(1);

impl<V: Shortcuts> ChordLike<V> {
    /// A newcomer, or a peer whose successors have all died, looks for the ring.
    pub(super) fn attempt_join(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        if !peer.active {
            self.look_for_ring(peer, cx);
        }
    }

    /// Asks some peer of the population who comes after this one. A member does so, too, as long as its ring is small enough to be
    /// seen as a whole: of two small rings that began side by side, each peer finds its neighbour in the other one.
    pub(super) fn look_for_ring(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        let met = peer.extra.as_deref().and_then(|extra| extra.newcomers.detour(peer.id));
        match cx.bootstrap() {
            // The peer right after this one, even if the ring still believes in an earlier life of this one.
            Some(contact) => {
                let contact = met.unwrap_or(contact);
                self.ask_through(peer, cx, contact, Key(cx.key_of(peer.id).0.wrapping_add(1)));
            }
            None if !peer.active => self.create(peer, cx),
            None => {}
        }
    }

    /// Begins a ring of one (paper: create).
    fn create(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        peer.set_predecessor(None);
        peer.whole = true;
        self.become_member(peer, cx);
        announce(peer, cx);
    }

    fn become_member(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        peer.active = true;
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.newcomers = Newcomers::default();
        }
        self.begin_ticking(peer, cx);
    }

    pub(super) fn join_failed(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        if peer.active {
            // A small ring looks again in time.
            return;
        }
        let first = peer.extra.as_deref().is_some_and(|extra| extra.newcomers.begins(peer.id));
        if first {
            self.create(peer, cx);
        } else {
            let pause = Self::gap(cx, JOIN_PAUSE);
            cx.set_timer(pause, ChordTimer::Join);
        }
    }

    /// The ring has named this peer's successor.
    pub(super) fn found_successor(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, successor: PeerId) {
        if successor == peer.id {
            self.join_failed(peer, cx);
        } else {
            let view = self.view(peer);
            let nearer = peer.successor().is_none_or(|known| view.to(successor) < view.to(known));
            if nearer || !peer.active {
                self.ask_neighbours(peer, cx, successor);
            }
        }
    }

    /// "I am no member."
    pub(super) fn refuse(peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, to: PeerId, token: Token, lookup: LookupId, goal: Goal, step: bool) {
        let this = peer.id;
        let lowest = peer.extra().newcomers.refuse(this, to);
        Self::send(peer, cx, to, RingMessage::Refuse { token, lookup, lowest, goal, step });
    }

    /// The same for what is not about a question.
    pub(crate) fn refuse_upkeep(peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, to: PeerId, token: Token) {
        Self::refuse(peer, cx, to, token, LookupId { origin: 0, number: 0 }, Goal::Contact, false);
    }

    /// A contact turns out to be no member: it is dropped like a dead one, without the wait.
    pub(super) fn refused(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, token: Token, lowest: PeerId, step: bool) {
        if !peer.active {
            peer.extra().newcomers.refused(lowest);
        }
        self.heard(peer, cx, from, token);
        if step {
            self.search_refused(peer, cx, token);
        } else {
            let pending = cx.close(token);
            self.request_failed(peer, cx, pending, from);
        }
    }

    /// Drops a contact that does not answer; a peer that has lost its last successor looks for the ring again.
    pub(crate) fn drop_contact(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, dead: PeerId) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.newcomers.forget(dead);
        }
        if peer.forget(self.view(peer), dead) {
            self.cut_off(peer, cx);
        }
    }

    /// All successors are gone. If they were the whole ring, this peer is the ring now (and looks for another one in time);
    /// else the ring goes on somewhere, without this peer.
    fn cut_off(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        if peer.active && !peer.whole {
            peer.active = false;
            self.attempt_join(peer, cx);
        }
    }

    /// Leaves the ring: neighbours learn whom they have now, the successor gets the records (paper, section IV-E-4).
    pub(super) fn say_goodbye(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        let Some(successor) = peer.successor().filter(|_| peer.active) else { return };
        let goodbye = RingMessage::Leave { successors: Arc::clone(&peer.successors), predecessor: peer.predecessor() };
        if let Some(predecessor) = peer.predecessor().filter(|&predecessor| predecessor != successor) {
            Self::send(peer, cx, predecessor, goodbye.clone());
        }
        Self::send(peer, cx, successor, goodbye);
        self.hand_over_own(peer, cx, successor);
    }

    /// A neighbour says goodbye and names its own neighbours.
    pub(super) fn left_by(
        &self,
        peer: &mut RingPeer<V>,
        cx: &mut Cx<'_, V>,
        from: PeerId,
        successors: &[PeerId],
        predecessor: Option<PeerId>,
    ) {
        if !peer.active {
            return;
        }
        let view = self.view(peer);
        let (was_successor, was_predecessor) = (peer.successor() == Some(from), peer.predecessor() == Some(from));
        let had_successors = peer.successor().is_some();
        peer.forget(view, from);
        if was_predecessor {
            peer.set_predecessor(predecessor.filter(|&p| p != peer.id && p != from));
        }
        if was_successor && successors.first().is_some_and(|&next| next != peer.id && next != from) {
            peer.adopt(view, usize::from(self.rules.successors), successors.iter().copied().filter(|&s| s != from));
        }
        if had_successors && peer.successor().is_none() {
            self.cut_off(peer, cx);
        }
    }

    /// Somebody has told its neighbours.
    pub(super) fn told_neighbours(
        &self,
        peer: &mut RingPeer<V>,
        cx: &mut Cx<'_, V>,
        from: PeerId,
        token: Token,
        successors: &[PeerId],
        predecessor: Option<PeerId>,
    ) {
        let Some(pending) = cx.close(token) else { return };
        match pending {
            Pending::Neighbours { of } | Pending::Survey { of } if of != from => {
                // The machine that was asked has another identity now.
                self.request_failed(peer, cx, Some(pending), of);
            }
            Pending::Neighbours { .. } => self.neighbours(peer, cx, from, successors, predecessor),
            Pending::Survey { .. } => V::surveyed(self, peer, cx, from, Neighbours { successors, predecessor }),
            _ => {}
        }
    }

    /// A successor's neighbours, asked for by a newcomer or by a stabilization (paper: stabilize; Zave 2017: the candidate is adopted only
    /// after it has answered, together with its list).
    fn neighbours(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, successors: &[PeerId], predecessor: Option<PeerId>) {
        let view = self.view(peer);
        let distance = view.to(from);
        if peer.successor().is_some_and(|successor| distance > view.to(successor)) {
            // A nearer one has been adopted since.
            return;
        }
        let newcomer = !peer.active;
        peer.adopt(view, usize::from(self.rules.successors), once(from).chain(successors.iter().copied()));
        if newcomer {
            self.become_member(peer, cx);
            V::become_member(self, peer, cx, from);
        }
        match predecessor {
            Some(between) if between != peer.id && view.to(between) < distance => self.ask_neighbours(peer, cx, between),
            _ => Self::send(peer, cx, from, RingMessage::Notify),
        }
    }

    /// Somebody believes to be this peer's predecessor (paper: notify).
    pub(super) fn notified(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId) {
        if !peer.active {
            return;
        }
        let view = self.view(peer);
        let (old, alone) = (peer.predecessor(), peer.successor().is_none());
        if old.is_none_or(|predecessor| view.to(from) > view.to(predecessor)) {
            peer.set_predecessor(Some(from));
            match old {
                // What may have come from a disk, and belong anywhere, is not sent unasked.
                None if cx.setting().keeps_values() => self.offer_foreign(peer, cx, from),
                // Without an old predecessor its interval is not known: all goes that is not this peer's own.
                old => Self::hand_over_between(peer, cx, old.unwrap_or(peer.id), from),
            }
        }
        if alone {
            peer.adopt(view, usize::from(self.rules.successors), once(from));
            Self::send(peer, cx, from, RingMessage::Notify);
        }
        announce(peer, cx);
    }
}

/// Tells the world, once, that this peer has joined.
fn announce<V: Shortcuts>(peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
    if !peer.announced {
        peer.announced = true;
        cx.joined();
    }
}
