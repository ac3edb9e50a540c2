//! Coming and going: repair, goodbyes, losing everybody, and every order of small histories.

use peerlab_model::{Target, Time};
use peerlab_overlay::structured::chord::Fingers;

use super::*;
use crate::histories::histories;

#[test]
fn a_crash_is_repaired() {
    for routing in ALL {
        let mut world = world(&config(routing), 40, 5);
        world.start_converged(0..40);
        for seat in [3, 14, 15, 30] {
            world.crash(seat);
        }
        world.run_for(MINUTE.times(10));
        assert_tables_are_exact(&world, 8);
    }
}

#[test]
fn a_polite_leave_mends_the_ring_at_once() {
    let mut world = world(&config(Routing::SemiRecursive), 40, 5);
    world.start_converged(0..40);
    world.leave(17);
    world.run_for(Span::from_millis(60));
    assert_eq!(ring_is_whole(&world), Ok(()));
}

/// A newcomer counts as joined when its predecessor knows it: from then on it gets the questions for its keys.
#[test]
fn who_has_joined_is_found() {
    let mut world = world(&config(Routing::SemiRecursive), 40, 6);
    world.start_converged(0..39);
    world.join(39);
    while !world.joined(39) {
        world.run_for(Span::from_millis(10));
        assert!(world.now() < Time::from_secs(40), "one stabilization of its predecessor is enough");
    }
    let id = world.id(39);
    let key = world.setting.numbering.key(id);
    let question = world.lookup(0, Target::Key(key));
    world.run_for(Span::from_secs(5));
    assert_eq!(world.record(question).peers(), [id]);
}

/// Goal: a peer whose successors have all died joins again. Method: its whole list of 8 crashes between two stabilizations.
#[test]
fn a_peer_that_lost_its_whole_list_joins_again() {
    for routing in ALL {
        let mut world = world(&config(routing), 40, 7);
        world.start_converged(0..40);
        let list: Vec<PeerId> = world.peer(0).expect("online").successors().to_vec();
        for peer in list {
            let seat = world.setting.numbering.seat(peer);
            world.crash(seat);
        }
        world.run_for(MINUTE.times(10));
        assert_tables_are_exact(&world, 8);
    }
}

#[test]
fn a_peer_that_crashed_comes_back_under_its_old_id() {
    for routing in ALL {
        let mut world = world(&config(routing), 20, 7);
        world.start_converged(0..20);
        world.crash(4);
        // Before anybody has noticed.
        world.run_for(Span::from_millis(1));
        world.join(4);
        world.run_for(MINUTE.times(10));
        assert_tables_are_exact(&world, 8);
    }
}

#[test]
fn newcomers_who_meet_only_newcomers_begin_one_ring() {
    for routing in ALL {
        let mut world = world(&config(routing), 5, 2);
        world.start_empty();
        // The first is alone and begins a ring; it crashes while the others are asking it.
        for seat in 0..5 {
            world.join(seat);
        }
        world.crash(0);
        world.run_for(MINUTE.times(10));
        assert_eq!(ring_is_whole(&world), Ok(()));
    }
}

/// Goal: whatever four peers do, the ring is one cycle in the order of keys afterwards. Method: every history of `DEPTH` steps (each a
/// join of somebody offline, a leave or a crash of somebody online), with a pause that lets stabilizations fall in between or not; then
/// quiet, then the whole ring is checked.
#[test]
fn every_small_history_settles_into_one_ring() {
    const DEPTH: usize = 5;
    let config = ChordConfig {
        successors: 3,
        stabilize_interval: Duration::secs(4),
        fix_fingers_interval: Duration::secs(4),
        check_predecessor_interval: Duration::secs(4),
        ..config(Routing::SemiRecursive)
    };
    every_history_settles::<Fingers>(&config, DEPTH);
}

/// See above; for any model on a ring like Chord's.
pub(crate) fn every_history_settles<V: Shortcuts>(config: &V::Config, depth: usize) {
    let histories = histories(depth);
    for (number, history) in histories.iter().enumerate() {
        for pause in [Span::from_millis(70), Span::from_secs(3)] {
            let mut world = World::<ChordLike<V>>::new(config, Options { population: 4, seed: number as u64, ..Options::default() });
            world.live_through(history, pause);
            world.run_for(MINUTE.times(3));
            world.check();
            assert_eq!(ring_is_whole(&world), Ok(()), "after {history:?} with pauses of {pause:?}");
        }
    }
}

/// Goal: of a first contact only the address is known. Method: everybody comes back under other ids, three times; whoever joins meets
/// machines whose first identities are long gone.
#[test]
fn who_returns_joins_through_contacts_that_have_other_ids_by_now() {
    for routing in ALL {
        let mut world =
            World::<Chord>::new(&config(routing), Options { population: 16, seed: 9, new_identity: true, ..Options::default() });
        world.everybody_returns(16, MINUTE.times(5), MINUTE);
    }
}
