//! Repair of values: two keepers compare what they have by its keys, and only what is missing is sent.
//!
//! One of them offers (20 bytes a key and the rest of its life), the other one asks for what it lacks, and gets it. An owner that is offered
//! what it has already, by a peer that need not keep it, says so: then it is forgotten there.
//!
//! # Source
//! DHash (Cates, *Robust and Efficient Data Management for a Distributed Hash Table*, MIT 2003; Dabek et al., NSDI 2004), without its hash trees: a
//! peer lists all keys each time.
//!
//! # Not here
//! Who offers what to whom, and when: that is the model's.

use std::sync::Arc;

use peerlab_model::{Context, Fields, Issues, Key, Overlay, PeerId, Record, Setting, Time};

use crate::records::Records;

/// Bytes of a datagram that does not get fragmented.
const DATAGRAM: u32 = 1500;

/// Records in one message: what fits into a datagram of 1500 bytes; a value that does not fit travels alone.
pub(crate) fn records_per_message(setting: &Setting) -> usize {
    // 28 for its headers, a byte for the kind; 50 for key, holder and life, and the value's own length.
    ((DATAGRAM - 29) / (51 + setting.value_bytes)).max(1) as usize
}

/// Keys, each with the rest of its life, in one message.
pub(crate) const KEYS_PER_MESSAGE: usize = 60;

/// The living records that `wanted` picks, in parts that fit into a message in which only their keys travel.
pub(crate) fn offers(records: &Records, now: Time, wanted: impl Fn(Key) -> bool) -> Vec<Arc<[Record]>> {
    let list: Vec<Record> = records.iter().copied().filter(|record| record.expires > now && wanted(record.key)).collect();
    list.chunks(KEYS_PER_MESSAGE).map(Arc::from).collect()
}

/// Of the values that are offered, those that are missing here; of those that are here, the longer life counts from now on.
pub(crate) fn missing(records: &mut Records, offered: &[Record], now: Time) -> Arc<[Key]> {
    offered.iter().filter(|record| record.expires > now && !records.prolong(record)).map(|record| record.key).collect()
}

/// The living records of these keys, in parts that fit into a message together with their values.
pub(crate) fn asked_for(records: &Records, keys: &[Key], now: Time, setting: &Setting) -> Vec<Arc<[Record]>> {
    let list: Vec<Record> = keys.iter().flat_map(|&key| records.of(key)).copied().filter(|record| record.expires > now).collect();
    list.chunks(records_per_message(setting)).map(Arc::from).collect()
}

/// Notes a number of copies that no population of this size can keep.
pub(crate) fn check_replicas(replicas: u32, population: u32, issues: &mut Issues) {
    if replicas > population {
        issues.error_with_help(
            "replicas",
            format!("{replicas} copies need as many peers, and there are {population}"),
            format!("at most {population}, or more peers"),
        );
    }
}

/// Owners that a keeper looks up each time at most, of values for which it does not know them.
pub(crate) const LOOKED_FOR_MAX: usize = 4;

/// What two keepers say to each other when they compare.
#[derive(Clone, Debug, Hash)]
pub enum Comparison {
    /// The keys of values that the sender keeps, and how long they live.
    Offer {
        /// The values, of which only this travels.
        records: Arc<[Record]>,
    },
    /// What of it is missing here.
    Want {
        /// Its keys.
        keys: Arc<[Key]>,
    },
    /// Values that were asked for, or that are to be kept from now on.
    Values {
        /// The values.
        records: Arc<[Record]>,
    },
    /// Values that the receiver need not keep: others do.
    Spare {
        /// Their keys.
        keys: Arc<[Key]>,
    },
}

impl Comparison {
    /// The names of its kinds: the last ones of a message type that has them.
    pub(crate) const KINDS: [&'static str; 4] = ["offer", "want", "values", "spare"];

    /// Which of its kinds it is.
    pub(crate) fn kind(&self) -> usize {
        match self {
            Self::Offer { .. } => 0,
            Self::Want { .. } => 1,
            Self::Values { .. } => 2,
            Self::Spare { .. } => 3,
        }
    }

    /// A byte for the kind, and 4 for the rest of each life.
    pub(crate) fn fields(&self) -> Fields {
        match self {
            Self::Offer { records } => Fields::bytes(1 + 4 * records.len() as u32).keys(records.len() as u32),
            Self::Values { records } => values(records),
            Self::Want { keys } | Self::Spare { keys } => Fields::bytes(1).keys(keys.len() as u32),
        }
    }
}

/// The size of a message of records with what they are about.
pub(crate) fn values(records: &[Record]) -> Fields {
    let count = records.len() as u32;
    Fields::bytes(1 + 4 * count).keys(count).contacts(count).records(count)
}

/// A model whose peers compare the values that they keep.
pub(crate) trait Keeper: Overlay {
    /// What one peer keeps.
    fn kept(peer: &mut Self::Peer) -> &mut Records;

    /// The message that carries this.
    fn wrap(comparison: Comparison) -> Self::Message;

    /// Adds those with whom this peer compares a value that it keeps: the replicas, if it is responsible for it, else who is. `false` if it does not
    /// know who that is.
    fn partners(&self, peer: &Self::Peer, key: Key, add: &mut dyn FnMut(PeerId)) -> bool;

    /// True if a value that `from` offers is this peer's to keep, as far as it knows.
    fn keeps(&self, peer: &Self::Peer, cx: &Context<'_, Self>, key: Key, from: PeerId) -> bool;

    /// True if others keep the value, as far as this peer knows, and `from` need not.
    fn spares(&self, peer: &Self::Peer, cx: &Context<'_, Self>, key: Key, from: PeerId) -> bool;

    /// A value has come that is to be kept.
    fn take(&self, peer: &mut Self::Peer, cx: &mut Context<'_, Self>, record: Record) {
        Self::kept(peer).accept(cx, record);
    }

    /// These are kept by others, says `from`.
    fn give_up(&self, peer: &mut Self::Peer, _cx: &mut Context<'_, Self>, _from: PeerId, keys: &[Key]) {
        Self::kept(peer).forget(keys);
    }
}

/// Offers all that a peer keeps to those with whom it compares it. The keys of those for which it knows nobody are left.
pub(crate) fn offer_all<K: Keeper>(model: &K, peer: &mut K::Peer, cx: &mut Context<'_, K>) -> Vec<Key> {
    let now = cx.now();
    let kept: Vec<Record> = K::kept(peer).iter().filter(|record| record.expires > now).copied().collect();
    let (mut offers, mut far) = (Vec::new(), Vec::new());
    for record in kept {
        if !model.partners(peer, record.key, &mut |to| offers.push((to, record))) {
            far.push(record.key);
        }
    }
    send_offers(cx, offers);
    far
}

/// Offers values, each to one peer.
pub(crate) fn send_offers<K: Keeper>(cx: &mut Context<'_, K>, offers: Vec<(PeerId, Record)>) {
    for (to, records) in packed(offers, KEYS_PER_MESSAGE) {
        cx.send(to, K::wrap(Comparison::Offer { records }));
    }
}

/// Sends values, each to one peer.
pub(crate) fn send_values<K: Keeper>(cx: &mut Context<'_, K>, values: Vec<(PeerId, Record)>) {
    for (to, records) in packed(values, records_per_message(cx.setting())) {
        cx.send(to, K::wrap(Comparison::Values { records }));
    }
}

/// Records by whom they are for, no more than `most` of them together.
pub(crate) fn packed(mut records: Vec<(PeerId, Record)>, most: usize) -> Vec<(PeerId, Arc<[Record]>)> {
    records.sort_by_key(|&(to, _)| to);
    let parts = records.chunk_by(|a, b| a.0 == b.0).flat_map(|to_one| to_one.chunks(most));
    parts.map(|part| (part[0].0, part.iter().map(|&(_, record)| record).collect())).collect()
}

/// What a member does when another keeper compares with it.
pub(crate) fn compared<K: Keeper>(model: &K, peer: &mut K::Peer, cx: &mut Context<'_, K>, from: PeerId, comparison: &Comparison) {
    match comparison {
        Comparison::Offer { records } => {
            let mine: Vec<Record> = records.iter().filter(|record| model.keeps(peer, cx, record.key, from)).copied().collect();
            let keys = missing(K::kept(peer), &mine, cx.now());
            let others = records.iter().filter(|record| !keys.contains(&record.key));
            let spared: Vec<Record> = others.filter(|record| model.spares(peer, cx, record.key, from)).copied().collect();
            let spare: Arc<[Key]> = spared.iter().map(|record| record.key).collect();
            // Whoever should keep them instead may not have been told yet: so nobody forgets a value before somebody else is asked to keep it.
            let mut offers = Vec::new();
            for &record in &spared {
                model.partners(peer, record.key, &mut |to| offers.push((to, record)));
            }
            send_offers(cx, offers);
            if !keys.is_empty() {
                cx.send(from, K::wrap(Comparison::Want { keys }));
            }
            if !spare.is_empty() {
                cx.send(from, K::wrap(Comparison::Spare { keys: spare }));
            }
        }
        Comparison::Want { keys } => {
            for records in asked_for(K::kept(peer), keys, cx.now(), cx.setting()) {
                cx.send(from, K::wrap(Comparison::Values { records }));
            }
        }
        Comparison::Values { records } => {
            let now = cx.now();
            for &record in records.iter().filter(|record| record.expires > now) {
                model.take(peer, cx, record);
            }
        }
        Comparison::Spare { keys } => model.give_up(peer, cx, from, keys),
    }
}

/// True if these records have the value at `key`, where peers keep values.
pub(crate) fn has_value<O: Overlay>(records: Option<&Records>, cx: &Context<'_, O>, key: Key) -> bool {
    cx.setting().keeps_values() && records.is_some_and(|records| records.holders(key, cx.now()).next().is_some())
}
