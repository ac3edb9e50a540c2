//! The scenario file as serde sees it: the keys of the contract, with their defaults.
//!
//! # Not here
//! The parameters of models, which the registry knows, and every rule: see `build`.

use std::collections::BTreeMap;

use peerlab_model::units::Duration;
use peerlab_network::NetworkConfig;
use peerlab_transfer::{DownloadConfig, StreamConfig};
use peerlab_workload::{
    AdversaryConfig, ChurnConfig, ContentConfig, EventConfig, LookupsConfig, PeersConfig, RumoursConfig, StorageConfig,
};
use peerlab_world::{GraphMetrics, StartKind, TimeConfig};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::claim::Claim;
use crate::validation::Validation;

/// A scenario: peers, links, churn, faults and load, and the designs that meet them.
///
/// Paths of files are relative to the directory in which `sim` runs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Peerlab scenario")]
pub struct ScenarioFile {
    /// The name, which the results directory gets too. Default: the file's name without its ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The question that the scenario answers.
    #[serde(default)]
    pub description: String,
    /// All randomness derives from it. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(max = 9_223_372_036_854_775_807_u64))]
    pub seed: u64,
    /// Independent repetitions, with seeds that derive from `seed`. Default: 1.
    #[serde(default = "once")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub repetitions: u32,
    /// How the overlay begins: as one that has run for long, or built by real joins. Default: `converged`.
    #[serde(default)]
    pub start: StartKind,
    /// With `start = "join"`: the time, from the beginning of the warm-up, over which the first joins are spread. Default: half of the warm-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_over: Option<Duration>,
    /// The run's times; t = 0 is the start of measurement.
    #[serde(default)]
    pub time: TimeConfig,
    /// The population.
    pub peers: PeersConfig,
    /// The network below the overlay.
    #[serde(default)]
    pub network: NetworkConfig,
    /// The designs: each meets the same peers, links, churn, content and questions.
    #[schemars(length(min = 1))]
    pub topology: Vec<Json>,
    /// How peers come and go. Without it all stay online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn: Option<ChurnConfig>,
    /// What there is to find. Default: 1000 items with 10 copies each (with as many as there are peers, if there are fewer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentConfig>,
    /// Values that the overlay itself keeps; a scenario has these or content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageConfig>,
    /// Who asks for what. Without it nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookups: Option<LookupsConfig>,
    /// News that everybody is to hear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rumours: Option<RumoursConfig>,
    /// How content moves once it has been found. Without it lookups end with an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<DownloadConfig>,
    /// How items are played while they load. Without it nobody watches them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamConfig>,
    /// The timeline of faults and loads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event: Vec<EventConfig>,
    /// Hosts that do not play by the rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adversary: Vec<AdversaryConfig>,
    /// A grid of variants: a key path of this file and the values that it takes; all combinations are run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sweep: BTreeMap<String, SweepValues>,
    /// What is written.
    #[serde(default)]
    pub output: OutputConfig,
    /// What people say that the results are held against. It changes no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// The published figures that the results are compared with by `sim validate`. It changes no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// The values that a swept key takes, or, where a dotted key is written without quotes, a table that leads to them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SweepValues(pub Json);

impl JsonSchema for SweepValues {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SweepValues".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["array", "object"] })
    }
}

/// What is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutputConfig {
    /// Which lookups get a row in `lookups.csv`: `"all"`, or a share of them, sampled by their number. Metrics cover all of them. Default: `"all"`.
    pub lookups: LookupRows,
    /// What of the overlay's graph is measured with each sample (`time.sample_every`) and at the end: `"off"`, `"components"` (degrees and
    /// components), or `"full"` (clustering and path lengths as well). Default: `"off"`.
    pub graph: GraphMetrics,
}

/// Which lookups get a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LookupRows {
    /// Every one.
    #[default]
    #[serde(with = "all")]
    All,
    /// A share of them, in [0, 1].
    Share(f64),
}

impl JsonSchema for LookupRows {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LookupRows".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string", "enum": ["all"] }, { "type": "number", "minimum": 0, "maximum": 1 }] })
    }
}

/// The word `all`.
mod all {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("all")
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "all" => Ok(()),
            other => Err(D::Error::custom(format!("`{other}` is neither \"all\" nor a share"))),
        }
    }
}

const fn one() -> u64 {
    1
}

const fn once() -> u32 {
    1
}
