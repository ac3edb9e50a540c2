//! Queries going out and hits coming back.

use peerlab_model::{Context, Hit, LookupId, PeerId, Target};

use super::links::refuse_stranger;
use super::message::{FloodingMessage, Query, Wanted};
use super::{Flooding, FloodingPeer, FloodingTimer, HitPath};

type Cx<'a> = Context<'a, Flooding>;

impl Flooding {
    /// This peer's own question.
    pub(super) fn ask(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        let wanted = match target {
            Target::Item(item) => Wanted::Item(item),
            Target::Peer(named) if named == cx.this() => {
                cx.hit(id, Hit { peer: named, hops: 0, rounds: 0 });
                return cx.finish(id);
            }
            Target::Peer(named) => Wanted::Peer(named),
            // Nobody is responsible for a key here.
            _ => return cx.finish(id),
        };
        if peer.neighbours.is_empty() {
            // Nobody to ask.
            return cx.finish(id);
        }
        let this = cx.this();
        peer.seen.insert(id, this, cx.now(), self.memory);
        let token = peer.questions.open(id);
        cx.set_timer(self.config.query_timeout.span(), FloodingTimer::Collect(token));
        let origin = (self.config.hits == HitPath::Direct).then_some(this);
        forward(peer, cx, this, Query { id, wanted, ttl: self.config.ttl, hops: 1 }, origin);
    }

    /// A query from a neighbour: answered if this peer can, and passed on once.
    #[inline]
    pub(super) fn query(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_>, from: PeerId, query: Query, origin: Option<PeerId>) {
        if peer.seen.contains(query.id, cx.now(), self.memory) {
            return;
        }
        if !peer.is_neighbour(from) {
            return refuse_stranger(peer, cx, from);
        }
        peer.seen.insert(query.id, from, cx.now(), self.memory);
        let found = match query.wanted {
            Wanted::Item(item) => cx.holds(item),
            Wanted::Peer(named) => named == cx.this(),
        };
        if found {
            let hit = FloodingMessage::Hit { id: query.id, holder: cx.this(), hops: query.hops };
            cx.send(origin.unwrap_or(from), hit);
        }
        // Gnutella 0.4 passes a query on even where it was answered.
        if query.ttl > 1 {
            forward(peer, cx, from, Query { ttl: query.ttl - 1, hops: query.hops + 1, ..query }, origin);
        }
    }

    /// A hit, for this peer or to be passed on towards the peer that asked. Without a remembered way it is lost.
    pub(super) fn hit(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_>, id: LookupId, holder: PeerId, hops: u8) {
        if peer.questions.iter().any(|&open| open == id) {
            return cx.hit(id, Hit { peer: holder, hops: hops.into(), rounds: 0 });
        }
        let next = peer.seen.from(id, cx.now(), self.memory);
        // A way that ends here belongs to a question that has ended; a neighbour that is gone takes the hit with it.
        if let Some(next) = next.filter(|&next| peer.is_neighbour(next)) {
            cx.send(next, FloodingMessage::Hit { id, holder, hops });
        }
    }
}

/// To all neighbours but `except`.
#[inline]
fn forward(peer: &FloodingPeer, cx: &mut Cx<'_>, except: PeerId, query: Query, origin: Option<PeerId>) {
    for &neighbour in peer.neighbours.iter().filter(|&&neighbour| neighbour != except) {
        let message = match origin {
            None => FloodingMessage::Query(query),
            Some(origin) => FloodingMessage::DirectQuery { query, origin },
        };
        cx.send(neighbour, message);
    }
}
