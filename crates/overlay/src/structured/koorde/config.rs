//! Koorde's parameters.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::structured::chord::{Routing, Rules};
use crate::structured::ring::LIST_MAX;
use crate::structured::trips::Patience;

/// Koorde's parameters (Kaashoek & Karger 2003) and those of the ring below it (Stoica et al. 2003); docs/models/koorde.md says where each
/// default comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KoordeConfig {
    /// Bits of an identifier, as many as tell the peers apart to 512 (as in Chord: 160, of SHA-1): what a key takes on the wire, and of how many points,
    /// up to 2^64, the space is.
    pub identifier_bits: u16,
    /// Base k of the de Bruijn graph, a power of two from 2 to 256: a hop shifts in one digit to this base (paper, section 4.1; k = 2 in section 3).
    pub degree: u16,
    /// De Bruijn pointers, 1 to 64: the peer before the point k·m and the next ones on the ring (paper: the k nodes there).
    pub pointers: u8,
    /// Peers before that point that stand in when it dies, 0 to 63 (paper, section 4.2).
    pub backups: u8,
    /// Length r of the successor list, 1 to 64 (paper: O(log n)).
    pub successors: u8,
    /// Peers that each host runs, each with an id and tables of its own, 1 to 256 (Stoica et al. 2003).
    pub virtual_nodes: u16,
    /// Who asks the next peer, and how the answer comes back, as in Chord: each peer on the way asks, and the answer goes straight to the
    /// origin ("semi-recursive") or back along the path ("recursive", the nested calls of the paper's pseudo-code); or the origin asks ("iterative").
    pub routing: Routing,
    /// Mean gap between two stabilizations of the successor; each gap is drawn from half to one and a half of it.
    pub stabilize_interval: Duration,
    /// Mean gap between two refreshes of the de Bruijn pointers, drawn in the same way.
    pub fix_debruijn_interval: Duration,
    /// Mean gap between two checks of the predecessor, drawn in the same way.
    pub check_predecessor_interval: Duration,
    /// Silence after which a contact counts as dead.
    pub request_timeout: Duration,
    /// A contact that is asked the way is waited for by its smoothed round trip and four mean deviations (as TCP does), at most `request_timeout`.
    pub adaptive_timeouts: bool,
    /// With `adaptive_timeouts`, the shortest silence that counts: no less than this more than the smoothed round trip.
    pub timeout_margin: Duration,
    /// The owner is contacted before it is named, so that a dead one is passed over.
    pub confirm_owner: bool,
    /// How often a question is asked again when its path broke (iterative) or no answer came (otherwise).
    pub retries: u8,
    /// Not in iterative routing: silence after which the origin asks again, and for which the peers on the way remember where the answer
    /// goes back to ("recursive").
    pub retry_after: Duration,
    /// Peers that keep each provider record: the key's owner and the next `replicas` − 1 of its successors.
    pub replicas: u8,
    /// How often a holder registers each of its items again.
    pub republish_interval: Duration,
    /// Age at which a provider record is forgotten.
    pub record_expiry: Duration,
    /// Holders that one answer names at most.
    pub holders_per_answer: u8,
    /// Where peers keep values: mean gap between two rounds of local and global maintenance, as in Chord, drawn in the same way; 0: there is none.
    pub maintenance_interval: Duration,
}

impl Default for KoordeConfig {
    fn default() -> Self {
        Self {
            identifier_bits: 160,
            degree: 16,
            pointers: 16,
            backups: 4,
            successors: 20,
            virtual_nodes: 1,
            routing: Routing::SemiRecursive,
            stabilize_interval: Duration::secs(30),
            fix_debruijn_interval: Duration::secs(30),
            check_predecessor_interval: Duration::secs(30),
            request_timeout: Duration::millis(500),
            adaptive_timeouts: false,
            timeout_margin: Duration::millis(10),
            confirm_owner: true,
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

impl OverlayConfig for KoordeConfig {
    fn identifier_bits(&self) -> u32 {
        u32::from(self.identifier_bits)
    }

    fn check(&self, population: u32, issues: &mut Issues) {
        Rules::from(self).check("fix_debruijn_interval", population, issues);
        if !self.degree.is_power_of_two() || !(2..=256).contains(&self.degree) {
            issues.error_with_help(
                "degree",
                format!("a digit is a whole number of bits, 1 to 8, which a base of {} does not give", self.degree),
                "2, 4, 8, 16, 32, 64, 128 or 256",
            );
        }
        let pointers = usize::from(self.pointers);
        issues.ensure((1..=LIST_MAX).contains(&pointers), "pointers", format!("1 to {LIST_MAX} pointers are possible, not {pointers}"));
        // One peer and its successors have to cover them all, even where this peer itself is among those.
        let wanted = u16::from(self.pointers) + u16::from(self.backups);
        if wanted > u16::from(self.successors) {
            issues.error_with_help(
                "pointers",
                format!("{wanted} pointers and backups are learned from one peer, who tells {} successors", self.successors),
                format!("successors = {wanted}, or fewer pointers"),
            );
        }
    }

    fn peers_per_host(&self) -> u32 {
        u32::from(self.virtual_nodes)
    }

    /// The peer, its successor list, and the de Bruijn pointers.
    fn expected_bytes(&self, _members: u32) -> u64 {
        160 + 4 * (u64::from(self.successors) + u64::from(self.pointers) + u64::from(self.backups))
    }
}

impl From<&KoordeConfig> for Rules {
    fn from(c: &KoordeConfig) -> Self {
        Self {
            successors: c.successors,
            routing: c.routing,
            stabilize_interval: c.stabilize_interval.span(),
            fix_interval: c.fix_debruijn_interval.span(),
            check_predecessor_interval: c.check_predecessor_interval.span(),
            request_timeout: c.request_timeout.span(),
            patience: Patience::new(c.request_timeout.span(), c.adaptive_timeouts, c.timeout_margin.span()),
            timeout_margin: c.timeout_margin.span(),
            confirm_owner: c.confirm_owner,
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
