//! Several peers on one host: they come and go together, share its link and queue exactly, and meet what one peer would have met.

use std::collections::BTreeMap;
use std::io;

use peerlab_engine::random::Streams;
use peerlab_engine::time::{Span, Time};
use peerlab_model::units::{Duration, Rate, Size};
use peerlab_model::{HostId, Issues, Numbering, PeerId};
use peerlab_overlay::structured::chord::{Chord, ChordConfig, ChordMessage};
use peerlab_workload::{ClassConfig, Disk, Distribution, StorageConfig, TargetKind};
use peerlab_world::{
    Conditions, LookupRow, Observer, Outcome, PeerRow, Registry, RunOptions, RunRecord, Sink, StartKind, run, run_observed,
};

use crate::determinism::eventful;
use crate::support::{metric, quiet, stormy};

fn nodes(virtual_nodes: u16) -> ChordConfig {
    ChordConfig { virtual_nodes, ..ChordConfig::default() }
}

/// All rows of a run.
#[derive(Debug, Default, PartialEq)]
struct Rows {
    lookups: Vec<LookupRow>,
    peers: Vec<PeerRow>,
}

impl Sink for Rows {
    fn lookup(&mut self, row: &LookupRow) -> io::Result<()> {
        self.lookups.push(row.clone());
        Ok(())
    }

    fn peer(&mut self, row: &PeerRow) -> io::Result<()> {
        self.peers.push(row.clone());
        Ok(())
    }
}

fn ran(config: &ChordConfig, conditions: &Conditions, options: &RunOptions<'_>) -> (RunRecord, Rows) {
    let mut rows = Rows::default();
    let record = run::<Chord>(config, conditions, 5, options, &mut rows).unwrap_or_else(|error| panic!("{error}"));
    (record, rows)
}

fn one_shard(config: &ChordConfig, conditions: &Conditions) -> (RunRecord, Rows) {
    ran(config, conditions, &RunOptions::default())
}

/// Half of the hosts with a slow link, the other half with few messages a second: both are busy, and some queues overflow.
fn limited(mut conditions: Conditions) -> Conditions {
    let class = |name: &str| ClassConfig {
        name: name.to_owned(),
        share: 0.5,
        link: None,
        upload: None,
        download: None,
        capacity: None,
        queue: 5,
        session: None,
        offline: None,
        lookup_interval: None,
    };
    let rate = |text: &str| text.parse::<Rate>().expect("a rate");
    conditions.peers.class = vec![
        ClassConfig { upload: Some(rate("64 kbit/s")), download: Some(rate("64 kbit/s")), ..class("slow") },
        ClassConfig { capacity: Some(8.0), ..class("busy") },
    ];
    conditions
}

#[test]
fn a_seat_names_its_host_whatever_the_life() {
    let numbering = Numbering::new(100, 2, Streams::new(1)).with_peers_per_host(5);
    assert_eq!((numbering.hosts(), numbering.population(), numbering.seats()), (102, 100, 816));
    let seats: Vec<u32> = numbering.seats_of(HostId(7)).collect();
    assert_eq!(seats, [56, 57, 58, 59, 60]);
    for generation in [0, 1, 77] {
        let first = numbering.peer(56, generation);
        let household: Vec<PeerId> = numbering.household(first).collect();
        assert_eq!(household, seats.iter().map(|&seat| numbering.peer(seat, generation)).collect::<Vec<_>>());
        assert!(household.iter().all(|&peer| numbering.host(peer) == HostId(7) && !numbering.is_server(peer)));
    }
    let server = numbering.server(1);
    assert!(numbering.is_server(server) && numbering.host(server) == HostId(101));
    assert_eq!(numbering.household(server).collect::<Vec<_>>(), [server]);
    assert_eq!(Numbering::seats_for(1 << 27, 16), Some(1 << 31));
    assert_eq!((Numbering::seats_for(1 << 27, 17), Numbering::seats_for(1, 0), Numbering::seats_for(u32::MAX, 256)), (None, None, None));
}

#[test]
fn shards_and_windows_do_not_show_where_peers_share_links_and_queues() {
    let short = Some(Span::from_nanos(1_777_777));
    for (target, others) in [(TargetKind::Key, [(2, None), (1, short)]), (TargetKind::Content, [(3, None), (2, short)])] {
        let mut conditions = limited(eventful(target));
        // The smallest delay is that between peers of one host, and bounds a window.
        conditions.network.min_one_way = Duration::millis(5);
        let one = one_shard(&nodes(3), &conditions);
        let dropped: u64 = one.0.messages.iter().map(|row| row.dropped_queue).sum();
        assert!(one.0.handled > 100_000 && dropped > 100, "{} events and {dropped} messages dropped by full queues", one.0.handled);
        for (shards, longest_window) in others {
            let other = ran(&nodes(3), &conditions, &RunOptions { shards, longest_window, ..RunOptions::default() });
            assert!(format!("{one:?}") == format!("{other:?}"), "{shards} shards, windows of at most {longest_window:?}");
        }
    }
}

#[test]
fn hosts_meet_the_same_whatever_the_number_of_their_peers() {
    let conditions = stormy(150, TargetKind::Content);
    let met = |virtual_nodes| {
        let (record, rows) = one_shard(&nodes(virtual_nodes), &conditions);
        let asked: Vec<_> = rows.lookups.iter().map(|row| (row.lookup, row.time, row.origin, row.target)).collect();
        let hosts: Vec<_> = rows.peers.iter().map(|row| (row.peer, row.role, row.online, row.items)).collect();
        (asked, hosts, ["peers_online_mean", "session_mean_s"].map(|name| metric(&record, name).to_bits()))
    };
    let one = met(1);
    assert!(one.0.len() > 1000 && one.1.len() == 150);
    assert!(one == met(2) && one == met(5));
}

#[test]
fn keys_are_found_and_named_right_with_several_peers_a_host() {
    for (start, churn) in [(StartKind::Converged, false), (StartKind::Join, false), (StartKind::Converged, true)] {
        let mut conditions = if churn { stormy(100, TargetKind::Key) } else { quiet(100, TargetKind::Key) };
        conditions.start = start;
        conditions.time.warm_up = Duration::secs(300);
        if let Some(churn) = &mut conditions.churn {
            churn.session = Some(Distribution::Exponential { mean: Duration::secs(1200) });
        }
        let (record, rows) = one_shard(&nodes(4), &conditions);
        let (success, incorrect) = (metric(&record, "lookup_success_ratio"), metric(&record, "lookup_incorrect_ratio"));
        let least = if churn { 0.9 } else { 0.999 };
        assert!(success >= least && incorrect <= 0.05, "{start:?}, churn {churn}: {success} found, {incorrect} wrong");
        assert!(rows.lookups.iter().all(|row| row.origin < 100));
    }
}

#[test]
fn a_host_that_is_alone_makes_one_ring_of_its_peers() {
    let mut conditions = quiet(1, TargetKind::Key);
    conditions.start = StartKind::Join;
    conditions.time.warm_up = Duration::secs(300);
    let (record, rows) = one_shard(&nodes(6), &conditions);
    assert!(rows.lookups.len() > 5);
    assert_eq!(metric(&record, "lookup_success_ratio"), 1.0);
    // Five of six keys belong to another peer than the first; with a ring each, every one would be the first one's own.
    assert!(rows.lookups.iter().any(|row| row.hops > Some(0)));
}

#[test]
fn a_host_publishes_its_items_once_and_any_of_its_peers_may_be_named() {
    let conditions = quiet(100, TargetKind::Content);
    let stores = |record: &RunRecord| record.messages.iter().filter(|row| row.kind == "store").map(|row| row.sent).sum::<u64>();
    let config = |virtual_nodes| ChordConfig { republish_interval: Duration::secs(60), ..nodes(virtual_nodes) };
    let ((one, _), (many, rows)) = (one_shard(&config(1), &conditions), one_shard(&config(8), &conditions));
    let (once, several) = (stores(&one) as f64, stores(&many) as f64);
    assert!(once > 500.0 && (several / once - 1.0).abs() < 0.1, "{once} registrations with one peer a host, {several} with eight");
    assert!(rows.lookups.iter().all(|row| row.results <= 5 && row.recall.is_none_or(|recall| recall <= 1.0)));
    assert_eq!(metric(&many, "lookup_success_ratio"), 1.0);
}

#[test]
fn values_are_kept_by_all_peers_of_a_host() {
    let mut conditions = eventful(TargetKind::Value);
    conditions.storage = Some(StorageConfig { items: 100, size: Size(4096), disk: Disk::Kept, ..StorageConfig::default() });
    let config = ChordConfig { republish_interval: Duration::secs(86400), record_expiry: Duration::secs(7 * 86400), ..nodes(3) };
    let one = one_shard(&config, &conditions);
    let other = ran(&config, &conditions, &RunOptions { shards: 4, ..RunOptions::default() });
    assert!(format!("{one:?}") == format!("{other:?}"));
    let [available, durable] = ["value_availability", "value_durability"].map(|name| metric(&one.0, name));
    assert!(available > 0.3 && available <= durable && durable <= 1.0, "{available}, {durable}");
}

/// Delays of messages between two peers of one host, and the others'; who came and went when.
struct Watch {
    numbering: Numbering,
    within: Vec<Option<Span>>,
    shortest: Span,
    lost: u32,
    lives: BTreeMap<(HostId, Time, bool), u32>,
}

impl Observer<ChordMessage> for Watch {
    fn sent(&mut self, _: Time, from: PeerId, to: PeerId, _: &ChordMessage, delay: Option<Span>) {
        if self.numbering.host(from) == self.numbering.host(to) && self.numbering.seat(from) != self.numbering.seat(to) {
            self.within.push(delay);
        } else {
            self.shortest = delay.map_or(self.shortest, |delay| delay.min(self.shortest));
            self.lost += u32::from(delay.is_none());
        }
    }

    fn online(&mut self, now: Time, peer: PeerId) {
        *self.lives.entry((self.numbering.host(peer), now, true)).or_default() += 1;
    }

    fn offline(&mut self, now: Time, peer: PeerId) {
        *self.lives.entry((self.numbering.host(peer), now, false)).or_default() += 1;
    }
}

#[test]
fn peers_of_a_host_come_and_go_together_and_are_a_step_from_each_other() {
    let conditions = stormy(60, TargetKind::Key);
    let numbering = Numbering::new(60, 0, Streams::new(5)).with_peers_per_host(5);
    let watch = || Watch { numbering, within: Vec::new(), shortest: Span::MAX, lost: 0, lives: BTreeMap::new() };
    let (_, watched) =
        run_observed::<Chord, Watch>(&nodes(5), &conditions, 5, &RunOptions::default(), &mut Rows::default(), watch).expect("it runs");
    let watch = &watched[0];
    assert!(watch.lives.len() > 60 && watch.lives.values().all(|&peers| peers == 5));
    assert!(watch.within.len() > 100 && watch.within.iter().all(|&delay| delay == Some(Span::from_millis(1))));
    assert!(watch.shortest >= Span::from_millis(20) && watch.lost > 10, "between hosts there are the network's delays and losses");
}

/// Four times the peers, and so four times the messages, on machines that can handle no more than before.
#[test]
fn a_hosts_capacity_is_shared_by_its_peers() {
    let mut conditions = limited(quiet(40, TargetKind::Key));
    let busy = conditions.peers.class.remove(1);
    conditions.peers.class = vec![ClassConfig { share: 1.0, capacity: Some(5.0), ..busy }];
    let frequent = |virtual_nodes| ChordConfig {
        stabilize_interval: Duration::secs(1),
        check_predecessor_interval: Duration::secs(1),
        ..nodes(virtual_nodes)
    };
    let most = |rows: &Rows| rows.peers.iter().map(|row| row.messages_in).max().unwrap_or(0);
    let ((few, _), (many, rows)) = (one_shard(&frequent(1), &conditions), one_shard(&frequent(4), &conditions));
    let dropped = |record: &RunRecord| record.messages.iter().map(|row| row.dropped_queue).sum::<u64>();
    // 180 s at 5 messages a second, and those that waited at the beginning.
    assert!(most(&rows) <= 180 * 5 + 6, "{} messages handled by one host", most(&rows));
    assert!(dropped(&many) > 1000 && dropped(&few) < dropped(&many) / 10, "{} and {} dropped", dropped(&few), dropped(&many));
}

#[test]
fn several_peers_a_host_even_out_the_load() {
    let gini = |virtual_nodes| {
        let mut conditions = quiet(200, TargetKind::Key);
        conditions.lookups.as_mut().expect("there are some").interval = Duration::secs(2);
        metric(&one_shard(&nodes(virtual_nodes), &conditions).0, "load_gini")
    };
    let (one, many) = (gini(1), gini(16));
    assert!(many < one / 2.0, "the Gini coefficient of the hosts' loads falls from {one} to {many}");
}

#[test]
fn a_number_of_peers_that_cannot_be_is_an_error_with_its_place() {
    let problem = |hosts: u32, virtual_nodes: u32| {
        let registry = Registry::builtin();
        let parameters = serde_json::json!({ "virtual_nodes": virtual_nodes });
        let topology = registry.get("chord").expect("it is shipped").configure(parameters).expect("it has the right form");
        let mut issues = Issues::new();
        topology.check(hosts, 1, &mut issues);
        issues.into_list().into_iter().map(|issue| format!("{}: {} ({})", issue.path, issue.message, issue.help.unwrap_or_default())).next()
    };
    assert_eq!(problem(1000, 256), None);
    assert_eq!(problem(1, 3), None, "three peers of one host can keep three copies");
    assert!(problem(1, 2).is_some_and(|problem| problem.starts_with("replicas")));
    for number in [0, 257] {
        assert_eq!(problem(1000, number), Some(format!("virtual_nodes: a host runs 1 to 256 peers, not {number} ()")));
    }
    let many = problem(1 << 30, 3).expect("2^32 seats are too many");
    assert!(many.contains("virtual_nodes: 1073741824 hosts with 3 peers each") && many.contains("at most 2 with so many hosts"), "{many}");
}

#[test]
fn a_hosts_first_peer_is_found_by_the_name_of_its_host() {
    let (_, rows) = one_shard(&nodes(2), &quiet(50, TargetKind::Peer));
    assert!(rows.lookups.len() > 500);
    assert!(rows.lookups.iter().all(|row| matches!(row.outcome, Outcome::Found | Outcome::Open)));
}
