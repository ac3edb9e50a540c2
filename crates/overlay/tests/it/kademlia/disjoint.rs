//! Lookups over disjoint paths (S/Kademlia, section 4.4).

use peerlab_model::Target;

use super::*;

fn disjoint(k: u8, paths: u8) -> KademliaConfig {
    KademliaConfig { disjoint_paths: paths, alpha: 1, refresh_interval: Duration::secs(100_000), ..config(k) }
}

/// Goal: several paths find the same nearest peer as one does, at rest and among the dead, and every search ends.
#[test]
fn disjoint_paths_find_the_nearest_of_all() {
    for (k, paths, width, alpha) in [(20, 4, None, 1), (8, 8, None, 1), (8, 2, None, 3), (20, 4, Some(1), 1), (16, 8, Some(1), 1)] {
        for population in [1, 2, 5, 300] {
            let mut world = world(&KademliaConfig { lookup_width: width, alpha, ..disjoint(k, paths) }, population, 9);
            world.start_converged(0..population);
            let mut rng = world.test_rng();
            let asked: Vec<_> = (0..150)
                .map(|_| {
                    let key = random_key(&mut rng);
                    (world.lookup(rng.index(population as usize) as u32, Target::Key(key)), key)
                })
                .collect();
            world.run_for(MINUTE);
            for (id, key) in asked {
                assert_eq!(world.record(id).peers(), nearest(&world, key, 1), "{paths} paths, {population} peers");
            }
        }
    }
}

#[test]
fn disjoint_paths_pass_over_the_dead() {
    let mut world = world(&disjoint(20, 4), 500, 3);
    world.start_converged(0..500);
    (0..150).for_each(|seat| world.crash(seat));
    let mut rng = world.test_rng();
    let asked: Vec<_> = (0..200)
        .map(|_| {
            let key = random_key(&mut rng);
            (world.lookup(150 + rng.index(350) as u32, Target::Key(key)), key)
        })
        .collect();
    world.run_for(MINUTE);
    let right = asked.iter().filter(|&&(id, key)| world.record(id).peers() == nearest(&world, key, 1)).count();
    assert!(right == 200 && asked.iter().all(|&(id, _)| world.record(id).finished.is_some()), "{right} of 200");
}

/// Goal: d paths cost a few requests more than one, not d times as many, and save rounds; one request for each peer.
#[test]
fn disjoint_paths_share_the_work() {
    let measure = |paths: u8| {
        let mut world = world(&disjoint(20, paths), 1000, 4);
        world.start_converged(0..1000);
        let mut rng = world.test_rng();
        let asked: Vec<_> = (0..100).map(|seat| world.lookup(seat, Target::Key(random_key(&mut rng)))).collect();
        world.run_for(MINUTE);
        let requests: u64 = asked.iter().map(|&id| world.record(id).sent["find-node"]).sum();
        let rounds: u32 = asked.iter().map(|&id| world.record(id).hits[0].hit.rounds).sum();
        println!("{paths} paths: {:.1} requests, {:.1} rounds", requests as f64 / 100.0, f64::from(rounds) / 100.0);
        (requests, rounds)
    };
    let (one, four, ten) = (measure(1), measure(4), measure(10));
    assert!(one.0 < four.0 && four.0 < ten.0 && ten.0 < 2 * one.0, "{one:?} {four:?} {ten:?}");
    assert!(four.1 < one.1 && ten.1 < four.1, "{one:?} {four:?} {ten:?}");
}

/// Baumgart & Mies 2007, the setting of Fig. 4 (N = 10,000, k = 16, one request at a time; path lengths 1 to 4 with .02, .43, .515 and .04, read from a plot).
/// Links from the origin to the owner of a random key are what is counted here. The paper does not say what it counts; the figures of the page are held.
#[test]
fn path_lengths_in_the_setting_of_s_kademlia() {
    let mut world = world(&KademliaConfig { lookup_width: Some(1), ..disjoint(16, 1) }, 10_000, 5);
    world.start_converged(0..10_000);
    let mut rng = world.test_rng();
    let asked: Vec<_> = (0..4000).map(|seat| world.lookup(seat, Target::Key(random_key(&mut rng)))).collect();
    world.run_for(MINUTE);
    let mut counts = [0_u32; 8];
    for id in asked {
        let (origin, hit) = (world.record(id).origin, world.record(id).hits[0].hit);
        counts[(hit.hops + u32::from(hit.peer != origin)) as usize] += 1;
    }
    let shares = counts.map(|count| f64::from(count) / 4000.0);
    println!("links to the owner, from 0 on: {shares:.3?}");
    let mean: f64 = (0..8).map(|length| f64::from(length) * shares[length as usize]).sum();
    assert!((mean - 2.585).abs() < 0.1, "mean {mean:.3}: {shares:.3?}");
}
