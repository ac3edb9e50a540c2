//! The judge, the books, and what the timeline does: small worlds whose truth is known beforehand.

use std::sync::atomic::AtomicBool;

use peerlab_engine::random::Streams;
use peerlab_model::Target;
use peerlab_model::units::{Duration, Rate};
use peerlab_network::Latency;
use peerlab_overlay::hybrid::central_index::{CentralIndex, CentralIndexConfig};
use peerlab_overlay::structured::chord::Chord;
use peerlab_overlay::unstructured::flooding::{Flooding, FloodingConfig};
use peerlab_workload::{Action, ClassConfig, EventConfig, KeywordsConfig, Popularity, TargetKind, Words};
use peerlab_world::{Conditions, LookupRow, Outcome, RunError, RunOptions, RunRecord, Sink, run};

use crate::determinism::event;
use crate::support::{metric, quiet, run_with, stormy};

fn index(conditions: &Conditions) -> (RunRecord, Vec<LookupRow>) {
    run_with::<CentralIndex>(&CentralIndexConfig::default(), conditions, 1, &RunOptions::default())
}

#[test]
fn a_peer_that_holds_the_item_finds_it_at_home() {
    let mut conditions = quiet(20, TargetKind::Content);
    conditions.content.items = 1;
    conditions.content.copies = 20;
    let (record, rows) = index(&conditions);
    assert!(rows.len() > 200);
    assert!(rows.iter().all(|row| row.outcome == Outcome::Found && row.hops == Some(0) && row.messages == 0));
    assert_eq!(metric(&record, "messages_per_lookup_mean"), 0.0);
}

#[test]
fn an_item_without_holders_is_absent_in_every_model() {
    let mut conditions = quiet(50, TargetKind::Content);
    conditions.content.copies = 0;
    let flooded = run_with::<Flooding>(&Default::default(), &conditions, 1, &RunOptions::default());
    let asked = run_with::<Chord>(&Default::default(), &conditions, 1, &RunOptions::default());
    for (record, rows) in [flooded, asked, index(&conditions)] {
        assert!(rows.iter().all(|row| matches!(row.outcome, Outcome::Absent | Outcome::Open)));
        assert!(rows.iter().any(|row| row.messages > 0), "a vain search costs something");
        assert_eq!(metric(&record, "content_availability"), 0.0);
    }
}

#[test]
fn a_server_outage_stops_the_index_and_only_that_long() {
    let mut conditions = quiet(50, TargetKind::Content);
    conditions.events = vec![event(60, Action::ServerOutage, Some(60))];
    let (record, rows) = index(&conditions);
    let during = |row: &&LookupRow| (62..80).contains(&(row.time.nanos() / 1_000_000_000));
    let asked_others = |row: &&LookupRow| row.hops != Some(0);
    assert!(
        rows.iter().filter(during).filter(asked_others).all(|row| row.outcome != Outcome::Found),
        "nobody answers while the server is down"
    );
    let after = rows.iter().filter(|row| row.time.nanos() > 150_000_000_000 && row.outcome != Outcome::Open);
    assert!(after.clone().count() > 50 && after.filter(|row| row.outcome != Outcome::Found).count() == 0, "all is well again afterwards");
    let words: Vec<&str> = record.events.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(words, ["server-outage", "heal"]);
}

#[test]
fn crashed_peers_stay_away_and_come_back_when_the_event_heals() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.events = vec![EventConfig { share: Some(0.3), ..event(60, Action::Crash, Some(60)) }];
    let (record, _) = index(&conditions);
    let online = |second: i64| {
        let sample = record.samples.iter().find(|row| row.metric == "peers_online" && row.time.nanos() == second * 1_000_000_000);
        sample.expect("there is a sample every ten seconds").value
    };
    assert_eq!((online(60), online(70), online(110), online(130)), (100.0, 70.0, 70.0, 100.0));
}

#[test]
fn a_partition_keeps_its_sides_apart_and_is_counted() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.events = vec![EventConfig { groups: Some(2), ..event(60, Action::Partition, Some(60)) }];
    let (record, _) = run_with::<Flooding>(&Default::default(), &conditions, 1, &RunOptions::default());
    assert!(record.messages.iter().map(|row| row.dropped_partition).sum::<u64>() > 100);
}

#[test]
fn a_full_queue_drops_and_is_counted() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.content.copies = 1;
    let config = CentralIndexConfig { capacity: Some(5.0), queue: 3, ..CentralIndexConfig::default() };
    let (record, _) = run_with::<CentralIndex>(&config, &conditions, 1, &RunOptions::default());
    assert!(record.messages.iter().map(|row| row.dropped_queue).sum::<u64>() > 100);
}

#[test]
fn a_narrow_uplink_delays_what_goes_through_it() {
    let slow = |rate: Option<Rate>| {
        let mut conditions = quiet(50, TargetKind::Key);
        conditions.network.latency = Latency::Constant { one_way: Duration::millis(20) };
        let class = ClassConfig {
            name: "all".to_owned(),
            share: 1.0,
            link: None,
            upload: rate,
            download: None,
            capacity: None,
            queue: 100,
            session: None,
            offline: None,
            lookup_interval: None,
        };
        conditions.peers.class = vec![class];
        metric(&run_with::<Chord>(&Default::default(), &conditions, 1, &RunOptions::default()).0, "lookup_latency_mean")
    };
    let (free, narrow) = (slow(None), slow(Rate::bits_per_second(30_000)));
    // A message of some 60 bytes takes 16 ms on a link of 30 kbit/s, at each end of each round.
    assert!(narrow > free + 20.0, "{narrow} ms against {free} ms");
}

#[test]
fn messages_of_lookups_add_up_to_those_of_their_kind() {
    let mut conditions = stormy(150, TargetKind::Content);
    conditions.time.warm_up = Duration::secs(0);
    let (record, rows) = run_with::<Chord>(&Default::default(), &conditions, 1, &RunOptions::default());
    let by_kind: u64 = record.messages.iter().filter(|row| row.cause == "lookup").map(|row| row.sent).sum();
    assert_eq!(by_kind, rows.iter().map(|row| row.messages).sum::<u64>());
    let bytes: u64 = record.messages.iter().filter(|row| row.cause == "lookup").map(|row| row.bytes).sum();
    assert_eq!(bytes, rows.iter().map(|row| row.bytes).sum::<u64>());
    assert_eq!(record.sent, record.messages.iter().map(|row| row.sent).sum::<u64>());
}

#[test]
fn only_questions_of_the_measured_time_have_rows() {
    let (_, rows) = index(&stormy(100, TargetKind::Content));
    assert!(rows.iter().all(|row| (0..180).contains(&(row.time.nanos() / 1_000_000_000))));
    assert!(rows.iter().any(|row| row.outcome == Outcome::Absent || row.outcome == Outcome::Abandoned), "the storm leaves traces");
    assert!(rows.iter().all(|row| matches!(row.target, Target::Item(_))));
}

#[test]
fn a_run_that_is_told_to_stop_gives_no_result() {
    let stop = AtomicBool::new(true);
    let options = RunOptions { stop: Some(&stop), ..RunOptions::default() };
    let result = run::<Chord>(&Default::default(), &quiet(50, TargetKind::Key), 1, &options, &mut ());
    assert!(matches!(result, Err(RunError::Stopped)));
}

#[test]
fn a_sink_that_is_full_ends_the_run() {
    struct Full;
    impl Sink for Full {
        fn lookup(&mut self, _: &LookupRow) -> std::io::Result<()> {
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        }
    }
    let result = run::<Chord>(&Default::default(), &quiet(50, TargetKind::Key), 1, &RunOptions::default(), &mut Full);
    assert!(matches!(result, Err(RunError::Sink(_))));
}

/// Nobody comes or goes: all that matches and was found is known beforehand, from the names and the disks.
#[test]
fn recall_is_what_was_found_of_all_that_matches() {
    let mut conditions = quiet(40, TargetKind::Keywords);
    let popularity = Popularity::Zipf { exponent: 1.0 };
    conditions.content.keywords = Some(KeywordsConfig { vocabulary: 20, per_item: 3, per_query: 2, popularity });
    conditions.network.latency = Latency::Constant { one_way: Duration::millis(20) };
    let words = Words::new(&conditions.content, Streams::new(1));
    let matching = |row: &LookupRow| match row.target {
        Target::Keywords(keywords) => words.matching(keywords).count() as u32,
        other => panic!("{other:?} is no question by keyword"),
    };
    let ended = |rows: Vec<LookupRow>| rows.into_iter().filter(|row| row.outcome != Outcome::Open).collect::<Vec<_>>();
    let (record, rows) = run_with::<Flooding>(&Default::default(), &conditions, 1, &RunOptions::default());
    let rows = ended(rows);
    assert!(rows.len() > 400);
    for row in &rows {
        assert_eq!((row.outcome, row.results, row.recall), (Outcome::Found, matching(row), Some(1.0)), "{:?}", row.target);
    }
    let mean = rows.iter().map(|row| f64::from(row.results)).sum::<f64>() / rows.len() as f64;
    assert!(mean > 2.0 && (metric(&record, "results_mean") - mean).abs() < 1e-9 && (metric(&record, "recall_mean") - 1.0).abs() < 1e-5);
    // One link away there is less, but never anything wrong.
    let near = FloodingConfig { ttl: 1, ..FloodingConfig::default() };
    let (record, rows) = run_with::<Flooding>(&near, &conditions, 1, &RunOptions::default());
    for row in &ended(rows) {
        let recall = f64::from(row.results) / f64::from(matching(row));
        assert_eq!(row.recall, Some(recall));
        assert_eq!(row.outcome == Outcome::Found, row.results > 0);
    }
    assert!((0.1..0.9).contains(&metric(&record, "recall_mean")));
}

#[test]
fn what_nobody_has_is_absent_by_keyword_too() {
    let mut conditions = quiet(30, TargetKind::Keywords);
    conditions.content.copies = 0;
    for (record, rows) in [run_with::<Chord>(&Default::default(), &conditions, 1, &RunOptions::default()), index(&conditions)] {
        assert!(rows.iter().all(|row| matches!(row.outcome, Outcome::Absent | Outcome::Open) && row.recall.is_none() && row.results == 0));
        assert!(record.metrics.iter().all(|metric| metric.name != "recall_mean"));
        assert_eq!(metric(&record, "content_availability"), 0.0);
    }
}
