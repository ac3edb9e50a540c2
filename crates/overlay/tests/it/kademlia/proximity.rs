//! What measured round trips change: timeouts, and which contacts a bucket keeps.

use peerlab_model::{Overlay, Target};
use peerlab_overlay::structured::kademlia::{BucketChoice, Routing};

use super::*;
use crate::harness::{Latency, Options};

/// One way 5 to 100 ms, by the places of both on a circle.
fn circle(population: u32) -> Latency {
    Box::new(move |a, b| {
        let place = |peer: PeerId| i64::from(peer.0 % population);
        let apart = (place(a) - place(b)).unsigned_abs();
        let apart = apart.min(u64::from(population) - apart);
        Span::from_micros(5_000 + 190_000 * apart / u64::from(population))
    })
}

/// Mean time until a lookup of a random key ends, in ms, after `warm` lookups of every peer; and timeouts a lookup.
fn latency(config: &KademliaConfig, dead: u32, warm: u32) -> (f64, f64) {
    let population = 600;
    let mut world = World::<Kademlia>::new(config, Options { population, seed: 4, latency: circle(population), ..Options::default() });
    world.start_converged(0..population);
    let mut rng = world.test_rng();
    for _ in 0..warm {
        (0..population).for_each(|seat| {
            world.lookup(seat, Target::Key(random_key(&mut rng)));
        });
        world.run_for(Span::from_secs(5));
    }
    (0..dead).for_each(|seat| world.crash(seat));
    let asked: Vec<_> = (dead..population).map(|seat| world.lookup(seat, Target::Key(random_key(&mut rng)))).collect();
    world.run_for(MINUTE);
    world.check();
    let count = asked.len() as f64;
    let ms: f64 = asked.iter().map(|&id| world.record(id).finished.expect("it has ended").since(world.record(id).asked).millis_f64()).sum();
    let timeouts: u32 = asked.iter().map(|&id| world.record(id).timeouts).sum();
    (ms / count, f64::from(timeouts) / count)
}

fn lazy(routing: Routing) -> KademliaConfig {
    let lookup_width = (routing == Routing::Iterative).then_some(1);
    KademliaConfig { routing, lookup_width, alpha: 1, refresh_interval: Duration::secs(100_000), ..config(8) }
}

/// Goal: where round trips have been measured, a dead contact costs a part of the longest timeout. Nothing changes where nobody is dead.
#[test]
fn adaptive_timeouts_make_the_dead_cheap() {
    // Who asks strangers, as an iterative lookup does after its first round, has often not measured them.
    for (routing, gain) in [(Routing::Iterative, 0.9), (Routing::SemiRecursive, 0.8), (Routing::Recursive, 0.8)] {
        let config = KademliaConfig { request_timeout: Duration::secs(2), ..lazy(routing) };
        let adaptive = KademliaConfig { adaptive_timeouts: true, ..config.clone() };
        let (fixed, measured) = (latency(&config, 60, 20), latency(&adaptive, 60, 20));
        println!(
            "{routing:?}, a tenth dead: fixed {:.0} ms, {:.2} timeouts; adaptive {:.0} ms, {:.2}",
            fixed.0, fixed.1, measured.0, measured.1
        );
        assert!(measured.0 < gain * fixed.0 && measured.1 < 2.0 * fixed.1 + 0.05, "{routing:?}: {fixed:?} {measured:?}");
        let (fixed, measured) = (latency(&config, 0, 20), latency(&adaptive, 0, 20));
        assert!(
            fixed.1 == 0.0 && measured.1 < 0.01 && (fixed.0 - measured.0).abs() < 0.02 * fixed.0,
            "{routing:?}: {fixed:?} {measured:?}"
        );
    }
}

/// Goal: near contacts make each hop of a recursive lookup shorter; an iterative one asks from the origin, and gains only its first round.
#[test]
fn near_contacts_shorten_lookups() {
    for (routing, gain) in [(Routing::SemiRecursive, 0.85), (Routing::Recursive, 0.85), (Routing::Iterative, 0.99)] {
        let nearest = KademliaConfig { bucket_choice: BucketChoice::Nearest, k: 4, ..lazy(routing) };
        let oldest = KademliaConfig { bucket_choice: BucketChoice::Oldest, ..nearest.clone() };
        let (old, near) = (latency(&oldest, 0, 60).0, latency(&nearest, 0, 60).0);
        println!("{routing:?}: oldest {old:.1} ms, nearest {near:.1} ms");
        assert!(near < gain * old, "{routing:?}: {old:.1} ms, {near:.1} ms");
    }
}

/// Who measures nothing keeps nothing.
#[test]
fn only_those_who_measure_pay_for_it() {
    let bytes = |config: &KademliaConfig| {
        let mut world = world(config, 200, 2);
        world.start_converged(0..200);
        let mut rng = world.test_rng();
        (0..200).for_each(|seat| {
            world.lookup(seat, Target::Key(random_key(&mut rng)));
        });
        world.run_for(MINUTE);
        (0..200).map(|seat| world.model.state_bytes(world.peer(seat).expect("online"))).sum::<usize>() / 200
    };
    let plain = bytes(&lazy(Routing::Iterative));
    let measuring = bytes(&KademliaConfig { adaptive_timeouts: true, ..lazy(Routing::Iterative) });
    println!("{plain} and {measuring} bytes a peer");
    assert!(measuring > plain + 12 && plain < 800);
}
