//! Recursive routing (R/Kademlia).

use peerlab_model::{LookupId, Target};
use peerlab_overlay::structured::kademlia::Routing;

use super::*;
use crate::harness::{Options, Record};

const RECURSIVE: [Routing; 2] = [Routing::SemiRecursive, Routing::Recursive];

/// Links to the peer that answers, of an answer that was given.
fn links(record: &Record) -> u64 {
    u64::from(record.hits[0].hit.hops)
}

fn recursive(k: u8, routing: Routing) -> KademliaConfig {
    KademliaConfig { routing, refresh_interval: Duration::secs(100_000), ..config(k) }
}

/// Random keys, asked by random members.
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

#[test]
fn questions_passed_on_reach_the_nearest_of_all() {
    for routing in RECURSIVE {
        for k in [1, 4, 20] {
            for population in [1, 2, 5, 200] {
                let mut world = world(&recursive(k, routing), population, 9);
                world.start_converged(0..population);
                let asked = ask(&mut world, 200);
                world.run_for(MINUTE);
                for (id, key) in asked {
                    let record = world.record(id);
                    assert_eq!(record.peers(), nearest(&world, key, 1), "{routing:?}, k = {k}: {record:?}");
                    assert!(record.timeouts == 0 && record.finished.is_some() && record.hits[0].hit.rounds == 0);
                }
            }
        }
    }
}

/// Goal: what each mode sends, and how long it takes. Method: at rest, 50 ms a link.
#[test]
fn answers_come_directly_or_back_along_the_path() {
    for routing in RECURSIVE {
        let mut world = world(&recursive(8, routing), 1000, 6);
        world.start_converged(0..1000);
        let asked = ask(&mut world, 300);
        world.run_for(Span::from_secs(20));
        let mut longest = 0;
        for (id, _) in asked {
            let record = world.record(id);
            let hops = links(record);
            longest = longest.max(hops);
            let sent = |kind| record.sent.get(kind).copied().unwrap_or(0);
            assert!(sent("route") == hops && sent("ack") == hops, "{record:?}");
            let back = if routing == Routing::Recursive { hops } else { hops.min(1) };
            assert!(sent("found") == back && record.messages() == 2 * hops + back, "{record:?}");
            let took = record.finished.expect("it has ended").since(record.asked);
            assert_eq!(took, Span::from_millis(50 * (hops + back)));
        }
        assert!(longest >= 3);
    }
}

/// Goal: the way is that of an iterative lookup with one request at a time: as many links to the owner.
#[test]
fn mean_paths_are_as_long_as_iterative_ones() {
    let mean = |config: KademliaConfig| {
        let mut world = world(&config, 4096, 3);
        world.start_converged(0..4096);
        let asked = ask(&mut world, 3000);
        world.run_for(MINUTE);
        let to_owner =
            |record: &Record| links(record) + u64::from(config.routing == Routing::Iterative && record.peers() != [record.origin]);
        asked.iter().map(|&(id, _)| to_owner(world.record(id))).sum::<u64>() as f64 / 3000.0
    };
    let one_path = KademliaConfig { alpha: 1, lookup_width: Some(1), ..recursive(8, Routing::Iterative) };
    let (iterative, semi, full) = (mean(one_path), mean(recursive(8, RECURSIVE[0])), mean(recursive(8, RECURSIVE[1])));
    println!("links to the owner: iterative {iterative:.3}, semi-recursive {semi:.3}, recursive {full:.3}");
    assert!((iterative - semi).abs() < 0.1 && (semi - full).abs() < 0.02);
}

/// A silent contact costs its hop a timeout, and the question goes round it.
#[test]
fn questions_go_round_the_dead() {
    for routing in RECURSIVE {
        for share in [10, 30] {
            let mut world = world(&recursive(20, routing), 500, 3);
            world.start_converged(0..500);
            (0..share * 5).for_each(|seat| world.crash(seat));
            let asked = ask(&mut world, 400);
            world.run_for(MINUTE);
            let right = asked.iter().filter(|&&(id, key)| world.record(id).peers() == nearest(&world, key, 1)).count();
            let timeouts: u32 = asked.iter().map(|&(id, _)| world.record(id).timeouts).sum();
            println!("{routing:?}, {share} % crashed: {right} of 400 right, {:.2} timeouts a lookup", f64::from(timeouts) / 400.0);
            assert!(right == 400 && timeouts > 0, "{routing:?}, {share} %: {right} of 400");
        }
    }
}

/// Goal: a lost answer is asked for again, `retries` times at most, and every lookup ends.
#[test]
fn the_origin_asks_again() {
    for routing in RECURSIVE {
        let right = |retries: u8, loss: f64| {
            let options = Options { population: 200, seed: 8, loss, ..Options::default() };
            let mut world = World::<Kademlia>::new(&KademliaConfig { retries, ..recursive(8, routing) }, options);
            world.start_converged(0..200);
            let asked = ask(&mut world, 300);
            world.run_for(MINUTE);
            assert!(asked.iter().all(|&(id, _)| world.record(id).finished.is_some()));
            let slowest = asked.iter().filter_map(|&(id, _)| Some(world.record(id).finished?.since(world.record(id).asked))).max();
            println!("{routing:?}, {retries} retries, {loss} lost: the slowest took {slowest:?}");
            asked.iter().filter(|&&(id, key)| world.record(id).peers() == nearest(&world, key, 1)).count()
        };
        let (never, thrice) = (right(0, 0.1), right(3, 0.1));
        println!("{routing:?}: {never} of 300 without asking again, {thrice} with");
        assert!(never < 285 && thrice > never && thrice >= 270);
        // Nothing comes through at all: no answer, and an end.
        assert!(right(3, 1.0) < 30);
    }
}

/// Whoever has a record answers; who passed the question to it gets a copy; the end of the way says that there is none.
#[test]
fn content_is_found_where_it_is_met_first() {
    for routing in RECURSIVE {
        let options = Options { population: 300, seed: 8, items: 3, ..Options::default() };
        let mut world = World::<Kademlia>::new(&recursive(8, routing), options);
        world.give(5, &[0, 1]);
        world.start_converged(0..300);
        let item = peerlab_model::ItemId;
        let found: Vec<LookupId> = (100..200).map(|seat| world.lookup(seat, Target::Item(item(0)))).collect();
        let missing = world.lookup(7, Target::Item(item(2)));
        world.run_for(MINUTE);
        for id in found {
            assert!(world.record(id).peers() == [world.id(5)] && world.record(id).finished.is_some(), "{:?}", world.record(id));
        }
        assert!(world.record(missing).hits.is_empty() && world.record(missing).finished.is_some());
        assert!(world.sent("cache") > 0);
    }
}

#[test]
fn a_peer_is_found_by_passing_on_and_a_missing_one_is_not() {
    for routing in RECURSIVE {
        let mut world = world(&recursive(8, routing), 50, 2);
        world.start_converged(0..49);
        let (there, missing) = (world.id(7), world.id(49));
        let ids = [world.lookup(3, Target::Peer(there)), world.lookup(3, Target::Peer(missing))];
        world.run_for(MINUTE);
        assert_eq!(world.record(ids[0]).peers(), [there]);
        assert!(world.record(ids[1]).hits.is_empty() && world.record(ids[1]).finished.is_some());
    }
}

/// Goal: under churn, with new identities, nothing is left hanging, and the network settles as ever.
#[test]
fn recursive_lookups_survive_churn() {
    for routing in RECURSIVE {
        let options = Options { population: 120, seed: 11, new_identity: true, ..Options::default() };
        let mut world = World::<Kademlia>::new(&KademliaConfig { routing, stale_after: 2, ..config(8) }, options);
        world.start_converged(0..80);
        let mut rng = world.test_rng();
        let mut asked = Vec::new();
        for _ in 0..150 {
            let seat = rng.below(120) as u32;
            match (world.peer(seat).is_some(), rng.below(2)) {
                (false, _) => world.join(seat),
                (true, _) if world.online().len() < 40 => {}
                (true, 0) => world.crash(seat),
                (true, _) => world.leave(seat),
            }
            asked.extend(ask(&mut world, 3).into_iter().map(|(id, _)| id));
            world.run_for(Span::from_secs(4));
            world.check();
        }
        world.run_for(MINUTE.times(20));
        let online: Vec<PeerId> = world.online().into_iter().map(|seat| world.id(seat)).collect();
        // Those whose origin has left in the meantime end with it.
        assert!(asked.iter().filter(|&&id| online.contains(&world.record(id).origin)).all(|&id| world.record(id).finished.is_some()));
        let asked = ask(&mut world, 200);
        world.run_for(MINUTE);
        let right = asked.iter().filter(|&&(id, key)| world.record(id).peers() == nearest(&world, key, 1)).count();
        assert!(right >= 198, "{routing:?}: {right} of 200 right");
    }
}
