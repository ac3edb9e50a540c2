//! Coming and going: timeouts, goodbyes, losing nearly everybody, and every order of small histories.

use peerlab_model::{Target, Time};

use super::*;
use crate::histories::histories;

#[test]
fn crashed_peers_are_forgotten_when_their_heartbeats_are_old() {
    let mut world = world(&config(5), 80, 5);
    world.start_converged(0..80);
    (0..20).for_each(|seat| world.crash(seat));
    world.run_for(MINUTE.times(2));
    assert_eq!(state_is_exact(&world, 5), Ok(()));
}

/// A goodbye is passed on: it is known long before the heartbeat is too old.
#[test]
fn a_goodbye_is_known_in_some_rounds() {
    let known_after = |polite: bool| {
        let mut world = world(&config(4), 80, 6);
        world.start_converged(0..80);
        world.run_for(Span::from_secs(20));
        let id = world.id(7);
        if polite {
            world.leave(7);
        } else {
            world.crash(7);
        }
        world.run_for(Span::from_secs(8));
        world.online().iter().filter(|&&seat| world.contacts(seat).contains(&id)).count()
    };
    let (polite, crashed) = (known_after(true), known_after(false));
    println!("8 s after, {polite} still believe in who said goodbye, {crashed} in who crashed");
    assert!(polite * 3 < crashed, "{polite} {crashed}");
}

/// A newcomer counts as joined when its group has heard of it.
#[test]
fn who_has_joined_is_found() {
    let mut world = world(&config(10), 200, 6);
    world.start_converged(0..199);
    world.run_for(Span::from_secs(10));
    world.join(199);
    while !world.joined(199) {
        world.run_for(Span::from_millis(100));
        assert!(world.now() < Time::from_secs(22), "some rounds are enough");
    }
    let id = world.id(199);
    let key = world.setting.numbering.key(id);
    let questions: Vec<_> = (0..20).flat_map(|seat| [world.lookup(seat, Target::Key(key)), world.lookup(seat, Target::Peer(id))]).collect();
    world.run_for(Span::from_secs(5));
    let found = questions.iter().filter(|&&question| world.record(question).peers() == [id]).count();
    assert!(found >= 36, "{found} of 40");
}

#[test]
fn most_of_the_network_may_crash_at_once() {
    let mut world = world(&config(3), 60, 7);
    world.start_converged(0..60);
    (0..48).for_each(|seat| world.crash(seat));
    world.run_for(MINUTE.times(6));
    assert_eq!(state_is_exact(&world, 3), Ok(()));
}

#[test]
fn a_peer_that_crashed_comes_back_under_its_old_id() {
    let mut world = world(&config(3), 20, 7);
    world.start_converged(0..20);
    world.crash(4);
    // Before anybody has noticed.
    world.run_for(Span::from_millis(1));
    world.join(4);
    world.run_for(MINUTE);
    assert_eq!(state_is_exact(&world, 3), Ok(()));
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
    world.run_for(MINUTE.times(8));
    assert_eq!(state_is_exact(&world, 2), Ok(()));
}

/// Goal: whatever four peers do, views and contacts are exact afterwards. Method: every history of five steps (each a join of somebody offline,
/// a leave or a crash of somebody online), with a pause that lets gossip fall in between or not; then quiet, then all is checked.
#[test]
fn every_small_history_settles_into_exact_state() {
    let histories = histories(5);
    for (number, history) in histories.iter().enumerate() {
        for (pause, groups) in [(Span::from_millis(70), 1), (Span::from_millis(70), 2), (Span::from_secs(5), 2)] {
            let mut world = world(&config(groups), 4, number as u64);
            world.live_through(history, pause);
            // Networks that began side by side meet in an introduction, of which there is one in 128 s.
            world.run_for(MINUTE.times(10));
            assert_eq!(state_is_exact(&world, groups), Ok(()), "after {history:?} with pauses of {pause:?}, world {number}");
        }
    }
}

/// Goal: of a first contact only the address is known. Method: everybody comes back under other ids, three times; whoever joins meets
/// machines whose first identities are long gone.
#[test]
fn who_returns_joins_through_contacts_that_have_other_ids_by_now() {
    let mut world = World::<Kelips>::new(&config(3), Options { population: 16, seed: 9, new_identity: true, ..Options::default() });
    world.everybody_returns(16, Span::from_secs(20), MINUTE);
    world.run_for(MINUTE.times(3));
    assert_eq!(state_is_exact(&world, 3), Ok(()));
}
