//! Kelips' parameters.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most affinity groups that a configuration may ask for.
const GROUPS_MAX: u16 = 4096;

/// The most contacts per foreign group.
pub(super) const CONTACTS_MAX: u8 = 8;

/// The most targets of one kind in a round, and the most entries of one kind in a message.
pub(super) const TARGETS_MAX: u8 = 16;
const RATION_MAX: u8 = 40;

/// The most peers that one question asks.
pub(super) const TRIES_MAX: u8 = 8;

/// The most homenodes of a value.
pub(super) const HOMES_MAX: u8 = 4;

/// A timeout covers at least so many mentions of a member that gossip can make.
const MENTIONS: u64 = 8;

/// Kelips' parameters (Gupta, Birman, Linga, Demers, van Renesse 2003); docs/models/kelips.md says where each default comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KelipsConfig {
    /// Bits of an identifier, as many as tell the peers apart to 512 (paper: 160, of SHA-1): what a key takes on the wire, and of how many points,
    /// up to 2^64, the space is.
    pub identifier_bits: u16,
    /// Affinity groups k, 0 to 4096; 0: √n of the peers that are online on average (paper: √n).
    pub groups: u16,
    /// Contacts kept for each foreign group, 1 to 8 (paper's evaluation: 2).
    pub contacts: u8,
    /// Gap between two rounds of gossip (paper's evaluation: 2 s).
    pub round_interval: Duration,
    /// Members of its own group that a peer gossips to in a round, 1 to 16 (paper's evaluation: 3).
    pub group_targets: u8,
    /// Contacts in foreign groups that a peer gossips to in a round, 1 to 16 (paper's evaluation: 3).
    pub contact_targets: u8,
    /// Members of its own group that a message tells of, 0 to 40 (p2psim: 4).
    pub group_ration: u8,
    /// Contacts that a message tells of, 0 to 40 (p2psim: 2).
    pub contact_ration: u8,
    /// Filetuples that a message to a member of the own group tells of, 0 to 40.
    pub tuple_ration: u8,
    /// Rounds in which what is new goes first.
    pub fresh_rounds: u8,
    /// Targets are drawn with weights that fall with this power of the round trip, 0 to 3; 0: all alike.
    pub spatial_exponent: u8,
    /// Age of a heartbeat at which a member of the own group is dropped; stretched where a group is too large to be told of in that time.
    pub group_timeout: Duration,
    /// Age of a heartbeat at which a contact is dropped; stretched in the same way.
    pub contact_timeout: Duration,
    /// Silence after which a request counts as lost.
    pub request_timeout: Duration,
    /// Peers that one question asks at most, 1 to 8.
    pub tries: u8,
    /// Where peers keep values: homenodes of each, which are members of its group, 1 to 4 (paper: 1).
    pub replicas: u8,
    /// Where peers keep values, how often a homenode looks whether there are as many as there should be; `0 s`: never.
    pub maintenance_interval: Duration,
    /// How often a holder registers each of its items again.
    pub republish_interval: Duration,
    /// Age at which a filetuple or a value is forgotten.
    pub record_expiry: Duration,
    /// Holders that one answer names at most.
    pub holders_per_answer: u8,
}

impl Default for KelipsConfig {
    fn default() -> Self {
        Self {
            identifier_bits: 160,
            groups: 0,
            contacts: 2,
            round_interval: Duration::secs(2),
            group_targets: 3,
            contact_targets: 3,
            group_ration: 4,
            contact_ration: 2,
            tuple_ration: 4,
            fresh_rounds: 1,
            spatial_exponent: 1,
            group_timeout: Duration::secs(25),
            contact_timeout: Duration::secs(50),
            request_timeout: Duration::millis(500),
            tries: 6,
            replicas: 3,
            maintenance_interval: Duration::secs(60),
            republish_interval: Duration::secs(600),
            record_expiry: Duration::secs(1800),
            holders_per_answer: 20,
        }
    }
}

impl KelipsConfig {
    /// How many groups there are among so many peers.
    pub(super) fn groups_among(&self, online: u32) -> u32 {
        match self.groups {
            0 => (f64::from(online).sqrt() + 0.5) as u32,
            groups => u32::from(groups),
        }
        .clamp(1, u32::from(GROUPS_MAX))
    }

    /// By how much timeouts are stretched: a member is told of in each message that it sends itself, and in a share of the others.
    pub(super) fn stretch(&self, online: u32) -> f64 {
        let size = f64::from(online) / f64::from(self.groups_among(online));
        let mentions_a_round = f64::from(self.group_targets) * f64::from(1 + self.group_ration);
        let needed = MENTIONS as f64 * size / mentions_a_round.max(1.0) * self.round_interval.span().secs_f64();
        (needed / self.group_timeout.span().secs_f64().max(1e-3)).max(1.0)
    }

    pub(super) fn stretched(&self, timeout: Duration, online: u32) -> Span {
        timeout.span().scale(self.stretch(online))
    }
}

impl OverlayConfig for KelipsConfig {
    fn identifier_bits(&self) -> u32 {
        u32::from(self.identifier_bits)
    }

    /// The group view, 12 bytes an entry, and the contacts, 16 bytes each. Filetuples depend on the content: each is kept, at 24 bytes, by
    /// every member of its group.
    fn expected_bytes(&self, members: u32) -> u64 {
        let groups = u64::from(self.groups_among(members));
        12 * u64::from(members).div_ceil(groups) + 16 * groups * u64::from(self.contacts) + 320
    }

    fn check(&self, population: u32, issues: &mut Issues) {
        issues.ensure(
            self.groups <= GROUPS_MAX,
            "groups",
            format!("there are 0 to {GROUPS_MAX} groups (0: √n of them), not {}", self.groups),
        );
        if u32::from(self.groups) * 4 > population && self.groups > 1 {
            issues.warn(
                "groups",
                format!("some of {} groups of {population} peers will be empty: what hashes there has no owner", self.groups),
            );
        }
        let bounds = [
            ("contacts", self.contacts, 1, CONTACTS_MAX),
            ("group_targets", self.group_targets, 1, TARGETS_MAX),
            ("contact_targets", self.contact_targets, 1, TARGETS_MAX),
            ("group_ration", self.group_ration, 0, RATION_MAX),
            ("contact_ration", self.contact_ration, 0, RATION_MAX),
            ("tuple_ration", self.tuple_ration, 0, RATION_MAX),
            ("fresh_rounds", self.fresh_rounds, 1, 100),
            ("spatial_exponent", self.spatial_exponent, 0, 3),
            ("tries", self.tries, 1, TRIES_MAX),
            ("replicas", self.replicas, 1, HOMES_MAX),
            ("holders_per_answer", self.holders_per_answer, 1, u8::MAX),
        ];
        for (key, value, least, most) in bounds {
            issues.ensure((least..=most).contains(&value), key, format!("between {least} and {most}, not {value}"));
        }
        let positive = [
            ("round_interval", self.round_interval),
            ("group_timeout", self.group_timeout),
            ("contact_timeout", self.contact_timeout),
            ("request_timeout", self.request_timeout),
            ("republish_interval", self.republish_interval),
            ("record_expiry", self.record_expiry),
        ];
        for (key, duration) in positive {
            issues.ensure(duration.span().nanos() > 0, key, "a time above zero is needed");
        }
        for (key, timeout) in [("group_timeout", self.group_timeout), ("contact_timeout", self.contact_timeout)] {
            if timeout.span() < self.round_interval.span().times(3) {
                issues.warn(key, "shorter than three rounds of gossip: the living will be dropped, too");
            }
        }
        if self.record_expiry.span() < self.republish_interval.span() {
            issues.warn("record_expiry", "filetuples expire before they are registered again: items will be missing in between");
        }
    }
}
