//! What the code that the models share makes of their parameters.

use peerlab_model::{Issues, Span};

use super::config::{Bias, ExpandingRingConfig, FloodingConfig, HitPath, RandomWalkConfig};
use super::replication::ReplicationConfig;
use crate::RateLimit;
use crate::graph::GraphConfig;
use crate::unstructured::membership::MembershipConfig;
use crate::unstructured::seen::LONGEST;

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
    pub(super) membership: MembershipConfig,
    /// The TTL of each flood that a question may have.
    pub(super) rings: Box<[u8]>,
    /// Neighbours that a query is sent on to; 0: all.
    pub(super) fanout: u16,
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
    /// Copies of what has been found.
    pub(super) replication: Option<ReplicationConfig>,
    /// What one neighbour may pass on.
    pub(super) rate_limit: Option<RateLimit>,
}

impl From<&FloodingConfig> for Rules {
    fn from(c: &FloodingConfig) -> Self {
        Self {
            graph: c.graph.clone(),
            membership: c.membership.clone(),
            rings: [c.ttl].into(),
            fanout: c.fanout,
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
            replication: c.replication,
            rate_limit: c.rate_limit,
        }
    }
}

impl From<&ExpandingRingConfig> for Rules {
    fn from(c: &ExpandingRingConfig) -> Self {
        Self {
            graph: c.graph.clone(),
            membership: c.membership.clone(),
            rings: c.ttl_schedule.clone().into(),
            fanout: c.fanout,
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
            replication: c.replication,
            rate_limit: c.rate_limit,
        }
    }
}

impl From<&RandomWalkConfig> for Rules {
    fn from(c: &RandomWalkConfig) -> Self {
        Self {
            graph: c.graph.clone(),
            membership: c.membership.clone(),
            rings: Box::default(),
            fanout: 0,
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
            replication: c.replication,
            rate_limit: c.rate_limit,
        }
    }
}

impl Rules {
    /// Pongs say how many neighbours a peer has.
    pub(super) fn degrees_matter(&self) -> bool {
        self.walks.is_some_and(|walks| walks.bias == Bias::Degree)
    }

    /// Notes what cannot work; `timeout` is what the model calls its `query_timeout`.
    pub(super) fn check(&self, timeout: &str, population: u32, issues: &mut Issues) {
        issues.within("graph", |issues| self.graph.check(population, issues));
        issues.within("membership", |issues| self.membership.check(issues));
        if self.degrees_matter() && self.membership != MembershipConfig::HostCache {
            issues.error(
                "bias",
                "\"degree\" needs neighbours whose pongs say how many they have: only `membership = { model = \"host-cache\" }` has pongs",
            );
        }
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
        RateLimit::check(self.rate_limit, "rate_limit", issues);
        let floods = self.walks.is_none();
        if let Some(replication) = self.replication {
            issues.within("replication", |issues| replication.check(!floods, issues));
        }
        issues.ensure(!floods || self.remember_max >= 8, "remember_max", "a peer must remember at least 8 queries");
        issues.ensure(self.remember <= LONGEST, "remember", "30 days is the most");
        issues.ensure(self.missed_pings >= 1, "missed_pings", "a neighbour can only be dropped after at least 1 missed ping");
        issues.ensure(self.max_neighbours >= 1, "max_neighbours", "a peer without neighbours cannot ask anybody: 1 is the least");
        issues.ensure(self.host_cache >= 1, "host_cache", "without a host cache nobody could reconnect: 1 is the least");
    }
}
