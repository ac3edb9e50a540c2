//! Kademlia's parameters, named as in the paper.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::nearest::K_MAX;
use crate::repair::check_replicas;

/// The largest `b`: a table has about 2^b / b buckets for each doubling of the network.
const B_MAX: u8 = 5;

/// Kademlia's parameters (Maymounkov & Mazières 2002); docs/models/kademlia.md says where each default comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "a switch for each rule of the paper, none of which follows from another")]
pub struct KademliaConfig {
    /// The network whose parameters are the defaults of all others: "mainline" (BitTorrent, BEP 5) or "ipfs". Absent: the paper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Who asks the next peer in a lookup: the origin ("iterative", as in the paper), or each peer on the way (R/Kademlia), and then who ends the
    /// way answers the origin ("semi-recursive") or the peer that it got the question from ("recursive").
    pub routing: Routing,
    /// Bits of an identifier, as many as tell the peers apart to 512 (paper: 160, of SHA-1; IPFS: 256): what a key takes on the wire, and of how many points,
    /// up to 2^64, the space is.
    pub identifier_bits: u16,
    /// Contacts in a bucket, and in an answer, 1 to 64 (paper: 20).
    pub k: u8,
    /// Requests of one lookup that are in flight together (paper: 3).
    pub alpha: u8,
    /// Disjoint paths d of a lookup, 1 to k, each with `alpha` requests in flight; nobody is asked by two of them (S/Kademlia, section 4.4).
    pub disjoint_paths: u8,
    /// Relaxed splitting: bits by which a lookup gets nearer with each hop, 1 to 5 (paper, section 4.2; 1 is the table of section 2.4).
    pub b: u8,
    /// Closest contacts that must have answered before a lookup ends, 1 to k (paper: k). Absent: k.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookup_width: Option<u8>,
    /// Keepers of an item's records that have to name a holder (or to send the value) before a lookup believes it, 1 to `replicas` (paper: 1). More than one is
    /// the majority vote of S/Kademlia (section 4.4) and the quorum of libp2p. Iterative routing only.
    pub quorum: u8,
    /// Which contacts a full bucket keeps: those seen for longest ("oldest", as in the paper) or those with the shortest measured round trips ("nearest").
    pub bucket_choice: BucketChoice,
    /// What happens when a contact turns up for a full bucket: "lazy" (paper, section 4.1) or "ping" (section 2.2).
    pub eviction: Eviction,
    /// Candidates that each bucket keeps to replace contacts that fail, 0 to 64.
    pub replacement_cache: u8,
    /// Requests in a row that a contact leaves unanswered before it is stale (paper: 5).
    pub stale_after: u8,
    /// Silence after which a request counts as unanswered; with `adaptive_timeouts` the longest one, and that of a contact which was never measured.
    pub request_timeout: Duration,
    /// A question waits for the smoothed round trip to its contact and four mean deviations (as TCP does), at most `request_timeout`.
    pub adaptive_timeouts: bool,
    /// With `adaptive_timeouts`, the shortest silence that counts: no less than this more than the smoothed round trip.
    pub timeout_margin: Duration,
    /// Recursive modes only: how often the origin asks again when no answer came.
    pub retries: u8,
    /// Recursive modes only: silence after which the origin asks again, and for how long a peer on the way remembers whom to pass an answer back to.
    pub retry_after: Duration,
    /// A bucket into which no lookup has gone for this long is refreshed (paper: 1 h).
    pub refresh_interval: Duration,
    /// Closest peers that keep each provider record, 1 to k (paper: k). Absent: k.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u8>,
    /// How often a holder stores each of its records again (paper: 24 h).
    pub republish_interval: Duration,
    /// Age at which a provider record is forgotten (paper: 24 h).
    pub record_expiry: Duration,
    /// A successful lookup leaves the records at the closest peer on its way that had none (paper, section 2.3).
    pub caching: bool,
    /// A peer that meets a newcomer nearer to a record's key gives it a copy (paper, section 2.5).
    pub hand_over: bool,
    /// Where peers keep values: a keeper stores a value again at the closest peers if nobody has stored it there for this long (paper, section
    /// 2.5: 1 h); 0: it does not. With `tokens` nobody but the publisher can.
    pub replicate_interval: Duration,
    /// A record is stored only for a token that the keeper gave to this very holder 5 to 10 minutes ago at most (BEP 5).
    pub tokens: bool,
    /// Holders that one answer names at most, 1 to 64.
    pub holders_per_answer: u8,
}

/// A network that is in use; docs/models/kademlia.md says what is its specification's and what its programs'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// BitTorrent's Mainline DHT (BEP 5).
    Mainline,
    /// The Amino DHT of IPFS (libp2p's kad-dht specification r2, go-libp2p-kad-dht).
    Ipfs,
}

/// Who asks the next peer on the way to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// The origin.
    Iterative,
    /// Each peer on the way; who ends the way answers the origin.
    SemiRecursive,
    /// Each peer on the way, and the answer goes back along it.
    Recursive,
}

/// Which contacts a full bucket keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BucketChoice {
    /// Those that have been there for longest.
    Oldest,
    /// Those with the shortest round trips, as far as they have been measured.
    Nearest,
}

/// What happens when a contact turns up for a full bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Eviction {
    /// It becomes a candidate, which replaces a contact that is found out to be stale.
    Lazy,
    /// The contact seen least recently is pinged, and gives way if it does not answer.
    Ping,
}

impl Default for KademliaConfig {
    fn default() -> Self {
        Self {
            preset: None,
            routing: Routing::Iterative,
            identifier_bits: 160,
            k: 20,
            alpha: 3,
            disjoint_paths: 1,
            b: 1,
            lookup_width: None,
            quorum: 1,
            bucket_choice: BucketChoice::Oldest,
            eviction: Eviction::Lazy,
            replacement_cache: 8,
            stale_after: 5,
            request_timeout: Duration::millis(500),
            adaptive_timeouts: false,
            timeout_margin: Duration::millis(10),
            retries: 3,
            retry_after: Duration::secs(5),
            refresh_interval: Duration::secs(3600),
            replicas: None,
            republish_interval: Duration::secs(22 * 3600),
            record_expiry: Duration::secs(24 * 3600),
            caching: true,
            hand_over: true,
            replicate_interval: Duration::secs(3600),
            tokens: false,
            holders_per_answer: 20,
        }
    }
}

impl KademliaConfig {
    /// BEP 5: k, two silences, 15 minutes until a bucket is refreshed, tokens; nobody stores for others. Lives of records are those of
    /// programs: 30 minutes and announced again every 15.
    fn mainline() -> Self {
        Self {
            preset: Some(Preset::Mainline),
            k: 8,
            // A node that finds its bucket full is discarded; nodes become bad when they fail to respond to multiple queries in a row.
            replacement_cache: 0,
            stale_after: 2,
            refresh_interval: Duration::secs(15 * 60),
            republish_interval: Duration::secs(15 * 60),
            record_expiry: Duration::secs(30 * 60),
            caching: false,
            hand_over: false,
            replicate_interval: Duration::secs(0),
            tokens: true,
            ..Self::default()
        }
    }

    /// k, republication and expiry are the specification's (r2, 2022); alpha and the refresh interval go-libp2p-kad-dht's. Only providers
    /// store.
    fn ipfs() -> Self {
        Self {
            preset: Some(Preset::Ipfs),
            identifier_bits: 256,
            k: 20,
            alpha: 10,
            refresh_interval: Duration::secs(10 * 60),
            republish_interval: Duration::secs(22 * 3600),
            record_expiry: Duration::secs(48 * 3600),
            caching: false,
            hand_over: false,
            replicate_interval: Duration::secs(0),
            ..Self::default()
        }
    }

    /// Closest contacts that must have answered before a lookup ends.
    pub fn width(&self) -> u8 {
        self.lookup_width.unwrap_or(self.k)
    }

    /// Closest peers that keep each provider record.
    pub fn copies(&self) -> u8 {
        self.replicas.unwrap_or(self.k)
    }
}

impl OverlayConfig for KademliaConfig {
    fn identifier_bits(&self) -> u32 {
        u32::from(self.identifier_bits)
    }

    /// A bucket for each doubling from k contacts to all members (more with `b`), and what is at home.
    fn expected_bytes(&self, members: u32) -> u64 {
        let (k, b) = (u64::from(self.k), u32::from(self.b).clamp(1, B_MAX.into()));
        let groups = u64::from((u64::from(members) / k.max(1)).max(1).ilog2());
        let buckets = groups * ((1 << b) - 1) / u64::from(b);
        4 * buckets * (k + u64::from(self.replacement_cache) + 1) + 8 * k + 64
    }

    fn presets() -> Vec<(&'static str, Self)> {
        vec![("mainline", Self::mainline()), ("ipfs", Self::ipfs())]
    }

    fn check(&self, population: u32, issues: &mut Issues) {
        let mut within = |key: &str, value: u8, low: u8, high: u8, what: &str| {
            issues.ensure((low..=high).contains(&value), key, format!("{what}: {low} to {high}, not {value}"));
        };
        let k = self.k.clamp(1, K_MAX);
        within("k", self.k, 1, K_MAX, "contacts in a bucket");
        within("alpha", self.alpha, 1, K_MAX, "requests in flight together");
        within("disjoint_paths", self.disjoint_paths, 1, k, "paths, to begin with one of the k nearest each");
        within("b", self.b, 1, B_MAX, "bits that a hop gains");
        within("lookup_width", self.width(), 1, k, "contacts that must have answered, at most k");
        within("replacement_cache", self.replacement_cache, 0, K_MAX, "candidates of a bucket");
        within("stale_after", self.stale_after, 1, u8::MAX, "requests left unanswered");
        within("replicas", self.copies(), 1, k, "copies of a record, at most k");
        within("quorum", self.quorum, 1, self.copies().clamp(1, k), "keepers that agree, of as many as there are replicas");
        within("holders_per_answer", self.holders_per_answer, 1, K_MAX, "holders in an answer");
        let positive = [
            ("request_timeout", self.request_timeout),
            ("timeout_margin", self.timeout_margin),
            ("retry_after", self.retry_after),
            ("refresh_interval", self.refresh_interval),
            ("republish_interval", self.republish_interval),
            ("record_expiry", self.record_expiry),
        ];
        for (key, duration) in positive {
            issues.ensure(duration.span().nanos() > 0, key, "a time above zero is needed");
        }
        for (key, on) in [("caching", self.caching), ("hand_over", self.hand_over)] {
            let help = format!("with tokens, only a holder itself can store its record; set `{key} = false`");
            if on && self.tokens {
                issues.error_with_help(key, "this stores records for others, who have no token", help);
            }
        }
        if self.routing != Routing::Iterative {
            let help = "set `routing = \"iterative\"`, or leave this out";
            if self.disjoint_paths > 1 {
                issues.error_with_help("disjoint_paths", "where peers pass questions on, nobody can keep paths apart", help);
            }
            if self.quorum > 1 {
                issues.error_with_help("quorum", "where peers pass questions on, the first peer that has records ends the way", help);
            }
            if self.lookup_width.is_some() {
                issues.error_with_help(
                    "lookup_width",
                    "where peers pass questions on, the first peer that knows nobody nearer ends the way",
                    help,
                );
            }
        }
        // The default is for any network; who names a number means it.
        if let Some(replicas) = self.replicas {
            check_replicas(u32::from(replicas), population, issues);
        }
        if self.record_expiry < self.republish_interval {
            issues.warn("record_expiry", "records expire before they are stored again: items will be missing in between");
        }
    }
}
