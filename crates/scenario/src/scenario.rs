//! A scenario that is known to be sound.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use peerlab_world::{Conditions, Topology};
use sha2::{Digest, Sha256};

use crate::claim::Claim;
use crate::diagnostic::{Problem, Report, Sources};
use crate::document::Node;
use crate::file::OutputConfig;
use crate::load::locate;
use crate::validation::Validation;

/// A scenario, checked and with every default filled in.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name, which the results directory gets too.
    pub name: String,
    /// The question that it answers.
    pub description: String,
    /// All randomness derives from it.
    pub seed: u64,
    /// Independent repetitions; at least 1.
    pub repetitions: u32,
    /// What is written.
    pub output: OutputConfig,
    /// The claim that it is held against, if it is an experiment about one.
    pub claim: Option<Claim>,
    /// The published figures that it is compared with, if it is a case of `sim validate`.
    pub validation: Option<Validation>,
    /// What varies, in the order of the file.
    pub axes: Vec<Axis>,
    /// The combinations of the axes' values, the first axis varying slowest; without a sweep a single one.
    pub points: Vec<Point>,
    /// What is odd about it and does not stop a run.
    pub warnings: Report,
    pub(crate) resolved: String,
    pub(crate) sources: Sources,
    pub(crate) document: Node,
}

/// A swept key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Its path, such as `peers.count`; topologies go by their labels.
    pub path: String,
    /// The values as they appear in results.
    pub values: Vec<String>,
    /// The topology that it concerns, if it concerns only one: others do not vary with it.
    pub topology: Option<String>,
}

/// A combination of the axes' values, and what it makes of the scenario.
#[derive(Clone, Debug)]
pub struct Point {
    /// One value per axis, as it appears in results.
    pub swept: Vec<String>,
    /// What the runs happen under.
    pub conditions: Arc<Conditions>,
    /// The designs, in the order of the file.
    pub topologies: Vec<TopologyEntry>,
}

/// A configured design and its label.
#[derive(Clone, Debug)]
pub struct TopologyEntry {
    /// The label in the results; unique in the scenario.
    pub label: String,
    /// The design.
    pub topology: Arc<dyn Topology>,
}

impl Scenario {
    /// The scenario as TOML with every default filled in; loading it gives this scenario again.
    pub fn resolved(&self) -> &str {
        &self.resolved
    }

    /// A report on something that was found out only when a run was built: a data file that is not what it should be, say.
    ///
    /// `path` is the dotted path of the key that is to blame; topologies and events go by their index.
    pub fn blame(&self, path: &str, message: impl Into<String>) -> Report {
        let place = locate(&self.document, path).0.place;
        Report::new(self.sources.clone(), vec![Problem::new(place, message)])
    }

    /// The files that its runs read, sorted, each once; paths are relative to the working directory.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<String> = Vec::new();
        for point in &self.points {
            files.extend(point.conditions.network.files().into_iter().map(str::to_owned));
            files.extend(point.conditions.churn.iter().flat_map(|churn| churn.files()).map(str::to_owned));
            files.extend(point.topologies.iter().flat_map(|entry| entry.topology.files()));
        }
        files.sort();
        files.dedup();
        files.into_iter().map(PathBuf::from).collect()
    }

    /// The resolved scenario, followed by comments that name its input files and the SHA-256 of their contents: all that a result
    /// follows from, in one text. Without input files it is the resolved scenario alone.
    ///
    /// # Errors
    /// If an input file cannot be read.
    pub fn resolved_with_inputs(&self) -> io::Result<String> {
        let mut text = self.resolved.clone();
        let files = self.files();
        if !files.is_empty() {
            text.push_str("\n# Input files and the SHA-256 of their contents:\n");
        }
        for path in files {
            let hash = hash_of(&path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
            // Writing into a String cannot fail.
            let _ = writeln!(text, "# {hash}  {}", path.display().to_string().escape_debug());
        }
        Ok(text)
    }

    /// SHA-256, in hexadecimal, of [`Scenario::resolved_with_inputs`]: the identity of a result.
    ///
    /// # Errors
    /// If an input file cannot be read.
    pub fn hash(&self) -> io::Result<String> {
        Ok(hexadecimal(&Sha256::digest(self.resolved_with_inputs()?)))
    }
}

fn hash_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            length => hasher.update(&buffer[..length]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
