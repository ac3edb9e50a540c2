//! Questions: a leaf's go to one of its super-peers, which searches for it.
//!
//! A super-peer looks at its own disk and passes the query to those of its leaves that may have what is wanted. Then it floods, or asks its
//! neighbours step by step (Fisk, *Gnutella Dynamic Query Protocol v0.1*, LimeWire 2003): a probe first, then one neighbour after the other, each with a TTL that the results so far make
//! look sufficient.

use peerlab_model::{Hit, LookupId, PeerId, Target, Token};

use super::config::Search as How;
use super::links::refuse_stranger;
use super::message::SuperMessage;
use super::partners::turn;
use super::peer::{Asked, Passed, Search, SuperPeer};
use super::{Cx, SuperPeers, SuperTimer};
use crate::unstructured::flooding::{Query, Wanted};

/// Super-peers of a leaf's that may fail to take a question.
const TRIES_MAX: u8 = 3;

impl SuperPeers {
    /// This peer's own question.
    pub(super) fn ask(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        let wanted = match target {
            Target::Item(item) => Wanted::Item(item),
            Target::Keywords(keywords) => Wanted::Keywords(keywords),
            Target::Peer(named) if peer.knows(named, cx.this()) => {
                cx.hit(id, Hit { peer: named, hops: 0, rounds: 0 });
                return cx.finish(id);
            }
            Target::Peer(named) => Wanted::Peer(named),
            // Nobody is responsible for a key.
            _ => return cx.finish(id),
        };
        if peer.serves {
            self.search(peer, cx, id, wanted, None, 0);
        } else {
            let (since, at) = (cx.now(), cx.this());
            self.ask_one(peer, cx, Asked { id, wanted, since, at, taken: false, tries: 0, hits: 0, all: None });
        }
    }

    // A leaf's side.

    /// Asks a random super-peer of this leaf's, or the partners of its cluster in turn; another one than before if there is another.
    fn ask_one(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, asked: Asked) {
        let mut others: Vec<PeerId> = peer.links().filter(|&link| link != asked.at).collect();
        let again = || peer.links().find(|&link| link == asked.at);
        let spent = asked.tries >= TRIES_MAX || cx.setting().is_overdue(cx.now().since(asked.since));
        let next = if self.is_redundant() {
            others.sort_unstable();
            others.get(turn(asked.id, others.len()))
        } else {
            cx.rng().pick(&others)
        };
        let Some(at) = next.copied().or_else(again).filter(|_| !spent) else { return cx.finish(asked.id) };
        let token = peer.asked.open(Asked { at, taken: false, hits: 0, ..asked });
        cx.send(at, SuperMessage::Ask { id: asked.id, wanted: asked.wanted, token });
        cx.set_timer(self.config.request_timeout.span(), SuperTimer::Ask(token));
    }

    pub(super) fn taken(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, token: Token) {
        if let Some(asked) = peer.asked.get_mut(token) {
            asked.taken = true;
            cx.set_timer(self.patience(), SuperTimer::Collect(token));
        }
    }

    /// The super-peer has not taken the question.
    pub(super) fn ask_timed_out(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, token: Token) {
        if peer.asked.get_mut(token).is_some_and(|asked| !asked.taken) {
            let Some(asked) = peer.asked.close(token) else { return };
            cx.timed_out(asked.id);
            self.ask_one(peer, cx, Asked { tries: asked.tries + 1, ..asked });
        }
    }

    /// The super-peer has not said that the search is over.
    pub(super) fn collected(peer: &mut SuperPeer, cx: &mut Cx<'_>, token: Token) {
        if let Some(asked) = peer.asked.close(token) {
            cx.finish(asked.id);
        }
    }

    /// The super-peer says that the search is over. Hits that it has sent may come later than that, or never.
    pub(super) fn over(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, id: LookupId, hits: u32) {
        let Some((token, asked)) = peer.asked.find_mut(|asked| asked.id == id) else { return };
        asked.all = Some(hits);
        if asked.is_over() {
            Self::collected(peer, cx, token);
        } else {
            cx.set_timer(self.config.request_timeout.span(), SuperTimer::Collect(token));
        }
    }

    /// A super-peer that has questions of this peer's is gone.
    pub(super) fn ask_elsewhere(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, gone: PeerId) {
        while let Some((token, _)) = peer.asked.find_mut(|asked| asked.at == gone) {
            let Some(asked) = peer.asked.close(token) else { return };
            if peer.serves {
                self.search(peer, cx, asked.id, asked.wanted, None, 0);
            } else {
                self.ask_one(peer, cx, Asked { tries: asked.tries + 1, ..asked });
            }
        }
    }

    // A super-peer's side.

    /// A leaf asks this peer to search.
    pub(super) fn asked(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, id: LookupId, wanted: Wanted, token: Token) {
        if peer.leaf(from).is_none() {
            return refuse_stranger(peer, cx, from);
        }
        cx.send(from, SuperMessage::Taken { id, token });
        if !peer.searches.iter().any(|search| search.id == id) {
            let has_it = Self::answer(peer, cx, from, Query { id, wanted, ttl: 1, hops: 1 });
            if has_it && wanted.is_one() {
                return cx.send(from, SuperMessage::Over { id, hits: 1 });
            }
            self.search(peer, cx, id, wanted, Some(from), has_it.into());
        }
    }

    fn search(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, id: LookupId, wanted: Wanted, leaf: Option<PeerId>, passed_on: u32) {
        let this = cx.this();
        peer.seen.insert(id, Passed { from: leaf.unwrap_or(this), ttl: u8::MAX }, cx.now(), self.memory);
        let query = Query { id, wanted, ttl: 1, hops: 1 + u8::from(leaf.is_some()) };
        self.pass_to_leaves(peer, cx, leaf.unwrap_or(this), query);
        let search = Search { id, wanted, since: cx.now(), leaf, sent_to: Vec::new(), horizon: 0.0, results: 0, passed_on };
        let token = peer.searches.open(search);
        match self.config.search {
            How::Flood => {
                self.forward(peer, cx, leaf.unwrap_or(this), Query { ttl: self.config.ttl, ..query });
                cx.set_timer(self.config.query_timeout.span(), SuperTimer::Step(token));
            }
            How::Dynamic => self.probe(peer, cx, token, query),
        }
    }

    /// The first step: to neighbours that seem to have it, and beyond others.
    fn probe(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, token: Token, query: Query) {
        let slots = self.slots(query.wanted);
        let in_turn = self.in_turn(&peer.links, query.id);
        let mut chosen: Vec<(bool, PeerId)> = in_turn.map(|link| (!link.is_known_to_have(slots.as_slice()), link.peer)).collect();
        cx.rng().shuffle(&mut chosen);
        chosen.sort_by_key(|&(beyond, _)| beyond);
        chosen.truncate(self.config.probe.into());
        let degree = self.outdegree(peer);
        let Some(search) = peer.searches.get_mut(token) else { return };
        let mut farthest = 1;
        for &(beyond, neighbour) in &chosen {
            let ttl = (1 + u8::from(beyond)).min(self.config.ttl);
            cx.send(neighbour, SuperMessage::Query(Query { ttl, ..query }));
            search.sent_to.push(neighbour);
            search.horizon += reach(degree, ttl);
            farthest = farthest.max(ttl);
        }
        cx.set_timer(self.config.step_wait.span().times(farthest.into()), SuperTimer::Step(token));
    }

    /// The time of a step is over: another neighbour is asked, or it was the last step.
    pub(super) fn step(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, token: Token) {
        let (now, degree) = (cx.now(), self.outdegree(peer));
        let Some(search) = peer.searches.get_mut(token) else { return };
        let age = now.since(search.since);
        let in_turn = self.in_turn(&peer.links, search.id);
        let left: Vec<PeerId> = in_turn.map(|link| link.peer).filter(|link| !search.sent_to.contains(link)).collect();
        let overdue = age >= self.config.query_timeout.span() || cx.setting().is_overdue(age);
        let next = cx.rng().pick(&left).copied().filter(|_| self.config.search == How::Dynamic && !overdue);
        let Some(next) = next else { return Self::end_search(peer, cx, token) };
        let ttl = self.next_ttl(search, left.len(), degree);
        search.sent_to.push(next);
        search.horizon += reach(degree, ttl);
        let query = Query { id: search.id, wanted: search.wanted, ttl, hops: 1 + u8::from(search.leaf.is_some()) };
        cx.send(next, SuperMessage::Query(query));
        cx.set_timer(self.config.step_wait.span().times(ttl.into()), SuperTimer::Step(token));
    }

    /// As far as it takes for what is left of the neighbours to find what is still missing, if results lie everywhere as densely as so far.
    fn next_ttl(&self, search: &Search, left: usize, degree: u16) -> u8 {
        let missing = f64::from(self.config.wanted_hits) - f64::from(search.results);
        if search.results == 0 || self.config.wanted_hits == 0 {
            return self.config.ttl;
        }
        let per_neighbour = missing * search.horizon / f64::from(search.results) / left as f64;
        (1..self.config.ttl).find(|&ttl| reach(degree, ttl) >= per_neighbour).unwrap_or(self.config.ttl)
    }

    fn end_search(peer: &mut SuperPeer, cx: &mut Cx<'_>, token: Token) {
        if let Some(search) = peer.searches.close(token) {
            match search.leaf {
                Some(leaf) => cx.send(leaf, SuperMessage::Over { id: search.id, hits: search.passed_on }),
                None => cx.finish(search.id),
            }
        }
    }

    /// This peer no longer serves.
    pub(super) fn end_searches(peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        while let Some((token, _)) = peer.searches.find_mut(|_| true) {
            Self::end_search(peer, cx, token);
        }
    }

    // Everybody's side.

    /// A query: answered if this peer can; a super-peer passes it to leaves and on.
    pub(super) fn queried(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, query: Query) {
        if let Some(passed) = peer.seen.get_mut(query.id, cx.now(), self.memory) {
            // A later step of a dynamic query may reach farther than the one before.
            let is_farther = self.config.search == How::Dynamic && query.ttl > passed.ttl;
            passed.ttl = passed.ttl.max(query.ttl);
            if is_farther && peer.serves && peer.hears(from) {
                self.forward(peer, cx, from, Query { ttl: query.ttl - 1, hops: query.hops + 1, ..query });
            }
            return;
        }
        if !peer.hears(from) {
            return refuse_stranger(peer, cx, from);
        }
        peer.seen.insert(query.id, Passed { from, ttl: query.ttl }, cx.now(), self.memory);
        if peer.asked.iter().any(|asked| asked.id == query.id) {
            // Its own question, by way of another super-peer.
            return;
        }
        if Self::answer(peer, cx, from, query) && query.wanted.is_one() {
            return;
        }
        // A partner asks for what this peer has itself: their leaves are the same.
        if peer.serves && !peer.is_partner(from) {
            self.pass_to_leaves(peer, cx, from, Query { ttl: 1, hops: query.hops + 1, ..query });
            if query.ttl > 1 {
                self.forward(peer, cx, from, Query { ttl: query.ttl - 1, hops: query.hops + 1, ..query });
            }
        }
    }

    /// Tells `to` what this peer itself has, or that it knows the peer that is asked for; `false` if that is nothing.
    fn answer(peer: &SuperPeer, cx: &mut Cx<'_>, to: PeerId, Query { id, wanted, hops, .. }: Query) -> bool {
        let (holder, hops) = (cx.this(), hops.into());
        let answer = match wanted {
            Wanted::Item(item) => cx.holds(item).then_some(SuperMessage::Hit { id, holder, hops }),
            Wanted::Keywords(keywords) => {
                let mut items = cx.matching(keywords).peekable();
                let any = items.peek().is_some();
                any.then(|| SuperMessage::Matches { id, holder, hops, items: items.collect() })
            }
            Wanted::Peer(named) => peer.knows(named, holder).then_some(SuperMessage::Hit { id, holder: named, hops }),
        };
        let has_it = answer.is_some();
        if let Some(answer) = answer {
            cx.send(to, answer);
        }
        has_it
    }

    fn pass_to_leaves(&self, peer: &SuperPeer, cx: &mut Cx<'_>, except: PeerId, query: Query) {
        if matches!(query.wanted, Wanted::Peer(_)) {
            // They know nobody whom this peer does not know.
            return;
        }
        let slots = self.slots(query.wanted);
        for leaf in peer.leaves.iter().chain(&peer.partners).filter(|leaf| leaf.peer != except) {
            if !self.config.query_routing || leaf.may_have(slots.as_slice()) {
                cx.send(leaf.peer, SuperMessage::Query(query));
            }
        }
    }

    /// To all neighbours but the cluster of `except`, to one partner of each; on the last link only where it may be of use.
    fn forward(&self, peer: &SuperPeer, cx: &mut Cx<'_>, except: PeerId, query: Query) {
        let (slots, routed) = (self.slots(query.wanted), self.config.query_routing && query.ttl == 1);
        let its = peer.links.iter().find(|link| link.peer == except).map(|link| link.cluster);
        for link in self.in_turn(&peer.links, query.id).filter(|link| Some(link.cluster) != its) {
            if !routed || link.may_have(slots.as_slice()) {
                cx.send(link.peer, SuperMessage::Query(query));
            }
        }
    }

    /// A hit: for this peer, for the leaf for which it searches, or to be passed on towards whoever asked.
    pub(super) fn hit(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, answer: SuperMessage) {
        let (id, holder, hops, items) = match &answer {
            &SuperMessage::Hit { id, holder, hops } => (id, holder, hops, None),
            SuperMessage::Matches { id, holder, hops, items } => (*id, *holder, *hops, Some(items.clone())),
            _ => return,
        };
        let report = |cx: &mut Cx<'_>| {
            let hit = Hit { peer: holder, hops: hops.into(), rounds: 0 };
            match &items {
                None => cx.hit(id, hit),
                Some(items) => items.iter().for_each(|&item| cx.matched(id, hit, item)),
            }
        };
        if let Some((token, asked)) = peer.asked.find_mut(|asked| asked.id == id) {
            asked.hits += 1;
            let is_over = asked.is_over();
            report(cx);
            if is_over {
                Self::collected(peer, cx, token);
            }
            return;
        }
        if let Some((token, search)) = peer.searches.find_mut(|search| search.id == id) {
            search.results += items.as_ref().map_or(1, |items| items.len() as u32);
            let enough = search.wanted.is_one() || self.config.wanted_hits > 0 && search.results >= self.config.wanted_hits.into();
            match search.leaf {
                Some(leaf) => {
                    search.passed_on += 1;
                    cx.send(leaf, answer);
                }
                None => report(cx),
            }
            if enough {
                Self::end_search(peer, cx, token);
            }
            return;
        }
        // A way that ends here belongs to a search that has ended; a neighbour that is gone takes the hit with it.
        let next =
            peer.seen.from(id, cx.now(), self.memory).map(|passed| passed.from).filter(|&next| next != cx.this() && peer.hears(next));
        if let Some(next) = next {
            cx.send(next, answer);
        }
    }
}

/// Super-peers that a query reaches over one neighbour within `ttl` links, if no way leads to the same one twice.
fn reach(degree: u16, ttl: u8) -> f64 {
    let further = f64::from(degree.saturating_sub(1));
    let (mut all, mut ring) = (0.0, 1.0);
    for _ in 0..ttl {
        all += ring;
        ring *= further;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::reach;

    #[test]
    fn a_horizon_is_a_geometric_sum() {
        assert_eq!((reach(30, 1), reach(30, 2), reach(30, 3)), (1.0, 30.0, 871.0));
    }
}
