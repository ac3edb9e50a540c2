//! The parameters of super-peers.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::unstructured::membership::MembershipConfig;

/// The most slots of a routing table: their numbers take 16 bits.
const TABLE_BITS_MAX: u8 = 16;

/// Parameters of super-peers; docs/models/super-peer.md tells their part in the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SuperPeerConfig {
    /// The network whose parameters are the defaults of all others: "gnutella-0.6". Absent: Yang and Garcia-Molina's design.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Leaves that a super-peer accepts, 1 to 10000 (Gnutella 0.6: 30). With one super-peer a leaf it is the cluster size of the paper, less one.
    pub leaves: u16,
    /// Super-peers that a leaf connects to, 1 to 16 (paper: 1; Gnutella 0.6: 3).
    pub super_peers: u8,
    /// Super-peers that serve a cluster together, 1 to 5 (paper: k = 1 or 2): each knows all of its leaves, and they take turns. More than 1 needs
    /// `super_peers = 1`.
    pub redundancy: u8,
    /// How super-peers find and keep each other: "host-cache" (connections over addresses of the host cache, as many as `degree`), or by gossip among
    /// themselves: "cyclon", "hyparview" or "newscast", whose views are then their neighbours. That needs `redundancy = 1`.
    pub membership: MembershipConfig,
    /// Other super-peers that a super-peer connects to, 1 to 200 (paper: its outdegree; Gnutella 0.6: 30); with `redundancy`, other clusters.
    pub degree: u16,
    /// How a super-peer searches: "flood", or a "dynamic" query.
    pub search: Search,
    /// Links between super-peers that a query may cross, 1 to 32; the most for a dynamic query.
    pub ttl: u8,
    /// Dynamic query: results after which it ends, and hits after which a flood's question ends too; 0: it never has enough.
    pub wanted_hits: u16,
    /// Dynamic query: neighbours that the first step goes to, 1 to 16. Those whose table matches come first, and are asked alone (one link); the
    /// others pass it on (two links).
    pub probe: u8,
    /// Dynamic query: the wait after each step, for each link that it may cross (LimeWire: 2.4 s).
    pub step_wait: Duration,
    /// Whether queries go to those leaves, and on their last link to those super-peers, alone whose routing table matches.
    pub query_routing: bool,
    /// Slots of a routing table, as a power of two: 8 to 16 (Gnutella 0.6: 16).
    pub table_bits: u8,
    /// Messages per second that a peer's machine must handle for it to become a super-peer unless there is nobody else; a machine without a limit
    /// always does.
    pub min_capacity: f64,
    /// Time online before a peer may become a super-peer unless there is nobody else.
    pub min_uptime: Duration,
    /// Share of `leaves` above which a super-peer says that more super-peers are needed.
    pub full: f64,
    /// Share of `leaves` below which a super-peer that has served for `min_uptime` becomes a leaf again, if its neighbours have room.
    pub idle: f64,
    /// How long a peer waits for the results of its question before it ends.
    pub query_timeout: Duration,
    /// Silence after which a request (a question to a super-peer, a connection) has failed.
    pub request_timeout: Duration,
    /// How long a query's id is remembered, to recognise duplicates and to pass hits back.
    pub remember: Duration,
    /// The most query ids that a peer remembers.
    pub remember_max: u32,
    /// Time between pings to super-peers; routing tables that have changed are sent at the same pace.
    pub ping_interval: Duration,
    /// Unanswered pings in a row after which a super-peer counts as dead, and a leaf whose pings have ceased.
    pub missed_pings: u8,
    /// Addresses of super-peers that a peer keeps.
    pub host_cache: u16,
}

/// Named sets of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Preset {
    /// Ultrapeers as in LimeWire, 2003.
    #[serde(rename = "gnutella-0.6")]
    Gnutella06,
}

/// How a super-peer searches among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Search {
    /// To all neighbours, `ttl` links far.
    Flood,
    /// A probe, then neighbour by neighbour, each as far as the results so far make it look necessary (Fisk 2003).
    Dynamic,
}

impl Default for SuperPeerConfig {
    fn default() -> Self {
        Self {
            preset: None,
            leaves: 10,
            super_peers: 1,
            redundancy: 1,
            membership: MembershipConfig::default(),
            degree: 10,
            search: Search::Flood,
            ttl: 5,
            wanted_hits: 0,
            probe: 3,
            step_wait: Duration::millis(2400),
            query_routing: true,
            table_bits: 16,
            min_capacity: 0.0,
            min_uptime: Duration::secs(60),
            full: 0.9,
            idle: 0.1,
            query_timeout: Duration::secs(30),
            request_timeout: Duration::secs(2),
            remember: Duration::secs(120),
            remember_max: 65_536,
            ping_interval: Duration::secs(20),
            missed_pings: 2,
            host_cache: 30,
        }
    }
}

impl SuperPeerConfig {
    /// Gnutella 0.6 with dynamic queries: Singla and Rohrs, Ultrapeers, 2002; Fisk, Gnutella Dynamic Query Protocol v0.1, 2003.
    fn gnutella() -> Self {
        Self {
            preset: Some(Preset::Gnutella06),
            leaves: 30,
            super_peers: 3,
            degree: 30,
            search: Search::Dynamic,
            ttl: 3,
            wanted_hits: 150,
            query_timeout: Duration::secs(200),
            min_uptime: Duration::secs(3600),
            ..Self::default()
        }
    }
}

impl OverlayConfig for SuperPeerConfig {
    fn presets() -> Vec<(&'static str, Self)> {
        vec![("gnutella-0.6", Self::gnutella())]
    }

    fn check(&self, population: u32, issues: &mut Issues) {
        let mut within = |key: &str, value: u32, low: u32, high: u32, what: &str| {
            issues.ensure((low..=high).contains(&value), key, format!("{what}: {low} to {high}, not {value}"));
        };
        within("leaves", self.leaves.into(), 1, 10_000, "leaves of a super-peer");
        within("super_peers", self.super_peers.into(), 1, 16, "super-peers of a leaf");
        within("redundancy", self.redundancy.into(), 1, 5, "super-peers of a cluster");
        within("degree", self.degree.into(), 1, 200, "neighbours of a super-peer");
        within("ttl", self.ttl.into(), 1, 32, "links that a query crosses");
        within("probe", self.probe.into(), 1, 16, "neighbours of the first step");
        within("table_bits", self.table_bits.into(), 8, TABLE_BITS_MAX.into(), "bits of a slot's number");
        within("missed_pings", self.missed_pings.into(), 1, 100, "pings that stay unanswered");
        within("host_cache", self.host_cache.into(), 4, 10_000, "addresses in a host cache");
        within("remember_max", self.remember_max, 8, 1 << 28, "queries that are remembered");
        let one_cluster = self.redundancy <= 1 || self.super_peers == 1;
        issues.ensure(
            one_cluster,
            "super_peers",
            "a leaf of a redundant cluster belongs to it alone: super_peers = 1, or redundancy = 1".to_owned(),
        );
        issues.within("membership", |issues| self.membership.check(issues));
        issues.ensure(
            self.redundancy <= 1 || self.membership == MembershipConfig::HostCache,
            "membership",
            "partners of one cluster are found over connections, not in views: `membership = { model = \"host-cache\" }`, or redundancy = 1",
        );
        if u32::from(self.super_peers) >= population {
            issues.warn(
                "super_peers",
                format!("each leaf looks for {} super-peers among {population} peers: it never has enough", self.super_peers),
            );
        }
        if u32::from(self.degree) >= population && self.membership == MembershipConfig::HostCache {
            let message = format!("each super-peer looks for {} others among {population} peers: it never has enough", self.degree);
            issues.warn("degree", message);
        }
        let durations = [
            ("step_wait", self.step_wait),
            ("query_timeout", self.query_timeout),
            ("request_timeout", self.request_timeout),
            ("remember", self.remember),
            ("ping_interval", self.ping_interval),
        ];
        for (key, duration) in durations {
            issues.ensure(duration.span().nanos() >= 1_000_000, key, format!("{duration} is too short: 1 ms is the least"));
        }
        let possible = self.min_capacity >= 0.0 && self.min_capacity.is_finite();
        issues.ensure(possible, "min_capacity", format!("a capacity is no less than 0 messages per second, not {}", self.min_capacity));
        issues.share("full", self.full);
        issues.share("idle", self.idle);
        issues.ensure(self.idle < self.full, "idle", "a super-peer that is idle and full at once would come and go for ever: idle < full");
    }

    fn expected_bytes(&self, _members: u32) -> u64 {
        // A leaf's links and table; a super-peer's share of its leaves' and neighbours' tables, spread over its leaves.
        512 + 2 * 40 * u64::from(self.super_peers) * u64::from(self.redundancy) * 2
    }
}
