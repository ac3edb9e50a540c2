//! What a member does at intervals: stabilize, fix_fingers, check_predecessor (paper, Fig. 6), and what follows from silence.

use std::sync::Arc;

use peerlab_model::{PeerId, Token};

use super::peer::{Pending, RingPeer};
use super::{ChordLike, ChordTimer, Cx, RingMessage, Shortcuts};

impl<V: Shortcuts> ChordLike<V> {
    /// Starts the periodic timers of this life, each at a phase of its own.
    pub(super) fn begin_ticking(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        if !peer.ticking {
            peer.ticking = true;
            cx.set_timer_within(self.rules.stabilize_interval, ChordTimer::Stabilize);
            cx.set_timer_within(self.rules.fix_interval, ChordTimer::FixFingers);
            cx.set_timer_within(self.rules.check_predecessor_interval, ChordTimer::CheckPredecessor);
            self.begin_maintenance(cx);
        }
    }

    pub(super) fn tick_stabilize(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        let gap = Self::gap(cx, self.rules.stabilize_interval);
        cx.set_timer(gap, ChordTimer::Stabilize);
        if let Some(successor) = peer.successor().filter(|_| peer.active) {
            self.ask_neighbours(peer, cx, successor);
        }
    }

    pub(super) fn tick_fix_fingers(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        let gap = Self::gap(cx, self.rules.fix_interval);
        cx.set_timer(gap, ChordTimer::FixFingers);
        V::refresh(self, peer, cx);
    }

    pub(super) fn tick_check_predecessor(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        let gap = Self::gap(cx, self.rules.check_predecessor_interval);
        cx.set_timer(gap, ChordTimer::CheckPredecessor);
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.expire(cx.now());
        }
        if peer.active && peer.whole {
            self.look_for_ring(peer, cx);
        }
        if let Some(predecessor) = peer.predecessor().filter(|_| peer.active) {
            self.ping(peer, cx, predecessor);
        }
    }

    /// Makes sure that a contact is there; it is dropped if not.
    pub(super) fn ping(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, to: PeerId) {
        let token = cx.open(Pending::Ping { to });
        Self::send(peer, cx, to, RingMessage::Ping { token });
        cx.set_timer(self.rules.request_timeout, ChordTimer::Request(token));
    }

    /// Measures the round trip to a contact; it is dropped if it does not answer.
    pub(super) fn measure(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, to: PeerId) {
        let token = cx.open(Pending::Probe { to, sent: cx.now() });
        Self::send(peer, cx, to, RingMessage::Ping { token });
        cx.set_timer(self.rules.request_timeout, ChordTimer::Request(token));
    }

    pub(super) fn ask_neighbours(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, of: PeerId) {
        let token = cx.open(Pending::Neighbours { of });
        Self::send(peer, cx, of, RingMessage::GetNeighbours { token });
        cx.set_timer(self.rules.request_timeout, ChordTimer::Request(token));
    }

    /// Asks a contact for its neighbours, for the sake of the shortcuts.
    pub(crate) fn survey(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, of: PeerId) {
        let token = self.open_survey(cx, of);
        Self::send(peer, cx, of, RingMessage::GetNeighbours { token });
    }

    /// A request for the sake of the shortcuts: the contact is dropped if it does not answer.
    pub(crate) fn open_survey(&self, cx: &mut Cx<'_, V>, of: PeerId) -> Token {
        let token = cx.open(Pending::Survey { of });
        cx.set_timer(self.rules.request_timeout, ChordTimer::Request(token));
        token
    }

    pub(super) fn asked_neighbours(peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, token: Token) {
        if peer.active {
            let successors = Arc::clone(&peer.successors);
            let predecessor = peer.predecessor();
            Self::send(peer, cx, from, RingMessage::Neighbours { successors, predecessor, token });
        } else {
            Self::refuse_upkeep(peer, cx, from, token);
        }
    }

    pub(super) fn pinged(peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, token: Token) {
        if peer.active {
            Self::send(peer, cx, from, RingMessage::Pong { token });
        } else {
            Self::refuse_upkeep(peer, cx, from, token);
        }
    }

    pub(super) fn ponged(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, token: Token) {
        match cx.close(token) {
            Some(Pending::Probe { to, sent }) if to == from => {
                let trip = cx.now().since(sent);
                V::measured(self, peer, to, trip);
            }
            // The machine has another identity now.
            Some(Pending::Ping { to } | Pending::Probe { to, .. }) if to != from => self.drop_contact(peer, cx, to),
            _ => {}
        }
    }

    pub(super) fn request_timed_out(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, token: Token) {
        let pending = cx.close(token);
        match pending {
            Some(Pending::Hop { to, query, last }) => self.hop_timed_out(peer, cx, (to, query, last), token),
            Some(Pending::Search { to, search }) => {
                cx.timed_out(search.lookup);
                self.request_failed(peer, cx, pending, to);
            }
            Some(
                Pending::Neighbours { of: to }
                | Pending::Survey { of: to }
                | Pending::Ping { to }
                | Pending::Probe { to, .. }
                | Pending::Store { to },
            ) => {
                self.request_failed(peer, cx, pending, to);
            }
            Some(Pending::Own { .. } | Pending::Back { .. }) | None => {}
        }
    }

    /// A contact is of no use (dead, or no member): it is dropped, and what was asked of it takes another way.
    pub(super) fn request_failed(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, pending: Option<Pending<V::Trail>>, contact: PeerId) {
        let was_active = peer.active;
        let was_successor = peer.successor() == Some(contact);
        match pending {
            None | Some(Pending::Own { .. } | Pending::Back { .. }) => {}
            Some(Pending::Hop { query, last, .. }) => {
                self.drop_contact(peer, cx, contact);
                self.hop_failed(peer, cx, query, last, None);
            }
            Some(Pending::Ping { .. } | Pending::Probe { .. } | Pending::Survey { .. }) => self.drop_contact(peer, cx, contact),
            Some(Pending::Store { .. }) => {
                self.drop_contact(peer, cx, contact);
                self.published(peer, cx);
            }
            Some(Pending::Search { search, .. }) => {
                self.drop_contact(peer, cx, contact);
                self.search_again(peer, cx, search);
            }
            Some(Pending::Neighbours { .. }) => {
                self.drop_contact(peer, cx, contact);
                match peer.successor().filter(|_| peer.active) {
                    _ if !was_active => self.join_failed(peer, cx),
                    Some(next) if was_successor => self.ask_neighbours(peer, cx, next),
                    // A candidate between this peer and its successor has died: the successor will do.
                    Some(successor) => Self::send(peer, cx, successor, RingMessage::Notify),
                    None => {}
                }
            }
        }
    }
}
