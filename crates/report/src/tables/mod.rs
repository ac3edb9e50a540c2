//! The CSV files of a results directory: what a row of each one is, and how it is written and read.
//!
//! Claimed: every file is tidy, has one header, `.` decimals, `\n` line ends and an empty cell where a column does not apply.
//! It begins with the common columns ([`Common`]), then has one column per swept parameter, then its own ([`Row::COLUMNS`]).
//! What is written is read back as the same value: integers and fixed-point times exactly, floats by their shortest form.
//!
//! # Cost
//! A row is formatted into a reused record ([`Cells`]): no allocation per row. A lookup takes about 95 bytes, and 1.2 µs in a
//! development build (2 × 2 million rows).
//! Readers hold one row.
//!
//! # Not here
//! Which rows a run produces (its glue is `directory::part`), and statistics over rows.

mod cells;
mod fixed;
mod read;
mod rows;
mod write;

pub use cells::Cells;
pub use fixed::{Line, parse_nanos};
pub use read::{Header, Reader};
pub use rows::{Aggregate, Download, Event, Hops, Lookup, Message, Peer, Rumour, Sample, Summary};
pub use write::{Writer, header};

use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// The columns that a file begins with, before the swept parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Common {
    /// `run,topology,repetition`: the file is about runs.
    Run,
    /// `topology`: the file is about all repetitions together.
    Topology,
}

impl Common {
    /// The columns' names.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Run => &["run", "topology", "repetition"],
            Self::Topology => &["topology"],
        }
    }
}

/// Whose row it is: the values of the common columns and of the swept parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Label {
    /// Name of the run, such as `peers.count=1000/chord-8/3`; empty in a file over repetitions.
    pub run: String,
    /// Label of the topology.
    pub topology: String,
    /// Number of the repetition; 0 in a file over repetitions.
    pub repetition: u32,
    /// One value per swept parameter, in the order of their columns, as it stands in the scenario.
    pub sweep: Vec<String>,
}

/// One observation of one file.
pub trait Row: DeserializeOwned {
    /// The file's name.
    const FILE: &'static str;
    /// What the file begins with.
    const COMMON: Common = Common::Run;
    /// The file's own columns, in order, as in the contract.
    const COLUMNS: &'static [&'static str];

    /// Appends this row's own cells, one per column of [`Row::COLUMNS`].
    fn cells(&self, cells: &mut Cells);
}

/// Why a table could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not CSV, or a cell does not hold what its column promises.
    #[error("{}: {source}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: csv::Error,
    },
    /// The header lacks a column.
    #[error("{}: column `{column}` is missing; is this a results file of another version?", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: String,
    },
    /// A cell does not hold what its column promises.
    #[error("{}, line {line}: column `{column}` holds `{value}`", path.display())]
    BadCell {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What it holds.
        value: String,
    },
}

impl TableError {
    /// Names the file in an error of the csv crate; what comes from the system stays recognisable as such.
    pub(crate) fn of_csv(path: &std::path::Path, error: csv::Error) -> Self {
        let path = path.to_owned();
        if error.is_io_error() {
            if let csv::ErrorKind::Io(source) = error.into_kind() {
                return Self::Io { path, source };
            }
            return Self::Io { path, source: std::io::Error::other("reading failed") };
        }
        Self::Csv { path, source: error }
    }
}
