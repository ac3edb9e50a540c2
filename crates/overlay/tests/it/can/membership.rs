//! Coming and going: takeover, goodbyes, reassignment, and every order of small histories.

use peerlab_model::{Target, Time};

use super::*;
use crate::histories::histories;

/// Everybody has one zone and all is exact.
fn is_tidy(world: &World<Can>, d: u8) -> Result<(), String> {
    is_exact(world, d, 1)?;
    let several = world.online().into_iter().find(|&seat| world.peer(seat).is_some_and(|peer| peer.zones(0).len() != 1));
    several.map_or(Ok(()), |seat| Err(format!("seat {seat} has the zones {:?}", world.peer(seat).map(|peer| peer.zones(0)))))
}

#[test]
fn crashes_are_taken_over_and_tidied_up() {
    for d in [2, 3, 6] {
        let mut world = world(&config(d), 60, 5);
        world.start_converged(0..60);
        for seat in [3, 14, 15, 30, 31, 32] {
            world.crash(seat);
        }
        world.run_for(MINUTE.times(5));
        assert_eq!(is_tidy(&world, d), Ok(()), "{d} dimensions");
    }
}

#[test]
fn half_of_all_may_crash_at_once() {
    for seed in 0..10 {
        let mut world = world(&config(3), 80, seed);
        world.start_converged(0..80);
        (0..80).step_by(2).for_each(|seat| world.crash(seat));
        world.run_for(MINUTE.times(15));
        assert_eq!(is_exact(&world, 3, 1), Ok(()), "seed {seed}");
    }
}

#[test]
fn a_polite_leave_leaves_no_hole() {
    for seed in 0..20 {
        let mut world = world(&config(2), 40, seed);
        world.start_converged(0..40);
        world.leave(17);
        world.run_for(Span::from_millis(60));
        assert_eq!(is_divided(&world, 0), Ok(()), "seed {seed}");
        world.run_for(MINUTE);
        assert_eq!(is_tidy(&world, 2), Ok(()), "seed {seed}");
    }
}

/// From the moment when a newcomer counts as joined, it is found under a key of its zone.
#[test]
fn who_has_joined_is_found() {
    let mut world = world(&config(2), 200, 6);
    world.start_converged(0..199);
    world.join(199);
    while !world.joined(199) {
        world.run_for(Span::from_millis(10));
        assert!(world.now() < Time::from_secs(10), "some round trips are enough");
    }
    world.run_for(Span::from_millis(100));
    let id = world.id(199);
    let key = world.setting.numbering.key(id);
    let questions = [0, 50, 100].map(|seat| world.lookup(seat, Target::Key(key)));
    world.run_for(Span::from_secs(10));
    assert!(questions.iter().all(|&question| world.record(question).peers() == [id]));
}

#[test]
fn a_peer_that_crashed_comes_back_under_its_old_id() {
    for pause in [1, 3000, 60_000] {
        let mut world = world(&config(2), 20, 7);
        world.start_converged(0..20);
        world.crash(4);
        world.run_for(Span::from_millis(pause));
        world.join(4);
        world.run_for(MINUTE.times(5));
        assert_eq!(is_exact(&world, 2, 1), Ok(()), "after {pause} ms");
    }
}

#[test]
fn a_peer_whose_neighbours_all_died_is_found_again() {
    let mut world = world(&config(2), 60, 7);
    world.start_converged(0..60);
    for contact in world.contacts(0) {
        let seat = world.setting.numbering.seat(contact);
        world.crash(seat);
    }
    world.run_for(MINUTE.times(10));
    assert_eq!(is_exact(&world, 2, 1), Ok(()));
}

#[test]
fn many_newcomers_at_once_share_one_torus() {
    for seed in 0..5 {
        let mut world = world(&config(2), 60, seed);
        world.start_empty();
        (0..60).for_each(|seat| world.join(seat));
        world.run_for(MINUTE.times(10));
        assert_eq!(is_exact(&world, 2, 1), Ok(()), "seed {seed}");
        assert!((0..60).all(|seat| world.joined(seat)), "seed {seed}");
    }
}

#[test]
fn newcomers_who_meet_only_newcomers_begin_one_network() {
    let mut world = world(&config(2), 5, 2);
    world.start_empty();
    // The first is alone and begins; it crashes while the others are asking it.
    for seat in 0..5 {
        world.join(seat);
    }
    world.crash(0);
    world.run_for(MINUTE.times(10));
    assert_eq!(is_exact(&world, 2, 1), Ok(()));
}

/// Goal: lost messages lead to wrong beliefs about who is dead, and those are put right. Method: a tenth of all messages is lost for a while,
/// while peers come and go; then none.
#[test]
fn losses_do_no_lasting_harm() {
    for seed in 0..6 {
        let mut world = World::<Can>::new(&config(2), Options { population: 40, seed, loss: 0.1, ..Options::default() });
        world.start_converged(0..30);
        for seat in 30..40 {
            world.join(seat);
            world.crash(seat - 30);
            world.run_for(Span::from_secs(20));
        }
        world.set_loss(0.0);
        world.run_for(MINUTE.times(15));
        assert_eq!(is_exact(&world, 2, 1), Ok(()), "seed {seed}");
    }
}

/// Goal: whatever four peers do, every point has one owner afterwards and every table is exact. Method: every history of five steps (each a
/// join of somebody offline, a leave or a crash of somebody online), with a pause that lets upkeep fall in between or not; then quiet.
#[test]
fn every_small_history_settles_into_an_exact_division() {
    let histories = histories(5);
    for (number, history) in histories.iter().enumerate() {
        for (pause, d) in [(Span::from_millis(70), 2), (Span::from_millis(70), 1), (Span::from_secs(3), 2), (Span::from_secs(3), 3)] {
            let mut world = world(&config(d), 4, number as u64);
            world.live_through(history, pause);
            world.run_for(MINUTE.times(6));
            if !world.online().is_empty() {
                assert_eq!(is_tidy(&world, d), Ok(()), "{d} dimensions, after {history:?} with pauses of {pause:?}, world {number}");
            }
        }
    }
}

/// Goal: of a first contact only the address is known. Method: everybody comes back under other ids, three times; whoever joins meets
/// machines whose first identities are long gone.
#[test]
fn who_returns_joins_through_contacts_that_have_other_ids_by_now() {
    let mut world = World::<Can>::new(&config(2), Options { population: 16, seed: 9, new_identity: true, ..Options::default() });
    world.everybody_returns(16, MINUTE, MINUTE);
    world.run_for(MINUTE.times(5));
    assert_eq!(is_exact(&world, 2, 1), Ok(()));
}
