//! The shipped models in random worlds.

use peerlab_model::Overlay;
use peerlab_model::units::Duration;
use peerlab_overlay::RateLimit;
use peerlab_overlay::client_server::{ClientServer, ClientServerConfig};
use peerlab_overlay::hybrid::central_index::{CentralIndex, CentralIndexConfig};
use peerlab_overlay::hybrid::super_peer::{Search, SuperPeerConfig, SuperPeers};
use peerlab_overlay::hybrid::tracker::{Dht, Protocol, Tracker, TrackerConfig};
use peerlab_overlay::structured::accordion::{Accordion, AccordionConfig};
use peerlab_overlay::structured::can::{Can, CanConfig};
use peerlab_overlay::structured::chord::{Chord, ChordConfig, Routing};
use peerlab_overlay::structured::kademlia::{Eviction, Kademlia, KademliaConfig};
use peerlab_overlay::structured::kelips::{Kelips, KelipsConfig};
use peerlab_overlay::structured::koorde::{Koorde, KoordeConfig};
use peerlab_overlay::structured::onehop::{OneHop, OneHopConfig};
use peerlab_overlay::structured::pastry::{Bamboo, BambooConfig, Pastry, PastryConfig};
use peerlab_overlay::structured::tapestry::{Tapestry, TapestryConfig};
use peerlab_overlay::unstructured::epidemic::{Epidemic, EpidemicConfig, Mode, Partners};
use peerlab_overlay::unstructured::flooding::{
    Bias, ExpandingRing, ExpandingRingConfig, Flooding, FloodingConfig, RandomWalk, RandomWalkConfig,
};
use peerlab_overlay::unstructured::gia::{Gia, GiaConfig};
use peerlab_overlay::unstructured::membership::{CyclonConfig, HyParViewConfig, MembershipConfig, NewscastConfig, Shuffling};
use peerlab_testkit::conformance;
use peerlab_workload::TargetKind;

const WORLDS: u64 = 12;

/// Runs some worlds, and shows that they reached what they are for: lookups that find, and messages that get lost.
fn in_random_worlds<O: Overlay>(config: &O::Config, targets: &[TargetKind]) {
    let (mut found, mut dropped) = (0, 0);
    for seed in 0..WORLDS {
        let target = targets[seed as usize % targets.len()];
        let record = conformance::<O>(config, target, seed);
        found += record.hops.iter().sum::<u64>();
        dropped += record.messages.iter().map(|row| row.sent - row.delivered).sum::<u64>();
    }
    assert!(found > 100, "{}: {found} lookups found anything", O::NAME);
    assert!(dropped > 100, "{}: {dropped} messages were dropped", O::NAME);
}

#[test]
fn iterative_chord_conforms() {
    let config = ChordConfig { routing: Routing::Iterative, successors: 4, ..ChordConfig::default() };
    in_random_worlds::<Chord>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn recursive_chord_conforms() {
    let config = ChordConfig { routing: Routing::SemiRecursive, successors: 4, ..ChordConfig::default() };
    in_random_worlds::<Chord>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn kademlia_conforms() {
    let config = KademliaConfig { k: 4, refresh_interval: Duration::secs(20), ..KademliaConfig::default() };
    in_random_worlds::<Kademlia>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn kademlia_that_pings_and_splits_further_and_asks_several_keepers_conforms() {
    let config =
        KademliaConfig { b: 3, alpha: 1, eviction: Eviction::Ping, stale_after: 1, caching: false, quorum: 2, ..KademliaConfig::default() };
    in_random_worlds::<Kademlia>(&config, &[TargetKind::Content, TargetKind::Key, TargetKind::Peer]);
}

#[test]
fn accordion_conforms() {
    let config = AccordionConfig { successors: 6, r_avg: 300, b_burst: 10_000, ..AccordionConfig::default() };
    in_random_worlds::<Accordion>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn recursive_koorde_conforms() {
    let config = KoordeConfig { degree: 4, pointers: 4, backups: 2, successors: 6, ..KoordeConfig::default() };
    in_random_worlds::<Koorde>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn iterative_koorde_conforms() {
    let config = KoordeConfig { routing: Routing::Iterative, ..KoordeConfig::default() };
    in_random_worlds::<Koorde>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn several_peers_a_host_conform() {
    let targets = [TargetKind::Key, TargetKind::Content, TargetKind::Peer];
    in_random_worlds::<Chord>(&ChordConfig { virtual_nodes: 3, successors: 4, ..ChordConfig::default() }, &targets);
    in_random_worlds::<Koorde>(&KoordeConfig { virtual_nodes: 2, ..KoordeConfig::default() }, &targets);
    in_random_worlds::<Accordion>(&AccordionConfig { virtual_nodes: 4, successors: 6, ..AccordionConfig::default() }, &targets);
}

#[test]
fn pastry_conforms() {
    let config = PastryConfig { leaf_set: 8, ..PastryConfig::default() };
    in_random_worlds::<Pastry>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn bamboo_conforms() {
    in_random_worlds::<Bamboo>(&BambooConfig::default(), &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn can_conforms() {
    let config = CanConfig { update_interval: Duration::secs(10), failure_after: Duration::secs(25), ..CanConfig::default() };
    in_random_worlds::<Can>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn can_with_realities_and_weighed_round_trips_conforms() {
    let config = CanConfig {
        dimensions: 4,
        realities: 2,
        rtt_weighted: true,
        uniform_partitioning: true,
        update_interval: Duration::secs(10),
        failure_after: Duration::secs(25),
        ..CanConfig::default()
    };
    in_random_worlds::<Can>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn onehop_conforms() {
    let config = OneHopConfig { slices: 3, units: 2, reconcile_interval: Duration::secs(10), attempts: 2, ..OneHopConfig::default() };
    in_random_worlds::<OneHop>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn tapestry_conforms() {
    in_random_worlds::<Tapestry>(&TapestryConfig::default(), &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn tapestry_of_binary_digits_without_backups_conforms() {
    let config = TapestryConfig { b: 1, c: 1, k: 2, probe_interval: Duration::secs(10), ..TapestryConfig::default() };
    in_random_worlds::<Tapestry>(&config, &[TargetKind::Content, TargetKind::Key, TargetKind::Peer]);
}

#[test]
fn kelips_conforms() {
    let config = KelipsConfig { groups: 3, spatial_exponent: 3, ..KelipsConfig::default() };
    in_random_worlds::<Kelips>(&config, &[TargetKind::Key, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn the_expanding_ring_conforms() {
    let config = ExpandingRingConfig { ttl_schedule: vec![1, 2, 4], ring_timeout: Duration::millis(400), ..ExpandingRingConfig::default() };
    in_random_worlds::<ExpandingRing>(&config, &[TargetKind::Content, TargetKind::Peer]);
}

/// Quick ones, with small views.
fn memberships() -> [MembershipConfig; 4] {
    let (period, timeout) = (Duration::secs(5), Duration::secs(1));
    [
        MembershipConfig::Cyclon(CyclonConfig { view: 8, shuffle_length: 4, period, timeout, ..CyclonConfig::default() }),
        MembershipConfig::Cyclon(CyclonConfig { shuffling: Shuffling::Basic, period, ..CyclonConfig::default() }),
        MembershipConfig::HyParView(HyParViewConfig {
            active_view: 3,
            passive_view: 6,
            keep_alive: period,
            period,
            ..HyParViewConfig::default()
        }),
        MembershipConfig::Newscast(NewscastConfig { view: 8, period, timeout, ..NewscastConfig::default() }),
    ]
}

#[test]
fn floods_over_memberships_by_gossip_conform() {
    for membership in memberships() {
        let config = FloodingConfig { membership: membership.clone(), query_timeout: Duration::secs(1), ..FloodingConfig::default() };
        in_random_worlds::<Flooding>(&config, &[TargetKind::Content, TargetKind::Peer]);
        let config = RandomWalkConfig { membership, walkers: 3, ..RandomWalkConfig::default() };
        in_random_worlds::<RandomWalk>(&config, &[TargetKind::Content]);
    }
    in_random_worlds::<Flooding>(&FloodingConfig { fanout: 2, ..FloodingConfig::default() }, &[TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn random_walks_conform() {
    in_random_worlds::<RandomWalk>(&RandomWalkConfig::default(), &[TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn random_walks_towards_hubs_conform() {
    let config = RandomWalkConfig { bias: Bias::Degree, walkers: 2, check_every: 1, remember_max: 2, ..RandomWalkConfig::default() };
    in_random_worlds::<RandomWalk>(&config, &[TargetKind::Peer, TargetKind::Content]);
}

#[test]
fn one_server_conforms() {
    in_random_worlds::<ClientServer>(&ClientServerConfig::default(), &[TargetKind::Content, TargetKind::Keywords]);
}

#[test]
fn servers_behind_a_balancer_conform() {
    let config = ClientServerConfig { servers: 3, capacity: Some(20.0), queue: 5, ..ClientServerConfig::default() };
    in_random_worlds::<ClientServer>(&config, &[TargetKind::Content, TargetKind::Keywords]);
}

#[test]
fn flooding_conforms() {
    // Random worlds may be too small for the default graph.
    let graph = peerlab_overlay::graph::GraphConfig::ErdosRenyi { mean_degree: Some(1.0), probability: None };
    let config = FloodingConfig { graph, ..FloodingConfig::default() };
    in_random_worlds::<Flooding>(&config, &[TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn central_index_conforms() {
    in_random_worlds::<CentralIndex>(&CentralIndexConfig::default(), &[TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn those_on_their_guard_conform() {
    let rate_limit = Some(RateLimit { rate: 0.3, burst: 3 });
    in_random_worlds::<CentralIndex>(&CentralIndexConfig { rate_limit, ..CentralIndexConfig::default() }, &[TargetKind::Content]);
    in_random_worlds::<CentralIndex>(
        &CentralIndexConfig { verify: true, servers: 2, ..CentralIndexConfig::default() },
        &[TargetKind::Content],
    );
    let graph = peerlab_overlay::graph::GraphConfig::ErdosRenyi { mean_degree: Some(1.0), probability: None };
    in_random_worlds::<Flooding>(&FloodingConfig { graph, rate_limit, ..FloodingConfig::default() }, &[TargetKind::Content]);
    in_random_worlds::<ClientServer>(
        &ClientServerConfig { rate_limit, servers: 2, ..ClientServerConfig::default() },
        &[TargetKind::Content],
    );
}

#[test]
fn super_peers_conform() {
    let config = SuperPeerConfig {
        leaves: 4,
        degree: 3,
        min_uptime: Duration::secs(10),
        ping_interval: Duration::secs(5),
        ..SuperPeerConfig::default()
    };
    in_random_worlds::<SuperPeers>(&config, &[TargetKind::Content, TargetKind::Keywords]);
    for redundancy in [2, 3] {
        in_random_worlds::<SuperPeers>(&SuperPeerConfig { redundancy, ..config.clone() }, &[TargetKind::Content, TargetKind::Keywords]);
    }
    for membership in memberships() {
        let search =
            if membership.protocol().is_some_and(|membership| membership.is_symmetric()) { Search::Dynamic } else { Search::Flood };
        let config = SuperPeerConfig { membership, search, step_wait: Duration::millis(500), ..config.clone() };
        in_random_worlds::<SuperPeers>(&config, &[TargetKind::Content, TargetKind::Keywords, TargetKind::Peer]);
    }
    let config = SuperPeerConfig { search: Search::Dynamic, super_peers: 2, wanted_hits: 2, step_wait: Duration::millis(500), ..config };
    in_random_worlds::<SuperPeers>(&config, &[TargetKind::Keywords, TargetKind::Content, TargetKind::Peer]);
}

#[test]
fn trackers_conform() {
    let config = TrackerConfig { interval: Duration::secs(30), min_interval: Duration::secs(5), ..TrackerConfig::default() };
    in_random_worlds::<Tracker>(&config, &[TargetKind::Content]);
    let config = TrackerConfig {
        tiers: vec![2, 1],
        protocol: Protocol::Http,
        request_timeout: Duration::secs(2),
        connect_timeout: Duration::secs(2),
        stay: Duration::secs(20),
        pex: true,
        pex_interval: Duration::secs(5),
        scrape_interval: Duration::secs(10),
        dht: Dht::Fallback,
        capacity: Some(10.0),
        queue: 3,
        ..config
    };
    in_random_worlds::<Tracker>(&config, &[TargetKind::Content]);
    in_random_worlds::<Tracker>(&TrackerConfig { dht: Dht::Always, protocol: Protocol::Udp, ..config }, &[TargetKind::Content]);
}

#[test]
fn search_by_keyword_conforms() {
    let targets = [TargetKind::Keywords];
    let graph = peerlab_overlay::graph::GraphConfig::ErdosRenyi { mean_degree: Some(1.0), probability: None };
    in_random_worlds::<Flooding>(&FloodingConfig { graph, ..FloodingConfig::default() }, &targets);
    in_random_worlds::<RandomWalk>(&RandomWalkConfig { wanted_hits: 5, ..RandomWalkConfig::default() }, &targets);
    in_random_worlds::<CentralIndex>(&CentralIndexConfig::default(), &targets);
    in_random_worlds::<Chord>(&ChordConfig { successors: 4, ..ChordConfig::default() }, &targets);
    let kademlia =
        KademliaConfig { k: 4, republish_interval: Duration::secs(20), record_expiry: Duration::secs(40), ..KademliaConfig::default() };
    in_random_worlds::<Kademlia>(&kademlia, &targets);
    in_random_worlds::<Kademlia>(&KademliaConfig { tokens: true, caching: false, hand_over: false, ..kademlia }, &targets);
}

#[test]
fn gia_conforms() {
    let config = GiaConfig { max_nbrs: 8, max_responses: 2, keep_alive_timeout: Duration::secs(6), ttl: 50, ..GiaConfig::default() };
    in_random_worlds::<Gia>(&config, &[TargetKind::Content, TargetKind::Peer]);
    for membership in memberships() {
        in_random_worlds::<Gia>(&GiaConfig { membership, ..config.clone() }, &[TargetKind::Content, TargetKind::Peer]);
    }
}

/// It answers nothing: what it is for is that rumours are heard.
#[test]
fn epidemics_conform() {
    let views = EpidemicConfig {
        mode: Mode::PushPull,
        partners: Partners::View,
        view: 5,
        connection_limit: 1,
        hunt_limit: 2,
        anti_entropy: Duration::secs(5),
        ..EpidemicConfig::default()
    };
    let gossip =
        memberships().map(|membership| EpidemicConfig { membership: Some(membership), connection_limit: 2, ..EpidemicConfig::default() });
    for config in gossip.into_iter().chain([EpidemicConfig::default(), views]) {
        let (mut heard, mut dropped) = (0, 0);
        for seed in 0..WORLDS {
            let record = conformance::<Epidemic>(&config, TargetKind::Content, seed);
            heard += record.rumours.iter().map(|row| row.heard).sum::<u32>();
            dropped += record.messages.iter().map(|row| row.sent - row.delivered).sum::<u64>();
        }
        // Newcomers are in few views for a while.
        let least = if config.membership.is_some() { 60 } else { 100 };
        assert!(heard > least && dropped > 20, "{config:?}: {heard} heard, {dropped} messages were dropped");
    }
}
