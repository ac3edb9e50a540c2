//! Identifiers of other lengths: they tell peers apart, routes and owners follow from them, and the wire counts them.

use std::collections::BTreeSet;

use peerlab_engine::random::Streams;
use peerlab_model::{HostId, Issues, ItemId, Key, Numbering};
use peerlab_workload::TargetKind;
use peerlab_world::{LookupRow, Outcome, Registry, RunOptions, RunRecord};
use serde_json::json;

use crate::support::{metric, quiet, stormy};

const STRUCTURED: [&str; 9] = ["accordion", "bamboo", "chord", "kademlia", "kelips", "koorde", "onehop", "pastry", "tapestry"];

fn numbering(bits: u32) -> Numbering {
    Numbering::new(100, 2, Streams::new(7)).with_peers_per_host(3).with_identifier_bits(bits)
}

#[test]
fn the_shortest_identifiers_are_used_up_and_still_all_different() {
    // 102 hosts with 4 seats each: 9 bits are 512 identifiers.
    assert_eq!(Numbering::identifier_bits_for(numbering(160).seats()), 9);
    for bits in [9, 10, 16, 31, 32, 33, 63, 64, 160] {
        let numbering = numbering(bits);
        for generation in [0, 1, 5000] {
            let keys: BTreeSet<u64> = (0..numbering.seats()).map(|seat| numbering.key(numbering.peer(seat, generation)).0).collect();
            assert_eq!(keys.len(), numbering.seats() as usize, "{bits} bits");
            let low = u64::MAX.checked_shr(bits).unwrap_or(0);
            assert!(keys.iter().all(|key| key & low == 0), "{bits} bits: no more than those are set");
        }
        let item = numbering.item_key(ItemId(3));
        assert_eq!((numbering.truncated(item), numbering.truncated(Key(u64::MAX)).0.count_ones()), (item, bits.min(64)));
        assert_eq!(numbering.identifier_bytes(), bits.div_ceil(8));
    }
}

#[test]
fn short_identifiers_are_spread_evenly() {
    let numbering = Numbering::new(40_000, 0, Streams::new(3)).with_identifier_bits(20);
    let mut arcs = [0_i32; 64];
    for host in 0..40_000 {
        arcs[(numbering.key(numbering.peer(numbering.first_seat(HostId(host)), 0)).0 >> 58) as usize] += 1;
    }
    // 625 in each arc, with a standard deviation of 25 if they lay at random.
    assert!(arcs.iter().all(|count| (count - 625).abs() < 110), "{arcs:?}");
    let squares: i32 = arcs.iter().map(|count| (count - 625).pow(2)).sum();
    assert!((15..=110).contains(&(squares / 625)), "chi-square of 63 degrees of freedom: {}", squares / 625);
}

fn ran(model: &str, bits: u32, conditions: &peerlab_world::Conditions) -> (RunRecord, Vec<LookupRow>) {
    let registry = Registry::builtin();
    let model = registry.models().find(|known| known.name == model).expect("a model of ours");
    let topology = model.configure(json!({ "identifier_bits": bits })).expect("a model that takes a length");
    let mut issues = Issues::new();
    topology.check(conditions.peers.count, 1, &mut issues);
    assert!(!issues.list().iter().any(|issue| !issue.warning), "{:?}", issues.list());
    let mut rows = Vec::new();
    let record = topology.run(conditions, 11, &RunOptions::default(), &mut rows).unwrap_or_else(|error| panic!("{error}"));
    (record, rows)
}

#[test]
fn identifiers_longer_than_a_key_cost_bytes_and_nothing_else() {
    for model in STRUCTURED.into_iter().filter(|&model| model != "accordion") {
        let [usual, long] = [160, 256].map(|bits| ran(model, bits, &quiet(60, TargetKind::Content)).0);
        assert_eq!(usual.digest, long.digest, "{model}");
        let bytes = |record: &RunRecord| record.messages.iter().map(|row| row.bytes).sum::<u64>();
        assert!(bytes(&long) > bytes(&usual) + bytes(&usual) / 50, "{model}: {} and {}", bytes(&usual), bytes(&long));
    }
}

#[test]
fn questions_find_their_owners_among_short_identifiers() {
    for model in STRUCTURED {
        // Half of all identifiers are taken.
        let (_, rows) = ran(model, 8, &quiet(128, TargetKind::Key));
        let wrong: Vec<_> = rows.iter().filter(|row| !matches!(row.outcome, Outcome::Found | Outcome::Open)).collect();
        assert!(rows.len() > 1500 && wrong.is_empty(), "{model}: {} of {}, such as {:?}", wrong.len(), rows.len(), wrong.first());
    }
}

#[test]
fn newcomers_get_along_where_identifiers_come_back() {
    for model in STRUCTURED {
        let (short, usual) = (ran(model, 7, &stormy(100, TargetKind::Content)).0, ran(model, 160, &stormy(100, TargetKind::Content)).0);
        let [short, usual] = [short, usual].map(|record| metric(&record, "lookup_success_ratio"));
        assert!((short - usual).abs() < 0.1, "{model}: {short} instead of {usual}");
    }
}

#[test]
fn a_length_that_cannot_hold_the_peers_is_refused() {
    let registry = Registry::builtin();
    let chord = registry.models().find(|model| model.name == "chord").expect("a model of ours");
    let complaints = |bits: u32, hosts: u32| {
        let mut issues = Issues::new();
        chord.configure(json!({ "identifier_bits": bits })).expect("a number").check(hosts, 1, &mut issues);
        issues.list().iter().map(|issue| (issue.path.clone(), issue.message.clone())).collect::<Vec<_>>()
    };
    assert!(complaints(10, 1024).is_empty() && complaints(512, 1024).is_empty());
    let [(path, message)] = &complaints(10, 1025)[..] else { panic!("one complaint") };
    assert_eq!((path.as_str(), message.as_str()), ("identifier_bits", "identifiers of 10 bits cannot tell 1025 peers and servers apart"));
    assert_eq!(complaints(513, 1024).len(), 1);
}
