//! Which item a question is for.

use libm::pow;
use peerlab_engine::random::Rng;
use peerlab_model::ItemId;

use super::config::{ContentConfig, Popularity};

/// Draws items by their popularity.
///
/// # Cost
/// Zipf: 8 bytes an item and one binary search a draw, exact to 2^-53; the others nothing.
#[derive(Clone, Debug)]
pub struct ItemSampler(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// Item i is drawn if the 64 random bits lie below threshold i and not below the one before it. Integers, so that equal
    /// bits mean equal items everywhere.
    Zipf(Vec<u64>),
    Uniform(u32),
    Constant(u32),
}

impl ItemSampler {
    /// The sampler of a configuration that has passed its check.
    pub fn new(content: &ContentConfig) -> Self {
        Self(match content.popularity {
            Popularity::Zipf { exponent } => Kind::Zipf(zipf(content.items, exponent)),
            Popularity::Uniform => Kind::Uniform(content.items),
            Popularity::Constant { item } => Kind::Constant(item),
        })
    }

    /// An item.
    #[inline]
    pub fn sample(&self, rng: &mut Rng) -> ItemId {
        ItemId(match &self.0 {
            Kind::Zipf(thresholds) => {
                let bits = rng.bits();
                thresholds.partition_point(|&threshold| threshold <= bits).min(thresholds.len() - 1) as u32
            }
            Kind::Uniform(items) => rng.below(u64::from(*items)) as u32,
            Kind::Constant(item) => *item,
        })
    }
}

/// 2^64 times the cumulative distribution of Zipf's law.
fn zipf(items: u32, exponent: f64) -> Vec<u64> {
    let mut sum = 0.0;
    let cumulative: Vec<f64> = (1..=items)
        .map(|rank| {
            sum += pow(f64::from(rank), -exponent);
            sum
        })
        .collect();
    cumulative.into_iter().map(|part| (part / sum * 18_446_744_073_709_551_616.0) as u64).collect()
}
