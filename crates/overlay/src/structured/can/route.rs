//! How a question travels: greedily, to the neighbour whose zone is closest to the point (section 2.1).
//!
//! A hop is acknowledged. A neighbour that stays silent is suspect: questions go round it until a check has shown what is the matter. Where
//! no neighbour is closer to the point than this peer, the neighbours' neighbours are tried, which stand in their last updates: the
//! paper's expanding ring search (section 2.3) to a depth of two, without its messages.

use peerlab_model::{Cause, PeerId, Span, Token};

use super::message::{ANY, Goal, Query};
use super::peer::{CanPeer, Pending, Why};
use super::zone::Point;
use super::{Can, CanMessage, CanTimer, Cx};
use crate::repair::has_value;
use crate::structured::trips::Trip;

/// Where a question goes from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    /// Nowhere: this peer owns the point, in this reality.
    Here(u8),
    /// To this contact.
    Next(PeerId),
    /// Nobody is known who is closer to the point.
    Stuck,
}

impl Can {
    fn route(&self, peer: &CanPeer, cx: &Cx<'_>, query: &Query) -> Route {
        let to = self.torus.pack(query.key);
        let mut own = u64::MAX;
        for (realm, space) in peer.spaces().filter(|&(realm, _)| query.realm == ANY || realm == query.realm) {
            if space.owns(query.key) {
                return Route::Here(realm);
            }
            own = own.min(space.distance(&self.torus, to));
        }
        self.best_neighbour(peer, query, to, own)
            .or_else(|| self.best_beyond(peer, cx, query, to, own))
            .or_else(|| self.best_suspect(peer, query, to, own))
            .map_or(Route::Stuck, Route::Next)
    }

    /// The neighbour that is closest to the point, or the one with the most progress for its round trip.
    fn best_neighbour(&self, peer: &CanPeer, query: &Query, to: Point, own: u64) -> Option<PeerId> {
        let mut best: Option<(u64, PeerId)> = None;
        let mut best_ratio: Option<(f64, PeerId)> = None;
        for (_, space) in peer.spaces().filter(|&(realm, _)| query.realm == ANY || realm == query.realm) {
            // Who has not been measured counts as far away as the farthest who has.
            let farthest = if self.rules.rtt_weighted {
                space.neighbours().iter().filter_map(|other| Some(other.trip?.mean_us())).max().unwrap_or(1)
            } else {
                1
            };
            for other in space.neighbours().iter().filter(|other| !other.suspect && !is_newcomer(query, other.peer)) {
                let distance = self.torus.distance(other.zone, to);
                if distance >= own {
                    continue;
                }
                if self.rules.rtt_weighted {
                    let trip = other.trip.map_or(farthest, Trip::mean_us);
                    let ratio = (self.torus.length(own) - self.torus.length(distance)) / f64::from(trip);
                    if best_ratio.is_none_or(|(most, _)| ratio > most) {
                        best_ratio = Some((ratio, other.peer));
                    }
                } else if best.is_none_or(|(least, _)| distance < least) {
                    best = Some((distance, other.peer));
                }
            }
        }
        best_ratio.map(|(_, peer)| peer).or(best.map(|(_, peer)| peer))
    }

    /// The same among the neighbours' neighbours.
    #[cold]
    fn best_beyond(&self, peer: &CanPeer, cx: &Cx<'_>, query: &Query, to: Point, own: u64) -> Option<PeerId> {
        let mut best = None;
        for (_, space) in peer.spaces().filter(|&(realm, _)| query.realm == ANY || realm == query.realm) {
            let bulletins = space.neighbours().iter().filter_map(|other| other.bulletin.as_deref());
            for &(listed, zone) in bulletins.flat_map(|bulletin| &*bulletin.around) {
                let distance = self.torus.distance(zone, to);
                if distance < own && best.is_none_or(|(least, _)| distance < least) {
                    let is_fit = listed != peer.id && !is_newcomer(query, listed) && !space.knows(listed);
                    if is_fit && !peer.is_dead(listed, cx.now(), self.memory()) {
                        best = Some((distance, listed));
                    }
                }
            }
        }
        best.map(|(_, peer)| peer)
    }

    #[cold]
    fn best_suspect(&self, peer: &CanPeer, query: &Query, to: Point, own: u64) -> Option<PeerId> {
        let spaces = peer.spaces().filter(|&(realm, _)| query.realm == ANY || realm == query.realm);
        let suspects = spaces.flat_map(|(_, space)| space.neighbours()).filter(|other| other.suspect && !is_newcomer(query, other.peer));
        let closer = suspects.map(|other| (self.torus.distance(other.zone, to), other.peer)).filter(|&(distance, _)| distance < own);
        closer.min().map(|(_, peer)| peer)
    }

    /// A question has come.
    pub(super) fn forwarded(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, hop: Token, query: Query) {
        if !peer.is_ready(query.realm) {
            Self::refuse(peer, cx, from, hop, &query);
            return;
        }
        cx.send(from, CanMessage::Ack { hop, lookup: query.lookup, goal: query.goal });
        if query.goal.is_join() && query.origin == peer.id {
            // Its own question of a moment ago, through somebody who believes in an earlier life of this machine. It asks again in time.
            return;
        }
        if query.goal == Goal::JoinHere {
            self.allot(peer, cx, &query);
        } else if query.hops < self.hops_max(peer) {
            self.pass_on(peer, cx, query);
        }
    }

    /// Links after which a question must be going round in circles: many times what a network with zones like this peer's takes.
    fn hops_max(&self, peer: &CanPeer) -> u16 {
        let d = self.torus.dimensions();
        let depth = peer.spaces().flat_map(|(_, space)| space.zones()).map(|zone| u32::from(zone.depth)).max().unwrap_or(0);
        let side = 1_u32 << (depth.div_ceil(d)).min(12);
        (64 + 8 * d * side).min(u32::from(u16::MAX - 1)) as u16
    }

    /// Sends a question one hop further, or answers it.
    pub(super) fn pass_on(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, query: Query) {
        if query.goal == Goal::Providers && has_value(peer.values(), cx, query.key) {
            // Of a value any keeper's copy will do.
            return Self::answer_with_value(peer, cx, &query);
        }
        match self.route(peer, cx, &query) {
            Route::Here(realm) => self.answer(peer, cx, &query, realm),
            Route::Next(next) => self.send_hop(peer, cx, next, query),
            // A newcomer tries again soon.
            Route::Stuck if query.goal.is_join() && query.origin != peer.id => Self::refuse(peer, cx, query.origin, query.ask, &query),
            // It is lost, and its origin asks again when this place has been repaired.
            Route::Stuck => {}
        }
    }

    /// Passes a question to `to` and waits for the acknowledgement.
    pub(super) fn send_hop(&self, peer: &CanPeer, cx: &mut Cx<'_>, to: PeerId, query: Query) {
        let query = Query { hops: query.hops.saturating_add(1), ..query };
        let hop = cx.open(Pending::Hop { to, query, sent: cx.now() });
        cx.send(to, CanMessage::forward(hop, query));
        cx.set_timer(self.patience(peer, to), CanTimer::Request(hop));
    }

    /// How long a question waits to be acknowledged.
    #[inline]
    fn patience(&self, peer: &CanPeer, to: PeerId) -> Span {
        if !self.rules.patience.is_adaptive() {
            return self.rules.patience.longest;
        }
        self.rules.patience.towards(peer.spaces().find_map(|(_, space)| space.neighbour(to)?.trip))
    }

    /// The question has arrived at its next peer.
    pub(super) fn acknowledged(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, hop: Token) {
        let Some(Pending::Hop { to, sent, .. }) = cx.close(hop) else { return };
        if from == to {
            let trip = cx.now().since(sent);
            peer.spaces_mut().for_each(|(_, space)| space.measured(from, trip));
        } else {
            // The machine has another identity now. It passes the question on from where it lies.
            self.lose(peer, cx, to);
        }
    }

    /// A question was not acknowledged in time.
    pub(super) fn hop_timed_out(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, to: PeerId, query: Query) {
        if let Cause::Lookup(lookup) = query.goal.cause(query.lookup) {
            cx.timed_out(lookup);
        }
        let mut known = None;
        for (realm, space) in peer.spaces_mut() {
            if space.knows(to) {
                space.suspect(to, true);
                if self.rules.patience.is_adaptive() {
                    space.forget_trip(to);
                }
                known = Some(realm);
            }
        }
        if let Some(realm) = known {
            self.check_on(peer, cx, realm, to, Why::Suspicion);
        } else {
            peer.extra().newcomers.forget(to);
            peer.extra().bury(to, cx.now());
        }
        self.hop_failed(peer, cx, query);
    }

    /// The contact of a hop is of no use: the question takes another way.
    pub(super) fn hop_failed(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, query: Query) {
        let query = Query { hops: query.hops.saturating_sub(1), ..query };
        if query.goal.is_join() && query.origin == peer.id {
            // A newcomer's contact: another one is wanted.
            self.ask_failed(peer, cx, query.ask);
        } else if query.goal == Goal::JoinHere {
            self.allot(peer, cx, &query);
        } else if peer.is_ready(query.realm) {
            self.pass_on(peer, cx, query);
        }
    }

    fn answer(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, query: &Query, realm: u8) {
        let Query { key, lookup, origin, ask, hops, goal, .. } = *query;
        match goal {
            Goal::Owner | Goal::Contact if origin == peer.id => self.found(peer, cx, peer.id, ask, hops),
            Goal::Owner | Goal::Contact => cx.send(origin, CanMessage::Found { lookup, ask, hops, goal }),
            Goal::Providers => {
                let holders = self.holders_of(peer, cx, key);
                if origin == peer.id {
                    Self::providers(cx, ask, &holders, hops);
                } else {
                    cx.send(origin, CanMessage::Providers { holders, lookup, ask, hops });
                }
            }
            Goal::Join | Goal::JoinHere if origin == peer.id => self.ask_failed(peer, cx, ask),
            Goal::Join | Goal::JoinHere => self.allot_best(peer, cx, query, realm),
        }
    }
}

/// A newcomer's neighbours may still believe in an earlier life of it.
fn is_newcomer(query: &Query, contact: PeerId) -> bool {
    query.goal.is_join() && contact == query.origin
}
