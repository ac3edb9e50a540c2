//! Tables: those of a converged start, those that joins grow, proximity, sizes.

use std::mem::size_of;

use peerlab_model::{Issues, Message, Overlay, OverlayConfig, Wire};
use peerlab_overlay::structured::pastry::{PastryMessage, PastryTimer, Pending, Query};

use super::*;

#[test]
fn converged_tables_equal_brute_force() {
    for population in [1, 2, 3, 9, 17, 40, 300] {
        for (b, leaf_set) in [(4, 16), (1, 2), (3, 8), (8, 4)] {
            let config = PastryConfig { b, ..Classic::config(leaf_set) };
            let mut world = world::<Classic>(&config, population, u64::from(population));
            world.start_converged(0..population);
            assert_eq!(leaf_sets_are_exact(&world, usize::from(leaf_set / 2)), Ok(()), "{population} peers, b = {b}");
            let (filled, all) = filled_slots(&world, b);
            assert_eq!(filled, all, "{population} peers, b = {b}");
        }
    }
}

fn joins_lead_to_the_same_tables<V: Kind>() {
    let mut world = world::<V>(&V::config(16), 100, 3);
    world.start_empty();
    for seat in 0..100 {
        world.join(seat);
        world.run_for(Span::from_secs(1));
    }
    world.run_for(MINUTE.times(10));
    assert!((0..100).all(|seat| world.joined(seat)));
    assert_eq!(leaf_sets_are_exact(&world, 8), Ok(()));
    let (filled, all) = filled_slots(&world, 4);
    assert_eq!(filled, all, "{}", V::NAME);
}

/// Goal: the converged start is what joins lead to. Method: one hundred peers join through random contacts, one every second; when rows have
/// been refreshed several times, every leaf set must be the exact one, and every slot filled that anybody fits.
#[test]
fn joins_lead_to_the_converged_tables() {
    joins_lead_to_the_same_tables::<Classic>();
    joins_lead_to_the_same_tables::<Periodic>();
}

#[test]
fn a_crowd_that_joins_at_once_settles() {
    let mut world = world::<Classic>(&Classic::config(16), 80, 4);
    world.start_empty();
    (0..80).for_each(|seat| world.join(seat));
    world.run_for(MINUTE.times(10));
    assert!((0..80).all(|seat| world.joined(seat)));
    assert_eq!(leaf_sets_are_exact(&world, 8), Ok(()));
}

#[test]
fn a_quiet_ring_keeps_its_lists_without_a_copy() {
    let mut world = world::<Classic>(&PastryConfig { proximity: false, ..Classic::config(16) }, 60, 4);
    world.start_converged(0..60);
    let lists = |world: &World<Pastry>| -> Vec<*const PeerId> {
        (0..60).map(|seat| world.peer(seat).expect("online").leaf_set().0.as_ptr()).collect()
    };
    let before = lists(&world);
    world.run_for(MINUTE.times(5));
    assert!(world.sent("leaves") > 60 * 10 && before == lists(&world));
    assert_eq!(world.sent("failed") + world.sent("refuse"), 0);
}

/// Peers on a line: the one-way delay is 5 ms and a millisecond for each seat between them.
fn line(population: u32, seed: u64) -> Options {
    let latency = move |a: PeerId, b: PeerId| Span::from_millis(5 + u64::from(a.0.abs_diff(b.0)));
    Options { population, seed, latency: Box::new(latency), ..Options::default() }
}

/// Mean distance on the line from a peer to its entries of the first row.
fn mean_distance(world: &World<Pastry>, population: u32) -> f64 {
    let entries: Vec<u32> = (0..population)
        .flat_map(|seat| world.peer(seat).expect("online").row(0, 4).into_iter().map(move |entry| entry.0.abs_diff(seat)))
        .collect();
    entries.iter().sum::<u32>() as f64 / entries.len() as f64
}

/// Goal: entries become the nearest of those that fit, by measured round trips alone. Method: 150 peers on a line; random entries are about
/// 50 places away; after an hour of refreshing rows the mean must have come down to less than half.
#[test]
fn routing_tables_fill_with_near_peers() {
    for (proximity, most) in [(true, 25.0), (false, f64::MAX)] {
        let config = PastryConfig { proximity, ..Classic::config(16) };
        let mut world = World::<Pastry>::new(&config, line(150, 5));
        world.start_converged(0..150);
        let before = mean_distance(&world, 150);
        world.run_for(MINUTE.times(30));
        let after = mean_distance(&world, 150);
        println!("proximity {proximity}: mean distance {before:.1} before, {after:.1} after");
        assert!(after < most && (proximity || (after - before).abs() < 1.0));
    }
}

/// The 32 nearest of 150 peers on a line are at most 32 places away, but near the ends; after an hour most of them must be known.
#[test]
fn the_neighbourhood_set_holds_the_nearest() {
    let config = PastryConfig { neighbourhood_set: 16, ..Classic::config(16) };
    let mut world = World::<Pastry>::new(&config, line(150, 6));
    world.start_converged(0..150);
    world.run_for(MINUTE.times(30));
    let near: usize = (20..130)
        .map(|seat: u32| world.peer(seat).expect("online").neighbourhood_set().iter().filter(|other| other.0.abs_diff(seat) <= 8).count())
        .sum();
    println!("{:.1} of the 16 nearest are known", near as f64 / 110.0);
    assert!(near >= 110 * 13, "{near}");
    let peer = world.peer(70).expect("online");
    let trips: Vec<Span> = peer.neighbourhood_set().iter().map(|&other| peer.round_trip(other).expect("it was measured")).collect();
    assert!(trips.is_sorted(), "{trips:?}");
}

#[test]
fn states_and_messages_are_small() {
    assert!(size_of::<PastryMessage>() <= 32, "{}", size_of::<PastryMessage>());
    assert!(size_of::<PastryTimer>() <= 8, "{}", size_of::<PastryTimer>());
    assert!(size_of::<PastryPeer>() <= 104, "{}", size_of::<PastryPeer>());
    assert!(size_of::<Query>() <= 32 && size_of::<Pending>() <= 56, "{} {}", size_of::<Query>(), size_of::<Pending>());
    let mut world = world::<Classic>(&PastryConfig::default(), 1 << 12, 5);
    world.start_converged(0..1 << 12);
    let bytes: usize = (0..1 << 12).map(|seat| world.model.state_bytes(world.peer(seat).expect("online"))).sum();
    println!("{} bytes a peer", bytes >> 12);
    assert!(bytes >> 12 <= 500, "{} bytes a peer", bytes >> 12);
}

#[test]
fn sizes_on_the_wire_are_those_of_the_page() {
    let list: std::sync::Arc<[PeerId]> = std::sync::Arc::from([PeerId(1), PeerId(2), PeerId(3)]);
    let leave = PastryMessage::Leave { leaves: list };
    assert_eq!(leave.wire_bytes(Wire::Udp), 28 + 1 + 3 * 26);
    assert_eq!(leave.wire_bytes(Wire::P2psim), 20 + 3 * 4);
    assert_eq!(PastryMessage::Hello.wire_bytes(Wire::Udp), 29);
    assert!(PastryMessage::KINDS.len() == 31 && PastryMessage::Spare { keys: std::sync::Arc::from([]) }.kind() == 30);
}

fn issues<C: OverlayConfig>(config: &C) -> Vec<String> {
    let mut issues = Issues::new();
    config.check(100, &mut issues);
    issues.into_list().into_iter().map(|issue| format!("{}: {} {}", issue.path, issue.message, issue.help.unwrap_or_default())).collect()
}

#[test]
fn parameters_have_the_literature_s_names_and_impossible_ones_are_refused() {
    let config: PastryConfig = toml::from_str("b = 3\nleaf_set = 32\nneighbourhood_set = 0").expect("it can be read");
    assert!(config.b == 3 && config.leaf_set == 32 && config.neighbourhood_set == 0);
    assert!(toml::from_str::<PastryConfig>("leafset = 4").is_err() && toml::from_str::<BambooConfig>("neighbourhood_set = 4").is_err());
    assert!(issues(&PastryConfig::default()).is_empty() && issues(&BambooConfig::default()).is_empty());
    let wrong = issues(&PastryConfig { b: 9, leaf_set: 7, neighbourhood_set: 200, ..PastryConfig::default() });
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(wrong[0].contains("b: a digit has 1 to 8 bits, not 9") && wrong[1].contains("6 or 8"), "{wrong:?}");
    let wrong = issues(&BambooConfig { b: 0, leaf_set: 60, timeout_margin: Duration::millis(0), ..BambooConfig::default() });
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(issues(&PastryConfig { leaf_set: 2, replicas: 3, ..PastryConfig::default() })[0].contains("at most 2"));
}
