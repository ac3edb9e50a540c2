//! What k-redundant super-peers promise (Yang and Garcia-Molina, section 3.2), in the reference world.

use std::collections::BTreeSet;

use peerlab_model::units::Duration;
use peerlab_model::{Issues, ItemId, OverlayConfig, Span, Target};
use peerlab_overlay::hybrid::super_peer::{Search, SuperPeerConfig, SuperPeers};

use crate::harness::{Options, World};
use crate::histories::histories;

type SuperWorld = World<SuperPeers>;

const PEERS: u32 = 90;

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn config(redundancy: u8) -> SuperPeerConfig {
    SuperPeerConfig { redundancy, leaves: 10, degree: 4, ttl: 9, min_uptime: Duration::secs(30), ..SuperPeerConfig::default() }
}

/// All are members; peer k holds item k, every third peer item 99.
fn converged(config: &SuperPeerConfig) -> SuperWorld {
    let mut world = SuperWorld::new(config, Options { population: PEERS, items: 200, ..Options::default() });
    for seat in 0..PEERS {
        world.give(seat, &[seat]);
        if seat % 3 == 0 {
            world.give(seat, &[99]);
        }
    }
    world.start_converged(0..PEERS);
    world
}

fn servants(world: &SuperWorld) -> Vec<u32> {
    world.online().into_iter().filter(|&seat| world.peer(seat).unwrap().is_super_peer()).collect()
}

fn seats(world: &SuperWorld, peers: impl Iterator<Item = peerlab_model::PeerId>) -> BTreeSet<u32> {
    peers.map(|peer| world.setting.numbering.seat(peer)).collect()
}

/// Those who serve the cluster of a super-peer.
fn cluster(world: &SuperWorld, servant: u32) -> BTreeSet<u32> {
    let mut cluster = seats(world, world.peer(servant).unwrap().partners());
    cluster.insert(servant);
    cluster
}

fn leaves_of(world: &SuperWorld, servant: u32) -> BTreeSet<u32> {
    seats(world, world.peer(servant).unwrap().leaves())
}

/// Asks, waits, and gives back the seats that were named.
fn ask(world: &mut SuperWorld, origin: u32, item: u32, wait: u64) -> Vec<u32> {
    let id = world.lookup(origin, Target::Item(ItemId(item)));
    world.run_for(seconds(wait));
    assert!(world.record(id).finished.is_some(), "item {item} has no end");
    seats(world, world.record(id).peers().into_iter()).into_iter().collect()
}

/// Partners name each other, serve the same leaves and know the same clusters, all of their super-peers.
fn check_clusters(world: &SuperWorld, redundancy: usize) {
    world.check();
    for servant in servants(world) {
        let (own, leaves) = (cluster(world, servant), leaves_of(world, servant));
        assert_eq!(own.len(), redundancy, "{servant} serves with {own:?}");
        for &partner in &own {
            assert_eq!(cluster(world, partner), own);
            assert_eq!(leaves_of(world, partner), leaves, "{servant} and {partner} serve different leaves");
        }
        let neighbours = seats(world, world.peer(servant).unwrap().links());
        for &neighbour in &neighbours {
            assert!(cluster(world, neighbour).is_subset(&neighbours), "{servant} does not know all partners of {neighbour}");
            assert!(own.is_subset(&seats(world, world.peer(neighbour).unwrap().links())), "{neighbour} does not know all of {own:?}");
        }
        for leaf in leaves {
            assert_eq!(seats(world, world.peer(leaf).unwrap().links()), own, "leaf {leaf}");
        }
    }
}

#[test]
fn partners_share_leaves_and_neighbours() {
    for redundancy in 1..=3 {
        // So wide that no cluster is full, and nobody makes itself a super-peer.
        let mut world = converged(&SuperPeerConfig { leaves: 20, full: 1.0, ..config(redundancy) });
        check_clusters(&world, redundancy.into());
        let links = |world: &SuperWorld| servants(world).iter().map(|&seat| world.peer(seat).unwrap().links().count()).sum::<usize>();
        let clusters = servants(&world).len() / usize::from(redundancy);
        // Open connections among super-peers grow by the square of k.
        assert_eq!(links(&world), clusters * 4 * usize::from(redundancy).pow(2));
        let before = (servants(&world), links(&world));
        world.run_for(seconds(300));
        check_clusters(&world, redundancy.into());
        assert_eq!((servants(&world), links(&world)), before, "nothing happens where nothing is amiss");
    }
}

/// Every peer that has the item is found from anywhere, be it a leaf, a super-peer or a partner of the one that searches.
#[test]
fn a_flood_among_clusters_finds_every_holder() {
    for redundancy in 1..=3 {
        for search in [Search::Flood, Search::Dynamic] {
            let timeout = Duration::secs(200);
            let mut world = converged(&SuperPeerConfig { search, query_timeout: timeout, ..config(redundancy) });
            for origin in (1..PEERS).step_by(11) {
                let expected: Vec<u32> = (0..PEERS).filter(|seat| seat % 3 == 0 && *seat != origin).collect();
                assert_eq!(ask(&mut world, origin, 99, 210), expected, "k = {redundancy}, {search:?}, from {origin}");
            }
            let servant = servants(&world)[0];
            for partner in cluster(&world, servant).into_iter().filter(|&partner| partner != servant) {
                assert_eq!(ask(&mut world, servant, partner, 210), [partner]);
            }
        }
    }
}

/// Goal: the paper's claim for k = 2: the load of all together hardly changes, that of one partner falls by nearly half.
/// Method: each leaf asks as many questions, and nobody pings meanwhile; messages that super-peers handle for a question and cluster.
#[test]
fn two_partners_have_half_of_the_load_each() {
    let load = |redundancy: u8| {
        let config = SuperPeerConfig { ping_interval: Duration::secs(3000), ..config(redundancy) };
        let mut world = converged(&config);
        world.run_for(seconds(3100));
        let servants = servants(&world);
        let before: u64 = servants.iter().map(|&seat| world.received(seat)).sum();
        let leaves: Vec<u32> = (0..PEERS).filter(|seat| !servants.contains(seat)).collect();
        let mut asked = 0;
        for round in 0..6 {
            for &leaf in &leaves {
                world.lookup(leaf, Target::Item(ItemId((leaf + 17 * round + 1) % PEERS)));
                asked += 1;
            }
            world.run_for(seconds(60));
        }
        let all = servants.iter().map(|&seat| world.received(seat)).sum::<u64>() - before;
        let clusters = servants.len() / usize::from(redundancy);
        // For each question and cluster, and for each partner of it.
        let together = all as f64 / f64::from(asked) / clusters as f64;
        (together, together / f64::from(redundancy))
    };
    let ((all, one), (all_2, each_of_2), (_, each_of_3)) = (load(1), load(2), load(3));
    assert!((all_2 / all - 1.0).abs() < 0.08, "a cluster handles {all:.2} messages a question, with two partners {all_2:.2}");
    assert!((0.46..0.54).contains(&(each_of_2 / one)), "one of two handles {:.3} of what one alone does", each_of_2 / one);
    assert!((0.30..0.37).contains(&(each_of_3 / one)), "one of three handles {:.3} of what one alone does", each_of_3 / one);
}

/// What leaves of a cluster find in the seconds after one of its super-peers has crashed, which nobody has noticed yet.
fn found_after_a_crash(redundancy: u8) -> (usize, usize) {
    let mut world = converged(&config(redundancy));
    world.run_for(seconds(5));
    let dead = servants(&world)[0];
    let leaves = leaves_of(&world, dead);
    world.crash(dead);
    let questions = leaves.iter().flat_map(|&leaf| (0..4).map(move |n| (leaf, (leaf + 20 + 13 * n) % PEERS)));
    // Not what the dead one or the cluster itself has: that would be another question.
    let questions: Vec<(u32, u32)> = questions.filter(|(_, item)| *item != dead && !leaves.contains(item)).collect();
    let ids: Vec<_> = questions.iter().map(|&(leaf, item)| world.lookup(leaf, Target::Item(ItemId(item)))).collect();
    world.run_for(seconds(15));
    (ids.iter().filter(|&&id| !world.record(id).hits.is_empty()).count(), ids.len())
}

#[test]
fn a_cluster_survives_the_crash_of_a_partner() {
    let (found, asked) = found_after_a_crash(1);
    assert_eq!(found, 0, "{asked} questions to a dead super-peer");
    for redundancy in [2, 3] {
        let (found, asked) = found_after_a_crash(redundancy);
        assert_eq!(found, asked, "k = {redundancy}");
        assert!(asked > 10);
    }
}

#[test]
fn a_new_partner_takes_the_place_of_a_dead_one() {
    for redundancy in [2, 3] {
        let mut world = converged(&config(redundancy));
        let (first, second) = (servants(&world)[0], *servants(&world).last().unwrap());
        let orphans: BTreeSet<u32> = leaves_of(&world, first).into_iter().collect();
        world.crash(first);
        world.leave(second);
        world.run_for(seconds(400));
        check_clusters(&world, redundancy.into());
        let origin = world.online().into_iter().find(|seat| !orphans.contains(seat)).unwrap();
        for &orphan in &orphans {
            assert_eq!(ask(&mut world, origin, orphan, 40), [orphan], "k = {redundancy}: the new partner knows each leaf");
        }
    }
}

#[test]
fn the_weak_are_no_partners() {
    // Seat 5 alone is strong.
    let capacity = |seat| if seat == 5 { None } else { Some(1.0) };
    let config = SuperPeerConfig { min_capacity: 100.0, ..config(2) };
    let mut world = SuperWorld::new(&config, Options { population: PEERS, capacity: Box::new(capacity), ..Options::default() });
    world.start_empty();
    (5..11).for_each(|seat| world.join(seat));
    world.run_for(seconds(300));
    assert_eq!(servants(&world), [5]);
    assert_eq!(cluster(&world, 5), [5].into());
}

#[test]
fn redundant_clusters_grow_from_nothing() {
    let config = config(2);
    let mut world = SuperWorld::new(&config, Options { population: PEERS, items: 200, ..Options::default() });
    world.start_empty();
    for seat in 0..PEERS {
        world.give(seat, &[seat]);
        world.join(seat);
        world.run_for(seconds(2));
    }
    world.run_for(seconds(1200));
    world.check();
    let servants = servants(&world);
    let paired = servants.iter().filter(|&&seat| cluster(&world, seat).len() == 2).count();
    assert!(servants.len() >= 10 && paired * 10 >= servants.len() * 8, "{paired} of {} super-peers have a partner", servants.len());
    let found: usize = (0..30).map(|origin| ask(&mut world, origin, (origin + 17) % PEERS, 40).len()).sum();
    assert!(found >= 28, "{found} of 30 were found");
}

/// Whatever happens to four peers, those that are left end up in clusters that hang together.
#[test]
fn in_every_small_history_the_survivors_form_clusters() {
    for redundancy in [1, 2, 3] {
        let config = SuperPeerConfig { min_uptime: Duration::secs(1), ping_interval: Duration::secs(5), ..config(redundancy) };
        for history in histories(4) {
            let mut world = SuperWorld::new(&config, Options { population: 4, items: 4, ..Options::default() });
            (0..4).for_each(|seat| world.give(seat, &[seat]));
            world.live_through(&history, seconds(20));
            world.run_for(seconds(200));
            world.check();
            let online = world.online();
            for &seat in &online {
                assert!(world.joined(seat), "k = {redundancy}, {history:?}: {seat} is no member");
                let known = world.contacts(seat);
                let alive = known.iter().all(|&contact| online.contains(&world.setting.numbering.seat(contact)));
                assert!(alive && (online.len() == 1 || !known.is_empty()), "k = {redundancy}, {history:?}: {seat} knows {known:?}");
            }
        }
    }
}

#[test]
fn a_leaf_belongs_to_one_redundant_cluster() {
    let paths = |config: SuperPeerConfig| {
        let mut issues = Issues::new();
        config.check(PEERS, &mut issues);
        issues.list().iter().map(|issue| issue.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(paths(config(5)), [] as [&str; 0]);
    assert_eq!(paths(SuperPeerConfig { super_peers: 3, ..config(2) }), ["super_peers"]);
    assert_eq!(paths(config(0)), ["redundancy"]);
    assert_eq!(paths(config(6)), ["redundancy"]);
}
