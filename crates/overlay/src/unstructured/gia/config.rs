//! Gia's parameters.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::unstructured::descriptor::ROUNDS_MAX;
use crate::unstructured::membership::MembershipConfig;
use crate::unstructured::seen::LONGEST;

/// Places for neighbours that the book of a query has: see `peer::Trace`.
pub(super) const SLOTS: u16 = 128;

/// Parameters of Gia, named and set as in the paper where it says; docs/models/gia.md tells where we differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GiaConfig {
    /// Where the addresses come from among which a peer chooses its neighbours: "host-cache" (pongs and refusals, in a cache of `host_cache` addresses), or
    /// by gossip: "cyclon", "hyparview" or "newscast". Then the cache only says what capacities are known.
    pub membership: MembershipConfig,
    /// With fewer neighbours a peer is not satisfied at all: 1 … `max_nbrs` (paper: 3).
    pub min_nbrs: u16,
    /// The most neighbours of a peer: up to 128 (paper: 128). One of less capacity has capacity / `min_alloc` at the most.
    pub max_nbrs: u16,
    /// The smallest part of its capacity, in messages per second, that a peer sets aside for a neighbour (paper: 4).
    pub min_alloc: f64,
    /// H: a neighbour gives way to a newcomer that has so many neighbours less than it, and one more (paper: 5).
    pub hysteresis: u16,
    /// T: a satisfied peer looks at its neighbours so often, any other one sooner (paper: 10 s).
    pub adaptation_interval: Duration,
    /// K: how much sooner; the interval is T · K^−(1 − satisfaction) (paper: 256).
    pub aggressiveness: f64,
    /// Addresses of its host cache, or of its view, among which a peer chooses whom to connect to (paper: "a small number").
    pub candidates: u8,
    /// Capacity in messages per second that a peer tells others whose machine has no limit.
    pub unlimited_capacity: f64,
    /// Share of its capacity that a peer gives away in tokens, each of which is good for one query; the rest is for answers, keep-alives and
    /// upkeep. Above 0, at most 1.
    pub token_share: f64,
    /// Tokens that a neighbour gets at once, and may always hold unused: 1 at least.
    pub tokens_initial: u16,
    /// How long tokens gather before a message of their own takes them to a neighbour.
    pub token_interval: Duration,
    /// Queries that may wait at a peer for a token; the next one is dropped. The more wait, the fewer tokens the peer gives.
    pub backlog_max: u16,
    /// Links that a query may cross (paper: 1024).
    pub ttl: u16,
    /// Answers after which a query ends: 1 at least (paper's MAX_RESPONSES).
    pub max_responses: u16,
    /// A peer tells the origin that a query lives whenever it has crossed a multiple of so many links: 1 at least.
    pub keep_alive_hops: u16,
    /// A peer at which a query waits for a token tells the origin so that often.
    pub keep_alive_interval: Duration,
    /// Silence after which the origin takes its query for lost and sends it out again.
    pub keep_alive_timeout: Duration,
    /// Times that a question is sent out, the first one included: 1 to 32.
    pub attempts: u8,
    /// How long the peer that asked waits for answers before its question ends.
    pub query_timeout: Duration,
    /// How long a peer remembers where a query came from and where it went: as long as it and its answers travel.
    pub remember: Duration,
    /// The most queries that a peer remembers; beyond it the oldest give way early: 8 at least.
    pub remember_max: u32,
    /// Time between pings to the neighbours.
    pub ping_interval: Duration,
    /// Unanswered pings in a row after which a neighbour counts as dead.
    pub missed_pings: u8,
    /// Silence after which a connection attempt has failed.
    pub connect_timeout: Duration,
    /// Addresses of other peers, with their capacities, that a peer keeps.
    pub host_cache: u16,
}

impl Default for GiaConfig {
    fn default() -> Self {
        Self {
            membership: MembershipConfig::default(),
            min_nbrs: 3,
            max_nbrs: 128,
            min_alloc: 4.0,
            hysteresis: 5,
            adaptation_interval: Duration::secs(10),
            aggressiveness: 256.0,
            candidates: 5,
            unlimited_capacity: 1000.0,
            token_share: 0.5,
            tokens_initial: 3,
            token_interval: Duration::secs(1),
            backlog_max: 100,
            ttl: 1024,
            max_responses: 1,
            keep_alive_hops: 32,
            keep_alive_interval: Duration::secs(5),
            keep_alive_timeout: Duration::secs(15),
            attempts: 3,
            query_timeout: Duration::secs(60),
            remember: Duration::secs(60),
            remember_max: 1 << 14,
            ping_interval: Duration::secs(15),
            missed_pings: 2,
            connect_timeout: Duration::secs(2),
            host_cache: 20,
        }
    }
}

impl OverlayConfig for GiaConfig {
    fn check(&self, _population: u32, issues: &mut Issues) {
        issues.within("membership", |issues| self.membership.check(issues));
        self.check_links(issues);
        self.check_queries(issues);
        let durations = [
            ("adaptation_interval", self.adaptation_interval),
            ("token_interval", self.token_interval),
            ("keep_alive_interval", self.keep_alive_interval),
            ("keep_alive_timeout", self.keep_alive_timeout),
            ("query_timeout", self.query_timeout),
            ("remember", self.remember),
            ("ping_interval", self.ping_interval),
            ("connect_timeout", self.connect_timeout),
        ];
        for (key, duration) in durations {
            issues.ensure(duration.span().nanos() >= 1_000_000, key, "too short: 1 ms is the least");
        }
    }

    fn expected_bytes(&self, _members: u32) -> u64 {
        // Most peers have few neighbours; a query that is remembered takes 32 bytes.
        1500
    }
}

impl GiaConfig {
    fn check_links(&self, issues: &mut Issues) {
        issues.ensure(self.min_nbrs >= 1, "min_nbrs", "a peer without neighbours cannot ask anybody: 1 is the least");
        let (least, most) = (self.min_nbrs.clamp(1, SLOTS), self.max_nbrs);
        issues.ensure(
            (least..=SLOTS).contains(&most),
            "max_nbrs",
            format!("a peer has at most min_nbrs = {} to {SLOTS} neighbours, not {most}", self.min_nbrs),
        );
        let positive = [("min_alloc", self.min_alloc), ("unlimited_capacity", self.unlimited_capacity)];
        for (key, value) in positive {
            issues.ensure(value > 0.0 && value <= 1e6, key, format!("above 0 and at most 10^6 messages per second, not {value}"));
        }
        let k = self.aggressiveness;
        issues.ensure((1.0..=1e6).contains(&k), "aggressiveness", format!("at least 1 (no hurry) and at most 10^6, not {k}"));
        issues.ensure(self.candidates >= 1, "candidates", "a peer that considers nobody never connects: 1 is the least");
        issues.ensure(self.missed_pings >= 1, "missed_pings", "a neighbour can only be dropped after at least 1 missed ping");
        issues.ensure(self.host_cache >= 1, "host_cache", "without a host cache nobody could reconnect: 1 is the least");
    }

    fn check_queries(&self, issues: &mut Issues) {
        let share = self.token_share;
        issues.ensure(share > 0.0 && share <= 1.0, "token_share", format!("a peer gives away above 0 and at most all (1), not {share}"));
        issues.ensure(self.tokens_initial >= 1, "tokens_initial", "without a first token nobody ever asks: 1 is the least");
        issues.ensure(self.backlog_max >= 1, "backlog_max", "a query that finds no token waits: 1 is the least");
        issues.ensure(self.ttl >= 1, "ttl", "a query with TTL 0 never leaves the peer that asks: 1 is the least");
        issues.ensure(self.max_responses >= 1, "max_responses", "a question that wants no hit need not be asked: 1 is the least");
        issues.ensure(self.keep_alive_hops >= 1, "keep_alive_hops", "every link at the most: 1 is the least");
        issues.ensure(
            (1..=ROUNDS_MAX).contains(&usize::from(self.attempts)),
            "attempts",
            format!("a question is sent out 1 to {ROUNDS_MAX} times, not {}", self.attempts),
        );
        issues.ensure(self.remember_max >= 8, "remember_max", "a peer must remember at least 8 queries");
        issues.ensure(self.remember.span() <= LONGEST, "remember", "30 days is the most");
        if self.remember.span() < self.query_timeout.span() {
            issues.warn("remember", "shorter than query_timeout: late answers will not find their way back");
        }
        if self.keep_alive_timeout.span() <= self.keep_alive_interval.span() {
            issues.warn("keep_alive_timeout", "not longer than keep_alive_interval: queries that wait for a token will be taken for lost");
        }
    }
}
