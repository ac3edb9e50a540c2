//! How a question travels: each peer passes it on, one digit further towards the root of its key.
//!
//! A hop is acknowledged. If the primary neighbour of a slot stays silent for a little more than its measured round trip, it becomes a
//! suspect: the question takes the next backup at once, and a probe with the long timeout shows what is the matter. Only if all links of
//! a slot are suspects, one of them is tried once more with the long timeout; who keeps silent for that long is dropped.
//! The root gets the question itself and answers the origin. The origin asks again if no answer comes.

use std::sync::Arc;

use peerlab_model::{Cause, PeerId, Span, Token};

use super::message::{Goal, Query};
use super::peer::{Pending, Route, TapestryPeer, Why};
use super::table::Link;
use super::upkeep::Loss;
use super::{Cx, Tapestry, TapestryMessage, TapestryTimer};
use crate::structured::trips::Patience;

/// A question that has crossed more links than this has met nothing but changing tables.
const HOPS_MAX: u8 = 200;

impl Tapestry {
    /// A question has come.
    pub(super) fn forwarded(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, hop: Token, query: Query) {
        if !peer.active {
            Self::refuse(peer, cx, from, hop, &query);
            return;
        }
        cx.send(from, TapestryMessage::Ack { hop, lookup: query.lookup, goal: query.goal });
        let looks_for_itself = matches!(query.goal, Goal::Join | Goal::Locate);
        if looks_for_itself && query.origin == peer.id {
            // Its own question of a moment ago, through somebody who believes in an earlier life of this machine. It asks again in time.
            return;
        }
        // A newcomer's own question comes from somebody who is no member yet; all others who pass one on are.
        if query.goal != Goal::Join || from != query.origin {
            self.meet(peer, cx, from, None);
        }
        if query.hops < HOPS_MAX {
            self.pass_on(peer, cx, query);
        }
    }

    /// Sends a question one hop further, or answers it; leaves a pointer, or follows one.
    pub(super) fn pass_on(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, query: Query) {
        match query.goal {
            Goal::Providers if self.redirect(peer, cx, &query) => return,
            Goal::Publish if !cx.setting().keeps_values() => self.keep(peer, cx, &query),
            Goal::Withdraw => Self::forget_pointer(peer, cx, &query),
            Goal::Publish | Goal::Owner | Goal::Providers | Goal::Join | Goal::Locate | Goal::Root => {}
        }
        // The surrogate of a peer is looked for among all others.
        let itself = |contact: PeerId| matches!(query.goal, Goal::Join | Goal::Locate) && contact == query.origin;
        match peer.route(self.numbering, self.config.bits(), query.key, itself) {
            Route::Next { peer: next, suspect } => self.send_hop(peer, cx, next, query, suspect),
            Route::Here => self.answer_as_root(peer, cx, query),
        }
    }

    /// Passes a question to `to` and waits for the acknowledgement.
    pub(super) fn send_hop(&self, peer: &TapestryPeer, cx: &mut Cx<'_>, to: PeerId, query: Query, patient: bool) {
        let query = Query { hops: query.hops.saturating_add(1), ..query };
        let longest = self.config.request_timeout.span();
        let patience = if patient { longest } else { self.patience(peer, to) };
        let hop = cx.open(Pending::Hop { to, query, sent: cx.now(), patient: patience == longest });
        cx.send(to, TapestryMessage::forward(hop, query));
        cx.set_timer(patience, TapestryTimer::Request(hop));
    }

    /// How long a question waits to be acknowledged.
    fn patience(&self, peer: &TapestryPeer, to: PeerId) -> Span {
        let (longest, margin) = (self.config.request_timeout.span(), self.config.timeout_margin.span());
        Patience::new(longest, true, margin).towards(peer.link(self.numbering, self.config.bits(), to).and_then(Link::trip))
    }

    /// The question has arrived at its next peer.
    pub(super) fn acknowledged(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, hop: Token) {
        match cx.close(hop) {
            Some(Pending::Hop { to, sent, .. }) => {
                let trip = cx.now().since(sent);
                self.heard(peer, cx, from, to, Some(trip));
            }
            Some(Pending::Redirect { to, query }) if to != from => {
                // The machine has another identity now, and holds the item still: what it publishes under its new name is its own affair.
                Self::drop_pointer(peer, query.key, to);
            }
            _ => {}
        }
    }

    /// A question was not acknowledged in time.
    pub(super) fn hop_timed_out(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, to: PeerId, query: Query, patient: bool) {
        Self::count_timeout(cx, &query);
        if patient {
            self.lose(peer, cx, to, Loss::Noticed);
        } else {
            if let Some(slot) = peer.slot_of(self.numbering, self.config.bits(), to) {
                peer.table.suspect(slot, to);
            }
            self.probe(peer, cx, to, Why::Suspicion);
        }
        self.hop_failed(peer, cx, query);
    }

    /// The contact of a hop is of no use: the question takes another way.
    pub(super) fn hop_failed(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, query: Query) {
        let query = Query { hops: query.hops - 1, ..query };
        if matches!(query.goal, Goal::Join | Goal::Locate) && query.origin == peer.id {
            // Its own contact: another one is wanted.
            self.ask_failed(peer, cx, query.ask);
        } else if peer.active {
            self.pass_on(peer, cx, query);
        }
    }

    /// The lookup that a question belongs to was held up by a dead contact.
    pub(super) fn count_timeout(cx: &mut Cx<'_>, query: &Query) {
        if let Cause::Lookup(lookup) = query.goal.cause(query.lookup) {
            cx.timed_out(lookup);
        }
    }

    fn answer_as_root(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, query: Query) {
        let Query { lookup, origin, ask, hops, goal, .. } = query;
        if goal == Goal::Withdraw {
            self.retract(peer, cx, query.key);
        }
        match goal {
            Goal::Owner | Goal::Publish | Goal::Withdraw | Goal::Root if origin == peer.id => self.found(peer, cx, peer.id, ask, hops),
            Goal::Owner | Goal::Publish | Goal::Withdraw | Goal::Root => {
                cx.send(origin, TapestryMessage::Found { lookup, ask, hops, goal });
            }
            Goal::Providers if origin == peer.id => Self::providers(cx, ask, &[], hops),
            Goal::Providers => cx.send(origin, TapestryMessage::Providers { holders: Arc::default(), lookup, ask, hops }),
            Goal::Join | Goal::Locate if origin == peer.id => self.ask_failed(peer, cx, ask),
            Goal::Join | Goal::Locate => self.answer_as_surrogate(peer, cx, &query),
        }
    }
}
