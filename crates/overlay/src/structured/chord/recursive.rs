//! Recursive and semi-recursive routing: each peer passes the question on.
//!
//! A hop is acknowledged. A contact that stays silent for `request_timeout` (see `silence`) is dropped from all tables and the question goes to the next
//! best one. The owner's predecessor passes the question to the owner, who answers the origin (or, without `confirm_owner`, names the
//! owner to the origin itself). The origin asks again if no answer comes.
//!
//! In recursive routing the answer goes back along the path: each peer on the way passes the question on as if it were its own, and
//! remembers for `retry_after` whose it was. Where the next peer back is gone, or has forgotten, the answer is lost.

use std::sync::Arc;

use peerlab_model::{Cause, Key, PeerId, Token};

use super::config::Routing;
use super::message::{Goal, Query};
use super::peer::{Pending, RingPeer, Route};
use super::question::{Found, Providers};
use super::{ChordLike, ChordTimer, Cx, RingMessage, Shortcuts};

/// A question that has crossed more links than this is going round in circles.
const HOPS_MAX: u16 = 512;

impl<V: Shortcuts> ChordLike<V> {
    /// A question for a peer that precedes its key, perhaps this one.
    pub(super) fn forwarded(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, hop: Token, query: Query<V::Trail>) {
        if !peer.active {
            Self::refuse(peer, cx, from, hop, query.lookup, query.goal, false);
            return;
        }
        if V::accepted(self, peer, cx, from, hop, &query) && query.hops < HOPS_MAX {
            self.pass_on(peer, cx, query);
        }
    }

    /// A question for the owner: that is this peer, in the eyes of its predecessor.
    pub(super) fn delivered(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, hop: Token, query: Query<V::Trail>) {
        if !peer.active {
            Self::refuse(peer, cx, from, hop, query.lookup, query.goal, false);
            return;
        }
        Self::send(peer, cx, from, RingMessage::Ack { hop, lookup: query.lookup, goal: query.goal });
        self.answer_as_owner(peer, cx, query);
    }

    /// Sends a question one hop further, from wherever it is.
    #[inline]
    pub(super) fn pass_on(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, query: Query<V::Trail>) {
        self.pass_around(peer, cx, query, None);
    }

    /// Where a question goes from here, if there is a way, round a contact whose silence is doubtful.
    #[inline]
    pub(super) fn route_around(&self, peer: &RingPeer<V>, key: Key, trail: V::Trail, avoid: Option<PeerId>) -> Route<V::Trail> {
        match self.shortcuts.route(peer, self.view(peer), key, trail, avoid) {
            Route::Lost if avoid.is_some() => self.shortcuts.route(peer, self.view(peer), key, trail, None),
            route => route,
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a hop in pieces hands the question on from one to the next, through memory each time")]
    fn pass_around(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, query: Query<V::Trail>, avoid: Option<PeerId>) {
        match self.route_around(peer, query.key, query.trail, avoid) {
            Route::Next(next, trail) => {
                self.send_hop(peer, cx, next, Query { hops: query.hops + 1, ..query }, trail, false);
                V::passed_on(self, peer, cx, &query, next, trail);
            }
            Route::Owner(owner) if owner == peer.id => self.answer_as_owner(peer, cx, query),
            Route::Owner(owner) if self.is_confirmed(query.goal) => self.send_hop(peer, cx, owner, query, query.trail, true),
            Route::Owner(owner) => self.name_owner(peer, cx, query, owner),
            // Cannot be without a contact to avoid; if it could, the origin's retry would mend it.
            Route::Lost => {}
        }
    }

    /// True if the owner is contacted before it is named.
    pub(super) fn is_confirmed(&self, goal: Goal) -> bool {
        match goal {
            Goal::Owner => self.rules.confirm_owner,
            Goal::Providers | Goal::Contact => true,
            Goal::Finger => false,
        }
    }

    /// Passes a question to `to` and waits for the acknowledgement. `query.hops` counts the links up to `to`, or, if it is the `last` hop,
    /// up to this peer: the one that names the owner. What is remembered is the way up to here, in case `to` does not answer; `trail` is
    /// what leads on.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a hop in pieces hands the question on from one to the next, through memory each time")]
    pub(crate) fn send_hop(
        &self,
        peer: &mut RingPeer<V>,
        cx: &mut Cx<'_, V>,
        to: PeerId,
        query: Query<V::Trail>,
        trail: V::Trail,
        last: bool,
    ) {
        let mut asked = (query.origin, query.ask);
        if self.rules.routing == Routing::Recursive {
            asked = self.take_over_question(peer, cx, asked);
        }
        let query = Query { origin: asked.0, ask: asked.1, ..query };
        let hop = cx.open(Pending::Hop { to, query, last });
        let query = Query { trail, ..query };
        let patience = if last { self.rules.patience.longest } else { self.patience(peer, cx, to, hop) };
        if last {
            Self::send(peer, cx, to, RingMessage::deliver(hop, query));
        } else {
            Self::send(peer, cx, to, RingMessage::forward(hop, query));
        }
        cx.set_timer(patience, ChordTimer::Request(hop));
    }

    /// Recursive: a question that somebody else has passed on goes further under this peer's own name, so that the answer comes back here. Who asks
    /// whom, and by which number.
    fn take_over_question(&self, peer: &RingPeer<V>, cx: &mut Cx<'_, V>, (origin, ask): (PeerId, Token)) -> (PeerId, Token) {
        if origin == peer.id {
            return (origin, ask);
        }
        let own = cx.open(Pending::Back { to: origin, ask });
        cx.set_timer(self.rules.retry_after, ChordTimer::Request(own));
        (peer.id, own)
    }

    /// The question has arrived at its next peer.
    pub(crate) fn acknowledged(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, hop: Token) {
        self.heard(peer, cx, from, hop);
        let Some(Pending::Hop { to, query, last }) = cx.close(hop) else { return };
        if from != to {
            // The machine has another identity now. It passes the question on from where it lies, but is not the owner that was meant.
            self.drop_contact(peer, cx, to);
            if last {
                self.hop_failed(peer, cx, query, last, None);
            }
        }
    }

    /// A question was not acknowledged in time.
    pub(super) fn hop_timed_out(
        &self,
        peer: &mut RingPeer<V>,
        cx: &mut Cx<'_, V>,
        (to, query, last): (PeerId, Query<V::Trail>, bool),
        hop: Token,
    ) {
        Self::count_timeout(cx, &query);
        let doubtful = self.is_doubtful(peer, cx, to, hop);
        self.give_up(peer, cx, to, doubtful);
        self.hop_failed(peer, cx, query, last, Some(to).filter(|_| doubtful));
    }

    /// The contact of a hop is of no use: the question takes another way.
    pub(super) fn hop_failed(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, query: Query<V::Trail>, last: bool, avoid: Option<PeerId>) {
        if V::is_redundant(query.trail) {
            return;
        }
        let query = if last { query } else { Query { hops: query.hops - 1, ..query } };
        if peer.active {
            self.pass_around(peer, cx, query, avoid);
        } else if query.origin == peer.id {
            // A newcomer's contact, or the last contact of a peer that is cut off.
            self.ask_failed(peer, cx, query.ask);
        }
    }

    /// The lookup that a question belongs to was held up by a dead contact.
    fn count_timeout(cx: &mut Cx<'_, V>, query: &Query<V::Trail>) {
        if let Cause::Lookup(lookup) = query.goal.cause(query.lookup) {
            cx.timed_out(lookup);
        }
    }

    fn answer_as_owner(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, query: Query<V::Trail>) {
        if query.goal != Goal::Providers {
            self.name_owner(peer, cx, query, peer.id);
            return;
        }
        let mut holders = self.holders_of(peer, cx, query.key);
        if self.rules.routing == Routing::Recursive && cx.setting().keeps_values() && !holders.is_empty() {
            // The answer comes to the origin from a neighbour of its own: who has sent the value says so.
            holders = Arc::from([peer.id]);
        }
        // The link from the predecessor counts: this peer names the holders. A peer alone crosses none.
        let hops = query.hops + u16::from(query.origin != peer.id);
        if query.origin == peer.id {
            self.providers(peer, cx, peer.id, Providers { holders, lookup: query.lookup, ask: query.ask, hops });
        } else {
            Self::send(peer, cx, query.origin, RingMessage::Providers { holders, lookup: query.lookup, ask: query.ask, hops });
        }
    }

    fn name_owner(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, query: Query<V::Trail>, owner: PeerId) {
        let Query { lookup, origin, ask, hops, goal, .. } = query;
        if origin == peer.id {
            self.found(peer, cx, peer.id, Found { lookup, ask, owner, hops, goal });
        } else {
            Self::send(peer, cx, origin, RingMessage::Found { lookup, ask, owner, hops, goal });
        }
    }
}
