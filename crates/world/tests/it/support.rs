//! Small worlds to run.

use peerlab_model::Overlay;
use peerlab_model::units::{Duration, Rate};
use peerlab_network::{Latency, NetworkConfig};
use peerlab_workload::{ChurnConfig, ClassConfig, ContentConfig, Distribution, Identity, LookupsConfig, PeersConfig, TargetKind};
use peerlab_world::{Conditions, LookupRow, RunOptions, RunRecord, StartKind, TimeConfig, run};

/// `count` peers for three minutes after a short warm-up, 20 to 80 ms apart, each asking every 10 s; no churn.
pub(crate) fn quiet(count: u32, target: TargetKind) -> Conditions {
    Conditions {
        start: StartKind::Converged,
        join_over: Duration::secs(30),
        time: TimeConfig { warm_up: Duration::secs(20), duration: Duration::secs(180), sample_every: Duration::secs(10) },
        peers: PeersConfig::new(count),
        network: NetworkConfig {
            latency: Latency::Uniform { min: Duration::millis(20), max: Duration::millis(80) },
            ..NetworkConfig::default()
        },
        churn: None,
        content: ContentConfig { items: 50, copies: 5, ..ContentConfig::default() },
        storage: None,
        lookups: Some(LookupsConfig { interval: Duration::secs(10), target, timeout: Duration::secs(60) }),
        rumours: None,
        download: None,
        stream: None,
        events: Vec::new(),
        adversaries: Vec::new(),
    }
}

/// The same, with sessions and absences of two minutes on average, loss, and new identities.
pub(crate) fn stormy(count: u32, target: TargetKind) -> Conditions {
    let mut conditions = quiet(count, target);
    conditions.network.loss = 0.01;
    conditions.churn = Some(ChurnConfig {
        session: Some(Distribution::Exponential { mean: Duration::secs(120) }),
        offline: Some(Distribution::Exponential { mean: Duration::secs(120) }),
        identity: if target == TargetKind::Peer { Identity::Kept } else { Identity::New },
        ..ChurnConfig::default()
    });
    conditions
}

/// Machines that are all alike.
pub(crate) fn class(upload: Option<Rate>) -> ClassConfig {
    ClassConfig {
        name: "all".to_owned(),
        share: 1.0,
        link: None,
        upload,
        download: None,
        capacity: None,
        queue: 100,
        session: None,
        offline: None,
        lookup_interval: None,
    }
}

/// Runs a world and keeps its lookups.
pub(crate) fn run_with<O: Overlay>(
    config: &O::Config,
    conditions: &Conditions,
    seed: u64,
    options: &RunOptions<'_>,
) -> (RunRecord, Vec<LookupRow>) {
    let mut rows = Vec::new();
    let record = run::<O>(config, conditions, seed, options, &mut rows).unwrap_or_else(|error| panic!("{}: {error}", O::NAME));
    (record, rows)
}

/// A metric of a run.
pub(crate) fn metric(record: &RunRecord, name: &str) -> f64 {
    record.metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("no {name}")).value
}
