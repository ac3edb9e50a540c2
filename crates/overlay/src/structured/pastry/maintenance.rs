//! The repair of values, only where peers keep values.
//!
//! A change of the leaf set is answered at once: `content` gives a newcomer, or who takes a lost replica's place, what it is to keep (PAST:
//! Rowstron, Druschel, SOSP 2001, section 3.5). What that misses is found by comparing at intervals, as Bamboo's storage does (Rhea, *OpenDHT:
//! A Public DHT Service*, Berkeley 2005): an owner offers what it owns to its replicas, every other keeper offers what it has to the
//! owner; who should keep a value and lacks it asks for it, and the owner tells a keeper that need not keep it.
//!
//! # Cost
//! Each `maintenance_interval` a peer lists the keys of its values, those that it owns `replicas` − 1 times; and looks up the owner of one
//! that its leaf set does not reach, if there is one.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, Record};

use super::leaves::Cover;
use super::peer::{PastryPeer, Purpose};
use super::{Cx, PastryLike, PastryMessage, PastryTimer, Variant};
use crate::repair::{KEYS_PER_MESSAGE, asked_for, missing, offers};
use crate::structured::prefix::closeness;

impl<V: Variant> PastryLike<V> {
    pub(super) fn begin_maintenance(&self, cx: &mut Cx<'_, V>) {
        let interval = self.rules.maintenance_interval;
        if cx.setting().keeps_values() && interval.nanos() > 0 {
            cx.set_timer_within(interval, PastryTimer::Maintenance);
        }
    }

    pub(super) fn tick_maintenance(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        let gap = Self::gap(cx, self.rules.maintenance_interval);
        cx.set_timer(gap, PastryTimer::Maintenance);
        if !peer.active {
            return;
        }
        let copies = usize::from(self.rules.replicas) - 1;
        let mut moving: Vec<(PeerId, Record)> = Vec::new();
        let mut far: Vec<Key> = Vec::new();
        for &record in peer.records().into_iter().flat_map(crate::records::Records::iter).filter(|record| record.expires > cx.now()) {
            let key = record.key;
            if self.reaches(peer, key) {
                let many = if peer.is_closest(self.numbering, key) { copies } else { 1 };
                moving.extend(peer.replicas(self.numbering, key, many).map(|to| (to, record)));
            } else {
                far.push(key);
            }
        }
        moving.sort_by_key(|&(to, _)| to);
        for to_one in moving.chunk_by(|a, b| a.0 == b.0) {
            for part in to_one.chunks(KEYS_PER_MESSAGE) {
                cx.send(part[0].0, PastryMessage::Offer { records: part.iter().map(|&(_, record)| record).collect() });
            }
        }
        if let Some(&key) = cx.rng().pick(&far) {
            self.ask_own(peer, cx, key, Purpose::Offer);
        }
    }

    /// True if the key's owner is this peer, or one of its leaf set.
    fn reaches(&self, peer: &PastryPeer, key: Key) -> bool {
        peer.leaves.covers(self.view(peer), self.rules.side(), key) != Cover::Beyond
    }

    /// The owner of a key beyond the leaf set is known: what is closer to it than to this peer may all be its own.
    pub(super) fn offer_far(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>, owner: PeerId) {
        let Some(records) = peer.records().filter(|_| owner != peer.id) else { return };
        let (its, own) = (cx.key_of(owner), cx.key_of(peer.id));
        let closer = |key: Key| !self.reaches(peer, key) && closeness(key, its) < closeness(key, own);
        for records in offers(records, cx.now(), closer) {
            cx.send(owner, PastryMessage::Offer { records });
        }
    }

    pub(super) fn offered(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, offered: &[Record]) {
        if !peer.active {
            return;
        }
        let copies = usize::from(self.rules.replicas);
        let is_for_me = |key: Key| {
            let own = closeness(key, cx.key_of(peer.id));
            let closer = peer.replicas(self.numbering, key, copies).filter(|&leaf| closeness(key, cx.key_of(leaf)) < own).count();
            self.reaches(peer, key) && closer < copies
        };
        let mine: Vec<Record> = offered.iter().filter(|record| is_for_me(record.key)).copied().collect();
        let keys = missing(&mut peer.extra().records, &mine, cx.now());
        let is_spare = |key: Key| {
            let is_replica = peer.replicas(self.numbering, key, copies - 1).any(|replica| replica == from);
            !is_replica && !keys.contains(&key) && peer.is_closest(self.numbering, key)
        };
        let spare: Arc<[Key]> = mine.iter().map(|record| record.key).filter(|&key| is_spare(key)).collect();
        if !keys.is_empty() {
            cx.send(from, PastryMessage::Want { keys });
        }
        if !spare.is_empty() {
            cx.send(from, PastryMessage::Spare { keys: spare });
        }
    }

    pub(super) fn wanted(peer: &PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, keys: &[Key]) {
        let Some(records) = peer.records() else { return };
        for records in asked_for(records, keys, cx.now(), cx.setting()) {
            cx.send(from, PastryMessage::Values { records });
        }
    }
}
