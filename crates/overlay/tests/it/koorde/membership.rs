//! Coming and going: every order of small histories, crashes, new identities.

use peerlab_model::{Span, Target};
use peerlab_overlay::structured::koorde::DeBruijn;

use super::*;
use crate::chord::membership::every_history_settles;
use crate::chord::ring_is_whole;

/// As for Chord: whatever four peers do, the ring is one cycle afterwards, and each finds every other.
#[test]
fn every_small_history_settles_into_one_ring() {
    let config = KoordeConfig {
        successors: 3,
        pointers: 2,
        backups: 1,
        stabilize_interval: Duration::secs(4),
        fix_debruijn_interval: Duration::secs(4),
        check_predecessor_interval: Duration::secs(4),
        ..config(Routing::SemiRecursive)
    };
    every_history_settles::<DeBruijn>(&config, 5);
}

/// Rings of a few peers, with tables of one entry and with tables that go round: every key's owner is found from everywhere.
#[test]
fn the_smallest_rings_route() {
    for routing in ALL {
        for config in [config(routing), KoordeConfig { routing, ..bare(2) }, KoordeConfig { routing, ..bare(64) }] {
            for population in 1..=6 {
                let mut world = world(&config, population, u64::from(population));
                world.start_converged(0..population);
                let mut rng = world.test_rng();
                let asked: Vec<_> = (0..60_u32)
                    .map(|number| {
                        let key = random_key(&mut rng);
                        (world.lookup(number % population, Target::Key(key)), key)
                    })
                    .collect();
                world.run_for(MINUTE);
                let ring = ring(&world);
                for (id, key) in asked {
                    assert_eq!(world.record(id).peers(), [owner(&ring, key)], "{population} peers, {config:?}");
                }
            }
        }
    }
}

#[test]
fn crashes_are_repaired() {
    for routing in ALL {
        let config = config(routing);
        let mut world = world(&config, 60, 5);
        world.start_converged(0..60);
        for seat in [3, 14, 15, 30, 31, 32] {
            world.crash(seat);
        }
        world.run_for(MINUTE.times(10));
        assert_eq!(ring_is_whole(&world), Ok(()));
        assert_pointers_are_exact(&world, &config);
    }
}

/// Of a first contact only the address is known: everybody comes back under other ids, three times.
#[test]
fn who_returns_joins_through_contacts_that_have_other_ids_by_now() {
    for routing in ALL {
        let options = Options { population: 16, seed: 9, new_identity: true, ..Options::default() };
        let mut world = World::<Koorde>::new(&config(routing), options);
        world.everybody_returns(16, MINUTE.times(5), MINUTE);
    }
}

#[test]
fn a_newcomer_without_pointers_asks_through_its_successor() {
    let config = KoordeConfig { fix_debruijn_interval: Duration::secs(100_000), ..config(Routing::SemiRecursive) };
    let mut world = world(&config, 80, 6);
    world.start_converged(0..79);
    world.join(79);
    while !world.joined(79) {
        world.run_for(Span::from_millis(10));
    }
    let mut rng = world.test_rng();
    let asked: Vec<_> = (0..50).map(|_| random_key(&mut rng)).map(|key| (world.lookup(79, Target::Key(key)), key)).collect();
    world.run_for(MINUTE);
    let ring = ring(&world);
    for (id, key) in asked {
        let record = world.record(id);
        assert!(record.peers() == [owner(&ring, key)] && record.hits[0].hit.hops <= 12, "{record:?}");
    }
}
