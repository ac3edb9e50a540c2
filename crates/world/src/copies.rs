//! How many copies there are of which item: what replication has come to.

use libm::log;

use crate::measure::Metrics;

/// The metrics of the copies of items that are online, given how often each item is asked for (up to a common factor).
pub(crate) fn metrics(copies: &[u32], weights: &[f64], metrics: &mut Metrics) {
    let mean = |copies: &[u32]| {
        let sum: u64 = copies.iter().copied().map(u64::from).sum();
        (!copies.is_empty()).then(|| sum as f64 / copies.len() as f64)
    };
    // Items are numbered by popularity.
    let tenth = copies.len().div_ceil(10);
    metrics.maybe("copies_mean", "copies", mean(copies));
    metrics.maybe("copies_popular_mean", "copies", mean(&copies[..tenth]));
    metrics.maybe("copies_unpopular_mean", "copies", mean(&copies[copies.len() - tenth..]));
    metrics.maybe("copies_exponent", "1", exponent(copies, weights));
}

/// The slope of the logarithm of the copies against that of the popularity, by least squares over the items of which there are copies.
fn exponent(copies: &[u32], weights: &[f64]) -> Option<f64> {
    let points = || copies.iter().zip(weights).filter(|&(&copies, &weight)| copies > 0 && weight > 0.0);
    let points = || points().map(|(&copies, &weight)| (log(weight), log(f64::from(copies))));
    let count = points().count() as f64;
    let (x, y) = points().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (above, below) =
        points().fold((0.0, 0.0), |(xy, xx), point| (xy + (point.0 - x) * (point.1 - y), xx + (point.0 - x) * (point.0 - x)));
    // Equal logarithms differ by rounding at the most.
    (below > 1e-9).then(|| above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slope_of_square_roots_is_a_half() {
        let weights: Vec<f64> = (1..=50).map(|rank| 1.0 / f64::from(rank * rank)).collect();
        let copies: Vec<u32> = (1..=50).map(|rank| 50_000_000 / rank).collect();
        assert!((exponent(&copies, &weights).expect("a slope") - 0.5).abs() < 1e-6);
        assert_eq!(exponent(&[5, 7], &[1.0, 1.0]), None, "all equally popular");
        assert_eq!(exponent(&[0, 7], &[1.0, 0.5]), None, "one point has no slope");
    }
}
