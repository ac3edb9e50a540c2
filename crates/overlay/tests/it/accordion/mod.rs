//! Accordion: the budget, the book of contacts, and lookups over both.

mod budget;
mod content;
mod membership;
mod routing;
mod tables;

use peerlab_model::units::Duration;
use peerlab_model::{Key, LookupId, PeerId, Span, Target};
use peerlab_overlay::structured::accordion::{Accordion, AccordionConfig};

use crate::chord::{MINUTE, owner, random_key, ring, ring_is_whole};
use crate::harness::{Options, World};

fn config() -> AccordionConfig {
    AccordionConfig {
        successors: 8,
        stabilize_interval: Duration::secs(20),
        check_predecessor_interval: Duration::secs(20),
        r_avg: 100,
        b_burst: 10_000,
        ..AccordionConfig::default()
    }
}

fn world(config: &AccordionConfig, population: u32, seed: u64) -> World<Accordion> {
    World::new(config, Options { population, seed, ..Options::default() })
}

/// Asks `count` random keys from random members, one every `gap`.
fn ask(world: &mut World<Accordion>, count: usize, gap: Span) -> Vec<(LookupId, Key)> {
    let mut rng = world.test_rng();
    let online = world.online();
    (0..count)
        .map(|_| {
            let key = random_key(&mut rng);
            let id = world.lookup(online[rng.index(online.len())], Target::Key(key));
            world.run_for(gap);
            (id, key)
        })
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

/// Mean number of contacts in a member's book.
fn mean_contacts(world: &World<Accordion>) -> f64 {
    let count = |seat: u32| world.peer(seat).expect("online").contact_count() as f64;
    mean(world.online().into_iter().map(count))
}
