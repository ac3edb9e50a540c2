//! Rumours in whole runs: the judge, what is counted, and that nothing of it depends on shards or windows.

use peerlab_engine::time::{Span, Time};
use peerlab_model::Overlay;
use peerlab_model::units::{Duration, Size};
use peerlab_overlay::structured::chord::Chord;
use peerlab_overlay::unstructured::epidemic::{Epidemic, EpidemicConfig, Mode, Partners};
use peerlab_overlay::unstructured::flooding::{Flooding, FloodingConfig};
use peerlab_workload::{RumoursConfig, TargetKind};
use peerlab_world::{Conditions, RunOptions, RunRecord};

use crate::determinism::eventful;
use crate::support::{metric, quiet, run_with};

/// Five rumours, a quarter of a minute apart, judged after half a minute.
fn rumours() -> RumoursConfig {
    RumoursConfig { count: 5, first: Duration::secs(10), every: Duration::secs(15), size: Size(1000), timeout: Duration::secs(30) }
}

fn with_rumours(mut conditions: Conditions) -> Conditions {
    conditions.lookups = None;
    conditions.rumours = Some(rumours());
    conditions
}

fn run<O: Overlay>(config: &O::Config, conditions: &Conditions) -> RunRecord {
    run_with::<O>(config, conditions, 1, &RunOptions::default()).0
}

#[test]
fn rows_and_metrics_say_what_was_heard_and_sent() {
    let record = run::<Flooding>(&FloodingConfig::default(), &with_rumours(quiet(200, TargetKind::Content)));
    let starts: Vec<Time> = record.rumours.iter().map(|row| row.time).collect();
    assert_eq!(starts, [10, 25, 40, 55, 70].map(Time::from_secs));
    for row in &record.rumours {
        assert_eq!((row.online, row.stayed, row.heard, row.residue()), (200, 200, 200, Some(0.0)));
        assert_eq!((row.updates, row.messages), (2 * 400 - 199, 2 * 400 - 199), "a flood of a 4-regular graph");
        assert_eq!(row.bytes, row.messages * (28 + 23 + 1000));
        assert!(row.delay_mean < row.delay_last && row.delay_last < Some(Span::from_secs(2)));
    }
    let carried: u64 = record.messages.iter().filter(|row| row.kind == "rumour").map(|row| row.sent).sum();
    assert_eq!(carried, 5 * 601);
    assert!(record.messages.iter().all(|row| (row.kind == "rumour") == (row.cause == "rumour")));
    assert_eq!(metric(&record, "rumour_residue").to_bits(), 0_f64.to_bits());
    assert!((metric(&record, "rumour_traffic") - 601.0 / 200.0).abs() < 1e-9);
    let upkeep = metric(&record, "maintenance_bytes_per_peer_s");
    let alone = run::<Flooding>(&FloodingConfig::default(), &Conditions { rumours: None, ..with_rumours(quiet(200, TargetKind::Content)) });
    // The delays of pings are others, so a few more or fewer are answered before the end; the rumours would be 88 B/s.
    assert!((upkeep - metric(&alone, "maintenance_bytes_per_peer_s")).abs() < 1.0, "rumours are no maintenance");
    let samples: Vec<f64> = record.samples.iter().filter(|row| row.metric == "rumour_heard_share").map(|row| row.value).collect();
    assert!(!samples.is_empty() && samples.iter().all(|share| (0.0..=1.0).contains(share)));
}

#[test]
fn rumours_start_at_the_same_peers_in_every_topology() {
    let conditions = with_rumours(quiet(100, TargetKind::Content));
    let origins = |record: RunRecord| record.rumours.iter().map(|row| row.origin).collect::<Vec<_>>();
    let flooded = origins(run::<Flooding>(&FloodingConfig::default(), &conditions));
    assert_eq!(flooded, origins(run::<Epidemic>(&EpidemicConfig::default(), &conditions)));
    assert!(flooded.windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn who_goes_and_who_comes_is_not_counted() {
    let mut conditions = with_rumours(eventful(TargetKind::Content));
    conditions.rumours = Some(RumoursConfig { first: Duration::secs(20), ..rumours() });
    let record = run::<Epidemic>(&EpidemicConfig { anti_entropy: Duration::secs(2), ..EpidemicConfig::default() }, &conditions);
    assert_eq!(record.rumours.len(), 5);
    for row in &record.rumours {
        assert!(0 < row.stayed && row.stayed < row.online && row.heard <= row.stayed, "{row:?}");
    }
    assert!(metric(&record, "rumour_residue") < 0.2);
}

#[test]
fn spreading_does_not_depend_on_shards_or_windows() {
    let views = EpidemicConfig {
        mode: Mode::PushPull,
        partners: Partners::View,
        view: 10,
        connection_limit: 1,
        hunt_limit: 2,
        anti_entropy: Duration::secs(10),
        ..EpidemicConfig::default()
    };
    holds_for::<Epidemic>(&EpidemicConfig::default());
    holds_for::<Epidemic>(&views);
    holds_for::<Flooding>(&FloodingConfig::default());
}

fn holds_for<O: Overlay>(config: &O::Config) {
    let conditions = with_rumours(eventful(TargetKind::Content));
    let trace = |options: &RunOptions<'_>| format!("{:?}", run_with::<O>(config, &conditions, 1, options).0);
    let one = trace(&RunOptions { shards: 1, ..RunOptions::default() });
    for shards in [2, 5] {
        assert!(one == trace(&RunOptions { shards, ..RunOptions::default() }), "{}: {shards} shards give another result than one", O::NAME);
    }
    let short = RunOptions { shards: 2, longest_window: Some(Span::from_nanos(1_777_777)), ..RunOptions::default() };
    assert!(one == trace(&short), "{}: short windows give another result", O::NAME);
}

#[test]
fn who_passes_nothing_on_is_told_nothing() {
    let record = run::<Chord>(&Default::default(), &with_rumours(quiet(50, TargetKind::Key)));
    assert!(record.rumours.is_empty() && record.metrics.iter().all(|metric| !metric.name.starts_with("rumour")));
}
