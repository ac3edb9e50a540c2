//! Object pointers: left along the way, found, kept alive, forgotten.

use peerlab_model::ItemId;

use super::*;

/// The first holder that a lookup of `item` names.
fn holder(world: &mut World<Tapestry>, asker: u32, item: u32) -> Option<PeerId> {
    let id = world.lookup(asker, Target::Item(ItemId(item)));
    world.run_for(Span::from_secs(20));
    assert!(world.record(id).finished.is_some());
    world.record(id).peers().first().copied()
}

/// Peers that have a pointer to this holder of the item, in ascending order.
fn pointers(world: &World<Tapestry>, item: u32, holder: PeerId) -> Vec<PeerId> {
    let key = world.setting.numbering.item_key(ItemId(item));
    let now = world.now();
    let has = |seat: &u32| {
        world.peer(*seat).and_then(TapestryPeer::records).is_some_and(|records| records.holders(key, now).any(|h| h == holder))
    };
    world.online().into_iter().filter(has).map(|seat| world.id(seat)).collect()
}

#[test]
fn items_are_found_from_a_converged_start_and_from_joins() {
    for converged in [true, false] {
        let mut world = World::<Tapestry>::sharing(&quick(), 200, 1);
        if converged {
            world.start_converged(0..200);
        } else {
            world.start_empty();
            for seat in 0..200 {
                world.join(seat);
                world.run_for(Span::from_millis(500));
            }
            world.run_for(MINUTE);
        }
        for item in 0..20 {
            let expected = [world.id(item), world.id(item + 20)];
            for asker in [50, 120, 199] {
                let holder = holder(&mut world, asker, item).expect("it is found");
                assert!(expected.contains(&holder), "converged: {converged}: {holder:?} for item {item}");
            }
        }
    }
}

/// A pointer lies at every peer from the holder to the root, and a question ends at the first: so it takes no more hops than the way to the
/// root and the redirection, and fewer in the mean.
#[test]
fn questions_end_at_the_first_pointer() {
    let mut world = World::<Tapestry>::sharing(&quick(), 200, 2);
    world.start_converged(0..200);
    let (mut to_roots, mut to_holders) = (0, 0);
    for item in 0..20 {
        let key = world.setting.numbering.item_key(ItemId(item));
        let root = owner(&members(&world), key, 4);
        for seat in [item, item + 20] {
            let way = pointers(&world, item, world.id(seat));
            assert!(way.contains(&root) && way.contains(&world.id(seat)), "{way:?}");
        }
        for asker in 40..140 {
            let (of_key, of_item) = (world.lookup(asker, Target::Key(key)), world.lookup(asker, Target::Item(ItemId(item))));
            world.run_for(Span::from_secs(3));
            let [to_root, to_holder] = [of_key, of_item].map(|id| world.record(id).hits[0].hit.hops);
            assert!(to_holder <= to_root + 1);
            (to_roots, to_holders) = (to_roots + to_root, to_holders + to_holder - 1);
        }
    }
    println!("hops to the root {:.3}, to the first pointer {:.3}", f64::from(to_roots) / 2000.0, f64::from(to_holders) / 2000.0);
    assert!(to_holders * 100 < to_roots * 97);
}

#[test]
fn the_pointers_to_a_holder_that_is_gone_are_passed_over() {
    let mut world = World::<Tapestry>::sharing(&quick(), 200, 3);
    world.start_converged(0..200);
    for item in 0..20 {
        world.crash(item);
    }
    for item in 0..20 {
        let expected = world.id(item + 20);
        assert_eq!(holder(&mut world, 150, item), Some(expected), "item {item}");
    }
}

#[test]
fn items_are_found_when_roots_crash_and_leave() {
    let mut world = World::<Tapestry>::sharing(&quick(), 200, 4);
    world.start_converged(0..200);
    for (turn, item) in (0..20).enumerate() {
        let key = world.setting.numbering.item_key(ItemId(item));
        let root = world.setting.numbering.seat(owner(&members(&world), key, 4));
        if !(40..=190).contains(&root) {
            continue;
        }
        if turn % 2 == 0 {
            world.leave(root);
        } else {
            world.crash(root);
        }
        world.run_for(Span::from_secs(15));
        let holder = holder(&mut world, 195, item).expect("it is found");
        assert!([item, item + 20].map(|seat| world.id(seat)).contains(&holder));
        // The new root has been given the pointers, without waiting for the next publication.
        let root = owner(&members(&world), key, 4);
        let there = pointers(&world, item, world.id(item)).contains(&root) || pointers(&world, item, world.id(item + 20)).contains(&root);
        assert!(there, "item {item}: the new root knows of neither holder");
    }
}

/// Newcomers become roots: the pointers come to them with the multicast.
#[test]
fn pointers_move_to_newcomers() {
    let mut world = World::<Tapestry>::sharing(&quick(), 200, 5);
    world.start_converged(0..100);
    for seat in 100..200 {
        world.join(seat);
        world.run_for(Span::from_millis(700));
    }
    world.run_for(Span::from_secs(5));
    let mut moved = 0;
    for item in 0..20 {
        let key = world.setting.numbering.item_key(ItemId(item));
        let root = owner(&members(&world), key, 4);
        moved += u32::from(world.setting.numbering.seat(root) >= 100);
        for seat in [item, item + 20] {
            assert!(pointers(&world, item, world.id(seat)).contains(&root), "item {item}");
        }
    }
    assert!(moved > 4, "{moved} of 20 keys have a newcomer for their root");
}

#[test]
fn a_withdrawn_item_is_forgotten_all_along_the_way() {
    let mut world = World::<Tapestry>::sharing(&quick(), 200, 6);
    world.start_converged(0..200);
    let id = world.id(7);
    assert!(pointers(&world, 7, id).len() > 1);
    world.withdraw(7, &[7]);
    world.run_for(Span::from_secs(10));
    assert_eq!(pointers(&world, 7, id), []);
    let expected = world.id(27);
    assert_eq!(holder(&mut world, 150, 7), Some(expected));
}

#[test]
fn a_new_item_is_published() {
    let mut world = World::<Tapestry>::sharing(&quick(), 200, 7);
    world.start_converged(0..200);
    world.publish(155, &[3]);
    world.run_for(Span::from_secs(10));
    let key = world.setting.numbering.item_key(ItemId(3));
    let root = owner(&members(&world), key, 4);
    assert!(pointers(&world, 3, world.id(155)).contains(&root));
}

/// Pointers to a holder that crashed last until they expire, and no longer; those to one that lives are renewed for ever.
#[test]
fn pointers_to_the_dead_expire_and_those_to_the_living_stay() {
    let config = TapestryConfig { republish_interval: Duration::secs(120), record_expiry: Duration::secs(400), ..quick() };
    let mut world = World::<Tapestry>::sharing(&config, 200, 8);
    world.start_converged(0..200);
    world.crash(5);
    let (dead, living) = (world.id(5), world.id(25));
    world.run_for(MINUTE.times(4));
    assert!(!pointers(&world, 5, dead).is_empty());
    world.run_for(MINUTE.times(10));
    assert_eq!(pointers(&world, 5, dead), []);
    assert!(!pointers(&world, 5, living).is_empty());
}
