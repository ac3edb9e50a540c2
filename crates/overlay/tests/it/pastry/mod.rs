//! Pastry and Bamboo against oracles, an independent Monte-Carlo and the paper's figures.

mod content;
mod membership;
mod routing;
mod tables;

use peerlab_model::units::Duration;
use peerlab_model::{Key, PeerId, Rng, Span};
use peerlab_overlay::structured::pastry::{BambooConfig, Pastry, PastryConfig, PastryLike, PastryPeer, Variant};

use crate::harness::{Options, World};

/// A model of Pastry's kind, with upkeep fast enough to settle within minutes of simulated time.
trait Kind: Variant {
    fn config(leaf_set: u8) -> Self::Config;
    fn with_records(republish: Duration, expiry: Duration) -> Self::Config;
}

type Classic = peerlab_overlay::structured::pastry::Classic;
type Periodic = peerlab_overlay::structured::pastry::Periodic;

impl Kind for Classic {
    fn config(leaf_set: u8) -> PastryConfig {
        PastryConfig {
            leaf_set,
            replicas: 3.min(leaf_set / 2 + 1),
            leaf_set_interval: Duration::secs(10),
            table_interval: Duration::secs(5),
            neighbourhood_interval: Duration::secs(10),
            ..PastryConfig::default()
        }
    }

    fn with_records(republish: Duration, expiry: Duration) -> PastryConfig {
        PastryConfig { republish_interval: republish, record_expiry: expiry, ..Self::config(16) }
    }
}

impl Kind for Periodic {
    fn config(leaf_set: u8) -> BambooConfig {
        BambooConfig {
            leaf_set,
            replicas: 3.min(leaf_set / 2 + 1),
            local_tuning_interval: Duration::secs(5),
            global_tuning_interval: Duration::secs(5),
            ..BambooConfig::default()
        }
    }

    fn with_records(republish: Duration, expiry: Duration) -> BambooConfig {
        BambooConfig { republish_interval: republish, record_expiry: expiry, ..Self::config(16) }
    }
}

fn world<V: Variant>(config: &V::Config, population: u32, seed: u64) -> World<PastryLike<V>> {
    World::new(config, Options { population, seed, ..Options::default() })
}

/// The members in the order of their keys.
fn ring<V: Variant>(world: &World<PastryLike<V>>) -> Vec<(Key, PeerId)> {
    let numbering = world.setting.numbering;
    let mut ring: Vec<(Key, PeerId)> = world.online().into_iter().map(|seat| (numbering.key(world.id(seat)), world.id(seat))).collect();
    ring.sort_unstable();
    ring
}

/// Distance the shorter way round; of two at the same one, whoever lies at or after the key comes first.
fn far(key: Key, peer: Key) -> (u64, u64) {
    let (ahead, behind) = (peer.0.wrapping_sub(key.0), key.0.wrapping_sub(peer.0));
    (ahead.min(behind), ahead)
}

/// The numerically closest to `key`, by looking at every one.
fn owner(ring: &[(Key, PeerId)], key: Key) -> PeerId {
    ring.iter().min_by_key(|(k, _)| far(key, *k)).expect("a ring has members").1
}

fn peer_of<V: Variant>(world: &World<PastryLike<V>>, id: PeerId) -> &PastryPeer {
    world.peer(world.setting.numbering.seat(id)).expect("it is online")
}

/// The leaf set that a peer must have, from all members: on each side the nearest of that half of the ring; the nearest of the other half,
/// where there is nobody.
fn exact_leaves(ring: &[(Key, PeerId)], key: Key, side: usize) -> (Vec<PeerId>, Vec<PeerId>) {
    let mut after: Vec<(u64, PeerId)> = ring.iter().map(|&(k, id)| (key.to(k), id)).filter(|&(d, _)| d != 0).collect();
    let mut before: Vec<(u64, PeerId)> = ring.iter().map(|&(k, id)| (k.to(key), id)).filter(|&(d, _)| d != 0).collect();
    after.sort_unstable();
    before.sort_unstable();
    let pick = |list: &[(u64, PeerId)], upto: u64| {
        let near = list.iter().take_while(|&&(d, _)| d < upto).count();
        let taken = if near == 0 { list.len().min(1) } else { near.min(side) };
        list[..taken].iter().map(|&(_, id)| id).collect()
    };
    (pick(&after, 1 << 63), pick(&before, (1 << 63) + 1))
}

/// Every member's leaf set is the one that all members together say it must be.
fn leaf_sets_are_exact<V: Variant>(world: &World<PastryLike<V>>, side: usize) -> Result<(), String> {
    let ring = ring(world);
    for &(key, id) in &ring {
        let peer = peer_of(world, id);
        if !peer.is_member() {
            return Err(format!("{id:?} is no member"));
        }
        let (after, before) = exact_leaves(&ring, key, side);
        if peer.leaf_set() != (&after[..], &before[..]) {
            return Err(format!("leaf set of {id:?}: {:?}, not {:?}", peer.leaf_set(), (after, before)));
        }
    }
    world.check();
    Ok(())
}

/// Slots of all routing tables that some member fits: (those that are filled with a living member, all of them).
fn filled_slots<V: Variant>(world: &World<PastryLike<V>>, b: u8) -> (usize, usize) {
    let ring = ring(world);
    let (mut filled, mut all) = (0, 0);
    for &(key, id) in &ring {
        let peer = peer_of(world, id);
        for row in 0..64 / usize::from(b) {
            let digit = |k: Key| (k.0 >> (64 - usize::from(b) * (row + 1))) & ((1 << b) - 1);
            let prefix = |k: Key| if row == 0 { 0 } else { k.0 >> (64 - usize::from(b) * row) };
            let mut fitting: Vec<u64> = ring
                .iter()
                .filter(|&&(k, other)| other != id && prefix(k) == prefix(key) && digit(k) != digit(key))
                .map(|&(k, _)| digit(k))
                .collect();
            fitting.sort_unstable();
            fitting.dedup();
            if fitting.is_empty() && prefix(ring[0].0) != prefix(key) && row > 8 {
                break;
            }
            all += fitting.len();
            filled += peer.row(row, b).into_iter().filter(|other| ring.iter().any(|&(_, id)| id == *other)).count();
        }
    }
    (filled, all)
}

fn random_key(rng: &mut Rng) -> Key {
    Key(rng.bits())
}

const MINUTE: Span = Span::from_secs(60);
