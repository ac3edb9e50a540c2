//! Lookups: the right owner, the published number of hops, dead contacts.

use peerlab_model::{LookupId, Overlay, Target};

use super::*;
use crate::harness::Record;

/// Asks `count` random keys, from random members, without waiting for answers.
fn ask<V: Variant>(world: &mut World<PastryLike<V>>, count: usize) -> Vec<(LookupId, Key)> {
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

fn at_rest<V: Kind>() {
    for population in [1, 2, 3, 5, 12, 20, 200] {
        for leaf_set in [2, 4, 16] {
            let mut world = world::<V>(&V::config(leaf_set), population, 9 + u64::from(population));
            world.start_converged(0..population);
            let asked = ask(&mut world, 200);
            world.run_for(MINUTE);
            let ring = ring(&world);
            for (id, key) in asked {
                assert_found(world.record(id), owner(&ring, key));
                assert_eq!(world.record(id).timeouts, 0);
            }
        }
    }
}

#[test]
fn lookups_at_rest_find_the_numerically_closest() {
    at_rest::<Classic>();
    at_rest::<Periodic>();
}

/// The judge's owner and this test's are found in different ways.
#[test]
fn the_judge_names_the_same_owner() {
    let world = {
        let mut world = world::<Classic>(&Classic::config(16), 50, 1);
        world.start_converged(0..50);
        world
    };
    let (roster, ring) = (world.roster(), ring(&world));
    let mut rng = world.test_rng();
    for _ in 0..500 {
        let key = random_key(&mut rng);
        assert_eq!(world.model.owner(&roster, key), Some(owner(&ring, key)));
    }
    assert!(ring.iter().all(|&(key, id)| world.model.owner(&roster, key) == Some(id)));
}

#[test]
fn a_peer_is_found_at_its_own_place_and_a_missing_one_is_not() {
    let mut world = world::<Classic>(&Classic::config(16), 50, 2);
    world.start_converged(0..49);
    let (there, missing) = (world.id(7), world.id(49));
    let ids = [world.lookup(3, Target::Peer(there)), world.lookup(7, Target::Peer(there)), world.lookup(3, Target::Peer(missing))];
    world.run_for(MINUTE);
    assert_found(world.record(ids[0]), there);
    assert!(world.record(ids[1]).hits[0].hit.hops == 0);
    assert!(world.record(ids[2]).hits.is_empty() && world.record(ids[2]).finished.is_some());
}

/// Each link costs a forward and an acknowledgement; the owner's answer is one message more.
#[test]
fn every_message_of_a_lookup_is_counted_for_it() {
    let mut world = world::<Classic>(&Classic::config(16), 500, 6);
    world.start_converged(0..500);
    let asked = ask(&mut world, 300);
    world.run_for(MINUTE);
    for (id, _) in asked {
        let record = world.record(id);
        let hops = u64::from(record.hits[0].hit.hops);
        assert_eq!(record.messages(), if hops == 0 { 0 } else { 2 * hops + 1 }, "{record:?}");
    }
}

/// Hops from one member to another with full tables, worked out without a protocol: a peer whose leaf set reaches the destination is one
/// hop away; any other hop leads to a random peer that shares one more digit. Shares of 0, 1, 2, … hops.
fn monte_carlo(ring: &[(Key, PeerId)], side: usize, pairs: usize, rng: &mut Rng) -> Vec<f64> {
    let mut shares = vec![0.0; 12];
    for _ in 0..pairs {
        let (mut at, to) = (rng.index(ring.len()), rng.index(ring.len()));
        let mut hops = 0;
        while at != to {
            hops += 1;
            let apart = at.abs_diff(to);
            if apart.min(ring.len() - apart) <= side {
                break;
            }
            let digits = ((ring[at].0.0 ^ ring[to].0.0).leading_zeros() / 4 + 1) * 4;
            let fits = |key: Key| key.0 >> (64 - digits) == ring[to].0.0 >> (64 - digits);
            let from = ring.partition_point(|&(key, _)| key.0 >> (64 - digits) < ring[to].0.0 >> (64 - digits));
            let count = ring[from..].iter().take_while(|&&(key, _)| fits(key)).count();
            at = from + rng.index(count);
        }
        shares[hops] += 1.0 / pairs as f64;
    }
    shares
}

fn mean_of(shares: &[f64]) -> f64 {
    shares.iter().enumerate().map(|(hops, share)| hops as f64 * share).sum()
}

/// Paper, Fig. 5's setting (b = 4, |L| = 16, |M| = 32, random pairs of nodes, links to the destination node counted), at N = 10,000:
/// the hops are those of the independent calculation, and never more than ⌈log16 N⌉ = 4.
#[test]
fn hops_between_random_nodes_are_those_of_full_tables() {
    const N: u32 = 10_000;
    let mut world = world::<Classic>(&PastryConfig::default(), N, 21);
    world.start_converged(0..N);
    let mut rng = world.test_rng();
    let asked: Vec<LookupId> = (0..20_000)
        .map(|_| {
            let to = world.id(rng.below(u64::from(N)) as u32);
            world.lookup(rng.below(u64::from(N)) as u32, Target::Peer(to))
        })
        .collect();
    world.run_for(Span::from_secs(5));
    let mut shares = vec![0.0; 12];
    for &id in &asked {
        shares[world.record(id).hits[0].hit.hops as usize] += 1.0 / asked.len() as f64;
    }
    let expected = monte_carlo(&ring(&world), 8, 100_000, &mut rng);
    println!("here {:.4?}, mean {:.3}", &shares[..6], mean_of(&shares));
    println!("expected {:.4?}, mean {:.3}", &expected[..6], mean_of(&expected));
    // Standard error of a share with 20,000 questions: at most 0.0035.
    assert!(shares.iter().zip(&expected).all(|(here, there)| (here - there).abs() < 0.011));
    assert!((mean_of(&shares) - mean_of(&expected)).abs() < 0.02);
    assert!(shares[5..].iter().all(|&share| share == 0.0), "⌈log16 N⌉ = 4");
}

/// Goal: dead contacts are routed round, and every question still finds the closest survivor. Method: a tenth of 600 peers crashes at once;
/// each survivor asks while nothing has been mended but by the questions themselves.
#[test]
fn lookups_go_round_the_dead() {
    round_the_dead::<Classic>();
    round_the_dead::<Periodic>();
}

fn round_the_dead<V: Kind>() {
    let mut world = world::<V>(&V::config(16), 600, 13);
    world.start_converged(0..600);
    for seat in 0..60 {
        world.crash(seat * 10);
    }
    let asked = ask(&mut world, 600);
    world.run_for(MINUTE);
    let ring = ring(&world);
    let timeouts: u32 = asked.iter().map(|&(id, _)| world.record(id).timeouts).sum();
    let right = asked.iter().filter(|&&(id, key)| world.record(id).peers() == [owner(&ring, key)]).count();
    println!("{}: {right} of 600, {timeouts} timeouts", V::NAME);
    assert!(timeouts > 50 && asked.iter().all(|&(id, _)| world.record(id).finished.is_some()));
    assert!(right >= 597, "{}: {right} of 600", V::NAME);
}

/// Mean hops from a random member to another one, of `count` questions at one moment.
fn hops_to_members(world: &mut World<Pastry>, rng: &mut Rng, count: usize) -> f64 {
    let online = world.online();
    let mut pick = || online[rng.index(online.len())];
    let pairs: Vec<(u32, u32)> = (0..count).map(|_| (pick(), pick())).collect();
    let asked: Vec<LookupId> = pairs.into_iter().map(|(from, to)| world.lookup(from, Target::Peer(world.id(to)))).collect();
    world.run_for(Span::from_secs(20));
    let hits: Vec<f64> = asked.iter().filter_map(|&id| world.record(id).hits.first()).map(|answer| f64::from(answer.hit.hops)).collect();
    assert!(hits.len() * 1000 >= count * 998, "{} of {count}", hits.len());
    hits.iter().sum::<f64>() / hits.len() as f64
}

/// Paper, Fig. 10: N = 5000, of which 500 fail: 8.4 % more hops before tables are repaired, 0.4 % after. Here the questions of the middle
/// bar are all asked at the moment of the failure, with the repair of tables switched off.
#[test]
fn repair_brings_the_hops_back() {
    const N: u32 = 5000;
    let bars = |repair: bool| {
        let config =
            PastryConfig { repair, table_interval: Duration::secs(if repair { 20 } else { 1_000_000 }), ..PastryConfig::default() };
        let mut world = world::<Classic>(&config, N, 31);
        world.start_converged(0..N);
        let mut rng = world.test_rng();
        let whole = hops_to_members(&mut world, &mut rng, 20_000);
        (0..N / 10).for_each(|seat| world.crash(seat * 10));
        let at_once = hops_to_members(&mut world, &mut rng, 20_000);
        for _ in 0..if repair { 10 } else { 0 } {
            hops_to_members(&mut world, &mut rng, 10_000);
        }
        let later = hops_to_members(&mut world, &mut rng, 20_000);
        println!(
            "repair {repair}: mean hops {whole:.3}, at once {:+.1} %, later {:+.1} %",
            (at_once / whole - 1.0) * 100.0,
            (later / whole - 1.0) * 100.0
        );
        (at_once / whole - 1.0, later / whole - 1.0)
    };
    let ((damage, _), (_, rest)) = (bars(false), bars(true));
    // Three standard errors of each mean are 0.5 %.
    assert!((0.04..0.10).contains(&damage) && rest.abs() < 0.015);
}

fn settles<V: Kind>() {
    let mut world = world::<V>(&V::config(8), 120, 11);
    world.start_converged(0..80);
    let mut rng = world.test_rng();
    for _ in 0..150 {
        churn(&mut world, &mut rng);
        world.run_for(Span::from_secs(4));
        world.check();
    }
    world.run_for(MINUTE.times(10));
    assert_eq!(leaf_sets_are_exact(&world, 4), Ok(()), "{}", V::NAME);
    let asked = ask(&mut world, 300);
    world.run_for(MINUTE);
    let ring = ring(&world);
    for (id, key) in asked {
        assert_found(world.record(id), owner(&ring, key));
    }
}

#[test]
fn lookups_find_the_owner_again_after_churn_has_settled() {
    settles::<Classic>();
    settles::<Periodic>();
}

/// One random arrival, departure or crash.
fn churn<V: Variant>(world: &mut World<PastryLike<V>>, rng: &mut Rng) {
    let seat = rng.below(120) as u32;
    match (world.peer(seat).is_some(), rng.below(2)) {
        (false, _) => world.join(seat),
        (true, _) if world.online().len() < 40 => {}
        (true, 0) => world.crash(seat),
        (true, _) => world.leave(seat),
    }
}

/// Bamboo waits about one round trip for an acknowledgement, not half a second: what a dead contact costs is a tenth of it.
#[test]
fn measured_timeouts_are_short() {
    fn latency<V: Kind>() -> f64 {
        let latency = crate::harness::constant(Span::from_millis(20));
        let mut world = World::<PastryLike<V>>::new(&V::config(16), Options { population: 300, seed: 3, latency, ..Options::default() });
        world.start_converged(0..300);
        // Traffic, so that round trips are known.
        for _ in 0..10 {
            ask(&mut world, 6000);
            world.run_for(Span::from_secs(10));
        }
        (0..30).for_each(|seat| world.crash(seat * 10));
        let asked = ask(&mut world, 300);
        world.run_for(MINUTE);
        let held_up: Vec<f64> = asked
            .iter()
            .map(|&(id, _)| world.record(id))
            .filter(|record| record.timeouts == 1 && !record.hits.is_empty())
            .map(|record| record.hits[0].at.since(record.asked).secs_f64())
            .collect();
        assert!(held_up.len() > 10, "{}", held_up.len());
        held_up.iter().sum::<f64>() / held_up.len() as f64
    }
    let (fixed, measured) = (latency::<Classic>(), latency::<Periodic>());
    println!("lookups with one timeout: {fixed:.3} s with a fixed one, {measured:.3} s with a measured one");
    assert!(fixed > 0.5 && measured < 0.3);
}

#[test]
fn lookups_survive_lost_messages_and_new_identities() {
    survive::<Classic>();
    survive::<Periodic>();
}

fn survive<V: Kind>() {
    let options = Options { population: 60, seed: 8, loss: 0.02, new_identity: true, ..Options::default() };
    let mut world = World::<PastryLike<V>>::new(&V::config(16), options);
    world.start_converged(0..60);
    for seat in 0..20 {
        world.crash(seat);
        world.run_for(Span::from_secs(20));
        world.join(seat);
    }
    world.run_for(MINUTE.times(5));
    let asked = ask(&mut world, 400);
    world.run_for(MINUTE);
    let ring = ring(&world);
    let right = asked.iter().filter(|&&(id, key)| world.record(id).peers() == [owner(&ring, key)]).count();
    println!("{}: {right} of 400 with 2 % loss", V::NAME);
    assert!(asked.iter().all(|&(id, _)| world.record(id).finished.is_some()));
    assert!(right >= 340, "{}: {right} of 400", V::NAME);
}
