//! Provider records: a holder registers each of its items with the owner of the item's key, who copies the record to the next closest peers
//! of its leaf set; the holder does so again every `republish_interval`, and what is not refreshed is forgotten after `record_expiry`.
//!
//! Records move with the leaf set: who comes between an owner's key and its replicas gets what it is to keep, and a peer that leaves hands
//! on what it owns.

use std::sync::Arc;

use peerlab_model::{ItemId, Key, PeerId, Time, Token};

use super::peer::{PastryPeer, Pending, Purpose};
use super::upkeep::Loss;
use super::{Cx, PastryLike, PastryMessage, PastryTimer, Variant};
use crate::records::Record;
use crate::repair::records_per_message;
use crate::structured::prefix::closeness;

impl<V: Variant> PastryLike<V> {
    // The holder's side.

    /// Registers items, or takes their registration back, a few at a time.
    pub(super) fn queue_items(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, items: &[ItemId], add: bool) {
        peer.extra().publisher.queue(items, add);
        if add {
            self.begin_republishing(peer, cx);
        }
        self.publish_next(peer, cx);
    }

    fn begin_republishing(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        peer.extra().publisher.begin(cx, self.rules.republish_interval, PastryTimer::Republish);
    }

    pub(super) fn tick_republish(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        peer.extra().publisher.tick(cx, self.rules.republish_interval, PastryTimer::Republish);
        self.publish_next(peer, cx);
    }

    fn publish_next(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        while peer.active
            && let Some((item, add)) = peer.extra().publisher.next()
        {
            self.ask_own(peer, cx, self.numbering.item_key(item), if add { Purpose::Publish } else { Purpose::Withdraw });
        }
    }

    /// The owner of an item's key is known: it gets the record.
    pub(super) fn send_record(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, key: Key, owner: PeerId) {
        if owner == peer.id {
            self.keep(peer, cx, key, owner);
            self.published(peer, cx);
        } else {
            let token = cx.open(Pending::Store { to: owner });
            cx.send(owner, PastryMessage::Store { key, token });
            cx.set_timer(self.rules.request_timeout, PastryTimer::Request(token));
        }
    }

    /// The owner of an item's key is known: it shall forget this peer. Nobody makes sure: the record expires anyway.
    pub(super) fn send_removal(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, key: Key, owner: PeerId) {
        if owner == peer.id {
            self.remove(peer, cx, owner, key);
        } else {
            cx.send(owner, PastryMessage::Remove { key });
        }
        self.published(peer, cx);
    }

    pub(super) fn stored(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token) {
        if let Some(Pending::Store { to }) = cx.close(token) {
            if to != from {
                // The machine has another identity now.
                self.lose(peer, cx, to, Loss::Noticed);
            }
            self.published(peer, cx);
        }
    }

    /// A publication has ended, well or badly: the next one may begin.
    pub(super) fn published(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        peer.extra().publisher.ended();
        self.publish_next(peer, cx);
    }

    // The owner's side.

    pub(super) fn store(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, holder: PeerId, key: Key, token: Token) {
        if peer.active {
            cx.send(holder, PastryMessage::Stored { token });
            self.keep(peer, cx, key, holder);
        } else {
            Self::refuse_upkeep(peer, cx, holder, token);
        }
    }

    fn keep(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, key: Key, holder: PeerId) {
        let holder = cx.setting().registrant(holder);
        let record = Record { key, holder, expires: cx.now().saturating_add(self.rules.record_expiry) };
        peer.extra().records.accept(cx, record);
        self.tell_replicas(peer, cx, key, &PastryMessage::Replicate { record });
    }

    pub(super) fn replicate(peer: &mut PastryPeer, cx: &Cx<'_, V>, record: Record) {
        if record.expires > cx.now() {
            peer.extra().records.accept(cx, record);
        }
    }

    pub(super) fn remove(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, holder: PeerId, key: Key) {
        let holder = cx.setting().registrant(holder);
        peer.extra().records.remove(key, holder);
        self.tell_replicas(peer, cx, key, &PastryMessage::Retract { key, holder });
    }

    /// Also tells whoever is closer to the key than this peer, which may have come while the record was on its way.
    fn tell_replicas(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>, key: Key, message: &PastryMessage) {
        for replica in peer.replicas(self.numbering, key, usize::from(self.rules.replicas) - 1) {
            cx.send(replica, message.clone());
        }
    }

    /// True if this peer keeps the value at `key` itself.
    pub(super) fn has_value(peer: &PastryPeer, cx: &Cx<'_, V>, key: Key) -> bool {
        let records = || peer.records().is_some_and(|records| records.holders(key, cx.now()).next().is_some());
        cx.setting().keeps_values() && records()
    }

    /// The registered holders of the item at `key`, or, where peers keep values, who has published it; a random choice if there are more than an answer takes.
    pub(super) fn holders_of(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>, key: Key) -> Arc<[PeerId]> {
        let Some(extra) = peer.extra.as_deref() else { return Arc::default() };
        let (now, limit) = (cx.now(), self.rules.holders_per_answer);
        extra.records.some_holders(key, now, limit, cx.rng())
    }

    // When the leaf set changes.

    /// A peer has come into the leaf set: of the records that this peer has owned until now, it gets those that it is to keep.
    pub(super) fn share_records_with(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>, newcomer: PeerId) {
        if cx.setting().keeps_values() && !peer.announced {
            // It has what was on its disk, and does not know yet what of that it owns.
            return;
        }
        let copies = usize::from(self.rules.replicas) - 1;
        Self::hand_over(peer, cx, |peer, key| {
            let this = closeness(key, self.numbering.key(peer.id));
            let mut ahead = peer.replicas(self.numbering, key, 2).filter(|&other| other != newcomer);
            let owned = ahead.next().is_none_or(|other| this < closeness(key, self.numbering.key(other)));
            let closer = closeness(key, self.numbering.key(newcomer)) < this;
            (owned && (closer || peer.replicas(self.numbering, key, copies).any(|other| other == newcomer))).then_some(newcomer)
        });
    }

    /// A peer has gone from the leaf set: whoever takes its place among the replicas of this peer's own records gets them.
    pub(super) fn replace_replica(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>, gone: PeerId) {
        let copies = usize::from(self.rules.replicas) - 1;
        Self::hand_over(peer, cx, |peer, key| {
            let last = peer.replicas(self.numbering, key, copies).nth(copies.checked_sub(1)?)?;
            let was_one = closeness(key, self.numbering.key(gone)) < closeness(key, self.numbering.key(last));
            (was_one && peer.is_closest(self.numbering, key)).then_some(last)
        });
    }

    /// This peer leaves: the next closest peer becomes the owner of what it owns.
    pub(super) fn hand_over_own(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>) {
        Self::hand_over(
            peer,
            cx,
            |peer, key| {
                if peer.is_closest(self.numbering, key) { peer.replicas(self.numbering, key, 1).next() } else { None }
            },
        );
    }

    /// Sends the living records to whom `keeper` names for their key, as many in a message as fit.
    fn hand_over(peer: &PastryPeer, cx: &mut Cx<'_, V>, keeper: impl Fn(&PastryPeer, Key) -> Option<PeerId>) {
        let Some(extra) = peer.extra.as_deref().filter(|extra| !extra.records.is_empty()) else { return };
        let now = cx.now();
        let living = extra.records.iter().copied().filter(|record| record.expires > now);
        let mut moving: Vec<(PeerId, Record)> = living.filter_map(|record| Some((keeper(peer, record.key)?, record))).collect();
        moving.sort_by_key(|&(to, _)| to);
        for to_one in moving.chunk_by(|a, b| a.0 == b.0) {
            for part in to_one.chunks(records_per_message(cx.setting())) {
                cx.send(part[0].0, PastryMessage::HandOver { records: part.iter().map(|&(_, record)| record).collect() });
            }
        }
    }

    pub(super) fn take_over(peer: &mut PastryPeer, cx: &Cx<'_, V>, records: &[Record]) {
        for &record in records {
            Self::replicate(peer, cx, record);
        }
    }

    /// A member of the converged start: the ages of its records count from now.
    pub(super) fn begin_records(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
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
