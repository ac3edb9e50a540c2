//! The last moment: old results out, new results in.
//!
//! Two renames within one file system. Between them the place is empty for an instant; a session that dies there is mended by the
//! next one, which finds the old results in the staging directory and puts them back.
//!
//! # Not here
//! Keeping old results: whoever wants them chooses another name.

use super::{DirectoryError, Session, Standing, failed, standing};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Results in their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where they are.
    pub path: PathBuf,
    /// A staging directory that could not be removed. The results are whole nonetheless; the next session will remove it.
    pub leftover: Option<PathBuf>,
}

/// Everything that `sim` writes at the top of a results directory. What is not named here is the user's.
const OURS: [&str; 15] = [
    "summary.csv",
    "aggregate.csv",
    "lookups.csv",
    "hops.csv",
    "messages.csv",
    "timeseries.csv",
    "peers.csv",
    "downloads.csv",
    "events.csv",
    "rumours.csv",
    "charts",
    "report.html",
    "scenario.toml",
    "manifest.json",
    "performance.json",
];

pub(super) fn publish(session: Session, assembled: &Path) -> Result<Published, DirectoryError> {
    let out = session.out.clone();
    let old = session.staging.join("old");
    // Looked at again: hours may have passed since the session was opened.
    let replaced = match standing(&out)? {
        Standing::Foreign => return Err(DirectoryError::Foreign { path: out }),
        Standing::Absent => false,
        // Removes nothing but an empty directory.
        Standing::Empty => fs::remove_dir(&out).map(|()| false).map_err(failed("replace", &out))?,
        Standing::Ours => {
            super::session::remove_tree(&old)?;
            fs::rename(&out, &old).map(|()| true).map_err(failed("replace", &out))?
        }
    };
    if let Err(error) = fs::rename(assembled, &out) {
        if replaced {
            fs::rename(&old, &out).map_err(failed("restore", &out))?;
        }
        return Err(failed("create", &out)(error));
    }
    if replaced {
        carry_over(&old, &out)?;
    }
    let Session { staging, lock, .. } = session;
    drop(lock);
    let leftover = fs::remove_dir_all(&staging).is_err().then_some(staging);
    Ok(Published { path: out, leftover })
}

/// Moves the files that are not ours from old results to the new ones.
pub(super) fn carry_over(old: &Path, new: &Path) -> Result<(), DirectoryError> {
    move_unless(old, new, |name| OURS.contains(&name))?;
    let (old, new) = (old.join("charts"), new.join("charts"));
    if !old.is_dir() {
        return Ok(());
    }
    move_unless(&old, &new, |name| Path::new(name).extension().is_some_and(|extension| extension == "svg" || extension == "png"))
}

fn move_unless(old: &Path, new: &Path, is_ours: impl Fn(&str) -> bool) -> Result<(), DirectoryError> {
    for entry in fs::read_dir(old).map_err(failed("read", old))? {
        let entry = entry.map_err(failed("read", old))?;
        let (source, target) = (entry.path(), new.join(entry.file_name()));
        // A name that is no Unicode is none of ours.
        if entry.file_name().to_str().is_some_and(&is_ours) || target.exists() {
            continue;
        }
        match fs::create_dir_all(new).and_then(|()| fs::rename(&source, &target)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("carry over", &source)(error)),
            _ => {}
        }
    }
    Ok(())
}
