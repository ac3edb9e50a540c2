//! Filetuples: found, kept alive, forgotten.

use peerlab_model::ItemId;
use peerlab_model::units::Duration;

use super::*;

const PATIENCE: Span = Span::from_secs(5);

#[test]
fn all_holders_are_found_from_a_converged_start_and_from_joins() {
    for converged in [true, false] {
        let mut world = World::<Kelips>::sharing(&config(4), 60, 1);
        if converged {
            world.start_converged(0..60);
        } else {
            world.start_empty();
            for seat in 0..60 {
                world.join(seat);
                world.run_for(Span::from_secs(1));
            }
            world.run_for(MINUTE.times(4));
        }
        for item in 0..20 {
            let expected = [world.id(item), world.id(item + 20)];
            assert_eq!(world.holders(item, PATIENCE), expected, "item {item}, converged: {converged}");
        }
    }
}

/// Every member of the item's group knows the holders: most of the group may crash.
#[test]
fn any_member_of_the_group_answers() {
    let mut world = World::<Kelips>::sharing(&config(4), 60, 3);
    world.start_converged(0..60);
    (42..58).for_each(|seat| world.crash(seat));
    for item in 0..20 {
        let expected = [world.id(item), world.id(item + 20)];
        assert_eq!(world.holders(item, PATIENCE), expected, "item {item}");
    }
}

#[test]
fn a_newcomer_gets_the_filetuples_of_its_group() {
    let mut world = World::<Kelips>::sharing(&config(4), 60, 4);
    world.start_converged(0..59);
    world.join(59);
    world.run_for(Span::from_secs(2));
    let peer = world.peer(59).expect("online");
    for item in (0..20).map(ItemId) {
        let key = world.setting.numbering.item_key(item);
        let known = peer.filetuples().holders(key, world.now()).count();
        assert_eq!(known, if group_of(key, 4) == peer.group() { 2 } else { 0 });
    }
}

/// A removal is a rumour like any other, and older word of the same registration does not bring it back.
#[test]
fn a_withdrawn_item_is_forgotten_by_the_whole_group() {
    let mut world = World::<Kelips>::sharing(&config(4), 60, 5);
    world.start_converged(0..60);
    world.run_for(MINUTE);
    world.withdraw(7, &[7]);
    world.run_for(MINUTE.times(2));
    let key = world.setting.numbering.item_key(ItemId(7));
    let (gone, stays) = (world.id(7), world.id(27));
    let believers = world
        .online()
        .into_iter()
        .filter(|&seat| world.peer(seat).expect("online").filetuples().holders(key, world.now()).any(|h| h == gone));
    assert!(believers.count() <= 1, "a rumour may miss one");
    assert_eq!(world.holders(7, PATIENCE), [stays]);
    // And it may be registered again.
    world.publish(7, &[7]);
    world.run_for(MINUTE.times(2));
    assert_eq!(world.holders(7, PATIENCE), [gone, stays]);
}

/// A holder that crashed is believed until its filetuple expires, and no longer; one that lives is refreshed for ever.
#[test]
fn filetuples_of_the_dead_expire_and_those_of_the_living_stay() {
    let config = KelipsConfig { republish_interval: Duration::secs(120), record_expiry: Duration::secs(400), ..config(4) };
    let mut world = World::<Kelips>::sharing(&config, 60, 7);
    world.start_converged(0..60);
    world.crash(5);
    let (dead, living) = (world.id(5), world.id(25));
    world.run_for(MINUTE.times(4));
    assert_eq!(world.holders(5, PATIENCE), [dead, living]);
    world.run_for(MINUTE.times(10));
    assert_eq!(world.holders(5, PATIENCE), [living]);
}
