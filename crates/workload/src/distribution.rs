//! Distributions of times and of sizes, as a scenario names them.

use peerlab_model::Issues;
use peerlab_model::units::{Duration, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

/// What a distribution is of.
pub trait Quantity: Copy {
    /// Why there is no zero of it.
    const NO_ZERO: &'static str;

    /// In seconds or bytes.
    fn amount(self) -> f64;
}

impl Quantity for Duration {
    const NO_ZERO: &'static str = "a time of zero would make a host come and go without end: it must be above zero";

    fn amount(self) -> f64 {
        self.span().secs_f64()
    }
}

impl Quantity for Size {
    const NO_ZERO: &'static str = "what has no byte cannot be downloaded: it must be above zero";

    fn amount(self) -> f64 {
        self.0 as f64
    }
}

/// A distribution of times, or of sizes. Those that can be given by two quantities take exactly one of them.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "distribution", rename_all = "lowercase", deny_unknown_fields)]
#[schemars(rename = "{T}Distribution")]
pub enum Distribution<T = Duration> {
    /// Memoryless.
    Exponential {
        /// The mean.
        mean: T,
    },
    /// Heavy-tailed for a shape below 1: who has been online for long stays for long. Sessions measured in file-sharing
    /// networks have shapes of 0.3 to 0.6.
    Weibull {
        /// The mean, `scale · Γ(1 + 1/shape)`; this or `scale`.
        #[serde(skip_serializing_if = "Option::is_none")]
        mean: Option<T>,
        /// The scale: 63.2 % lie below it; this or `mean`.
        #[serde(skip_serializing_if = "Option::is_none")]
        scale: Option<T>,
        /// The shape, above 0.
        shape: f64,
    },
    /// A power law above a minimum.
    Pareto {
        /// The mean, `minimum · shape / (shape − 1)`; this or `minimum`.
        #[serde(skip_serializing_if = "Option::is_none")]
        mean: Option<T>,
        /// The smallest value; this or `mean`.
        #[serde(skip_serializing_if = "Option::is_none")]
        minimum: Option<T>,
        /// The exponent of the tail, above 1 so that there is a mean.
        shape: f64,
    },
    /// The exponential of a normal variable.
    Lognormal {
        /// The mean, `median · exp(sigma² / 2)`; this or `median`.
        #[serde(skip_serializing_if = "Option::is_none")]
        mean: Option<T>,
        /// The median; this or `mean`.
        #[serde(skip_serializing_if = "Option::is_none")]
        median: Option<T>,
        /// The standard deviation of the logarithm, at least 0.
        sigma: f64,
    },
    /// Always the same.
    Constant {
        /// The value.
        value: T,
    },
}

/// All keys of all distributions at once. A derived `tag` would buffer the table and lose the positions of what is wrong in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDistribution<T> {
    distribution: Kind,
    mean: Option<T>,
    scale: Option<T>,
    minimum: Option<T>,
    median: Option<T>,
    value: Option<T>,
    shape: Option<f64>,
    sigma: Option<f64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Exponential,
    Weibull,
    Pareto,
    Lognormal,
    Constant,
}

impl Kind {
    /// The name, the keys that it takes, and the pair of which exactly one is needed.
    const fn keys(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Exponential => ("exponential", &["mean"]),
            Self::Weibull => ("weibull", &["mean", "scale", "shape"]),
            Self::Pareto => ("pareto", &["mean", "minimum", "shape"]),
            Self::Lognormal => ("lognormal", &["mean", "median", "sigma"]),
            Self::Constant => ("constant", &["value"]),
        }
    }
}

impl<T> RawDistribution<T> {
    fn check_keys<E: de::Error>(&self) -> Result<(), E> {
        let (name, known) = self.distribution.keys();
        let present = [
            ("mean", self.mean.is_some()),
            ("scale", self.scale.is_some()),
            ("minimum", self.minimum.is_some()),
            ("median", self.median.is_some()),
            ("value", self.value.is_some()),
            ("shape", self.shape.is_some()),
            ("sigma", self.sigma.is_some()),
        ];
        match present.iter().find(|(key, is_present)| *is_present && !known.contains(key)) {
            None => Ok(()),
            Some((key, _)) => Err(E::custom(format!("the distribution `{name}` has no key `{key}`; it takes `{}`", known.join("`, `")))),
        }
    }

    fn needed<V, E: de::Error>(&self, value: Option<V>, key: &str) -> Result<V, E> {
        value.ok_or_else(|| E::custom(format!("the distribution `{}` needs `{key}`", self.distribution.keys().0)))
    }

    fn one_of<E: de::Error>(&self, mean: Option<T>, other: Option<T>, key: &str) -> Result<(), E> {
        let name = self.distribution.keys().0;
        match (mean, other) {
            (None, None) => Err(E::custom(format!("the distribution `{name}` needs `mean` or `{key}`"))),
            (Some(_), Some(_)) => Err(E::custom(format!("the distribution `{name}` takes `mean` or `{key}`, not both"))),
            _ => Ok(()),
        }
    }
}

impl<'de, T: Quantity + Deserialize<'de>> Deserialize<'de> for Distribution<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawDistribution::<T>::deserialize(deserializer)?;
        raw.check_keys::<D::Error>()?;
        let mean = raw.mean;
        match raw.distribution {
            Kind::Exponential => Ok(Self::Exponential { mean: raw.needed(mean, "mean")? }),
            Kind::Weibull => {
                raw.one_of::<D::Error>(mean, raw.scale, "scale")?;
                Ok(Self::Weibull { mean, scale: raw.scale, shape: raw.needed(raw.shape, "shape")? })
            }
            Kind::Pareto => {
                raw.one_of::<D::Error>(mean, raw.minimum, "minimum")?;
                Ok(Self::Pareto { mean, minimum: raw.minimum, shape: raw.needed(raw.shape, "shape")? })
            }
            Kind::Lognormal => {
                raw.one_of::<D::Error>(mean, raw.median, "median")?;
                Ok(Self::Lognormal { mean, median: raw.median, sigma: raw.needed(raw.sigma, "sigma")? })
            }
            Kind::Constant => Ok(Self::Constant { value: raw.needed(raw.value, "value")? }),
        }
    }
}

impl<T: Quantity> Distribution<T> {
    /// Notes every value that cannot work, with paths relative to the distribution's table.
    pub fn check(&self, issues: &mut Issues) {
        let mut positive = |key: &str, value: Option<T>| {
            let is_zero = value.is_some_and(|value| value.amount() == 0.0);
            issues.ensure(!is_zero, key, T::NO_ZERO);
        };
        match self {
            Self::Exponential { mean } => positive("mean", Some(*mean)),
            Self::Weibull { mean, scale, shape } => {
                positive("mean", *mean);
                positive("scale", *scale);
                // Γ(1 + 1/shape) exceeds the range of times a little below 0.05.
                issues.ensure(
                    (0.05..=100.0).contains(shape),
                    "shape",
                    format!("a Weibull shape lies between 0.05 and 100, not at {shape}"),
                );
            }
            Self::Pareto { mean, minimum, shape } => {
                positive("mean", *mean);
                positive("minimum", *minimum);
                issues.ensure(
                    *shape > 1.0 && shape.is_finite(),
                    "shape",
                    format!("a Pareto shape is above 1, else there is no mean; {shape} is not"),
                );
            }
            Self::Lognormal { mean, median, sigma } => {
                positive("mean", *mean);
                positive("median", *median);
                issues.ensure((0.0..=10.0).contains(sigma), "sigma", format!("sigma lies between 0 and 10, not at {sigma}"));
            }
            Self::Constant { value } => positive("value", Some(*value)),
        }
    }
}
