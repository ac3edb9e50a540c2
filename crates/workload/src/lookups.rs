//! `[lookups]`: who asks for what, and when.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, Targets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What peers ask for, and how often. Without this table nobody asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LookupsConfig {
    /// Mean gap between one online peer's lookups, which are a Poisson process. Default: 10 min.
    pub interval: Duration,
    /// What they ask for. Default: `content`.
    pub target: TargetKind,
    /// After this time the origin no longer waits for an answer. Default: 60 s.
    pub timeout: Duration,
}

impl Default for LookupsConfig {
    fn default() -> Self {
        Self { interval: Duration::secs(600), target: TargetKind::Content, timeout: Duration::secs(60) }
    }
}

/// What lookups ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// A peer that holds an item.
    #[default]
    Content,
    /// The peer that is responsible for a key, in models that have one.
    Key,
    /// A peer of the population, by its name.
    Peer,
    /// A value of `[storage]`, from a peer that keeps it.
    Value,
    /// Items whose names have some words of the wanted one's (`[content.keywords]`), and who holds them.
    Keywords,
}

impl TargetKind {
    /// The name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Key => "key",
            Self::Peer => "peer",
            Self::Value => "value",
            Self::Keywords => "keywords",
        }
    }

    /// True if a model that can answer `targets` can answer this kind.
    pub const fn is_in(self, targets: Targets) -> bool {
        match self {
            Self::Content => targets.content,
            Self::Key => targets.key,
            Self::Peer => targets.peer,
            Self::Value => targets.value,
            Self::Keywords => targets.keywords,
        }
    }
}

impl LookupsConfig {
    /// Notes every value that cannot work, with paths relative to the `[lookups]` table.
    pub fn check(&self, population: u32, issues: &mut Issues) {
        issues.ensure(self.interval.span().nanos() > 0, "interval", "the mean gap between lookups is above zero");
        issues.ensure(self.timeout.span().nanos() > 0, "timeout", "a lookup that may take no time cannot be answered");
        match self.target {
            TargetKind::Peer => issues.ensure(population > 1, "target", "a single peer has no other one to look up"),
            TargetKind::Content | TargetKind::Key | TargetKind::Value | TargetKind::Keywords => {}
        }
    }
}
