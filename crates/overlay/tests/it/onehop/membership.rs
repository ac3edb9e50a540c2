//! Coming and going: reports, repair, goodbyes, losing nearly everybody, and every order of small histories.

use peerlab_model::{Target, Time};

use super::*;
use crate::histories::histories;

/// Goal: events alone keep all tables exact. Method: no comparisons; crashes, neighbours among them, goodbyes and joins in turn, each known to
/// everybody before the next one.
#[test]
fn events_alone_keep_all_tables_exact() {
    let mut world = world(&events_alone(), 60, 5);
    world.start_converged(0..50);
    for step in 0..10 {
        world.crash(step);
        world.leave(10 + step);
        world.join(50 + step);
        world.run_for(MINUTE);
        assert_eq!(tables_are_exact(&world), Ok(()), "after step {step}");
    }
}

#[test]
fn neighbours_that_crash_together_are_found_one_after_the_other() {
    let mut world = world(&events_alone(), 60, 5);
    world.start_converged(0..60);
    let ring = ring(&world);
    for &(_, id) in &ring[10..16] {
        world.crash(world.setting.numbering.seat(id));
    }
    world.run_for(MINUTE);
    assert_eq!(tables_are_exact(&world), Ok(()));
}

/// The events of a leader that crashes are lost with it; comparisons find what nobody says.
#[test]
fn leaders_that_crash_with_their_events_leave_no_trace() {
    let mut world = world(&config(), 60, 6);
    world.start_converged(0..60);
    for round in 0..5 {
        // Whoever has something to pass on goes down with it.
        world.crash(world.online()[0]);
        world.run_for(Span::from_millis(3500));
        let busy: Vec<u32> = world.online().into_iter().filter(|&seat| world.peer(seat).is_some_and(|p| p.undelivered() > 0)).collect();
        assert!(!busy.is_empty(), "round {round}: nobody has anything to say");
        busy.into_iter().take(3).for_each(|seat| world.crash(seat));
    }
    world.run_for(MINUTE.times(5));
    assert_eq!(tables_are_exact(&world), Ok(()));
}

#[test]
fn a_polite_leave_is_known_to_the_neighbours_at_once() {
    let mut world = world(&config(), 40, 5);
    world.start_converged(0..40);
    let ring = ring(&world);
    let (before, gone, after) = (ring[4].1, ring[5].1, ring[6].1);
    world.leave(world.setting.numbering.seat(gone));
    world.run_for(Span::from_millis(100));
    assert!([before, after].iter().all(|&id| !peer_of(&world, id).members().contains(&gone)));
}

/// A newcomer counts as joined when its neighbours know it: who asks the peer that owned its keys before is sent on.
#[test]
fn who_has_joined_is_found() {
    let mut world = world(&config(), 200, 6);
    world.start_converged(0..199);
    world.join(199);
    while !world.joined(199) {
        world.run_for(Span::from_millis(10));
        assert!(world.now() < Time::from_secs(2), "a handful of round trips is enough");
    }
    let id = world.id(199);
    let key = world.setting.numbering.key(id);
    let questions = [0, 50, 100].map(|seat| world.lookup(seat, Target::Key(key)));
    world.run_for(Span::from_secs(5));
    for question in questions {
        let hits = &world.record(question).hits;
        assert_eq!(hits.len(), 1);
        assert!(hits[0].hit.peer == id && (1..=2).contains(&hits[0].hit.hops), "{hits:?}");
    }
}

#[test]
fn most_of_the_ring_may_crash_at_once() {
    let mut world = world(&config(), 60, 7);
    world.start_converged(0..60);
    (0..50).for_each(|seat| world.crash(seat));
    world.run_for(MINUTE.times(6));
    assert_eq!(tables_are_exact(&world), Ok(()));
}

#[test]
fn a_peer_that_crashed_comes_back_under_its_old_id() {
    let mut world = world(&config(), 20, 7);
    world.start_converged(0..20);
    world.crash(4);
    // Before anybody has noticed.
    world.run_for(Span::from_millis(1));
    world.join(4);
    world.run_for(MINUTE.times(3));
    assert_eq!(tables_are_exact(&world), Ok(()));
}

#[test]
fn newcomers_who_meet_only_newcomers_begin_one_ring() {
    let mut world = world(&config(), 5, 2);
    world.start_empty();
    // The first is alone and begins a ring; it crashes while the others are asking it.
    for seat in 0..5 {
        world.join(seat);
    }
    world.crash(0);
    world.run_for(MINUTE.times(5));
    assert_eq!(tables_are_exact(&world), Ok(()));
}

/// Goal: whoever is said to be dead and is not puts it right. Method: a message loss of 30 % makes many such mistakes; then it ends.
#[test]
fn false_alarms_are_put_right() {
    let mut world = World::<OneHop>::new(&config(), Options { population: 40, seed: 3, loss: 0.3, ..Options::default() });
    world.start_converged(0..40);
    world.run_for(MINUTE.times(2));
    let stable = tables_are_exact(&world);
    assert!(stable.is_err() && world.sent("report") > 10, "there were no false alarms: {}", world.sent("report"));
    world.set_loss(0.0);
    world.run_for(MINUTE.times(5));
    assert_eq!(tables_are_exact(&world), Ok(()));
}

/// Goal: whatever four peers do, every table is exact afterwards. Method: every history of five steps (each a join of somebody offline, a
/// leave or a crash of somebody online), with a pause that lets upkeep fall in between or not; then quiet, then all is checked.
#[test]
fn every_small_history_settles_into_exact_tables() {
    let histories = histories(5);
    for (number, history) in histories.iter().enumerate() {
        for (pause, slices) in [(Span::from_millis(70), 1), (Span::from_secs(3), 3)] {
            let mut world = world(&OneHopConfig { slices, ..config() }, 4, number as u64);
            world.live_through(history, pause);
            world.run_for(MINUTE.times(4));
            assert_eq!(tables_are_exact(&world), Ok(()), "after {history:?} with pauses of {pause:?}, world {number}");
        }
    }
}

/// Goal: of a first contact only the address is known. Method: everybody comes back under other ids, three times; whoever joins meets
/// machines whose first identities are long gone.
#[test]
fn who_returns_joins_through_contacts_that_have_other_ids_by_now() {
    let mut world = World::<OneHop>::new(&config(), Options { population: 16, seed: 9, new_identity: true, ..Options::default() });
    world.everybody_returns(16, Span::from_secs(20), MINUTE);
    world.run_for(MINUTE.times(2));
    assert_eq!(tables_are_exact(&world), Ok(()));
}
