//! What a handful of independent repetitions allows one to say.
//!
//! Claimed: [`Estimate`] gives mean, standard deviation, order statistics and the 95 % confidence interval of the mean by
//! Student's t (Law, *Simulation Modeling and Analysis*, 5th ed., section 4.5); [`Paired`] gives the same for the differences of
//! two systems that met the same conditions (ibid., section 10.2.1). One repetition has no interval, and none is invented.
//!
//! Results are the same bytes on every machine: sums are taken in the order given, and the t quantile, whose last bits depend on
//! the platform's mathematics, is rounded to nine decimals before it is used.
//!
//! # Cost
//! One sort of the values; one quantile per estimate.
//!
//! # Not here
//! Quantiles of many observations (histograms do that) and the detection of a warm-up.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// What the values of one metric over independent repetitions say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Number of repetitions that have a value; at least 1.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation of the sample (divisor n − 1); none for one value.
    pub sd: Option<f64>,
    /// 95 % confidence interval of the mean, lower and upper end; none for one value.
    pub ci95: Option<(f64, f64)>,
    /// Middle value, or the mean of the two middle ones.
    pub median: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl Estimate {
    /// Summarises `values`; `None` if there is no finite value. Values that are not finite are left out of `n`.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        let mean = mean(&sorted)?;
        let sd = sample_sd(&sorted, mean);
        let n = sorted.len();
        let ci95 = sd.map(|sd| {
            let half = half_width(n, sd);
            (mean - half, mean + half)
        });
        sorted.sort_by(f64::total_cmp);
        let median = if n % 2 == 1 { sorted[n / 2] } else { f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]) };
        Some(Self { n, mean, sd, ci95, median, min: sorted[0], max: sorted[n - 1] })
    }

    /// Half the width of the 95 % confidence interval; none for one value.
    pub fn half_width(&self) -> Option<f64> {
        self.sd.map(|sd| half_width(self.n, sd))
    }
}

/// Two systems under the same conditions, repetition by repetition: what their difference is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// Mean of the first system over the pairs.
    pub baseline_mean: f64,
    /// Mean of the second system over the pairs.
    pub other_mean: f64,
    /// The differences `other − baseline`.
    pub difference: Estimate,
}

impl Paired {
    /// Pairs the two systems' values position by position; a pair that lacks a finite value on either side is left out.
    ///
    /// `None` if no pair is left. Positions are repetitions: the caller aligns them.
    ///
    /// # Errors
    /// [`Unpaired`] if the two have different numbers of positions.
    pub fn of(baseline: &[f64], other: &[f64]) -> Result<Option<Self>, Unpaired> {
        if baseline.len() != other.len() {
            return Err(Unpaired { baseline: baseline.len(), other: other.len() });
        }
        let (first, second): (Vec<f64>, Vec<f64>) =
            baseline.iter().zip(other).filter(|(a, b)| a.is_finite() && b.is_finite()).map(|(a, b)| (*a, *b)).unzip();
        let differences: Vec<f64> = first.iter().zip(&second).map(|(a, b)| b - a).collect();
        let (Some(baseline_mean), Some(other_mean), Some(difference)) = (mean(&first), mean(&second), Estimate::of(&differences)) else {
            return Ok(None);
        };
        Ok(Some(Self { baseline_mean, other_mean, difference }))
    }

    /// The mean difference as a share of the baseline's mean: 0.05 is five per cent more. `None` for a baseline of 0.
    pub fn relative(&self) -> Option<f64> {
        (self.baseline_mean != 0.0).then(|| self.difference.mean / self.baseline_mean.abs())
    }

    /// Whether the 95 % interval of the difference leaves out 0; `None` where there is no interval.
    pub fn is_significant(&self) -> Option<bool> {
        self.difference.ci95.map(|(low, high)| low > 0.0 || high < 0.0)
    }
}

/// Two systems with different numbers of repetitions cannot be paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot pair {baseline} repetitions of the baseline with {other} of the other")]
pub struct Unpaired {
    /// Repetitions of the baseline.
    pub baseline: usize,
    /// Repetitions of the other system.
    pub other: usize,
}

/// The 97.5 % quantile of Student's t: half the width of a 95 % interval in standard errors.
///
/// Rounded to nine decimals, far below what a sample of repetitions can tell, so that the platform cannot show through.
/// Right to that many up to 10 000 degrees of freedom at the least. Zero degrees of freedom have no quantile: infinity.
pub fn t_quantile_975(degrees_of_freedom: usize) -> f64 {
    StudentsT::new(0.0, 1.0, degrees_of_freedom as f64).map_or(f64::INFINITY, |t| (t.inverse_cdf(0.975) * 1e9).round() / 1e9)
}

/// Half the width of the 95 % interval of a mean over `n ≥ 2` values.
fn half_width(n: usize, sd: f64) -> f64 {
    t_quantile_975(n - 1) * sd / (n as f64).sqrt()
}

/// Mean by deviations from the first value: exact when all values are equal.
fn mean(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    let deviations: f64 = values.iter().map(|value| value - first).sum();
    Some(first + deviations / values.len() as f64)
}

/// Two-pass standard deviation of a sample; none for fewer than two values.
fn sample_sd(values: &[f64], mean: f64) -> Option<f64> {
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}
