//! Search by keyword, against brute force: what the disks hold and what the names say.

use std::collections::BTreeSet;

use peerlab_model::units::Duration;
use peerlab_model::{ItemId, Keywords, Overlay, OverlayConfig, Rng, Span, Target, Word};
use peerlab_overlay::graph::GraphConfig;
use peerlab_overlay::hybrid::central_index::{CentralIndex, CentralIndexConfig};
use peerlab_overlay::structured::chord::{Chord, ChordConfig, Routing};
use peerlab_overlay::structured::kademlia::{Kademlia, KademliaConfig, Preset};
use peerlab_overlay::structured::koorde::{Koorde, KoordeConfig};
use peerlab_overlay::unstructured::flooding::{
    ExpandingRing, ExpandingRingConfig, Flooding, FloodingConfig, HitPath, RandomWalk, RandomWalkConfig,
};

use crate::harness::{Answer, Options, Record, World};

const PEERS: u32 = 40;
const ITEMS: u32 = 60;
const COPIES: u32 = 2;

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

/// Three different words out of ten for each item, in ascending order.
fn names(rng: &mut Rng) -> Vec<Vec<Word>> {
    let mut all: Vec<u16> = (0..10).collect();
    let name = |_| {
        rng.shuffle(&mut all);
        let mut words: Vec<Word> = all[..3].iter().map(|&word| Word(word)).collect();
        words.sort_unstable();
        words
    };
    (0..ITEMS).map(name).collect()
}

/// A world of `members` whose disks hold two copies of each item, at a converged start.
fn world<O: Overlay>(config: &O::Config, seed: u64, members: u32) -> World<O> {
    let mut rng = peerlab_engine::random::Streams::new(seed).rng("names", 0);
    let options = Options { population: PEERS, items: ITEMS, words: names(&mut rng), seed, ..Options::default() };
    let mut world = World::<O>::new(config, options);
    for item in 0..ITEMS {
        for copy in 0..COPIES {
            world.give((item * 7 + copy * 11) % members, &[item]);
        }
    }
    world.start_converged(0..members);
    world
}

/// What has these words, is on the disk of somebody who is online, and not only on that of the origin.
fn expected<O: Overlay>(world: &World<O>, origin: u32, keywords: Keywords) -> BTreeSet<ItemId> {
    let others = world.online().into_iter().filter(|&seat| seat != origin && seat < PEERS);
    others.flat_map(|seat| world.disk(seat).to_vec()).filter(|item| keywords.are_in(&world.words[item.0 as usize])).collect()
}

/// The items that were named, each with a holder that has it.
fn found<O: Overlay>(world: &World<O>, record: &Record, keywords: Keywords) -> BTreeSet<ItemId> {
    let right = |answer: &&Answer| {
        let item = answer.item.expect("an answer to a question by keyword names an item");
        assert!(keywords.are_in(&world.words[item.0 as usize]), "{item:?} does not match");
        let seat = world.setting.numbering.seat(answer.hit.peer);
        world.peer(seat).is_some() && world.disk(seat).contains(&item)
    };
    record.hits.iter().filter(right).filter_map(|answer| answer.item).collect()
}

fn some_questions(rng: &mut Rng) -> Vec<Keywords> {
    let mut draw = || Word(rng.below(10) as u16);
    (0..20).map(|at| if at % 3 == 0 { Keywords::new(&[draw()]) } else { Keywords::new(&[draw(), draw()]) }).collect()
}

/// Asks each question at a seat of its own; gives back recall as (found, expected) summed over all.
fn recall<O: Overlay>(world: &mut World<O>, members: u32) -> (usize, usize) {
    let mut sums = (0, 0);
    let mut rng = world.test_rng();
    for (keywords, origin) in some_questions(&mut rng).into_iter().zip((0..members).cycle()) {
        if world.peer(origin).is_none() {
            continue;
        }
        let expected = expected(world, origin, keywords);
        let id = world.lookup(origin, Target::Keywords(keywords));
        world.run_for(seconds(40));
        let record = world.record(id);
        assert!(record.finished.is_some(), "{keywords:?} has no end");
        let found = found(world, record, keywords);
        // What only the origin has may be named by an index, but is nothing that it lacks.
        sums = (sums.0 + found.intersection(&expected).count(), sums.1 + expected.len());
    }
    assert!(sums.1 > 50, "{} expected in all: the test asks for nothing", sums.1);
    sums
}

fn graph() -> GraphConfig {
    GraphConfig::RandomRegular { degree: 4 }
}

#[test]
fn a_flood_that_reaches_all_finds_all_that_matches() {
    for hits in [HitPath::ReversePath, HitPath::Direct] {
        let config = FloodingConfig { graph: graph(), hits, ttl: 9, ..FloodingConfig::default() };
        let (found, expected) = recall(&mut world::<Flooding>(&config, 1, PEERS), PEERS);
        assert_eq!(found, expected, "{hits:?}");
    }
}

#[test]
fn a_flood_of_one_link_finds_what_the_neighbours_have() {
    let config = FloodingConfig { graph: graph(), ttl: 1, ..FloodingConfig::default() };
    let mut world = world::<Flooding>(&config, 2, PEERS);
    let keywords = Keywords::new(&[Word(3)]);
    let neighbours: Vec<u32> = world.peer(5).unwrap().neighbours().iter().map(|&peer| world.setting.numbering.seat(peer)).collect();
    let near: BTreeSet<ItemId> = neighbours.iter().flat_map(|&seat| world.disk(seat).to_vec()).collect();
    let expected: BTreeSet<ItemId> = near.into_iter().filter(|item| keywords.are_in(&world.words[item.0 as usize])).collect();
    assert!(!expected.is_empty());
    let id = world.lookup(5, Target::Keywords(keywords));
    world.run_for(seconds(40));
    assert_eq!(found(&world, world.record(id), keywords), expected);
    assert_eq!(world.record(id).sent["query"], 4);
}

#[test]
fn an_expanding_ring_stops_when_enough_different_items_are_found() {
    let config = |wanted_hits| ExpandingRingConfig { graph: graph(), wanted_hits, ..ExpandingRingConfig::default() };
    let ask = |wanted| {
        let mut world = world::<ExpandingRing>(&config(wanted), 3, PEERS);
        let keywords = Keywords::new(&[Word(3)]);
        let all = expected(&world, 5, keywords).len();
        let id = world.lookup(5, Target::Keywords(keywords));
        world.run_for(seconds(100));
        (found(&world, world.record(id), keywords).len(), all, world.record(id).messages())
    };
    let ((few, _, cheap), (many, all, dear)) = (ask(3), ask(1000));
    assert!(few >= 3 && few < all && cheap < dear, "{few} of {all} for {cheap} messages, {many} for {dear}");
    assert_eq!(many, all);
}

#[test]
fn walkers_collect_until_there_is_enough() {
    let config = |wanted_hits| RandomWalkConfig { graph: graph(), wanted_hits, walkers: 4, ttl: 200, ..RandomWalkConfig::default() };
    let ask = |wanted| {
        let mut world = world::<RandomWalk>(&config(wanted), 4, PEERS);
        let keywords = Keywords::new(&[Word(3)]);
        let id = world.lookup(5, Target::Keywords(keywords));
        world.run_for(seconds(100));
        (found(&world, world.record(id), keywords).len(), expected(&world, 5, keywords).len(), world.record(id).sent["walk"])
    };
    let ((few, _, short), (many, all, long)) = (ask(2), ask(1000));
    assert!(few >= 2 && few < all && short < long, "{few} of {all} in {short} steps");
    assert_eq!(many, all, "800 steps among 40 peers pass by everybody");
}

#[test]
fn the_central_index_names_all_that_matches() {
    let (found, expected) =
        recall(&mut world::<CentralIndex>(&CentralIndexConfig { matches: 1000, ..Default::default() }, 5, PEERS), PEERS);
    assert_eq!(found, expected);
}

#[test]
fn the_central_index_names_no_more_than_it_may() {
    let mut world = world::<CentralIndex>(&CentralIndexConfig { matches: 5, ..Default::default() }, 5, PEERS);
    let keywords = Keywords::new(&[Word(3)]);
    let id = world.lookup(1, Target::Keywords(keywords));
    world.run_for(seconds(10));
    // Different items come before several holders of one.
    assert_eq!((world.record(id).hits.len(), found(&world, world.record(id), keywords).len()), (5, 5));
}

#[test]
fn the_central_index_learns_of_names_by_registrations() {
    let mut rng = peerlab_engine::random::Streams::new(9).rng("names", 0);
    let options = Options { population: PEERS, items: ITEMS, words: names(&mut rng), ..Options::default() };
    let mut world = World::<CentralIndex>::new(&CentralIndexConfig::default(), options);
    world.start_empty();
    world.give(1, &[7]);
    (0..3).for_each(|seat| world.join(seat));
    world.run_for(seconds(5));
    let keywords = Keywords::new(&world.words[7].clone());
    let id = world.lookup(2, Target::Keywords(keywords));
    world.run_for(seconds(5));
    assert_eq!(found(&world, world.record(id), keywords), BTreeSet::from([ItemId(7)]));
    world.withdraw(1, &[7]);
    world.run_for(seconds(5));
    let id = world.lookup(2, Target::Keywords(keywords));
    world.run_for(seconds(5));
    assert!(world.record(id).hits.is_empty() && world.record(id).finished.is_some());
}

#[test]
fn a_ring_s_inverted_index_names_all_that_matches() {
    for routing in [Routing::Iterative, Routing::SemiRecursive, Routing::Recursive] {
        let config = ChordConfig { successors: 6, routing, ..ChordConfig::default() };
        let (found, expected) = recall(&mut world::<Chord>(&config, 6, PEERS), PEERS);
        assert_eq!(found, expected, "{routing:?}");
    }
    let (found, expected) = recall(&mut world::<Koorde>(&KoordeConfig::default(), 6, PEERS), PEERS);
    assert_eq!(found, expected);
}

/// Joins, departures and crashes, and a while for holders to register again: then everything is found.
fn assert_outlives_its_keepers<O: Overlay>(config: &O::Config) {
    let mut world = world::<O>(config, 7, 30);
    (30..PEERS).for_each(|seat| world.join(seat));
    world.run_for(seconds(120));
    for seat in [3, 12, 21] {
        world.crash(seat);
    }
    for seat in [5, 14] {
        world.leave(seat);
    }
    world.run_for(seconds(900));
    let (found, expected) = recall(&mut world, PEERS);
    assert_eq!(found, expected);
    world.check();
}

/// Postings move with the ring, and replicas take over from the dead; or newcomers are handed them, and the other keepers remember.
#[test]
fn an_inverted_index_outlives_its_keepers() {
    assert_outlives_its_keepers::<Chord>(&ChordConfig { successors: 6, ..ChordConfig::default() });
    assert_outlives_its_keepers::<Kademlia>(&kademlia());
}

#[test]
fn the_owner_of_a_word_dies_and_a_replica_answers() {
    let config = ChordConfig { successors: 6, ..ChordConfig::default() };
    let mut world = world::<Chord>(&config, 8, PEERS);
    let keywords = Keywords::new(&[Word(3), Word(4)]);
    let owner = world.model_owner(world.setting.numbering.word_key(keywords.rarest())).unwrap();
    let owner = world.setting.numbering.seat(owner);
    world.crash(owner);
    let origin = (owner + 1) % PEERS;
    let expected = expected(&world, origin, keywords);
    let id = world.lookup(origin, Target::Keywords(keywords));
    world.run_for(seconds(40));
    assert_eq!(found(&world, world.record(id), keywords), expected);
    assert!(world.record(id).timeouts > 0);
}

/// An item of three words is three records at the owners of the words, whoever registered it and however it came there.
#[test]
fn an_item_has_a_posting_under_each_word_of_its_name() {
    let mut rng = peerlab_engine::random::Streams::new(9).rng("names", 0);
    let options = Options { population: 8, items: ITEMS, words: names(&mut rng), ..Options::default() };
    let mut world = World::<Chord>::new(&ChordConfig { replicas: 1, ..ChordConfig::default() }, options);
    world.start_converged(0..8);
    world.publish(2, &[7]);
    world.run_for(seconds(20));
    let numbering = world.setting.numbering;
    for &word in &world.words[7] {
        let owner = numbering.seat(world.model_owner(numbering.posting_key(word, ItemId(7))).unwrap());
        let kept = world.kept(owner);
        assert!(kept.iter().any(|record| record.key == numbering.posting_key(word, ItemId(7)) && record.key.posted_item() == ItemId(7)));
    }
    let all: usize = (0..8).map(|seat| world.kept(seat).len()).sum();
    assert_eq!(all, 3);
    // A key, the item's identifier, and its name.
    assert_eq!(world.bytes("store"), world.sent("store") * (28 + 5 + 20 + 20 + 20));
}

/// Buckets of four, so that a word's keepers are a tenth of all.
fn kademlia() -> KademliaConfig {
    KademliaConfig { k: 4, republish_interval: Duration::secs(300), record_expiry: Duration::secs(600), ..KademliaConfig::default() }
}

#[test]
fn kademlia_s_inverted_index_names_all_that_matches() {
    let (_, mainline) = KademliaConfig::presets().into_iter().find(|(name, _)| *name == "mainline").expect("a preset");
    assert_eq!(mainline.preset, Some(Preset::Mainline));
    for config in [kademlia(), KademliaConfig { disjoint_paths: 2, ..kademlia() }, KademliaConfig { k: 4, ..mainline }] {
        let mut world = world::<Kademlia>(&config, 6, PEERS);
        let (found, expected) = recall(&mut world, PEERS);
        assert_eq!(found, expected, "{config:?}");
        assert!(world.sent("find-postings") > 0 && world.sent("find-value") == 0);
    }
}

#[test]
fn the_nearest_keeper_of_a_word_dies_and_another_one_answers() {
    let mut world = world::<Kademlia>(&kademlia(), 8, PEERS);
    let keywords = Keywords::new(&[Word(3), Word(4)]);
    let nearest = world.model_owner(world.setting.numbering.word_key(keywords.rarest())).unwrap();
    let nearest = world.setting.numbering.seat(nearest);
    world.crash(nearest);
    let origins = (0..PEERS).filter(|&seat| seat != nearest).collect::<Vec<_>>();
    for origin in origins {
        let expected = expected(&world, origin, keywords);
        let id = world.lookup(origin, Target::Keywords(keywords));
        world.run_for(seconds(40));
        assert!(found(&world, world.record(id), keywords).is_superset(&expected), "{origin}");
    }
}

/// An item of three words is three records, each at the four peers nearest to the word; what is withdrawn is gone, what is not registered again expires.
#[test]
fn kademlia_keeps_a_posting_under_each_word_of_a_name_at_the_nearest() {
    let mut rng = peerlab_engine::random::Streams::new(9).rng("names", 0);
    let options = Options { population: 20, items: ITEMS, words: names(&mut rng), ..Options::default() };
    let mut world = World::<Kademlia>::new(&kademlia(), options);
    world.start_converged(0..20);
    world.publish(2, &[7]);
    world.run_for(seconds(20));
    let numbering = world.setting.numbering;
    for &word in &world.words[7] {
        let key = numbering.posting_key(word, ItemId(7));
        let mut by_distance: Vec<u32> = (0..20).collect();
        by_distance.sort_unstable_by_key(|&seat| numbering.key(world.id(seat)).0 ^ key.0);
        let keeps = |seat: &u32| world.kept(*seat).iter().any(|record| record.key == key && record.holder == world.id(2));
        assert!(by_distance[..4].iter().all(keeps) && !by_distance[4..].iter().any(keeps), "{word:?}");
    }
    // A key, the item's identifier, and its name.
    assert!(world.sent("store") > 6 && world.bytes("store") == world.sent("store") * (28 + 5 + 20 + 20 + 20));
    world.withdraw(2, &[7]);
    world.run_for(seconds(20));
    assert_eq!((0..20).map(|seat| world.kept(seat).len()).sum::<usize>(), 0);
    world.publish(5, &[9]);
    world.run_for(seconds(20));
    world.crash(5);
    let keywords = Keywords::new(&world.words[9].clone());
    let ask = |world: &mut World<Kademlia>| {
        let id = world.lookup(8, Target::Keywords(keywords));
        world.run_for(seconds(40));
        assert!(world.record(id).finished.is_some());
        world.record(id).hits.len()
    };
    assert_eq!(ask(&mut world), 1, "the record of who has crashed is believed");
    world.run_for(seconds(600));
    assert_eq!(ask(&mut world), 0, "and forgotten");
}
