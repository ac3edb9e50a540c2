//! The results directory: made beside its place, put there when it is whole.
//!
//! Claimed: a directory that `sim` did not write is never touched; one that it wrote is replaced only by complete results, in two
//! renames; an interrupted session keeps its finished runs. The manifest is the same bytes on every machine.
//!
//! ```text
//! results/example/                     what users read: CSV, manifest.json, performance.json, scenario.toml, charts/
//! results/.example.partial/            a session under way ("staging")
//!   peerlab-partial.json               says that it is ours and of which scenario; locked while a session is at work
//!   runs/<index>/*.csv, run.json       one run's rows without headers; run.json is written last: the done-marker
//!   final/                             the results being assembled; renamed to results/example
//!   old/                               the results that they replaced, for the moment between two renames
//! ```
//!
//! The way through: [`Session::open`] → [`Session::completed`] → [`Session::part`] per run, on any thread,
//! which the world takes as its sink and [`PartWriter::record`] closes → [`Session::assemble`] →
//! charts and page into [`Assembled::path`] → [`Assembled::publish`]. A session that is dropped on the way leaves its finished runs.
//!
//! # Cost
//! Rows are written twice (part, final file) and hashed once, in streams; the disk holds both until the end.
//!
//! # Not here
//! Simulating, and drawing: the caller does the first, `charts` the second.

mod assemble;
mod manifest;
mod ownership;
mod part;
mod publish;
mod record;
mod session;

pub use assemble::Assembled;
pub use manifest::{FileEntry, Manifest, Performance, RunEntry, RunPerformance, SessionPerformance};
pub use ownership::{Standing, standing};
pub use part::{PartWriter, RunMeasure};
pub use publish::Published;
pub use record::RunTime;
pub use session::{Plan, Session, Start, scenario_sha256};

use crate::tables::TableError;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why results could not be written. Whatever the error, results that stood there before still stand there.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A table could not be written or read back.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The place is taken by something that is not ours.
    #[error("{} was not written by sim and is left as it is; choose another place with --out", path.display())]
    Foreign {
        /// The place.
        path: PathBuf,
    },
    /// The place has no name of its own, such as `/`.
    #[error("{} cannot be a results directory; choose another place with --out", path.display())]
    NoName {
        /// The place.
        path: PathBuf,
    },
    /// Another session is writing there now.
    #[error("another session is writing {}; wait for it, or choose another place with --out", path.display())]
    Busy {
        /// The staging directory.
        path: PathBuf,
    },
    /// The interrupted session cannot be continued by this one.
    #[error(
        "{} is of another {what} ({found}, now {wanted}); run without --resume to begin anew", path.display()
    )]
    OtherSession {
        /// The staging directory.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// As the interrupted session has it.
        found: String,
        /// As this one has it.
        wanted: String,
    },
    /// Results are assembled when all runs are done.
    #[error("{} of {planned} runs are not done yet, the first is {first}", missing)]
    Incomplete {
        /// Runs not done.
        missing: usize,
        /// Runs planned.
        planned: usize,
        /// Name of the first one.
        first: String,
    },
    /// A JSON file of ours does not hold what it should.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

/// Names the path in an error of the system.
fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DirectoryError {
    let path = path.to_owned();
    move |source| DirectoryError::Io { action, path, source }
}

/// Writes a value as indented JSON with a final line end.
fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), DirectoryError> {
    let json = serde_json::to_string_pretty(value).map_err(|source| DirectoryError::Json { path: path.to_owned(), source });
    std::fs::write(path, json? + "\n").map_err(failed("write", path))
}

/// Reads a JSON file of ours.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, DirectoryError> {
    let text = std::fs::read(path).map_err(failed("read", path))?;
    serde_json::from_slice(&text).map_err(|source| DirectoryError::Json { path: path.to_owned(), source })
}
