//! Keep-alives between neighbours, and what silence means.
//!
//! Each peer sends one to its successor and one to its predecessor every `keep_alive_interval`. A request that is not answered is sent
//! again; after `probes` in vain the contact counts as dead. The successor's death is reported, and the next one is tried at once.

use std::sync::Arc;

use peerlab_model::{PeerId, Token};

use super::events::EVENTS_MAX;
use super::message::Event;
use super::peer::{DOWN, OneHopPeer, Pending, UP};
use super::{Cx, OneHop, OneHopMessage, OneHopTimer};

impl OneHop {
    /// Starts the periodic timers of this life, each at a phase of its own.
    pub(super) fn begin_ticking(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        if !peer.ticking {
            peer.ticking = true;
            cx.set_timer_within(self.config.keep_alive_interval.span(), OneHopTimer::KeepAlive);
            cx.set_timer_within(self.config.reconcile_interval.span(), OneHopTimer::Reconcile);
            self.begin_maintenance(cx);
        }
    }

    pub(super) fn tick_keep_alive(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        cx.set_timer(self.config.keep_alive_interval.span(), OneHopTimer::KeepAlive);
        self.send_keep_alive(peer, cx, UP);
        self.send_keep_alive(peer, cx, DOWN);
    }

    /// Unless the answer to the last one is still awaited.
    pub(super) fn send_keep_alive(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, direction: usize) {
        let Some(neighbours) = peer.neighbours(self.numbering).filter(|_| peer.active) else { return };
        if peer.outboxes[direction].waiting_for.is_some() {
            return;
        }
        let to = neighbours[direction];
        let within_unit = self.neighbour_of_unit(peer, direction).is_some();
        let outbox = &mut peer.outboxes[direction];
        if !within_unit {
            // The unit ends here (by now).
            outbox.events.clear();
        }
        let part = outbox.events.len().min(EVENTS_MAX);
        let events: Option<Arc<[Event]>> = if part == 0 { None } else { Some(outbox.events.drain(..part).collect()) };
        outbox.waiting_for = Some(to);
        let up = direction == UP;
        let token = cx.open(Pending::KeepAlive { to, up, sent: 1, events: events.clone() });
        cx.send(to, OneHopMessage::KeepAlive { events, token, up });
        self.await_answer(cx, token);
    }

    /// A neighbour, or somebody who believes to be one.
    pub(super) fn kept_alive(
        &self,
        peer: &mut OneHopPeer,
        cx: &mut Cx<'_>,
        from: PeerId,
        token: Token,
        up: bool,
        events: Option<&[Event]>,
    ) {
        if !peer.active {
            Self::refuse_upkeep(peer, cx, from, token);
            return;
        }
        self.met(peer, cx, from);
        let direction = if up { UP } else { DOWN };
        // Who is next to this peer on that side?
        let nearest = peer.neighbours(self.numbering).map(|neighbours| neighbours[1 - direction]);
        cx.send(from, OneHopMessage::Alive { token, between: nearest.filter(|&nearest| nearest != from && !peer.is_suspect(nearest)) });
        if let Some(events) = events {
            self.pass_on(peer, cx, from, direction, events);
        }
    }

    pub(super) fn neighbour_lives(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, between: Option<PeerId>) {
        let Some(Pending::KeepAlive { to, up, .. }) = cx.close(token) else { return };
        let direction = if up { UP } else { DOWN };
        peer.outboxes[direction].waiting_for = None;
        if to != from {
            // The machine has another identity now, and is a member under that one.
            self.lost(peer, cx, to);
            self.met(peer, cx, from);
        }
        if let Some(between) = between.filter(|&between| between != peer.id && !peer.table.contains(self.numbering, between)) {
            self.check_contact(peer, cx, between);
        }
        if peer.outboxes[direction].events.len() >= EVENTS_MAX {
            self.send_keep_alive(peer, cx, direction);
        }
        Self::newcomer_is_known(peer, cx);
    }

    /// Makes sure whether a contact is there.
    pub(super) fn check_contact(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, to: PeerId) {
        if to == peer.id || peer.is_suspect(to) {
            return;
        }
        peer.extra().suspects.push(to);
        let token = cx.open(Pending::Ping { to, sent: 1 });
        cx.send(to, OneHopMessage::Ping { token });
        self.await_answer(cx, token);
    }

    pub(super) fn pinged(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if peer.active {
            cx.send(from, OneHopMessage::Pong { token });
            self.met(peer, cx, from);
        } else {
            Self::refuse_upkeep(peer, cx, from, token);
        }
    }

    pub(super) fn ponged(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        let Some(Pending::Ping { to, .. }) = cx.close(token) else { return };
        peer.extra().suspects.retain(|&suspect| suspect != to);
        if to != from {
            // The machine has another identity now.
            self.lost(peer, cx, to);
        }
        self.met(peer, cx, from);
    }

    pub(super) fn request_timed_out(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, token: Token) {
        let probes = self.config.probes;
        let again = match cx.request_mut(token) {
            None => return,
            Some(Pending::Ask(_)) => return self.ask_timed_out(peer, cx, token),
            Some(Pending::KeepAlive { to, up, sent, events }) if *sent < probes => {
                *sent += 1;
                Some((*to, OneHopMessage::KeepAlive { events: events.clone(), token, up: *up }))
            }
            Some(Pending::Batch { to, way, ttl, sent, events }) if *sent < probes => {
                *sent += 1;
                Some((*to, OneHopMessage::Batch { events: Arc::clone(events), token, way: *way, ttl: *ttl }))
            }
            Some(Pending::Ping { to, sent }) if *sent < probes => {
                *sent += 1;
                Some((*to, OneHopMessage::Ping { token }))
            }
            Some(_) => None,
        };
        match again {
            Some((to, message)) => {
                cx.send(to, message);
                self.await_answer(cx, token);
            }
            None => {
                if let Some(pending) = cx.close(token) {
                    self.request_failed(peer, cx, pending);
                }
            }
        }
    }

    /// A contact is of no use (dead, or no member): it is dropped, and what was for it takes another way.
    pub(super) fn request_failed(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, pending: Pending) {
        match pending {
            Pending::Ask(search) => self.ask_refused(peer, cx, search),
            Pending::KeepAlive { to, up, events, .. } => {
                let direction = if up { UP } else { DOWN };
                peer.outboxes[direction].waiting_for = None;
                if let Some(events) = events {
                    peer.outboxes[direction].events.splice(..0, events.iter().copied());
                }
                self.lost(peer, cx, to);
                self.send_keep_alive(peer, cx, direction);
                if peer.neighbours(self.numbering).is_none() {
                    // Nobody is left.
                    Self::newcomer_is_known(peer, cx);
                    Self::newcomer_is_known(peer, cx);
                }
            }
            Pending::Batch { to, way, ttl, events, .. } => self.batch_failed(peer, cx, to, way, ttl, events),
            Pending::Ping { to, .. } => {
                peer.extra().suspects.retain(|&suspect| suspect != to);
                self.lost(peer, cx, to);
            }
            Pending::Compare { with, .. } => self.check_contact(peer, cx, with),
        }
    }
}
