//! A world in a steady state allocates nothing per event.

use allocation_counter::measure;
use peerlab_model::units::Duration;
use peerlab_overlay::structured::chord::{Chord, ChordConfig, Routing};
use peerlab_workload::TargetKind;
use peerlab_world::{RunOptions, run};

use crate::support::quiet;

/// Allocations, and events, of workload Q among 1000 peers for so many seconds.
fn allocations(seconds: u64, shards: usize) -> (u64, u64) {
    let mut conditions = quiet(1000, TargetKind::Key);
    conditions.time.duration = Duration::secs(seconds);
    let config = ChordConfig {
        routing: Routing::SemiRecursive,
        stabilize_interval: Duration::secs(20),
        fix_fingers_interval: Duration::secs(120),
        check_predecessor_interval: Duration::secs(120),
        ..ChordConfig::default()
    };
    let options = RunOptions { shards, ..RunOptions::default() };
    let mut events = 0;
    let info = measure(|| {
        let record = run::<Chord>(&config, &conditions, 1, &options, &mut ()).unwrap_or_else(|error| panic!("{error}"));
        events = record.handled;
    });
    (info.count_total, events)
}

/// Goal: with the protocol, the records, the judge and the digest on, no allocation per event. Method: the first part of a longer
/// run is the shorter one, event by event; what the longer one allocates beyond it, it does in the steady state.
#[test]
fn chord_in_a_steady_state_allocates_nothing_per_event() {
    for shards in [1, 2] {
        let (before, first) = allocations(300, shards);
        let (after, all) = allocations(600, shards);
        let (allocated, events) = (after.saturating_sub(before), all - first);
        println!("{shards} shards: {before} allocations in the first {first} events, {allocated} in the next {events}");
        assert!(events > 500_000, "{events} events");
        assert!(allocated as f64 <= 0.001 * events as f64, "{allocated} allocations in {events} events on {shards} shards");
    }
}
