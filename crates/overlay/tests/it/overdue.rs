//! A question whose time has passed is not asked again by its origin.

use std::fmt::Debug;

use peerlab_model::units::Duration;
use peerlab_model::{Key, Overlay, Span, Target};
use peerlab_overlay::structured::can::{Can, CanConfig};
use peerlab_overlay::structured::chord::{Chord, ChordConfig, Routing};
use peerlab_overlay::structured::kademlia::{Kademlia, KademliaConfig};
use peerlab_overlay::structured::kelips::{Kelips, KelipsConfig};
use peerlab_overlay::structured::onehop::{OneHop, OneHopConfig};
use peerlab_overlay::structured::pastry::{Bamboo, BambooConfig, Pastry, PastryConfig};
use peerlab_overlay::structured::tapestry::{Tapestry, TapestryConfig};

use crate::harness::{Options, World};

/// Silence after which a contact counts as dead, and after which an origin asks again.
const PATIENCE: Span = Span::from_secs(3);

/// 200 peers, of which 140 have just died; how long the slowest of 100 lookups went on.
fn slowest<O: Overlay>(config: &O::Config, lookup_timeout: Span) -> Span {
    let mut world = World::<O>::new(config, Options { population: 200, seed: 7, lookup_timeout, ..Options::default() });
    world.start_converged(0..200);
    (0..140).for_each(|seat| world.crash(seat));
    let mut rng = world.test_rng();
    let asked: Vec<_> = (0..100).map(|_| world.lookup(140 + rng.below(60) as u32, Target::Key(Key(rng.bits())))).collect();
    world.run_for(Span::from_secs(400));
    let lasted = |&id| {
        let record = world.record(id);
        record.finished.expect("every lookup ends").since(record.asked)
    };
    asked.iter().map(lasted).max().expect("there are some")
}

fn assert_ends<O: Overlay>(config: &O::Config)
where
    O::Config: Debug,
{
    let (short, long) = (slowest::<O>(config, Span::from_secs(5)), slowest::<O>(config, Span::from_secs(3600)));
    println!("{}: {short:?} with a timeout of 5 s, {long:?} without one", O::NAME);
    // What is under way when the time has passed is waited for.
    assert!(short <= Span::from_secs(5) + PATIENCE, "{}: {short:?}", O::NAME);
    assert!(long > Span::from_secs(5) + PATIENCE, "{}: {long:?}", O::NAME);
}

#[test]
fn a_question_whose_time_has_passed_is_not_asked_again() {
    let (request_timeout, retry_after) = (Duration::secs(3), Duration::secs(3));
    for routing in [Routing::Iterative, Routing::SemiRecursive, Routing::Recursive] {
        assert_ends::<Chord>(&ChordConfig { request_timeout, retry_after, retries: 20, routing, ..ChordConfig::default() });
    }
    assert_ends::<Pastry>(&PastryConfig { request_timeout, retry_after, retries: 20, ..PastryConfig::default() });
    assert_ends::<Bamboo>(&BambooConfig { request_timeout, retry_after, retries: 20, ..BambooConfig::default() });
    assert_ends::<Tapestry>(&TapestryConfig { request_timeout, retry_after, retries: 20, ..TapestryConfig::default() });
    assert_ends::<Can>(&CanConfig { request_timeout, retry_after, retries: 20, ..CanConfig::default() });
    assert_ends::<Kelips>(&KelipsConfig { request_timeout, ..KelipsConfig::default() });
    assert_ends::<OneHop>(&OneHopConfig { request_timeout, ..OneHopConfig::default() });
    assert_ends::<Kademlia>(&KademliaConfig { request_timeout, ..KademliaConfig::default() });
}
