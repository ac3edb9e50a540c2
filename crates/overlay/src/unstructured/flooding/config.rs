//! Flooding's parameters.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::graph::GraphConfig;

/// Gnutella 0.4's parameters; docs/models/flooding.md says where we differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FloodingConfig {
    /// The overlay graph of a converged start; also what newcomers aim at: they keep its mean degree.
    pub graph: GraphConfig,
    /// Links that a query may cross: 1 … 255 (Gnutella 0.4: 7).
    pub ttl: u8,
    /// How a hit comes back to the peer that asked.
    pub hits: HitPath,
    /// How long the peer that asked collects hits before its question ends (with no hit: not found).
    pub query_timeout: Duration,
    /// How long a peer remembers a query's id, to recognise duplicates and to pass hits back. At least as long as a query
    /// and its hits travel.
    pub remember: Duration,
    /// The most query ids that a peer remembers; beyond it the oldest give way early.
    pub remember_max: u32,
    /// Time between pings to the neighbours.
    pub ping_interval: Duration,
    /// Unanswered pings in a row after which a neighbour counts as dead.
    pub missed_pings: u8,
    /// Links above a peer's own degree that it still accepts from others.
    pub spare_links: u16,
    /// The most neighbours that a peer accepts, whatever its own degree. Links of the initial graph are not cut.
    pub max_neighbours: u32,
    /// Silence after which a connection attempt has failed.
    pub connect_timeout: Duration,
    /// Addresses of other peers that a peer keeps for reconnecting.
    pub host_cache: u16,
}

/// How hits travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HitPath {
    /// Back over the links that the query came by, as in Gnutella 0.4: anonymous, but lost if one of those peers is gone.
    ReversePath,
    /// Straight to the peer that asked, whose address the query then carries.
    Direct,
}

impl Default for FloodingConfig {
    fn default() -> Self {
        Self {
            graph: GraphConfig::default(),
            ttl: 7,
            hits: HitPath::ReversePath,
            query_timeout: Duration::secs(10),
            remember: Duration::secs(20),
            remember_max: 8192,
            ping_interval: Duration::secs(15),
            missed_pings: 2,
            spare_links: 1,
            max_neighbours: 64,
            connect_timeout: Duration::secs(2),
            host_cache: 20,
        }
    }
}

impl OverlayConfig for FloodingConfig {
    fn check(&self, population: u32, issues: &mut Issues) {
        issues.within("graph", |issues| self.graph.check(population, issues));
        issues.ensure(self.ttl >= 1, "ttl", "a query with TTL 0 never leaves the peer that asks: 1 is the least");
        let durations = [
            ("query_timeout", self.query_timeout),
            ("remember", self.remember),
            ("ping_interval", self.ping_interval),
            ("connect_timeout", self.connect_timeout),
        ];
        for (key, duration) in durations {
            issues.ensure(duration.span().nanos() >= 1_000_000, key, format!("{duration} is too short: 1 ms is the least"));
        }
        if self.hits == HitPath::ReversePath && self.remember < self.query_timeout {
            issues.warn("remember", "shorter than query_timeout: late hits will not find their way back");
        }
        issues.ensure(self.remember_max >= 8, "remember_max", "a peer must remember at least 8 queries");
        issues.ensure(self.remember.span().nanos() <= super::seen::LONGEST.nanos(), "remember", "30 days is the most");
        issues.ensure(self.missed_pings >= 1, "missed_pings", "a neighbour can only be dropped after at least 1 missed ping");
        issues.ensure(self.max_neighbours >= 1, "max_neighbours", "a peer without neighbours cannot ask anybody: 1 is the least");
        issues.ensure(self.host_cache >= 1, "host_cache", "without a host cache nobody could reconnect: 1 is the least");
    }

    fn files(&self) -> Vec<&str> {
        self.graph.file().into_iter().collect()
    }
}
