//! Provider records: a holder registers each of its items with the owner of the item's key, who copies the record to its next
//! successors; the holder does so again every `republish_interval`, and what is not refreshed is forgotten after `record_expiry`.
//!
//! Where peers ask by keyword, the records are postings, one under each word of an item's name (`postings`).
//!
//! Keys move with the ring: a new predecessor gets the records of its interval, and a peer that leaves hands all of its own on.

use std::sync::Arc;

use peerlab_model::{ItemId, Key, PeerId, Token};

use super::peer::{Pending, Purpose, RingPeer};
use super::{ChordLike, ChordTimer, Cx, RingMessage, Shortcuts};
use crate::records::Record;
use crate::repair::records_per_message;

impl<V: Shortcuts> ChordLike<V> {
    // The holder's side.

    /// Registers items, or takes their registration back, a few at a time.
    pub(super) fn queue_items(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, items: &[ItemId], add: bool) {
        peer.extra().publisher.queue_records(items, cx.setting().records_per_item(), add);
        if add {
            self.begin_republishing(peer, cx);
        }
        self.publish_next(peer, cx);
    }

    fn begin_republishing(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        peer.extra().publisher.begin(cx, self.rules.republish_interval, ChordTimer::Republish);
    }

    pub(super) fn tick_republish(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        peer.extra().publisher.tick(cx, self.rules.republish_interval, ChordTimer::Republish);
        self.publish_next(peer, cx);
    }

    fn publish_next(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        while peer.active
            && let Some((key, add)) = peer.extra().publisher.next_record(cx)
        {
            if peer.owns(self.view(peer), key) {
                if add {
                    self.keep(peer, cx, key, peer.id);
                } else {
                    self.forget_record(peer, cx, key, peer.id);
                }
                peer.extra().publisher.ended();
            } else {
                self.ask_own(peer, cx, key, if add { Purpose::Publish } else { Purpose::Withdraw });
            }
        }
    }

    /// The owner of an item's key is known: it gets the record.
    pub(super) fn send_record(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, key: Key, owner: PeerId) {
        if owner == peer.id {
            self.keep(peer, cx, key, owner);
            self.published(peer, cx);
        } else {
            let token = cx.open(Pending::Store { to: owner });
            Self::send(peer, cx, owner, RingMessage::Store { key, token });
            cx.set_timer(self.rules.request_timeout, ChordTimer::Request(token));
        }
    }

    /// The owner of an item's key is known: it shall forget this peer. Nobody makes sure: the record expires anyway.
    pub(super) fn send_removal(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, key: Key, owner: PeerId) {
        if owner == peer.id {
            self.forget_record(peer, cx, key, owner);
        } else {
            Self::send(peer, cx, owner, RingMessage::Remove { key });
        }
        self.published(peer, cx);
    }

    pub(super) fn stored(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, token: Token) {
        if let Some(Pending::Store { to }) = cx.close(token) {
            if to != from {
                // The machine has another identity now.
                self.drop_contact(peer, cx, to);
            }
            self.published(peer, cx);
        }
    }

    /// A publication has ended, well or badly: the next one may begin.
    pub(super) fn published(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        peer.extra().publisher.ended();
        self.publish_next(peer, cx);
    }

    // The owner's side.

    pub(super) fn store(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, holder: PeerId, key: Key, token: Token) {
        if peer.active {
            Self::send(peer, cx, holder, RingMessage::Stored { token });
            self.keep(peer, cx, key, holder);
        } else {
            Self::refuse_upkeep(peer, cx, holder, token);
        }
    }

    fn keep(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, key: Key, holder: PeerId) {
        let holder = cx.setting().registrant(holder);
        let record = Record { key, holder, expires: cx.now().saturating_add(self.rules.record_expiry) };
        peer.extra().records.accept(cx, record);
        self.pass_back(peer, cx, record);
        self.tell_replicas(peer, cx, &RingMessage::Replicate { record });
    }

    /// A record that came here although a newcomer before this peer owns its key (the peers before that one do not know it yet).
    pub(super) fn pass_back(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, record: Record) {
        if let Some(predecessor) = peer.predecessor().filter(|_| !peer.owns(self.view(peer), record.key)) {
            Self::send(peer, cx, predecessor, RingMessage::PassOn { record });
        }
    }

    pub(super) fn replicate(peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, record: Record) {
        if record.expires > cx.now() {
            peer.extra().records.accept(cx, record);
        }
    }

    pub(super) fn remove(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, holder: PeerId, key: Key) {
        self.forget_record(peer, cx, key, holder);
    }

    fn forget_record(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, key: Key, holder: PeerId) {
        let holder = cx.setting().registrant(holder);
        peer.extra().records.remove(key, holder);
        self.tell_replicas(peer, cx, &RingMessage::Retract { key, holder });
    }

    pub(super) fn tell_replicas(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, message: &RingMessage<V::Trail>) {
        for at in 0..usize::from(self.rules.replicas) - 1 {
            let Some(&replica) = peer.successors.get(at) else { break };
            Self::send(peer, cx, replica, message.clone());
        }
    }

    /// True if this peer keeps the value at `key` itself.
    pub(super) fn has_value(peer: &RingPeer<V>, cx: &Cx<'_, V>, key: Key) -> bool {
        let records = || peer.extra.as_deref().is_some_and(|extra| extra.records.holders(key, cx.now()).next().is_some());
        cx.setting().keeps_values() && records()
    }

    /// The registered holders of the item at `key`, or, where peers keep values, who has published it; a random choice if there are more than an answer takes.
    pub(super) fn holders_of(&self, peer: &RingPeer<V>, cx: &mut Cx<'_, V>, key: Key) -> Arc<[PeerId]> {
        let Some(extra) = peer.extra.as_deref() else { return Arc::default() };
        let (now, limit) = (cx.now(), self.rules.holders_per_answer);
        extra.records.some_holders(key, now, limit, cx.rng())
    }

    // When the ring changes.

    /// A new predecessor has become the owner of the keys after `after`: it gets their records. This peer keeps them, as a replica.
    pub(super) fn hand_over_between(peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, after: PeerId, to: PeerId) {
        let (after, upto) = (cx.key_of(after), cx.key_of(to));
        let moving = moving(peer, cx, |key| key.in_half_open(after, upto));
        Self::hand_over(peer, cx, to, &moving);
    }

    /// This peer leaves: its successor becomes the owner of what it owns. Without a predecessor it cannot tell that from its replicas (and,
    /// where peers keep values, leaves them to theirs).
    pub(super) fn hand_over_own(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, to: PeerId) {
        let view = self.view(peer);
        let unsure = peer.predecessor().is_none() && !cx.setting().keeps_values();
        let moving = moving(peer, cx, |key| unsure || peer.owns(view, key));
        Self::hand_over(peer, cx, to, &moving);
    }

    /// Sends records that move, as many in a message as fit.
    fn hand_over(peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, to: PeerId, records: &[Record]) {
        for part in records.chunks(records_per_message(cx.setting())) {
            Self::send(peer, cx, to, RingMessage::HandOver { records: Arc::from(part) });
        }
    }

    pub(super) fn take_over(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, records: &[Record]) {
        for &record in records {
            Self::replicate(peer, cx, record);
            // Values that belong elsewhere find their way when they are offered.
            if !cx.setting().keeps_values() {
                self.pass_back(peer, cx, record);
            }
        }
    }

    /// A member of the converged start: the ages of its records count from now.
    pub(super) fn begin_records(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            let shift = cx.now().nanos();
            for expires in extra.records.lifetimes_mut() {
                *expires = peerlab_model::Time::from_nanos(expires.nanos().saturating_add(shift));
            }
        }
        if !cx.shares().is_empty() {
            self.begin_republishing(peer, cx);
        }
    }
}

/// The living records that move.
fn moving<V: Shortcuts>(peer: &RingPeer<V>, cx: &Cx<'_, V>, moves: impl Fn(Key) -> bool) -> Vec<Record> {
    let Some(extra) = peer.extra.as_deref() else { return Vec::new() };
    let now = cx.now();
    extra.records.iter().copied().filter(|record| record.expires > now && moves(record.key)).collect()
}
