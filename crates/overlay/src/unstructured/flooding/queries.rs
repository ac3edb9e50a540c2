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
            Target::Keywords(keywords) => Wanted::Keywords(keywords),
            // Nobody is responsible for a key here.
            _ => return cx.finish(id),
        };
        if peer.neighbours().is_empty() {
            // Nobody to ask.
            return cx.finish(id);
        }
        let token = peer.questions.open(Question::new(id, wanted, cx.now()));
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
        self.forward(peer, cx, this, Query { id, wanted, ttl: self.rules.rings[usize::from(ring)], hops: 1 }, origin);
    }

    /// The time for a flood's hits is over: a larger one goes out, if there is one and the question still has time. Walkers have no second time.
    pub(super) fn ring_is_over(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, token: Token) {
        let (now, setting) = (cx.now(), cx.setting());
        let Some(question) = peer.questions.get_mut(token) else { return };
        let id = question.id;
        question.ring += 1;
        let is_last = usize::from(question.ring) >= self.rules.rings.len() || setting.is_overdue(now.since(question.asked));
        if is_last || peer.neighbours().is_empty() {
            peer.questions.close(token);
            cx.finish(id);
        } else {
            self.flood(peer, cx, token);
        }
    }

    /// A query from a neighbour: answered if this peer can, and passed on once.
    #[inline]
    pub(super) fn query(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, query: Query, origin: Option<PeerId>) {
        if !peer.deals_with(from) {
            if !peer.seen.contains(query.id, cx.now(), self.memory) {
                refuse_stranger(peer, cx, from);
            }
            return;
        }
        if !peer.seen.insert(query.id, from, cx.now(), self.memory) {
            return;
        }
        answer(cx, origin.unwrap_or(from), query.id, query.wanted, query.hops.into());
        // Gnutella 0.4 passes a query on even where it was answered.
        if query.ttl > 1 {
            self.forward(peer, cx, from, Query { ttl: query.ttl - 1, hops: query.hops + 1, ..query }, origin);
        }
    }

    /// A hit, for this peer or to be passed on towards the peer that asked. Without a remembered way it is lost.
    pub(super) fn hit(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, answer: FloodingMessage) {
        let (id, holder, hops, items) = match &answer {
            &FloodingMessage::Hit { id, holder, hops } => (id, holder, hops, &[][..]),
            FloodingMessage::Matches { id, holder, hops, items } => (*id, *holder, *hops, &items[..]),
            _ => return,
        };
        if let Some((token, question)) = peer.questions.find_mut(|question| question.id == lookup_of(id)) {
            // A larger flood, or another walker, reaches the same holders again.
            if question.named.contains(&holder) {
                return;
            }
            if self.rules.wanted < usize::MAX {
                question.named.push(holder);
                for &item in items {
                    if !question.items.contains(&item) {
                        question.items.push(item);
                    }
                }
            }
            let by_keyword = matches!(question.wanted, Wanted::Keywords(_));
            let found = if by_keyword { question.items.len() } else { question.named.len() };
            let (id, enough) = (question.id, found >= self.rules.wanted);
            let item = match question.wanted {
                Wanted::Item(item) => Some(item),
                Wanted::Keywords(_) => items.first().copied(),
                Wanted::Peer(_) => None,
            };
            if let Some(item) = item.filter(|_| self.rules.replication.is_some() && !question.is_replicated) {
                question.is_replicated = true;
                let probed = std::mem::take(&mut question.probed);
                self.replicate(cx, id, item, holder, hops, probed);
            }
            let hit = Hit { peer: holder, hops: hops.into(), rounds: 0 };
            if by_keyword {
                for &item in items {
                    cx.matched(id, hit, item);
                }
            } else {
                cx.hit(id, hit);
            }
            if enough {
                peer.questions.close(token);
                cx.finish(id);
            }
            return;
        }
        let next = peer.seen.from(id, cx.now(), self.memory);
        // A way that ends here belongs to a question that has ended; a neighbour that is gone takes the hit with it.
        if let Some(next) = next.filter(|&next| next != cx.this() && peer.deals_with(next)) {
            cx.send(next, answer);
        }
    }

    /// To all neighbours but `except`, or to as many of them as the fan-out says.
    #[inline]
    fn forward(&self, peer: &FloodingPeer, cx: &mut Cx<'_, V>, except: PeerId, query: Query, origin: Option<PeerId>) {
        let neighbours = peer.neighbours();
        if self.rules.fanout > 0 {
            return self.forward_to_some(neighbours, cx, except, query, origin);
        }
        for &neighbour in neighbours.iter().filter(|&&neighbour| neighbour != except) {
            cx.send(neighbour, outgoing(query, origin));
        }
    }

    /// To as many neighbours as the fan-out says, each set of them as likely as any other (selection sampling: Knuth, TAOCP 2, 3.4.2 S).
    fn forward_to_some(&self, neighbours: &[PeerId], cx: &mut Cx<'_, V>, except: PeerId, query: Query, origin: Option<PeerId>) {
        let candidates = neighbours.iter().filter(|&&neighbour| neighbour != except);
        let mut left = candidates.clone().count();
        let mut wanted = usize::from(self.rules.fanout);
        for &neighbour in candidates {
            if cx.rng().index(left) < wanted {
                cx.send(neighbour, outgoing(query, origin));
                wanted -= 1;
            }
            left -= 1;
        }
    }
}

/// The query as it goes out, with the address of who asks if hits are to come straight back.
#[inline]
fn outgoing(query: Query, origin: Option<PeerId>) -> FloodingMessage {
    match origin {
        None => FloodingMessage::Query(query),
        Some(origin) => FloodingMessage::DirectQuery { query, origin },
    }
}

/// Answers a query, to `to`, if this peer is the answer or has it; `true` if it does.
#[inline]
pub(super) fn answer<V: Variant>(cx: &mut Cx<'_, V>, to: PeerId, id: LookupId, wanted: Wanted, hops: u16) -> bool {
    let holder = cx.this();
    let is_here = match wanted {
        Wanted::Item(item) => cx.holds(item),
        Wanted::Peer(named) => named == holder,
        Wanted::Keywords(keywords) => {
            let mut items = cx.matching(keywords).peekable();
            let matches = items.peek().is_some();
            if matches {
                cx.send(to, FloodingMessage::Matches { id, holder, hops, items: items.collect() });
            }
            return matches;
        }
    };
    if is_here {
        cx.send(to, FloodingMessage::Hit { id, holder, hops });
    }
    is_here
}
