//! How changes of membership spread (paper, section 3.1 and Fig. 1).
//!
//! - Whoever notices one reports it to the leader of its slice.
//! - A slice leader tells each other one, at times of their own, once in `t_big`.
//! - After `t_wait` it tells the leaders of its units all that it has heard, from its own slice and from others.
//! - A unit leader puts that on its keep-alives to both sides, and everybody passes it on in the same direction, up to the end of the unit.
//!
//! A batch is acknowledged, sent again, and when its receiver turns out to be dead it goes to whoever leads now.

use std::sync::Arc;

use peerlab_model::{PeerId, Token};

use super::message::{Event, Way};
use super::peer::{DOWN, OneHopPeer, Pending, UP};
use super::{Cx, OneHop, OneHopMessage, OneHopTimer};

/// Events in one message: what fits into a datagram of 1500 bytes.
pub(super) const EVENTS_MAX: usize = 50;

/// How often a batch that comes to the wrong leader is passed on, until whoever has it acts as the leader.
const TTL: u8 = 2;

impl OneHop {
    /// This peer has noticed a change.
    pub(super) fn report(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, event: Event) {
        self.lead_or_pass(peer, cx, Way::Report, TTL, &[event]);
    }

    /// Events that are for the leader of this peer's slice, or unit: it acts, if that is itself, or sends them there.
    fn lead_or_pass(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, way: Way, ttl: u8, events: &[Event]) {
        let key = self.numbering.key(peer.id);
        let leader = match way {
            Way::Report | Way::Exchange => self.cut.slice_leader(self.numbering, &peer.table, self.cut.slice(key)),
            Way::Dispatch => self.cut.unit_leader(self.numbering, &peer.table, self.cut.unit(key)),
        };
        match leader.filter(|&leader| leader != peer.id && ttl > 0) {
            Some(leader) => self.send_batch(cx, leader, way, ttl - 1, Arc::from(events)),
            None => self.lead(peer, cx, way, events),
        }
    }

    /// This peer is the leader (or has to do for one).
    fn lead(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, way: Way, events: &[Event]) {
        if way == Way::Dispatch {
            self.spread(peer, events);
            return;
        }
        let extra = peer.extra();
        if way == Way::Report && self.cut.slices > 1 {
            extra.log.add(self.cut.slices, events);
            if !extra.log.ticking {
                extra.log.ticking = true;
                cx.set_timer_within(self.exchange_gap(), OneHopTimer::Exchange);
            }
        }
        extra.dispatch.extend_from_slice(events);
        if !extra.dispatching {
            extra.dispatching = true;
            cx.set_timer(self.config.t_wait.span(), OneHopTimer::Dispatch);
        }
    }

    fn exchange_gap(&self) -> peerlab_model::Span {
        peerlab_model::Span::from_nanos(self.config.t_big.span().nanos() / u64::from(self.cut.slices))
    }

    /// The next slice's turn: one after the other, each once in `t_big`.
    pub(super) fn tick_exchange(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        let own = self.cut.slice(self.numbering.key(peer.id));
        let log = &mut peer.extra.get_or_insert_default().log;
        let slice = log.next % self.cut.slices;
        log.next = slice + 1;
        let leader = if slice == own { None } else { self.cut.slice_leader(self.numbering, &peer.table, slice) };
        if let Some(leader) = leader {
            for part in log.untold(slice).chunks(EVENTS_MAX) {
                self.send_batch(cx, leader, Way::Exchange, TTL, Arc::from(part));
            }
        }
        log.tell(slice);
        log.ticking = !log.events.is_empty();
        if log.ticking {
            cx.set_timer(self.exchange_gap(), OneHopTimer::Exchange);
        }
    }

    /// All that has come in is for all units of this slice.
    pub(super) fn tick_dispatch(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        let extra = peer.extra();
        extra.dispatching = false;
        let events = std::mem::take(&mut extra.dispatch);
        let parts: Vec<Arc<[Event]>> = events.chunks(EVENTS_MAX).map(Arc::from).collect();
        for unit in self.cut.units_of(self.cut.slice(self.numbering.key(peer.id))) {
            match self.cut.unit_leader(self.numbering, &peer.table, unit) {
                Some(leader) if leader == peer.id => self.spread(peer, &events),
                Some(leader) => parts.iter().for_each(|part| self.send_batch(cx, leader, Way::Dispatch, TTL, Arc::clone(part))),
                None => {}
            }
        }
    }

    /// A unit leader's events go both ways.
    fn spread(&self, peer: &mut OneHopPeer, events: &[Event]) {
        for direction in [UP, DOWN] {
            if self.neighbour_of_unit(peer, direction).is_some() {
                peer.outboxes[direction].events.extend_from_slice(events);
            }
        }
    }

    /// The neighbour in a direction, if it is in this peer's unit.
    pub(super) fn neighbour_of_unit(&self, peer: &OneHopPeer, direction: usize) -> Option<PeerId> {
        let neighbours = peer.neighbours(self.numbering)?;
        let unit = |peer: PeerId| self.cut.unit(self.numbering.key(peer));
        let neighbour = neighbours[direction];
        // The ring's two ends meet: round there, the last unit is next to the first one, and a single unit next to itself.
        let (this, other) = (self.numbering.key(peer.id), self.numbering.key(neighbour));
        let onwards = if direction == UP { other > this } else { other < this };
        (onwards && unit(neighbour) == unit(peer.id)).then_some(neighbour)
    }

    /// Events on a keep-alive: they go on in the same direction.
    pub(super) fn pass_on(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, direction: usize, events: &[Event]) {
        for &event in events {
            self.learn(peer, cx, event);
        }
        if self.neighbour_of_unit(peer, direction).is_some_and(|next| next != from) {
            peer.outboxes[direction].events.extend_from_slice(events);
        }
    }

    pub(super) fn send_batch(&self, cx: &mut Cx<'_>, to: PeerId, way: Way, ttl: u8, events: Arc<[Event]>) {
        let token = cx.open(Pending::Batch { to, way, ttl, sent: 1, events: Arc::clone(&events) });
        cx.send(to, OneHopMessage::Batch { events, token, way, ttl });
        self.await_answer(cx, token);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(super) fn batch_came(
        &self,
        peer: &mut OneHopPeer,
        cx: &mut Cx<'_>,
        from: PeerId,
        token: Token,
        way: Way,
        ttl: u8,
        events: &[Event],
    ) {
        if !peer.active {
            Self::refuse_upkeep(peer, cx, from, token);
            return;
        }
        cx.send(from, OneHopMessage::Ack { token });
        self.met(peer, cx, from);
        for &event in events {
            self.learn(peer, cx, event);
        }
        self.lead_or_pass(peer, cx, way, ttl, events);
    }

    pub(super) fn batch_arrived(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if let Some(Pending::Batch { to, .. }) = cx.close(token)
            && to != from
        {
            // The machine has another identity now, and is a member under that one.
            self.lost(peer, cx, to);
            self.met(peer, cx, from);
        }
    }

    /// The leader that a batch was for is dead, or no member: it goes to the next one.
    pub(super) fn batch_failed(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, to: PeerId, way: Way, ttl: u8, events: Arc<[Event]>) {
        self.lost(peer, cx, to);
        if !peer.active {
            return;
        }
        let key = self.numbering.key(to);
        let leader = match way {
            Way::Report | Way::Exchange => self.cut.slice_leader(self.numbering, &peer.table, self.cut.slice(key)),
            Way::Dispatch => self.cut.unit_leader(self.numbering, &peer.table, self.cut.unit(key)),
        };
        match leader {
            Some(leader) if leader != peer.id => self.send_batch(cx, leader, way, ttl, events),
            Some(_) => self.lead(peer, cx, way, &events),
            None => {}
        }
    }
}
