//! Randomness that is keyed, not shared.
//!
//! Every draw of a run belongs to a *purpose* ("churn", "lookups", "overlay", …) and an *entity* (a peer, an item, an event).
//! ChaCha8, keyed by the seed and the purpose, with the entity as its stream, seeds a small generator for each; how much
//! randomness one purpose uses can therefore never shift what another one sees, and two topologies meet the same world.
//!
//! Two forms:
//! - [`Streams::rng`]: a small sequential generator (16 bytes) for an entity that draws again and again;
//! - [`Streams::keyed`]: a stateless function of a key, for draws that belong to an event (jitter, loss) or to the n-th thing
//!   of an entity (session n, question n), which then needs no memory at all.
//!
//! The values are ours alone (`below`, `shuffle`, `unit_f64` do not follow any version of another crate), and golden vectors
//! in the tests hold them still.
//!
//! # Cost
//! `rng`: one ChaCha8 block, 0.1–0.2 µs. `keyed(..).bits(..)`: three multiplications.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoroshiro128PlusPlus;

/// The source of all randomness of one run.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    seed: u64,
}

/// A small generator that belongs to one entity and one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(Xoroshiro128PlusPlus);

/// A stateless random function: equal keys give equal bits, different ones unrelated bits.
#[derive(Clone, Copy, Debug)]
pub struct Keyed {
    keys: [u64; 4],
}

impl Streams {
    /// The streams of the run with this seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed of repetition `repetition` (0, 1, …) of a scenario with seed `seed`.
    ///
    /// Derived rather than added, so that scenario seeds 1 and 2 share no repetition.
    pub fn repetition_seed(seed: u64, repetition: u32) -> u64 {
        Self::new(seed).keyed("repetition").bits(u64::from(repetition), 0)
    }

    /// A generator for `entity`'s draws of one purpose.
    ///
    /// # Panics
    /// If `purpose` is longer than 24 bytes.
    pub fn rng(self, purpose: &str, entity: u64) -> Rng {
        let mut chacha = self.chacha(purpose, entity);
        let mut seed = [0; 16];
        seed[..8].copy_from_slice(&chacha.next_u64().to_le_bytes());
        seed[8..].copy_from_slice(&chacha.next_u64().to_le_bytes());
        Rng(Xoroshiro128PlusPlus::from_seed(seed))
    }

    /// A stateless random function for one purpose.
    ///
    /// # Panics
    /// If `purpose` is longer than 24 bytes.
    pub fn keyed(self, purpose: &str) -> Keyed {
        let mut chacha = self.chacha(purpose, u64::MAX);
        Keyed { keys: std::array::from_fn(|_| chacha.next_u64() | 1) }
    }

    fn chacha(self, purpose: &str, entity: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..8 + purpose.len()].copy_from_slice(purpose.as_bytes());
        let mut chacha = ChaCha8Rng::from_seed(key);
        // Safe only on a fresh generator: `set_stream` keeps the position within the stream.
        chacha.set_stream(entity);
        chacha
    }
}

impl Keyed {
    /// 64 random bits that belong to the pair (`a`, `b`).
    #[inline]
    pub fn bits(&self, a: u64, b: u64) -> u64 {
        let [k0, k1, k2, k3] = self.keys;
        let first = fold(a ^ k0, k1);
        let second = fold(b ^ k2, first ^ k3);
        fold(second ^ k1, first ^ k2)
    }

    /// A generator that belongs to the pair (`a`, `b`), for draws that take more than 64 bits.
    #[inline]
    pub fn rng(&self, a: u64, b: u64) -> Rng {
        let low = self.bits(a, b);
        // Never both zero, which is the one state that the generator cannot leave.
        let high = fold(low ^ self.keys[3], self.keys[2]) | 1;
        let mut seed = [0; 16];
        seed[..8].copy_from_slice(&low.to_le_bytes());
        seed[8..].copy_from_slice(&high.to_le_bytes());
        Rng(Xoroshiro128PlusPlus::from_seed(seed))
    }
}

impl Rng {
    /// 64 uniform bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..n`, without bias (Lemire 2019, "Fast random integer generation in an interval").
    ///
    /// # Panics
    /// If `n` is zero.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "a draw from nothing");
        let mut wide = u128::from(self.bits()) * u128::from(n);
        if (wide as u64) < n {
            let threshold = n.wrapping_neg() % n;
            while (wide as u64) < threshold {
                wide = u128::from(self.bits()) * u128::from(n);
            }
        }
        (wide >> 64) as u64
    }

    /// Uniform in `0..len`, as an index.
    ///
    /// # Panics
    /// If `len` is zero.
    #[inline]
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// Uniform in [0, 1), on a grid of 2^-53.
    #[inline]
    pub fn unit_f64(&mut self) -> f64 {
        unit_f64(self.bits())
    }

    /// A draw from the exponential distribution with mean 1, by inversion.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit_f64())
    }

    /// True with probability `p`; never for `p` ≤ 0, always for `p` ≥ 1.
    #[inline]
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit_f64() < p
    }

    /// Puts a slice into uniformly random order (Fisher–Yates, from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// A uniformly random element, or nothing from an empty slice.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { Some(&items[self.index(items.len())]) }
    }
}

/// 64 uniform bits as a float in [0, 1), on a grid of 2^-53.
#[inline]
pub fn unit_f64(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// A bijection of 64-bit words in which every input bit reaches every output bit (Stafford's "mix 13" of splitmix64).
#[inline]
pub const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The two halves of a 128-bit product, folded together.
#[inline]
pub(crate) const fn fold(a: u64, b: u64) -> u64 {
    let wide = a as u128 * b as u128;
    (wide as u64) ^ ((wide >> 64) as u64)
}
