//! Chord's parameters, named as in the paper.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::repair::check_replicas;
use crate::structured::ring::LIST_MAX;
use crate::structured::trips::Patience;

/// Chord's parameters (Stoica et al. 2003); docs/models/chord.md says where each default comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChordConfig {
    /// Bits of an identifier, as many as tell the peers apart to 512 (paper: 160, of SHA-1): what a key takes on the wire, and of how many points,
    /// up to 2^64, the space is.
    pub identifier_bits: u16,
    /// Length r of the successor list, 1 to 64 (paper: r = Ω(log N); 20 in its experiments with 1000 nodes).
    pub successors: u8,
    /// Peers that each host runs, each with an id and tables of its own, 1 to 256 (paper: its experiments have up to 20): several even out the load.
    pub virtual_nodes: u16,
    /// Who asks the next peer, and how the answer comes back: the origin asks ("iterative", as in the paper's experiments); or each peer
    /// passes the question on, and the answer goes straight to the origin ("semi-recursive") or back along the path ("recursive").
    pub routing: Routing,
    /// Which contacts route: "fingers" alone, or "fingers+successors".
    pub route_through: RouteThrough,
    /// Which peer of its interval a finger is: the "first", as in the paper, or the "nearest" by measured round trip (proximity neighbour
    /// selection; Dabek et al., NSDI 2004, section 4.3).
    pub finger_choice: FingerChoice,
    /// With `finger_choice = "nearest"`: peers of an interval that are measured, from its first on, 1 to 64 (Dabek et al.: 16). The first one's
    /// successor list names them.
    pub finger_samples: u8,
    /// Which contact a question goes to: the "closest" before its key, as in the paper, or by "proximity": the one with the least sum of its round
    /// trip and of the mean round trip for each hop that is expected from there (proximity route selection; Gummadi et al., SIGCOMM 2003).
    pub next_hop: NextHop,
    /// Mean gap between two stabilizations of the successor; each gap is drawn from half to one and a half of it (paper: 15 to 45 s).
    pub stabilize_interval: Duration,
    /// Mean gap between refreshes of one finger, drawn in the same way.
    pub fix_fingers_interval: Duration,
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
    /// Where peers keep values: mean gap between two rounds of DHash's local and global maintenance, drawn in the same way (Cates 2003:
    /// without a pause; Dabek et al. 2004); 0: there is none.
    pub maintenance_interval: Duration,
}

/// Who asks the next peer on the way to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// The origin asks one peer after the other.
    Iterative,
    /// Each peer passes the question on; who ends the way answers the origin.
    SemiRecursive,
    /// Each peer passes the question on; the answer goes back along the path.
    Recursive,
}

/// Which contacts a peer routes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RouteThrough {
    /// Fingers; the successor only where no finger precedes the key.
    #[serde(rename = "fingers")]
    Fingers,
    /// Fingers and the whole successor list.
    #[serde(rename = "fingers+successors")]
    FingersAndSuccessors,
}

/// Which peer of its interval a finger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FingerChoice {
    /// The first.
    First,
    /// The one with the shortest measured round trip of the first few.
    Nearest,
}

/// Which contact a question goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NextHop {
    /// The closest before its key.
    Closest,
    /// The one from which it should be there first.
    Proximity,
}

impl Default for ChordConfig {
    fn default() -> Self {
        Self {
            identifier_bits: 160,
            successors: 20,
            virtual_nodes: 1,
            routing: Routing::Iterative,
            route_through: RouteThrough::FingersAndSuccessors,
            finger_choice: FingerChoice::First,
            finger_samples: 16,
            next_hop: NextHop::Closest,
            stabilize_interval: Duration::secs(30),
            fix_fingers_interval: Duration::secs(30),
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

impl OverlayConfig for ChordConfig {
    fn identifier_bits(&self) -> u32 {
        u32::from(self.identifier_bits)
    }

    fn check(&self, population: u32, issues: &mut Issues) {
        Rules::from(self).check("fix_fingers_interval", population, issues);
        let samples = usize::from(self.finger_samples);
        issues.ensure((1..=LIST_MAX).contains(&samples), "finger_samples", format!("1 to {LIST_MAX} peers can be measured, not {samples}"));
        if self.finger_choice == FingerChoice::Nearest && self.finger_samples > self.successors.saturating_add(1) {
            let named = u16::from(self.successors) + 1;
            issues.warn("finger_samples", format!("the first peer of an interval and its successors are {named}: no more are measured"));
        }
        if self.next_hop == NextHop::Proximity && self.routing == Routing::Iterative {
            issues.error_with_help(
                "next_hop",
                "in iterative routing the origin asks whom others refer to, and their round trips are not its own",
                "routing = \"semi-recursive\" or \"recursive\"",
            );
        }
    }

    fn peers_per_host(&self) -> u32 {
        u32::from(self.virtual_nodes)
    }
}

/// What the code that the models of Chord's kind share goes by.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(crate) successors: u8,
    pub(crate) routing: Routing,
    pub(crate) stabilize_interval: Span,
    /// Mean gap between refreshes of a shortcut.
    pub(crate) fix_interval: Span,
    pub(crate) check_predecessor_interval: Span,
    pub(crate) request_timeout: Span,
    /// With which a contact that is asked the way is waited for.
    pub(crate) patience: Patience,
    pub(crate) timeout_margin: Span,
    pub(crate) confirm_owner: bool,
    pub(crate) retries: u8,
    pub(crate) retry_after: Span,
    pub(crate) replicas: u8,
    pub(crate) republish_interval: Span,
    pub(crate) record_expiry: Span,
    pub(crate) holders_per_answer: u8,
    /// Zero: values are not repaired.
    pub(crate) maintenance_interval: Span,
}

impl From<&ChordConfig> for Rules {
    fn from(c: &ChordConfig) -> Self {
        Self {
            successors: c.successors,
            routing: c.routing,
            stabilize_interval: c.stabilize_interval.span(),
            fix_interval: c.fix_fingers_interval.span(),
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

impl Rules {
    /// Notes what cannot work; `fix` is what the model calls its `fix_interval`.
    pub(crate) fn check(&self, fix: &str, population: u32, issues: &mut Issues) {
        let length = usize::from(self.successors);
        issues.ensure(
            (1..=LIST_MAX).contains(&length),
            "successors",
            format!("a successor list has 1 to {LIST_MAX} entries, not {length}"),
        );
        let positive = [
            ("stabilize_interval", self.stabilize_interval),
            (fix, self.fix_interval),
            ("check_predecessor_interval", self.check_predecessor_interval),
            ("request_timeout", self.request_timeout),
            ("timeout_margin", self.timeout_margin),
            ("retry_after", self.retry_after),
            ("republish_interval", self.republish_interval),
            ("record_expiry", self.record_expiry),
        ];
        for (key, span) in positive {
            issues.ensure(span.nanos() > 0, key, "a time above zero is needed");
        }
        issues.ensure(self.replicas >= 1, "replicas", "the owner itself keeps a record: at least 1");
        issues.ensure(self.holders_per_answer >= 1, "holders_per_answer", "an answer names at least 1 holder");
        if self.replicas > self.successors.saturating_add(1) {
            issues.error_with_help(
                "replicas",
                format!("an owner knows {} successors, too few for {} copies", self.successors, self.replicas),
                format!("at most {} with this successor list", u16::from(self.successors) + 1),
            );
        } else {
            check_replicas(u32::from(self.replicas), population, issues);
        }
        if self.record_expiry < self.republish_interval {
            issues.warn("record_expiry", "records expire before they are registered again: items will be missing in between");
        }
    }
}
