//! Provider records: found, kept alive, cached, forgotten.

use peerlab_model::{ItemId, Target};

use super::*;

const PATIENCE: Span = Span::from_secs(20);

/// Seats that keep a record about an item.
fn keepers(world: &World<Kademlia>, item: u32) -> Vec<PeerId> {
    let key = world.setting.numbering.item_key(ItemId(item));
    let keeps = |&seat: &u32| world.peer(seat).and_then(|peer| peer.records()).is_some_and(|records| records.of(key).next().is_some());
    world.online().into_iter().filter(keeps).map(|seat| world.id(seat)).collect()
}

#[test]
fn holders_are_found_from_a_converged_start_and_from_joins() {
    for converged in [true, false] {
        let mut world = World::<Kademlia>::sharing(&config(4), 60, 1);
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
            let found = world.holders(item, PATIENCE);
            // A lookup ends at the first peer that has any record; one that was stored when the network was small may be alone.
            assert!(!found.is_empty() && found.iter().all(|holder| expected.contains(holder)), "{found:?}");
            assert!(!converged || found == expected);
        }
    }
}

#[test]
fn records_lie_at_the_k_nearest() {
    let mut world = World::<Kademlia>::sharing(&config(4), 60, 2);
    world.start_converged(0..60);
    world.publish(55, &[3]);
    world.run_for(Span::from_secs(10));
    let key = world.setting.numbering.item_key(ItemId(3));
    let mut expected = nearest(&world, key, 4);
    expected.sort_unstable();
    assert_eq!(keepers(&world, 3), expected);
    let found = [world.id(3), world.id(23), world.id(55)];
    assert_eq!(world.holders(3, PATIENCE), found);
}

/// Paper, section 2.3: the nearest peer asked that had no record gets one, so that popular items spread.
#[test]
fn lookups_leave_copies_on_their_way() {
    for caching in [true, false] {
        let mut world = World::<Kademlia>::sharing(&KademliaConfig { caching, replicas: Some(1), alpha: 1, ..config(4) }, 60, 2);
        world.start_converged(0..60);
        for seat in 0..60 {
            if seat != 3 && seat != 23 {
                world.lookup(seat, Target::Item(ItemId(3)));
                world.run_for(Span::from_secs(5));
            }
        }
        assert_eq!(keepers(&world, 3).len() > 1, caching);
        let expected = [world.id(3), world.id(23)];
        assert_eq!(world.holders(3, PATIENCE), expected);
    }
}

#[test]
fn a_newcomer_gets_the_records_that_it_is_near_enough_to_keep() {
    let mut world = World::<Kademlia>::sharing(&config(4), 60, 4);
    world.start_converged(0..40);
    for seat in 40..60 {
        world.join(seat);
        world.run_for(Span::from_secs(20));
    }
    // All first keepers are gone but those that hold the items themselves.
    for item in 0..20 {
        let expected = [world.id(item), world.id(item + 20)];
        assert_eq!(world.holders(item, PATIENCE), expected);
        let key = world.setting.numbering.item_key(ItemId(item));
        let kept = keepers(&world, item);
        assert!(kept.contains(&nearest(&world, key, 1)[0]), "item {item}");
    }
}

#[test]
fn a_withdrawn_item_is_forgotten() {
    let mut world = World::<Kademlia>::sharing(&config(4), 60, 5);
    world.start_converged(0..60);
    world.withdraw(7, &[7]);
    world.run_for(Span::from_secs(10));
    let expected = [world.id(27)];
    assert_eq!(world.holders(7, PATIENCE), expected);
}

/// A holder that crashed is believed until its record expires, and no longer; one that lives is refreshed for ever.
#[test]
fn records_of_the_dead_expire_and_those_of_the_living_stay() {
    let config = KademliaConfig { republish_interval: Duration::secs(120), record_expiry: Duration::secs(400), ..config(4) };
    let mut world = World::<Kademlia>::sharing(&config, 60, 7);
    world.start_converged(0..60);
    world.crash(5);
    let (dead, living) = (world.id(5), world.id(25));
    world.run_for(MINUTE.times(4));
    assert_eq!(world.holders(5, PATIENCE), [dead, living]);
    world.run_for(MINUTE.times(10));
    assert_eq!(world.holders(5, PATIENCE), [living]);
}
