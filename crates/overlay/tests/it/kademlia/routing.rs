//! Lookups: the nearest of all members, in the published number of hops.

use peerlab_model::{LookupId, Overlay, Target};
use peerlab_overlay::structured::kademlia::Eviction;

use super::*;
use crate::harness::Record;

/// Asks `count` random keys, one after the other from random members, without waiting for answers.
fn ask(world: &mut World<Kademlia>, count: usize) -> Vec<(LookupId, Key)> {
    let mut rng = world.test_rng();
    let online = world.online();
    (0..count)
        .map(|_| {
            let key = random_key(&mut rng);
            (world.lookup(online[rng.index(online.len())], Target::Key(key)), key)
        })
        .collect()
}

fn assert_found(record: &Record, expected: PeerId) {
    assert!(record.finished.is_some() && record.peers() == [expected], "{record:?} should have found {expected:?}");
}

#[test]
fn lookups_at_rest_find_the_nearest_of_all() {
    for (k, b, alpha, width) in [(20, 1, 3, None), (4, 1, 1, None), (4, 3, 3, None), (20, 1, 3, Some(1)), (8, 2, 4, Some(2))] {
        let config = KademliaConfig { b, alpha, lookup_width: width, ..config(k) };
        for population in [1, 2, 5, 200] {
            let mut world = world(&config, population, 9);
            world.start_converged(0..population);
            let asked = ask(&mut world, 200);
            world.run_for(MINUTE);
            for (id, key) in asked {
                assert_found(world.record(id), nearest(&world, key, 1)[0]);
                assert_eq!(world.record(id).timeouts, 0);
            }
        }
    }
}

#[test]
fn a_peer_is_found_and_a_missing_one_is_not() {
    let mut world = world(&config(8), 50, 2);
    world.start_converged(0..49);
    let (there, missing) = (world.id(7), world.id(49));
    let ids = [world.lookup(3, Target::Peer(there)), world.lookup(7, Target::Peer(there)), world.lookup(3, Target::Peer(missing))];
    world.run_for(MINUTE);
    assert_found(world.record(ids[0]), there);
    assert!(world.record(ids[1]).hits[0].hit.hops == 0);
    assert!(world.record(ids[2]).hits.is_empty() && world.record(ids[2]).finished.is_some());
}

#[test]
fn every_message_of_a_lookup_is_counted_for_it() {
    let mut world = world(&KademliaConfig { refresh_interval: Duration::secs(100_000), ..config(8) }, 500, 6);
    world.start_converged(0..500);
    let asked = ask(&mut world, 100);
    world.run_for(Span::from_secs(20));
    for (id, _) in asked {
        let record = world.record(id);
        // Each request is answered; the nearest eight have answered at least.
        assert!(record.messages() >= 16 && record.sent["find-node"] == record.sent["nodes"], "{record:?}");
        let hit = record.hits[0].hit;
        assert!(hit.rounds > hit.hops && u64::from(hit.rounds) <= record.sent["nodes"]);
    }
}

/// Mean links from the origin to the owner: the reference's hops. Ours end at the peer that names the owner, one less.
fn mean_path(k: u8, population: u32, seeds: u64) -> f64 {
    let (mut sum, mut count) = (0, 0);
    for seed in 0..seeds {
        let config = KademliaConfig { alpha: 1, lookup_width: Some(1), refresh_interval: Duration::secs(100_000), ..config(k) };
        let mut world = world(&config, population, seed);
        world.start_converged(0..population);
        let asked = ask(&mut world, 4000);
        world.run_for(Span::from_secs(20));
        let roster = world.roster();
        for (id, key) in asked {
            let (record, owner) = (world.record(id), world.model.owner(&roster, key).expect("there are members"));
            assert_found(record, owner);
            sum += u64::from(record.hits[0].hit.hops) + u64::from(owner != record.origin);
            count += 1;
        }
    }
    sum as f64 / count as f64
}

/// The reference's Monte-Carlo: one iterative path, buckets full with k random contacts. It differs from what is asked here by two conventions:
/// a home bucket holds *all* of the smallest subtree with k contacts, and the destination is the owner of a random key. With both, a
/// Monte-Carlo of the same kind gives 4.78 and 6.78 for k = 1 (4.82 and 6.85 without the first); for k = 20 they make no difference.
#[test]
fn mean_paths_are_those_of_the_model() {
    for (k, population, seeds, reference, model) in
        [(1, 1024, 4, 4.86, 4.78), (20, 1024, 4, 1.93, 1.93), (20, 16384, 1, 2.68, 2.65), (1, 16384, 1, 6.92, 6.78)]
    {
        let mean = mean_path(k, population, seeds);
        println!("k = {k}, N = {population}: mean path {mean:.3} (reference {reference}, with these conventions {model})");
        // Three standard errors.
        assert!((mean - model).abs() < 0.09, "k = {k}, N = {population}: {mean:.3}, not {model}");
    }
}

/// A dead peer costs a timeout, and the nearest living ones are found all the same.
#[test]
fn lookups_find_the_nearest_living_peer_after_many_have_crashed() {
    for share in [10, 30, 50] {
        let mut world = world(&KademliaConfig { refresh_interval: Duration::secs(100_000), ..config(20) }, 500, 3);
        world.start_converged(0..500);
        for seat in 0..share * 5 {
            world.crash(seat);
        }
        let asked = ask(&mut world, 400);
        world.run_for(MINUTE);
        let right = asked.iter().filter(|&&(id, key)| world.record(id).peers() == nearest(&world, key, 1)).count();
        let timeouts: u32 = asked.iter().map(|&(id, _)| world.record(id).timeouts).sum();
        println!("{share} % crashed: {right} of 400 right, {:.1} timeouts a lookup", f64::from(timeouts) / 400.0);
        assert!(right == 400 && timeouts > 400, "{share} %: {right} of 400");
    }
}

#[test]
fn lookups_find_the_owner_again_after_churn_has_settled() {
    for (eviction, k) in [(Eviction::Lazy, 8), (Eviction::Ping, 8), (Eviction::Lazy, 3)] {
        let config = KademliaConfig { eviction, stale_after: 2, ..config(k) };
        let mut world = world(&config, 120, 11);
        world.start_converged(0..80);
        let mut rng = world.test_rng();
        for _ in 0..150 {
            churn(&mut world, &mut rng);
            world.run_for(Span::from_secs(4));
            world.check();
        }
        world.run_for(MINUTE.times(20));
        assert_homes_are_complete(&world, usize::from(k));
        let asked = ask(&mut world, 300);
        world.run_for(MINUTE);
        for (id, key) in asked {
            assert_found(world.record(id), nearest(&world, key, 1)[0]);
        }
    }
}

/// One random arrival, departure or crash.
fn churn(world: &mut World<Kademlia>, rng: &mut Rng) {
    let seat = rng.below(120) as u32;
    match (world.peer(seat).is_some(), rng.below(2)) {
        (false, _) => world.join(seat),
        (true, _) if world.online().len() < 40 => {}
        (true, 0) => world.crash(seat),
        (true, _) => world.leave(seat),
    }
}

#[test]
fn lookups_survive_lost_messages_and_new_identities() {
    let options = Options { population: 60, seed: 8, loss: 0.05, new_identity: true, ..Options::default() };
    let mut world = World::<Kademlia>::new(&config(8), options);
    world.start_converged(0..60);
    for seat in 0..20 {
        world.crash(seat);
        world.run_for(Span::from_secs(20));
        world.join(seat);
    }
    world.run_for(MINUTE.times(5));
    let asked = ask(&mut world, 400);
    world.run_for(MINUTE);
    assert!(asked.iter().all(|&(id, _)| world.record(id).finished.is_some()));
    let right = asked.iter().filter(|&&(id, key)| world.record(id).peers() == nearest(&world, key, 1)).count();
    println!("{right} of 400 right with 5 % loss");
    // The owner's own answer or the request to it gets lost in one case of ten; then the second nearest is named.
    assert!(right >= 340, "{right} of 400");
}
