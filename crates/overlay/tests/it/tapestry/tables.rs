//! Tables: those of a converged start, those that joins grow, proximity, sizes.

use std::mem::size_of;

use peerlab_model::{Issues, Message, Overlay, OverlayConfig, Wire};
use peerlab_overlay::Comparison;
use peerlab_overlay::structured::tapestry::{Pending, Query, TapestryMessage, TapestryTimer};

use super::*;

#[test]
fn converged_tables_equal_brute_force() {
    for population in [1, 2, 3, 9, 17, 40, 300] {
        for (b, c) in [(4, 3), (1, 2), (3, 1), (8, 3)] {
            let config = TapestryConfig { b, c, ..quick() };
            let mut world = world(&config, population, u64::from(population));
            world.start_converged(0..population);
            let (links, room) = is_consistent(&world, &config).expect("every slot is filled");
            assert_eq!(links, room, "{population} peers, b = {b}");
            assert_eq!(backpointers(&world), (links, 0), "{population} peers, b = {b}");
        }
    }
}

/// Goal: the converged start is what joins lead to. Method: one hundred peers join through random contacts, one every second; when levels have
/// been refreshed a few times, no slot that somebody fits may be empty, and nearly all must have as many links as there is room for.
#[test]
fn joins_lead_to_the_converged_tables() {
    let config = quick();
    let mut world = world(&config, 100, 3);
    world.start_empty();
    for seat in 0..100 {
        world.join(seat);
        world.run_for(Span::from_secs(1));
        assert!(seat < 2 || world.joined(seat - 2), "seat {} has not joined", seat - 2);
    }
    let (at_once, room) = is_consistent(&world, &config).expect("every slot is filled at once");
    world.run_for(MINUTE.times(10));
    let (links, _) = is_consistent(&world, &config).expect("every slot is filled");
    println!("{at_once} of {room} links when the last one has joined, {links} later");
    assert!(at_once * 100 >= room * 95 && links * 100 >= room * 99);
    let (there, missing) = backpointers(&world);
    println!("{there} backpointers for {links} links, {missing} missing");
    assert!(missing * 100 <= links && there * 100 <= links * 102);
}

#[test]
fn a_crowd_that_joins_at_once_settles() {
    let config = quick();
    let mut world = world(&config, 80, 4);
    world.start_empty();
    (0..80).for_each(|seat| world.join(seat));
    world.run_for(MINUTE.times(5));
    assert!((0..80).all(|seat| world.joined(seat)));
    is_consistent(&world, &config).expect("every slot is filled");
}

/// Peers on a line: the one-way delay is 5 ms and a millisecond for each seat between them.
fn line(population: u32, seed: u64) -> Options {
    let latency = move |a: PeerId, b: PeerId| Span::from_millis(5 + u64::from(a.0.abs_diff(b.0)));
    Options { population, seed, latency: Box::new(latency), ..Options::default() }
}

/// Mean distance on the line from a peer to its primary neighbours of the lowest level.
fn mean_distance(world: &World<Tapestry>, seats: impl Iterator<Item = u32>) -> f64 {
    let mut distances = Vec::new();
    for seat in seats {
        let peer = world.peer(seat).expect("online");
        distances.extend((0..16).filter_map(|digit| peer.slot(0, digit, 4).first().map(|link| link.0.abs_diff(seat))));
    }
    f64::from(distances.iter().sum::<u32>()) / distances.len() as f64
}

/// Goal: primaries become the nearest of those that fit, by measured round trips alone. Method: 150 peers on a line; random links are about 50
/// places away, the nearest of each digit about 9.
#[test]
fn slots_fill_with_near_peers() {
    for (proximity, most) in [(true, 15.0), (false, f64::MAX)] {
        let config = TapestryConfig { proximity, ..quick() };
        let mut world = World::<Tapestry>::new(&config, line(150, 5));
        world.start_converged(0..150);
        let before = mean_distance(&world, 0..150);
        world.run_for(MINUTE.times(30));
        let after = mean_distance(&world, 0..150);
        println!("proximity {proximity}: mean distance {before:.1} before, {after:.1} after");
        assert!(after < most && (proximity || (after - before).abs() < 1.0));
    }
}

/// A newcomer's search alone, without any upkeep, finds nearly the nearest neighbours (Hildrum et al. 2002, section 4). Those that came first
/// had fewer to choose from; only some of them are asked by later ones, and measure these then.
#[test]
fn the_search_of_a_newcomer_finds_near_neighbours() {
    let never = Duration::secs(1_000_000);
    let config = TapestryConfig { table_interval: never, probe_interval: never, ..TapestryConfig::default() };
    let mut world = World::<Tapestry>::new(&config, line(150, 7));
    world.start_empty();
    for seat in (0..150).map(|at| at * 77 % 150) {
        world.join(seat);
        world.run_for(Span::from_secs(6));
    }
    let all = mean_distance(&world, 0..150);
    let last = mean_distance(&world, (100..150).map(|at| at * 77 % 150));
    println!("mean distance of the primaries after joins alone: {all:.1}, of the last third that joined {last:.1}");
    assert!(last < 18.0 && all < 30.0);
}

#[test]
fn states_and_messages_are_small() {
    assert!(size_of::<TapestryMessage>() <= 32, "{}", size_of::<TapestryMessage>());
    assert!(size_of::<TapestryTimer>() <= 8, "{}", size_of::<TapestryTimer>());
    assert!(size_of::<TapestryPeer>() <= 96, "{}", size_of::<TapestryPeer>());
    assert!(size_of::<Query>() <= 32 && size_of::<Pending>() <= 56, "{} {}", size_of::<Query>(), size_of::<Pending>());
    let config = TapestryConfig::default();
    let mut world = world(&config, 1 << 12, 5);
    world.start_converged(0..1 << 12);
    let bytes: usize = (0..1 << 12).map(|seat| world.model.state_bytes(world.peer(seat).expect("online"))).sum();
    let expected = config.expected_bytes(1 << 12);
    println!("{} bytes a peer, {expected} expected", bytes >> 12);
    assert!(bytes >> 12 <= 2300, "{} bytes a peer", bytes >> 12);
    assert!(((bytes >> 12) as u64).abs_diff(expected) < expected / 3);
}

#[test]
fn sizes_on_the_wire_are_those_of_the_page() {
    let list: std::sync::Arc<[PeerId]> = std::sync::Arc::from([PeerId(1), PeerId(2), PeerId(3)]);
    let leave = TapestryMessage::Leave { replacements: list };
    assert_eq!(leave.wire_bytes(Wire::Udp), 28 + 1 + 3 * 26);
    assert_eq!(leave.wire_bytes(Wire::P2psim), 20 + 3 * 4);
    assert_eq!(TapestryMessage::Linked.wire_bytes(Wire::Udp), 29);
    let last = TapestryMessage::Repair(Comparison::Spare { keys: std::sync::Arc::default() });
    assert!(TapestryMessage::KINDS.len() == 27 && last.kind() == 26);
}

fn issues(config: &TapestryConfig) -> Vec<String> {
    let mut issues = Issues::new();
    config.check(100, &mut issues);
    issues.into_list().into_iter().map(|issue| format!("{}: {}", issue.path, issue.message)).collect()
}

#[test]
fn parameters_have_the_literature_s_names_and_impossible_ones_are_refused() {
    let config: TapestryConfig = toml::from_str("b = 2\nc = 1\nk = 8").expect("it can be read");
    assert!(config.b == 2 && config.c == 1 && config.k == 8);
    assert!(toml::from_str::<TapestryConfig>("leaf_set = 4").is_err());
    assert!(issues(&TapestryConfig::default()).is_empty());
    let wrong = issues(&TapestryConfig { b: 9, c: 0, k: 65, ..TapestryConfig::default() });
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(wrong[0].contains("b: a digit has 1 to 8 bits, not 9") && wrong[1].contains("c: a slot has 1 to 16 links, not 0"), "{wrong:?}");
    let nought = TapestryConfig { probe_interval: Duration::secs(0), holders_per_answer: 0, ..TapestryConfig::default() };
    assert_eq!(issues(&nought).len(), 2);
    let hasty = TapestryConfig { record_expiry: Duration::secs(10), ..TapestryConfig::default() };
    assert!(issues(&hasty)[0].contains("expire before they are published again"));
}
