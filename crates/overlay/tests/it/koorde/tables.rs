//! De Bruijn pointers: those of a converged start, those that joins and refreshes lead to, their size.

use std::mem::size_of;

use peerlab_model::{Issues, Message, Overlay, OverlayConfig, Span};
use peerlab_overlay::structured::koorde::{KoordeMessage, KoordePeer};

use super::*;
use crate::chord::ring_is_whole;

#[test]
fn converged_pointers_equal_brute_force() {
    for population in [12, 40, 300] {
        for config in [config(Routing::SemiRecursive), bare(2), bare(16)] {
            let mut world = world(&config, population, u64::from(population));
            world.start_converged(0..population);
            assert_pointers_are_exact(&world, &config);
            assert_eq!(ring_is_whole(&world), Ok(()));
        }
    }
}

/// Goal: the converged start is what joins lead to. Method: one hundred peers join through random contacts, one every second.
#[test]
fn joins_lead_to_the_converged_pointers() {
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
        assert_pointers_are_exact(&world, &config);
    }
}

/// One request and one reply a refresh: the others are learned from the first.
#[test]
fn a_refresh_asks_one_peer() {
    let config = KoordeConfig { stabilize_interval: Duration::secs(100_000), ..config(Routing::SemiRecursive) };
    let mut world = world(&config, 200, 4);
    world.start_converged(0..200);
    world.run_for(Span::from_secs(1000));
    let asked = world.sent("get-neighbours") as f64 / 200.0;
    assert!((asked - 100.0).abs() < 4.0, "{asked} in 100 intervals");
    assert_eq!(world.sent("forward"), 0);
    assert_pointers_are_exact(&world, &config);
}

/// Goal: dead pointers are dropped and replaced, backups included. Method: all pointers of one peer crash at once.
#[test]
fn a_peer_whose_pointers_all_died_finds_others() {
    for routing in ALL {
        let config = config(routing);
        let mut world = world(&config, 100, 8);
        world.start_converged(0..100);
        let lost: Vec<PeerId> = world.peer(0).expect("online").pointers().to_vec();
        for peer in lost {
            let seat = world.setting.numbering.seat(peer);
            world.crash(seat);
        }
        world.run_for(MINUTE.times(15));
        assert_pointers_are_exact(&world, &config);
    }
}

#[test]
fn states_and_messages_are_small() {
    assert!(size_of::<KoordeMessage>() <= 48, "{}", size_of::<KoordeMessage>());
    assert!(size_of::<KoordePeer>() <= 64, "{}", size_of::<KoordePeer>());
    let config = KoordeConfig::default();
    let mut world = world(&config, 1 << 10, 5);
    world.start_converged(0..1 << 10);
    for seat in 0..1 << 10 {
        let bytes = world.model.state_bytes(world.peer(seat).expect("online")) as u64;
        assert!(bytes <= 64 + 16 + 4 * 40 && bytes <= config.expected_bytes(1 << 10), "{bytes} bytes");
    }
    assert_eq!(KoordeMessage::KINDS.len(), 32);
}

#[test]
fn parameters_that_cannot_work_are_refused() {
    let issues = |config: &KoordeConfig| {
        let mut issues = Issues::new();
        config.check(100, &mut issues);
        issues.into_list().into_iter().map(|issue| issue.path).collect::<Vec<_>>()
    };
    assert_eq!(issues(&KoordeConfig::default()), Vec::<String>::new());
    assert_eq!(issues(&bare(2)), Vec::<String>::new());
    for degree in [0, 1, 3, 512] {
        assert_eq!(issues(&KoordeConfig { degree, ..KoordeConfig::default() }), ["degree"]);
    }
    assert_eq!(issues(&KoordeConfig { pointers: 0, ..KoordeConfig::default() }), ["pointers"]);
    assert_eq!(issues(&KoordeConfig { backups: 5, ..KoordeConfig::default() }), ["pointers"]);
    assert_eq!(issues(&KoordeConfig { fix_debruijn_interval: Duration::secs(0), ..KoordeConfig::default() }), ["fix_debruijn_interval"]);
    assert!(toml::from_str::<KoordeConfig>("degre = 4").is_err());
}
