//! `membership = { model = "cyclon" }`: how neighbours are found and kept.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How neighbours are found and kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "model", rename_all = "kebab-case")]
pub enum Membership {
    /// Handshakes, pings and host caches as in Gnutella 0.4, along the initial `graph`.
    #[default]
    Gnutella,
    /// Views of random peers, of which a part is exchanged with the oldest one in it (Voulgaris, Gavidia & van Steen 2005).
    Cyclon(View),
    /// Views of the peers heard of last, exchanged as a whole with a random one (Jelasity, Kowalczyk & van Steen 2003).
    Newscast(View),
    /// A small view of mutual links, and a passive one that replaces those which fail (Leitão, Pereira & Rodrigues 2007).
    Hyparview(Hyparview),
}

/// A view of random peers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct View {
    /// Peers in a view, c: 1 … 250 (both papers: 20).
    pub view: u8,
    /// Cyclon: entries that are exchanged, ℓ: 1 … `view` (paper: 8). Newscast exchanges all.
    pub shuffle_length: u8,
    /// Cyclon: links that the walks for a newcomer go (paper: about the mean path).
    pub walk: u8,
    /// Time between two exchanges that a peer begins.
    pub period: Duration,
}

/// HyParView's parameters, named and set as in the paper (section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Hyparview {
    /// Peers in the active view, the neighbours: 2 … 250 (paper: 5).
    pub active_view: u8,
    /// Peers in the passive view: 1 … 250 (paper: 30).
    pub passive_view: u8,
    /// Links that word of a newcomer goes (paper: 6): active random walk length. Exchanges go as far.
    pub arwl: u8,
    /// Links that are left when the newcomer is put into a passive view (paper: 3): passive random walk length.
    pub prwl: u8,
    /// Active peers in an exchange (paper: 3).
    pub ka: u8,
    /// Passive peers in an exchange (paper: 4).
    pub kp: u8,
    /// Time between two exchanges that a peer begins.
    pub period: Duration,
}

impl Default for View {
    fn default() -> Self {
        Self { view: 20, shuffle_length: 8, walk: 5, period: Duration::secs(10) }
    }
}

impl Default for Hyparview {
    fn default() -> Self {
        Self { active_view: 5, passive_view: 30, arwl: 6, prwl: 3, ka: 3, kp: 4, period: Duration::secs(10) }
    }
}

impl Membership {
    /// Neighbours have each other.
    #[inline]
    pub(in super::super) fn links_are_mutual(&self) -> bool {
        matches!(self, Self::Gnutella | Self::Hyparview(_))
    }

    /// Time between exchanges; nothing where there are none.
    pub(super) fn period(&self) -> Option<Span> {
        match self {
            Self::Gnutella => None,
            Self::Cyclon(view) | Self::Newscast(view) => Some(view.period.span()),
            Self::Hyparview(rules) => Some(rules.period.span()),
        }
    }

    /// Neighbours that a peer wants, where that does not follow from the initial graph.
    pub(in super::super) fn wanted(&self) -> Option<u32> {
        match self {
            Self::Gnutella => None,
            Self::Cyclon(view) | Self::Newscast(view) => Some(view.view.into()),
            Self::Hyparview(rules) => Some(rules.active_view.into()),
        }
    }

    /// Other addresses that a peer keeps, where that is not `host_cache`.
    pub(in super::super) fn others(&self) -> Option<u16> {
        match self {
            Self::Gnutella => None,
            Self::Cyclon(_) | Self::Newscast(_) => Some(0),
            Self::Hyparview(rules) => Some(rules.passive_view.into()),
        }
    }

    /// Notes every value that cannot work; paths are relative to the `membership` table.
    pub(in super::super) fn check(&self, issues: &mut Issues) {
        if let Some(period) = self.period() {
            issues.ensure(period.nanos() >= 1_000_000, "period", "too short: 1 ms is the least");
        }
        match *self {
            Self::Gnutella => {}
            Self::Cyclon(view) => {
                check_size("view", view.view, 1, issues);
                let possible = (1..=view.view).contains(&view.shuffle_length);
                let message = format!("of a view of {} peers, 1 to {} can be exchanged, not {}", view.view, view.view, view.shuffle_length);
                issues.ensure(possible, "shuffle_length", message);
            }
            Self::Newscast(view) => check_size("view", view.view, 1, issues),
            Self::Hyparview(rules) => {
                check_size("active_view", rules.active_view, 2, issues);
                check_size("passive_view", rules.passive_view, 1, issues);
                let message = format!("a newcomer's walk of {} links has no {} left", rules.arwl, rules.prwl);
                issues.ensure(rules.prwl <= rules.arwl, "prwl", message);
            }
        }
    }
}

fn check_size(key: &str, size: u8, least: u8, issues: &mut Issues) {
    issues.ensure((least..=250).contains(&size), key, format!("a view has {least} to 250 peers, not {size}"));
}
