//! Coming and going: repair, goodbyes, losing everybody, and every order of small histories.

use peerlab_model::{Target, Time};

use super::*;
use crate::histories::histories;

fn crashes_are_repaired<V: Kind>() {
    let mut world = world::<V>(&V::config(16), 60, 5);
    world.start_converged(0..60);
    for seat in [3, 14, 15, 30, 31, 32] {
        world.crash(seat);
    }
    world.run_for(MINUTE.times(5));
    assert_eq!(leaf_sets_are_exact(&world, 8), Ok(()));
    let dead: usize =
        world.online().iter().map(|&seat| world.contacts(seat).iter().filter(|c| [3, 14, 15, 30, 31, 32].contains(&c.0)).count()).sum();
    println!("{}: {dead} stale contacts left", V::NAME);
}

#[test]
fn a_crash_is_repaired() {
    crashes_are_repaired::<Classic>();
    crashes_are_repaired::<Periodic>();
}

#[test]
fn a_polite_leave_is_known_at_once() {
    let mut world = world::<Classic>(&Classic::config(8), 40, 5);
    world.start_converged(0..40);
    world.leave(17);
    world.run_for(Span::from_millis(200));
    assert_eq!(leaf_sets_are_exact(&world, 4), Ok(()));
}

/// A newcomer counts as joined when its leaf set knows it: from then on it gets the questions for its keys.
#[test]
fn who_has_joined_is_found() {
    let mut world = world::<Classic>(&Classic::config(16), 200, 6);
    world.start_converged(0..199);
    world.join(199);
    while !world.joined(199) {
        world.run_for(Span::from_millis(10));
        assert!(world.now() < Time::from_secs(5), "a handful of round trips is enough");
    }
    let id = world.id(199);
    let key = world.setting.numbering.key(id);
    let questions = [0, 50, 100].map(|seat| world.lookup(seat, Target::Key(key)));
    world.run_for(Span::from_secs(5));
    assert!(questions.iter().all(|&question| world.record(question).peers() == [id]));
}

/// Goal: a peer whose leaf set has died on one side, or altogether, finds the ring again. Method: all of them crash at once.
#[test]
fn a_peer_that_lost_its_leaf_set_finds_the_ring_again() {
    loses_leaf_set::<Classic>();
    loses_leaf_set::<Periodic>();
}

fn loses_leaf_set<V: Kind>() {
    for both in [false, true] {
        let mut world = world::<V>(&V::config(8), 60, 7);
        world.start_converged(0..60);
        let peer = world.peer(0).expect("online");
        let (after, before) = peer.leaf_set();
        let lost: Vec<PeerId> = after.iter().chain(if both { before } else { &[] }).copied().collect();
        for peer in lost {
            let seat = world.setting.numbering.seat(peer);
            world.crash(seat);
        }
        world.run_for(MINUTE.times(10));
        assert_eq!(leaf_sets_are_exact(&world, 4), Ok(()), "{}, both sides: {both}", V::NAME);
    }
}

#[test]
fn a_peer_that_crashed_comes_back_under_its_old_id() {
    comes_back::<Classic>();
    comes_back::<Periodic>();
}

fn comes_back<V: Kind>() {
    let mut world = world::<V>(&V::config(8), 20, 7);
    world.start_converged(0..20);
    world.crash(4);
    // Before anybody has noticed.
    world.run_for(Span::from_millis(1));
    world.join(4);
    world.run_for(MINUTE.times(5));
    assert_eq!(leaf_sets_are_exact(&world, 4), Ok(()));
}

#[test]
fn newcomers_who_meet_only_newcomers_begin_one_ring() {
    let mut world = world::<Classic>(&Classic::config(8), 5, 2);
    world.start_empty();
    // The first is alone and begins a ring; it crashes while the others are asking it.
    for seat in 0..5 {
        world.join(seat);
    }
    world.crash(0);
    world.run_for(MINUTE.times(10));
    assert_eq!(leaf_sets_are_exact(&world, 4), Ok(()));
}

/// Goal: whatever four peers do, every leaf set is exact afterwards. Method: every history of `DEPTH` steps (each a join of somebody
/// offline, a leave or a crash of somebody online), with a pause that lets upkeep fall in between or not; then quiet, then all is checked.
#[test]
fn every_small_history_settles_into_exact_leaf_sets() {
    every_small_history::<Classic>(5);
    every_small_history::<Periodic>(4);
}

fn every_small_history<V: Kind>(depth: usize) {
    let histories = histories(depth);
    for (number, history) in histories.iter().enumerate() {
        for (pause, leaf_set) in [(Span::from_millis(70), 2), (Span::from_millis(70), 4), (Span::from_secs(3), 2), (Span::from_secs(3), 4)]
        {
            let mut world = world::<V>(&V::config(leaf_set), 4, number as u64);
            world.live_through(history, pause);
            world.run_for(MINUTE.times(4));
            let exact = leaf_sets_are_exact(&world, usize::from(leaf_set / 2));
            assert_eq!(exact, Ok(()), "{} after {history:?} with pauses of {pause:?}, world {number}", V::NAME);
        }
    }
}

fn joins_through_old_contacts<V: Kind>() {
    let mut world =
        World::<PastryLike<V>>::new(&V::config(8), Options { population: 16, seed: 9, new_identity: true, ..Options::default() });
    world.everybody_returns(16, MINUTE.times(5), MINUTE);
}

/// Goal: of a first contact only the address is known. Method: everybody comes back under other ids, three times; whoever joins meets
/// machines whose first identities are long gone.
#[test]
fn who_returns_joins_through_contacts_that_have_other_ids_by_now() {
    joins_through_old_contacts::<Classic>();
    joins_through_old_contacts::<Periodic>();
}
