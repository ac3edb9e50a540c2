//! What can be wrong with a network's files.

use std::fmt::Display;

/// A network cannot be built from this configuration.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The file cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The path as the scenario gives it.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A number or a word of the file is wrong.
    #[error("{file}:{line}:{column}: {message}")]
    Entry {
        /// The path as the scenario gives it.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// Which entry of the line, counted from 1.
        column: usize,
        /// What is wrong, and the way out.
        message: String,
    },
    /// A line of the file is wrong.
    #[error("{file}:{line}: {message}")]
    Line {
        /// The path as the scenario gives it.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong, and the way out.
        message: String,
    },
    /// The file as a whole is wrong.
    #[error("{file}: {message}")]
    File {
        /// The path as the scenario gives it.
        file: String,
        /// What is wrong, and the way out.
        message: String,
    },
}

/// The text of a file that the scenario names, and how to blame its parts.
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: String,
}

impl<'a> Source<'a> {
    pub(crate) fn read(file: &'a str) -> Result<Self, NetworkError> {
        // Bytes first: a binary file deserves a better answer than "stream did not contain valid UTF-8".
        let bytes = std::fs::read(file).map_err(|source| NetworkError::Read { file: file.to_owned(), source })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| NetworkError::File { file: file.to_owned(), message: "this is not a text file".to_owned() })?;
        Ok(Self { file, text })
    }

    /// Lines that hold something, with their numbers from 1; `#` begins a comment.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let bare = self.text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        bare.enumerate().filter(|(_, line)| !line.is_empty()).map(|(index, line)| (index + 1, line))
    }

    pub(crate) fn entry(&self, line: usize, column: usize, message: impl Display) -> NetworkError {
        NetworkError::Entry { file: self.file.to_owned(), line, column, message: message.to_string() }
    }

    pub(crate) fn line(&self, line: usize, message: impl Display) -> NetworkError {
        NetworkError::Line { file: self.file.to_owned(), line, message: message.to_string() }
    }

    pub(crate) fn whole(&self, message: impl Display) -> NetworkError {
        NetworkError::File { file: self.file.to_owned(), message: message.to_string() }
    }
}

/// The numbers of a line, separated by tabs, spaces or commas.
pub(crate) fn entries(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', '\t', ',', ';']).filter(|word| !word.is_empty())
}
