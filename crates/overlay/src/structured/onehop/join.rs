//! Becoming a member, and saying goodbye.
//!
//! A newcomer asks a contact for its own successor, and that one for its table (paper, section 3.2). It is a member then, and sends its first
//! keep-alives; its predecessor finds that it has a new successor, and reports it. It has *joined*, for the world, when both neighbours
//! have answered: from then on questions for its keys reach it, if only by the word of the peer that owned them before.

use std::sync::Arc;

use peerlab_model::{PeerId, Span, Token};

use super::message::{Goal, Way};
use super::peer::{DOWN, NO_LOOKUP, OneHopPeer, Pending, UP};
use super::table::Table;
use super::{Cx, OneHop, OneHopMessage, OneHopTimer};
use crate::structured::newcomers::Newcomers;

/// Mean pause before another attempt to join.
const JOIN_PAUSE: Span = Span::from_secs(1);

impl OneHop {
    pub(super) fn attempt_join(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        if !peer.active {
            self.look_for_ring(peer, cx);
        }
    }

    /// Asks a contact for this peer's place on the ring: as a newcomer, and as a member of a ring that is so small that there may be another.
    pub(super) fn look_for_ring(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        let met = peer.extra.as_deref().filter(|_| !peer.active).and_then(|extra| extra.newcomers.detour(peer.id));
        match cx.bootstrap() {
            Some(contact) => self.ask_through(peer, cx, met.unwrap_or(contact)),
            None if !peer.active => self.create(peer, cx),
            None => {}
        }
    }

    /// Begins a ring of one.
    fn create(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        self.become_member(peer, cx, Table::default());
        announce(peer, cx);
    }

    fn become_member(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, mut table: Table) {
        table.insert(self.numbering, peer.id);
        peer.table = table;
        peer.active = true;
        peer.extra().newcomers = Newcomers::default();
        self.begin_ticking(peer, cx);
    }

    pub(super) fn join_failed(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        if peer.active {
            // A small ring looks again in time.
            return;
        }
        let first = peer.extra.as_deref().is_some_and(|extra| extra.newcomers.begins(peer.id));
        if first {
            self.create(peer, cx);
        } else {
            let pause = Self::gap(cx, JOIN_PAUSE);
            cx.set_timer(pause, OneHopTimer::Join);
        }
    }

    /// "I am no member", to what is not a question.
    pub(super) fn refuse_upkeep(peer: &mut OneHopPeer, cx: &mut Cx<'_>, to: PeerId, token: Token) {
        let this = peer.id;
        let lowest = peer.extra().newcomers.refuse(this, to);
        cx.send(to, OneHopMessage::Refuse { lowest, lookup: NO_LOOKUP, token, goal: Goal::Join });
    }

    /// The successor's table.
    pub(super) fn table_came(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, members: Arc<Vec<PeerId>>) {
        let Some(Pending::Ask(_)) = cx.close(token) else { return };
        if peer.active {
            self.learn_members(peer, cx, &members);
            self.met(peer, cx, from);
            return;
        }
        self.become_member(peer, cx, Table::from_shared(members));
        self.met(peer, cx, from);
        peer.extra().waiting = 2;
        self.send_keep_alive(peer, cx, UP);
        self.send_keep_alive(peer, cx, DOWN);
    }

    /// One more of the two neighbours knows this peer.
    pub(super) fn newcomer_is_known(peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        if peer.announced {
            return;
        }
        let extra = peer.extra();
        extra.waiting = extra.waiting.saturating_sub(1);
        if extra.waiting == 0 {
            announce(peer, cx);
        }
    }

    /// Leaves the ring: both neighbours are told, and get what this peer was to pass on; so does the next leader. The successor gets the
    /// records.
    pub(super) fn say_goodbye(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        let Some([successor, predecessor]) = peer.neighbours(self.numbering).filter(|_| peer.active) else { return };
        for direction in [UP, DOWN] {
            peer.outboxes[direction].waiting_for = None;
            if !peer.outboxes[direction].events.is_empty() {
                self.send_keep_alive(peer, cx, direction);
            }
        }
        self.hand_over_own(peer, cx, successor);
        self.resign(peer, cx);
        cx.send(predecessor, OneHopMessage::Leave);
        if successor != predecessor {
            cx.send(successor, OneHopMessage::Leave);
        }
    }

    /// A slice leader's events go to whoever leads when it is gone: those for all slices, which are for its units, too, and the rest.
    fn resign(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        let Some(extra) = peer.extra.as_deref_mut() else { return };
        let (log, dispatch) = (std::mem::take(&mut extra.log.events), std::mem::take(&mut extra.dispatch));
        if log.is_empty() && dispatch.is_empty() {
            return;
        }
        peer.table.remove(self.numbering, peer.id);
        let slice = self.cut.slice(self.numbering.key(peer.id));
        let Some(leader) = self.cut.slice_leader(self.numbering, &peer.table, slice) else { return };
        for (way, events) in [(Way::Report, log), (Way::Exchange, dispatch)] {
            for part in events.chunks(super::events::EVENTS_MAX) {
                self.send_batch(cx, leader, way, 0, Arc::from(part));
            }
        }
    }

    /// A neighbour says goodbye.
    pub(super) fn left_by(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId) {
        if peer.active {
            self.lost(peer, cx, from);
        }
    }
}

/// Tells the world, once, that this peer has joined.
fn announce(peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
    if !peer.announced {
        peer.announced = true;
        cx.joined();
    }
}
