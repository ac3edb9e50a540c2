//! OneHop against brute force, through every small history, and at its published purpose: one hop.

mod content;
mod events;
mod membership;
mod routing;
mod tables;

use peerlab_model::units::Duration;
use peerlab_model::{Key, PeerId, Span};
use peerlab_overlay::structured::onehop::{OneHop, OneHopConfig, OneHopPeer};

use crate::harness::{Options, World};

/// Upkeep fast enough to settle within minutes of simulated time, and several slices and units.
fn config() -> OneHopConfig {
    OneHopConfig { slices: 3, units: 3, t_big: Duration::secs(5), reconcile_interval: Duration::secs(5), ..OneHopConfig::default() }
}

/// The same without comparisons of tables: events alone keep them.
fn events_alone() -> OneHopConfig {
    OneHopConfig { reconcile_interval: Duration::secs(1_000_000), ..config() }
}

fn world(config: &OneHopConfig, population: u32, seed: u64) -> World<OneHop> {
    World::new(config, Options { population, seed, ..Options::default() })
}

/// Who is online, in the order of their keys.
fn ring(world: &World<OneHop>) -> Vec<(Key, PeerId)> {
    let numbering = world.setting.numbering;
    let mut ring: Vec<(Key, PeerId)> = world.online().into_iter().map(|seat| (numbering.key(world.id(seat)), world.id(seat))).collect();
    ring.sort_unstable();
    ring
}

/// The successor of `key`, by looking at every one.
fn owner(ring: &[(Key, PeerId)], key: Key) -> PeerId {
    ring.iter().min_by_key(|(k, _)| key.to(*k)).expect("a ring has members").1
}

fn peer_of(world: &World<OneHop>, id: PeerId) -> &OneHopPeer {
    world.peer(world.setting.numbering.seat(id)).expect("it is online")
}

/// Everybody who is online is a member and knows all of them and nobody else.
fn tables_are_exact(world: &World<OneHop>) -> Result<(), String> {
    let all: Vec<PeerId> = ring(world).into_iter().map(|(_, id)| id).collect();
    for &id in &all {
        let peer = peer_of(world, id);
        if !peer.is_member() {
            return Err(format!("{id:?} is no member"));
        }
        if peer.members() != all {
            let missing: Vec<_> = all.iter().filter(|id| !peer.members().contains(id)).collect();
            let stale: Vec<_> = peer.members().iter().filter(|id| !all.contains(id)).collect();
            return Err(format!("{id:?} misses {missing:?} and still has {stale:?}"));
        }
    }
    world.check();
    Ok(())
}

const MINUTE: Span = Span::from_secs(60);
