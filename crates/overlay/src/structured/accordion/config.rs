//! Accordion's parameters.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::structured::chord::{Routing, Rules};
use crate::structured::trips::Patience;

/// Accordion's parameters (Li et al. 2005) and those of the ring below it (Stoica et al. 2003); docs/models/accordion.md says where each
/// default comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccordionConfig {
    /// Bits of an identifier, as many as tell the peers apart to 512 (as in Chord: 160, of SHA-1): what a key takes on the wire, and of how many points,
    /// up to 2^64, the space is.
    pub identifier_bits: u16,
    /// The budget: bytes per second that a peer may spend on lookups and upkeep together, on average (paper: `r_avg`).
    pub r_avg: u32,
    /// The most bytes that a peer can save up for a burst (paper: `b_burst`; p2psim: 100 s of the budget).
    pub b_burst: u32,
    /// Mean gap at which the budget is credited and spent on exploration (paper: `t_inc`); each gap is drawn from half to one and a half of it.
    pub t_inc: Duration,
    /// The most copies of one lookup that a peer sends at once, 1 to 8 (paper and p2psim: 6).
    pub w_max: u8,
    /// A contact is used as long as it lives with this probability; with w copies of a lookup, one of w does (paper: 0.9).
    pub p_thresh: f64,
    /// Contacts that one acknowledgement or exploration teaches at most, 1 to 20 (p2psim: 5).
    pub learn_num: u8,
    /// The age that members of a converged start are taken to have.
    pub start_age: Duration,
    /// Length r of the successor list, 1 to 64 (p2psim: 16).
    pub successors: u8,
    /// Peers that each host runs, each with an id and tables of its own, 1 to 256 (Stoica et al. 2003).
    pub virtual_nodes: u16,
    /// Mean gap between two stabilizations of the successor, drawn in the same way (p2psim: 144 s).
    pub stabilize_interval: Duration,
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
    /// How often the origin asks again when no answer came.
    pub retries: u8,
    /// Silence after which the origin asks again.
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

impl Default for AccordionConfig {
    fn default() -> Self {
        Self {
            identifier_bits: 160,
            r_avg: 100,
            b_burst: 10_000,
            t_inc: Duration::secs(5),
            w_max: 6,
            p_thresh: 0.9,
            learn_num: 5,
            start_age: Duration::secs(3600),
            successors: 16,
            virtual_nodes: 1,
            stabilize_interval: Duration::secs(30),
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

/// About what an exploration costs with its answer, or a hop with its acknowledgement, beside the contacts that are learned: two headers,
/// and what identifies the request.
const EXCHANGE_BYTES: u32 = 90;

/// A contact in a message: an id with its address, how long it was alive and how long ago that was.
const CONTACT_BYTES: u32 = 34;

impl AccordionConfig {
    /// Bytes of one exchange that teaches as many contacts as it can.
    pub(super) fn exchange(&self) -> u32 {
        EXCHANGE_BYTES + CONTACT_BYTES * u32::from(self.learn_num)
    }

    /// Contacts that the budget keeps alive in a network of peers of `start_age`: half of the budget goes to exploration, of what it teaches
    /// half is new, and a contact is believed to live until the threshold is reached.
    pub(super) fn expected_contacts(&self, members: u32) -> u32 {
        let learned = f64::from(self.r_avg) / 4.0 / f64::from(self.exchange()) * f64::from(self.learn_num);
        let believed = self.start_age.span().secs_f64() * (1.0 - self.p_thresh) / self.p_thresh;
        ((learned * believed) as u32).min(members.saturating_sub(1)).min(4096)
    }
}

impl OverlayConfig for AccordionConfig {
    fn identifier_bits(&self) -> u32 {
        u32::from(self.identifier_bits)
    }

    fn check(&self, population: u32, issues: &mut Issues) {
        Rules::from(self).check("t_inc", population, issues);
        issues.ensure(self.r_avg >= 1, "r_avg", "a budget of at least 1 byte per second is needed");
        issues.ensure((1..=8).contains(&self.w_max), "w_max", format!("1 to 8 copies are possible, not {}", self.w_max));
        issues.ensure(
            self.p_thresh > 0.0 && self.p_thresh < 1.0,
            "p_thresh",
            format!("a probability between 0 and 1 is needed, not {}", self.p_thresh),
        );
        issues.ensure(
            (1..=20).contains(&self.learn_num),
            "learn_num",
            format!("1 to 20 contacts fit into an answer, not {}", self.learn_num),
        );
        if self.b_burst < self.exchange() {
            issues.error_with_help(
                "b_burst",
                format!("{} bytes do not pay for one exploration", self.b_burst),
                format!("at least {} with this learn_num", self.exchange()),
            );
        }
    }

    fn peers_per_host(&self) -> u32 {
        u32::from(self.virtual_nodes)
    }

    /// The peer, its successor list, and as many contacts as the budget keeps alive.
    fn expected_bytes(&self, members: u32) -> u64 {
        400 + 4 * u64::from(self.successors) + 16 * u64::from(self.expected_contacts(members))
    }
}

impl From<&AccordionConfig> for Rules {
    fn from(c: &AccordionConfig) -> Self {
        Self {
            successors: c.successors,
            routing: Routing::SemiRecursive,
            stabilize_interval: c.stabilize_interval.span(),
            fix_interval: c.t_inc.span(),
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
