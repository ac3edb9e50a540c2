//! The program as a user meets it: arguments in; stdout, stderr, exit status and files out.

mod bad_input;
mod claims;
mod commands;
mod runs;
mod shipped;
mod validate;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A small scenario that runs in a moment.
pub(crate) const SMALL: &str = r#"
description = "Does it run?"
repetitions = 2

[time]
warm_up = "10 s"
duration = "2 min"

[peers]
count = 40

[[topology]]
model = "chord"

[[topology]]
model = "central-index"

[lookups]
interval = "20 s"
"#;

/// A place of its own for a test.
pub(crate) struct Place(TempDir);

impl Place {
    /// An empty directory.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    /// One with `small.toml` in it.
    pub(crate) fn with_scenario(text: &str) -> Self {
        let place = Self::new();
        std::fs::write(place.path("small.toml"), text).expect("a file can be written");
        place
    }

    /// A path below it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `sim` in it.
    pub(crate) fn sim(&self, arguments: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_sim")).args(arguments).current_dir(self.0.path()).output().expect("sim starts");
        Said::of(&output)
    }

    /// The names of what is in it.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.0.path())
    }
}

/// The names of what is in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let mut names: Vec<String> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    /// The exit status.
    pub(crate) status: i32,
    /// Its data.
    pub(crate) stdout: String,
    /// Everything else.
    pub(crate) stderr: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        Self {
            status: output.status.code().expect("it ends by itself"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts that all went well, and gives its data.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.status, 0, "{}", self.stderr);
        self.stdout
    }

    /// Asserts that the input was refused, and gives the message.
    pub(crate) fn refused(self) -> String {
        assert_eq!(self.status, 2, "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "", "data beside an error");
        self.stderr
    }
}
