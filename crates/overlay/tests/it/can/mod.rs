//! CAN against oracles, closed forms and the paper's figures.

mod content;
mod membership;
mod routing;
mod tables;

use peerlab_model::units::Duration;
use peerlab_model::{Key, PeerId, Region, Rng, Span};
use peerlab_overlay::structured::can::{Can, CanConfig, CanPeer, Zone};

use crate::harness::{Options, World};

const MINUTE: Span = Span::from_secs(60);

/// A CAN with upkeep fast enough to settle within minutes of simulated time.
fn config(dimensions: u8) -> CanConfig {
    CanConfig {
        dimensions,
        update_interval: Duration::secs(5),
        failure_after: Duration::secs(12),
        reassign_interval: Duration::secs(5),
        retry_after: Duration::secs(5),
        names: false,
        ..CanConfig::default()
    }
}

fn world(config: &CanConfig, population: u32, seed: u64) -> World<Can> {
    World::new(config, Options { population, seed, ..Options::default() })
}

/// A world that was built by joins, a second apart.
fn grown(config: &CanConfig, population: u32, seed: u64) -> World<Can> {
    let mut world = world(config, population, seed);
    world.start_empty();
    for seat in 0..population {
        world.join(seat);
        world.run_for(Span::from_secs(1));
    }
    world.run_for(MINUTE);
    world
}

/// Where a zone begins in a dimension and how long it is, bit by bit.
fn span(zone: Zone, d: u32, dimension: u32) -> (u128, u128) {
    let (mut low, mut side) = (0, 1_u128 << (64 / d));
    for at in (0..u32::from(zone.depth)).filter(|at| at % d == dimension) {
        side /= 2;
        low += u128::from(zone.code >> (63 - at) & 1) * side;
    }
    (low, side)
}

/// Neighbours, by the paper's words: "coordinate spans overlap along d−1 dimensions and abut along one dimension".
fn are_neighbours(a: Zone, b: Zone, d: u8) -> bool {
    let d = u32::from(d);
    let ring = 1_u128 << (64 / d);
    let mut abutting = 0;
    for dimension in 0..d {
        let ((low_a, side_a), (low_b, side_b)) = (span(a, d, dimension), span(b, d, dimension));
        if low_a < low_b + side_b && low_b < low_a + side_a {
            continue;
        }
        if (low_a + side_a) % ring != low_b && (low_b + side_b) % ring != low_a {
            return false;
        }
        abutting += 1;
    }
    abutting == 1
}

fn peer_of(world: &World<Can>, id: PeerId) -> &CanPeer {
    world.peer(world.setting.numbering.seat(id)).expect("it is online")
}

/// Everybody's zones in a reality.
fn all_zones(world: &World<Can>, realm: u8) -> Vec<(Zone, PeerId)> {
    let ids = world.online().into_iter().map(|seat| world.id(seat));
    let mut zones: Vec<(Zone, PeerId)> =
        ids.flat_map(|id| peer_of(world, id).zones(realm).iter().map(move |&zone| (zone, id)).collect::<Vec<_>>()).collect();
    zones.sort_unstable();
    zones
}

/// The owner of a key, by looking at everyone's zones; nobody or several are errors.
fn owner(world: &World<Can>, realm: u8, key: Key) -> PeerId {
    let holders: Vec<PeerId> = all_zones(world, realm).iter().filter(|(zone, _)| zone.contains(key)).map(|&(_, id)| id).collect();
    assert_eq!(holders.len(), 1, "{key:?} is owned by {holders:?}");
    holders[0]
}

/// Every point has one owner.
fn is_divided(world: &World<Can>, realm: u8) -> Result<(), String> {
    let zones = all_zones(world, realm);
    let mut next = 0_u128;
    for &(zone, id) in &zones {
        if u128::from(zone.code) != next {
            return Err(format!("reality {realm}: {id:?} has {zone:?}, where {next:x} should follow, of {zones:?}"));
        }
        next += 1 << (64 - zone.depth);
    }
    if next == 1 << 64 { Ok(()) } else { Err(format!("reality {realm}: the last zone ends at {next:x}")) }
}

/// Every point has one owner, every table holds exactly the neighbours, and the judge was told the truth.
fn is_exact(world: &World<Can>, d: u8, realities: u8) -> Result<(), String> {
    for realm in 0..realities {
        is_divided(world, realm)?;
        let zones = all_zones(world, realm);
        for seat in world.online() {
            let id = world.id(seat);
            let peer = peer_of(world, id);
            let mut expected: Vec<(PeerId, Zone)> = zones
                .iter()
                .filter(|&&(zone, other)| other != id && peer.zones(realm).iter().any(|&own| are_neighbours(own, zone, d)))
                .map(|&(zone, other)| (other, zone))
                .collect();
            expected.sort_unstable();
            if peer.neighbours(realm) != expected {
                return Err(format!("{id:?} with {:?} has {:?}, not {expected:?}", peer.zones(realm), peer.neighbours(realm)));
            }
        }
    }
    for seat in world.online() {
        let mut claims = world.claims(seat).to_vec();
        let peer = world.peer(seat).expect("online");
        let mut held: Vec<Region> =
            (0..realities).flat_map(|realm| peer.zones(realm).iter().map(move |zone| zone.region(realm)).collect::<Vec<_>>()).collect();
        claims.sort_unstable();
        held.sort_unstable();
        if claims != held {
            return Err(format!("seat {seat} claims {claims:?}, not {held:?}"));
        }
    }
    world.check();
    Ok(())
}

fn random_key(rng: &mut Rng) -> Key {
    Key(rng.bits())
}
