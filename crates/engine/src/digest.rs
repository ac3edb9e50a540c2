//! The fingerprint of a run: a sum of strong hashes, one per event.
//!
//! A sum does not know the order of its terms, so a run has the same digest on any number of shards; and each term covers
//! the event's key, its receiver and its content, so one changed bit anywhere changes the digest.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::key::EventKey;
use crate::random::{fold, mix};

/// The commutative trace digest of a run (or of a shard's part of it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Digest {
    low: u64,
    high: u64,
}

impl Digest {
    /// Adds one handled event.
    #[inline]
    pub fn add<C: Hash + ?Sized>(&mut self, key: EventKey, receiver: u32, content: &C) {
        let mut hasher = ContentHasher::default();
        content.hash(&mut hasher);
        let who = u64::from(key.origin) << 32 | u64::from(key.seq);
        let first = fold(key.time.nanos() as u64 ^ 0x9e37_79b9_7f4a_7c15, who ^ 0xd6e8_feb8_6659_fd93);
        let term = fold(first ^ hasher.0, u64::from(receiver) ^ 0xa076_1d64_78bd_642f);
        self.low = self.low.wrapping_add(term);
        self.high = self.high.wrapping_add(fold(term ^ 0xbf58_476d_1ce4_e5b9, first ^ 0x94d0_49bb_1331_11eb));
    }

    /// The digest of both parts together.
    pub fn merge(&mut self, other: Self) {
        self.low = self.low.wrapping_add(other.low);
        self.high = self.high.wrapping_add(other.high);
    }
}

impl fmt::Display for Digest {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.high, self.low)
    }
}

/// A hasher whose values are the same on every platform and in every version of the standard library.
#[derive(Clone, Debug)]
pub struct ContentHasher(u64);

impl Default for ContentHasher {
    fn default() -> Self {
        Self(0x2545_f491_4f6c_dd1d)
    }
}

impl ContentHasher {
    #[inline]
    fn absorb(&mut self, word: u64) {
        // For a given state, each word leads to another one, and the other way round: one changed field always shows.
        self.0 = (self.0 ^ word).wrapping_mul(0xe703_7ed1_a0b4_28db).rotate_left(29);
    }
}

impl Hasher for ContentHasher {
    #[inline]
    fn finish(&self) -> u64 {
        mix(self.0)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.absorb(u64::from_le_bytes(word));
        }
        self.absorb(bytes.len() as u64);
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.absorb(u64::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.absorb(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.absorb(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.absorb(value);
    }

    fn write_u128(&mut self, value: u128) {
        self.absorb(value as u64);
        self.absorb((value >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.absorb(value as u64);
    }

    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.absorb(value as u64);
    }
}
