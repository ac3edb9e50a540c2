//! Chord against oracles, closed forms and the paper's figures.

mod content;
pub(crate) mod membership;
mod proximity;
mod routing;
mod tables;

use peerlab_model::units::Duration;
use peerlab_model::{Key, PeerId, Rng, Span};
use peerlab_overlay::structured::chord::{Chord, ChordConfig, ChordLike, Routing, Shortcuts};

use crate::harness::{Options, World};

/// Intervals as in workload Q, with fingers refreshed fast, so that settling takes minutes of simulated time.
fn config(routing: Routing) -> ChordConfig {
    ChordConfig {
        successors: 8,
        routing,
        stabilize_interval: Duration::secs(20),
        fix_fingers_interval: Duration::secs(5),
        check_predecessor_interval: Duration::secs(20),
        ..ChordConfig::default()
    }
}

fn world(config: &ChordConfig, population: u32, seed: u64) -> World<Chord> {
    World::new(config, Options { population, seed, ..Options::default() })
}

/// The members in the order of their keys.
pub(crate) fn ring<V: Shortcuts>(world: &World<ChordLike<V>>) -> Vec<(Key, PeerId)> {
    let numbering = world.setting.numbering;
    let mut ring: Vec<(Key, PeerId)> = world.online().into_iter().map(|seat| (numbering.key(world.id(seat)), world.id(seat))).collect();
    ring.sort_unstable();
    ring
}

/// The first of `ring` at or after `key`, by looking at every one.
pub(crate) fn owner(ring: &[(Key, PeerId)], key: Key) -> PeerId {
    ring.iter().min_by_key(|(k, _)| key.to(*k)).expect("a ring has members").1
}

/// What all tables of a quiet ring must hold, worked out peer by peer from scratch.
fn assert_tables_are_exact(world: &World<Chord>, successors: usize) {
    let ring = ring(world);
    let numbering = world.setting.numbering;
    for &(key, id) in &ring {
        let peer = world.peer(numbering.seat(id)).expect("it is online");
        let mut others: Vec<(Key, PeerId)> = ring.iter().copied().filter(|&(_, other)| other != id).collect();
        others.sort_unstable_by_key(|&(other, _)| key.to(other));
        let list: Vec<PeerId> = others.iter().take(successors).map(|&(_, other)| other).collect();
        assert_eq!(peer.successors(), list, "successors of {id:?}");
        assert_eq!(peer.predecessor(), others.last().map(|&(_, other)| other), "predecessor of {id:?}");
        let starts = (0..64).map(|index| 1_u64 << (63 - index));
        let beyond = starts.take_while(|&start| others.first().is_some_and(|&(next, _)| start > key.to(next)));
        let fingers: Vec<PeerId> = beyond.map(|start| owner(&ring, Key(key.0.wrapping_add(start)))).collect();
        assert_eq!(peer.fingers(), fingers, "fingers of {id:?}");
    }
    world.check();
}

/// The ring alone: every member's successor and predecessor are the next members on either side.
pub(crate) fn ring_is_whole<V: Shortcuts>(world: &World<ChordLike<V>>) -> Result<(), String> {
    let ring = ring(world);
    for (at, &(_, id)) in ring.iter().enumerate() {
        let peer = world.peer(world.setting.numbering.seat(id)).expect("it is online");
        let others = ring.len() > 1;
        let (next, last) = (ring[(at + 1) % ring.len()].1, ring[(at + ring.len() - 1) % ring.len()].1);
        if !peer.is_member() {
            return Err(format!("{id:?} is no member"));
        }
        if peer.successors().first().copied() != others.then_some(next) || peer.predecessor() != others.then_some(last) {
            return Err(format!("{id:?} lies between {:?} and {:?}, not {last:?} and {next:?}", peer.predecessor(), peer.successors()));
        }
    }
    Ok(())
}

pub(crate) fn random_key(rng: &mut Rng) -> Key {
    Key(rng.bits())
}

pub(crate) const MINUTE: Span = Span::from_secs(60);
pub(crate) const ALL: [Routing; 3] = [Routing::Iterative, Routing::SemiRecursive, Routing::Recursive];
