//! Provider records: who holds what, believed until it expires.
//!
//! A holder registers itself under an item's key and refreshes that now and then; whoever keeps the record forgets it when no
//! refresh has come for `record_expiry`. So the records of a peer that crashed die out by themselves.
//!
//! # Cost
//! 24 bytes a record in one sorted vector. Adding moves what lies behind it: fine for the thousands that one peer keeps.

use std::sync::Arc;

pub use peerlab_model::Record;
use peerlab_model::{Context, Key, Overlay, PeerId, Rng, Time};

/// The records that one peer keeps, in the order of (key, holder).
#[derive(Clone, Debug, Default)]
pub struct Records {
    list: Vec<Record>,
}

impl Records {
    /// Takes over records in any order; of two about the same holder and key, the one that lives longer.
    pub fn from_unsorted(mut list: Vec<Record>) -> Self {
        list.sort_unstable_by_key(|r| (r.key, r.holder, std::cmp::Reverse(r.expires)));
        list.dedup_by_key(|r| (r.key, r.holder));
        list.shrink_to_fit();
        Self { list }
    }

    /// Adds a record, or prolongs the one that is there. A record never shortens another's life: messages overtake each other.
    pub fn put(&mut self, record: Record) {
        match self.list.binary_search_by_key(&(record.key, record.holder), |r| (r.key, r.holder)) {
            Ok(at) => self.list[at].expires = self.list[at].expires.max(record.expires),
            Err(at) => self.list.insert(at, record),
        }
    }

    /// Adds a record that its keeper has been asked to keep, unless the keeper obeys a takedown of what it is about.
    pub(crate) fn accept<O: Overlay>(&mut self, cx: &Context<'_, O>, record: Record) {
        if !cx.refuses(record.key) {
            self.put(record);
        }
    }

    /// Prolongs a record if it is there; `false` if there is none.
    pub fn prolong(&mut self, record: &Record) -> bool {
        let found = self.list.binary_search_by_key(&(record.key, record.holder), |r| (r.key, r.holder));
        found.map(|at| self.list[at].expires = self.list[at].expires.max(record.expires)).is_ok()
    }

    /// Removes all records of these keys, which are in order.
    pub fn forget(&mut self, keys: &[Key]) {
        self.list.retain(|r| keys.binary_search(&r.key).is_err());
    }

    /// Keeps the records that `stays` picks.
    pub(crate) fn retain(&mut self, stays: impl FnMut(&Record) -> bool) {
        self.list.retain(stays);
    }

    /// Removes the record of this holder; `false` if there is none.
    pub fn remove(&mut self, key: Key, holder: PeerId) -> bool {
        let found = self.list.binary_search_by_key(&(key, holder), |r| (r.key, r.holder));
        found.map(|at| self.list.remove(at)).is_ok()
    }

    /// The holders registered under `key` whose record lives at `now`, in the order of their numbers.
    pub fn holders(&self, key: Key, now: Time) -> impl Iterator<Item = PeerId> {
        self.of(key).filter(move |r| r.expires > now).map(|r| r.holder)
    }

    /// The same for an answer: a random choice if there are more than `limit`.
    pub(crate) fn some_holders(&self, key: Key, now: Time, limit: u8, rng: &mut Rng) -> Arc<[PeerId]> {
        let mut holders: Vec<PeerId> = self.holders(key, now).collect();
        if holders.len() > usize::from(limit) {
            rng.shuffle(&mut holders);
            holders.truncate(usize::from(limit));
        }
        Arc::from(holders)
    }

    /// All records about `key`, expired ones included until [`Records::expire`].
    pub fn of(&self, key: Key) -> impl Iterator<Item = &Record> {
        let from = self.list.partition_point(|r| r.key < key);
        self.list[from..].iter().take_while(move |r| r.key == key)
    }

    /// All records from this key on, in the order of the keys.
    pub fn from(&self, key: Key) -> impl Iterator<Item = &Record> {
        self.list[self.list.partition_point(|r| r.key < key)..].iter()
    }

    /// Forgets what has expired at `now`.
    pub fn expire(&mut self, now: Time) {
        self.list.retain(|r| r.expires > now);
    }

    /// All records, expired ones included until [`Records::expire`].
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.list.iter()
    }

    /// The same, to be changed; the caller leaves keys and holders alone.
    pub(crate) fn lifetimes_mut(&mut self) -> impl Iterator<Item = &mut Time> {
        self.list.iter_mut().map(|r| &mut r.expires)
    }

    /// The same as a slice.
    pub fn as_slice(&self) -> &[Record] {
        &self.list
    }

    /// How many records there are, expired ones included.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: u64, holder: u32, expires: i64) -> Record {
        Record { key: Key(key), holder: PeerId(holder), expires: Time::from_secs(expires) }
    }

    #[test]
    fn a_record_counts_until_it_expires() {
        let mut records = Records::default();
        records.put(record(5, 1, 10));
        records.put(record(5, 2, 20));
        records.put(record(6, 3, 20));
        let at = |records: &Records, secs| records.holders(Key(5), Time::from_secs(secs)).collect::<Vec<_>>();
        assert_eq!(at(&records, 9), [PeerId(1), PeerId(2)]);
        assert_eq!(at(&records, 10), [PeerId(2)]);
        records.expire(Time::from_secs(10));
        assert_eq!(records.len(), 2);
    }

    #[test]
    fn a_late_copy_never_shortens_a_life() {
        let mut records = Records::from_unsorted(vec![record(5, 1, 30), record(4, 9, 1), record(5, 1, 10)]);
        records.put(record(5, 1, 20));
        assert_eq!(records.iter().copied().collect::<Vec<_>>(), [record(4, 9, 1), record(5, 1, 30)]);
        assert!(records.remove(Key(4), PeerId(9)) && !records.remove(Key(4), PeerId(9)));
    }
}
