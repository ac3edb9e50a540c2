//! Koorde against oracles, the paper's analysis and a Monte-Carlo calculation on the same ring.

mod content;
mod membership;
mod routing;
mod tables;

use peerlab_model::units::Duration;
use peerlab_model::{Key, PeerId};
use peerlab_overlay::structured::chord::Routing;
use peerlab_overlay::structured::koorde::{Koorde, KoordeConfig};

use crate::chord::{ALL, MINUTE, owner, random_key, ring};
use crate::harness::{Options, World};

/// Base 4, and intervals that let a ring settle within minutes of simulated time.
fn config(routing: Routing) -> KoordeConfig {
    KoordeConfig {
        degree: 4,
        pointers: 4,
        backups: 3,
        successors: 8,
        routing,
        stabilize_interval: Duration::secs(20),
        fix_debruijn_interval: Duration::secs(10),
        check_predecessor_interval: Duration::secs(20),
        ..KoordeConfig::default()
    }
}

/// What the paper's Figure 2 needs and no more: one successor, one de Bruijn pointer.
fn bare(degree: u16) -> KoordeConfig {
    KoordeConfig { degree, pointers: 1, backups: 0, successors: 1, replicas: 1, ..config(Routing::SemiRecursive) }
}

fn world(config: &KoordeConfig, population: u32, seed: u64) -> World<Koorde> {
    World::new(config, Options { population, seed, ..Options::default() })
}

/// The pointers that the peer at `this` must have, by looking at all others: `backups` and one more at or before k·m, the rest beyond it.
fn expected_pointers(config: &KoordeConfig, ring: &[(Key, PeerId)], this: (Key, PeerId)) -> Vec<PeerId> {
    let point = Key(this.0.0.wrapping_mul(u64::from(config.degree)));
    let mut before: Vec<(u64, PeerId)> = ring.iter().filter(|other| other.1 != this.1).map(|other| (other.0.to(point), other.1)).collect();
    before.sort_unstable();
    let back = usize::from(config.backups) + 1;
    let ahead: Vec<PeerId> = before.iter().rev().map(|&(_, other)| other).take(usize::from(config.pointers) - 1).collect();
    before.iter().take(back).rev().map(|&(_, other)| other).chain(ahead).collect()
}

fn assert_pointers_are_exact(world: &World<Koorde>, config: &KoordeConfig) {
    let ring = ring(world);
    for &this in &ring {
        let peer = world.peer(world.setting.numbering.seat(this.1)).expect("it is online");
        assert_eq!(peer.pointers(), expected_pointers(config, &ring, this), "pointers of {:?}", this.1);
    }
    world.check();
}
