//! Problems in a configuration, collected rather than thrown: a user wants to hear of all of them at once.

use std::fmt::Display;

/// One problem: where, what, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The dotted path of the key from the scenario's root, such as `churn.session.shape` or `topology.0.ttl`.
    pub path: String,
    /// What is wrong, naming the value and its limit.
    pub message: String,
    /// What to write instead, or where to look.
    pub help: Option<String>,
    /// A warning does not stop a run.
    pub warning: bool,
}

/// A list of problems under construction, with the path of the table that is being checked.
#[derive(Clone, Debug, Default)]
pub struct Issues {
    prefix: String,
    list: Vec<Issue>,
}

impl Issues {
    /// No problems yet, at the scenario's root.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks a nested table: paths given inside are relative to `key`.
    pub fn within(&mut self, key: impl Display, check: impl FnOnce(&mut Self)) {
        let length = self.prefix.len();
        self.prefix = self.path(key);
        check(self);
        self.prefix.truncate(length);
    }

    /// Notes that the value at `key` is wrong.
    pub fn error(&mut self, key: impl Display, message: impl Into<String>) {
        self.push(key, message.into(), None, false);
    }

    /// Notes that the value at `key` is wrong, and what would be right.
    pub fn error_with_help(&mut self, key: impl Display, message: impl Into<String>, help: impl Into<String>) {
        self.push(key, message.into(), Some(help.into()), false);
    }

    /// Notes something odd that does not stop a run.
    pub fn warn(&mut self, key: impl Display, message: impl Into<String>) {
        self.push(key, message.into(), None, true);
    }

    /// Notes an error unless `condition` holds.
    pub fn ensure(&mut self, condition: bool, key: impl Display, message: impl Into<String>) {
        if !condition {
            self.error(key, message);
        }
    }

    /// Checks that a share lies in [0, 1].
    pub fn share(&mut self, key: impl Display, value: f64) {
        self.ensure((0.0..=1.0).contains(&value), key, format!("a share lies between 0 and 1, not at {value}"));
    }

    /// The problems so far.
    pub fn list(&self) -> &[Issue] {
        &self.list
    }

    /// The problems, in the order in which they were found.
    pub fn into_list(self) -> Vec<Issue> {
        self.list
    }

    fn push(&mut self, key: impl Display, message: String, help: Option<String>, warning: bool) {
        let path = self.path(key);
        self.list.push(Issue { path, message, help, warning });
    }

    fn path(&self, key: impl Display) -> String {
        let key = key.to_string();
        match (self.prefix.is_empty(), key.is_empty()) {
            (true, _) => key,
            (false, true) => self.prefix.clone(),
            (false, false) => format!("{}.{key}", self.prefix),
        }
    }
}
