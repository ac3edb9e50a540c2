//! Coming and going: repair, goodbyes, losing everybody, and every order of small histories.

use peerlab_model::Target;

use super::*;
use crate::histories::histories;

#[test]
fn a_crash_is_repaired() {
    let config = quick();
    let mut world = world(&config, 60, 5);
    world.start_converged(0..60);
    for seat in [3, 14, 15, 30, 31, 32] {
        world.crash(seat);
    }
    world.run_for(MINUTE.times(5));
    let (links, room) = is_consistent(&world, &config).expect("every slot is filled");
    println!("{links} of {room} links");
    assert!(links * 100 >= room * 98);
}

/// Those that linked to the one that leaves know it after one message, and have its replacement after a round trip.
#[test]
fn a_polite_leave_is_known_at_once() {
    let config = quick();
    let mut world = world(&config, 40, 5);
    world.start_converged(0..40);
    world.leave(17);
    world.run_for(Span::from_millis(200));
    is_consistent(&world, &config).expect("every slot is filled");
}

/// A newcomer counts as joined when all that need to know do: from then on it gets the questions for its keys, whoever asks.
#[test]
fn who_has_joined_is_found_by_everybody() {
    let mut world = world(&quick(), 200, 6);
    world.start_converged(0..195);
    for seat in 195..200 {
        world.join(seat);
        let begun = world.now();
        while !world.joined(seat) {
            world.run_for(Span::from_millis(10));
            assert!(world.now().since(begun) < Span::from_secs(5), "a handful of round trips is enough");
        }
        let id = world.id(seat);
        let key = world.setting.numbering.key(id);
        let questions: Vec<LookupId> = (0..195).map(|seat| world.lookup(seat, Target::Key(key))).collect();
        world.run_for(Span::from_secs(5));
        for question in questions {
            assert_found(world.record(question), id);
        }
    }
}

/// Goal: a peer whose whole higher level has died, or all of its links, finds the network again. Method: all of them crash at once.
#[test]
fn a_peer_that_lost_its_links_finds_the_network_again() {
    let config = quick();
    for all in [false, true] {
        let mut world = world(&config, 120, 7);
        world.start_converged(0..120);
        let peer = world.peer(0).expect("online");
        let lost: Vec<PeerId> = if all {
            world.contacts(0)
        } else {
            (1..peer.levels(4)).flat_map(|level| (0..16).flat_map(move |digit| peer.slot(level, digit, 4))).collect()
        };
        for peer in lost {
            let seat = world.setting.numbering.seat(peer);
            world.crash(seat);
        }
        world.run_for(MINUTE.times(10));
        is_consistent(&world, &config).expect("every slot is filled");
    }
}

#[test]
fn a_peer_that_crashed_comes_back_under_its_old_id() {
    let config = quick();
    let mut world = world(&config, 20, 7);
    world.start_converged(0..20);
    world.crash(4);
    // Before anybody has noticed.
    world.run_for(Span::from_millis(1));
    world.join(4);
    world.run_for(MINUTE.times(5));
    is_consistent(&world, &config).expect("every slot is filled");
}

#[test]
fn newcomers_who_meet_only_newcomers_begin_one_network() {
    let config = quick();
    let mut world = world(&config, 5, 2);
    world.start_empty();
    // The first is alone and begins; it crashes while the others are asking it.
    for seat in 0..5 {
        world.join(seat);
    }
    world.crash(0);
    world.run_for(MINUTE.times(10));
    is_consistent(&world, &config).expect("every slot is filled");
}

/// Goal: whatever four peers do, every table is consistent afterwards. Method: every history of 5 steps (each a join of somebody offline, a
/// leave or a crash of somebody online), with a pause that lets upkeep fall in between or not; then quiet, then all is checked.
#[test]
fn every_small_history_settles_into_consistent_tables() {
    let histories = histories(5);
    // One bit a digit: four peers need several levels.
    for (number, history) in histories.iter().enumerate() {
        for (pause, b, c) in [(Span::from_millis(70), 1, 1), (Span::from_millis(70), 4, 3), (Span::from_secs(3), 1, 2)] {
            let config = TapestryConfig { b, c, ..quick() };
            let mut world = world(&config, 4, number as u64);
            world.live_through(history, pause);
            world.run_for(MINUTE.times(4));
            let consistent = is_consistent(&world, &config);
            assert!(consistent.is_ok(), "{consistent:?} after {history:?} with pauses of {pause:?}, b = {b}, world {number}");
        }
    }
}

/// Goal: of a first contact only the address is known. Method: everybody comes back under other ids, three times; whoever joins meets
/// machines whose first identities are long gone.
#[test]
fn who_returns_joins_through_contacts_that_have_other_ids_by_now() {
    let mut world = World::<Tapestry>::new(&quick(), Options { population: 16, seed: 9, new_identity: true, ..Options::default() });
    world.everybody_returns(16, MINUTE.times(5), MINUTE);
}
