//! Provider records and names: found, kept alive, handed over, forgotten.

use peerlab_model::{ItemId, Target};

use super::*;

const PATIENCE: Span = Span::from_secs(20);

fn owner_of(world: &World<Can>, item: u32) -> u32 {
    world.setting.numbering.seat(owner(world, 0, world.setting.numbering.item_key(ItemId(item))))
}

#[test]
fn all_holders_are_found_from_a_converged_start_and_from_joins() {
    for realities in [1, 2] {
        for converged in [true, false] {
            let mut world = World::<Can>::sharing(&CanConfig { realities, ..config(2) }, 60, 1);
            if converged {
                world.start_converged(0..60);
            } else {
                world.start_empty();
                for seat in 0..60 {
                    world.join(seat);
                    world.run_for(Span::from_secs(1));
                }
                world.run_for(MINUTE.times(2));
            }
            for item in 0..20 {
                let expected = [world.id(item), world.id(item + 20)];
                assert_eq!(world.holders(item, PATIENCE), expected, "converged: {converged}");
            }
        }
    }
}

#[test]
fn every_peer_is_found_by_its_name() {
    let mut world = world(&CanConfig { names: true, ..config(2) }, 60, 8);
    world.start_converged(0..50);
    for seat in 50..60 {
        world.join(seat);
        world.run_for(Span::from_secs(5));
    }
    for seat in 0..60 {
        let wanted = world.id(seat);
        let id = world.lookup((seat + 7) % 60, Target::Peer(wanted));
        world.run_for(Span::from_secs(10));
        assert_eq!(world.record(id).peers(), [wanted], "seat {seat}");
    }
}

#[test]
fn a_replica_that_takes_over_answers() {
    let mut found = 0;
    let mut lost = 0;
    for seed in 0..6 {
        let mut world = World::<Can>::sharing(&config(2), 60, seed);
        world.start_converged(0..60);
        for item in 0..20 {
            let seat = owner_of(&world, item);
            if seat < 40 || seat == 59 {
                continue;
            }
            world.crash(seat);
            world.run_for(MINUTE);
            let expected = [world.id(item), world.id(item + 20)];
            if world.holders(item, PATIENCE) == expected { found += 1 } else { lost += 1 }
        }
    }
    assert!(found > 20 && lost * 10 < found, "{found} found, {lost} lost");
}

#[test]
fn records_move_with_the_zone() {
    let mut world = World::<Can>::sharing(&CanConfig { replicas: 1, ..config(2) }, 60, 4);
    world.start_converged(0..55);
    for seat in 55..60 {
        world.join(seat);
        world.run_for(Span::from_secs(5));
    }
    for item in 0..20 {
        let seat = owner_of(&world, item);
        if (40..59).contains(&seat) {
            world.leave(seat);
            world.run_for(Span::from_secs(5));
        }
        let expected = [world.id(item), world.id(item + 20)];
        assert_eq!(world.holders(item, PATIENCE), expected, "item {item}");
    }
}

#[test]
fn what_is_not_refreshed_is_forgotten_and_what_is_withdrawn_too() {
    let config = CanConfig { republish_interval: Duration::secs(60), record_expiry: Duration::secs(180), ..config(2) };
    let mut world = World::<Can>::sharing(&config, 60, 5);
    world.start_converged(0..60);
    world.crash(3);
    world.withdraw(24, &[4]);
    world.run_for(MINUTE.times(5));
    assert_eq!(world.holders(3, PATIENCE), [world.id(23)]);
    assert_eq!(world.holders(4, PATIENCE), [world.id(4)]);
    assert_eq!(world.holders(5, PATIENCE), [world.id(5), world.id(25)], "what is refreshed stays");
    world.publish(50, &[4]);
    world.run_for(Span::from_secs(10));
    assert_eq!(world.holders(4, PATIENCE), [world.id(4), world.id(50)]);
}
