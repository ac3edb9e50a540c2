//! Coming and going: repair, goodbyes, losing everybody, and every order of small histories.

use super::*;
use crate::histories::histories;

#[test]
fn a_polite_leave_is_known_at_once() {
    let mut world = world(&config(8), 60, 5);
    world.start_converged(0..60);
    let gone = world.id(17);
    let near = nearest(&world, world.setting.numbering.key(gone), 9);
    world.leave(17);
    world.run_for(Span::from_millis(60));
    for id in near.into_iter().filter(|&id| id != gone) {
        assert!(!world.contacts(world.setting.numbering.seat(id)).contains(&gone));
    }
}

#[test]
fn a_peer_that_lost_everybody_finds_back() {
    let mut world = world(&config(4), 60, 7);
    world.start_converged(0..60);
    for contact in world.contacts(0) {
        world.crash(world.setting.numbering.seat(contact));
    }
    world.run_for(MINUTE.times(20));
    assert_homes_are_complete(&world, 4);
}

#[test]
fn a_peer_that_crashed_comes_back_under_its_old_id() {
    let mut world = world(&config(4), 20, 7);
    world.start_converged(0..20);
    world.crash(4);
    // Before anybody has noticed.
    world.run_for(Span::from_millis(1));
    world.join(4);
    world.run_for(MINUTE.times(5));
    assert_homes_are_complete(&world, 4);
}

#[test]
fn newcomers_who_meet_only_newcomers_begin_one_network() {
    for population in [5, 30] {
        let mut world = world(&config(4), population, 2);
        world.start_empty();
        for seat in 0..population {
            world.join(seat);
        }
        // The first was alone and began a network; it crashes while the others are asking it.
        world.crash(0);
        world.run_for(MINUTE.times(10));
        assert_homes_are_complete(&world, 4);
    }
}

/// Goal: whatever four peers do, everybody knows everybody afterwards. Method: every history of `DEPTH` steps (each a join of somebody
/// offline, a leave or a crash of somebody online), with a pause that lets messages fall in between or not; then quiet, then all tables
/// are checked.
#[test]
fn every_small_history_settles_into_one_network() {
    const DEPTH: usize = 5;
    let histories = histories(DEPTH);
    for k in [1, 4] {
        let config = KademliaConfig { refresh_interval: Duration::secs(10), stale_after: 2, ..config(k) };
        for (number, history) in histories.iter().enumerate() {
            for pause in [Span::from_millis(70), Span::from_secs(3)] {
                let mut world = world(&config, 4, number as u64);
                world.live_through(history, pause);
                world.run_for(MINUTE.times(3));
                world.check();
                assert_eq!(homes_are_complete(&world, usize::from(k)), Ok(()), "k = {k}, after {history:?} with pauses of {pause:?}");
            }
        }
    }
}

/// Goal: of a first contact only the address is known. Method: everybody comes back under other ids, three times; whoever joins meets
/// machines whose first identities are long gone.
#[test]
fn who_returns_joins_through_contacts_that_have_other_ids_by_now() {
    let mut world = World::<Kademlia>::new(&config(4), Options { population: 16, seed: 9, new_identity: true, ..Options::default() });
    world.everybody_returns(16, MINUTE.times(5), Span::from_secs(2));
}
