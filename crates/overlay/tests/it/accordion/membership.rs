//! Coming and going: every order of small histories, crashes, new identities.

use peerlab_overlay::structured::accordion::Explored;

use super::*;
use crate::chord::membership::every_history_settles;

#[test]
fn every_small_history_settles_into_one_ring() {
    let config =
        AccordionConfig { successors: 3, stabilize_interval: Duration::secs(4), check_predecessor_interval: Duration::secs(4), ..config() };
    every_history_settles::<Explored>(&config, 5);
}

#[test]
fn crashes_are_repaired() {
    let mut world = world(&config(), 60, 5);
    world.start_converged(0..60);
    for seat in [3, 14, 15, 30, 31, 32] {
        world.crash(seat);
    }
    world.run_for(MINUTE.times(10));
    assert_eq!(ring_is_whole(&world), Ok(()));
}

#[test]
fn who_returns_joins_through_contacts_that_have_other_ids_by_now() {
    let options = Options { population: 16, seed: 9, new_identity: true, ..Options::default() };
    let mut world = World::<Accordion>::new(&config(), options);
    world.everybody_returns(16, MINUTE.times(5), MINUTE);
}
