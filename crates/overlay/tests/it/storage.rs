//! Values that peers keep: the same promises for every model that keeps some.

use peerlab_model::units::Duration;
use peerlab_model::{ItemId, Overlay, Span, Target};
use peerlab_overlay::structured::can::{Can, CanConfig};
use peerlab_overlay::structured::chord::{Chord, ChordConfig, Routing};
use peerlab_overlay::structured::kademlia::{Kademlia, KademliaConfig};
use peerlab_overlay::structured::kelips::{Kelips, KelipsConfig};
use peerlab_overlay::structured::koorde::{Koorde, KoordeConfig};
use peerlab_overlay::structured::onehop::{OneHop, OneHopConfig};
use peerlab_overlay::structured::pastry::{Bamboo, BambooConfig, Pastry, PastryConfig};
use peerlab_overlay::structured::tapestry::{Tapestry, TapestryConfig};

use crate::harness::{Options, World};

const MINUTE: Span = Span::from_secs(60);
const VALUE: u32 = 4096;
const PEERS: u32 = 40;
const ITEMS: u32 = 30;

/// Nobody publishes again, and nothing expires. (A value of a converged start has an age of up to one interval.)
const NEVER: Duration = Duration::secs(1_000_000);
const LONG: Duration = Duration::secs(3_000_000);

fn chord(routing: Routing, maintenance: u64) -> ChordConfig {
    let maintenance_interval = Duration::secs(maintenance);
    ChordConfig { routing, republish_interval: NEVER, record_expiry: LONG, maintenance_interval, ..ChordConfig::default() }
}

fn koorde(maintenance: u64) -> KoordeConfig {
    let maintenance_interval = Duration::secs(maintenance);
    KoordeConfig { republish_interval: NEVER, record_expiry: LONG, maintenance_interval, ..KoordeConfig::default() }
}

fn kademlia(repair: u64) -> KademliaConfig {
    KademliaConfig {
        k: 8,
        replicas: Some(3),
        republish_interval: NEVER,
        record_expiry: LONG,
        caching: false,
        hand_over: repair > 0,
        replicate_interval: Duration::secs(repair),
        refresh_interval: Duration::secs(300),
        ..KademliaConfig::default()
    }
}

fn pastry(maintenance: u64) -> PastryConfig {
    let maintenance_interval = Duration::secs(maintenance);
    PastryConfig { republish_interval: NEVER, record_expiry: LONG, maintenance_interval, ..PastryConfig::default() }
}

fn bamboo(maintenance: u64) -> BambooConfig {
    let maintenance_interval = Duration::secs(maintenance);
    BambooConfig { republish_interval: NEVER, record_expiry: LONG, maintenance_interval, ..BambooConfig::default() }
}

fn can(maintenance: u64) -> CanConfig {
    let maintenance_interval = Duration::secs(maintenance);
    CanConfig { republish_interval: NEVER, record_expiry: LONG, maintenance_interval, ..CanConfig::default() }
}

fn onehop(maintenance: u64) -> OneHopConfig {
    let maintenance_interval = Duration::secs(maintenance);
    OneHopConfig { republish_interval: NEVER, record_expiry: LONG, maintenance_interval, ..OneHopConfig::default() }
}

fn kelips(maintenance: u64) -> KelipsConfig {
    let maintenance_interval = Duration::secs(maintenance);
    KelipsConfig { groups: 4, republish_interval: NEVER, record_expiry: LONG, maintenance_interval, ..KelipsConfig::default() }
}

fn tapestry(maintenance: u64) -> TapestryConfig {
    let maintenance_interval = Duration::secs(maintenance);
    TapestryConfig { republish_interval: NEVER, record_expiry: LONG, maintenance_interval, ..TapestryConfig::default() }
}

/// Peers 0 … 9 have published three values each, and keep none of them on disks of their own.
fn world<O: Overlay>(config: &O::Config, seed: u64) -> World<O> {
    let options = Options { population: PEERS, seed, items: ITEMS, value_bytes: VALUE, ..Options::default() };
    let mut world = World::new(config, options);
    for item in 0..ITEMS {
        world.give(item / 3, &[item]);
    }
    world.start_converged(0..PEERS);
    world.empty_disks();
    world
}

/// Two peers crash every three minutes, and come back with an empty disk three minutes later. Values of which a copy is left after `rounds`.
fn left_after<O: Overlay>(config: &O::Config, rounds: u32) -> usize {
    let mut world = world::<O>(config, 3);
    let mut rng = world.test_rng();
    let mut away: Vec<u32> = Vec::new();
    for _ in 0..rounds {
        let back = std::mem::take(&mut away);
        for _ in 0..2 {
            let online = world.online();
            let &seat = rng.pick(&online).expect("somebody is online");
            world.crash(seat);
            away.push(seat);
        }
        for seat in back {
            world.join(seat);
        }
        world.run_for(MINUTE.times(3));
        world.check();
        let c: Vec<usize> = (0..ITEMS).map(|i| world.copies(i)).collect();
        eprintln!("away {away:?} {c:?}");
    }
    (0..ITEMS).filter(|&item| world.copies(item) > 0).count()
}

#[test]
fn values_survive_their_keepers_while_repair_runs_and_die_out_without() {
    assert_eq!(left_after::<Chord>(&chord(Routing::Iterative, 60), 60), ITEMS as usize);
    assert_eq!(left_after::<Koorde>(&koorde(60), 60), ITEMS as usize);
    assert_eq!(left_after::<Kademlia>(&kademlia(60), 60), ITEMS as usize);
    assert_eq!(left_after::<Pastry>(&pastry(60), 60), ITEMS as usize);
    assert_eq!(left_after::<Bamboo>(&bamboo(60), 60), ITEMS as usize);
    assert_eq!(left_after::<Can>(&can(60), 60), ITEMS as usize);
    assert_eq!(left_after::<OneHop>(&onehop(60), 60), ITEMS as usize);
    assert_eq!(left_after::<Kelips>(&kelips(60), 60), ITEMS as usize);
    assert_eq!(left_after::<Tapestry>(&tapestry(60), 60), ITEMS as usize);
    // Pastry's leaf sets and OneHop's tables repair what they can at once, whether keepers are compared at intervals or not.
    let left = [
        left_after::<Chord>(&chord(Routing::Iterative, 0), 60),
        left_after::<Koorde>(&koorde(0), 60),
        left_after::<Kademlia>(&kademlia(0), 60),
        left_after::<Can>(&can(0), 60),
        left_after::<Kelips>(&kelips(0), 60),
        left_after::<Tapestry>(&tapestry(0), 60),
    ];
    assert!(left.iter().all(|&left| left < ITEMS as usize), "without repair: {left:?}");
}

/// A question for a value ends at one of its keepers.
fn every_value_is_got<O: Overlay>(world: &mut World<O>) {
    for item in 0..ITEMS {
        for seat in [20, 30] {
            let id = world.lookup(seat, Target::Item(ItemId(item)));
            world.run_for(Span::from_secs(20));
            let record = world.record(id);
            assert!(record.finished.is_some());
            let [answer] = record.hits[..] else { panic!("item {item} at {seat}: {record:?}") };
            let keeper = world.setting.numbering.seat(answer.hit.peer);
            let key = world.setting.numbering.item_key(ItemId(item));
            assert!(world.kept(keeper).iter().any(|kept| kept.key == key), "item {item}: {keeper} does not keep it");
            let own = world.kept(seat).iter().any(|kept| kept.key == key);
            assert!(!own || keeper == seat && answer.hit.hops == 0 && record.messages() == 0, "its own value, from {keeper}");
        }
    }
}

#[test]
fn the_answer_is_the_keepers_and_an_origin_that_keeps_the_value_asks_nobody() {
    for routing in [Routing::Iterative, Routing::SemiRecursive, Routing::Recursive] {
        every_value_is_got(&mut world::<Chord>(&chord(routing, 60), 1));
    }
    every_value_is_got(&mut world::<Koorde>(&koorde(60), 1));
    every_value_is_got(&mut world::<Kademlia>(&kademlia(60), 1));
    every_value_is_got(&mut world::<Pastry>(&pastry(60), 1));
    every_value_is_got(&mut world::<Bamboo>(&bamboo(60), 1));
    every_value_is_got(&mut world::<Can>(&can(60), 1));
    every_value_is_got(&mut world::<OneHop>(&onehop(60), 1));
    every_value_is_got(&mut world::<Kelips>(&kelips(60), 1));
    every_value_is_got(&mut world::<Tapestry>(&tapestry(60), 1));
}

/// All keepers of a value are gone; one comes back with what was on its disk, and all is as before after a while.
fn a_disk_brings_a_value_back<O: Overlay>(config: &O::Config, replicas: usize) {
    let mut world = world::<O>(config, 2);
    world.run_for(MINUTE);
    let key = world.setting.numbering.item_key(ItemId(4));
    let keepers: Vec<u32> = world.online().into_iter().filter(|&seat| world.kept(seat).iter().any(|kept| kept.key == key)).collect();
    assert_eq!(keepers.len(), replicas);
    let disks: Vec<_> = keepers.iter().map(|&seat| world.kept(seat)).collect();
    for &seat in &keepers {
        world.crash(seat);
    }
    world.run_for(MINUTE.times(5));
    assert_eq!(world.copies(4), 0);
    world.join_with(keepers[0], &disks[0]);
    world.run_for(MINUTE.times(20));
    assert_eq!(world.copies(4), replicas, "one of {keepers:?} is back");
    let asker = (0..PEERS).find(|seat| !keepers.contains(seat) && !world.kept(*seat).iter().any(|kept| kept.key == key)).expect("somebody");
    let id = world.lookup(asker, Target::Item(ItemId(4)));
    world.run_for(Span::from_secs(20));
    assert_eq!(world.record(id).hits.len(), 1);
}

#[test]
fn a_disk_that_returns_brings_its_values_back_to_all_replicas() {
    a_disk_brings_a_value_back::<Chord>(&chord(Routing::Iterative, 60), 3);
    a_disk_brings_a_value_back::<Koorde>(&koorde(60), 3);
    a_disk_brings_a_value_back::<Kademlia>(&kademlia(60), 3);
    a_disk_brings_a_value_back::<Pastry>(&pastry(60), 3);
    a_disk_brings_a_value_back::<Bamboo>(&bamboo(60), 3);
    a_disk_brings_a_value_back::<Can>(&can(60), 3);
    a_disk_brings_a_value_back::<OneHop>(&onehop(60), 3);
    a_disk_brings_a_value_back::<Kelips>(&kelips(60), 3);
    a_disk_brings_a_value_back::<Tapestry>(&tapestry(60), 3);
}

/// Who stores, hands over or answers sends the value; who asks, or says what it has, does not.
fn values_are_paid_for<O: Overlay>(config: &O::Config, with: &[&str], without: &[&str]) {
    let mut world = world::<O>(config, 4);
    world.publish(35, &[7]);
    for seat in 12..17 {
        world.leave(seat);
    }
    world.run_for(MINUTE.times(3));
    for seat in 12..17 {
        world.join(seat);
    }
    for seat in 0..PEERS {
        world.lookup(seat, Target::Item(ItemId(seat % ITEMS)));
    }
    world.run_for(MINUTE.times(10));
    for kind in with {
        let (messages, bytes) = (world.sent(kind), world.bytes(kind));
        assert!(messages > 0 && bytes > messages * u64::from(VALUE), "{kind}: {messages} messages of {bytes} bytes");
    }
    for kind in without {
        let (messages, bytes) = (world.sent(kind), world.bytes(kind));
        assert!(messages > 0 && bytes < messages * 1500, "{kind}: {messages} messages of {bytes} bytes");
    }
}

#[test]
fn messages_that_carry_values_have_their_size() {
    values_are_paid_for::<Chord>(
        &chord(Routing::Iterative, 60),
        &["store", "replicate", "hand-over", "values", "providers"],
        &["step", "fetch", "stored", "offer", "want", "neighbours"],
    );
    values_are_paid_for::<Kademlia>(
        &KademliaConfig { caching: true, ..kademlia(60) },
        &["store", "value", "cache", "hand-over", "replicate"],
        &["find-value", "find-node", "nodes", "stored"],
    );
    values_are_paid_for::<Pastry>(
        &pastry(60),
        &["store", "replicate", "hand-over", "providers"],
        &["forward", "offer", "stored", "leaves"],
    );
    values_are_paid_for::<Can>(&can(60), &["put", "values", "value"], &["forward", "offer", "want", "stored"]);
    values_are_paid_for::<OneHop>(&onehop(60), &["replicate", "hand-over", "providers"], &["offer", "owner", "compare"]);
    values_are_paid_for::<Kelips>(&kelips(60), &["insert", "values", "value"], &["ask", "answer", "gossip", "stored"]);
    values_are_paid_for::<Tapestry>(&tapestry(60), &["store", "values", "hand-over"], &["forward", "offer", "want", "stored"]);
}

/// All keepers of a value but one crash at the same moment: after one round of repair (and the time that it takes to notice) there are as many
/// again as there were. A newcomer, and the others when a keeper leaves, get what is theirs to keep.
fn the_last_copy_is_copied<O: Overlay>(config: &O::Config, replicas: usize) {
    for item in [1, 7, 20] {
        let mut world = world::<O>(config, 6);
        world.run_for(MINUTE);
        let keepers = keepers_of(&world, item);
        assert_eq!(keepers.len(), replicas, "item {item}");
        for &seat in &keepers[1..] {
            world.crash(seat);
        }
        assert_eq!(world.copies(item), 1);
        world.run_for(MINUTE.times(6));
        assert_eq!(world.copies(item), replicas, "item {item}: {keepers:?} but the first have crashed");
        // One after the other, politely: the value is never gone.
        for _ in 0..10 {
            let keepers = keepers_of(&world, item);
            world.leave(keepers[0]);
            world.run_for(Span::from_secs(5));
            assert!(world.copies(item) >= replicas - 1, "item {item}: {keepers:?}, and the first has left");
            world.run_for(MINUTE.times(4));
            world.join(keepers[0]);
            world.run_for(MINUTE.times(2));
        }
        assert_eq!(world.copies(item), replicas, "item {item}");
    }
}

fn keepers_of<O: Overlay>(world: &World<O>, item: u32) -> Vec<u32> {
    let key = world.setting.numbering.item_key(ItemId(item));
    world.online().into_iter().filter(|&seat| world.kept(seat).iter().any(|kept| kept.key == key)).collect()
}

#[test]
fn one_copy_that_is_left_is_enough() {
    the_last_copy_is_copied::<Can>(&can(60), 3);
    the_last_copy_is_copied::<OneHop>(&onehop(60), 3);
    the_last_copy_is_copied::<Kelips>(&kelips(60), 3);
    the_last_copy_is_copied::<Tapestry>(&tapestry(60), 3);
}

/// What a publisher takes back is forgotten by all keepers, and repair does not bring it back.
fn what_is_taken_back_stays_away<O: Overlay>(config: &O::Config) {
    let mut world = world::<O>(config, 5);
    world.run_for(MINUTE);
    assert_eq!(world.copies(4), 3);
    world.withdraw(1, &[4]);
    world.run_for(MINUTE.times(10));
    assert_eq!(world.copies(4), 0);
    assert!(world.copies(5) >= 3, "the others stay");
}

#[test]
fn a_value_that_is_taken_back_does_not_return() {
    what_is_taken_back_stays_away::<Can>(&can(60));
    what_is_taken_back_stays_away::<Kelips>(&kelips(60));
    what_is_taken_back_stays_away::<Tapestry>(&tapestry(60));
}

/// Where peers keep the names of holders, nobody compares anything.
#[test]
fn provider_records_are_not_repaired() {
    let options = Options { population: PEERS, items: ITEMS, ..Options::default() };
    let mut world = World::<Chord>::new(&chord(Routing::Iterative, 60), options);
    world.give(5, &[4]);
    world.start_converged(0..PEERS);
    world.run_for(MINUTE.times(10));
    assert_eq!(world.sent("offer"), 0);
}

/// A value that a publisher stores again in another life is the same value.
#[test]
fn a_publisher_with_another_identity_replaces_its_value() {
    let options = Options { population: PEERS, items: ITEMS, value_bytes: VALUE, new_identity: true, ..Options::default() };
    let mut world = World::<Chord>::new(&chord(Routing::Iterative, 60), options);
    world.give(5, &[4]);
    world.start_converged(0..PEERS);
    for _ in 0..3 {
        world.crash(5);
        world.run_for(MINUTE.times(3));
        world.join(5);
        world.run_for(MINUTE.times(3));
    }
    let most = (0..PEERS).map(|seat| world.kept(seat).len()).max();
    assert_eq!(most, Some(1));
    assert_eq!(world.copies(4), 3);
}

/// A quorum is of keepers that send the value: with one keeper left, a `get` that wants one is content, and one that wants two finds nothing.
#[test]
fn a_get_waits_for_as_many_keepers_as_its_quorum() {
    for quorum in [1, 2, 3] {
        let mut world = world::<Kademlia>(&KademliaConfig { quorum, ..kademlia(0) }, 8);
        world.run_for(MINUTE);
        let keepers = keepers_of(&world, 4);
        assert_eq!(keepers.len(), 3);
        let asker = (0..PEERS).find(|seat| !keepers.contains(seat)).expect("somebody keeps nothing of it");
        let mut found_with = Vec::new();
        for left in (0..=3).rev() {
            let before = world.sent("value");
            let id = world.lookup(asker, Target::Item(ItemId(4)));
            world.run_for(MINUTE);
            let (hits, answers) = (world.record(id).hits.len(), world.sent("value") - before);
            if hits > 0 {
                found_with.push(left);
                assert!(answers >= u64::from(quorum), "{answers} keepers have sent it, of {quorum}");
            }
            if left > 0 {
                world.crash(keepers[left as usize - 1]);
            }
        }
        let expected: Vec<u32> = (u32::from(quorum)..=3).rev().collect();
        assert_eq!(found_with, expected, "quorum {quorum}");
    }
}
