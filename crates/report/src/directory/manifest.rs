//! `manifest.json` and `performance.json`: what the results are, and what they took.
//!
//! The manifest holds nothing that differs between two machines: digests of the CSV files and of the scenario, never of charts
//! (they are redrawn from the CSV) or of `performance.json` (the clock).
//!
//! # Not here
//! The judgement whether two manifests agree: `sim verify` names the first row that differs.

use super::{DirectoryError, ownership::TOOL, read_json};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `peerlab`: how our directories are recognised.
    pub tool: String,
    /// Version of the tool.
    pub version: String,
    /// Revision of the models: results are comparable byte for byte within one.
    pub model_revision: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// SHA-256 of `scenario.toml`, in hexadecimal.
    pub scenario_sha256: String,
    /// Seed that all randomness derives from.
    pub seed: u64,
    /// Names of the swept parameters, in the order of their columns.
    pub swept: Vec<String>,
    /// The runs, in plan order.
    pub runs: Vec<RunEntry>,
    /// The files, by name.
    pub files: BTreeMap<String, FileEntry>,
}

/// A run in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEntry {
    /// Name of the run.
    pub run: String,
    /// Label of the topology.
    pub topology: String,
    /// Number of the repetition.
    pub repetition: u32,
    /// Values of the swept parameters.
    pub sweep: Vec<String>,
    /// Digest of every event of the run, in hexadecimal.
    pub trace_digest: String,
}

/// A file in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Rows of a table, the header not counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rows: Option<u64>,
}

impl Manifest {
    /// File name.
    pub const FILE: &'static str = "manifest.json";

    /// The name that goes into [`Manifest::tool`].
    pub const TOOL: &'static str = TOOL;

    /// Reads the manifest of a results directory.
    pub fn read(directory: &Path) -> Result<Self, DirectoryError> {
        read_json(&directory.join(Self::FILE))
    }
}

/// `performance.json`: the one file outside the byte-for-byte promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// Wall-clock time of the session.
    pub wall_s: f64,
    /// Largest resident memory; none where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// Threads used.
    pub threads: usize,
    /// What ran it.
    pub machine: String,
    /// The runs, in plan order.
    pub runs: Vec<RunPerformance>,
}

impl Performance {
    /// File name.
    pub const FILE: &'static str = "performance.json";

    /// Reads the performance of a results directory.
    pub fn read(directory: &Path) -> Result<Self, DirectoryError> {
        read_json(&directory.join(Self::FILE))
    }
}

/// What a session as a whole took.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionPerformance {
    /// Wall-clock time of the session.
    pub wall_s: f64,
    /// Largest resident memory, if known.
    pub peak_memory_bytes: Option<u64>,
    /// Threads used.
    pub threads: usize,
    /// What ran it, in one line.
    pub machine: String,
}

/// What one run took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunPerformance {
    /// Name of the run.
    pub run: String,
    /// Label of the topology.
    pub topology: String,
    /// Number of the repetition.
    pub repetition: u32,
    /// Peers that exist in it.
    pub peers: u64,
    /// Handler calls on live peers.
    pub events: u64,
    /// Messages sent.
    pub messages: u64,
    /// Wall-clock time before the first event.
    pub setup_s: f64,
    /// Wall-clock time in all.
    pub wall_s: f64,
    /// `events / (wall_s − setup_s)`; 0 if that took no time.
    pub events_per_s: f64,
}
