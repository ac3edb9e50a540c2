//! Samplers against the distributions' closed forms.

use libm::{erf, exp, log, pow, tgamma};
use peerlab_engine::random::Streams;

use crate::support::{distribution, kolmogorov, mean_and_error};

/// A distribution, its mean in seconds, and its distribution function.
type Case = (&'static str, f64, fn(f64) -> f64);

const CASES: [Case; 7] = [
    ("{ distribution = 'exponential', mean = '30 min' }", 1800.0, |x| 1.0 - exp(-x / 1800.0)),
    ("{ distribution = 'weibull', scale = '10 min', shape = 0.5 }", 1200.0, |x| 1.0 - exp(-pow(x / 600.0, 0.5))),
    ("{ distribution = 'weibull', mean = '30 min', shape = 2.0 }", 1800.0, |x| 1.0 - exp(-pow(x * tgamma(1.5) / 1800.0, 2.0))),
    ("{ distribution = 'pareto', minimum = '10 min', shape = 3.0 }", 900.0, |x| if x < 600.0 { 0.0 } else { 1.0 - pow(x / 600.0, -3.0) }),
    ("{ distribution = 'pareto', mean = '1 h', shape = 1.5 }", 3600.0, |x| if x < 1200.0 { 0.0 } else { 1.0 - pow(x / 1200.0, -1.5) }),
    ("{ distribution = 'lognormal', median = '10 min', sigma = 1.0 }", 989.232_762_420_076_9, |x| lognormal(x, 600.0, 1.0)),
    ("{ distribution = 'lognormal', mean = '10 min', sigma = 0.5 }", 600.0, |x| lognormal(x, 600.0 * exp(-0.125), 0.5)),
];

fn lognormal(x: f64, median: f64, sigma: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { 0.5 * (1.0 + erf(log(x / median) / (sigma * std::f64::consts::SQRT_2))) }
}

#[test]
fn samples_follow_their_distribution() {
    for (index, (text, mean, cdf)) in CASES.into_iter().enumerate() {
        let sampler = distribution(text).sampler();
        assert!((sampler.mean() / mean - 1.0).abs() < 1e-12, "{text}: mean {}", sampler.mean());
        let mut rng = Streams::new(1).rng("test", index as u64);
        let sample: Vec<f64> = (0..100_000).map(|_| sampler.sample(&mut rng).secs_f64()).collect();
        let statistic = kolmogorov(sample, cdf);
        assert!(statistic < 1.95, "{text}: {statistic}");
    }
}

#[test]
fn means_come_out_where_they_converge() {
    for (index, (text, mean, _)) in CASES.into_iter().enumerate() {
        if text.contains("1.5 }") {
            // No variance, hence no standard error; its distribution is tested above.
            continue;
        }
        let sampler = distribution(text).sampler();
        let mut rng = Streams::new(2).rng("test", index as u64);
        let (measured, error) = mean_and_error(&(0..400_000).map(|_| sampler.sample(&mut rng).secs_f64()).collect::<Vec<_>>());
        assert!((measured - mean).abs() < 3.0 * error, "{text}: {measured} ± {error}");
    }
}

/// Goal: residual lifetimes have the density (1 − F(x)) / mean. Method: that density, integrated by Simpson's rule on a grid that
/// is fine near zero, against the empirical distribution.
#[test]
fn residual_lifetimes_are_those_of_equilibrium() {
    for (index, (text, mean, cdf)) in CASES.into_iter().enumerate() {
        let sampler = distribution(text).sampler();
        let mut rng = Streams::new(3).rng("test", index as u64);
        let mut sample: Vec<f64> = (0..30_000).map(|_| sampler.residual(&mut rng).secs_f64()).collect();
        sample.sort_by(f64::total_cmp);
        let (mut integral, mut before) = (0.0, 0.0);
        let density = |x: f64| (1.0 - cdf(x)) / mean;
        let expected: Vec<(f64, f64)> = sample
            .iter()
            .map(|&x| {
                // Steps are tiny between neighbours of the sample, but for the tail, where they are cut into 8.
                let step = (x - before) / 8.0;
                for part in 0..8 {
                    let left = before + f64::from(part) * step;
                    integral += step / 6.0 * (density(left) + 4.0 * density(left + step / 2.0) + density(left + step));
                }
                before = x;
                (x, integral)
            })
            .collect();
        let value_at = |x: f64| expected[expected.partition_point(|&(at, _)| at < x)].1;
        let statistic = kolmogorov(sample, value_at);
        assert!(statistic < 1.95, "{text}: {statistic}");
    }
}

#[test]
fn constants_are_constant_and_their_residuals_uniform() {
    let sampler = distribution("{ distribution = 'constant', value = '10 s' }").sampler();
    let mut rng = Streams::new(1).rng("test", 0);
    assert!((0..100).all(|_| sampler.sample(&mut rng).secs_f64() == 10.0));
    let residuals: Vec<f64> = (0..100_000).map(|_| sampler.residual(&mut rng).secs_f64()).collect();
    let statistic = kolmogorov(residuals, |x| (x / 10.0).clamp(0.0, 1.0));
    assert!(statistic < 1.95, "{statistic}");
}

#[test]
fn time_moves_on_with_every_draw_and_never_overflows() {
    let shortest = distribution("{ distribution = 'weibull', scale = '1 ns', shape = 0.05 }").sampler();
    let longest = distribution("{ distribution = 'lognormal', mean = '50 years', sigma = 10.0 }").sampler();
    let mut rng = Streams::new(1).rng("test", 0);
    for _ in 0..10_000 {
        assert!(shortest.sample(&mut rng).nanos() > 0 && shortest.residual(&mut rng).nanos() > 0);
        assert!(longest.sample(&mut rng).nanos() > 0 && longest.residual(&mut rng).nanos() > 0);
    }
}

/// Golden values: a change here changes every result that was ever published.
#[test]
fn draws_are_what_they_were() {
    let draws = CASES.map(|(text, _, _)| {
        let sampler = distribution(text).sampler();
        let mut rng = Streams::new(42).rng("golden", 0);
        (sampler.sample(&mut rng).nanos(), sampler.residual(&mut rng).nanos())
    });
    let golden = [
        (3_192_180_582_112, 857_785_786_389),
        (1_887_040_160_891, 1_712_753_986_617),
        (2_704_799_251_691, 1_467_963_650_375),
        (1_083_632_613_869, 484_233_475_555),
        (3_914_198_806_135, 1_979_373_871_439),
        (153_171_176_521, 617_724_345_797),
        (267_532_987_370, 403_825_955_758),
    ];
    assert_eq!(draws, golden);
}
