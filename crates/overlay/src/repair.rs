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

use peerlab_model::{Issues, Key, Record, Setting, Time};

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
