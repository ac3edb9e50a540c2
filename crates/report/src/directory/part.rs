//! One run's part: its rows in headless CSV files of its own, and `run.json`, written last.
//!
//! A part without a `run.json` of its run does not count, whatever else is in it.
//!
//! # Not here
//! Headers and the order of the runs: `assemble` knows those.

use super::{DirectoryError, failed, read_json, session::remove_tree, write_json};
use crate::tables::{Cells, Label, Lookup, Peer, Row, TableError, Writer};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// What a run tells about itself beside its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunMeasure {
    /// Digest of every event of the run, in hexadecimal.
    pub trace_digest: String,
    /// Peers that exist in it.
    pub peers: u64,
    /// Handler calls on live peers.
    pub events: u64,
    /// Messages sent.
    pub messages: u64,
    /// Wall-clock time before the first event.
    pub setup_s: f64,
    /// Wall-clock time in all.
    pub wall_s: f64,
}

/// `run.json`: the done-marker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) label: Label,
    /// Rows of each file of the part.
    pub(super) rows: BTreeMap<String, u64>,
    pub(super) measure: RunMeasure,
}

const DONE: &str = "run.json";

/// The part of a run under way. Dropped before [`PartWriter::finish`], it does not count.
pub struct PartWriter {
    directory: PathBuf,
    label: Label,
    lookups: Writer<Lookup, File>,
    peers: Writer<Peer, File>,
    rows: BTreeMap<String, u64>,
}

impl PartWriter {
    pub(super) fn create(directory: &Path, label: &Label) -> Result<Self, DirectoryError> {
        remove_tree(directory)?;
        fs::create_dir_all(directory).map_err(failed("create", directory))?;
        let lookups = begin::<Lookup>(directory, label)?;
        let peers = begin::<Peer>(directory, label)?;
        Ok(Self { directory: directory.to_owned(), label: label.clone(), lookups, peers, rows: BTreeMap::new() })
    }

    /// Whose part it is.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// Writes the next row of `lookups.csv`.
    pub fn lookup_row(&mut self, row: &Lookup) -> io::Result<()> {
        self.lookups.row(row).map_err(into_io)
    }

    /// Writes the next row of `lookups.csv`, cell by cell.
    pub(super) fn lookup_cells(&mut self, fill: impl FnOnce(&mut Cells)) -> io::Result<()> {
        let path = &self.directory;
        self.lookups.cells_of(fill).map_err(|error| into_io(TableError::of_csv(&path.join(Lookup::FILE), error)))
    }

    /// Writes the next row of `peers.csv`.
    pub fn peer_row(&mut self, row: &Peer) -> io::Result<()> {
        self.peers.row(row).map_err(into_io)
    }

    /// Writes all rows of another file of the run.
    pub fn table<R: Row>(&mut self, rows: impl IntoIterator<Item = R>) -> Result<(), DirectoryError> {
        let mut writer = begin::<R>(&self.directory, &self.label)?;
        for row in rows {
            writer.row(&row)?;
        }
        self.rows.insert(R::FILE.to_owned(), writer.finish()?.1);
        Ok(())
    }

    /// Closes the part: from now on the run is done.
    pub fn finish(mut self, measure: RunMeasure) -> Result<(), DirectoryError> {
        self.rows.insert(Lookup::FILE.to_owned(), self.lookups.finish()?.1);
        self.rows.insert(Peer::FILE.to_owned(), self.peers.finish()?.1);
        let done = Done { label: self.label, rows: self.rows, measure };
        let (unfinished, finished) = (self.directory.join(".run.json"), self.directory.join(DONE));
        write_json(&unfinished, &done)?;
        fs::rename(&unfinished, &finished).map_err(failed("write", &finished))
    }
}

/// Whether the part in `directory` is done, and is the run's of this label.
pub(super) fn is_done(directory: &Path, label: &Label) -> Result<bool, DirectoryError> {
    if !directory.join(DONE).exists() {
        return Ok(false);
    }
    Ok(done(directory)?.label == *label)
}

/// Reads the done-marker.
pub(super) fn done(directory: &Path) -> Result<Done, DirectoryError> {
    read_json(&directory.join(DONE))
}

fn begin<R: Row>(directory: &Path, label: &Label) -> Result<Writer<R, File>, DirectoryError> {
    let path = directory.join(R::FILE);
    let file = File::create(&path).map_err(failed("create", &path))?;
    let mut writer = Writer::headless(file, &path);
    writer.label(label);
    Ok(writer)
}

/// For the streaming side, which knows of io errors only; the path stays in the text.
fn into_io(error: TableError) -> io::Error {
    let kind = match &error {
        TableError::Io { source, .. } => source.kind(),
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error)
}
