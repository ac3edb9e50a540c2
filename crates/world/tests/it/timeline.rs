//! What the events of the timeline do, one by one, and that it ends when they do.

use peerlab_engine::time::{Span, Time};
use peerlab_model::units::{Duration, Rate};
use peerlab_model::{ItemId, Overlay, Target};
use peerlab_overlay::client_server::ClientServer;
use peerlab_overlay::hybrid::central_index::{CentralIndex, CentralIndexConfig};
use peerlab_overlay::hybrid::tracker::Tracker;
use peerlab_overlay::structured::chord::Chord;
use peerlab_overlay::structured::kademlia::Kademlia;
use peerlab_overlay::structured::kelips::Kelips;
use peerlab_overlay::structured::pastry::Pastry;
use peerlab_overlay::unstructured::flooding::Flooding;
use peerlab_workload::{Action, ClassConfig, EventConfig, TargetKind};
use peerlab_world::{Conditions, LookupRow, Outcome, RunOptions, RunRecord};

use crate::determinism::event;
use crate::support::{class, quiet, run_with};

fn ran<O: Overlay>(conditions: &Conditions) -> (RunRecord, Vec<LookupRow>) {
    run_with::<O>(&O::Config::default(), conditions, 1, &RunOptions::default())
}

/// A hundred peers, five of which have the only item.
fn one_item() -> Conditions {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.content.items = 1;
    conditions
}

fn seconds(row: &LookupRow) -> f64 {
    row.time.since(Time::ZERO).secs_f64()
}

/// The share of those who asked between two times (s), and did not have it at home, that found it.
fn found(rows: &[LookupRow], from: f64, to: f64) -> f64 {
    let asked = || rows.iter().filter(|row| (from..to).contains(&seconds(row)) && row.hops != Some(0) && row.outcome != Outcome::Open);
    assert!(asked().count() > 50, "{} asked from {from} s to {to} s", asked().count());
    asked().filter(|row| row.outcome == Outcome::Found).count() as f64 / asked().count() as f64
}

#[test]
fn frozen_peers_are_silent_and_go_on_where_they_were() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.events = vec![EventConfig { share: Some(0.5), ..event(60, Action::Freeze, Some(60)) }];
    let (record, rows) = ran::<Chord>(&conditions);
    let asked = |from: f64, to: f64| rows.iter().filter(|row| (from..to).contains(&seconds(row))).count();
    let (before, during) = (asked(0.0, 60.0), asked(60.0, 120.0));
    assert!((0.35..0.65).contains(&(during as f64 / before as f64)), "users of machines that hang ask nothing: {during} against {before}");
    assert!(found(&rows, 0.0, 58.0) > 0.99);
    let timeouts = |from: f64, to: f64| rows.iter().filter(|row| (from..to).contains(&seconds(row))).map(|row| row.timeouts).sum::<u32>();
    assert!(timeouts(0.0, 58.0) == 0 && timeouts(60.0, 118.0) > 50, "who is asked does not answer");
    assert!(found(&rows, 135.0, 170.0) > 0.9, "they are members again, with all that they knew");
    let online = record.samples.iter().filter(|row| row.metric == "peers_online");
    assert!(online.clone().count() > 15 && online.clone().all(|row| row.value == 100.0), "they are online all the time");
}

#[test]
fn what_reaches_a_frozen_peer_waits_for_it() {
    let mut conditions = one_item();
    conditions.network.loss = 0.0;
    // So short that nobody gives up.
    conditions.events = vec![EventConfig { share: Some(1.0), ..event(60, Action::Freeze, Some(1)) }];
    let (record, rows) = ran::<Flooding>(&conditions);
    assert!(record.messages.iter().all(|row| row.dropped_offline == 0), "nothing is lost");
    assert!(rows.iter().filter(|row| row.outcome != Outcome::Open).all(|row| row.outcome == Outcome::Found));
    let longest = rows.iter().filter_map(|row| row.latency).max().expect("somebody found something");
    assert!((0.2..1.5).contains(&longest.secs_f64()), "some had to wait: {longest:?}");
}

#[test]
fn peers_that_never_go_on_are_lost() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.events = vec![EventConfig { share: Some(0.3), ..event(60, Action::Freeze, None) }];
    let (record, _) = ran::<Chord>(&conditions);
    assert!(record.messages.iter().map(|row| row.dropped_offline).sum::<u64>() > 100);
}

#[test]
fn a_crowd_asks_for_one_item_at_once_or_over_a_time() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.events = vec![
        EventConfig { item: Some(3), share: Some(1.0), ..event(60, Action::FlashCrowd, None) },
        EventConfig { item: Some(4), share: Some(0.5), ..event(100, Action::FlashCrowd, Some(20)) },
    ];
    let (_, rows) = ran::<Chord>(&conditions);
    let crowd = |item, from: f64, to: f64| {
        rows.iter().filter(|row| row.target == Target::Item(ItemId(item)) && (from..to).contains(&seconds(row))).count()
    };
    assert!((100..105).contains(&crowd(3, 60.0, 60.1)));
    assert!(crowd(4, 100.0, 100.1) < 5, "half of them, spread over 20 s");
    assert!((50..90).contains(&crowd(4, 100.0, 120.0)));
    let quiet = ran::<Chord>(&Conditions { events: Vec::new(), ..conditions.clone() }).1;
    let usual = |rows: &[LookupRow]| -> Vec<_> {
        rows.iter().filter(|row| row.lookup < 1_000_000).map(|row| (row.lookup, row.time, row.target)).collect()
    };
    assert!(usual(&rows) == usual(&quiet), "what is asked besides stays as it is");
}

#[test]
fn narrower_links_slow_down_and_get_wide_again() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.peers.class = vec![class(Rate::bits_per_second(1_000_000))];
    let narrow = EventConfig { factor: Some(0.1), ..event(60, Action::Bandwidth, Some(60)) };
    // Both at once for a while.
    let narrower = EventConfig { factor: Some(0.5), ..event(90, Action::Bandwidth, Some(30)) };
    conditions.events = vec![narrow, narrower];
    let (_, rows) = ran::<Chord>(&conditions);
    let mean = |from: f64, to: f64| {
        let latencies: Vec<f64> =
            rows.iter().filter(|row| (from..to).contains(&seconds(row))).filter_map(|row| row.latency).map(Span::secs_f64).collect();
        latencies.iter().sum::<f64>() / latencies.len() as f64
    };
    let (before, narrow, both, after) = (mean(0.0, 60.0), mean(60.0, 90.0), mean(95.0, 110.0), mean(140.0, 175.0));
    assert!(narrow > 1.1 * before && both > 1.1 * narrow && (after / before - 1.0).abs() < 0.1, "{before} {narrow} {both} {after}");
}

/// A narrow link is no slow machine.
#[test]
fn narrower_links_leave_capacities_as_they_are() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.peers.class = vec![ClassConfig { capacity: Some(1000.0), ..class(Rate::bits_per_second(1_000_000_000)) }];
    conditions.events = vec![EventConfig { factor: Some(0.001), ..event(60, Action::Bandwidth, None) }];
    let (record, rows) = ran::<Chord>(&conditions);
    assert!(record.messages.iter().all(|row| row.dropped_queue == 0), "who still handles 1000 messages a second drops none");
    assert!(found(&rows, 61.0, 170.0) > 0.99);
}

#[test]
fn a_server_at_a_thousandth_of_its_capacity_drops_what_it_cannot_handle() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.events = vec![EventConfig { factor: Some(0.001), ..event(60, Action::ServerCapacity, Some(60)) }];
    let config = CentralIndexConfig { capacity: Some(1000.0), queue: 3, ..CentralIndexConfig::default() };
    let (record, rows) = run_with::<CentralIndex>(&config, &conditions, 1, &RunOptions::default());
    assert!(record.messages.iter().map(|row| row.dropped_queue).sum::<u64>() > 100);
    assert!(found(&rows, 0.0, 50.0) > 0.99 && found(&rows, 62.0, 100.0) < 0.5 && found(&rows, 140.0, 175.0) > 0.99);
}

/// Takes the only item down at 60 s, where `share` of the peers obey, for a minute: how many find it before, meanwhile, and at the end.
fn taken_down<O: Overlay>(share: f64) -> (f64, f64, f64) {
    let mut conditions = one_item();
    conditions.events = vec![EventConfig { share: Some(share), ..event(60, Action::Takedown, Some(60)) }];
    let (_, rows) = ran::<O>(&conditions);
    (found(&rows, 0.0, 55.0), found(&rows, 62.0, 115.0), found(&rows, 150.0, 175.0))
}

#[test]
fn a_server_takes_an_item_down_and_an_index_forgets_it() {
    assert_eq!(taken_down::<ClientServer>(0.0), (1.0, 0.0, 1.0), "it is there again as soon as the server may");
    assert_eq!(taken_down::<CentralIndex>(0.0), (1.0, 0.0, 0.0), "nobody registers it again before the next session");
}

#[test]
fn a_tracker_that_has_taken_an_item_down_is_asked_no_more_often_for_it() {
    let messages = |events: Vec<EventConfig>| {
        let (record, rows) = ran::<Tracker>(&Conditions { events, ..one_item() });
        (record.messages.iter().map(|row| row.sent).sum::<u64>(), rows)
    };
    let (before, _) = messages(Vec::new());
    let (after, rows) = messages(vec![EventConfig { share: Some(0.0), ..event(60, Action::Takedown, None) }]);
    assert!(after < 2 * before, "{after} messages instead of {before}: nobody asks again at once");
    assert!(found(&rows, 100.0, 170.0) < found(&rows, 0.0, 55.0), "it names nobody any more");
}

#[test]
fn in_a_dht_it_takes_all_keepers_and_in_a_flood_all_holders() {
    for (name, all) in [
        ("chord", taken_down::<Chord>(1.0)),
        ("pastry", taken_down::<Pastry>(1.0)),
        ("kademlia", taken_down::<Kademlia>(1.0)),
        ("kelips", taken_down::<Kelips>(1.0)),
        ("flooding", taken_down::<Flooding>(1.0)),
    ] {
        assert!(all.0 > 0.95 && all.1 == 0.0, "{name}: {all:?}");
    }
    assert!(taken_down::<Flooding>(1.0).2 == 0.0, "what is deleted does not come back");
    for (name, none) in [("chord", taken_down::<Chord>(0.0)), ("flooding", taken_down::<Flooding>(0.0))] {
        assert!(none.1 > 0.95 && none.2 > 0.95, "{name}: {none:?}");
    }
}

#[test]
fn holders_delete_and_the_others_are_told() {
    let mut conditions = one_item();
    conditions.events = vec![EventConfig { count: Some(4), ..event(60, Action::Delete, None) }];
    let copies = |record: &RunRecord| record.metrics.iter().find(|metric| metric.name == "copies_mean").expect("disks have changed").value;
    let (record, rows) = ran::<Chord>(&conditions);
    assert_eq!(copies(&record), 1.0, "four of five have deleted it");
    assert!(found(&rows, 70.0, 170.0) > 0.95, "one is enough");
    conditions.events[0].count = None;
    let (record, rows) = ran::<Chord>(&conditions);
    assert_eq!(copies(&record), 0.0);
    assert!(rows.iter().filter(|row| seconds(row) > 61.0).all(|row| matches!(row.outcome, Outcome::Absent | Outcome::Open)));
}

#[test]
fn an_event_may_happen_again_and_again() {
    let mut conditions = quiet(50, TargetKind::Content);
    let crash = EventConfig { count: Some(5), every: Some(Duration::secs(40)), ..event(10, Action::Crash, Some(10)) };
    let loss = EventConfig { at: None, rate: Some(120.0), loss: Some(0.5), ..event(0, Action::Loss, Some(5)) };
    conditions.events = vec![crash, loss];
    let (record, _) = ran::<Chord>(&conditions);
    let times = |action: &str| -> Vec<i64> {
        record.events.iter().filter(|row| row.action == action).map(|row| row.time.nanos() / 1_000_000_000).collect()
    };
    assert_eq!(times("crash"), [10, 50, 90, 130, 170]);
    // Six in three minutes on average.
    assert!((1..16).contains(&times("loss").len()), "{:?}", times("loss"));
    let peers: Vec<u64> = record.events.iter().filter(|row| row.action == "crash").map(|row| row.peers).collect();
    assert_eq!(peers, [5; 5]);
}

#[test]
fn events_choose_holders_and_stretches_of_the_identifier_space() {
    use peerlab_workload::Select;
    let mut conditions = one_item();
    conditions.events = vec![EventConfig { select: Select::Holders, ..event(60, Action::Crash, None) }];
    let (record, rows) = ran::<Chord>(&conditions);
    assert_eq!(record.events[0].peers, 5);
    assert!(rows.iter().filter(|row| seconds(row) > 61.0).all(|row| row.outcome != Outcome::Found), "nobody is left who has it");
    conditions.content.items = 50;
    // As many at once as there are successors: neighbours lose each other, peers anywhere do not.
    let found_after = |select| {
        let mut conditions = conditions.clone();
        conditions.events = vec![EventConfig { share: Some(0.3), select, ..event(60, Action::Crash, None) }];
        let rows = ran::<Chord>(&conditions).1;
        found(&rows, 61.0, 75.0)
    };
    let (stretch, anywhere) = (found_after(Select::IdRange), found_after(Select::Random));
    assert!(stretch < anywhere, "{stretch} {anywhere}");
}
