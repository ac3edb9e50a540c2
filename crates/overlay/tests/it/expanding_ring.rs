//! What the expanding ring promises beyond flooding, in the reference world.

use peerlab_model::{Issues, ItemId, LookupId, OverlayConfig, Span, Target, Time};
use peerlab_overlay::graph::GraphConfig;
use peerlab_overlay::unstructured::flooding::{ExpandingRing, ExpandingRingConfig, HitPath};

use crate::flooding::{edge_list, line};
use crate::harness::{Options, World};

type RingWorld = World<ExpandingRing>;

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn with(graph: GraphConfig) -> ExpandingRingConfig {
    ExpandingRingConfig { graph, ..ExpandingRingConfig::default() }
}

/// All are members; peer k holds item k.
fn converged(config: &ExpandingRingConfig, population: u32) -> RingWorld {
    let mut world: RingWorld = World::new(config, Options { population, items: population, ..Options::default() });
    (0..population).for_each(|seat| world.give(seat, &[seat]));
    world.start_converged(0..population);
    world
}

/// Peer 0 asks for what peer `holder` has.
fn ask(world: &mut RingWorld, holder: u32) -> LookupId {
    let id = world.lookup(0, Target::Item(ItemId(holder)));
    world.run_for(seconds(15));
    id
}

#[test]
fn what_is_next_door_costs_one_small_flood() {
    let mut world = converged(&with(line("ring-near", 20)), 20);
    let id = ask(&mut world, 1);
    let record = world.record(id);
    assert_eq!((record.sent["query"], record.sent["hit"], record.hits[0].hit.hops), (1, 1, 1));
    assert_eq!(record.finished, Some(Time::ZERO + Span::from_millis(100)), "it ends with the hit");
}

#[test]
fn each_ring_is_a_flood_of_its_own_and_the_one_that_finds_is_the_last() {
    let mut world = converged(&with(line("ring-far", 20)), 20);
    let id = ask(&mut world, 5);
    let record = world.record(id);
    // Along a line a flood of TTL t is t messages: 1 + 3 + 5, each ring after two seconds.
    assert_eq!((record.sent["query"], record.sent["hit"]), (1 + 3 + 5, 5));
    assert_eq!((record.hits.len(), record.hits[0].hit.hops), (1, 5));
    assert_eq!(record.finished, Some(Time::ZERO + seconds(4) + Span::from_millis(500)));
}

#[test]
fn beyond_the_last_ring_nothing_is_found() {
    let mut world = converged(&with(line("ring-beyond", 20)), 20);
    let id = ask(&mut world, 8);
    let record = world.record(id);
    assert_eq!((record.sent["query"], record.hits.len()), (1 + 3 + 5 + 7, 0));
    assert_eq!(record.finished, Some(Time::ZERO + seconds(8)));
}

#[test]
fn hits_may_come_directly() {
    let config = ExpandingRingConfig { hits: HitPath::Direct, ..with(line("ring-direct", 20)) };
    let mut world = converged(&config, 20);
    let id = ask(&mut world, 5);
    let record = world.record(id);
    assert_eq!((record.sent["hit"], record.finished), (1, Some(Time::ZERO + seconds(4) + Span::from_millis(300))));
}

#[test]
fn a_holder_counts_once_however_many_rings_reach_it() {
    // A star with a tail: item 1 is at a neighbour of the centre and at the end of the tail.
    let edges = [(0, 1), (0, 2), (2, 3), (3, 4)];
    let config = ExpandingRingConfig { wanted_hits: 2, ..with(edge_list("ring-star", &edges)) };
    let mut world: RingWorld = World::new(&config, Options { population: 5, items: 9, ..Options::default() });
    world.give(1, &[1]);
    world.give(4, &[1]);
    world.start_converged(0..5);
    let id = ask(&mut world, 1);
    let record = world.record(id);
    assert_eq!(record.peers(), [world.id(1), world.id(4)]);
    assert_eq!(record.sent["hit"], 1 + 1 + 3, "the near one answers both floods, the far one the second");
    assert_eq!(record.finished, Some(Time::ZERO + seconds(2) + Span::from_millis(300)));
}

#[test]
fn questions_side_by_side_do_not_disturb_each_other() {
    let mut world = converged(&with(line("ring-two", 20)), 20);
    let far = world.lookup(0, Target::Item(ItemId(5)));
    world.run_for(Span::from_millis(10));
    let near = world.lookup(0, Target::Item(ItemId(2)));
    world.run_for(seconds(15));
    let queries = |id| (world.record(id).sent["query"], world.record(id).peers());
    assert_eq!(queries(far), (9, vec![world.id(5)]));
    assert_eq!(queries(near), (4, vec![world.id(2)]));
}

#[test]
fn no_ring_begins_after_the_lookup_s_time() {
    let options = Options { population: 20, items: 20, lookup_timeout: seconds(3), ..Options::default() };
    let mut world: RingWorld = World::new(&with(line("ring-late", 20)), options);
    world.start_converged(0..20);
    let id = ask(&mut world, 9);
    assert_eq!((world.record(id).sent["query"], world.record(id).finished), (1 + 3, Some(Time::ZERO + seconds(4))));
}

/// Lv et al. 2002, section 4.1: the point of it.
#[test]
fn popular_items_are_found_with_a_fraction_of_a_flood_s_messages() {
    let mut world: RingWorld =
        World::new(&with(GraphConfig::RandomRegular { degree: 4 }), Options { population: 1000, items: 2, ..Options::default() });
    // Every tenth peer has it.
    (0..1000).step_by(10).for_each(|seat| world.give(seat, &[1]));
    world.start_converged(0..1000);
    let ids: Vec<LookupId> = (1..200).filter(|seat| seat % 10 != 0).map(|seat| world.lookup(seat, Target::Item(ItemId(1)))).collect();
    world.run_for(seconds(30));
    assert!(ids.iter().all(|&id| !world.record(id).hits.is_empty()));
    let mean = ids.iter().map(|&id| world.record(id).sent["query"]).sum::<u64>() as f64 / ids.len() as f64;
    // A whole flood of TTL 7 is about 2900 messages here. One of TTL 1 finds with probability 1 − .9^4 = .34 and costs 4, one of TTL 3
    // with 1 − .9^52 and costs 52 more: 4 + .66 · 52 = 38.
    assert!((33.0..43.0).contains(&mean), "{mean}");
}

#[test]
fn a_schedule_grows_and_has_no_zero() {
    let paths = |schedule: &[u8], hits: u16| {
        let mut issues = Issues::new();
        ExpandingRingConfig { ttl_schedule: schedule.to_vec(), wanted_hits: hits, ..ExpandingRingConfig::default() }
            .check(100, &mut issues);
        issues.list().iter().map(|issue| issue.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(paths(&[1, 3, 5, 7], 1), [""; 0]);
    for schedule in [&[][..], &[0, 2], &[3, 3], &[3, 2], &[1; 33]] {
        assert!(paths(schedule, 1).iter().all(|path| path == "ttl_schedule") && !paths(schedule, 1).is_empty(), "{schedule:?}");
    }
    assert_eq!(paths(&[2], 0), ["wanted_hits"]);
}
