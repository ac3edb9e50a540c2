//! The parameters of Pastry and of Bamboo, named as in their papers, and what the shared code makes of them.

use std::fmt::Debug;

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::repair::check_replicas;

/// The longest leaf set that a configuration may ask for: one is put together on the stack, and travels in one datagram.
pub(super) const LEAVES_MAX: usize = 48;

/// The largest neighbourhood set that a configuration may ask for.
const NEIGHBOURHOOD_MAX: u8 = 64;

/// Pastry's parameters (Rowstron & Druschel 2001); docs/models/pastry.md says where each default comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PastryConfig {
    /// Bits of an identifier, as many as tell the peers apart to 512 (paper: 128): what a key takes on the wire, and of how many points,
    /// up to 2^64, the space is.
    pub identifier_bits: u16,
    /// Bits of a digit, 1 to 8: a row of the routing table has 2^b − 1 entries (paper: b = 4).
    pub b: u8,
    /// Entries |L| of the leaf set, even, 2 to 48: half of them on either side (paper: 16).
    pub leaf_set: u8,
    /// Entries |M| of the neighbourhood set, the nearest peers by round trip, 0 to 64 (paper: 32).
    pub neighbourhood_set: u8,
    /// A routing table entry gives way to a peer that fits as well and has a shorter round trip.
    pub proximity: bool,
    /// An entry of the routing table that failed is replaced by asking others of its row (or the next one).
    pub repair: bool,
    /// Mean gap between two keep-alives to the nearest neighbours on the ring; each gap is drawn from half to one and a half of it.
    pub leaf_set_interval: Duration,
    /// Mean gap between refreshes of one row of the routing table, drawn in the same way.
    pub table_interval: Duration,
    /// Mean gap between two checks of a member of the neighbourhood set, drawn in the same way.
    pub neighbourhood_interval: Duration,
    /// Silence after which a contact counts as dead.
    pub request_timeout: Duration,
    /// How often the origin asks again when no answer came.
    pub retries: u8,
    /// Silence after which the origin asks again.
    pub retry_after: Duration,
    /// Peers that keep each provider record: the key's owner and the `replicas` − 1 of its leaf set next closest to the key.
    pub replicas: u8,
    /// How often a holder registers each of its items again.
    pub republish_interval: Duration,
    /// Age at which a provider record is forgotten.
    pub record_expiry: Duration,
    /// Holders that one answer names at most.
    pub holders_per_answer: u8,
    /// Where peers keep values: mean gap between two comparisons with the other keepers, drawn in the same way (PAST: when the leaf set changes,
    /// which is answered at once anyway); 0: there is none.
    pub maintenance_interval: Duration,
}

/// Bamboo's parameters (Rhea et al. 2004); docs/models/bamboo.md says where each default comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BambooConfig {
    /// Bits of an identifier, as many as tell the peers apart to 512 (released program: 160, of SHA-1): what a key takes on the wire, and of how many points,
    /// up to 2^64, the space is.
    pub identifier_bits: u16,
    /// Bits of a digit, 1 to 8: a row of the routing table has 2^b − 1 entries.
    pub b: u8,
    /// Entries of the leaf set, even, 2 to 48: half of them on either side.
    pub leaf_set: u8,
    /// A routing table entry gives way to a peer that fits as well and has a shorter round trip.
    pub proximity: bool,
    /// Mean gap between two exchanges of the leaf set with a random member of it; each gap is drawn from half to one and a half of it.
    pub leaf_set_interval: Duration,
    /// Every contact is pinged once in this time, one after the other.
    pub ping_interval: Duration,
    /// Mean gap between two local tunings (a random entry of a row is asked for its row), drawn in the same way.
    pub local_tuning_interval: Duration,
    /// Mean gap between two global tunings (the owner of a random key that fits a slot is looked up and measured), drawn in the same way.
    pub global_tuning_interval: Duration,
    /// The longest silence that a timeout may wait for, and the timeout towards a peer that was never measured.
    pub request_timeout: Duration,
    /// The shortest silence that counts: a timeout is the smoothed round trip plus four times its deviation, but no less than this more.
    pub timeout_margin: Duration,
    /// How often the origin asks again when no answer came.
    pub retries: u8,
    /// Silence after which the origin asks again.
    pub retry_after: Duration,
    /// Peers that keep each provider record: the key's owner and the `replicas` − 1 of its leaf set next closest to the key.
    pub replicas: u8,
    /// How often a holder registers each of its items again.
    pub republish_interval: Duration,
    /// Age at which a provider record is forgotten.
    pub record_expiry: Duration,
    /// Holders that one answer names at most.
    pub holders_per_answer: u8,
    /// Where peers keep values: mean gap between two comparisons with the other keepers, drawn in the same way; 0: there is none.
    pub maintenance_interval: Duration,
}

impl Default for PastryConfig {
    fn default() -> Self {
        Self {
            identifier_bits: 160,
            b: 4,
            leaf_set: 16,
            neighbourhood_set: 32,
            proximity: true,
            repair: true,
            leaf_set_interval: Duration::secs(30),
            table_interval: Duration::secs(240),
            neighbourhood_interval: Duration::secs(120),
            request_timeout: Duration::millis(500),
            retries: 3,
            retry_after: Duration::secs(5),
            replicas: 3,
            republish_interval: Duration::secs(600),
            record_expiry: Duration::secs(1800),
            holders_per_answer: 20,
            maintenance_interval: Duration::secs(60),
        }
    }
}

impl Default for BambooConfig {
    fn default() -> Self {
        Self {
            identifier_bits: 160,
            b: 4,
            leaf_set: 8,
            proximity: true,
            leaf_set_interval: Duration::secs(4),
            ping_interval: Duration::secs(20),
            local_tuning_interval: Duration::secs(10),
            global_tuning_interval: Duration::secs(20),
            request_timeout: Duration::millis(500),
            timeout_margin: Duration::millis(10),
            retries: 3,
            retry_after: Duration::secs(5),
            replicas: 3,
            republish_interval: Duration::secs(600),
            record_expiry: Duration::secs(1800),
            holders_per_answer: 20,
            maintenance_interval: Duration::secs(60),
        }
    }
}

impl OverlayConfig for PastryConfig {
    fn identifier_bits(&self) -> u32 {
        u32::from(self.identifier_bits)
    }

    /// Full rows of the routing table for as many digits as tell the members apart, the leaf set, and the neighbourhood set with its round trips.
    fn expected_bytes(&self, members: u32) -> u64 {
        let b = u32::from(self.b).clamp(1, 8);
        let rows = u64::from(members.max(2).ilog2() / b + 1);
        4 * (rows * ((1 << b) - 1) + u64::from(self.leaf_set) + 2 * u64::from(self.neighbourhood_set)) + 256
    }

    fn check(&self, population: u32, issues: &mut Issues) {
        Rules::from(self).check(population, issues);
        issues.ensure(
            self.neighbourhood_set <= NEIGHBOURHOOD_MAX,
            "neighbourhood_set",
            format!("a neighbourhood set has 0 to {NEIGHBOURHOOD_MAX} entries, not {}", self.neighbourhood_set),
        );
        positive(
            issues,
            &[
                ("leaf_set_interval", self.leaf_set_interval),
                ("table_interval", self.table_interval),
                ("neighbourhood_interval", self.neighbourhood_interval),
            ],
        );
    }
}

impl OverlayConfig for BambooConfig {
    fn identifier_bits(&self) -> u32 {
        u32::from(self.identifier_bits)
    }

    /// Full rows of the routing table for as many digits as tell the members apart, the leaf set.
    fn expected_bytes(&self, members: u32) -> u64 {
        let b = u32::from(self.b).clamp(1, 8);
        let rows = u64::from(members.max(2).ilog2() / b + 1);
        4 * (rows * ((1 << b) - 1) + u64::from(self.leaf_set)) + 256
    }

    fn check(&self, population: u32, issues: &mut Issues) {
        Rules::from(self).check(population, issues);
        positive(
            issues,
            &[
                ("leaf_set_interval", self.leaf_set_interval),
                ("ping_interval", self.ping_interval),
                ("local_tuning_interval", self.local_tuning_interval),
                ("global_tuning_interval", self.global_tuning_interval),
                ("timeout_margin", self.timeout_margin),
            ],
        );
    }
}

fn positive(issues: &mut Issues, durations: &[(&str, Duration)]) {
    for &(key, duration) in durations {
        issues.ensure(duration.span().nanos() > 0, key, "a time above zero is needed");
    }
}

/// What the code that the two models share goes by.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Bits of a digit.
    pub(super) bits: u32,
    pub(super) leaf_set: u8,
    /// 0: there is no neighbourhood set.
    pub(super) neighbourhood_set: u8,
    pub(super) proximity: bool,
    pub(super) upkeep: Upkeep,
    pub(super) leaf_set_interval: Span,
    pub(super) table_interval: Span,
    pub(super) request_timeout: Span,
    pub(super) retries: u8,
    pub(super) retry_after: Span,
    pub(super) replicas: u8,
    pub(super) republish_interval: Span,
    pub(super) record_expiry: Span,
    pub(super) holders_per_answer: u8,
    /// Zero: keepers are not compared.
    pub(super) maintenance_interval: Span,
}

/// How failures are answered.
#[derive(Clone, Debug)]
pub(super) enum Upkeep {
    /// Pastry: at once, when one is noticed.
    Reactive {
        /// Failed entries of the routing table are replaced.
        repair: bool,
        /// The next member of the neighbourhood set is asked for its own.
        neighbourhood_interval: Span,
    },
    /// Bamboo: by and by, whether something has happened or not; and timeouts follow measured round trips.
    Periodic {
        /// All contacts are pinged once.
        ping_interval: Span,
        /// A random slot is looked up.
        global_tuning_interval: Span,
        /// A timeout exceeds the smoothed round trip by this much at least.
        timeout_margin: Span,
    },
}

impl From<&PastryConfig> for Rules {
    fn from(c: &PastryConfig) -> Self {
        Self {
            bits: u32::from(c.b),
            leaf_set: c.leaf_set,
            neighbourhood_set: c.neighbourhood_set,
            proximity: c.proximity,
            upkeep: Upkeep::Reactive { repair: c.repair, neighbourhood_interval: c.neighbourhood_interval.span() },
            leaf_set_interval: c.leaf_set_interval.span(),
            table_interval: c.table_interval.span(),
            request_timeout: c.request_timeout.span(),
            retries: c.retries,
            retry_after: c.retry_after.span(),
            replicas: c.replicas,
            republish_interval: c.republish_interval.span(),
            record_expiry: c.record_expiry.span(),
            holders_per_answer: c.holders_per_answer,
            maintenance_interval: c.maintenance_interval.span(),
        }
    }
}

impl From<&BambooConfig> for Rules {
    fn from(c: &BambooConfig) -> Self {
        Self {
            bits: u32::from(c.b),
            leaf_set: c.leaf_set,
            neighbourhood_set: 0,
            proximity: c.proximity,
            upkeep: Upkeep::Periodic {
                ping_interval: c.ping_interval.span(),
                global_tuning_interval: c.global_tuning_interval.span(),
                timeout_margin: c.timeout_margin.span(),
            },
            leaf_set_interval: c.leaf_set_interval.span(),
            table_interval: c.local_tuning_interval.span(),
            request_timeout: c.request_timeout.span(),
            retries: c.retries,
            retry_after: c.retry_after.span(),
            replicas: c.replicas,
            republish_interval: c.republish_interval.span(),
            record_expiry: c.record_expiry.span(),
            holders_per_answer: c.holders_per_answer,
            maintenance_interval: c.maintenance_interval.span(),
        }
    }
}

impl Rules {
    /// Entries on either side of the leaf set.
    pub(super) fn side(&self) -> usize {
        usize::from(self.leaf_set / 2)
    }

    fn check(&self, population: u32, issues: &mut Issues) {
        issues.ensure((1..=8).contains(&self.bits), "b", format!("a digit has 1 to 8 bits, not {}", self.bits));
        let length = usize::from(self.leaf_set);
        if !(2..=LEAVES_MAX).contains(&length) {
            issues.error("leaf_set", format!("a leaf set has 2 to {LEAVES_MAX} entries, not {length}"));
        } else if length % 2 == 1 {
            issues.error_with_help(
                "leaf_set",
                format!("a leaf set has as many entries on one side as on the other, which {length} does not allow"),
                format!("{} or {}", length - 1, length + 1),
            );
        }
        let positive = [
            ("request_timeout", self.request_timeout),
            ("retry_after", self.retry_after),
            ("republish_interval", self.republish_interval),
            ("record_expiry", self.record_expiry),
        ];
        for (key, span) in positive {
            issues.ensure(span.nanos() > 0, key, "a time above zero is needed");
        }
        issues.ensure(self.replicas >= 1, "replicas", "the owner itself keeps a record: at least 1");
        issues.ensure(self.holders_per_answer >= 1, "holders_per_answer", "an answer names at least 1 holder");
        if usize::from(self.replicas) > self.side() + 1 {
            issues.error_with_help(
                "replicas",
                format!("the {} peers closest to a key need not all be in its owner's leaf set", self.replicas),
                format!("at most {} with this leaf set", self.side() + 1),
            );
        } else {
            check_replicas(u32::from(self.replicas), population, issues);
        }
        if self.record_expiry < self.republish_interval {
            issues.warn("record_expiry", "records expire before they are registered again: items will be missing in between");
        }
    }
}
