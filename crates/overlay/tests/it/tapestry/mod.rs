//! Tapestry against oracles, an independent Monte-Carlo, and its own claims.

mod content;
mod membership;
mod routing;
mod tables;

use peerlab_model::units::Duration;
use peerlab_model::{Key, LookupId, PeerId, Rng, Span, Target};
use peerlab_overlay::structured::tapestry::{Tapestry, TapestryConfig, TapestryPeer};

use crate::harness::{Options, Record, World};

const MINUTE: Span = Span::from_secs(60);

/// Upkeep fast enough to settle within minutes of simulated time.
fn quick() -> TapestryConfig {
    TapestryConfig { probe_interval: Duration::secs(10), table_interval: Duration::secs(5), ..TapestryConfig::default() }
}

fn world(config: &TapestryConfig, population: u32, seed: u64) -> World<Tapestry> {
    World::new(config, Options { population, seed, ..Options::default() })
}

/// The members in the order of their keys.
fn members(world: &World<Tapestry>) -> Vec<(Key, PeerId)> {
    let numbering = world.setting.numbering;
    let mut members: Vec<(Key, PeerId)> = world.online().into_iter().map(|seat| (numbering.key(world.id(seat)), world.id(seat))).collect();
    members.sort_unstable();
    members
}

fn digit(key: Key, place: u32, b: u32) -> u64 {
    key.0 >> (64 - b * (place + 1)) & ((1 << b) - 1)
}

fn shared(a: Key, b: Key, bits: u32) -> u32 {
    (0..64 / bits).take_while(|&place| digit(a, place, bits) == digit(b, place, bits)).count() as u32
}

/// The surrogate root, by its definition: of all members, digit by digit, those with the first digit from the key's on that somebody has.
fn owner(members: &[(Key, PeerId)], key: Key, b: u32) -> PeerId {
    let mut left = members.to_vec();
    for place in 0..64 / b {
        let nearest = |member: Key| (digit(member, place, b) + (1 << b) - digit(key, place, b)) % (1 << b);
        let least = left.iter().map(|&(member, _)| nearest(member)).min().expect("there are members");
        left.retain(|&(member, _)| nearest(member) == least);
    }
    left[0].1
}

fn peer_of(world: &World<Tapestry>, id: PeerId) -> &TapestryPeer {
    world.peer(world.setting.numbering.seat(id)).expect("it is online")
}

/// Hildrum et al., Property 1 (consistency): a slot that any member fits is not empty. And nobody but members is in it. Gives the links that
/// there are and the links that slots have room and members for.
fn is_consistent(world: &World<Tapestry>, config: &TapestryConfig) -> Result<(usize, usize), String> {
    let (members, b) = (members(world), u32::from(config.b));
    let (mut links, mut room) = (0, 0);
    for &(key, id) in &members {
        let peer = peer_of(world, id);
        if !peer.is_member() {
            return Err(format!("{id:?} is no member"));
        }
        let mut slots: Vec<(u32, u64)> = members
            .iter()
            .filter(|&&(_, other)| other != id)
            .map(|&(other, _)| {
                let level = shared(key, other, b);
                (level, digit(other, level, b))
            })
            .collect();
        slots.sort_unstable();
        for fitting in slots.chunk_by(|a, b| a == b) {
            let (level, digit) = fitting[0];
            let here = peer.slot(level as usize, digit as usize, config.b);
            let alive = here.iter().filter(|link| members.iter().any(|(_, member)| member == *link)).count();
            if alive == 0 {
                return Err(format!("{id:?} has nobody in slot {digit} of level {level}, where {} fit", fitting.len()));
            }
            links += alive;
            room += fitting.len().min(usize::from(config.c));
        }
        let dead =
            world.contacts(world.setting.numbering.seat(id)).into_iter().find(|link| !members.iter().any(|(_, member)| member == link));
        if let Some(dead) = dead {
            return Err(format!("{id:?} links to {dead:?}, who is gone"));
        }
    }
    world.check();
    Ok((links, room))
}

/// Backpointers that there are, and links that have none at their other end.
fn backpointers(world: &World<Tapestry>) -> (usize, usize) {
    let (mut there, mut missing) = (0, 0);
    for (_, id) in members(world) {
        there += peer_of(world, id).backpointers().len();
        let links = world.contacts(world.setting.numbering.seat(id));
        missing += links.iter().filter(|link| !peer_of(world, **link).backpointers().contains(&id)).count();
    }
    (there, missing)
}

fn random_key(rng: &mut Rng) -> Key {
    Key(rng.bits())
}

/// Asks `count` random keys, from random members, without waiting for answers.
fn ask(world: &mut World<Tapestry>, count: usize) -> Vec<(LookupId, Key)> {
    let mut rng = world.test_rng();
    let online = world.online();
    (0..count)
        .map(|_| {
            let key = random_key(&mut rng);
            (world.lookup(online[rng.index(online.len())], Target::Key(key)), key)
        })
        .collect()
}

fn assert_found(record: &Record, expected: PeerId) {
    assert!(record.finished.is_some() && record.peers() == [expected], "{record:?} should have found {expected:?}");
}
