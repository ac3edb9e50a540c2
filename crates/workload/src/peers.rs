//! `[peers]`: how many there are, and of what classes.

use peerlab_model::Issues;
use peerlab_model::units::{Duration, Rate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::Distribution;

/// How far the shares of all classes may be from 1 together.
const SHARES_TOLERANCE: f64 = 1e-6;

/// The population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeersConfig {
    /// Peers that exist, numbered 0 … count − 1; how many are online at a time follows from `[churn]`. Required.
    pub count: u32,
    /// Classes of peers with links, capacities and habits of their own; their shares add up to 1. Default: one class, without limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class: Vec<ClassConfig>,
}

/// A class of peers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassConfig {
    /// Its name, as in `peers.csv`. Required.
    pub name: String,
    /// The share of the population that belongs to it; the nearest whole number of peers does. Required.
    pub share: f64,
    /// Rate of the uplink: messages queue for it. Default: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Rate>,
    /// Rate of the downlink: messages queue for it. Default: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<Rate>,
    /// Messages that a peer can handle per second. Default: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<f64>,
    /// Messages that may wait for a peer with a capacity; the next one is dropped. Default: 100.
    #[serde(default = "default_queue")]
    pub queue: u32,
    /// How long its peers stay online at a time. Default: as in `[churn]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Distribution>,
    /// How long its peers stay away at a time. Default: as in `[churn]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<Distribution>,
    /// Mean gap between one online peer's lookups. Default: as in `[lookups]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup_interval: Option<Duration>,
}

const fn default_queue() -> u32 {
    100
}

impl PeersConfig {
    /// Notes every value that cannot work, with paths relative to the `[peers]` table.
    pub fn check(&self, issues: &mut Issues) {
        issues.ensure(self.count > 0, "count", "there is at least one peer");
        // Seats and generations share 32 bits, and the largest number marks nobody in compact tables.
        issues.ensure(self.count <= 1 << 30, "count", format!("{} peers are more than 2^30, which is the most there can be", self.count));
        for (index, class) in self.class.iter().enumerate() {
            issues.within(format_args!("class.{index}"), |issues| class.check(issues));
            if self.class[..index].iter().any(|earlier| earlier.name == class.name) {
                issues.error(format_args!("class.{index}.name"), format!("there are two classes named `{}`", class.name));
            }
        }
        let sum: f64 = self.class.iter().map(|class| class.share).sum();
        if !self.class.is_empty() && (sum - 1.0).abs() > SHARES_TOLERANCE {
            issues.error("class", format!("the shares of the classes add up to {sum}, not to 1"));
        }
    }
}

impl ClassConfig {
    fn check(&self, issues: &mut Issues) {
        issues.ensure(!self.name.is_empty(), "name", "a class has a name");
        issues.share("share", self.share);
        if let Some(capacity) = self.capacity {
            let message = format!("a capacity lies above 0 and at most at 10^9 messages per second, not at {capacity}");
            issues.ensure(capacity > 0.0 && capacity <= 1e9, "capacity", message);
        }
        if let Some(session) = &self.session {
            issues.within("session", |issues| session.check(issues));
        }
        if let Some(offline) = &self.offline {
            issues.within("offline", |issues| offline.check(issues));
        }
        if let Some(interval) = self.lookup_interval {
            issues.ensure(interval.span().nanos() > 0, "lookup_interval", "the mean gap between lookups is above zero");
        }
    }
}
