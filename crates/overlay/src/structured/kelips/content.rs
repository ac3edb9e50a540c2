//! Filetuples: who holds what, known to all members of the item's group.
//!
//! A holder registers an item with the nearest contact in the item's group, which gossips it; the holder does so again every
//! `republish_interval`, and what is not refreshed is forgotten after `record_expiry`.

use std::sync::Arc;

use peerlab_model::{ItemId, Key, PeerId, Time, Token};

use super::message::Tuple;
use super::peer::{KelipsPeer, Pending};
use super::view::heartbeat;
use super::{Cx, Kelips, KelipsMessage, KelipsTimer};
use crate::records::Record;

/// Contacts that one registration tries.
const INSERTS_MAX: u8 = 3;

impl Kelips {
    // The holder's side.

    /// Registers items, or takes their registration back, a few at a time.
    pub(super) fn queue_items(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, items: &[ItemId], add: bool) {
        peer.extra().publisher.queue(items, add);
        if add {
            self.begin_republishing(peer, cx);
        }
        self.publish_next(peer, cx);
    }

    fn begin_republishing(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.begin(cx, self.config.republish_interval.span(), KelipsTimer::Republish);
    }

    pub(super) fn tick_republish(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.tick(cx, self.config.republish_interval.span(), KelipsTimer::Republish);
        self.publish_next(peer, cx);
    }

    fn publish_next(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        while peer.active
            && let Some((item, add)) = peer.extra.as_deref_mut().and_then(|extra| extra.publisher.next())
        {
            let key = self.numbering.item_key(item);
            let is_own = self.group_of_key(key) == peer.group;
            if is_own && self.values {
                self.settle(peer, cx, peer.id, key, add);
            } else if is_own {
                self.register(peer, cx, peer.id, key, add);
            } else if !add {
                // Nobody makes sure: it expires anyway.
                if let Some(to) = self.nearest_in_group_of(peer, key) {
                    cx.send(to, KelipsMessage::Remove { key });
                }
            }
            if is_own || !add {
                peer.extra().publisher.ended();
            } else if !self.send_insert(peer, cx, item, 0) {
                peer.extra().unplaced.push(item);
                peer.extra().publisher.ended();
            }
        }
    }

    /// Items that found no taker are tried again.
    pub(super) fn place_again(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        let Some(extra) = peer.extra.as_deref_mut().filter(|extra| !extra.unplaced.is_empty()) else { return };
        let mut items = std::mem::take(&mut extra.unplaced);
        // Some may have had their turn twice, or be gone from the disk.
        items.sort_unstable();
        items.dedup();
        items.retain(|&item| cx.holds(item));
        extra.publisher.queue(&items, true);
        self.publish_next(peer, cx);
    }

    pub(super) fn nearest_in_group_of(&self, peer: &KelipsPeer, key: Key) -> Option<PeerId> {
        peer.contacts.of(self.group_of_key(key)).min_by_key(|known| (known.trip(), known.peer)).map(|known| known.peer)
    }

    /// To the nearest contact in the item's group; `false` if there is none.
    fn send_insert(&self, peer: &KelipsPeer, cx: &mut Cx<'_>, item: ItemId, tried: u8) -> bool {
        let key = self.numbering.item_key(item);
        let Some(to) = self.nearest_in_group_of(peer, key) else { return false };
        let token = cx.open(Pending::Insert { to, item, tried });
        cx.send(to, KelipsMessage::Insert { key, token });
        self.await_answer(cx, token);
        true
    }

    pub(super) fn stored(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if let Some(Pending::Insert { to, .. }) = cx.close(token) {
            if to != from {
                // The machine has another identity now, which is of another group: the next turn will be better.
                self.lost(peer, cx.now(), to);
            }
            self.hear(peer, cx.now(), from);
            peer.extra().publisher.ended();
            self.publish_next(peer, cx);
        }
    }

    pub(super) fn insert_failed(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, item: ItemId, tried: u8) {
        if tried + 1 >= INSERTS_MAX || !self.send_insert(peer, cx, item, tried + 1) {
            peer.extra().unplaced.push(item);
            peer.extra().publisher.ended();
            self.publish_next(peer, cx);
        }
    }

    // The group's side.

    pub(super) fn asked_to_insert(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, key: Key, token: Token) {
        if peer.active {
            cx.send(from, KelipsMessage::Stored { token });
            if self.values {
                self.settle(peer, cx, from, key, true);
            } else {
                self.register(peer, cx, from, key, true);
            }
            self.hear(peer, cx.now(), from);
        } else {
            Self::refuse(peer, cx, from, token, None);
        }
    }

    pub(super) fn asked_to_remove(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, key: Key) {
        if peer.active && self.values {
            self.settle(peer, cx, from, key, false);
        } else if peer.active {
            self.register(peer, cx, from, key, false);
        }
    }

    /// A new filetuple, or the end of one: of all that was registered up to now.
    pub(super) fn register(&self, peer: &mut KelipsPeer, cx: &Cx<'_>, holder: PeerId, key: Key, add: bool) {
        let record = Record { key, holder, expires: cx.now().saturating_add(self.tuple_life()) };
        self.hear_of_tuple(peer, cx, Tuple { record, removed: !add });
    }

    pub(super) fn hear_of_tuple(&self, peer: &mut KelipsPeer, cx: &Cx<'_>, tuple: Tuple) {
        let Tuple { record, removed } = tuple;
        if self.group_of_key(record.key) != peer.group || record.expires <= cx.now() || cx.refuses(record.key) {
            return;
        }
        if self.values && peer.active && !removed && record.holder != peer.id && !peer.view.has(record.holder) {
            // A homenode that is gone, or that this peer has not heard of yet: then it will hear of this again. (A newcomer may get the filetuples
            // before the view.)
            return;
        }
        let expiry_in = |records: &crate::records::Records| records.of(record.key).find(|r| r.holder == record.holder).map(|r| r.expires);
        let known = expiry_in(&peer.tuples);
        let ended = peer.extra.as_deref().and_then(|extra| expiry_in(&extra.removed));
        if !removed && record.holder == peer.id && self.is_wrong_about_me(peer, cx, record.key) {
            // In an earlier life it was a homenode: all who do not know yet that it no longer is shall hear of it.
            return self.register(peer, cx, peer.id, record.key, false);
        }
        if ended.is_some_and(|ended| ended >= record.expires) || (!removed && known.is_some_and(|known| known >= record.expires)) {
            return;
        }
        let rounds = self.config.fresh_rounds;
        if removed {
            if known.is_some_and(|known| known <= record.expires) {
                peer.tuples.remove(record.key, record.holder);
            }
            peer.extra().removed.put(record);
        } else {
            peer.tuples.put(record);
        }
        peer.extra().tell(tuple, rounds);
    }

    /// A ration of filetuples: half of it for what is new, the rest at random.
    pub(super) fn tuples_to_tell(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) -> Option<Arc<[Tuple]>> {
        let ration = usize::from(self.config.tuple_ration);
        let mut told = Vec::new();
        if let Some(extra) = peer.extra.as_deref_mut() {
            for _ in 0..ration.div_ceil(2).min(extra.fresh.len()) {
                let Some((tuple, rounds)) = extra.fresh.pop_front() else { break };
                told.push(tuple);
                if rounds > 1 {
                    extra.fresh.push_back((tuple, rounds - 1));
                }
            }
        }
        let (count, now) = (peer.tuples.len(), cx.now());
        if count > 0 {
            let from = cx.rng().index(count);
            let old = peer.tuples.iter().skip(from).take(ration - told.len());
            told.extend(old.filter(|record| record.expires > now).map(|&record| Tuple { record, removed: false }));
        }
        if told.is_empty() { None } else { Some(Arc::from(told)) }
    }

    /// The holders of the item at `key`; a random choice if there are more than an answer takes.
    pub(super) fn holders_of(&self, peer: &KelipsPeer, cx: &mut Cx<'_>, key: Key) -> Arc<[PeerId]> {
        let (now, limit) = (cx.now(), self.config.holders_per_answer);
        peer.tuples.some_holders(key, now, limit, cx.rng())
    }

    /// A member of the converged start: the ages of what it knows count from now.
    pub(super) fn begin_state(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        let shift = cx.now().nanos();
        for expires in peer.tuples.lifetimes_mut() {
            *expires = Time::from_nanos(expires.nanos().saturating_add(shift));
        }
        for expires in peer.extra.iter_mut().flat_map(|extra| extra.values.lifetimes_mut()) {
            *expires = Time::from_nanos(expires.nanos().saturating_add(shift));
        }
        let now = heartbeat(cx.now());
        peer.view.iter_mut().for_each(|known| known.heartbeat += now);
        peer.contacts.iter_mut().for_each(|known| known.heartbeat += now);
        if !cx.shares().is_empty() {
            self.begin_republishing(peer, cx);
        }
    }
}
