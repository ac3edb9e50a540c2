//! Whose directory it is.
//!
//! Ours is recognised by what is in it, not by its name: a `manifest.json` with `"tool": "peerlab"`.
//!
//! # Not here
//! Judging whether the results in it are right: `sim verify` does.

use super::{DirectoryError, failed};
use serde::Deserialize;
use std::{fs, io, path::Path};

/// The tool's name in the files that recognise our directories.
pub(super) const TOOL: &str = "peerlab";

/// What stands at the place where results shall go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Absent,
    /// An empty directory: nothing in it can be destroyed.
    Empty,
    /// Results that `sim` wrote.
    Ours,
    /// Anything else: it is refused.
    Foreign,
}

#[derive(Deserialize)]
struct Signature {
    tool: String,
}

/// Looks at the place `path`. Reads only.
pub fn standing(path: &Path) -> Result<Standing, DirectoryError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Absent),
        Err(error) => return Err(failed("read", path)(error)),
    };
    if !metadata.is_dir() {
        return Ok(Standing::Foreign);
    }
    if fs::read_dir(path).map_err(failed("read", path))?.next().is_none() {
        return Ok(Standing::Empty);
    }
    Ok(if is_signed(&path.join("manifest.json"))? { Standing::Ours } else { Standing::Foreign })
}

/// Whether a JSON file says that `sim` wrote it. A file that is absent or is something else does not.
pub(super) fn is_signed(file: &Path) -> Result<bool, DirectoryError> {
    match fs::read(file) {
        Ok(text) => Ok(serde_json::from_slice::<Signature>(&text).is_ok_and(|signature| signature.tool == TOOL)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => Ok(false),
        Err(error) => Err(failed("read", file)(error)),
    }
}
