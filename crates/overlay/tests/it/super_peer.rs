//! What super-peers promise, in the reference world.

use std::collections::BTreeSet;

use peerlab_model::units::Duration;
use peerlab_model::{Issues, ItemId, Keywords, OverlayConfig, Span, Target, Word};
use peerlab_overlay::hybrid::super_peer::{Search, SuperMessage, SuperPeerConfig, SuperPeers};

use crate::harness::{Options, World};

type SuperWorld = World<SuperPeers>;

const PEERS: u32 = 60;

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn item(number: u32) -> Target {
    Target::Item(ItemId(number))
}

fn config() -> SuperPeerConfig {
    SuperPeerConfig { leaves: 6, degree: 4, min_uptime: Duration::secs(30), ..SuperPeerConfig::default() }
}

fn gnutella() -> SuperPeerConfig {
    let (_, preset) = SuperPeerConfig::presets().remove(0);
    SuperPeerConfig { leaves: 8, degree: 6, wanted_hits: 3, min_uptime: Duration::secs(30), ..preset }
}

fn world_with(config: &SuperPeerConfig, options: Options) -> SuperWorld {
    World::new(config, Options { population: PEERS, items: 200, ..options })
}

/// All are members; peer k holds item k, every third peer item 99.
fn converged(config: &SuperPeerConfig, options: Options) -> SuperWorld {
    let mut world = world_with(config, options);
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

fn is_leaf(world: &SuperWorld, seat: u32) -> bool {
    world.peer(seat).is_some_and(|peer| !peer.is_super_peer())
}

/// Asks, waits, and gives back the seats that were named.
fn ask(world: &mut SuperWorld, origin: u32, target: Target, wait: u64) -> Vec<u32> {
    let id = world.lookup(origin, target);
    world.run_for(seconds(wait));
    assert!(world.record(id).finished.is_some(), "{target:?} has no end");
    let mut seats: Vec<u32> = world.record(id).peers().iter().map(|&peer| world.setting.numbering.seat(peer)).collect();
    seats.sort_unstable();
    seats.dedup();
    seats
}

/// Both ends of every connection know of it, leaves have super-peers, and everybody is within what it may.
fn check_graph(world: &SuperWorld, at_most_without: usize) {
    world.check();
    let numbering = world.setting.numbering;
    let mut without = 0;
    for seat in world.online() {
        let peer = world.peer(seat).unwrap();
        without += usize::from(peer.links().next().is_none());
        for other in peer.links() {
            let end = world.peer(numbering.seat(other)).unwrap_or_else(|| panic!("{seat} is connected to {other:?}, who is offline"));
            assert!(end.is_super_peer(), "{seat} is connected to {other:?}, who does not serve");
            let id = world.id(seat);
            let known = if peer.is_super_peer() { end.links().any(|link| link == id) } else { end.leaves().any(|leaf| leaf == id) };
            assert!(known, "{other:?} does not know {id:?}");
        }
    }
    assert!(without <= at_most_without, "{without} peers have no super-peer");
}

#[test]
fn a_converged_network_is_one_of_clusters() {
    for config in [config(), gnutella()] {
        let world = converged(&config, Options::default());
        check_graph(&world, 0);
        let servants = servants(&world);
        let places = servants.len() * usize::from(config.leaves);
        let taken: usize = servants.iter().map(|&seat| world.peer(seat).unwrap().leaves().count()).sum();
        assert_eq!(taken, (PEERS as usize - servants.len()) * usize::from(config.super_peers));
        assert!((0.6..0.9).contains(&(taken as f64 / places as f64)), "{taken} of {places} places are taken");
    }
}

#[test]
fn the_strong_serve_and_the_weak_do_not() {
    let options = Options { capacity: Box::new(|seat| (seat >= 20).then_some(10.0)), ..Options::default() };
    let world = converged(&SuperPeerConfig { min_capacity: 100.0, ..config() }, options);
    // Those without a limit are the strongest.
    assert!(servants(&world).iter().all(|&seat| seat < 20));
}

/// Goal: who is connected to anybody is found by name, and who has gone is not for longer than it takes to notice.
#[test]
fn a_peer_is_found_by_name_through_its_super_peer() {
    let twins = SuperPeerConfig { redundancy: 2, ..config() };
    for config in [config(), gnutella(), twins] {
        let mut world = converged(&config, Options::default());
        let wait = config.query_timeout.span().secs_f64() as u64 + 5;
        for (origin, named) in [(0, 59), (17, 3), (42, 42), (8, 31), (59, 0), (25, 26)] {
            let target = Target::Peer(world.id(named));
            assert_eq!(ask(&mut world, origin, target, wait), [named], "{origin} asks for {named}");
        }
        let gone = (0..PEERS).find(|&seat| is_leaf(&world, seat)).expect("most are leaves");
        let target = Target::Peer(world.id(gone));
        world.crash(gone);
        let other = (gone + 1) % PEERS;
        assert_eq!(ask(&mut world, other, target, 5), [gone], "nobody has noticed yet");
        world.run_for(config.ping_interval.span().times(u64::from(config.missed_pings) + 3));
        assert_eq!(ask(&mut world, other, target, wait), [0; 0]);
    }
}

/// Every peer that has the item is found from anywhere, and nobody else is named.
#[test]
fn a_flood_among_super_peers_finds_every_holder() {
    let mut world = converged(&SuperPeerConfig { ttl: 9, ..config() }, Options::default());
    for origin in [1, 2, 31, 58] {
        let expected: Vec<u32> = (0..PEERS).filter(|seat| seat % 3 == 0 && *seat != origin).collect();
        assert_eq!(ask(&mut world, origin, item(99), 40), expected);
        let one = (origin + 7) % PEERS;
        assert_eq!(ask(&mut world, origin, item(one), 40), [one]);
    }
    assert_eq!(ask(&mut world, 4, item(150), 40), [] as [u32; 0]);
}

/// The oracle for routing tables: who is asked without them, and who has it.
#[test]
fn routing_tables_spare_leaves_and_lose_nothing() {
    let run = |query_routing| {
        let mut world = converged(&SuperPeerConfig { query_routing, ttl: 9, ..config() }, Options::default());
        let origin = (0..PEERS).find(|&seat| is_leaf(&world, seat)).unwrap();
        let target = (origin + 11) % PEERS;
        let (before, servants) = (world.sent("query"), servants(&world).len() as u64);
        let found = ask(&mut world, origin, item(target), 40);
        assert_eq!(found, [target]);
        (world.sent("query") - before, servants, world.sent("table"))
    };
    let ((with, servants, _), (without, _, tables)) = (run(true), run(false));
    // Without tables every leaf but the origin gets it, beside what the super-peers say to each other.
    assert_eq!(without - with, u64::from(PEERS) - servants - 1 - 1, "{with} queries with tables, {without} without");
    assert_eq!(tables, 0);
}

#[test]
fn a_dynamic_query_ends_with_enough_and_goes_on_without() {
    let mut world = converged(&gnutella(), Options::default());
    let origin = (0..PEERS).find(|&seat| is_leaf(&world, seat) && seat % 3 != 0).unwrap();
    let popular = world.lookup(origin, item(99));
    world.run_for(seconds(300));
    let rare = world.lookup(origin, item((origin + 7) % PEERS));
    world.run_for(seconds(300));
    let (popular, rare) = (world.record(popular), world.record(rare));
    assert!(popular.hits.len() >= 3 && popular.hits.len() < 20, "{} hits", popular.hits.len());
    assert!(!rare.hits.is_empty() && rare.finished.is_some());
    assert!(rare.finished.unwrap().since(rare.asked) > popular.finished.unwrap().since(popular.asked));
}

#[test]
fn keywords_are_found_by_their_tables() {
    let names: Vec<Vec<Word>> = (0..200_u16).map(|item| vec![Word(item % 10), Word(10 + item % 7)]).collect();
    let mut world = world_with(&SuperPeerConfig { ttl: 9, ..config() }, Options { words: names.clone(), ..Options::default() });
    (0..PEERS).for_each(|seat| world.give(seat, &[seat, seat + 100]));
    world.start_converged(0..PEERS);
    for (words, least) in [(&[Word(3), Word(12)][..], 1), (&[Word(3)][..], 12), (&[Word(15)][..], 10)] {
        let keywords = Keywords::new(words);
        let id = world.lookup(0, Target::Keywords(keywords));
        world.run_for(seconds(40));
        let found: BTreeSet<ItemId> = world.record(id).hits.iter().filter_map(|answer| answer.item).collect();
        let all = (1..PEERS).flat_map(|seat| [seat, seat + 100]).map(ItemId);
        let expected: BTreeSet<ItemId> = all.filter(|item| keywords.are_in(&names[item.0 as usize])).collect();
        assert!(expected.len() >= least);
        assert_eq!(found, expected);
    }
}

#[test]
fn leaves_of_a_dead_super_peer_find_another_one() {
    for config in [config(), gnutella()] {
        let mut world = converged(&config, Options::default());
        let (first, second) = (servants(&world)[0], servants(&world)[1]);
        let orphan = world.setting.numbering.seat(world.peer(first).unwrap().leaves().next().unwrap());
        world.crash(first);
        world.leave(second);
        world.run_for(seconds(200));
        check_graph(&world, 0);
        assert!(world.peer(orphan).unwrap().links().count() >= 1);
        let target = if orphan == 40 { 41 } else { 40 };
        if world.peer(target).is_some() {
            assert_eq!(ask(&mut world, orphan, item(target), 250), [target]);
        }
    }
}

#[test]
fn a_question_is_asked_elsewhere_when_its_super_peer_dies() {
    let config = SuperPeerConfig { super_peers: 3, ttl: 9, ..config() };
    let mut world = converged(&config, Options::default());
    let leaf = (0..PEERS).find(|&seat| is_leaf(&world, seat)).unwrap();
    let numbering = world.setting.numbering;
    // All but the last of its super-peers are dead, which it does not know.
    let own: Vec<u32> = world.peer(leaf).unwrap().links().map(|peer| numbering.seat(peer)).collect();
    world.crash(own[0]);
    world.crash(own[1]);
    let target = (0..PEERS).find(|seat| {
        !own.contains(seat) && *seat != leaf && is_leaf(&world, *seat) && {
            let links: Vec<u32> = world.peer(*seat).unwrap().links().map(|peer| numbering.seat(peer)).collect();
            links.iter().any(|link| !own[..2].contains(link))
        }
    });
    let target = target.unwrap();
    assert_eq!(ask(&mut world, leaf, item(target), 60), [target]);
}

#[test]
fn a_network_grows_from_nothing_and_elects_as_many_as_it_needs() {
    let config = config();
    let mut world = world_with(&config, Options::default());
    world.start_empty();
    for seat in 0..PEERS {
        world.give(seat, &[seat]);
        world.join(seat);
        world.run_for(seconds(2));
    }
    world.run_for(seconds(900));
    check_graph(&world, 0);
    assert!((0..PEERS).all(|seat| world.joined(seat)));
    let count = servants(&world).len();
    assert!((PEERS as usize / 7..=PEERS as usize / 2).contains(&count), "{count} super-peers for {PEERS} peers");
    let mut found = 0;
    for origin in 0..20 {
        found += ask(&mut world, origin, item((origin + 17) % PEERS), 40).len();
    }
    assert!(found >= 18, "{found} of 20 were found");
}

#[test]
fn the_weak_serve_only_if_nobody_else_does() {
    let config = SuperPeerConfig { min_capacity: 100.0, ..config() };
    // Seat 5 alone is strong.
    let capacity = |seat| if seat == 5 { None } else { Some(1.0) };
    let mut world = world_with(&config, Options { capacity: Box::new(capacity), ..Options::default() });
    world.start_empty();
    (5..11).for_each(|seat| world.join(seat));
    world.run_for(seconds(300));
    assert_eq!(servants(&world), [5], "six peers fit into one cluster");
    world.crash(5);
    world.run_for(seconds(300));
    assert!(!servants(&world).is_empty(), "without a strong one, a weak one serves");
    check_graph(&world, 1);
}

#[test]
fn an_idle_super_peer_becomes_a_leaf_again() {
    let config = config();
    let mut world = converged(&config, Options::default());
    let before = servants(&world).len();
    let leaves: Vec<u32> = (0..PEERS).filter(|&seat| is_leaf(&world, seat)).collect();
    leaves.iter().skip(4).for_each(|&seat| world.leave(seat));
    world.run_for(seconds(900));
    let after = servants(&world).len();
    assert!(after < before, "{before} super-peers before, {after} for {} peers", world.online().len());
    check_graph(&world, 1);
}

#[test]
fn mass_failure_is_survived() {
    let mut world = converged(&gnutella(), Options::default());
    let strong = servants(&world);
    strong.iter().skip(1).for_each(|&seat| world.crash(seat));
    world.run_for(seconds(600));
    check_graph(&world, 0);
    assert!(servants(&world).len() > 1, "others serve now");
}

#[test]
fn a_table_costs_two_bytes_a_changed_slot_and_a_handshake_its_text() {
    use peerlab_model::{Message, Wire};
    let table = |changed| SuperMessage::Table { slots: std::sync::Arc::from(vec![0_u16; 40]), changed };
    assert_eq!(table(40).wire_bytes(Wire::Udp), 28 + 23 + 5 + 80);
    assert_eq!(table(60_000).wire_bytes(Wire::Udp), 28 + 23 + 5 + 8192);
    let mut world = SuperWorld::new(&config(), Options { population: 2, ..Options::default() });
    world.start_empty();
    world.join(0);
    world.join(1);
    world.run_for(seconds(5));
    assert!(world.sent("connect") >= 1 && world.bytes("connect") == world.sent("connect") * 148);
}

#[test]
fn what_cannot_work_is_said() {
    let paths = |config: SuperPeerConfig| {
        let mut issues = Issues::new();
        config.check(PEERS, &mut issues);
        issues.list().iter().map(|issue| issue.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(paths(SuperPeerConfig::default()), [] as [&str; 0]);
    assert_eq!(paths(gnutella()), [] as [&str; 0]);
    assert_eq!(gnutella().search, Search::Dynamic);
    assert_eq!(paths(SuperPeerConfig { super_peers: 16, degree: 60, ..config() }), ["degree"], "a warning");
    let among_few = |config: SuperPeerConfig| {
        let mut issues = Issues::new();
        config.check(4, &mut issues);
        assert!(issues.list().iter().all(|issue| issue.warning));
        issues.list().iter().map(|issue| issue.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        among_few(SuperPeerConfig { super_peers: 4, degree: 4, ..config() }),
        ["super_peers", "degree"],
        "more super-peers than peers"
    );
    assert_eq!(paths(SuperPeerConfig { leaves: 0, table_bits: 17, ..config() }), ["leaves", "table_bits"]);
    assert_eq!(paths(SuperPeerConfig { idle: 0.95, ..config() }), ["idle"]);
    assert_eq!(
        paths(SuperPeerConfig { min_capacity: -1.0, ping_interval: Duration::secs(0), ..config() }),
        ["ping_interval", "min_capacity"]
    );
}
