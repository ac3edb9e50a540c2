//! `membership = { model = "cyclon", view = 20 }`: how neighbours are found and kept.

use peerlab_model::Issues;
use peerlab_model::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Membership;

/// How neighbours are found and kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "model", rename_all = "kebab-case")]
pub enum MembershipConfig {
    /// Links over a given graph, pings that find dead neighbours, and a cache of addresses from pongs, as in Gnutella 0.4: the parameters `graph`,
    /// `ping_interval`, `missed_pings`, `spare_links`, `max_neighbours`, `connect_timeout` and `host_cache`, which mean nothing otherwise.
    #[default]
    HostCache,
    /// Directed views, shuffled with the neighbour that has not been heard of for longest (Voulgaris, Gavidia & van Steen 2005).
    Cyclon(CyclonConfig),
    /// A few symmetric links, kept alive, and a larger list of others to replace them (Leitão, Pereira & Rodrigues 2007).
    #[serde(rename = "hyparview")]
    HyParView(HyParViewConfig),
    /// Directed views of the newest entries that anybody has (Jelasity, Kowalczyk & van Steen 2003).
    Newscast(NewscastConfig),
}

/// Cyclon's parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CyclonConfig {
    /// Entries of a view: the cache size c, 1 … 255 (paper: 20, 50 and 100).
    pub view: u16,
    /// Entries that are exchanged, the sender's own among them: ℓ, 1 … `view` (paper: 3 to 8).
    pub shuffle_length: u16,
    /// Time between the exchanges that a peer begins: ΔT.
    pub period: Duration,
    /// With whom a peer shuffles: "enhanced", with the oldest entry of its view, or "basic", with a random one.
    pub shuffling: Shuffling,
    /// Links that a newcomer's walks cross (paper: about the mean path length); as many walks go out as a view has entries.
    pub join_ttl: u8,
    /// Silence after which a request counts as lost. Whoever does not answer an exchange is forgotten.
    pub timeout: Duration,
}

/// Whom a peer of Cyclon shuffles with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shuffling {
    /// The oldest entry (section 3 of the paper).
    Enhanced,
    /// A random entry (Stavrou et al. 2002, section 2 of the paper).
    Basic,
}

/// HyParView's parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HyParViewConfig {
    /// Neighbours: the size of the active view, 1 … 255 (paper: fan-out + 1 = 5).
    pub active_view: u16,
    /// Others that are kept to replace them: the size of the passive view, 1 … 4096 (paper: 30).
    pub passive_view: u16,
    /// Active Random Walk Length: links that the news of a newcomer crosses (paper: 6). Shuffles walk as far.
    pub arwl: u8,
    /// Passive Random Walk Length: with so many links left, the newcomer enters a passive view; at most `arwl` (paper: 3).
    pub prwl: u8,
    /// k_a: addresses of the active view in a shuffle (paper: 3).
    pub shuffle_active: u8,
    /// k_p: addresses of the passive view in a shuffle (paper: 4).
    pub shuffle_passive: u8,
    /// Time between the shuffles that a peer begins.
    pub period: Duration,
    /// Time between two signs of life of a neighbour: TCP's part in the paper, where a broken connection is noticed when something is sent.
    pub keep_alive: Duration,
    /// Signs of life that may be missed in a row before a neighbour counts as dead: 1 at least.
    pub missed: u8,
    /// Silence after which a request to become neighbours, or to join, has failed.
    pub timeout: Duration,
    /// How long a peer that has no neighbour, and nobody left to ask, waits before it joins again (paper: it does not).
    pub rejoin_after: Duration,
}

/// Newscast's parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewscastConfig {
    /// Entries of a view: the cache size c, 1 … 255 (paper: 20).
    pub view: u16,
    /// Time between the exchanges that a peer begins: ΔT.
    pub period: Duration,
    /// Silence after which an exchange counts as lost. Whoever does not answer is forgotten here (paper: it grows old).
    pub timeout: Duration,
    /// Entries that are older are forgotten (paper: never; newer ones push them out, which in a small overlay they may not).
    pub lifetime: Duration,
}

impl Default for CyclonConfig {
    fn default() -> Self {
        Self {
            view: 20,
            shuffle_length: 8,
            period: Duration::secs(10),
            shuffling: Shuffling::Enhanced,
            join_ttl: 5,
            timeout: Duration::secs(2),
        }
    }
}

impl Default for HyParViewConfig {
    fn default() -> Self {
        Self {
            active_view: 5,
            passive_view: 30,
            arwl: 6,
            prwl: 3,
            shuffle_active: 3,
            shuffle_passive: 4,
            period: Duration::secs(10),
            keep_alive: Duration::secs(10),
            missed: 2,
            timeout: Duration::secs(2),
            rejoin_after: Duration::secs(30),
        }
    }
}

impl Default for NewscastConfig {
    fn default() -> Self {
        Self { view: 20, period: Duration::secs(10), timeout: Duration::secs(2), lifetime: Duration::secs(600) }
    }
}

impl MembershipConfig {
    /// The protocol; nothing for host caches, which are the model's own.
    pub fn protocol(&self) -> Option<Membership> {
        match self {
            Self::HostCache => None,
            Self::Cyclon(config) => Some(Membership::Cyclon(config.clone())),
            Self::HyParView(config) => Some(Membership::HyParView(config.clone())),
            Self::Newscast(config) => Some(Membership::Newscast(config.clone())),
        }
    }

    /// The most neighbours of a peer; nothing for host caches, where that is for the model to say.
    pub fn neighbours(&self) -> u32 {
        match self {
            Self::HostCache => 0,
            Self::Cyclon(config) => config.view.into(),
            Self::HyParView(config) => config.active_view.into(),
            Self::Newscast(config) => config.view.into(),
        }
    }

    /// Notes what cannot work.
    pub fn check(&self, issues: &mut Issues) {
        match self {
            Self::HostCache => {}
            Self::Cyclon(c) => c.check(issues),
            Self::HyParView(c) => c.check(issues),
            Self::Newscast(c) => c.check(issues),
        }
    }
}

/// The most entries of a view.
const VIEW_MAX: u16 = 255;

fn check_sizes(issues: &mut Issues, sizes: &[(&str, u16, u16)]) {
    for &(key, size, most) in sizes {
        issues.ensure((1..=most).contains(&size), key, format!("1 to {most} entries, not {size}"));
    }
}

fn check_spans(issues: &mut Issues, spans: &[(&str, Duration)]) {
    for &(key, duration) in spans {
        issues.ensure(duration.span().nanos() >= 1_000_000, key, "too short: 1 ms is the least");
    }
}

impl CyclonConfig {
    fn check(&self, issues: &mut Issues) {
        check_sizes(issues, &[("view", self.view, VIEW_MAX), ("shuffle_length", self.shuffle_length, self.view.max(1))]);
        check_spans(issues, &[("period", self.period), ("timeout", self.timeout)]);
        issues.ensure(self.join_ttl >= 1, "join_ttl", "a newcomer that goes nowhere is known to nobody: 1 is the least");
    }
}

impl HyParViewConfig {
    fn check(&self, issues: &mut Issues) {
        check_sizes(issues, &[("active_view", self.active_view, VIEW_MAX), ("passive_view", self.passive_view, 4096)]);
        let spans =
            [("period", self.period), ("keep_alive", self.keep_alive), ("timeout", self.timeout), ("rejoin_after", self.rejoin_after)];
        check_spans(issues, &spans);
        issues.ensure(self.arwl >= 1, "arwl", "a newcomer whose walks go nowhere is known to one peer only: 1 is the least");
        issues.ensure(self.prwl <= self.arwl, "prwl", format!("a walk of {} links never has {} of them left", self.arwl, self.prwl));
        issues.ensure(self.missed >= 1, "missed", "a neighbour can only be dropped after at least 1 missed sign of life");
    }
}

impl NewscastConfig {
    fn check(&self, issues: &mut Issues) {
        check_sizes(issues, &[("view", self.view, VIEW_MAX)]);
        check_spans(issues, &[("period", self.period), ("timeout", self.timeout), ("lifetime", self.lifetime)]);
        issues.ensure(self.lifetime.span() <= LIFETIME_MAX, "lifetime", "30 days is the most");
        issues.ensure(self.lifetime.span() > self.period.span(), "lifetime", "shorter than a period: no entry would ever be passed on");
    }
}

/// Ages are counted in 32 bits of milliseconds.
const LIFETIME_MAX: peerlab_model::Span = peerlab_model::Span::from_secs(30 * 86_400);
