//! `[storage]`: values that the overlay itself keeps.

use peerlab_model::Issues;
use peerlab_model::units::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content::{ContentConfig, ItemSize, Popularity, Replication};

/// Values that are published once and kept by the overlay's own peers. Questions for them are lookups with `target = "value"`.
///
/// Each value has a publisher, a peer of the population drawn at random, who publishes it when it becomes a member (at a converged start
/// it has done so long ago) and refreshes it (`refresh`). How many peers keep a value, for how long, and how they mend what is
/// lost, are a model's own parameters (`replicas`, `record_expiry`, `republish_interval`, …).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StorageConfig {
    /// Values that are published, numbered 0 … items − 1; 0 is the most popular. Default: 1000.
    pub items: u32,
    /// The size of a value, which every message that carries it pays for. Default: 1 KiB.
    pub size: Size,
    /// How often each value is asked for. Default: Zipf's law with exponent 0.8.
    pub popularity: Popularity,
    /// A publisher publishes its values again each time that it returns, and every `republish_interval` of the model while it is online. Without
    /// that it publishes them once, in its first session of a minute or more, and leaves the rest to the keepers. Default: true.
    pub refresh: bool,
    /// What a machine that returns still has of the values that it kept. Default: `kept`.
    pub disk: Disk,
}

/// What becomes of the values on a machine that goes offline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Disk {
    /// They are there when it returns, those that have not expired.
    #[default]
    Kept,
    /// They are lost, as everything else that it knew.
    Lost,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self { items: 1000, size: Size(1 << 10), popularity: Popularity::default(), refresh: true, disk: Disk::default() }
    }
}

impl StorageConfig {
    /// The values as items that their publisher alone holds.
    pub fn as_content(&self) -> ContentConfig {
        ContentConfig {
            items: self.items,
            popularity: self.popularity.clone(),
            copies: 1,
            replication: Replication::Uniform,
            size: ItemSize::Same(self.size),
            keywords: None,
        }
    }

    /// Notes every value that cannot work, with paths relative to the `[storage]` table.
    pub fn check(&self, population: u32, issues: &mut Issues) {
        self.as_content().check(population, issues);
        let message = format!("a value has between 1 byte and 64 KiB: it travels in one message, and {} does not", self.size);
        issues.ensure((1..=64 << 10).contains(&self.size.0), "size", message);
    }
}
