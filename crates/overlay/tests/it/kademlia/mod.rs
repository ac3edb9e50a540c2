//! Kademlia against oracles, closed forms and an independent Monte-Carlo.

mod content;
mod disjoint;
mod membership;
mod proximity;
mod recursive;
mod routing;
mod tables;
mod tokens;

use peerlab_model::units::Duration;
use peerlab_model::{Key, PeerId, Rng, Span};
use peerlab_overlay::structured::kademlia::{Kademlia, KademliaConfig};

use crate::harness::{Options, World};

/// Buckets refreshed fast, so that settling takes minutes of simulated time.
fn config(k: u8) -> KademliaConfig {
    KademliaConfig { k, refresh_interval: Duration::secs(60), ..KademliaConfig::default() }
}

fn world(config: &KademliaConfig, population: u32, seed: u64) -> World<Kademlia> {
    World::new(config, Options { population, seed, ..Options::default() })
}

/// The `count` members that are online nearest to `key`, by looking at every one.
fn nearest(world: &World<Kademlia>, key: Key, count: usize) -> Vec<PeerId> {
    let numbering = world.setting.numbering;
    let mut all: Vec<(u64, PeerId)> =
        world.online().iter().map(|&seat| world.id(seat)).map(|id| (numbering.key(id).0 ^ key.0, id)).collect();
    all.sort_unstable();
    all.iter().take(count).map(|&(_, id)| id).collect()
}

/// Every member knows its k nearest, whom it has at home.
fn assert_homes_are_complete(world: &World<Kademlia>, k: usize) {
    world.check();
    assert_eq!(homes_are_complete(world, k), Ok(()));
}

fn homes_are_complete(world: &World<Kademlia>, k: usize) -> Result<(), String> {
    for seat in world.online() {
        let (id, peer) = (world.id(seat), world.peer(seat).expect("it is online"));
        let home: Vec<PeerId> = world.model.home(peer).collect();
        let near = nearest(world, world.setting.numbering.key(id), k + 1);
        if let Some(missing) = near.iter().find(|&&near| near != id && !home.contains(&near)) {
            return Err(format!("{id:?} does not know {missing:?}: {home:?}"));
        }
        if !peer.is_member() {
            return Err(format!("{id:?} is no member"));
        }
    }
    Ok(())
}

fn random_key(rng: &mut Rng) -> Key {
    Key(rng.bits())
}

const MINUTE: Span = Span::from_secs(60);
