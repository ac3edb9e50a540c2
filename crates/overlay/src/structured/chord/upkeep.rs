//! What a member does at intervals: stabilize, fix_fingers, check_predecessor (paper, Fig. 6), and what follows from silence.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, Token};

use super::peer::{ChordPeer, Pending, Purpose, finger_start};
use super::{Chord, ChordMessage, ChordTimer, Cx};

impl Chord {
    /// Starts the periodic timers of this life, each at a phase of its own.
    pub(super) fn begin_ticking(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>) {
        if !peer.ticking {
            peer.ticking = true;
            cx.set_timer_within(self.config.stabilize_interval.span(), ChordTimer::Stabilize);
            cx.set_timer_within(self.config.fix_fingers_interval.span(), ChordTimer::FixFingers);
            cx.set_timer_within(self.config.check_predecessor_interval.span(), ChordTimer::CheckPredecessor);
        }
    }

    pub(super) fn tick_stabilize(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.config.stabilize_interval.span());
        cx.set_timer(gap, ChordTimer::Stabilize);
        if let Some(successor) = peer.successor().filter(|_| peer.active) {
            self.ask_neighbours(cx, successor);
        }
    }

    pub(super) fn tick_fix_fingers(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.config.fix_fingers_interval.span());
        cx.set_timer(gap, ChordTimer::FixFingers);
        if let Some(index) = peer.finger_to_fix(self.view(peer)).filter(|_| peer.active) {
            let start = cx.key_of(peer.id).0.wrapping_add(finger_start(usize::from(index)));
            self.ask_own(peer, cx, Key(start), Purpose::Finger(index));
        }
    }

    pub(super) fn tick_check_predecessor(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.config.check_predecessor_interval.span());
        cx.set_timer(gap, ChordTimer::CheckPredecessor);
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.expire(cx.now());
        }
        if peer.active && peer.whole {
            self.look_for_ring(peer, cx);
        }
        if let Some(predecessor) = peer.predecessor().filter(|_| peer.active) {
            let token = cx.open(Pending::Ping { to: predecessor });
            cx.send(predecessor, ChordMessage::Ping { token });
            cx.set_timer(self.config.request_timeout.span(), ChordTimer::Request(token));
        }
    }

    /// The owner of a finger's start has been found.
    pub(super) fn refresh_finger(&self, peer: &mut ChordPeer, index: u8, start: Key, owner: PeerId) {
        let view = self.view(peer);
        // An answer that lies before the start is stale; nobody at all (the peer itself) is an answer.
        if usize::from(index) < peer.fingers.len() && (owner == peer.id || view.to(owner) >= view.to_key(start)) {
            peer.set_finger(view, usize::from(index), owner);
        }
    }

    pub(super) fn ask_neighbours(&self, cx: &mut Cx<'_>, of: PeerId) {
        let token = cx.open(Pending::Neighbours { of });
        cx.send(of, ChordMessage::GetNeighbours { token });
        cx.set_timer(self.config.request_timeout.span(), ChordTimer::Request(token));
    }

    pub(super) fn asked_neighbours(peer: &mut ChordPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if peer.active {
            let successors = Arc::clone(&peer.successors);
            cx.send(from, ChordMessage::Neighbours { successors, predecessor: peer.predecessor(), token });
        } else {
            Self::refuse_upkeep(peer, cx, from, token);
        }
    }

    pub(super) fn pinged(peer: &mut ChordPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if peer.active {
            cx.send(from, ChordMessage::Pong { token });
        } else {
            Self::refuse_upkeep(peer, cx, from, token);
        }
    }

    pub(super) fn ponged(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if let Some(Pending::Ping { to }) = cx.close(token)
            && to != from
        {
            // The machine has another identity now.
            self.drop_contact(peer, cx, to);
        }
    }

    pub(super) fn request_timed_out(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>, token: Token) {
        let pending = cx.close(token);
        match pending {
            Some(Pending::Hop { to, query, .. }) => {
                Self::count_timeout(cx, &query);
                self.request_failed(peer, cx, pending, to);
            }
            Some(Pending::Neighbours { of: to } | Pending::Ping { to } | Pending::Store { to }) => {
                self.request_failed(peer, cx, pending, to);
            }
            Some(Pending::Own { .. }) | None => {}
        }
    }

    /// A contact is of no use (dead, or no member): it is dropped, and what was asked of it takes another way.
    pub(super) fn request_failed(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>, pending: Option<Pending>, contact: PeerId) {
        let was_active = peer.active;
        let was_successor = peer.successor() == Some(contact);
        match pending {
            None | Some(Pending::Own { .. }) => {}
            Some(Pending::Hop { query, last, .. }) => {
                self.drop_contact(peer, cx, contact);
                self.hop_failed(peer, cx, query, last);
            }
            Some(Pending::Ping { .. }) => self.drop_contact(peer, cx, contact),
            Some(Pending::Store { .. }) => {
                self.drop_contact(peer, cx, contact);
                self.published(peer, cx);
            }
            Some(Pending::Neighbours { .. }) => {
                self.drop_contact(peer, cx, contact);
                match peer.successor().filter(|_| peer.active) {
                    _ if !was_active => self.join_failed(peer, cx),
                    Some(next) if was_successor => self.ask_neighbours(cx, next),
                    // A candidate between this peer and its successor has died: the successor will do.
                    Some(successor) => cx.send(successor, ChordMessage::Notify),
                    None => {}
                }
            }
        }
    }
}
