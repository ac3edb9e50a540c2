//! What the tests share.

use std::io::Write;
use std::sync::Arc;

use peerlab_engine::random::Streams;
use peerlab_workload::{ChurnConfig, Classes, Distribution, Lifetimes, PeersConfig};
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

pub(crate) fn read<T: DeserializeOwned>(toml: &str) -> T {
    toml::from_str(toml).unwrap_or_else(|error| panic!("{toml}: {error}"))
}

/// `count` peers of one class.
pub(crate) fn peers(count: u32) -> PeersConfig {
    PeersConfig::new(count)
}

pub(crate) fn distribution(inline: &str) -> Distribution {
    #[derive(serde::Deserialize)]
    struct Holder {
        value: Distribution,
    }
    read::<Holder>(&format!("value = {inline}")).value
}

pub(crate) fn lifetimes(churn: &ChurnConfig, peers: &PeersConfig, seed: u64) -> Lifetimes {
    let streams = Streams::new(seed);
    let classes = Arc::new(Classes::new(peers, streams));
    Lifetimes::new(Some(churn), peers, classes, streams).unwrap()
}

/// A file with this content, whose name ends in `suffix`.
pub(crate) fn file(suffix: &str, content: &[u8]) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

/// Mean and standard error.
pub(crate) fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Kolmogorov's statistic √n·sup|F_n − F|; it exceeds 1.95 once in a thousand right samples.
pub(crate) fn kolmogorov(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let distance = sample.iter().enumerate().map(|(index, &x)| {
        let expected = cdf(x);
        (expected - index as f64 / n).abs().max((expected - (index + 1) as f64 / n).abs())
    });
    distance.fold(0.0, f64::max) * n.sqrt()
}
