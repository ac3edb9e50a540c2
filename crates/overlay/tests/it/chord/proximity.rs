//! Fingers and next hops that are chosen by round trip.

use peerlab_model::{Issues, Overlay, OverlayConfig, Target};
use peerlab_overlay::structured::chord::{FingerChoice, NextHop};

use super::*;

/// Peers in a square of 200 ms, with 5 ms on top each way.
fn one_way(from: PeerId, to: PeerId) -> Span {
    let place = |peer: PeerId| {
        let bits = (u64::from(peer.0) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bits = (bits ^ bits >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((bits >> 32) as f64 / 4_294_967_296.0, f64::from(bits as u32) / 4_294_967_296.0)
    };
    let ((x, y), (other_x, other_y)) = (place(from), place(to));
    let distance = ((x - other_x).powi(2) + (y - other_y).powi(2)).sqrt();
    Span::from_micros(5000 + (distance * 200_000.0) as u64)
}

fn square(config: &ChordConfig, population: u32, seed: u64) -> World<Chord> {
    World::new(config, Options { population, seed, latency: Box::new(one_way), ..Options::default() })
}

fn near(finger_choice: FingerChoice, next_hop: NextHop) -> ChordConfig {
    ChordConfig { finger_choice, next_hop, request_timeout: Duration::millis(1000), ..config(Routing::SemiRecursive) }
}

/// Mean latency in milliseconds and mean hops of random lookups at rest.
fn measured(config: &ChordConfig, population: u32) -> (f64, f64) {
    let (mut latency, mut hops, mut count) = (0.0, 0.0, 0.0);
    for seed in 0..2 {
        let mut world = square(config, population, seed);
        world.start_converged(0..population);
        let mut rng = world.test_rng();
        let asked: Vec<_> =
            (0..2000).map(|_| world.lookup(rng.below(u64::from(population)) as u32, Target::Key(random_key(&mut rng)))).collect();
        world.run_for(Span::from_secs(20));
        for id in asked {
            let record = world.record(id);
            latency += record.hits[0].at.since(record.asked).nanos() as f64 / 1e6;
            hops += f64::from(record.hits[0].hit.hops);
            count += 1.0;
        }
    }
    (latency / count, hops / count)
}

/// Dabek et al. 2004: proximity neighbour selection cuts the latency of lookups clearly. Gummadi et al. 2003: the choice of the next hop does so less.
#[test]
fn near_fingers_cut_the_latency_and_near_hops_do_so_less() {
    for population in [1024, 4096] {
        let plain = measured(&near(FingerChoice::First, NextHop::Closest), population);
        let selected = measured(&near(FingerChoice::Nearest, NextHop::Closest), population);
        let weighed = measured(&near(FingerChoice::First, NextHop::Proximity), population);
        let both = measured(&near(FingerChoice::Nearest, NextHop::Proximity), population);
        println!("N = {population}, ms and hops: {plain:.1?}; near fingers {selected:.1?}; near hops {weighed:.1?}; both {both:.1?}");
        assert!(selected.0 < 0.8 * plain.0 && weighed.0 < 0.97 * plain.0 && selected.0 < weighed.0);
        assert!(selected.1 < plain.1 + 1.0, "PNS takes no long detours");
    }
}

/// Fingers that are farther than one of the first nine of their interval (eight successors name nine), by a search through all members.
/// One that is nearer than these stays when newcomers push it out of the first nine.
fn misplaced_fingers(world: &World<Chord>) -> usize {
    let ring = ring(world);
    let mut wrong = 0;
    for &(key, id) in &ring {
        let peer = world.peer(world.setting.numbering.seat(id)).expect("it is online");
        for (index, &finger) in peer.fingers().iter().enumerate() {
            let mut inside: Vec<(u64, PeerId)> = ring.iter().map(|&(other, peer)| (key.to(other), peer)).collect();
            inside.retain(|&(ahead, _)| ahead.leading_zeros() as usize == index);
            inside.sort_unstable();
            let first = inside.iter().take(9);
            if let Some(&(_, nearest)) = first.min_by_key(|&&(_, other)| (one_way(id, other), other)) {
                let fits = inside.iter().any(|&(_, other)| other == finger);
                wrong += usize::from(!fits || one_way(id, finger) > one_way(id, nearest));
            }
        }
    }
    wrong
}

#[test]
fn a_finger_is_the_nearest_of_those_that_were_measured() {
    let config = near(FingerChoice::Nearest, NextHop::Closest);
    let mut world = square(&config, 200, 3);
    world.start_converged(0..200);
    assert_eq!(misplaced_fingers(&world), 0, "at the start");
    // A hundred that join, and measure by and by.
    let mut world = square(&config, 100, 4);
    world.start_empty();
    for seat in 0..100 {
        world.join(seat);
        world.run_for(Span::from_secs(1));
    }
    world.run_for(MINUTE.times(20));
    world.check();
    assert_eq!(misplaced_fingers(&world), 0, "after the joins");
}

#[test]
fn dead_fingers_give_way_and_every_owner_is_found() {
    for (choice, next_hop) in [(FingerChoice::Nearest, NextHop::Closest), (FingerChoice::Nearest, NextHop::Proximity)] {
        let mut world = square(&near(choice, next_hop), 200, 5);
        world.start_converged(0..200);
        (0..60).for_each(|seat| world.crash(seat));
        world.run_for(MINUTE.times(20));
        world.check();
        assert_eq!(misplaced_fingers(&world), 0);
        let ring = ring(&world);
        let mut rng = world.test_rng();
        let asked: Vec<_> = (0..300).map(|_| random_key(&mut rng)).map(|key| (world.lookup(100, Target::Key(key)), key)).collect();
        world.run_for(MINUTE);
        for (id, key) in asked {
            assert_eq!(world.record(id).peers(), [owner(&ring, key)]);
        }
    }
}

#[test]
fn round_trips_take_memory_of_those_alone_who_measure() {
    let bytes = |config: &ChordConfig| {
        let mut world = square(config, 200, 6);
        world.start_converged(0..200);
        (0..200).map(|seat| world.model.state_bytes(world.peer(seat).expect("online"))).sum::<usize>() / 200
    };
    let (plain, near) = (bytes(&near(FingerChoice::First, NextHop::Closest)), bytes(&near(FingerChoice::Nearest, NextHop::Closest)));
    println!("{plain} bytes, {near} with round trips");
    assert!(plain < near && near < plain + 400);
}

#[test]
fn choices_that_mean_nothing_are_refused() {
    let issues = |config: &ChordConfig| {
        let mut issues = Issues::new();
        config.check(100, &mut issues);
        issues.into_list().into_iter().map(|issue| issue.path).collect::<Vec<_>>()
    };
    let iterative = ChordConfig { routing: Routing::Iterative, ..near(FingerChoice::Nearest, NextHop::Proximity) };
    assert_eq!(issues(&iterative), ["finger_samples", "next_hop"], "a warning about eight successors, and an error");
    assert_eq!(issues(&ChordConfig { finger_samples: 0, ..ChordConfig::default() }), ["finger_samples"]);
    assert_eq!(issues(&ChordConfig { finger_samples: 65, ..ChordConfig::default() }), ["finger_samples"]);
    let read: ChordConfig = toml::from_str("finger_choice = \"nearest\"\nnext_hop = \"proximity\"").expect("it can be read");
    assert!(read.finger_choice == FingerChoice::Nearest && read.next_hop == NextHop::Proximity);
}
