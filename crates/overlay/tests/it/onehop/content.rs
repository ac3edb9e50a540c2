//! Provider records: found, kept alive, forgotten.

use peerlab_model::ItemId;

use super::*;

const PATIENCE: Span = Span::from_secs(5);

/// The seat that owns an item's key now.
fn owner_of(world: &World<OneHop>, item: u32) -> u32 {
    let key = world.setting.numbering.item_key(ItemId(item));
    world.setting.numbering.seat(owner(&ring(world), key))
}

#[test]
fn all_holders_are_found_from_a_converged_start_and_from_joins() {
    for converged in [true, false] {
        let mut world = World::<OneHop>::sharing(&config(), 60, 1);
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

#[test]
fn a_replica_answers_when_the_owner_has_crashed() {
    let mut world = World::<OneHop>::sharing(&config(), 60, 3);
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

/// Each copy that goes is replaced: all keepers may crash one after the other, with time to notice in between.
#[test]
fn replicas_are_replaced() {
    let mut world = World::<OneHop>::sharing(&config(), 60, 8);
    world.start_converged(0..60);
    for _ in 0..8 {
        let seat = owner_of(&world, 11);
        if ![11, 31, 59, 58].contains(&seat) {
            world.crash(seat);
        }
        world.run_for(Span::from_secs(40));
    }
    let expected = [world.id(11), world.id(31)];
    assert_eq!(world.holders(11, PATIENCE), expected);
}

/// Goal: whatever the table does, the owner and its next successors keep exactly the records of its keys. Method: joins, goodbyes and crashes
/// with time to be known in between; then every keeper that there must be is looked at.
#[test]
fn keepers_are_the_owner_and_its_successors_after_every_change() {
    let mut world = World::<OneHop>::sharing(&config(), 60, 4);
    world.start_converged(0..50);
    for step in 0..10 {
        world.join(50 + step);
        world.run_for(Span::from_secs(30));
        if step % 2 == 0 {
            world.leave(40 + step);
        } else {
            world.crash(40 + step);
        }
        world.run_for(Span::from_secs(30));
    }
    let ring = ring(&world);
    for item in 0..20 {
        let key = world.setting.numbering.item_key(ItemId(item));
        let owner = ring.partition_point(|&(member, _)| member < key);
        for step in 0..3 {
            let keeper = ring[(owner + step) % ring.len()].1;
            let records = peer_of(&world, keeper).records().expect("it keeps some");
            let mut known: Vec<PeerId> = records.holders(key, world.now()).collect();
            known.sort_unstable();
            assert_eq!(known, [world.id(item), world.id(item + 20)], "item {item}, keeper {step}");
        }
    }
}

#[test]
fn keys_move_to_a_newcomer_and_on_when_it_leaves() {
    let mut world = World::<OneHop>::sharing(&OneHopConfig { replicas: 1, ..config() }, 60, 4);
    world.start_converged(0..59);
    world.join(59);
    world.run_for(MINUTE);
    let expected = |world: &World<OneHop>, item: u32| [world.id(item), world.id(item + 20)];
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
    let mut world = World::<OneHop>::sharing(&config(), 60, 5);
    world.start_converged(0..60);
    world.withdraw(7, &[7]);
    world.run_for(Span::from_secs(10));
    let expected = [world.id(27)];
    assert_eq!(world.holders(7, PATIENCE), expected);
    let owner = owner_of(&world, 7);
    world.crash(owner);
    assert_eq!(world.holders(7, PATIENCE), expected);
}

#[test]
fn a_new_item_is_registered() {
    let mut world = World::<OneHop>::sharing(&config(), 60, 6);
    world.start_converged(0..60);
    world.publish(55, &[3]);
    world.run_for(Span::from_secs(1));
    let expected = [world.id(3), world.id(23), world.id(55)];
    assert_eq!(world.holders(3, PATIENCE), expected);
}

/// A lonely peer that owns all that it holds registers a whole disk without asking anybody.
#[test]
fn a_peer_alone_registers_a_whole_disk_with_itself() {
    let mut world = World::<OneHop>::new(&config(), Options { population: 2, seed: 1, items: 100_000, ..Options::default() });
    let disk: Vec<u32> = (0..100_000).collect();
    world.give(0, &disk);
    world.start_empty();
    world.join(0);
    world.run_for(Span::from_secs(1));
    assert_eq!(world.peer(0).and_then(|peer| peer.records()).map(peerlab_overlay::records::Records::len), Some(100_000));
}

/// A holder that crashed is believed until its record expires, and no longer; one that lives is refreshed for ever.
#[test]
fn records_of_the_dead_expire_and_those_of_the_living_stay() {
    let config = OneHopConfig { republish_interval: Duration::secs(120), record_expiry: Duration::secs(400), ..config() };
    let mut world = World::<OneHop>::sharing(&config, 60, 7);
    world.start_converged(0..60);
    world.crash(5);
    let (dead, living) = (world.id(5), world.id(25));
    world.run_for(MINUTE.times(4));
    assert_eq!(world.holders(5, PATIENCE), [dead, living]);
    world.run_for(MINUTE.times(10));
    assert_eq!(world.holders(5, PATIENCE), [living]);
}
