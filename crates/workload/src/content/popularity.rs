//! Which item a question is for, and which words a name has.

use libm::pow;
use peerlab_engine::random::Rng;
use peerlab_model::ItemId;

use super::config::{ContentConfig, Popularity};

/// Draws items by their popularity.
#[derive(Clone, Debug)]
pub struct ItemSampler(RankSampler);

/// Draws ranks 0, 1, … by popularity.
///
/// # Cost
/// Zipf: 8 bytes a rank and one binary search a draw, exact to 2^-53; the others nothing.
#[derive(Clone, Debug)]
pub(super) struct RankSampler(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// Rank i is drawn if the 64 random bits lie below threshold i and not below the one before it. Integers, so that equal
    /// bits mean equal ranks everywhere.
    Zipf(Vec<u64>),
    Uniform(u32),
    Constant(u32),
}

impl ItemSampler {
    /// The sampler of a configuration that has passed its check.
    pub fn new(content: &ContentConfig) -> Self {
        Self(RankSampler::new(content.items, &content.popularity))
    }

    /// An item.
    #[inline]
    pub fn sample(&self, rng: &mut Rng) -> ItemId {
        ItemId(self.0.sample(rng))
    }
}

impl ContentConfig {
    /// How often each item is asked for, up to a common factor.
    pub fn weights(&self) -> Vec<f64> {
        weights(self.items, &self.popularity)
    }
}

impl RankSampler {
    pub(super) fn new(ranks: u32, popularity: &Popularity) -> Self {
        Self(match *popularity {
            Popularity::Zipf { exponent } => Kind::Zipf(zipf(ranks, exponent)),
            Popularity::Uniform => Kind::Uniform(ranks),
            Popularity::Constant { item } => Kind::Constant(item),
        })
    }

    #[inline]
    pub(super) fn sample(&self, rng: &mut Rng) -> u32 {
        match &self.0 {
            Kind::Zipf(thresholds) => {
                let bits = rng.bits();
                thresholds.partition_point(|&threshold| threshold <= bits).min(thresholds.len() - 1) as u32
            }
            Kind::Uniform(ranks) => rng.below(u64::from(*ranks)) as u32,
            Kind::Constant(rank) => *rank,
        }
    }
}

/// How often each rank is drawn, up to a common factor.
fn weights(ranks: u32, popularity: &Popularity) -> Vec<f64> {
    let weight = |rank: u32| match *popularity {
        Popularity::Zipf { exponent } => pow(f64::from(rank + 1), -exponent),
        Popularity::Uniform => 1.0,
        Popularity::Constant { item } => f64::from(u8::from(rank == item)),
    };
    (0..ranks).map(weight).collect()
}

/// 2^64 times the cumulative distribution of Zipf's law.
fn zipf(ranks: u32, exponent: f64) -> Vec<u64> {
    let mut sum = 0.0;
    let cumulative: Vec<f64> = (1..=ranks)
        .map(|rank| {
            sum += pow(f64::from(rank), -exponent);
            sum
        })
        .collect();
    cumulative.into_iter().map(|part| (part / sum * 18_446_744_073_709_551_616.0) as u64).collect()
}
