//! A session: the runs of one scenario on their way into one results directory.
//!
//! # Not here
//! What a run writes (`part`), and how the parts become the results (`assemble`, `publish`).

use super::{Assembled, DirectoryError, PartWriter, SessionPerformance, Standing, failed, ownership, part, read_json, standing};
use crate::tables::Label;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// What a session is to produce.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the scenario.
    pub scenario: String,
    /// The resolved scenario, byte for byte as it goes into `scenario.toml`; its hash tells whether a session can be resumed.
    pub scenario_toml: String,
    /// Seed that all randomness derives from.
    pub seed: u64,
    /// Version of the tool.
    pub version: String,
    /// Revision of the models.
    pub model_revision: u32,
    /// Names of the swept parameters, in the order of their columns.
    pub swept: Vec<String>,
    /// The runs, in the order of the rows.
    pub runs: Vec<Label>,
}

/// What to do with the finished runs of an interrupted session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Throw them away.
    Fresh,
    /// Keep them, if they are of this scenario and this tool.
    Resume,
}

/// SHA-256 of a resolved scenario's text, in hexadecimal.
pub fn scenario_sha256(scenario_toml: &str) -> String {
    hexadecimal(&Sha256::digest(scenario_toml.as_bytes()))
}

/// Lower-case hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The marker file: what makes a staging directory ours.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    tool: String,
    version: String,
    model_revision: u32,
    scenario_sha256: String,
}

const MARKER: &str = "peerlab-partial.json";

/// A session under way. Its staging directory is locked until the session is dropped.
#[derive(Debug)]
pub struct Session {
    pub(super) out: PathBuf,
    pub(super) staging: PathBuf,
    pub(super) plan: Plan,
    pub(super) scenario_sha256: String,
    pub(super) lock: File,
}

impl Session {
    /// Looks whether results may go to `out` at all, without writing anything: the check to make before simulating.
    pub fn check(out: &Path) -> Result<(), DirectoryError> {
        Places::of(out).map(drop)
    }

    /// Opens the staging directory for `out`, making it if need be.
    ///
    /// # Errors
    /// [`DirectoryError::Foreign`] if `out` or the staging directory is not ours, [`DirectoryError::Busy`] if another session is at
    /// work there, [`DirectoryError::OtherSession`] if the interrupted session cannot be resumed by this one.
    pub fn open(out: &Path, plan: Plan, start: Start) -> Result<Self, DirectoryError> {
        let Places { out, staging } = Places::of(out)?;
        let marker = Marker {
            tool: ownership::TOOL.to_owned(),
            version: plan.version.clone(),
            model_revision: plan.model_revision,
            scenario_sha256: scenario_sha256(&plan.scenario_toml),
        };
        fs::create_dir_all(&staging).map_err(failed("create", &staging))?;
        let mut lock = lock(&staging)?;
        restore(&out, &staging)?;
        let interrupted = fs::metadata(staging.join(MARKER)).is_ok_and(|marker| marker.len() > 0);
        if interrupted && start == Start::Resume {
            marker.check_same(&read_json(&staging.join(MARKER))?, &staging)?;
        } else {
            clear(&staging)?;
            let path = staging.join(MARKER);
            let text = serde_json::to_string_pretty(&marker).map_err(|source| DirectoryError::Json { path: path.clone(), source })?;
            // Through the locked handle: a new file would not be the locked one.
            lock.set_len(0).and_then(|()| lock.write_all(text.as_bytes())).map_err(failed("write", &path))?;
        }
        let runs = staging.join("runs");
        fs::create_dir_all(&runs).map_err(failed("create", &runs))?;
        Ok(Self { out, staging, scenario_sha256: marker.scenario_sha256, plan, lock })
    }

    /// What this session is to produce.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Indices into [`Plan::runs`] of the runs that are done, ascending.
    pub fn completed(&self) -> Result<Vec<usize>, DirectoryError> {
        let mut done = Vec::new();
        for (index, label) in self.plan.runs.iter().enumerate() {
            if part::is_done(&self.part_path(index), label)? {
                done.push(index);
            }
        }
        Ok(done)
    }

    /// Begins the part of run `index`, throwing away what an interrupted attempt left. Callable from any thread.
    ///
    /// # Panics
    /// If the plan has no run `index`.
    pub fn part(&self, index: usize) -> Result<PartWriter, DirectoryError> {
        PartWriter::create(&self.part_path(index), &self.plan.runs[index])
    }

    /// Puts the parts together, in plan order, beside the place where they shall go.
    pub fn assemble(self, performance: SessionPerformance) -> Result<Assembled, DirectoryError> {
        Assembled::from_session(self, performance)
    }

    pub(super) fn part_path(&self, index: usize) -> PathBuf {
        self.staging.join("runs").join(index.to_string())
    }
}

impl Marker {
    fn check_same(&self, found: &Self, staging: &Path) -> Result<(), DirectoryError> {
        let differs = |what, found: &dyn ToString, wanted: &dyn ToString| {
            let (found, wanted) = (found.to_string(), wanted.to_string());
            Err(DirectoryError::OtherSession { path: staging.to_owned(), what, found, wanted })
        };
        if found.version != self.version {
            return differs("version of the tool", &found.version, &self.version);
        }
        if found.model_revision != self.model_revision {
            return differs("model revision", &found.model_revision, &self.model_revision);
        }
        if found.scenario_sha256 != self.scenario_sha256 {
            let short = |sha256: &str| sha256.chars().take(12).collect::<String>();
            return differs("scenario", &short(&found.scenario_sha256), &short(&self.scenario_sha256));
        }
        Ok(())
    }
}

/// Where results shall go and where they are made.
struct Places {
    out: PathBuf,
    staging: PathBuf,
}

impl Places {
    /// Resolves `out` and refuses what is not ours. Reads only.
    fn of(out: &Path) -> Result<Self, DirectoryError> {
        let out = resolve(out)?;
        if standing(&out)? == Standing::Foreign {
            return Err(DirectoryError::Foreign { path: out });
        }
        let (Some(parent), Some(name)) = (out.parent(), out.file_name()) else {
            return Err(DirectoryError::NoName { path: out });
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".partial");
        let staging = parent.join(hidden);
        match standing(&staging)? {
            Standing::Absent | Standing::Empty => {}
            Standing::Ours | Standing::Foreign => check_staging(&staging)?,
        }
        Ok(Self { out, staging })
    }
}

/// Follows links and dots, so that a results directory behind a link is replaced where it is, not the link.
fn resolve(out: &Path) -> Result<PathBuf, DirectoryError> {
    if fs::symlink_metadata(out).is_ok() {
        return fs::canonicalize(out).map_err(failed("resolve", out));
    }
    let absolute = std::path::absolute(out).map_err(failed("resolve", out))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(DirectoryError::NoName { path: absolute });
    };
    // A parent that does not exist yet will be made as it is spelt.
    Ok(fs::canonicalize(parent).map_or_else(|_| absolute.clone(), |parent| parent.join(name)))
}

/// Whether a staging directory that exists is ours: signed, or left before its signature was written.
fn check_staging(staging: &Path) -> Result<(), DirectoryError> {
    let marker = staging.join(MARKER);
    if staging.is_dir() {
        if ownership::is_signed(&marker)? {
            return Ok(());
        }
        let unsigned = fs::metadata(&marker).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0);
        if unsigned && fs::read_dir(staging).map_err(failed("read", staging))?.count() == 1 {
            return Ok(());
        }
    }
    Err(DirectoryError::Foreign { path: staging.to_owned() })
}

/// Locks the marker, so that two sessions cannot write one place.
fn lock(staging: &Path) -> Result<File, DirectoryError> {
    let path = staging.join(MARKER);
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(failed("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DirectoryError::Busy { path: staging.to_owned() }),
        // Some network file systems have no locks: then the user must take care.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
    }
}

/// Puts the old results back if a session died between the two renames.
fn restore(out: &Path, staging: &Path) -> Result<(), DirectoryError> {
    let old = staging.join("old");
    if !old.exists() {
        return Ok(());
    }
    if out.exists() {
        super::publish::carry_over(&old, out)?;
    } else {
        fs::rename(&old, out).map_err(failed("restore", out))?;
    }
    Ok(())
}

/// Empties a staging directory of ours, but for the locked marker.
fn clear(staging: &Path) -> Result<(), DirectoryError> {
    for name in ["runs", "final", "old"] {
        remove_tree(&staging.join(name))?;
    }
    Ok(())
}

/// Removes a directory of ours that may be absent.
pub(super) fn remove_tree(path: &Path) -> Result<(), DirectoryError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}
