//! Provider records: found, kept alive, forgotten.

use peerlab_model::{ItemId, Target};

use super::*;

const PATIENCE: Span = Span::from_secs(20);

/// The seat that owns an item's key now.
fn owner_of(world: &World<Chord>, item: u32) -> u32 {
    let key = world.setting.numbering.item_key(ItemId(item));
    world.setting.numbering.seat(owner(&ring(world), key))
}

#[test]
fn all_holders_are_found_from_a_converged_start_and_from_joins() {
    for routing in ALL {
        for converged in [true, false] {
            let mut world = World::<Chord>::sharing(&config(routing), 60, 1);
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

/// The peer that names the holders is the owner: one link more than for the key itself.
#[test]
fn the_link_to_the_owner_counts_for_content() {
    for routing in ALL {
        let mut world = World::<Chord>::sharing(&config(routing), 60, 2);
        world.start_converged(0..60);
        for item in 0..20 {
            let key = world.setting.numbering.item_key(ItemId(item));
            let (of_key, of_item) = (world.lookup(59, Target::Key(key)), world.lookup(59, Target::Item(ItemId(item))));
            world.run_for(Span::from_secs(20));
            let hops = [of_key, of_item].map(|id| world.record(id).hits[0].hit.hops);
            let itself = u32::from(owner_of(&world, item) != 59);
            assert_eq!(hops[1], hops[0] + itself);
        }
    }
}

#[test]
fn a_replica_answers_when_the_owner_has_crashed() {
    for routing in ALL {
        let mut world = World::<Chord>::sharing(&config(routing), 60, 3);
        world.start_converged(0..60);
        for item in 0..20 {
            let seat = owner_of(&world, item);
            if seat >= 40 && seat != 59 {
                world.crash(seat);
                let expected = [world.id(item), world.id(item + 20)];
                assert_eq!(world.holders(item, PATIENCE), expected, "at once");
            }
        }
    }
}

#[test]
fn keys_move_to_a_newcomer_and_on_when_it_leaves() {
    let mut world = World::<Chord>::sharing(&config(Routing::SemiRecursive), 60, 4);
    world.start_converged(0..59);
    world.join(59);
    world.run_for(MINUTE.times(2));
    let expected = |world: &World<Chord>, item: u32| [world.id(item), world.id(item + 20)];
    for item in 0..20 {
        assert_eq!(world.holders(item, PATIENCE), expected(&world, item));
    }
    for seat in 40..58 {
        world.leave(seat);
        world.run_for(Span::from_millis(200));
    }
    for item in 0..20 {
        assert_eq!(world.holders(item, PATIENCE), expected(&world, item));
    }
}

#[test]
fn a_withdrawn_item_is_forgotten_by_owner_and_replicas() {
    let mut world = World::<Chord>::sharing(&config(Routing::SemiRecursive), 60, 5);
    world.start_converged(0..60);
    world.withdraw(7, &[7]);
    world.run_for(Span::from_secs(10));
    let expected = [world.id(27)];
    assert_eq!(world.holders(7, PATIENCE), expected);
    let owner = owner_of(&world, 7);
    world.crash(owner);
    world.run_for(MINUTE);
    assert_eq!(world.holders(7, PATIENCE), expected);
}

#[test]
fn a_new_item_is_registered() {
    for routing in ALL {
        let mut world = World::<Chord>::sharing(&config(routing), 60, 6);
        world.start_converged(0..60);
        world.publish(55, &[3]);
        world.run_for(Span::from_secs(10));
        let expected = [world.id(3), world.id(23), world.id(55)];
        assert_eq!(world.holders(3, PATIENCE), expected);
    }
}

/// A holder that crashed is believed until its record expires, and no longer; one that lives is refreshed for ever.
#[test]
fn records_of_the_dead_expire_and_those_of_the_living_stay() {
    let config =
        ChordConfig { republish_interval: Duration::secs(120), record_expiry: Duration::secs(400), ..config(Routing::SemiRecursive) };
    let mut world = World::<Chord>::sharing(&config, 60, 7);
    world.start_converged(0..60);
    world.crash(5);
    let (dead, living) = (world.id(5), world.id(25));
    world.run_for(MINUTE.times(4));
    assert_eq!(world.holders(5, PATIENCE), [dead, living]);
    world.run_for(MINUTE.times(10));
    assert_eq!(world.holders(5, PATIENCE), [living]);
}
