//! Writing a table, row by row.
//!
//! # Not here
//! Where the file goes and when it counts as whole: `directory` decides.

use super::{Cells, Label, Row, TableError};
use std::{
    io::Write,
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// The header line of a file, as cells: common columns, swept parameters, own columns.
pub fn header<R: Row>(swept: &[String]) -> csv::ByteRecord {
    let common = R::COMMON.columns().iter().copied();
    common.chain(swept.iter().map(String::as_str)).chain(R::COLUMNS.iter().copied()).map(str::as_bytes).collect()
}

/// A table under construction.
pub struct Writer<R, W: Write> {
    csv: csv::Writer<W>,
    cells: Cells,
    rows: u64,
    path: PathBuf,
    row: PhantomData<fn(&R)>,
}

impl<R: Row, W: Write> Writer<R, W> {
    /// Writes to `target` without a header; `path` names it in errors.
    pub fn headless(target: W, path: &Path) -> Self {
        // Cells are quoted already where they have to be.
        let plain = csv::QuoteStyle::Never;
        let csv = csv::WriterBuilder::new().buffer_capacity(1 << 16).has_headers(false).quote_style(plain).from_writer(target);
        Self { csv, cells: Cells::new(), rows: 0, path: path.to_owned(), row: PhantomData }
    }

    /// Writes to `target`, the header first.
    pub fn with_header(target: W, path: &Path, swept: &[String]) -> Result<Self, TableError> {
        let mut writer = Self::headless(target, path);
        let mut names = Cells::new();
        let columns = header::<R>(swept);
        columns.iter().for_each(|name| names.text(&String::from_utf8_lossy(name)));
        let written = writer.csv.write_record([names.line()]);
        written.map_err(|error| TableError::of_csv(path, error))?;
        Ok(writer)
    }

    /// Says whose rows follow.
    pub fn label(&mut self, label: &Label) {
        self.cells.label(R::COMMON, label);
    }

    /// Writes a row.
    pub fn row(&mut self, row: &R) -> Result<(), TableError> {
        self.cells_of(|cells| row.cells(cells)).map_err(|error| TableError::of_csv(&self.path, error))
    }

    /// Writes a row whose own cells `fill` appends: for rows that come in another type than `R`.
    pub(crate) fn cells_of(&mut self, fill: impl FnOnce(&mut Cells)) -> Result<(), csv::Error> {
        self.cells.begin();
        fill(&mut self.cells);
        self.rows += 1;
        self.csv.write_record([self.cells.line()])
    }

    /// Flushes, and hands back the target and the number of rows (the header is none).
    pub fn finish(self) -> Result<(W, u64), TableError> {
        let Self { csv, rows, path, .. } = self;
        let target = csv.into_inner().map_err(|error| {
            let source = std::io::Error::new(error.error().kind(), error.error().to_string());
            TableError::Io { path, source }
        })?;
        Ok((target, rows))
    }
}
