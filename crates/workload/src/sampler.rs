//! Samplers of times and sizes, our own on `libm`, so that every machine and every build draws the same.
//!
//! Besides values themselves there are *residual* ones: what is left of an interval of a renewal process that a random instant
//! falls into. That interval is drawn with a probability proportional to its length, and the instant is uniform in it, so the
//! residual is a uniform variable times a size-biased value, exactly and for every distribution (Cox 1962, section 5.4).
//! A network that begins with residual lifetimes has been running for ever.

use libm::{cos, exp, log, pow, sqrt, tgamma};
use peerlab_engine::random::Rng;
use peerlab_engine::time::Span;

use crate::distribution::{Distribution, Quantity};

/// A distribution, ready to draw from; parameters in seconds, or in bytes. 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    kind: Kind,
    mean: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Exponential { mean: f64 },
    Weibull { scale: f64, shape: f64 },
    Pareto { minimum: f64, shape: f64 },
    Lognormal { mu: f64, sigma: f64 },
    Constant { value: f64 },
}

impl<T: Quantity> Distribution<T> {
    /// A sampler of this distribution, which must have passed its check.
    pub fn sampler(&self) -> Sampler {
        let amount = |value: &Option<T>| value.map(Quantity::amount);
        let kind = match self {
            Self::Exponential { mean } => Kind::Exponential { mean: mean.amount() },
            Self::Weibull { mean, scale, shape } => {
                let from_mean = || amount(mean).unwrap_or(0.0) / tgamma(1.0 + 1.0 / shape);
                Kind::Weibull { scale: amount(scale).unwrap_or_else(from_mean), shape: *shape }
            }
            Self::Pareto { mean, minimum, shape } => {
                let from_mean = || amount(mean).unwrap_or(0.0) * (shape - 1.0) / shape;
                Kind::Pareto { minimum: amount(minimum).unwrap_or_else(from_mean), shape: *shape }
            }
            Self::Lognormal { mean, median, sigma } => {
                let from_mean = || log(amount(mean).unwrap_or(0.0)) - sigma * sigma / 2.0;
                Kind::Lognormal { mu: amount(median).map_or_else(from_mean, log), sigma: *sigma }
            }
            Self::Constant { value } => Kind::Constant { value: value.amount() },
        };
        Sampler { kind, mean: kind.mean() }
    }

    /// The mean in seconds or bytes.
    pub fn mean(&self) -> f64 {
        self.sampler().mean()
    }
}

impl Sampler {
    /// The mean in seconds or bytes.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// A time; at least a nanosecond.
    #[inline]
    pub fn sample(&self, rng: &mut Rng) -> Span {
        span(self.draw(rng))
    }

    /// A value in seconds or bytes.
    #[inline]
    pub(crate) fn draw(&self, rng: &mut Rng) -> f64 {
        match self.kind {
            Kind::Exponential { mean } => mean * rng.exponential(),
            Kind::Weibull { scale, shape } => scale * pow(rng.exponential(), 1.0 / shape),
            Kind::Pareto { minimum, shape } => pareto(minimum, shape, rng),
            Kind::Lognormal { mu, sigma } => exp(mu + sigma * standard_normal(rng)),
            Kind::Constant { value } => value,
        }
    }

    /// What is left of an interval that a random instant falls into: density (1 − F(x)) / mean. At least a nanosecond.
    pub fn residual(&self, rng: &mut Rng) -> Span {
        let interval = match self.kind {
            // Memoryless: what is left is as long as the whole.
            Kind::Exponential { mean } => return span(mean * rng.exponential()),
            // The density x·f(x) of (x/scale)^shape is that of a Gamma variable.
            Kind::Weibull { scale, shape } => scale * pow(gamma(1.0 + 1.0 / shape, rng), 1.0 / shape),
            Kind::Pareto { minimum, shape } => pareto(minimum, shape - 1.0, rng),
            Kind::Lognormal { mu, sigma } => exp(mu + sigma * sigma + sigma * standard_normal(rng)),
            Kind::Constant { value } => value,
        };
        span(interval * open_unit(rng))
    }
}

impl Kind {
    /// The mean in seconds or bytes. Some gamma functions, which is why it is computed once.
    fn mean(self) -> f64 {
        match self {
            Self::Exponential { mean } => mean,
            Self::Weibull { scale, shape } => scale * tgamma(1.0 + 1.0 / shape),
            Self::Pareto { minimum, shape } => minimum * shape / (shape - 1.0),
            Self::Lognormal { mu, sigma } => exp(mu + sigma * sigma / 2.0),
            Self::Constant { value } => value,
        }
    }
}

/// Time moves on with every draw.
#[inline]
fn span(seconds: f64) -> Span {
    Span::from_secs_f64(seconds).max(Span::from_nanos(1))
}

/// Uniform in (0, 1].
#[inline]
fn open_unit(rng: &mut Rng) -> f64 {
    1.0 - rng.unit_f64()
}

/// By inversion.
fn pareto(minimum: f64, shape: f64, rng: &mut Rng) -> f64 {
    minimum * pow(open_unit(rng), -1.0 / shape)
}

/// Box & Muller 1958, the cosine of the pair.
fn standard_normal(rng: &mut Rng) -> f64 {
    let radius = sqrt(-2.0 * log(open_unit(rng)));
    radius * cos(std::f64::consts::TAU * rng.unit_f64())
}

/// A Gamma variable with `shape` ≥ 1 and scale 1 (Marsaglia & Tsang 2000). The loop takes another turn once in 20 times or less.
fn gamma(shape: f64, rng: &mut Rng) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / sqrt(9.0 * d);
    loop {
        let x = standard_normal(rng);
        let root = 1.0 + c * x;
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        if log(open_unit(rng)) < 0.5 * x * x + d - d * v + d * log(v) {
            return d * v;
        }
    }
}
