//! What cheats do to lookups, through messages only.

use peerlab_model::units::Duration;
use peerlab_model::{ItemId, Overlay, Target};
use peerlab_overlay::RateLimit;
use peerlab_overlay::client_server::{ClientServer, ClientServerConfig};
use peerlab_overlay::hybrid::central_index::{CentralIndex, CentralIndexConfig};
use peerlab_overlay::structured::chord::{Chord, ChordConfig};
use peerlab_overlay::structured::kademlia::{Kademlia, KademliaConfig};
use peerlab_overlay::structured::onehop::OneHop;
use peerlab_overlay::unstructured::flooding::{Flooding, FloodingConfig};
use peerlab_workload::{AdversaryConfig, Behaviour, ClassConfig, Placement, TargetKind};
use peerlab_world::{Conditions, LookupRow, Outcome, PeerRow, RunOptions, RunRecord, Sink, StartKind, run};

use crate::support::{class, quiet, run_with};

fn cheat(behaviour: Behaviour, share: f64) -> AdversaryConfig {
    let json = serde_json::json!({ "behaviour": behaviour, "share": share });
    serde_json::from_value(json).expect("the keys are those of an adversary")
}

fn ran<O: Overlay>(config: &O::Config, conditions: &Conditions) -> (RunRecord, Vec<LookupRow>) {
    run_with::<O>(config, conditions, 1, &RunOptions::default())
}

fn share_of(rows: &[LookupRow], outcome: Outcome) -> f64 {
    let ended = || rows.iter().filter(|row| row.outcome != Outcome::Open && row.hops != Some(0));
    assert!(ended().count() > 300);
    ended().filter(|row| row.outcome == outcome).count() as f64 / ended().count() as f64
}

/// Goal: a lookup is lost if one of those whom it passes through lies. Method: recursive Chord, in which each peer on the way names just one
/// other and the owner answers: of the lookups that take h hops to the peer before the owner, (1 − f)^(h + 1) get through, with the hop counts of
/// the same lookups among honest peers. (The origin may be an adversary, who does not cheat itself.)
#[test]
fn liars_break_the_lookups_that_pass_through_them() {
    let config: ChordConfig = serde_json::from_value(serde_json::json!({ "routing": "recursive" })).expect("parameters of Chord");
    let mut conditions = quiet(500, TargetKind::Key);
    let honest = ran::<Chord>(&config, &conditions).0.hops;
    let all: u64 = honest.iter().sum();
    for f in [0.1, 0.3] {
        conditions.adversaries = vec![cheat(Behaviour::Misdirect, f)];
        let rows = ran::<Chord>(&config, &conditions).1;
        let ended = || rows.iter().filter(|row| row.outcome != Outcome::Open);
        let found = ended().filter(|row| row.outcome == Outcome::Found).count() as f64 / ended().count() as f64;
        let through = |(hops, &count): (i32, &u64)| libm::pow(1.0 - f, f64::from(hops + 1)) * count as f64;
        let expected = (0..).zip(&honest).map(through).sum::<f64>() / all as f64;
        // Few peers own and route many keys: the liars' share of the ways differs from their share of the peers.
        assert!((found - expected).abs() < 0.06, "f = {f}: {found} instead of {expected}");
    }
}

/// Who is silent is passed by: lookups fail where the owner itself is silent, and nowhere else.
#[test]
fn droppers_break_the_lookups_for_what_they_answer_for() {
    let config: ChordConfig = serde_json::from_value(serde_json::json!({ "routing": "iterative" })).expect("parameters of Chord");
    let mut conditions = quiet(200, TargetKind::Key);
    conditions.adversaries = vec![cheat(Behaviour::Drop, 0.3)];
    let (record, rows) = ran::<Chord>(&config, &conditions);
    let found = share_of(&rows, Outcome::Found);
    assert!((found - 0.7).abs() < 0.08, "{found}");
    assert!(rows.iter().map(|row| row.timeouts).sum::<u32>() > 100, "who is silent costs a timeout");
    assert!(record.messages.iter().all(|row| row.dropped_offline == 0), "what vanishes was delivered");
    conditions.adversaries[0].probability = 0.0;
    assert!(share_of(&ran::<Chord>(&config, &conditions).1, Outcome::Found) > 0.99, "who drops nothing is honest");
}

#[test]
fn liars_are_named_and_found_out() {
    for (name, incorrect) in [
        ("central-index", {
            let config = CentralIndexConfig { results: 1, ..CentralIndexConfig::default() };
            let mut conditions = quiet(100, TargetKind::Content);
            conditions.adversaries = vec![cheat(Behaviour::Lie, 0.3)];
            share_of(&ran::<CentralIndex>(&config, &conditions).1, Outcome::Incorrect)
        }),
        ("flooding", {
            let mut conditions = quiet(100, TargetKind::Content);
            conditions.content.copies = 1;
            conditions.adversaries = vec![cheat(Behaviour::Lie, 0.3)];
            let rows = ran::<Flooding>(&Default::default(), &conditions).1;
            // All hits count, and one is right; but where nobody who has it is reached, the liars are.
            assert!(rows.iter().all(|row| row.outcome != Outcome::Absent));
            conditions.content.copies = 0;
            share_of(&ran::<Flooding>(&Default::default(), &conditions).1, Outcome::Incorrect)
        }),
    ] {
        assert!(incorrect > 0.5, "{name}: {incorrect}");
    }
}

#[test]
fn who_has_to_show_what_it_registers_is_not_listed_for_what_it_lacks() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.adversaries = vec![cheat(Behaviour::Lie, 0.3)];
    for start in [StartKind::Converged, StartKind::Join] {
        conditions.start = start;
        let of = |verify: bool| {
            let config = CentralIndexConfig { results: 1, verify, ..CentralIndexConfig::default() };
            let (record, rows) = ran::<CentralIndex>(&config, &conditions);
            let proofs: u64 = record.messages.iter().filter(|row| row.kind == "proof").map(|row| row.bytes).sum();
            (share_of(&rows, Outcome::Incorrect), share_of(&rows, Outcome::Found), proofs)
        };
        let (incorrect, _, proofs) = of(false);
        assert!(incorrect > 0.5 && proofs == 0, "{start:?}: {incorrect}");
        let (incorrect, found, proofs) = of(true);
        assert!(incorrect == 0.0 && found > 0.99, "{start:?}: {incorrect} {found}");
        // What was registered before the run began has been shown before.
        assert_eq!(proofs > 0, start == StartKind::Join, "{start:?}");
    }
}

#[test]
fn free_riders_share_nothing() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.content.copies = 1;
    let found = |share: f64| {
        let adversaries = vec![cheat(Behaviour::FreeRide, share)];
        share_of(&ran::<Chord>(&ChordConfig::default(), &Conditions { adversaries, ..conditions.clone() }).1, Outcome::Found)
    };
    assert!(found(0.0) > 0.99);
    assert!((0.35..0.65).contains(&found(0.5)), "half of the only copies are not offered: {}", found(0.5));
}

#[test]
fn who_is_misdirected_finds_less() {
    let mut conditions = quiet(200, TargetKind::Key);
    conditions.adversaries = vec![cheat(Behaviour::Misdirect, 0.3)];
    let chord = share_of(&ran::<Chord>(&ChordConfig::default(), &conditions).1, Outcome::Found);
    assert!(chord < 0.9, "the owner that a liar names is none: {chord}");
    let found = |paths: u8| {
        let config: KademliaConfig =
            serde_json::from_value(serde_json::json!({ "disjoint_paths": paths })).expect("parameters of Kademlia");
        share_of(&ran::<Kademlia>(&config, &conditions).1, Outcome::Found)
    };
    assert!(found(1) > chord, "who asks several at a time is harder to lead astray: {} {chord}", found(1));
}

/// Goal: names that nobody else confirms are not believed. Method: a fifth of the peers put accomplices in the place of the holders whom they are asked for.
#[test]
fn keepers_that_have_to_agree_do_not_name_accomplices() {
    let mut conditions = quiet(200, TargetKind::Content);
    conditions.adversaries = vec![cheat(Behaviour::Misdirect, 0.2)];
    let of = |quorum: u8| {
        let config = KademliaConfig { quorum, caching: false, ..KademliaConfig::default() };
        let (record, rows) = ran::<Kademlia>(&config, &conditions);
        (share_of(&rows, Outcome::Incorrect), share_of(&rows, Outcome::Found), record.messages.iter().map(|row| row.sent).sum::<u64>())
    };
    let (alone, two, three) = (of(1), of(2), of(3));
    // Two of 40 accomplices who name five each do not have to agree on one of them, but may.
    assert!(alone.0 > 0.12 && two.0 < 0.06 && three.0 < 0.02, "{alone:?} {two:?} {three:?}");
    assert!(three.1 > 0.98 && three.2 < 3 * alone.2, "{alone:?} {two:?} {three:?}");
}

#[test]
fn a_censor_hides_an_item_where_it_keeps_the_index() {
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.content.items = 2;
    let censors = AdversaryConfig { servers: true, ..cheat(Behaviour::Censor, 0.0) };
    conditions.adversaries = vec![censors];
    let of = |rows: &[LookupRow], item: u32| -> Vec<LookupRow> {
        rows.iter().filter(|row| row.target == Target::Item(ItemId(item))).cloned().collect()
    };
    for (name, rows) in [
        ("central-index", ran::<CentralIndex>(&Default::default(), &conditions).1),
        ("client-server", ran::<ClientServer>(&Default::default(), &conditions).1),
    ] {
        assert_eq!((share_of(&of(&rows, 0), Outcome::Found), share_of(&of(&rows, 1), Outcome::Found)), (0.0, 1.0), "{name}");
    }
    conditions.adversaries = vec![AdversaryConfig { from: Some(Duration::secs(90)), ..cheat(Behaviour::Censor, 1.0) }];
    let rows = ran::<Chord>(&ChordConfig::default(), &conditions).1;
    let found = share_of(&of(&rows, 0), Outcome::Found);
    assert!((0.4..0.6).contains(&found), "half of the time all keepers of records are censors: {found}");
}

#[test]
fn a_flood_of_questions_keeps_a_server_busy() {
    let config = CentralIndexConfig { capacity: Some(200.0), queue: 20, ..CentralIndexConfig::default() };
    let mut conditions = quiet(100, TargetKind::Content);
    let (_, rows) = ran::<CentralIndex>(&config, &conditions);
    assert!(share_of(&rows, Outcome::Found) > 0.99);
    conditions.adversaries = vec![AdversaryConfig { rate: 100.0, ..cheat(Behaviour::Flood, 0.1) }];
    let (record, flooded) = ran::<CentralIndex>(&config, &conditions);
    assert!(share_of(&flooded, Outcome::Found) < 0.9, "1000 questions a second to a server that handles 200");
    assert!(record.messages.iter().map(|row| row.dropped_queue).sum::<u64>() > 10_000);
    let asked = |rows: &[LookupRow]| rows.iter().map(|row| (row.lookup, row.time)).collect::<Vec<_>>();
    assert!(asked(&rows) == asked(&flooded), "an attacker's questions are nobody's lookups");
}

/// The messages that each host of the population handles.
struct Handled(Vec<u64>);

impl Sink for Handled {
    fn lookup(&mut self, _: &LookupRow) -> std::io::Result<()> {
        Ok(())
    }

    fn peer(&mut self, row: &PeerRow) -> std::io::Result<()> {
        self.0.push(row.messages_in);
        Ok(())
    }
}

/// Goal: who is asked for all the time handles what others need not. Method: ten of 200 peers ask for peer 17 ten times a second each.
/// Goal: a server that listens to each machine only so often has room for the others. Method: as above, with machines that ask 60 times a second
/// each, more together than the server handles; who asks only for himself is answered as if they were not there.
#[test]
fn a_rate_limit_keeps_a_flood_from_the_others() {
    fn of_others<O: Overlay>(config: &O::Config) -> (f64, u64) {
        let mut conditions = quiet(100, TargetKind::Content);
        conditions.time.duration = Duration::secs(60);
        let flood = AdversaryConfig { rate: 60.0, peers: Some((90..100).collect()), share: None, ..cheat(Behaviour::Flood, 0.0) };
        conditions.adversaries = vec![flood];
        let (record, rows) = ran::<O>(config, &conditions);
        let rows: Vec<LookupRow> = rows.into_iter().filter(|row| row.origin < 90).collect();
        (share_of(&rows, Outcome::Found), record.messages.iter().map(|row| row.dropped_queue).sum())
    }
    let limit = RateLimit { rate: 1.0, burst: 10 };
    for rate_limit in [None, Some(limit)] {
        let index = CentralIndexConfig { rate_limit, capacity: Some(200.0), queue: 20, ..CentralIndexConfig::default() };
        let server = ClientServerConfig { rate_limit, capacity: Some(200.0), queue: 20, ..ClientServerConfig::default() };
        for (name, (found, dropped)) in
            [("central-index", of_others::<CentralIndex>(&index)), ("client-server", of_others::<ClientServer>(&server))]
        {
            assert!(dropped > 10_000, "{name}: {dropped} turned away");
            assert!(if rate_limit.is_some() { found > 0.99 } else { found < 0.9 }, "{name}, {rate_limit:?}: {found}");
        }
    }
}

/// Goal: peers that take no more from each neighbour than a fourth of what they handle have room for all others. Method: one of 100 peers asks a hundred
/// times a second, and each question comes three times to everybody, who handles a hundred messages a second.
#[test]
fn a_limit_for_each_neighbour_keeps_a_flood_from_the_others() {
    let of_others = |rate: Option<f64>| {
        let rate_limit = rate.map(|rate| RateLimit { rate, burst: 10 });
        let config = FloodingConfig { rate_limit, ..FloodingConfig::default() };
        let mut conditions = quiet(100, TargetKind::Content);
        conditions.time.duration = Duration::secs(60);
        conditions.peers.class = vec![ClassConfig { capacity: Some(100.0), queue: 50, ..class(None) }];
        conditions.adversaries = vec![AdversaryConfig { rate: 100.0, peers: Some(vec![99]), share: None, ..cheat(Behaviour::Flood, 0.0) }];
        let rows: Vec<LookupRow> = ran::<Flooding>(&config, &conditions).1.into_iter().filter(|row| row.origin < 99).collect();
        share_of(&rows, Outcome::Found)
    };
    let (without, limited, strict) = (of_others(None), of_others(Some(20.0)), of_others(Some(1.0)));
    assert!(without < 0.4 && limited > 0.9, "{without} {limited}");
    assert!(strict < without, "a limit that the flood fills turns everybody away: {strict}");
}

#[test]
fn a_flood_of_questions_for_one_peer_falls_on_that_peer() {
    fn handled<O: Overlay>(config: &O::Config, adversaries: Vec<AdversaryConfig>) -> Vec<u64> {
        let mut rows = Handled(Vec::new());
        let conditions = Conditions { adversaries, ..quiet(200, TargetKind::Key) };
        run::<O>(config, &conditions, 1, &RunOptions::default(), &mut rows).unwrap_or_else(|error| panic!("{error}"));
        rows.0
    }
    fn more<O: Overlay>(config: &O::Config) -> Vec<u64> {
        let flood = AdversaryConfig { peer: Some(17), share: None, peers: Some((100..110).collect()), ..cheat(Behaviour::Flood, 0.0) };
        let flooded = handled::<O>(config, vec![flood]);
        flooded.iter().zip(&handled::<O>(config, Vec::new())).map(|(after, before)| after.saturating_sub(*before)).collect()
    }
    let recursive: ChordConfig = serde_json::from_value(serde_json::json!({ "routing": "recursive" })).expect("parameters of Chord");
    let questions = 10 * 10 * 180;
    for (name, more) in [("chord", more::<Chord>(&recursive)), ("onehop", more::<OneHop>(&Default::default()))] {
        let victim = more[17];
        assert!(victim > questions * 9 / 10, "{name}: {victim} more messages for {questions} questions");
        let mut others: Vec<u64> = (0..200).filter(|host| *host != 17 && !(100..110).contains(host)).map(|host| more[host]).collect();
        others.sort_unstable();
        let median = others[others.len() / 2];
        assert!(median < victim / 50, "{name}: half of the others handle {median} more at the most, the victim {victim}");
    }
}

#[test]
fn adversaries_begin_one_after_the_other() {
    let mut conditions = quiet(100, TargetKind::Key);
    let ramp = AdversaryConfig { from: Some(Duration::secs(60)), ramp: Some(Duration::secs(60)), ..cheat(Behaviour::Drop, 0.6) };
    conditions.adversaries = vec![ramp];
    let (_, rows) = ran::<Chord>(&ChordConfig::default(), &conditions);
    let timeouts = |from: i64, to: i64| {
        rows.iter().filter(|row| (from..to).contains(&(row.time.nanos() / 1_000_000_000))).map(|row| u64::from(row.timeouts)).sum::<u64>()
    };
    let (before, begun, all) = (timeouts(0, 55), timeouts(60, 80), timeouts(120, 140));
    assert!(before == 0 && begun < all, "{before} {begun} {all}");
}

/// Goal: who can choose identifiers needs few machines to hide an item in a DHT. Method: a tenth of the peers censors item 0, anywhere or around its key.
#[test]
fn an_eclipse_hides_an_item_that_as_many_censors_elsewhere_do_not() {
    fn found<O: Overlay>(placed: Placement) -> f64 {
        let mut conditions = quiet(300, TargetKind::Content);
        conditions.content.items = 2;
        conditions.adversaries = vec![AdversaryConfig { placed, ..cheat(Behaviour::Censor, 0.1) }];
        let rows = ran::<O>(&O::Config::default(), &conditions).1;
        let about = |item| rows.iter().filter(|row| row.target == Target::Item(ItemId(item))).cloned().collect::<Vec<_>>();
        assert!(share_of(&about(1), Outcome::Found) > 0.99, "{}: another item is found as ever", O::NAME);
        share_of(&about(0), Outcome::Found)
    }
    for (name, anywhere, around) in [
        ("chord", found::<Chord>(Placement::Random), found::<Chord>(Placement::AroundItem)),
        ("kademlia", found::<Kademlia>(Placement::Random), found::<Kademlia>(Placement::AroundItem)),
    ] {
        assert!(anywhere > 0.95 && around < 0.05, "{name}: {anywhere} found with censors anywhere, {around} in an eclipse");
    }
}
