//! Copies of what has been found: who gets one, and what gives way.

use peerlab_engine::random::Streams;
use peerlab_model::units::{Duration, Size};
use peerlab_model::{Issues, ItemId, Overlay, OverlayConfig, Span, Target};
use peerlab_overlay::graph::GraphConfig;
use peerlab_overlay::unstructured::flooding::{Evict, Flooding, FloodingConfig, RandomWalk, RandomWalkConfig, ReplicationConfig, Strategy};

use crate::flooding::line;
use crate::harness::{Options, World};

/// Long enough for a search and for all copies.
const PATIENCE: Span = Span::from_secs(100);

fn replication(strategy: Strategy, disk: u16, evict: Evict) -> ReplicationConfig {
    ReplicationConfig { strategy, disk, evict, copy_size: Size(1000) }
}

/// One walker among peers in a row, of whom peer k holds item k.
fn row(name: &str, check_every: u16, replication: ReplicationConfig) -> World<RandomWalk> {
    let config =
        RandomWalkConfig { graph: line(name, 20), walkers: 1, check_every, replication: Some(replication), ..RandomWalkConfig::default() };
    let mut world = World::new(&config, Options { population: 20, items: 20, ..Options::default() });
    (0..20).for_each(|seat| world.give(seat, &[seat]));
    world.start_converged(0..20);
    world
}

fn ask<O: Overlay>(world: &mut World<O>, seat: u32, item: u32) {
    world.lookup(seat, Target::Item(ItemId(item)));
    world.run_for(PATIENCE);
}

/// The seats that have an item.
fn holders<O: Overlay>(world: &World<O>, population: u32, item: u32) -> Vec<u32> {
    (0..population).filter(|&seat| world.disk(seat).contains(&ItemId(item))).collect()
}

#[test]
fn owner_replication_leaves_a_copy_at_the_peer_that_asked() {
    let mut world = row("copies-owner", 0, replication(Strategy::Owner, 3, Evict::Fifo));
    ask(&mut world, 0, 5);
    assert_eq!(holders(&world, 20, 5), [0, 5]);
    assert_eq!((world.sent("fetch"), world.sent("copy"), world.sent("offer")), (1, 1, 0));
}

#[test]
fn path_replication_leaves_copies_all_the_way_back() {
    let mut world = row("copies-path", 0, replication(Strategy::Path, 3, Evict::Fifo));
    ask(&mut world, 0, 5);
    assert_eq!(holders(&world, 20, 5), [0, 1, 2, 3, 4, 5]);
    assert_eq!((world.sent("fetch"), world.sent("copy")), (1, 5), "from peer to peer");
    // The copy of peer 4 answers the next one, and so on.
    ask(&mut world, 0, 7);
    assert_eq!(holders(&world, 20, 7), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn random_replication_makes_as_many_copies_as_the_path_has_links() {
    let mut world = row("copies-random", 1, replication(Strategy::Random, 3, Evict::Fifo));
    ask(&mut world, 0, 5);
    // All four peers in between have checked back, and four more copies are due: here, random is path.
    assert_eq!(holders(&world, 20, 5), [0, 1, 2, 3, 4, 5]);
    assert_eq!((world.sent("offer"), world.sent("fetch"), world.sent("copy")), (4, 5, 5));
}

#[test]
fn full_disk_gives_up_the_oldest_copy_or_a_random_one_but_never_an_original() {
    let mut world = row("copies-fifo", 0, replication(Strategy::Owner, 2, Evict::Fifo));
    for item in [5, 3, 8, 2] {
        ask(&mut world, 0, item);
    }
    assert_eq!(world.disk(0), [0, 2, 8].map(ItemId), "its own item, and the two newest copies");
    let mut world = row("copies-evict", 0, replication(Strategy::Owner, 2, Evict::Random));
    for item in [5, 3, 8, 2, 9, 6] {
        ask(&mut world, 0, item);
        assert!(world.disk(0).contains(&ItemId(item)) && world.disk(0).contains(&ItemId(0)) && world.disk(0).len() <= 3);
    }
}

#[test]
fn floods_leave_a_copy_at_the_peer_that_asked() {
    let config = FloodingConfig {
        graph: line("copies-flood", 20),
        replication: Some(replication(Strategy::Owner, 3, Evict::Fifo)),
        ..FloodingConfig::default()
    };
    let mut world: World<Flooding> = World::new(&config, Options { population: 20, items: 20, ..Options::default() });
    (0..20).for_each(|seat| world.give(seat, &[seat]));
    world.start_converged(0..20);
    ask(&mut world, 0, 5);
    assert_eq!(holders(&world, 20, 5), [0, 5]);
}

/// Goal: a disk holds what was there at the start and so many copies, whatever happens. Method: random questions, leaves, crashes and returns;
/// every peer's own list of its copies against what is on its disk.
#[test]
fn disks_never_hold_more_than_they_may() {
    for (seed, strategy) in (1..).zip([Strategy::Owner, Strategy::Path, Strategy::Random]) {
        for evict in [Evict::Random, Evict::Fifo] {
            let graph = GraphConfig::RandomRegular { degree: 4 };
            let config = RandomWalkConfig {
                graph,
                check_every: 2,
                replication: Some(replication(strategy, 3, evict)),
                ..RandomWalkConfig::default()
            };
            let mut world: World<RandomWalk> =
                World::new(&config, Options { population: 30, items: 30, seed, loss: 0.02, ..Options::default() });
            (0..30).for_each(|seat| world.give(seat, &[seat]));
            world.start_converged(0..30);
            let mut rng = Streams::new(seed).rng("test", 0);
            let mut copies = 0;
            for _ in 0..400 {
                let (seat, item) = (rng.below(30) as u32, rng.below(30) as u32);
                match (world.peer(seat).is_some(), rng.below(10)) {
                    (true, 0) => world.crash(seat),
                    (true, 1) => world.leave(seat),
                    (true, _) if world.joined(seat) && !world.disk(seat).contains(&ItemId(item)) => {
                        world.lookup(seat, Target::Item(ItemId(item)));
                    }
                    (true, _) => {}
                    (false, _) => world.join(seat),
                }
                world.run_for(Span::from_millis(500));
                copies = 0;
                for seat in 0..30 {
                    let disk = world.disk(seat);
                    assert!(disk.contains(&ItemId(seat)), "{strategy:?}: an original is gone");
                    assert!(disk.len() <= 1 + 3, "{strategy:?}: {disk:?}");
                    copies += disk.len() - 1;
                    let Some(peer) = world.peer(seat) else { continue };
                    world.model.check(peer).expect("no invariant is broken");
                    let mut known = [peer.copies(), &[ItemId(seat)]].concat();
                    known.sort_unstable();
                    assert_eq!(disk, known, "{strategy:?}: seat {seat} and its disk disagree");
                }
            }
            assert!(copies > 40, "{strategy:?}: hardly anything was copied: {copies}");
        }
    }
}

#[test]
fn impossible_replication_is_noted() {
    let noted = |config: &dyn Fn(&mut Issues)| {
        let mut issues = Issues::new();
        config(&mut issues);
        issues.list().iter().map(|issue| issue.path.clone()).collect::<Vec<_>>()
    };
    let path = FloodingConfig { replication: Some(replication(Strategy::Path, 3, Evict::Fifo)), ..FloodingConfig::default() };
    assert_eq!(noted(&|issues| path.check(100, issues)), ["replication.strategy"]);
    let unchecked = RandomWalkConfig {
        check_every: 0,
        replication: Some(replication(Strategy::Random, 0, Evict::Fifo)),
        ..RandomWalkConfig::default()
    };
    assert_eq!(noted(&|issues| unchecked.check(100, issues)), ["replication.disk", "check_every"]);
    let forgetful = RandomWalkConfig {
        remember: Duration::secs(1),
        replication: Some(replication(Strategy::Path, 3, Evict::Fifo)),
        ..RandomWalkConfig::default()
    };
    assert_eq!(noted(&|issues| forgetful.check(100, issues)), ["remember"], "a warning");
}
