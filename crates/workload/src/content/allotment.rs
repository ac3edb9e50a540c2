//! How many copies each item has at the start.
//!
//! Cohen & Shenker (SIGCOMM 2002, section 3) allot a fixed number of copies in proportion to q^0, q^½ or q^1, q being the popularity, between a
//! lower bound l (an item without a copy is never found) and an upper bound u (a second copy on one peer helps nobody). Here l = 1 and u is the
//! population: what the bounds add to one item or take from it, the others give or get in proportion.
//!
//! # Cost
//! Some hundred passes over the items, once a run; none for the uniform allocation.

use libm::{floor, sqrt};

use super::config::{ContentConfig, Replication};

/// The copies of each item; nothing if there are none at all. Their sum is items × copies, unless the popularity is so narrow that the items
/// which are asked for at all are everywhere before that.
pub(super) fn copies(content: &ContentConfig, population: u32) -> Vec<u32> {
    let (items, mean) = (content.items, content.copies.min(population));
    let weight = |q: f64| if content.replication == Replication::SquareRoot { sqrt(q) } else { q };
    if mean == 0 {
        return Vec::new();
    }
    if content.replication == Replication::Uniform {
        return vec![mean; items as usize];
    }
    let weights: Vec<f64> = content.weights().into_iter().map(weight).collect();
    let all = u64::from(items) * u64::from(mean);
    round(&shares(&weights, all as f64, f64::from(population)), all)
}

/// Real numbers in proportion to the weights, between 1 and `most` each, with the sum `all` if there are such.
fn shares(weights: &[f64], all: f64, most: f64) -> Vec<f64> {
    let with = |factor: f64| weights.iter().map(move |weight| (weight * factor).clamp(1.0, most));
    let smallest = weights.iter().copied().filter(|&weight| weight > 0.0).fold(f64::INFINITY, f64::min);
    // Nobody gets less than 1 with the one, everybody who can gets the most with the other; the sum grows in between.
    let (mut low, mut high) = (0.0, most / smallest);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            // Neighbours among the doubles.
            return with(high).collect();
        }
        if with(middle).sum::<f64>() < all { low = middle } else { high = middle }
    }
}

/// Whole numbers with the sum `all`, each the next one below or above its share: those with the largest remainders get one more, the more popular
/// item where two are equal.
fn round(shares: &[f64], all: u64) -> Vec<u32> {
    let mut copies: Vec<u32> = shares.iter().map(|&share| floor(share) as u32).collect();
    let missing = all.saturating_sub(copies.iter().map(|&copies| u64::from(copies)).sum());
    let remainder = |item: usize| shares[item] - floor(shares[item]);
    let mut order: Vec<usize> = (0..shares.len()).filter(|&item| remainder(item) > 0.0).collect();
    order.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)).then(a.cmp(&b)));
    for &item in order.iter().take(missing as usize) {
        copies[item] += 1;
    }
    copies
}
