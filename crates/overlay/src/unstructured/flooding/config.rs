//! The parameters of flooding, the expanding ring and random walks.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::replication::{ReplicationConfig, Strategy};
use super::rules::Rules;
use crate::RateLimit;
use crate::graph::GraphConfig;
use crate::unstructured::descriptor::ROUNDS_MAX;
use crate::unstructured::membership::MembershipConfig;

/// Gnutella 0.4's parameters; docs/models/flooding.md says where we differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FloodingConfig {
    /// The overlay graph of a converged start; also what newcomers aim at: they keep its mean degree.
    pub graph: GraphConfig,
    /// How neighbours are found and kept: "host-cache" (Gnutella 0.4's way: `graph`, and the parameters of pings and links below), or by gossip:
    /// "cyclon", "hyparview" or "newscast", which have no use for those.
    pub membership: MembershipConfig,
    /// Links that a query may cross: 1 … 255 (Gnutella 0.4: 7).
    pub ttl: u8,
    /// Neighbours that a query is sent on to, drawn at random each time; 0: all of them. With a membership by gossip this is a gossip broadcast, and
    /// the fan-out its parameter (Kermarrec, Massoulié & Ganesh 2003).
    pub fanout: u16,
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
    /// Copies of what has been found, `{ strategy, disk, evict, copy_size }`: "owner" replication. Without the table nobody keeps any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<ReplicationConfig>,
    /// Queries (walkers) of others that one neighbour may pass on to a peer, `{ rate, burst }`: what is beyond is turned away unread. Absent: as many as
    /// it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
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

/// The parameters of an expanding ring (Lv et al. 2002, section 4.1): those of [`FloodingConfig`], but for the reach of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpandingRingConfig {
    /// The overlay graph of a converged start; also what newcomers aim at: they keep its mean degree.
    pub graph: GraphConfig,
    /// How neighbours are found and kept: "host-cache" (Gnutella 0.4's way: `graph`, and the parameters of pings and links below), or by gossip:
    /// "cyclon", "hyparview" or "newscast", which have no use for those.
    pub membership: MembershipConfig,
    /// Links that the queries of a question may cross, one flood after the other: 1 to 32 numbers that grow (paper: from 1 in steps of 2).
    pub ttl_schedule: Vec<u8>,
    /// Neighbours that a query is sent on to, drawn at random each time; 0: all of them. With a membership by gossip this is a gossip broadcast, and
    /// the fan-out its parameter (Kermarrec, Massoulié & Ganesh 2003).
    pub fanout: u16,
    /// How long the peer that asked waits for hits before it sends out the next flood, and after the last one before its question ends.
    pub ring_timeout: Duration,
    /// Hits after which there is no further flood: 1 at least.
    pub wanted_hits: u16,
    /// How a hit comes back to the peer that asked.
    pub hits: HitPath,
    /// How long a peer remembers a query's id, to recognise duplicates and to pass hits back. At least as long as a query
    /// and its hits travel.
    pub remember: Duration,
    /// The most query ids that a peer remembers; beyond it the oldest give way early. Each flood of a question has an id of its own.
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
    /// Copies of what has been found, `{ strategy, disk, evict, copy_size }`: "owner" replication. Without the table nobody keeps any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<ReplicationConfig>,
    /// Queries (walkers) of others that one neighbour may pass on to a peer, `{ rate, burst }`: what is beyond is turned away unread. Absent: as many as
    /// it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
}

/// The parameters of random walks (Lv et al. 2002, section 4.2); those of the links are [`FloodingConfig`]'s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandomWalkConfig {
    /// The overlay graph of a converged start; also what newcomers aim at: they keep its mean degree.
    pub graph: GraphConfig,
    /// How neighbours are found and kept: "host-cache" (Gnutella 0.4's way: `graph`, and the parameters of pings and links below), or by gossip:
    /// "cyclon", "hyparview" or "newscast", which have no use for those.
    pub membership: MembershipConfig,
    /// Walkers k of a question: 1 to 255 (paper: 16 to 64). They may be more than the neighbours: then several begin in the same direction.
    pub walkers: u8,
    /// Links that a walker may cross: 1 at least (paper: 1024, so that checking ends it, not this).
    pub ttl: u16,
    /// A walker asks the origin each so many steps whether it shall go on (paper: 4); 0: never.
    pub check_every: u16,
    /// Silence of the origin after which a walker that has asked ends.
    pub check_timeout: Duration,
    /// A peer remembers to which neighbours it has sent walkers of a question, and prefers others (paper: "state keeping").
    pub state_keeping: bool,
    /// Where a walker goes: to any neighbour ("uniform"), or to the one with the most neighbours (Adamic et al. 2001: "degree"), in either
    /// case not straight back unless there is no other way, and by preference where no walker of the question has been sent.
    pub bias: Bias,
    /// Hits after which a question ends, and walkers that check stop: 1 at least.
    pub wanted_hits: u16,
    /// How long the peer that asked waits for its walkers before its question ends.
    pub query_timeout: Duration,
    /// State keeping only: how long a peer remembers where it has sent a question's walkers.
    pub remember: Duration,
    /// State keeping only: the most questions that a peer remembers; beyond it the oldest give way early.
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
    /// Copies of what has been found, `{ strategy, disk, evict, copy_size }`: "owner", "path" or "random" replication (section 5). Without the table nobody keeps any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<ReplicationConfig>,
    /// Queries (walkers) of others that one neighbour may pass on to a peer, `{ rate, burst }`: what is beyond is turned away unread. Absent: as many as
    /// it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
}

/// Which neighbour a walker prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bias {
    /// None.
    Uniform,
    /// The one that has most neighbours itself, as its last pong said.
    Degree,
}

impl Default for FloodingConfig {
    fn default() -> Self {
        Self {
            graph: GraphConfig::default(),
            membership: MembershipConfig::default(),
            ttl: 7,
            fanout: 0,
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
            replication: None,
            rate_limit: None,
        }
    }
}

impl Default for ExpandingRingConfig {
    fn default() -> Self {
        let flooding = FloodingConfig::default();
        Self {
            graph: flooding.graph,
            membership: flooding.membership,
            ttl_schedule: vec![1, 3, 5, 7],
            fanout: flooding.fanout,
            ring_timeout: Duration::secs(2),
            wanted_hits: 1,
            hits: flooding.hits,
            remember: flooding.remember,
            remember_max: flooding.remember_max,
            ping_interval: flooding.ping_interval,
            missed_pings: flooding.missed_pings,
            spare_links: flooding.spare_links,
            max_neighbours: flooding.max_neighbours,
            connect_timeout: flooding.connect_timeout,
            host_cache: flooding.host_cache,
            replication: None,
            rate_limit: None,
        }
    }
}

impl Default for RandomWalkConfig {
    fn default() -> Self {
        let flooding = FloodingConfig::default();
        Self {
            graph: flooding.graph,
            membership: flooding.membership,
            walkers: 16,
            ttl: 1024,
            check_every: 4,
            check_timeout: Duration::secs(2),
            state_keeping: true,
            bias: Bias::Uniform,
            wanted_hits: 1,
            query_timeout: Duration::secs(60),
            remember: Duration::secs(60),
            remember_max: 1024,
            ping_interval: flooding.ping_interval,
            missed_pings: flooding.missed_pings,
            spare_links: flooding.spare_links,
            max_neighbours: flooding.max_neighbours,
            connect_timeout: flooding.connect_timeout,
            host_cache: flooding.host_cache,
            replication: None,
            rate_limit: None,
        }
    }
}

impl OverlayConfig for FloodingConfig {
    fn check(&self, population: u32, issues: &mut Issues) {
        Rules::from(self).check("query_timeout", population, issues);
        issues.ensure(self.ttl >= 1, "ttl", NO_TTL);
    }

    fn files(&self) -> Vec<&str> {
        self.graph.file().into_iter().collect()
    }
}

impl OverlayConfig for ExpandingRingConfig {
    fn check(&self, population: u32, issues: &mut Issues) {
        Rules::from(self).check("ring_timeout", population, issues);
        let ttls = &self.ttl_schedule;
        issues.ensure(
            (1..=ROUNDS_MAX).contains(&ttls.len()),
            "ttl_schedule",
            format!("a question has 1 to {ROUNDS_MAX} floods, not {}", ttls.len()),
        );
        issues.ensure(!ttls.contains(&0), "ttl_schedule", NO_TTL);
        if let Some((before, after)) = ttls.iter().zip(ttls.iter().skip(1)).find(|(before, after)| after <= before) {
            let message = format!("a flood of TTL {after} after one of TTL {before} finds nobody new: the numbers must grow");
            issues.error("ttl_schedule", message);
        }
        issues.ensure(self.wanted_hits >= 1, "wanted_hits", NO_HIT);
    }

    fn files(&self) -> Vec<&str> {
        self.graph.file().into_iter().collect()
    }
}

impl OverlayConfig for RandomWalkConfig {
    fn check(&self, population: u32, issues: &mut Issues) {
        Rules::from(self).check("query_timeout", population, issues);
        issues.ensure(self.walkers >= 1, "walkers", "a question without walkers goes nowhere: 1 is the least");
        issues.ensure(self.ttl >= 1, "ttl", NO_TTL);
        issues.ensure(self.check_timeout.span().nanos() >= 1_000_000, "check_timeout", "too short: 1 ms is the least");
        issues.ensure(self.wanted_hits >= 1, "wanted_hits", NO_HIT);
        issues.ensure(self.remember_max >= 1, "remember_max", "a peer that keeps state remembers at least 1 question");
        match self.replication.map(|replication| replication.strategy) {
            Some(Strategy::Random) => {
                let message =
                    "\"random\" replication draws among the peers that walkers check back from: walkers that never check leave none";
                issues.ensure(self.check_every >= 1, "check_every", message);
                if self.check_every > u16::from(self.walkers) {
                    issues.warn(
                        "check_every",
                        "fewer peers check back than a path is long: \"random\" replication will make fewer copies than \"path\"",
                    );
                }
            }
            Some(Strategy::Path) => {
                issues.ensure(
                    self.remember_max >= 8,
                    "remember_max",
                    "\"path\" replication remembers the ways back of at least 8 questions",
                );
                if self.remember < self.query_timeout {
                    issues.warn("remember", "shorter than query_timeout: late copies will not find their way back");
                }
            }
            Some(Strategy::Owner) | None => {}
        }
    }

    fn files(&self) -> Vec<&str> {
        self.graph.file().into_iter().collect()
    }
}

/// What is wrong with wanting nothing.
const NO_HIT: &str = "a question that wants no hit need not be asked: 1 is the least";

/// What is wrong with a TTL of 0.
const NO_TTL: &str = "a query with TTL 0 never leaves the peer that asks: 1 is the least";
