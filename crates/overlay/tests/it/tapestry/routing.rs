//! Lookups: one root for a key, whoever asks; the expected number of hops; dead contacts.

use peerlab_model::Overlay;

use super::*;

/// Goal: surrogate routing leads to the same root from everywhere, and the root is the one that the member set alone defines.
#[test]
fn lookups_at_rest_find_the_surrogate_root() {
    for population in [1, 2, 3, 5, 12, 20, 200] {
        for (b, c) in [(4, 3), (1, 1), (2, 2), (3, 1), (8, 3)] {
            let config = TapestryConfig { b, c, ..quick() };
            let mut world = world(&config, population, 9 + u64::from(population));
            world.start_converged(0..population);
            let asked = ask(&mut world, 200);
            world.run_for(MINUTE);
            let members = members(&world);
            for (id, key) in asked {
                assert_found(world.record(id), owner(&members, key, u32::from(b)));
                assert_eq!(world.record(id).timeouts, 0);
            }
        }
    }
}

#[test]
fn a_key_has_one_root_from_wherever_it_is_asked() {
    let mut world = world(&quick(), 60, 3);
    world.start_converged(0..60);
    let mut rng = world.test_rng();
    for _ in 0..50 {
        let key = random_key(&mut rng);
        let asked: Vec<LookupId> = (0..60).map(|seat| world.lookup(seat, Target::Key(key))).collect();
        world.run_for(Span::from_secs(5));
        let root = owner(&members(&world), key, 4);
        for id in asked {
            assert_found(world.record(id), root);
        }
    }
}

/// The judge goes down a tree of prefixes, this test through all members; the root is also the least by digits' distance from the key's.
#[test]
fn the_judge_names_the_same_root() {
    for b in [1, 3, 4, 8] {
        let config = TapestryConfig { b, ..quick() };
        let mut world = world(&config, 50, 1);
        world.start_converged(0..50);
        let (roster, members, bits) = (world.roster(), members(&world), u32::from(b));
        let mut rng = world.test_rng();
        for _ in 0..500 {
            let key = random_key(&mut rng);
            let expected = owner(&members, key, bits);
            assert_eq!(world.model.owner(&roster, key), Some(expected));
            let distance = |member: Key| -> Vec<u64> {
                (0..64 / bits).map(|place| (digit(member, place, bits) + (1 << bits) - digit(key, place, bits)) % (1 << bits)).collect()
            };
            assert_eq!(members.iter().min_by_key(|(member, _)| distance(*member)).map(|&(_, id)| id), Some(expected));
        }
        assert!(members.iter().all(|&(key, id)| world.model.owner(&roster, key) == Some(id)));
    }
}

#[test]
fn a_peer_is_found_at_its_own_place_and_a_missing_one_is_not() {
    let mut world = world(&quick(), 50, 2);
    world.start_converged(0..49);
    let (there, missing) = (world.id(7), world.id(49));
    let ids = [world.lookup(3, Target::Peer(there)), world.lookup(7, Target::Peer(there)), world.lookup(3, Target::Peer(missing))];
    world.run_for(MINUTE);
    assert_found(world.record(ids[0]), there);
    assert!(world.record(ids[1]).hits[0].hit.hops == 0);
    assert!(world.record(ids[2]).hits.is_empty() && world.record(ids[2]).finished.is_some());
}

/// Each link costs a forward and an acknowledgement; the root's answer is one message more.
#[test]
fn every_message_of_a_lookup_is_counted_for_it() {
    let mut world = world(&quick(), 500, 6);
    world.start_converged(0..500);
    let asked = ask(&mut world, 300);
    world.run_for(MINUTE);
    for (id, _) in asked {
        let record = world.record(id);
        let hops = u64::from(record.hits[0].hit.hops);
        assert_eq!(record.messages(), if hops == 0 { 0 } else { 2 * hops + 1 }, "{record:?}");
    }
}

/// Hops to the root of a random key with full tables, worked out without a protocol: at each level the members that are left are those with
/// the digit that surrogate routing takes; a peer that is not among them costs a hop, to a random one that is. Shares of 0, 1, 2, … hops.
fn monte_carlo(members: &[(Key, PeerId)], questions: usize, rng: &mut Rng) -> Vec<f64> {
    let mut shares = vec![0.0; 16];
    for _ in 0..questions {
        let key = random_key(rng);
        let (mut at, mut hops) = (members[rng.index(members.len())].0, 0);
        let mut left = members;
        for place in 0.. {
            if left.len() == 1 {
                hops += usize::from(left[0].0 != at);
                break;
            }
            let branch = |branch: u64| {
                let from = left.partition_point(|&(member, _)| digit(member, place, 4) < branch);
                let upto = left.partition_point(|&(member, _)| digit(member, place, 4) <= branch);
                &left[from..upto]
            };
            let wanted = digit(key, place, 4);
            left = (0..16).map(|step| branch((wanted + step) % 16)).find(|left| !left.is_empty()).expect("somebody is left");
            if !left.iter().any(|&(member, _)| member == at) {
                hops += 1;
                at = left[rng.index(left.len())].0;
            }
        }
        shares[hops] += 1.0 / questions as f64;
    }
    shares
}

fn mean_of(shares: &[f64]) -> f64 {
    shares.iter().enumerate().map(|(hops, share)| hops as f64 * share).sum()
}

/// Random keys at N = 10,000, b = 4: the hops are those of the independent calculation.
#[test]
fn hops_to_the_root_are_those_of_full_tables() {
    const N: u32 = 10_000;
    let mut world = world(&TapestryConfig::default(), N, 21);
    world.start_converged(0..N);
    let asked = ask(&mut world, 20_000);
    world.run_for(Span::from_secs(5));
    let mut shares = vec![0.0; 16];
    for &(id, _) in &asked {
        shares[world.record(id).hits[0].hit.hops as usize] += 1.0 / asked.len() as f64;
    }
    let mut rng = world.test_rng();
    let expected = monte_carlo(&members(&world), 100_000, &mut rng);
    println!("here {:.4?}, mean {:.3}", &shares[..8], mean_of(&shares));
    println!("expected {:.4?}, mean {:.3}", &expected[..8], mean_of(&expected));
    // Standard error of a share with 20,000 questions: at most 0.0035.
    assert!(shares.iter().zip(&expected).all(|(here, there)| (here - there).abs() < 0.012));
    assert!((mean_of(&shares) - mean_of(&expected)).abs() < 0.02);
}

/// Goal: dead contacts are routed round through backups, and every question still finds the root among the survivors. Method: a tenth of 600
/// peers crashes at once; each survivor asks while nothing has been mended but by the questions themselves.
#[test]
fn lookups_go_round_the_dead() {
    let mut world = world(&quick(), 600, 13);
    world.start_converged(0..600);
    for seat in 0..60 {
        world.crash(seat * 10);
    }
    let asked = ask(&mut world, 600);
    world.run_for(MINUTE);
    let members = members(&world);
    let timeouts: u32 = asked.iter().map(|&(id, _)| world.record(id).timeouts).sum();
    let right = asked.iter().filter(|&&(id, key)| world.record(id).peers() == [owner(&members, key, 4)]).count();
    println!("{right} of 600, {timeouts} timeouts");
    assert!(timeouts > 50 && asked.iter().all(|&(id, _)| world.record(id).finished.is_some()));
    assert!(right >= 594, "{right} of 600");
}

/// A dead primary whose round trip is known costs about that: a backup is asked at once, without the long timeout.
#[test]
fn a_backup_takes_over_after_a_round_trip() {
    let latency = crate::harness::constant(Span::from_millis(20));
    let mut world = World::<Tapestry>::new(&TapestryConfig::default(), Options { population: 300, seed: 3, latency, ..Options::default() });
    world.start_converged(0..300);
    // Everybody has been probed.
    world.run_for(MINUTE.times(3));
    (0..30).for_each(|seat| world.crash(seat * 10));
    let asked = ask(&mut world, 300);
    world.run_for(MINUTE);
    let held_up: Vec<f64> = asked
        .iter()
        .map(|&(id, _)| world.record(id))
        .filter(|record| record.timeouts == 1 && !record.hits.is_empty())
        .map(|record| record.hits[0].at.since(record.asked).secs_f64())
        .collect();
    let quick = held_up.iter().filter(|&&seconds| seconds < 0.3).count();
    println!("{} lookups with one timeout, {quick} of them took less than 0.3 s", held_up.len());
    assert!(held_up.len() > 10 && quick * 10 >= held_up.len() * 9);
}

#[test]
fn lookups_find_the_root_again_after_churn_has_settled() {
    let config = quick();
    let mut world = world(&config, 120, 11);
    world.start_converged(0..80);
    let mut rng = world.test_rng();
    for _ in 0..150 {
        churn(&mut world, &mut rng);
        world.run_for(Span::from_secs(4));
        world.check();
    }
    world.run_for(MINUTE.times(10));
    is_consistent(&world, &config).expect("no slot that somebody fits is empty");
    let asked = ask(&mut world, 300);
    world.run_for(MINUTE);
    let members = members(&world);
    for (id, key) in asked {
        assert_found(world.record(id), owner(&members, key, 4));
    }
}

/// One random arrival, departure or crash.
fn churn(world: &mut World<Tapestry>, rng: &mut Rng) {
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
    let options = Options { population: 60, seed: 8, loss: 0.02, new_identity: true, ..Options::default() };
    let mut world = World::<Tapestry>::new(&quick(), options);
    world.start_converged(0..60);
    for seat in 0..20 {
        world.crash(seat);
        world.run_for(Span::from_secs(20));
        world.join(seat);
    }
    world.run_for(MINUTE.times(5));
    let asked = ask(&mut world, 400);
    world.run_for(MINUTE);
    let members = members(&world);
    let right = asked.iter().filter(|&&(id, key)| world.record(id).peers() == [owner(&members, key, 4)]).count();
    println!("{right} of 400 with 2 % loss");
    assert!(asked.iter().all(|&(id, _)| world.record(id).finished.is_some()));
    assert!(right >= 340, "{right} of 400");
}
