//! Lookups: the right owner, the exact number of hops, dead neighbours.

use peerlab_model::{LookupId, Target};
use peerlab_overlay::structured::can::Zones;

use super::*;

/// Asks `count` random keys, from random members, without waiting for answers.
fn ask(world: &mut World<Can>, count: usize) -> Vec<(LookupId, Key)> {
    let mut rng = world.test_rng();
    let online = world.online();
    (0..count)
        .map(|_| {
            let key = random_key(&mut rng);
            (world.lookup(online[rng.index(online.len())], Target::Key(key)), key)
        })
        .collect()
}

#[test]
fn lookups_at_rest_find_whose_zone_holds_the_point() {
    for d in [1, 2, 3, 8] {
        for population in [1, 2, 3, 12, 200] {
            for rtt_weighted in [false, true] {
                let config = CanConfig { rtt_weighted, ..config(d) };
                let mut world = world(&config, population, 9 + u64::from(population));
                world.start_converged(0..population);
                let asked = ask(&mut world, 100);
                world.run_for(Span::from_secs(30));
                for (id, key) in asked {
                    let record = world.record(id);
                    assert_eq!(record.peers(), [owner(&world, 0, key)], "{d} dimensions, {population} peers");
                    assert!(record.finished.is_some() && record.timeouts == 0);
                }
            }
        }
    }
}

/// Goal: the closed form of equal zones, exactly. Method: every peer asks for a point of every zone; the mean is the sum of side/4 over the
/// dimensions, for sides that are powers of two.
#[test]
fn equal_zones_give_the_closed_form_exactly() {
    for (d, population, sides) in [(2_u8, 64_u32, 16_u64), (2, 128, 8 + 16), (3, 64, 12), (4, 16, 8), (5, 64, 2 + 2 + 2 + 2 + 4)] {
        let mut world = world(&CanConfig { zones: Zones::Equal, ..config(d) }, population, 5);
        world.start_converged(0..population);
        let zones = all_zones(&world, 0);
        let mut asked = Vec::new();
        for seat in 0..population {
            for &(zone, id) in &zones {
                asked.push((world.lookup(seat, Target::Key(Key(zone.code | 5))), id));
            }
        }
        world.run_for(Span::from_secs(20));
        let mut hops = 0;
        for (id, expected) in asked {
            assert_eq!(world.record(id).peers(), [expected]);
            hops += u64::from(world.record(id).hits[0].hit.hops);
        }
        // Sum of side/4 over the dimensions; for sides of 2 the mean distance is 1/2 = side/4 as well.
        let pairs = u64::from(population) * u64::from(population);
        assert_eq!(4 * hops, sides * pairs, "{d} dimensions, {population} peers: {hops} hops");
    }
}

#[test]
fn a_dead_neighbour_costs_a_timeout_and_is_gone_round() {
    let mut world = world(&config(3), 100, 6);
    world.start_converged(0..100);
    for seat in (0..100).step_by(5) {
        world.crash(seat);
    }
    let asked = ask(&mut world, 200);
    world.run_for(MINUTE);
    let (mut found, mut timeouts) = (0, 0);
    for (id, key) in asked {
        let right = [owner(&world, 0, key)];
        let record = world.record(id);
        found += u32::from(record.peers() == right);
        timeouts += record.timeouts;
    }
    // Some of those for the zones of the dead have given up before those were taken over.
    assert!(found >= 170 && timeouts > 20, "{found} of 200 found, {timeouts} timeouts");
    let asked = ask(&mut world, 200);
    world.run_for(MINUTE);
    assert!(asked.iter().all(|&(id, key)| world.record(id).peers() == [owner(&world, 0, key)]));
}

#[test]
fn more_realities_shorten_the_way() {
    let hops = |realities| {
        let mut world = world(&CanConfig { realities, ..config(2) }, 300, 4);
        world.start_converged(0..300);
        let asked = ask(&mut world, 300);
        world.run_for(Span::from_secs(30));
        for &(id, key) in &asked {
            let owners: Vec<PeerId> = (0..realities).map(|realm| owner(&world, realm, key)).collect();
            assert!(world.record(id).peers().iter().all(|peer| owners.contains(peer)));
        }
        asked.iter().map(|&(id, _)| world.record(id).hits[0].hit.hops).sum::<u32>()
    };
    let (one, four) = (hops(1), hops(4));
    assert!(10 * four < 7 * one, "{four} hops with four realities, {one} with one");
}

/// Goal: with RTT-weighted routing the way takes less time. Method: random round trips, measured by the peers' own updates; the same questions.
#[test]
fn weighing_round_trips_saves_time() {
    let nanos = |rtt_weighted| {
        let latency = |a: PeerId, b: PeerId| Span::from_millis(5 + 195 * u64::from((a.0 * 7919 + b.0 * 7919) % 64) / 64);
        let options = Options { population: 300, seed: 4, latency: Box::new(latency), ..Options::default() };
        let mut world = World::<Can>::new(&CanConfig { rtt_weighted, ..config(4) }, options);
        world.start_converged(0..300);
        world.run_for(Span::from_secs(30));
        let asked = ask(&mut world, 300);
        world.run_for(Span::from_secs(30));
        asked
            .iter()
            .map(|&(id, key)| {
                let record = world.record(id);
                assert_eq!(record.peers(), [owner(&world, 0, key)]);
                record.hits[0].at.since(record.asked).nanos()
            })
            .sum::<u64>()
    };
    let (plain, weighted) = (nanos(false), nanos(true));
    assert!(10 * weighted < 9 * plain, "{weighted} ns in all, {plain} without");
}
