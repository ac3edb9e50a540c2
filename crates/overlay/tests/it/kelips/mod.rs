//! Kelips against brute force, through every small history, and at its published purpose: one hop at a bounded bandwidth.

mod content;
mod gossip;
mod membership;
mod routing;
mod tables;

use peerlab_model::{Key, PeerId, Span};
use peerlab_overlay::structured::kelips::{Kelips, KelipsConfig, KelipsPeer};

use crate::harness::{Options, World};

/// A handful of groups whatever the population.
fn config(groups: u16) -> KelipsConfig {
    KelipsConfig { groups, ..KelipsConfig::default() }
}

fn world(config: &KelipsConfig, population: u32, seed: u64) -> World<Kelips> {
    World::new(config, Options { population, seed, ..Options::default() })
}

/// The group of a key, as the page has it.
fn group_of(key: Key, groups: u16) -> u32 {
    ((u128::from(key.0) * u128::from(groups)) >> 64) as u32
}

/// Who is online, with their keys.
fn everybody(world: &World<Kelips>) -> Vec<(Key, PeerId)> {
    let numbering = world.setting.numbering;
    world.online().into_iter().map(|seat| (numbering.key(world.id(seat)), world.id(seat))).collect()
}

/// The member of the key's group that is closest to it, by looking at every one.
fn owner(world: &World<Kelips>, groups: u16, key: Key) -> Option<PeerId> {
    let far = |other: Key| {
        let (ahead, behind) = (other.0.wrapping_sub(key.0), key.0.wrapping_sub(other.0));
        (ahead.min(behind), ahead)
    };
    let all = everybody(world).into_iter();
    let own = all.filter(|&(k, _)| group_of(k, groups) == group_of(key, groups));
    own.min_by_key(|&(k, _)| far(k)).map(|(_, id)| id)
}

fn peer_of(world: &World<Kelips>, id: PeerId) -> &KelipsPeer {
    world.peer(world.setting.numbering.seat(id)).expect("it is online")
}

/// Everybody who is online is a member, knows all of its own group and nobody else there, and has only living contacts in the other groups,
/// as many as it may have or as there are at least one.
fn state_is_exact(world: &World<Kelips>, groups: u16) -> Result<(), String> {
    let all = everybody(world);
    for &(key, id) in &all {
        let peer = peer_of(world, id);
        if !peer.is_member() {
            return Err(format!("{id:?} is no member"));
        }
        let in_group = |group: u32| all.iter().filter(move |&&(k, _)| group_of(k, groups) == group).map(|&(_, other)| other);
        let mut members: Vec<PeerId> = in_group(group_of(key, groups)).filter(|&other| other != id).collect();
        members.sort_unstable();
        let view: Vec<PeerId> = peer.members().collect();
        if view != members {
            return Err(format!("{id:?} has {view:?} in its view, not {members:?}"));
        }
        for group in (0..u32::from(groups)).filter(|&group| group != peer.group()) {
            let contacts: Vec<PeerId> = peer.contacts_in(group).collect();
            let dead = contacts.iter().find(|contact| in_group(group).all(|other| other != **contact));
            if dead.is_some() || contacts.is_empty() != (in_group(group).count() == 0) {
                return Err(format!("{id:?} has {contacts:?} as contacts in group {group}"));
            }
        }
    }
    world.check();
    Ok(())
}

const MINUTE: Span = Span::from_secs(60);
