//! Queries going out and hits coming back.

use peerlab_model::{Context, Hit, LookupId, PeerId, Target, Token};

use super::links::refuse_stranger;
use super::message::{FloodingMessage, Query, Wanted};
use super::peer::Question;
use super::{FloodingLike, FloodingPeer, FloodingTimer, HitPath, Variant};
use crate::unstructured::descriptor::{descriptor, lookup_of};

type Cx<'a, V> = Context<'a, FloodingLike<V>>;

impl<V: Variant> FloodingLike<V> {
    /// This peer's own question.
    pub(super) fn ask(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, id: LookupId, target: Target) {
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
        let token = peer.questions.open(Question { id, wanted, asked: cx.now(), ring: 0, named: Vec::new() });
        match self.rules.walks {
            None => self.flood(peer, cx, token),
            Some(walks) => self.send_walkers(walks, peer, cx, token),
        }
    }

    /// Sends out the flood that is due for a question.
    fn flood(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, token: Token) {
        let Some(&mut Question { id, wanted, ring, .. }) = peer.questions.get_mut(token) else { return };
        let (this, id) = (cx.this(), descriptor(id, ring));
        peer.seen.insert(id, this, cx.now(), self.memory);
        cx.set_timer(self.rules.query_timeout, FloodingTimer::Collect(token));
        let origin = (self.rules.hits == HitPath::Direct).then_some(this);
        forward(peer, cx, this, Query { id, wanted, ttl: self.rules.rings[usize::from(ring)], hops: 1 }, origin);
    }

    /// The time for a flood's hits is over: a larger one goes out, if there is one and the question still has time. Walkers have no second time.
    pub(super) fn ring_is_over(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, token: Token) {
        let (now, setting) = (cx.now(), cx.setting());
        let Some(question) = peer.questions.get_mut(token) else { return };
        let id = question.id;
        question.ring += 1;
        let is_last = usize::from(question.ring) >= self.rules.rings.len() || setting.is_overdue(now.since(question.asked));
        if is_last || peer.neighbours.is_empty() {
            peer.questions.close(token);
            cx.finish(id);
        } else {
            self.flood(peer, cx, token);
        }
    }

    /// A query from a neighbour: answered if this peer can, and passed on once.
    #[inline]
    pub(super) fn query(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, query: Query, origin: Option<PeerId>) {
        if peer.seen.contains(query.id, cx.now(), self.memory) {
            return;
        }
        if !peer.is_neighbour(from) {
            return refuse_stranger(peer, cx, from);
        }
        peer.seen.insert(query.id, from, cx.now(), self.memory);
        if is_here(cx, query.wanted) {
            let hit = FloodingMessage::Hit { id: query.id, holder: cx.this(), hops: query.hops.into() };
            cx.send(origin.unwrap_or(from), hit);
        }
        // Gnutella 0.4 passes a query on even where it was answered.
        if query.ttl > 1 {
            forward(peer, cx, from, Query { ttl: query.ttl - 1, hops: query.hops + 1, ..query }, origin);
        }
    }

    /// A hit, for this peer or to be passed on towards the peer that asked. Without a remembered way it is lost.
    pub(super) fn hit(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, id: LookupId, holder: PeerId, hops: u16) {
        if let Some((token, question)) = peer.questions.find_mut(|question| question.id == lookup_of(id)) {
            // A larger flood, or another walker, reaches the same holders again.
            if question.named.contains(&holder) {
                return;
            }
            if self.rules.wanted < usize::MAX {
                question.named.push(holder);
            }
            let (id, enough) = (question.id, question.named.len() >= self.rules.wanted);
            cx.hit(id, Hit { peer: holder, hops: hops.into(), rounds: 0 });
            if enough {
                peer.questions.close(token);
                cx.finish(id);
            }
            return;
        }
        let next = peer.seen.from(id, cx.now(), self.memory);
        // A way that ends here belongs to a question that has ended; a neighbour that is gone takes the hit with it.
        if let Some(next) = next.filter(|&next| peer.is_neighbour(next)) {
            cx.send(next, FloodingMessage::Hit { id, holder, hops });
        }
    }
}

/// True if this peer is the answer, or has it.
pub(super) fn is_here<V: Variant>(cx: &Cx<'_, V>, wanted: Wanted) -> bool {
    match wanted {
        Wanted::Item(item) => cx.holds(item),
        Wanted::Peer(named) => named == cx.this(),
    }
}

/// To all neighbours but `except`.
#[inline]
fn forward<V: Variant>(peer: &FloodingPeer, cx: &mut Cx<'_, V>, except: PeerId, query: Query, origin: Option<PeerId>) {
    for &neighbour in peer.neighbours.iter().filter(|&&neighbour| neighbour != except) {
        let message = match origin {
            None => FloodingMessage::Query(query),
            Some(origin) => FloodingMessage::DirectQuery { query, origin },
        };
        cx.send(neighbour, message);
    }
}
