//! Tables: those of a converged start, those that joins grow, their size.

use std::mem::size_of;

use peerlab_model::{Issues, Message, Overlay, OverlayConfig, Wire};
use peerlab_overlay::structured::chord::{ChordConfig, ChordMessage, ChordPeer, ChordTimer, RouteThrough, Routing};

use super::*;

#[test]
fn converged_tables_equal_brute_force() {
    for population in [1, 2, 3, 9, 300] {
        let config = config(Routing::SemiRecursive);
        let mut world = world(&config, population, u64::from(population));
        world.start_converged(0..population);
        assert_tables_are_exact(&world, 8);
    }
}

/// Goal: the converged start is what joins lead to. Method: one hundred peers join through random contacts, one every second; after the
/// fingers have gone round several times, every table must be the exact one.
#[test]
fn joins_lead_to_the_converged_tables() {
    for routing in ALL {
        let config = config(routing);
        let mut world = world(&config, 100, 3);
        world.start_empty();
        for seat in 0..100 {
            world.join(seat);
            world.run_for(Span::from_secs(1));
        }
        world.run_for(MINUTE.times(15));
        assert!((0..100).all(|seat| world.joined(seat)));
        assert_tables_are_exact(&world, 8);
    }
}

#[test]
fn a_quiet_ring_keeps_its_lists_without_a_copy() {
    let config = config(Routing::SemiRecursive);
    let mut world = world(&config, 60, 4);
    world.start_converged(0..60);
    let before: Vec<*const PeerId> = (0..60).map(|seat| world.peer(seat).expect("online").successors().as_ptr()).collect();
    world.run_for(MINUTE.times(5));
    let after: Vec<*const PeerId> = (0..60).map(|seat| world.peer(seat).expect("online").successors().as_ptr()).collect();
    assert!(world.sent("neighbours") > 60 * 10 && before == after);
    assert_tables_are_exact(&world, 8);
}

#[test]
fn states_and_messages_are_small() {
    assert!(size_of::<ChordMessage>() <= 32, "{}", size_of::<ChordMessage>());
    assert!(size_of::<ChordTimer>() <= 8, "{}", size_of::<ChordTimer>());
    assert!(size_of::<ChordPeer>() <= 56, "{}", size_of::<ChordPeer>());
    // 2^12 peers have about 12 fingers beyond the successor, a million about 20: 32 bytes more.
    let config = config(Routing::SemiRecursive);
    let mut world = world(&config, 1 << 12, 5);
    world.start_converged(0..1 << 12);
    world.run_for(MINUTE);
    let bytes: usize = (0..1 << 12).map(|seat| world.model.state_bytes(world.peer(seat).expect("online"))).sum();
    assert!(bytes / (1 << 12) <= 250 - 32, "{} bytes a peer", bytes / (1 << 12));
}

#[test]
fn sizes_on_the_wire_are_those_of_the_page() {
    let mut world = world(&config(Routing::SemiRecursive), 4, 1);
    world.start_converged(0..4);
    let list: std::sync::Arc<[PeerId]> = std::sync::Arc::from([PeerId(1), PeerId(2), PeerId(3)]);
    let leave = ChordMessage::Leave { successors: list, predecessor: Some(PeerId(3)) };
    assert_eq!(leave.wire_bytes(Wire::Udp), 28 + 1 + 4 * 26);
    assert_eq!(leave.wire_bytes(Wire::P2psim), 20 + 4 * 4);
    assert_eq!(ChordMessage::Notify.wire_bytes(Wire::Udp), 29);
    assert!(ChordMessage::KINDS.len() == 32 && ChordMessage::Spare { keys: std::sync::Arc::from([]) }.kind() == 29);
}

#[test]
fn parameters_have_the_literature_s_names_and_unknown_ones_are_refused() {
    let config: ChordConfig =
        toml::from_str("successors = 4\nroute_through = \"fingers\"\nrouting = \"semi-recursive\"").expect("it can be read");
    assert!(config.successors == 4 && config.route_through == RouteThrough::Fingers && config.routing == Routing::SemiRecursive);
    assert!(toml::from_str::<ChordConfig>("sucessors = 4").is_err());
    let issues = |config: &ChordConfig| {
        let mut issues = Issues::new();
        config.check(100, &mut issues);
        issues.into_list().into_iter().map(|issue| issue.path).collect::<Vec<_>>()
    };
    assert_eq!(issues(&ChordConfig::default()), Vec::<String>::new());
    let wrong = ChordConfig { successors: 0, request_timeout: Duration::millis(0), replicas: 0, ..ChordConfig::default() };
    assert_eq!(issues(&wrong), ["successors", "request_timeout", "replicas"]);
    assert_eq!(issues(&ChordConfig { successors: 2, replicas: 4, ..ChordConfig::default() }), ["replicas"]);
}

/// Goal: the walk that builds all fingers goes round without a slip, where the ring begins and where it ends.
/// Method: 2^17 peers, forty of them against a search.
#[test]
fn a_large_ring_is_built_in_one_walk() {
    let mut world = world(&config(Routing::SemiRecursive), 1 << 17, 12);
    world.start_converged(0..1 << 17);
    let ring = ring(&world);
    let numbering = world.setting.numbering;
    for &(key, id) in ring[..20].iter().chain(&ring[ring.len() - 20..]) {
        let peer = world.peer(numbering.seat(id)).expect("online");
        for (index, &finger) in peer.fingers().iter().enumerate() {
            let start = Key(key.0.wrapping_add(1 << (63 - index)));
            let at = ring.partition_point(|&(k, _)| k < start) % ring.len();
            assert_eq!(finger, ring[at].1);
        }
    }
}
