//! What the tests share.

use std::path::{Path, PathBuf};

use peerlab_engine::EventKey;
use peerlab_engine::random::Streams;
use peerlab_engine::time::{Span, Time};
use peerlab_model::HostId;
use peerlab_network::{Latency, Network, NetworkConfig, NetworkError, Rules, Verdict};

/// The network that a scenario's `[network]` table describes.
pub(crate) fn network(toml: &str, population: u32, seed: u64) -> Network {
    try_network(toml, population, 0, seed).unwrap()
}

pub(crate) fn try_network(toml: &str, population: u32, dedicated: u32, seed: u64) -> Result<Network, NetworkError> {
    Network::new(&config(toml), population, dedicated, Streams::new(seed))
}

pub(crate) fn config(toml: &str) -> NetworkConfig {
    toml::from_str(toml).unwrap()
}

pub(crate) fn with_latency(latency: Latency) -> NetworkConfig {
    NetworkConfig { latency, ..NetworkConfig::default() }
}

/// The key of some host's `seq`-th message.
pub(crate) fn key(origin: u32, seq: u32) -> EventKey {
    EventKey { time: Time::from_nanos(i64::from(seq) * 1_000), origin, seq }
}

/// The delay of a message that arrives.
pub(crate) fn delay(network: &Network, from: u32, to: u32, seq: u32) -> Option<Span> {
    delay_under(&Rules::default(), network, from, to, seq)
}

/// The delay of a message that arrives under these rules.
pub(crate) fn delay_under(rules: &Rules, network: &Network, from: u32, to: u32, seq: u32) -> Option<Span> {
    match network.carry(rules, HostId(from), HostId(to), key(from, seq)) {
        Verdict::Deliver { after, .. } => Some(after),
        Verdict::Lost | Verdict::Partitioned => None,
    }
}

/// Mean and standard error.
pub(crate) fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// A file of the reference data, or a plain word that the test skips.
pub(crate) fn reference(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: the reference data file {name} is absent");
    None
}
