//! The `[network]` table: what it accepts, refuses, and writes back.

use peerlab_model::Issues;
use peerlab_model::units::Duration;
use peerlab_network::{Latency, MatrixUnit, Missing, NetworkConfig};

use crate::support::config;

#[test]
fn the_contract_example_is_read() {
    let read = config(
        "latency = { model = 'euclidean', mean = '80 ms' }\nmin_one_way = '1 ms'\njitter = 0.1\nloss = 0.001\nregions = 5\nwire = 'p2psim'",
    );
    assert_eq!(read.latency, Latency::Euclidean { mean: Duration::millis(80), dimensions: 2, height: Duration::default() });
    assert_eq!((read.jitter, read.loss, read.regions), (0.1, 0.001, Some(5)));
    assert_eq!(config(""), NetworkConfig::default());
}

#[test]
fn every_model_survives_a_round_trip() {
    let models = [
        Latency::Constant { one_way: Duration::millis(50) },
        Latency::Uniform { min: Duration::millis(20), max: Duration::millis(80) },
        Latency::Euclidean { mean: Duration::millis(80), dimensions: 3, height: Duration::default() },
        Latency::Coordinates { file: "points.txt".to_owned() },
        Latency::Matrix { file: "rtt.txt".to_owned(), unit: MatrixUnit::S, missing: Missing::Median },
    ];
    for latency in models {
        let before = NetworkConfig { latency, regions: Some(3), ..NetworkConfig::default() };
        let text = toml::to_string(&before).unwrap();
        assert_eq!(config(&text), before, "{text}");
    }
    let default = toml::to_string(&NetworkConfig::default()).unwrap();
    assert_eq!(config(&default), NetworkConfig::default());
}

#[test]
fn wrong_tables_are_refused_where_the_mistake_is() {
    let refused = |text: &str, says: &str| {
        let error = toml::from_str::<NetworkConfig>(text).unwrap_err();
        assert!(error.message().contains(says), "{text}: {error}");
        error.span().map(|span| text[span].to_owned()).unwrap_or_default()
    };
    assert_eq!(refused("jiter = 0.1", "unknown field"), "jiter");
    assert_eq!(refused("latency = { model = 'constant', one_wa = '1 ms' }", "unknown field"), "one_wa");
    assert_eq!(refused("latency = { model = 'constant', one_way = '1 parsec' }", "1 parsec"), "'1 parsec'");
    assert_eq!(refused("latency = { model = 'euclid', mean = '1 ms' }", "unknown variant"), "'euclid'");
    refused("latency = { model = 'constant', one_way = '1 ms', mean = '1 ms' }", "no key `mean`");
    refused("latency = { model = 'uniform', min = '1 ms' }", "needs `max`");
    refused("latency = { model = 'transit-stub', mean = '1 ms' }", "no key `mean`");
    refused("latency = { mean = '1 ms' }", "missing field `model`");
}

#[test]
fn every_impossible_value_is_noted() {
    let paths = |text: &str| -> Vec<(String, bool)> {
        let mut issues = Issues::new();
        config(text).check(100, &mut issues);
        issues.into_list().into_iter().map(|issue| (issue.path, issue.warning)).collect()
    };
    let error = |path: &str| vec![(path.to_owned(), false)];
    let warning = |path: &str| vec![(path.to_owned(), true)];
    assert_eq!(paths(""), []);
    assert_eq!(paths("latency = { model = 'uniform', min = '9 ms', max = '8 ms' }"), error("latency.min"));
    assert_eq!(paths("latency = { model = 'uniform', min = '0 ms', max = '100 us' }"), warning("latency.max"));
    assert_eq!(paths("latency = { model = 'constant', one_way = '100 us' }"), warning("latency.one_way"));
    assert_eq!(paths("latency = { model = 'euclidean', mean = '0 ms' }"), error("latency.mean"));
    assert_eq!(paths("latency = { model = 'euclidean', mean = '1 ms', dimensions = 4 }"), error("latency.dimensions"));
    assert_eq!(paths("latency = { model = 'matrix', file = '' }"), error("latency.file"));
    assert_eq!(paths("min_one_way = '0 ms'"), error("min_one_way"));
    assert_eq!(paths("jitter = 1.0"), error("jitter"));
    assert_eq!(paths("jitter = -0.1"), error("jitter"));
    assert_eq!(paths("jitter = nan"), error("jitter"));
    assert_eq!(paths("loss = 1.1"), error("loss"));
    assert_eq!(paths("regions = 0"), error("regions"));
    assert_eq!(paths("regions = 101"), error("regions"));
    let all = paths("jitter = 2.0\nloss = -1.0\nregions = 0\nlatency = { model = 'euclidean', mean = '0 s', dimensions = 9 }");
    assert_eq!(all.len(), 5, "all at once: {all:?}");
}

#[test]
fn files_are_named() {
    assert_eq!(config("latency = { model = 'matrix', file = 'a.txt' }").files(), ["a.txt"]);
    assert!(config("").files().is_empty());
}

#[test]
fn the_schema_names_every_key() {
    let schema = serde_json::to_string(&schemars::schema_for!(NetworkConfig)).unwrap();
    for key in ["latency", "min_one_way", "jitter", "loss", "regions", "wire", "one_way", "dimensions", "missing", "euclidean", "matrix"] {
        assert!(schema.contains(&format!("\"{key}\"")), "{key} in {schema}");
    }
}
