//! What random walks promise, in the reference world.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, ItemId, LookupId, Overlay, OverlayConfig, Span, Target, Time};
use peerlab_overlay::graph::GraphConfig;
use peerlab_overlay::unstructured::flooding::{Bias, RandomWalk, RandomWalkConfig};

use crate::flooding::{edge_list, line};
use crate::harness::{Options, World};

type WalkWorld = World<RandomWalk>;

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn millis(millis: u64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

/// `walkers` that never check.
fn walkers(walkers: u8, graph: GraphConfig) -> RandomWalkConfig {
    RandomWalkConfig { graph, walkers, check_every: 0, ..RandomWalkConfig::default() }
}

/// All are members; peer k holds item k.
fn converged(config: &RandomWalkConfig, population: u32) -> WalkWorld {
    let mut world: WalkWorld = World::new(config, Options { population, items: population, ..Options::default() });
    (0..population).for_each(|seat| world.give(seat, &[seat]));
    world.start_converged(0..population);
    world
}

/// Peer 0 asks for what peer `holder` has, and waits for the end of everything.
fn ask(world: &mut WalkWorld, holder: u32) -> LookupId {
    let id = world.lookup(0, Target::Item(ItemId(holder)));
    world.run_for(seconds(100));
    id
}

/// What peer 0 keeps.
fn bytes(world: &WalkWorld) -> usize {
    world.model.state_bytes(world.peer(0).expect("peer 0 is on"))
}

/// A ring of peers.
fn ring(name: &str, peers: u32) -> GraphConfig {
    edge_list(name, &(0..peers).map(|peer| (peer, (peer + 1) % peers)).collect::<Vec<_>>())
}

#[test]
fn a_walker_goes_on_until_it_finds_and_the_holder_tells_the_origin() {
    let mut world = converged(&walkers(1, line("walk-line", 20)), 20);
    let id = ask(&mut world, 5);
    let record = world.record(id);
    assert_eq!((record.sent["walk"], record.sent["hit"], record.messages()), (5, 1, 6), "it never turns back while there is another way");
    assert_eq!((record.peers(), record.hits[0].hit.hops), (vec![world.id(5)], 5));
    assert_eq!(record.finished, Some(millis(5 * 50 + 50)));
}

#[test]
fn every_so_many_steps_it_asks_whether_it_still_matters() {
    let config = RandomWalkConfig { check_every: 2, ..walkers(1, line("walk-check", 20)) };
    let mut world = converged(&config, 20);
    let id = ask(&mut world, 5);
    let record = world.record(id);
    assert_eq!((record.sent["walk"], record.sent["check"], record.sent["verdict"]), (5, 2, 2));
    assert_eq!(record.finished, Some(millis(5 * 50 + 2 * 100 + 50)), "it waits for the answer");
}

#[test]
fn walkers_of_a_question_that_has_ended_stop_at_their_next_check() {
    let config = RandomWalkConfig { check_every: 4, ..walkers(2, ring("walk-stop", 40)) };
    let mut world = converged(&config, 40);
    let id = ask(&mut world, 3);
    let record = world.record(id);
    // One goes up and finds after three steps, the other one goes down and asks after four.
    assert_eq!((record.sent["walk"], record.sent["check"], record.sent["verdict"]), (3 + 4, 1, 1));
    assert_eq!(record.finished, Some(millis(200)));
}

#[test]
fn without_checks_they_walk_as_far_as_they_may() {
    let config = RandomWalkConfig { ttl: 30, ..walkers(2, ring("walk-on", 100)) };
    let mut world = converged(&config, 100);
    let id = ask(&mut world, 3);
    assert_eq!(world.record(id).sent["walk"], 3 + 30);
    let far = ask(&mut world, 50);
    assert_eq!((world.record(far).sent["walk"], world.record(far).hits.len()), (60, 0), "nobody is reached beyond");
    assert_eq!(world.record(far).finished.map(|end| end.since(world.record(far).asked)), Some(seconds(60)));
}

#[test]
fn a_question_ends_when_its_time_is_over_and_is_not_asked_again() {
    let config = RandomWalkConfig { ttl: 4, query_timeout: Duration::secs(5), ..walkers(2, ring("walk-over", 40)) };
    let mut world = converged(&config, 40);
    let id = ask(&mut world, 20);
    let record = world.record(id);
    assert_eq!((record.finished, record.messages()), (Some(Time::ZERO + seconds(5)), 2 * 4));
}

#[test]
fn a_walker_whose_origin_is_gone_ends() {
    let config = RandomWalkConfig { check_every: 2, ..walkers(1, line("walk-orphan", 20)) };
    let mut world = converged(&config, 20);
    let id = world.lookup(0, Target::Item(ItemId(9)));
    world.run_for(Span::from_millis(60));
    world.crash(0);
    world.run_for(seconds(10));
    let record = world.record(id);
    assert_eq!((record.sent["walk"], record.sent["check"], record.timeouts), (2, 1, 1));
}

#[test]
fn walkers_set_out_in_different_directions_while_there_are_some() {
    let star: Vec<(u32, u32)> = (1..9).map(|leaf| (0, leaf)).collect();
    let answered = |world: &WalkWorld| world.record(LookupId { origin: 0, number: 0 }).peers().len();
    let config = RandomWalkConfig {
        walkers: 8,
        wanted_hits: 8,
        ttl: 1,
        check_every: 0,
        graph: edge_list("walk-star-8", &star),
        ..RandomWalkConfig::default()
    };
    for (state_keeping, all) in [(true, true), (false, false)] {
        let mut world: WalkWorld =
            World::new(&RandomWalkConfig { state_keeping, ..config.clone() }, Options { population: 9, items: 9, ..Options::default() });
        (1..9).for_each(|leaf| world.give(leaf, &[1]));
        world.start_converged(0..9);
        world.lookup(0, Target::Item(ItemId(1)));
        world.run_for(seconds(1));
        // Eight blind draws from eight leave one out nearly always: 1 − 8!/8^8 = .998.
        assert_eq!(answered(&world) == 8, all, "state keeping: {state_keeping}");
    }
    let many = RandomWalkConfig { walkers: 20, ..config };
    let mut world: WalkWorld = World::new(&many, Options { population: 9, items: 9, ..Options::default() });
    world.start_converged(0..9);
    let id = ask(&mut world, 1);
    assert_eq!(world.record(id).sent["walk"], 20, "more walkers than neighbours: each sets out");
}

#[test]
fn what_is_remembered_is_bounded_and_forgotten() {
    let config = RandomWalkConfig { remember_max: 3, ttl: 4, ..walkers(2, ring("walk-memory", 12)) };
    let mut world = converged(&config, 12);
    let empty = bytes(&world);
    for holder in 5..10 {
        world.lookup(0, Target::Item(ItemId(holder)));
    }
    world.run_for(seconds(1));
    let full = bytes(&world);
    assert!(full > empty && full < empty + 3 * 80, "{empty} → {full}: three questions and no more");
}

#[test]
fn walkers_seek_the_well_connected() {
    // Peer 0 has two neighbours: 1 has nobody else, 2 has ten.
    let edges: Vec<(u32, u32)> = [(0, 1), (0, 2)].into_iter().chain((3..13).map(|leaf| (2, leaf))).collect();
    for seed in 0..8 {
        let config = RandomWalkConfig { bias: Bias::Degree, ttl: 1, ..walkers(1, edge_list(&format!("walk-hub-{seed}"), &edges)) };
        let mut world: WalkWorld = World::new(&config, Options { population: 13, items: 13, seed, ..Options::default() });
        world.give(2, &[2]);
        world.start_converged(0..13);
        let id = ask(&mut world, 2);
        assert_eq!(world.record(id).peers(), [world.id(2)]);
        // Half of the hub's leaves go: its next pongs say so, and it is the better one still.
        (3..8).for_each(|leaf| world.leave(leaf));
        world.run_for(seconds(60));
        let id = ask(&mut world, 2);
        assert_eq!(world.record(id).peers(), [world.id(2)]);
    }
}

/// Lv et al. 2002, section 3: with r replicas of N at random places, a walker needs N/r steps on average.
#[test]
fn the_search_size_is_peers_over_replicas() {
    let config = walkers(1, GraphConfig::RandomRegular { degree: 4 });
    let mut world: WalkWorld = World::new(&config, Options { population: 1000, items: 2, ..Options::default() });
    let mut rng = world.test_rng();
    let mut holders = std::collections::BTreeSet::new();
    while holders.len() < 20 {
        holders.insert(rng.below(1000) as u32);
    }
    for &seat in &holders {
        world.give(seat, &[1]);
    }
    world.start_converged(0..1000);
    let ids: Vec<LookupId> =
        (0..800).filter(|seat| !holders.contains(seat)).map(|seat| world.lookup(seat, Target::Item(ItemId(1)))).collect();
    world.run_for(seconds(100));
    let hops: Vec<f64> = ids.iter().filter_map(|&id| world.record(id).hits.first()).map(|hit| f64::from(hit.hit.hops)).collect();
    let mean = hops.iter().sum::<f64>() / hops.len() as f64;
    // 50, a few percent more where a way crosses itself; the standard error is 50 / √780 = 1.8.
    assert!(hops.len() > 770 && (45.0..59.0).contains(&mean), "{mean} over {}", hops.len());
}

#[test]
fn impossible_parameters_are_named() {
    let paths = |config: RandomWalkConfig| {
        let mut issues = Issues::new();
        config.check(100, &mut issues);
        issues.list().iter().map(|issue| issue.path.clone()).collect::<Vec<_>>()
    };
    let good = RandomWalkConfig::default;
    assert_eq!(paths(good()), [""; 0]);
    assert_eq!(paths(RandomWalkConfig { walkers: 0, ..good() }), ["walkers"]);
    assert_eq!(paths(RandomWalkConfig { ttl: 0, ..good() }), ["ttl"]);
    assert_eq!(paths(RandomWalkConfig { wanted_hits: 0, ..good() }), ["wanted_hits"]);
    assert_eq!(paths(RandomWalkConfig { remember_max: 0, ..good() }), ["remember_max"]);
    assert_eq!(paths(RandomWalkConfig { graph: GraphConfig::RandomRegular { degree: 100 }, ..good() }), ["graph.degree"]);
    assert_eq!(paths(RandomWalkConfig { walkers: 255, ..good() }), [""; 0], "more walkers than neighbours");
}
