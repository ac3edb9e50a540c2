//! Lookups: how a search goes on from answer to answer, and what comes of it.
//!
//! A search asks the nearest contacts that it has heard of, `alpha` in parallel, until the nearest k (`lookup_width`) of those that
//! answer at all have answered (paper, section 2.3). With `disjoint_paths`, several such searches go on side by side. One timer serves a
//! whole search: all its requests have the same timeout, so the oldest is always the next to be given up. With `adaptive_timeouts` each
//! request has a timer of its own.

use std::sync::Arc;

use peerlab_model::{Hit, ItemId, Key, Keywords, LookupId, PeerId, Posting, Span, Target, Token};

use super::config::Routing;
use super::message::Ask;
use super::nearest::Nearest;
use super::peer::{KademliaPeer, Pending, Purpose, Search};
use super::{Cx, Kademlia, KademliaMessage, KademliaTimer};
use crate::postings;
use crate::structured::contacts::Contacts;
use crate::structured::disjoint::Paths;
use crate::structured::xor::distance;

/// Stands for "no lookup" in upkeep's own searches.
const NO_LOOKUP: LookupId = LookupId { origin: 0, number: 0 };

/// What a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The nearest.
    Nodes,
    /// Holders, or the nearest.
    Value,
    /// The nearest, and a token to store with.
    Keepers,
    /// What matches, or the nearest.
    Postings(Keywords),
}

impl Kademlia {
    // The side that is asked.

    pub(super) fn asked(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, from: PeerId, ask: Ask, wanted: Wanted) {
        let Ask { key, lookup, token, upkeep } = ask;
        if !peer.active {
            Self::refuse(peer, cx, from, ask);
            return;
        }
        if wanted == Wanted::Value
            && let Some((holders, lives)) = self.holders_of(peer, cx, key)
        {
            cx.send(from, KademliaMessage::Value { holders, lookup, token, lives });
            return;
        }
        if let Wanted::Postings(keywords) = wanted
            && let Some(postings) = Self::postings_for(peer, cx, keywords)
        {
            cx.send(from, KademliaMessage::Postings { postings, lookup, token });
            return;
        }
        let mut nearest = Nearest::new();
        self.collect(peer, cx.key_of(peer.id), key, |contact| contact != from, &mut nearest);
        let contacts = Contacts::new(nearest.as_slice());
        if wanted == Wanted::Keepers {
            let (now, key) = (cx.now(), cx.key_of(from));
            let write = peer.extra().tokens.get_or_insert_default().give(now, cx.rng(), key);
            cx.send(from, KademliaMessage::Keepers { contacts, token, write });
            return;
        }
        cx.send(from, KademliaMessage::Nodes { contacts, lookup, token, upkeep });
    }

    /// The k nearest of this peer's contacts; stale ones are not named.
    #[inline]
    pub(super) fn collect(&self, peer: &KademliaPeer, this: Key, key: Key, wanted: impl Fn(PeerId) -> bool + Copy, out: &mut Nearest) {
        let (shape, limit) = (&self.shape, self.shape.k);
        if peer.suspicious {
            let stale_after = self.config.stale_after;
            let wanted = |contact| wanted(contact) && peer.failures(contact) < stale_after;
            peer.table.nearest(shape, self.numbering, (this, key), limit, wanted, out);
        } else {
            peer.table.nearest(shape, self.numbering, (this, key), limit, wanted, out);
        }
    }

    // The side that asks.

    /// Answers a question of the world.
    pub(super) fn begin_lookup(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        match target {
            Target::Key(key) => self.search_for(peer, cx, key, id, Purpose::Key),
            Target::Peer(wanted) if wanted == peer.id => {
                cx.hit(id, Hit { peer: wanted, hops: 0, rounds: 0 });
                cx.finish(id);
            }
            Target::Peer(wanted) => self.search_for(peer, cx, cx.key_of(wanted), id, Purpose::Peer(wanted)),
            Target::Item(item) => self.look_for_item(peer, cx, id, item),
            Target::Keywords(keywords) if peer.active => self.look_for_words(peer, cx, id, keywords),
            _ => cx.finish(id),
        }
    }

    fn look_for_item(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, id: LookupId, item: ItemId) {
        let key = self.numbering.item_key(item);
        match self.holders_of(peer, cx, key).filter(|_| peer.active) {
            Some((holders, _)) => Self::name_holders(peer, cx, (id, peer.id), &holders, (0, 0)),
            None => self.search_for(peer, cx, key, id, Purpose::Item),
        }
    }

    /// By iterative lookup in all modes, as records are stored: see `recursive`.
    fn look_for_words(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, id: LookupId, keywords: Keywords) {
        match Self::postings_for(peer, cx, keywords) {
            Some(postings) => postings::answered(cx, id, &postings, (0, 0)),
            None => self.search(peer, cx, self.numbering.word_key(keywords.rarest()), id, Purpose::Keywords(keywords), None),
        }
    }

    fn search_for(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, key: Key, lookup: LookupId, purpose: Purpose) {
        if peer.active && self.config.routing != Routing::Iterative {
            self.begin_question(peer, cx, key, lookup, purpose);
        } else if peer.active {
            self.search(peer, cx, key, lookup, purpose, None);
        } else {
            cx.finish(lookup);
        }
    }

    /// A search for this peer's own upkeep; `contact` is somebody beside those in its tables.
    pub(super) fn search_own(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, key: Key, purpose: Purpose, contact: Option<PeerId>) {
        self.search(peer, cx, key, NO_LOOKUP, purpose, contact);
    }

    fn search(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, key: Key, lookup: LookupId, purpose: Purpose, contact: Option<PeerId>) {
        let this = cx.key_of(peer.id);
        peer.table.touch(&self.shape, distance(this, key));
        let mut nearest = Nearest::new();
        self.collect(peer, this, key, |_| true, &mut nearest);
        // Upkeep and records need all of the k nearest; a lookup says itself how sure it wants to be.
        let width = if purpose.is_upkeep() { self.config.k } else { self.config.width() };
        let mut list = Paths::new(key, (width, self.config.alpha, self.config.disjoint_paths), peer.id);
        list.begin(self.numbering, key, nearest.as_slice(), peer.id);
        if let Some(contact) = contact {
            list.begin(self.numbering, key, &[contact], peer.id);
        }
        let token = cx.open(Pending::Search(Box::new(Search {
            key,
            lookup,
            purpose,
            began: cx.now(),
            list,
            write: Vec::new(),
            named: Vec::new(),
        })));
        if self.go_on(peer, cx, token) && !self.config.adaptive_timeouts {
            cx.set_timer(self.config.request_timeout.span(), KademliaTimer::Search(token));
        }
    }

    /// Asks whom the search wants to ask now, or ends it. True if it goes on.
    fn go_on(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, token: Token) -> bool {
        let Some(Pending::Search(search)) = cx.request_mut(token) else { return false };
        let paths = search.list.count();
        if !search.list.is_over() {
            self.ask(peer, cx, token, 0);
            if paths == 1 {
                return true;
            }
            (1..paths).for_each(|path| self.ask(peer, cx, token, path));
            // A path may have learnt just now that others have asked all that it was to ask.
            let Some(Pending::Search(search)) = cx.request_mut(token) else { return false };
            if !search.list.is_over() {
                return true;
            }
        }
        if let Some(Pending::Search(mut search)) = cx.close(token) {
            search.list.join();
            self.conclude(peer, cx, &search);
        }
        false
    }

    /// Asks whom one path of the search wants to ask now.
    #[inline]
    fn ask(&self, peer: &KademliaPeer, cx: &mut Cx<'_>, token: Token, path: usize) {
        while self.ask_some(peer, cx, token, path) {}
    }

    /// Asks some of them. True if there may be more.
    #[inline]
    fn ask_some(&self, peer: &KademliaPeer, cx: &mut Cx<'_>, token: Token, path: usize) -> bool {
        let now = cx.now();
        let Some(Pending::Search(search)) = cx.request_mut(token) else { return false };
        let asks = search.list.next(path, now, |to| self.patience_us(peer, to));
        let ask = Ask { key: search.key, lookup: search.lookup, token, upkeep: search.purpose.is_upkeep() };
        let purpose = search.purpose;
        for &to in asks.as_slice() {
            let message = match purpose {
                Purpose::Item => KademliaMessage::FindValue(ask),
                Purpose::Keywords(keywords) => KademliaMessage::FindPostings(ask, keywords),
                Purpose::Publish(_) if self.config.tokens => KademliaMessage::FindKeepers(ask),
                _ => KademliaMessage::FindNode(ask),
            };
            cx.send(to, message);
            if self.config.adaptive_timeouts {
                cx.set_timer(self.patience(peer, to), KademliaTimer::Search(token));
            }
        }
        asks.is_full()
    }

    /// A contact that was asked names others.
    pub(super) fn named(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, contacts: &[PeerId]) {
        self.measured_by_search(peer, cx, from, token);
        let Some(Pending::Search(search)) = cx.request_mut(token) else { return };
        let Some(depth) = search.list.answered(self.numbering, from, contacts, peer.id) else { return };
        if search.purpose == Purpose::Peer(from) {
            // It is there, and no one can be nearer.
            let (lookup, rounds) = (search.lookup, search.list.rounds());
            cx.close(token);
            cx.hit(lookup, Hit { peer: from, hops: u32::from(depth) - 1, rounds });
            cx.finish(lookup);
            return;
        }
        self.go_on(peer, cx, token);
    }

    /// A contact that was asked keeps postings of the rarest word: that ends the search, whether any match or not.
    pub(super) fn postings_found(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, (from, token): (PeerId, Token), found: &[Posting]) {
        self.measured_by_search(peer, cx, from, token);
        let Some(Pending::Search(search)) = cx.request_mut(token) else { return };
        let Some(depth) = search.list.answered(self.numbering, from, &[], peer.id) else { return };
        let (lookup, rounds) = (search.lookup, search.list.rounds());
        cx.close(token);
        postings::answered(cx, lookup, found, (u32::from(depth), rounds));
    }

    /// What matches of what this peer keeps of the rarest word; nothing if that is no posting at all.
    fn postings_for(peer: &KademliaPeer, cx: &mut Cx<'_>, keywords: Keywords) -> Option<Arc<[Posting]>> {
        let records = peer.records().filter(|records| postings::is_keeper(records, cx, keywords))?;
        Some(postings::matching(records, cx, keywords))
    }

    /// A contact that was asked knows holders: that ends the search at once, unless others have to agree.
    pub(super) fn value_found(
        &self,
        peer: &mut KademliaPeer,
        cx: &mut Cx<'_>,
        (from, token): (PeerId, Token),
        holders: Contacts,
        lives: Span,
    ) {
        self.measured_by_search(peer, cx, from, token);
        let Some(Pending::Search(search)) = cx.request_mut(token) else { return };
        let Some(depth) = search.list.answered(self.numbering, from, &[], peer.id) else { return };
        let Some(holders) = self.believed(search, holders) else {
            self.go_on(peer, cx, token);
            return;
        };
        let Some(Pending::Search(mut search)) = cx.close(token) else { return };
        search.list.join();
        if self.config.caching
            && let Some(nearest) = search.list.answers().find(|entry| entry.peer != from)
        {
            cx.send(nearest.peer, KademliaMessage::Cache { key: search.key, holders: holders.clone(), lives });
        }
        Self::name_holders(peer, cx, (search.lookup, from), &holders, (u32::from(depth), search.list.rounds()));
    }

    /// Of the holders that a keeper names, those whom by now as many keepers have named as have to agree.
    fn believed(&self, search: &mut Search, holders: Contacts) -> Option<Contacts> {
        if self.config.quorum <= 1 {
            return Some(holders);
        }
        // However often one keeper names somebody, it is one.
        let mut agreed = holders.to_vec();
        agreed.sort_unstable();
        agreed.dedup();
        search.named.extend(&agreed);
        let times = |holder| search.named.iter().filter(|&&named| named == holder).count();
        agreed.retain(|&holder| times(holder) >= usize::from(self.config.quorum));
        (!agreed.is_empty()).then(|| Contacts::new(&agreed))
    }

    pub(super) fn name_holders(
        peer: &KademliaPeer,
        cx: &mut Cx<'_>,
        (lookup, keeper): (LookupId, PeerId),
        holders: &[PeerId],
        (hops, rounds): (u32, u32),
    ) {
        if cx.setting().keeps_values() {
            cx.hit_by_records(lookup, keeper, holders, hops, rounds);
            cx.finish(lookup);
            return;
        }
        for &holder in holders.iter().filter(|&&holder| holder != peer.id) {
            cx.hit(lookup, Hit { peer: holder, hops, rounds });
        }
        cx.finish(lookup);
    }

    /// A contact that was asked is no member (yet).
    pub(super) fn refused(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, lowest: PeerId) {
        if !peer.active {
            peer.extra().newcomers.refused(lowest);
        }
        match cx.request_mut(token) {
            Some(Pending::Search(search)) => search.list.failed(self.numbering, from),
            Some(Pending::Hop(_)) => {
                if let Some(Pending::Hop(hop)) = cx.close(token) {
                    self.go_round(peer, cx, *hop);
                }
                return;
            }
            _ => return,
        }
        self.go_on(peer, cx, token);
    }

    /// Gives up what has been waited for too long, and waits for the rest.
    pub(super) fn search_timed_out(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, token: Token) {
        let (now, timeout) = (cx.now(), self.config.request_timeout.span());
        loop {
            let Some(Pending::Search(search)) = cx.request_mut(token) else { return };
            let Some(silent) = search.list.overdue(now, timeout) else { break };
            search.list.failed(self.numbering, silent);
            if !search.purpose.is_upkeep() {
                let lookup = search.lookup;
                cx.timed_out(lookup);
            }
            peer.forget_trip(silent);
            self.contact_failed(peer, cx, silent);
        }
        if Self::is_overdue(cx, token)
            && let Some(Pending::Search(search)) = cx.close(token)
        {
            return cx.finish(search.lookup);
        }
        if self.go_on(peer, cx, token)
            && !self.config.adaptive_timeouts
            && let Some(Pending::Search(search)) = cx.request_mut(token)
            && let Some(oldest) = search.list.oldest()
        {
            cx.set_timer(oldest.saturating_add(timeout).since(now), KademliaTimer::Search(token));
        }
    }

    /// True if this is a lookup, and nobody waits for its answer any more.
    fn is_overdue(cx: &mut Cx<'_>, token: Token) -> bool {
        let Some(Pending::Search(search)) = cx.request_mut(token) else { return false };
        let (began, is_lookup) = (search.began, !search.purpose.is_upkeep());
        is_lookup && cx.setting().is_overdue(cx.now().since(began))
    }

    /// The nearest have all answered.
    fn conclude(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, search: &Search) {
        let nearest = search.list.answers().next();
        let rounds = search.list.rounds();
        if nearest.is_none() && peer.active && search.purpose != Purpose::LookAround {
            // Everybody that this peer knows is gone, or unreachable.
            self.look_around(peer, cx);
        }
        match search.purpose {
            Purpose::Key => {
                let own = distance(cx.key_of(peer.id), search.key);
                let hit = match nearest.filter(|entry| entry.distance < own) {
                    Some(entry) => Hit { peer: entry.peer, hops: u32::from(entry.depth) - 1, rounds },
                    None => Hit { peer: peer.id, hops: 0, rounds },
                };
                cx.hit(search.lookup, hit);
                cx.finish(search.lookup);
            }
            Purpose::Peer(_) | Purpose::Item | Purpose::Keywords(_) => cx.finish(search.lookup),
            Purpose::Join => self.join_over(peer, cx, nearest.is_some()),
            Purpose::Fill => self.fill_next(peer, cx),
            Purpose::LookAround | Purpose::Refresh => {}
            Purpose::Publish(of) => self.send_records(peer, cx, search, of),
            Purpose::Withdraw => self.send_removals(peer, cx, search),
            Purpose::Replicate => self.put_in_place(peer, cx, search),
        }
    }
}
