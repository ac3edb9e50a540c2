//! The members of an overlay in the order of their keys.
//!
//! Two places may see one: [`converged`](crate::Overlay::converged), which builds the tables of a network that has run for
//! long, and the judge, which stands outside. A running peer never does.
//!
//! Keys are uniform, so a fixed grid of small sorted buckets finds a neighbourhood in two memory accesses, whatever the size.

use peerlab_prefetch::prefetch;

use crate::ids::{Key, PeerId};

/// Entries per bucket that the grid aims at.
const PER_BUCKET: usize = 8;

/// A set of peers, ordered by key.
#[derive(Clone, Debug)]
pub struct Roster {
    buckets: Vec<Vec<(Key, PeerId)>>,
    shift: u32,
    len: usize,
}

impl Roster {
    /// An empty roster that is quick for about `expected` members (and right for any number).
    pub fn new(expected: usize) -> Self {
        let bits = (expected / PER_BUCKET).max(2).next_power_of_two().trailing_zeros();
        Self { buckets: vec![Vec::new(); 1 << bits], shift: 64 - bits, len: 0 }
    }

    /// Adds a member; `false` if it was one.
    pub fn insert(&mut self, key: Key, peer: PeerId) -> bool {
        let bucket = &mut self.buckets[(key.0 >> self.shift) as usize];
        match bucket.binary_search(&(key, peer)) {
            Ok(_) => false,
            Err(at) => {
                bucket.insert(at, (key, peer));
                self.len += 1;
                true
            }
        }
    }

    /// Removes a member; `false` if it was none.
    pub fn remove(&mut self, key: Key, peer: PeerId) -> bool {
        let bucket = &mut self.buckets[(key.0 >> self.shift) as usize];
        match bucket.binary_search(&(key, peer)) {
            Ok(at) => {
                bucket.remove(at);
                self.len -= 1;
                true
            }
            Err(_) => false,
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if nobody is a member.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Members in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (Key, PeerId)> {
        self.buckets.iter().flatten().copied()
    }

    /// The first member at or after `key` on the ring.
    pub fn successor(&self, key: Key) -> Option<(Key, PeerId)> {
        let home = (key.0 >> self.shift) as usize;
        let bucket = &self.buckets[home];
        let at = bucket.partition_point(|&(k, _)| k < key);
        bucket.get(at).copied().or_else(|| self.first_of(home + 1..self.buckets.len())).or_else(|| self.first_of(0..home + 1))
    }

    /// The last member strictly before `key` on the ring.
    pub fn predecessor(&self, key: Key) -> Option<(Key, PeerId)> {
        let home = (key.0 >> self.shift) as usize;
        let bucket = &self.buckets[home];
        let at = bucket.partition_point(|&(k, _)| k < key);
        let last_of = |range: std::ops::Range<usize>| self.buckets[range].iter().rev().find_map(|b| b.last().copied());
        bucket[..at].last().copied().or_else(|| last_of(0..home)).or_else(|| last_of(home..self.buckets.len()))
    }

    /// The neighbourhood of `key` will be asked for soon: brings near what says where it lies. A hint.
    #[inline]
    pub fn prefetch(&self, key: Key) {
        prefetch::<1, _>(&self.buckets[(key.0 >> self.shift) as usize]);
    }

    /// The neighbourhood of `key` will be asked for very soon: brings it near. A hint.
    #[inline]
    pub fn prefetch_behind(&self, key: Key) {
        prefetch::<2, _>(&*self.buckets[(key.0 >> self.shift) as usize]);
    }

    fn first_of(&self, range: std::ops::Range<usize>) -> Option<(Key, PeerId)> {
        self.buckets[range].iter().find_map(|bucket| bucket.first().copied())
    }
}
