//! The parameters of flooding, the expanding ring and random walks, and what the shared code makes of them.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::graph::GraphConfig;
use crate::unstructured::descriptor::ROUNDS_MAX;
use crate::unstructured::seen::LONGEST;

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

/// The parameters of an expanding ring (Lv et al. 2002, section 4.1): those of [`FloodingConfig`], but for the reach of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpandingRingConfig {
    /// The overlay graph of a converged start; also what newcomers aim at: they keep its mean degree.
    pub graph: GraphConfig,
    /// Links that the queries of a question may cross, one flood after the other: 1 to 32 numbers that grow (paper: from 1 in steps of 2).
    pub ttl_schedule: Vec<u8>,
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
}

/// The parameters of random walks (Lv et al. 2002, section 4.2); those of the links are [`FloodingConfig`]'s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandomWalkConfig {
    /// The overlay graph of a converged start; also what newcomers aim at: they keep its mean degree.
    pub graph: GraphConfig,
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

/// How walkers walk.
#[derive(Clone, Copy, Debug)]
pub struct Walks {
    pub(super) walkers: u8,
    pub(super) ttl: u16,
    /// 0: never.
    pub(super) check_every: u16,
    pub(super) check_timeout: Span,
    pub(super) state_keeping: bool,
    pub(super) bias: Bias,
    pub(super) remember: Span,
    pub(super) remember_max: u32,
}

/// What the code that the models share goes by.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) graph: GraphConfig,
    /// The TTL of each flood that a question may have.
    pub(super) rings: Box<[u8]>,
    /// Holders after which a question ends; a flood that is the only one is always heard to its end.
    pub(super) wanted: usize,
    pub(super) hits: HitPath,
    /// How long the hits of a flood are awaited, or those of all walkers.
    pub(super) query_timeout: Span,
    /// Walkers go out instead of floods.
    pub(super) walks: Option<Walks>,
    pub(super) remember: Span,
    pub(super) remember_max: u32,
    pub(super) ping_interval: Span,
    pub(super) missed_pings: u8,
    pub(super) spare_links: u16,
    pub(super) max_neighbours: u32,
    pub(super) connect_timeout: Span,
    pub(super) host_cache: u16,
}

impl From<&FloodingConfig> for Rules {
    fn from(c: &FloodingConfig) -> Self {
        Self {
            graph: c.graph.clone(),
            rings: [c.ttl].into(),
            wanted: usize::MAX,
            hits: c.hits,
            query_timeout: c.query_timeout.span(),
            walks: None,
            remember: c.remember.span(),
            remember_max: c.remember_max,
            ping_interval: c.ping_interval.span(),
            missed_pings: c.missed_pings,
            spare_links: c.spare_links,
            max_neighbours: c.max_neighbours,
            connect_timeout: c.connect_timeout.span(),
            host_cache: c.host_cache,
        }
    }
}

impl From<&ExpandingRingConfig> for Rules {
    fn from(c: &ExpandingRingConfig) -> Self {
        Self {
            graph: c.graph.clone(),
            rings: c.ttl_schedule.clone().into(),
            wanted: c.wanted_hits.into(),
            hits: c.hits,
            query_timeout: c.ring_timeout.span(),
            walks: None,
            remember: c.remember.span(),
            remember_max: c.remember_max,
            ping_interval: c.ping_interval.span(),
            missed_pings: c.missed_pings,
            spare_links: c.spare_links,
            max_neighbours: c.max_neighbours,
            connect_timeout: c.connect_timeout.span(),
            host_cache: c.host_cache,
        }
    }
}

impl From<&RandomWalkConfig> for Rules {
    fn from(c: &RandomWalkConfig) -> Self {
        Self {
            graph: c.graph.clone(),
            rings: Box::default(),
            wanted: c.wanted_hits.into(),
            hits: HitPath::Direct,
            query_timeout: c.query_timeout.span(),
            walks: Some(Walks {
                walkers: c.walkers,
                ttl: c.ttl,
                check_every: c.check_every,
                check_timeout: c.check_timeout.span(),
                state_keeping: c.state_keeping,
                bias: c.bias,
                remember: c.remember.span(),
                remember_max: c.remember_max,
            }),
            remember: c.remember.span(),
            remember_max: c.remember_max,
            ping_interval: c.ping_interval.span(),
            missed_pings: c.missed_pings,
            spare_links: c.spare_links,
            max_neighbours: c.max_neighbours,
            connect_timeout: c.connect_timeout.span(),
            host_cache: c.host_cache,
        }
    }
}

impl Rules {
    /// Pongs say how many neighbours a peer has.
    pub(super) fn degrees_matter(&self) -> bool {
        self.walks.is_some_and(|walks| walks.bias == Bias::Degree)
    }

    /// Notes what cannot work; `timeout` is what the model calls its `query_timeout`.
    fn check(&self, timeout: &str, population: u32, issues: &mut Issues) {
        issues.within("graph", |issues| self.graph.check(population, issues));
        let durations = [
            (timeout, self.query_timeout),
            ("remember", self.remember),
            ("ping_interval", self.ping_interval),
            ("connect_timeout", self.connect_timeout),
        ];
        for (key, span) in durations {
            issues.ensure(span.nanos() >= 1_000_000, key, "too short: 1 ms is the least");
        }
        if self.hits == HitPath::ReversePath && self.remember < self.query_timeout {
            issues.warn("remember", format!("shorter than {timeout}: late hits will not find their way back"));
        }
        let floods = self.walks.is_none();
        issues.ensure(!floods || self.remember_max >= 8, "remember_max", "a peer must remember at least 8 queries");
        issues.ensure(self.remember <= LONGEST, "remember", "30 days is the most");
        issues.ensure(self.missed_pings >= 1, "missed_pings", "a neighbour can only be dropped after at least 1 missed ping");
        issues.ensure(self.max_neighbours >= 1, "max_neighbours", "a peer without neighbours cannot ask anybody: 1 is the least");
        issues.ensure(self.host_cache >= 1, "host_cache", "without a host cache nobody could reconnect: 1 is the least");
    }
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

impl Default for ExpandingRingConfig {
    fn default() -> Self {
        let flooding = FloodingConfig::default();
        Self {
            graph: flooding.graph,
            ttl_schedule: vec![1, 3, 5, 7],
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
        }
    }
}

impl Default for RandomWalkConfig {
    fn default() -> Self {
        let flooding = FloodingConfig::default();
        Self {
            graph: flooding.graph,
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
    }

    fn files(&self) -> Vec<&str> {
        self.graph.file().into_iter().collect()
    }
}

/// What is wrong with wanting nothing.
const NO_HIT: &str = "a question that wants no hit need not be asked: 1 is the least";

/// What is wrong with a TTL of 0.
const NO_TTL: &str = "a query with TTL 0 never leaves the peer that asks: 1 is the least";
