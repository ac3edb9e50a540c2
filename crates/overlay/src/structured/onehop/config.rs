//! OneHop's parameters.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most peers that may keep a record.
pub(super) const REPLICAS_MAX: u8 = 16;

/// Peers for which `slices = 0` makes a slice: the paper cuts 100,000 into 500.
const PEERS_PER_SLICE: u32 = 200;

/// OneHop's parameters (Gupta, Liskov, Rodrigues 2004); docs/models/onehop.md says where each default comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OneHopConfig {
    /// Bits of an identifier, as many as tell the peers apart to 512 (as in Chord: 160, of SHA-1): what a key takes on the wire, and of how many points,
    /// up to 2^64, the space is.
    pub identifier_bits: u16,
    /// Slices k of the ring, 0 to 10000, each with a leader; 0: one for each 200 peers that are online on average (paper: 500 for 100,000).
    pub slices: u16,
    /// Units of a slice, 1 to 200, each with a leader (paper: 5).
    pub units: u8,
    /// Gap between two keep-alives to the successor and to the predecessor; events travel on them within a unit (paper: 1 s).
    pub keep_alive_interval: Duration,
    /// A slice leader writes to each other one once in this time at most (paper: `t_big`).
    pub t_big: Duration,
    /// A slice leader collects events for so long before it tells its unit leaders (paper: `t_wait`).
    pub t_wait: Duration,
    /// Silence after which a request counts as lost.
    pub request_timeout: Duration,
    /// Requests in a row that a neighbour or a leader leaves unanswered until it counts as dead, 1 to 20.
    pub probes: u8,
    /// Questions in a row that a peer leaves unanswered until the next one is asked, 1 to 20.
    pub attempts: u8,
    /// Peers that one question asks at most, those that did not answer included, 1 to 100.
    pub asks_max: u8,
    /// Mean gap between two comparisons of a part of the table with another peer's, drawn from half to one and a half of it.
    pub reconcile_interval: Duration,
    /// Peers that keep each provider record or value: the key's owner and its `replicas` − 1 successors, 1 to 16.
    pub replicas: u8,
    /// How often a holder registers each of its items again.
    pub republish_interval: Duration,
    /// Age at which a provider record or a value is forgotten.
    pub record_expiry: Duration,
    /// Where peers keep values, how often owner and replicas compare what they have; `0 s`: never.
    pub maintenance_interval: Duration,
    /// Holders that one answer names at most.
    pub holders_per_answer: u8,
}

impl Default for OneHopConfig {
    fn default() -> Self {
        Self {
            identifier_bits: 160,
            slices: 0,
            units: 5,
            keep_alive_interval: Duration::secs(1),
            t_big: Duration::secs(20),
            t_wait: Duration::secs(1),
            request_timeout: Duration::millis(500),
            probes: 3,
            attempts: 1,
            asks_max: 8,
            reconcile_interval: Duration::secs(60),
            replicas: 3,
            republish_interval: Duration::secs(600),
            record_expiry: Duration::secs(1800),
            maintenance_interval: Duration::secs(60),
            holders_per_answer: 20,
        }
    }
}

impl OneHopConfig {
    /// How many slices there are among so many peers.
    pub(super) fn slices_among(&self, online: u32) -> u32 {
        match self.slices {
            0 => (online / PEERS_PER_SLICE).clamp(1, 10_000),
            slices => u32::from(slices),
        }
    }
}

impl OverlayConfig for OneHopConfig {
    fn identifier_bits(&self) -> u32 {
        u32::from(self.identifier_bits)
    }

    /// Every member in the table of every member, and a sixteenth of room; a table that peers share until they differ is counted for each.
    fn expected_bytes(&self, members: u32) -> u64 {
        4 * (u64::from(members) + u64::from(members) / 16) + 256
    }

    fn check(&self, population: u32, issues: &mut Issues) {
        issues.ensure(self.slices <= 10_000, "slices", format!("there are 0 to 10000 slices (0: as many as fit), not {}", self.slices));
        issues.ensure((1..=200).contains(&self.units), "units", format!("a slice has 1 to 200 units, not {}", self.units));
        let units = self.slices_among(population) * u32::from(self.units);
        if units > population && self.slices > 0 {
            issues.warn("slices", format!("{} slices of {} units are more than {population} peers can fill", self.slices, self.units));
        }
        for (key, value, most) in [("probes", self.probes, 20), ("attempts", self.attempts, 20), ("asks_max", self.asks_max, 100)] {
            issues.ensure((1..=most).contains(&value), key, format!("between 1 and {most}, not {value}"));
        }
        let positive = [
            ("keep_alive_interval", self.keep_alive_interval),
            ("t_big", self.t_big),
            ("t_wait", self.t_wait),
            ("request_timeout", self.request_timeout),
            ("reconcile_interval", self.reconcile_interval),
            ("republish_interval", self.republish_interval),
            ("record_expiry", self.record_expiry),
        ];
        for (key, duration) in positive {
            issues.ensure(duration.span().nanos() > 0, key, "a time above zero is needed");
        }
        issues.ensure(
            (1..=REPLICAS_MAX).contains(&self.replicas),
            "replicas",
            format!("1 (the owner alone) to {REPLICAS_MAX} peers keep a record, not {}", self.replicas),
        );
        issues.ensure(self.holders_per_answer >= 1, "holders_per_answer", "an answer names at least 1 holder");
        if self.record_expiry.span() < self.republish_interval.span() {
            issues.warn("record_expiry", "records expire before they are registered again: items will be missing in between");
        }
    }
}
