//! The parameters of Tapestry, named as in its papers.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most links that a slot may have.
const C_MAX: u8 = 16;

/// The most peers that may keep a value.
const REPLICAS_MAX: u8 = 16;

/// Tapestry's parameters (Zhao et al. 2004, Hildrum et al. 2002); docs/models/tapestry.md says where each default comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TapestryConfig {
    /// Bits of an identifier, as many as tell the peers apart to 512 (paper: 160, of SHA-1): what a key takes on the wire, and of how many points,
    /// up to 2^64, the space is.
    pub identifier_bits: u16,
    /// Bits of a digit, 1 to 8: a level of the routing mesh has 2^b − 1 slots beside the peer's own (paper: base β = 16, b = 4).
    pub b: u8,
    /// Links c of each slot, 1 to 16: a primary neighbour and c − 1 backups (paper: 3, a primary and two backups).
    pub c: u8,
    /// Peers k that a newcomer's search for its nearest neighbours keeps at each level, 1 to 64 (Hildrum et al.: O(log n)).
    pub k: u8,
    /// The links of a slot are those with the shortest measured round trips, nearest first; otherwise those that came first.
    pub proximity: bool,
    /// A slot that has lost a link is filled up again by asking others for their neighbours.
    pub repair: bool,
    /// Every neighbour is probed once in this time (a soft-state heartbeat), one after the other; backpointers live on being probed.
    pub probe_interval: Duration,
    /// Mean gap between two refreshes of one level; each gap is drawn from half to one and a half of it.
    pub table_interval: Duration,
    /// The longest silence that a timeout may wait for, and the timeout towards a peer that was never measured.
    pub request_timeout: Duration,
    /// A hop's timeout is the smoothed round trip plus four times its deviation, but no less than this more.
    pub timeout_margin: Duration,
    /// How often the origin asks again when no answer came.
    pub retries: u8,
    /// Silence after which the origin asks again.
    pub retry_after: Duration,
    /// Where peers keep values: how many keep each, its root and those that would be the next roots, 1 to 16.
    pub replicas: u8,
    /// Where peers keep values, how often root and replicas compare what they have; `0 s`: never.
    pub maintenance_interval: Duration,
    /// How often a holder publishes each of its items again.
    pub republish_interval: Duration,
    /// Age at which an object pointer or a value is forgotten.
    pub record_expiry: Duration,
    /// Holders that one answer names at most: the one that the question was redirected to, and others that its pointers named.
    pub holders_per_answer: u8,
}

impl Default for TapestryConfig {
    fn default() -> Self {
        Self {
            identifier_bits: 160,
            b: 4,
            c: 3,
            k: 16,
            proximity: true,
            repair: true,
            probe_interval: Duration::secs(60),
            table_interval: Duration::secs(120),
            request_timeout: Duration::millis(500),
            timeout_margin: Duration::millis(10),
            retries: 3,
            retry_after: Duration::secs(5),
            replicas: 3,
            maintenance_interval: Duration::secs(60),
            republish_interval: Duration::secs(600),
            record_expiry: Duration::secs(1800),
            holders_per_answer: 20,
        }
    }
}

impl TapestryConfig {
    pub(super) fn bits(&self) -> u32 {
        u32::from(self.b)
    }

    pub(super) fn links(&self) -> usize {
        usize::from(self.c)
    }
}

impl OverlayConfig for TapestryConfig {
    fn identifier_bits(&self) -> u32 {
        u32::from(self.identifier_bits)
    }

    /// c links of 12 bytes in each slot of the levels that tell the members apart, as many backpointers of 5 bytes, and the rest.
    fn expected_bytes(&self, members: u32) -> u64 {
        let (b, c) = (u32::from(self.b).clamp(1, 8), u64::from(self.c));
        let (mut links, mut sharing) = (0, u64::from(members.max(1)));
        while sharing > 1 {
            links += (((1 << b) - 1) * c).min(sharing - 1);
            sharing >>= b;
        }
        17 * links + 256
    }

    fn check(&self, _population: u32, issues: &mut Issues) {
        issues.ensure((1..=8).contains(&self.b), "b", format!("a digit has 1 to 8 bits, not {}", self.b));
        issues.ensure((1..=C_MAX).contains(&self.c), "c", format!("a slot has 1 to {C_MAX} links, not {}", self.c));
        issues.ensure((1..=64).contains(&self.k), "k", format!("a newcomer keeps 1 to 64 peers at each level, not {}", self.k));
        let positive = [
            ("probe_interval", self.probe_interval),
            ("table_interval", self.table_interval),
            ("request_timeout", self.request_timeout),
            ("timeout_margin", self.timeout_margin),
            ("retry_after", self.retry_after),
            ("republish_interval", self.republish_interval),
            ("record_expiry", self.record_expiry),
        ];
        for (key, duration) in positive {
            issues.ensure(duration.span().nanos() > 0, key, "a time above zero is needed");
        }
        issues.ensure(
            (1..=REPLICAS_MAX).contains(&self.replicas),
            "replicas",
            format!("1 (the root alone) to {REPLICAS_MAX} peers keep a value, not {}", self.replicas),
        );
        issues.ensure(self.holders_per_answer >= 1, "holders_per_answer", "an answer names at least 1 holder");
        if self.record_expiry < self.republish_interval {
            issues.warn("record_expiry", "object pointers expire before they are published again: items will be missing in between");
        }
    }
}
