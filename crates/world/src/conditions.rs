//! The world that every topology of a scenario meets: all of a scenario but the topologies.

use peerlab_model::Issues;
use peerlab_model::units::Duration;
use peerlab_network::NetworkConfig;
use peerlab_transfer::{DownloadConfig, StreamConfig};
use peerlab_workload::{
    AdversaryConfig, ChurnConfig, ContentConfig, EventConfig, LookupsConfig, PeersConfig, RumoursConfig, StorageConfig, TargetKind,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run happens under.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// How the overlay begins.
    pub start: StartKind,
    /// With `start = "join"`: the time at the beginning of the warm-up over which the first joins are spread.
    pub join_over: Duration,
    /// The run's times.
    pub time: TimeConfig,
    /// The population.
    pub peers: PeersConfig,
    /// The underlay.
    pub network: NetworkConfig,
    /// Sessions and absences; without it all stay online.
    pub churn: Option<ChurnConfig>,
    /// What there is to find.
    pub content: ContentConfig,
    /// Values that the overlay itself keeps.
    pub storage: Option<StorageConfig>,
    /// Who asks for what; without it nobody asks.
    pub lookups: Option<LookupsConfig>,
    /// News that everybody is to hear.
    pub rumours: Option<RumoursConfig>,
    /// How content moves once it has been found; without it lookups end with an answer.
    pub download: Option<DownloadConfig>,
    /// How items are played while they load; without it nobody watches them.
    pub stream: Option<StreamConfig>,
    /// The timeline.
    pub events: Vec<EventConfig>,
    /// Hosts that do not play by the rules.
    pub adversaries: Vec<AdversaryConfig>,
}

/// How the overlay begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartKind {
    /// As one that has run for long.
    #[default]
    Converged,
    /// Built by real joins.
    Join,
}

/// The `[time]` table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeConfig {
    /// Simulated time before measurement begins at t = 0.
    pub warm_up: Duration,
    /// Measured time: rows and metrics cover what was asked in [0, duration).
    pub duration: Duration,
    /// The interval of the time series. It changes no result.
    pub sample_every: Duration,
}

impl Default for TimeConfig {
    /// 10 min of warm-up, 1 h measured, a sample every 10 s.
    fn default() -> Self {
        Self { warm_up: Duration::secs(600), duration: Duration::secs(3600), sample_every: Duration::secs(10) }
    }
}

impl Conditions {
    /// What items a run has: the values of `[storage]`, each with its publisher, or what holders share, if anybody asks for it.
    pub fn items(&self) -> ContentConfig {
        let asks = self.lookups.as_ref().map(|lookups| lookups.target);
        match &self.storage {
            Some(storage) => storage.as_content(),
            None if self.download.is_some() || matches!(asks, Some(TargetKind::Content | TargetKind::Keywords)) => self.content.clone(),
            // Where nobody asks for content there is none, and nobody announces any.
            None => ContentConfig { items: 0, copies: 0, ..self.content.clone() },
        }
    }
}

impl TimeConfig {
    /// Notes every value that cannot work.
    pub fn check(&self, issues: &mut Issues) {
        issues.ensure(self.duration.span().nanos() > 0, "duration", "a run lasts longer than nothing");
        issues.ensure(self.sample_every.span().nanos() > 0, "sample_every", "the sampling interval is longer than nothing");
    }
}
