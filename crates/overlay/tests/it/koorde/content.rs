//! Provider records are Chord's: what has to hold with Koorde's way of finding the owner.

use peerlab_model::Span;

use super::*;

const PATIENCE: Span = Span::from_secs(20);

#[test]
fn all_holders_are_found_from_a_converged_start_and_from_joins() {
    for routing in ALL {
        for converged in [true, false] {
            let mut world = World::<Koorde>::sharing(&config(routing), 60, 1);
            if converged {
                world.start_converged(0..60);
            } else {
                world.start_empty();
                for seat in 0..60 {
                    world.join(seat);
                    world.run_for(Span::from_secs(1));
                }
                world.run_for(MINUTE.times(5));
            }
            for item in 0..20 {
                let expected = [world.id(item), world.id(item + 20)];
                assert_eq!(world.holders(item, PATIENCE), expected, "{routing:?}, converged: {converged}");
            }
        }
    }
}

#[test]
fn keys_move_to_a_newcomer_and_on_when_it_leaves() {
    let mut world = World::<Koorde>::sharing(&config(Routing::SemiRecursive), 60, 4);
    world.start_converged(0..59);
    world.join(59);
    world.run_for(MINUTE.times(2));
    for seat in 40..58 {
        world.leave(seat);
        world.run_for(Span::from_millis(200));
    }
    for item in 0..20 {
        let expected = [world.id(item), world.id(item + 20)];
        assert_eq!(world.holders(item, PATIENCE), expected);
    }
}

#[test]
fn records_of_the_dead_expire_and_those_of_the_living_stay() {
    let config =
        KoordeConfig { republish_interval: Duration::secs(120), record_expiry: Duration::secs(400), ..config(Routing::SemiRecursive) };
    let mut world = World::<Koorde>::sharing(&config, 60, 7);
    world.start_converged(0..60);
    world.crash(5);
    let living = world.id(25);
    world.run_for(MINUTE.times(14));
    assert_eq!(world.holders(5, PATIENCE), [living]);
}
