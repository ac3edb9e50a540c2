//! Reading a table, row by row, in constant memory.
//!
//! # Cost
//! [`Reader::next_row`] goes through serde and allocates the row's texts. [`Reader::next_record`] gives the bare cells and
//! allocates nothing: for files of gigabytes.
//!
//! # Not here
//! Sorting, filtering, joins: DuckDB and pandas read these files.

use super::{Label, Row, TableError};
use csv::ByteRecord;
use std::{
    fs::File,
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// What a file's first line says.
#[derive(Clone, Debug)]
pub struct Header {
    columns: Vec<String>,
    common: usize,
    /// Names of the swept parameters, in order.
    pub swept: Vec<String>,
}

impl Header {
    /// Position of a column.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|name| name == column)
    }

    /// How many cells a row begins with that say whose it is.
    pub fn label_len(&self) -> usize {
        self.common + self.swept.len()
    }
}

/// A table being read.
pub struct Reader<R> {
    csv: csv::Reader<File>,
    path: PathBuf,
    header: Header,
    names: ByteRecord,
    record: ByteRecord,
    label: Label,
    labelled: ByteRecord,
    row: PhantomData<fn() -> R>,
}

impl<R: Row> Reader<R> {
    /// Opens the file of this kind in the directory and reads its header.
    pub fn open(directory: &Path) -> Result<Self, TableError> {
        let path = directory.join(R::FILE);
        let file = File::open(&path).map_err(|source| TableError::Io { path: path.clone(), source })?;
        let mut csv = csv::ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(file);
        let names = csv.byte_headers().map_err(|error| TableError::of_csv(&path, error))?.clone();
        let columns: Vec<String> = names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let missing = |column: &str| TableError::MissingColumn { path: path.clone(), column: column.to_owned() };
        let common = R::COMMON.columns();
        for (position, column) in common.iter().enumerate() {
            if columns.get(position).is_none_or(|name| name != column) {
                return Err(missing(column));
            }
        }
        // Own columns are looked up from the right place on: a swept parameter comes before all of them.
        let first_own = R::COLUMNS[0];
        let own = columns.iter().skip(common.len()).position(|name| name == first_own);
        let own = own.ok_or_else(|| missing(first_own))? + common.len();
        for column in R::COLUMNS {
            if !columns[own..].iter().any(|name| name == column) {
                return Err(missing(column));
            }
        }
        let swept = columns[common.len()..own].to_vec();
        let header = Header { columns, common: common.len(), swept };
        let (record, labelled, label) = (ByteRecord::new(), ByteRecord::new(), Label::default());
        Ok(Self { csv, path, header, names, record, label, labelled, row: PhantomData })
    }

    /// The file's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Position of a column that must be there.
    pub fn position(&self, column: &str) -> Result<usize, TableError> {
        let missing = || TableError::MissingColumn { path: self.path.clone(), column: column.to_owned() };
        self.header.position(column).ok_or_else(missing)
    }

    /// The next row and whose it is; `None` at the end.
    pub fn next_row(&mut self) -> Result<Option<(&Label, R)>, TableError> {
        if !self.advance()? {
            return Ok(None);
        }
        let row = self.record.deserialize(Some(&self.names));
        let row = row.map_err(|error| TableError::of_csv(&self.path, error))?;
        Ok(Some((&self.label, row)))
    }

    /// The next row's bare cells and whose it is; `None` at the end.
    pub fn next_record(&mut self) -> Result<Option<(&Label, &ByteRecord)>, TableError> {
        Ok(self.advance()?.then_some((&self.label, &self.record)))
    }

    /// The error that says that a column of the row just read holds nonsense.
    pub fn bad_cell(&self, position: usize) -> TableError {
        TableError::BadCell {
            path: self.path.clone(),
            line: self.record.position().map_or(0, csv::Position::line),
            column: self.header.columns.get(position).cloned().unwrap_or_default(),
            value: String::from_utf8_lossy(self.record.get(position).unwrap_or_default()).into_owned(),
        }
    }

    /// An integer cell of the row just read; `None` if it is empty.
    pub fn count(&self, position: usize) -> Result<Option<u64>, TableError> {
        match self.record.get(position) {
            None | Some(b"") => Ok(None),
            Some(cell) => {
                std::str::from_utf8(cell).ok().and_then(|text| text.parse().ok()).map(Some).ok_or_else(|| self.bad_cell(position))
            }
        }
    }

    fn advance(&mut self) -> Result<bool, TableError> {
        let more = self.csv.read_byte_record(&mut self.record);
        if !more.map_err(|error| TableError::of_csv(&self.path, error))? {
            return Ok(false);
        }
        // Rows of one run follow each other: the label is parsed when it changes only.
        let len = self.header.label_len();
        let same = self.labelled.len() == len && self.labelled.iter().zip(&self.record).all(|(old, new)| old == new);
        if !same {
            self.labelled = self.record.iter().take(len).collect();
            self.label = self.parse_label()?;
        }
        Ok(true)
    }

    fn parse_label(&self) -> Result<Label, TableError> {
        let text = |at: usize| String::from_utf8_lossy(self.record.get(at).unwrap_or_default()).into_owned();
        let sweep = (self.header.common..self.header.label_len()).map(text).collect();
        match R::COMMON {
            super::Common::Run => {
                let repetition = text(2).parse().map_err(|_| self.bad_cell(2))?;
                Ok(Label { run: text(0), topology: text(1), repetition, sweep })
            }
            super::Common::Topology => Ok(Label { run: String::new(), topology: text(0), repetition: 0, sweep }),
        }
    }
}
