//! Dotted keys: `topology."my chord".successors`.

use std::fmt;

/// A key path, as TOML writes it: bare parts and quoted ones, with dots between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DottedPath(Vec<String>);

/// A text that is no key path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a key path")]
pub struct PathError {
    text: String,
}

impl DottedPath {
    /// Reads a path.
    ///
    /// # Errors
    /// If TOML would not take it as a key.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let error = || PathError { text: text.to_owned() };
        // A line end would let a text be more than one key.
        if text.contains(['\n', '\r']) {
            return Err(error());
        }
        // TOML itself reads the key: of an assignment whose value is known to be right.
        let mut table: toml::Table = toml::from_str(&format!("{text} = 0")).map_err(|_| error())?;
        let mut parts = Vec::new();
        loop {
            let (name, value) = std::mem::take(&mut table).into_iter().next().ok_or_else(error)?;
            parts.push(name);
            match value {
                toml::Value::Table(inner) => table = inner,
                toml::Value::Integer(0) => return Ok(Self(parts)),
                _ => return Err(error()),
            }
        }
    }

    /// A path of these parts.
    pub fn new(parts: Vec<String>) -> Self {
        Self(parts)
    }

    /// Its parts.
    pub fn parts(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for DottedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{}", quoted(part))?;
        }
        Ok(())
    }
}

/// A key as TOML writes it: bare if possible.
pub(super) fn quoted(part: &str) -> String {
    let bare = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if bare { part.to_owned() } else { toml::Value::from(part).to_string() }
}
