//! CAN's parameters, named as in the paper where it has them.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::zone::DIMENSIONS_MAX;

/// The most realities that are supported.
const REALITIES_MAX: u8 = 8;

/// How zones came about in a network that has run for long, at a converged start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Zones {
    /// Members joined one after the other in a random order, and each halved the zone that it fell into.
    Random,
    /// Each zone was halved as long as there was more than one member for it: with 2^m members all zones are equal.
    Equal,
}

/// CAN's parameters (Ratnasamy et al. 2001); docs/models/can.md says where each default comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "a switch for each refinement of the paper, none of which follows from another")]
pub struct CanConfig {
    /// A named set of parameters, which replaces the defaults: `bare-bones` or `knobs-on`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Dimensions d of the torus, 1 to 16 (paper: d = 2 for the bare-bones CAN, 10 with knobs on full).
    pub dimensions: u8,
    /// Realities r, 1 to 8: independent divisions of the torus, in each of which a peer has a zone and each record is kept (paper: 1).
    pub realities: u8,
    /// A question goes to the neighbour with the largest ratio of progress to round trip, instead of the one closest to its point.
    pub rtt_weighted: bool,
    /// Who is asked by a newcomer lets a neighbour with a larger zone be halved instead of its own (section 3.7).
    pub uniform_partitioning: bool,
    /// How zones came about at a converged start: by joins in a random order, or by equal halving.
    pub zones: Zones,
    /// Mean gap between a peer's updates to its neighbours; each gap is drawn from half to one and a half of it.
    pub update_interval: Duration,
    /// Silence after which a neighbour is asked whether it is alive.
    pub failure_after: Duration,
    /// A takeover timer runs for this long at a peer whose zone is as large as that of the neighbour that failed, and longer or shorter in
    /// proportion to its own zone's volume.
    pub takeover_timer: Duration,
    /// Mean gap between a peer's attempts to get rid of zones that it has taken over.
    pub reassign_interval: Duration,
    /// Silence after which a hop counts as unanswered. Upkeep waits three times as long, and asks a silent neighbour twice: it should exceed
    /// a third of the largest round trip by far.
    pub request_timeout: Duration,
    /// A hop waits for the smoothed round trip to the neighbour and four mean deviations (as TCP does), at most `request_timeout`.
    pub adaptive_timeouts: bool,
    /// With `adaptive_timeouts`, the shortest silence that counts: no less than this more than the smoothed round trip.
    pub timeout_margin: Duration,
    /// How often the origin asks again when no answer came.
    pub retries: u8,
    /// Silence after which the origin asks again.
    pub retry_after: Duration,
    /// Peers of a reality that keep each provider record or value: the key's owner, and the `replicas` − 1 neighbours with the smallest zones, which
    /// are the first to take over from it.
    pub replicas: u8,
    /// Each peer is registered under its own name, so that it can be looked up (`target = "peer"`).
    pub names: bool,
    /// How often a holder registers each of its items again, and a peer its name.
    pub republish_interval: Duration,
    /// Age at which a provider record or a value is forgotten.
    pub record_expiry: Duration,
    /// Where peers keep values, how often owner and replicas compare what they have; `0 s`: never.
    pub maintenance_interval: Duration,
    /// Holders that one answer names at most.
    pub holders_per_answer: u8,
}

impl Default for CanConfig {
    fn default() -> Self {
        Self {
            preset: None,
            dimensions: 2,
            realities: 1,
            rtt_weighted: false,
            uniform_partitioning: false,
            zones: Zones::Random,
            update_interval: Duration::secs(30),
            failure_after: Duration::secs(75),
            takeover_timer: Duration::secs(2),
            reassign_interval: Duration::secs(60),
            request_timeout: Duration::millis(500),
            adaptive_timeouts: false,
            timeout_margin: Duration::millis(10),
            retries: 2,
            retry_after: Duration::secs(20),
            replicas: 3,
            names: true,
            republish_interval: Duration::secs(600),
            record_expiry: Duration::secs(1800),
            maintenance_interval: Duration::secs(60),
            holders_per_answer: 20,
        }
    }
}

impl OverlayConfig for CanConfig {
    fn check(&self, _population: u32, issues: &mut Issues) {
        let names: Vec<&str> = Self::presets().into_iter().map(|(name, _)| name).collect();
        if let Some(preset) = self.preset.as_deref().filter(|preset| !names.contains(preset)) {
            issues.error_with_help("preset", format!("there is no preset `{preset}`"), names.join(" or "));
        }
        let d = self.dimensions;
        issues.ensure((1..=DIMENSIONS_MAX).contains(&d), "dimensions", format!("a torus has 1 to {DIMENSIONS_MAX} dimensions, not {d}"));
        let r = self.realities;
        issues.ensure((1..=REALITIES_MAX).contains(&r), "realities", format!("there are 1 to {REALITIES_MAX} realities, not {r}"));
        let positive = [
            ("update_interval", self.update_interval),
            ("failure_after", self.failure_after),
            ("takeover_timer", self.takeover_timer),
            ("reassign_interval", self.reassign_interval),
            ("request_timeout", self.request_timeout),
            ("timeout_margin", self.timeout_margin),
            ("retry_after", self.retry_after),
            ("republish_interval", self.republish_interval),
            ("record_expiry", self.record_expiry),
        ];
        for (key, value) in positive {
            issues.ensure(value.span().nanos() > 0, key, "a time above zero is needed");
        }
        issues.ensure(self.replicas >= 1, "replicas", "the owner itself keeps a record: at least 1");
        issues.ensure(self.holders_per_answer >= 1, "holders_per_answer", "an answer names at least 1 holder");
        if self.failure_after.span().nanos() < self.update_interval.span().nanos() / 2 * 3 {
            issues.error_with_help(
                "failure_after",
                "a neighbour that is alive may be silent for one and a half update intervals",
                format!("at least {}", Duration(self.update_interval.span().scale(1.5))),
            );
        }
        if self.record_expiry < self.republish_interval {
            issues.warn("record_expiry", "records expire before they are registered again: items will be missing in between");
        }
    }

    fn expected_bytes(&self, members: u32) -> u64 {
        // 4.6 neighbours and more, as the dimensions (and 2^d > members) allow.
        let degree = (u64::from(self.dimensions) * 3).min(2 * u64::from(members.max(2).ilog2() + 2)).min(u64::from(members));
        let space = 200 + degree * 72;
        64 + u64::from(self.realities) * space + if self.names { 420 + 24 * u64::from(self.replicas) } else { 0 }
    }

    /// The two settings of the paper's Table 2, as far as they are built here: several peers a zone and several hash functions are not.
    fn presets() -> Vec<(&'static str, Self)> {
        let named = |name: &str| Self { preset: Some(name.to_owned()), ..Self::default() };
        vec![
            ("bare-bones", named("bare-bones")),
            ("knobs-on", Self { dimensions: 10, rtt_weighted: true, uniform_partitioning: true, ..named("knobs-on") }),
        ]
    }
}
