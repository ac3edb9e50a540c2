//! Provider records: a holder stores a record of itself at the k peers nearest to the item's key, and again every `republish_interval`;
//! what is not stored again is forgotten after `record_expiry`.
//!
//! A lookup that finds records leaves a copy at the nearest peer that had none; a peer that meets a newcomer nearer to a record's key gives it
//! a copy (paper, sections 2.3 and 2.5). With the token rule of BEP 5 (`tokens`), only a holder itself can store.
//!
//! Where peers ask by keyword, the records are postings, one under each word of an item's name (`crate::postings`), at the k peers nearest to the word.

use std::sync::Arc;

use peerlab_model::{ItemId, Key, PeerId, Span, Time, Token};

use super::message::WriteToken;
use super::nearest::K_MAX;
use super::peer::{Extra, KademliaPeer, Pending, Purpose, Search};
use super::table::Place;
use super::{Cx, Kademlia, KademliaMessage, KademliaTimer};
use crate::publisher::Registration;
use crate::records::Record;
use crate::repair::records_per_message;
use crate::structured::contacts::Contacts;
use crate::structured::xor::distance;

impl Kademlia {
    // The holder's side.

    /// Registers items, or takes their registration back, a few at a time.
    pub(super) fn queue_items(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, items: &[ItemId], add: bool) {
        peer.extra().publisher.queue_records(items, cx.setting().records_per_item(), add);
        if add {
            self.begin_republishing(peer, cx);
        }
        self.publish_next(peer, cx);
    }

    fn begin_republishing(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.begin(cx, self.config.republish_interval.span(), KademliaTimer::Republish);
    }

    pub(super) fn tick_republish(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.tick(cx, self.config.republish_interval.span(), KademliaTimer::Republish);
        self.publish_next(peer, cx);
    }

    pub(super) fn publish_next(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        while peer.active
            && let Some(next) = peer.extra().publisher.take()
        {
            self.search_own(peer, cx, next.key(cx), if next.add { Purpose::Publish(next) } else { Purpose::Withdraw }, None);
        }
    }

    /// The peers nearest to a key, out of those that answered and this one.
    pub(super) fn keepers(&self, peer: &KademliaPeer, cx: &Cx<'_>, search: &Search) -> Vec<PeerId> {
        let copies = usize::from(self.config.copies());
        let own = distance(cx.key_of(peer.id), search.key);
        let mut keepers: Vec<(u64, PeerId)> = search.list.answers().take(copies).map(|entry| (entry.distance, entry.peer)).collect();
        let at = keepers.partition_point(|&(away, _)| away < own);
        keepers.insert(at, (own, peer.id));
        keepers.truncate(copies);
        keepers.into_iter().map(|(_, keeper)| keeper).collect()
    }

    pub(super) fn send_records(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, search: &Search, of: Registration) {
        Self::stored_again(peer, of);
        for keeper in self.keepers(peer, cx, search) {
            if keeper == peer.id {
                self.keep(peer, cx, search.key, keeper, self.config.record_expiry.span());
                self.received(peer, cx, search.key);
                continue;
            }
            let token = cx.open(Pending::Store { to: keeper, of });
            let write = search.write.iter().find(|&&(from, _)| from == keeper).map(|&(_, write)| write);
            let message = match write {
                Some(write) => KademliaMessage::StoreWith { key: search.key, token, write },
                None => KademliaMessage::Store { key: search.key, token },
            };
            cx.send(keeper, message);
            cx.set_timer(self.config.request_timeout.span(), KademliaTimer::Request(token));
        }
        self.published(peer, cx);
    }

    /// Nobody makes sure: what is not removed expires.
    pub(super) fn send_removals(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, search: &Search) {
        for keeper in self.keepers(peer, cx, search) {
            if keeper == peer.id {
                peer.extra().records.remove(search.key, cx.setting().registrant(keeper));
            } else {
                cx.send(keeper, KademliaMessage::Remove { key: search.key });
            }
        }
        self.published(peer, cx);
    }

    /// A publication has ended: the next one may begin.
    fn published(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.ended();
        self.publish_next(peer, cx);
    }

    // The keeper's side.

    pub(super) fn store(
        &self,
        peer: &mut KademliaPeer,
        cx: &mut Cx<'_>,
        (holder, key): (PeerId, Key),
        token: Token,
        write: Option<WriteToken>,
    ) {
        if self.config.tokens && !Self::may_store(peer, cx, holder, write) {
            cx.send(holder, KademliaMessage::RefuseStore { token });
            return;
        }
        self.keep(peer, cx, key, holder, self.config.record_expiry.span());
        self.received(peer, cx, key);
        cx.send(holder, KademliaMessage::Stored { token });
    }

    fn keep(&self, peer: &mut KademliaPeer, cx: &Cx<'_>, key: Key, holder: PeerId, lives: Span) {
        let holder = cx.setting().registrant(holder);
        let record = Record { key, holder, expires: cx.now().saturating_add(lives.min(self.config.record_expiry.span())) };
        peer.extra().records.accept(cx, record);
    }

    /// A copy for popular questions. It lives the shorter the more peers there are between this one and the key (paper, section 2.3:
    /// exponentially): half as long for each k of them.
    pub(super) fn keep_for_a_while(&self, peer: &mut KademliaPeer, cx: &Cx<'_>, key: Key, holders: &[PeerId], lives: Span) {
        let home = peer.table.contacts(&self.shape, Place::Home).count() as u128;
        let away = u128::from(distance(cx.key_of(peer.id), key));
        // As many peers to the unit of distance as there are at home.
        let between = (home * away) >> (64 - peer.table.groups());
        let halvings = (between / self.shape.k as u128).min(63) as u32;
        let lives = lives.min(Span::from_nanos(self.config.record_expiry.span().nanos() >> halvings));
        for &holder in holders.iter().take(usize::from(K_MAX)) {
            self.keep(peer, cx, key, holder, lives);
        }
    }

    /// The registered holders of the item at `key`, a random choice if there are more than an answer takes, and how long the first of their
    /// records still lives. Nothing if none is known.
    pub(super) fn holders_of(&self, peer: &KademliaPeer, cx: &mut Cx<'_>, key: Key) -> Option<(Contacts, Span)> {
        let extra = peer.extra.as_deref()?;
        let limit = usize::from(self.config.holders_per_answer);
        let now = cx.now();
        let mut living: Vec<Record> = extra.records.of(key).filter(|record| record.expires > now).copied().collect();
        if living.len() > limit {
            cx.rng().shuffle(&mut living);
            living.truncate(limit);
        }
        let first = living.iter().map(|record| record.expires).min()?;
        let holders: Vec<PeerId> = living.iter().map(|record| record.holder).collect();
        Some((Contacts::new(&holders), first.since(now)))
    }

    /// A newcomer has turned up nearby (paper, section 2.5): it gets the records that it is near enough to keep, from the peer that is
    /// nearest to their key.
    pub(super) fn hand_over(&self, peer: &KademliaPeer, cx: &mut Cx<'_>, to: PeerId) {
        let has_some = |extra: &&Extra| self.config.hand_over && !extra.records.is_empty();
        let Some(extra) = peer.extra.as_deref().filter(has_some) else { return };
        let (this, now) = (cx.key_of(peer.id), cx.now());
        let keys: Vec<Key> = peer.table.contacts(&self.shape, Place::Home).filter(|&near| near != to).map(|near| cx.key_of(near)).collect();
        let to_key = cx.key_of(to);
        let copies = usize::from(self.config.copies());
        let is_for = |record: &&Record| {
            let (own, its) = (distance(this, record.key), distance(to_key, record.key));
            let nearer = |than: u64| keys.iter().filter(|&&near| distance(near, record.key) < than).count();
            record.expires > now && nearer(own) == 0 && nearer(its) + usize::from(own < its) < copies
        };
        let records: Vec<Record> = extra.records.iter().filter(is_for).copied().collect();
        for part in records.chunks(records_per_message(cx.setting())) {
            cx.send(to, KademliaMessage::HandOver { records: Arc::from(part) });
        }
    }

    pub(super) fn take_over(&self, peer: &mut KademliaPeer, cx: &Cx<'_>, records: &[Record]) {
        for &record in records {
            self.replicated(peer, cx, record);
        }
    }

    /// A member of the converged start: the ages of its records count from now.
    pub(super) fn begin_records(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            let shift = cx.now().nanos();
            for expires in extra.records.lifetimes_mut() {
                *expires = Time::from_nanos(expires.nanos().saturating_add(shift));
            }
        }
        if !cx.shares().is_empty() {
            self.begin_republishing(peer, cx);
        }
    }
}
