//! A run is a pure function of scenario and seed: not of shards, windows, samples, or which topologies stand beside it.

use peerlab_engine::time::Span;
use peerlab_model::Overlay;
use peerlab_model::units::Duration;
use peerlab_overlay::hybrid::central_index::CentralIndex;
use peerlab_overlay::structured::chord::Chord;
use peerlab_overlay::unstructured::flooding::Flooding;
use peerlab_workload::{Action, EventConfig, TargetKind};
use peerlab_world::{Conditions, RunOptions};

use crate::support::{quiet, run_with, stormy};

/// Everything that a run gave, as text.
fn trace<O: Overlay>(conditions: &Conditions, seed: u64, options: &RunOptions<'_>) -> String {
    let (record, rows) = run_with::<O>(&O::Config::default(), conditions, seed, options);
    assert!(record.handled > 1000, "{}: hardly anything happened", O::NAME);
    format!("{record:?}\n{rows:?}")
}

fn shards(shards: usize) -> RunOptions<'static> {
    RunOptions { shards, ..RunOptions::default() }
}

/// An event of the timeline; the scenario crate reads them from TOML, here they are built by hand.
pub(crate) fn event(at: u64, action: Action, duration: Option<u64>) -> EventConfig {
    let json = serde_json::json!({ "at": format!("{at} s"), "action": action });
    let mut event: EventConfig = serde_json::from_value(json).expect("the keys are those of an event");
    event.duration = duration.map(Duration::secs);
    event
}

pub(crate) fn eventful(target: TargetKind) -> Conditions {
    let mut conditions = stormy(200, target);
    conditions.events = vec![
        EventConfig { share: Some(0.3), ..event(30, Action::Crash, Some(40)) },
        EventConfig { groups: Some(2), ..event(50, Action::Partition, Some(30)) },
        EventConfig { loss: Some(0.2), ..event(90, Action::Loss, Some(20)) },
        event(100, Action::ServerOutage, Some(25)),
        EventConfig { share: Some(0.5), ..event(130, Action::Join, None) },
        EventConfig { count: Some(10), ..event(150, Action::Leave, Some(10)) },
    ];
    conditions
}

fn holds_for<O: Overlay>(target: TargetKind) {
    let conditions = eventful(target);
    let one = trace::<O>(&conditions, 1, &shards(1));
    for count in [2, 3, 8] {
        assert!(one == trace::<O>(&conditions, 1, &shards(count)), "{}: {count} shards give another result than one", O::NAME);
    }
    // The lookahead gives windows of 2^24 ns; these make them a half and a quarter as long.
    for window in [Span::from_nanos(9_000_000), Span::from_micros(5_000)] {
        let options = RunOptions { longest_window: Some(window), ..shards(2) };
        assert!(one == trace::<O>(&conditions, 1, &options), "{}: windows of {window:?} give another result", O::NAME);
    }
    assert!(one != trace::<O>(&conditions, 2, &shards(1)), "{}: another seed gives the same result", O::NAME);
}

#[test]
fn chord_does_not_depend_on_shards_or_windows() {
    holds_for::<Chord>(TargetKind::Key);
    holds_for::<Chord>(TargetKind::Content);
}

#[test]
fn flooding_does_not_depend_on_shards_or_windows() {
    holds_for::<Flooding>(TargetKind::Content);
}

#[test]
fn central_index_does_not_depend_on_shards_or_windows() {
    holds_for::<CentralIndex>(TargetKind::Content);
}

#[test]
fn sampling_changes_no_result() {
    let often = eventful(TargetKind::Content);
    let mut seldom = often.clone();
    seldom.time.sample_every = Duration::secs(97);
    let (a, rows_a) = run_with::<Chord>(&Default::default(), &often, 1, &shards(1));
    let (b, rows_b) = run_with::<Chord>(&Default::default(), &seldom, 1, &shards(1));
    assert_eq!(a.digest, b.digest);
    assert_eq!(rows_a, rows_b);
}

#[test]
fn every_topology_is_asked_the_same() {
    let conditions = stormy(200, TargetKind::Content);
    let asked = |rows: Vec<peerlab_world::LookupRow>| {
        rows.into_iter().map(|row| (row.lookup, row.time, row.origin, row.target)).collect::<Vec<_>>()
    };
    let (_, chord) = run_with::<Chord>(&Default::default(), &conditions, 1, &shards(1));
    let (_, flooding) = run_with::<Flooding>(&Default::default(), &conditions, 1, &shards(1));
    let (_, index) = run_with::<CentralIndex>(&Default::default(), &conditions, 1, &shards(1));
    let chord = asked(chord);
    assert!(chord.len() > 1000);
    assert_eq!(chord, asked(flooding));
    assert_eq!(chord, asked(index));
}

#[test]
fn rows_come_in_the_order_of_the_questions() {
    let (_, rows) = run_with::<Chord>(&Default::default(), &quiet(100, TargetKind::Key), 1, &shards(2));
    assert!(rows.is_sorted_by_key(|row| (row.time, row.origin, row.lookup)));
    assert!(rows.len() > 1500, "100 peers that ask every 10 s for 3 min ask about 1800 questions, not {}", rows.len());
}
