//! The row under construction: a record that is reused, so that writing a row allocates nothing.
//!
//! A text is quoted here where it has to be, and the common cells of a label once for all of its rows: so the csv crate writes
//! the cells as they are and need not look through every number of a hundred million rows for a comma.
//!
//! # Not here
//! Separators and line ends: the csv crate writes the record.

use super::{Label, fixed};
use csv::ByteRecord;
use std::io::Write as _;

/// One row's cells. The label's cells stay; [`Cells::begin`] cuts the record back to them.
#[derive(Debug)]
pub struct Cells {
    record: ByteRecord,
    prefix: usize,
    text: Vec<u8>,
}

impl Cells {
    /// An empty row without a label.
    pub fn new() -> Self {
        Self { record: ByteRecord::with_capacity(256, 24), prefix: 0, text: Vec::with_capacity(32) }
    }

    /// Sets the label of the rows that follow: of a run, with the common columns of `common`.
    pub fn label(&mut self, common: super::Common, label: &Label) {
        self.record.clear();
        self.prefix = 0;
        match common {
            super::Common::Run => {
                self.text(&label.run);
                self.text(&label.topology);
                self.count(u64::from(label.repetition));
            }
            super::Common::Topology => self.text(&label.topology),
        }
        for value in &label.sweep {
            self.text(value);
        }
        self.prefix = self.record.len();
    }

    /// Begins the next row of the same label.
    pub fn begin(&mut self) {
        self.record.truncate(self.prefix);
    }

    /// The row so far.
    pub fn record(&self) -> &ByteRecord {
        &self.record
    }

    /// Appends a text, quoted if it holds what would end a cell.
    pub fn text(&mut self, text: &str) {
        if !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
            return self.record.push_field(text.as_bytes());
        }
        // At the most, each of its bytes is a quote, which is doubled.
        self.text.clear();
        self.text.resize(2 * text.len() + 2, b'"');
        let (_, _, written) = csv_core::quote(text.as_bytes(), &mut self.text[1..], b'"', b'"', true);
        self.text[written + 1] = b'"';
        self.record.push_field(&self.text[..written + 2]);
    }

    /// Appends a column that does not apply.
    pub fn empty(&mut self) {
        self.record.push_field(b"");
    }

    /// Appends an integer.
    pub fn count(&mut self, value: u64) {
        self.push(|text| fixed::push_integer(text, value));
    }

    /// Appends an integer with what it counts before it: `item:12`.
    pub fn named(&mut self, name: &str, value: u64) {
        self.push(|text| {
            text.extend_from_slice(name.as_bytes());
            fixed::push_integer(text, value);
        });
    }

    /// Appends a key with its name before it, in 16 hexadecimal digits: `key:00c0ffee00c0ffee`.
    pub fn named_key(&mut self, name: &str, key: u64) {
        self.push(|text| {
            text.extend_from_slice(name.as_bytes());
            text.extend((0..16).rev().map(|digit| b"0123456789abcdef"[(key >> (4 * digit)) as usize & 15]));
        });
    }

    /// Appends an integer, or an empty cell.
    pub fn count_or_empty(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.count(value),
            None => self.empty(),
        }
    }

    /// Appends a float in its shortest form that reads back as the same value; an empty cell if it is not finite.
    pub fn number(&mut self, value: f64) {
        if value.is_finite() {
            // Positive zero for both zeros: `-0` would only puzzle.
            let value = if value == 0.0 { 0.0 } else { value };
            self.push(|text| {
                // Writing into a Vec cannot fail.
                let _ = write!(text, "{value}");
            });
        } else {
            self.empty();
        }
    }

    /// Appends a float, or an empty cell.
    pub fn number_or_empty(&mut self, value: Option<f64>) {
        self.number(value.unwrap_or(f64::NAN));
    }

    /// Appends an instant or a duration of `nanos` in seconds.
    pub fn seconds(&mut self, nanos: i64) {
        self.push(|text| fixed::push_seconds(text, nanos));
    }

    /// Appends a duration of `nanos` in milliseconds, or an empty cell.
    pub fn milliseconds_or_empty(&mut self, nanos: Option<u64>) {
        match nanos {
            Some(nanos) => self.push(|text| fixed::push_milliseconds(text, nanos)),
            None => self.empty(),
        }
    }

    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.text.clear();
        write(&mut self.text);
        self.record.push_field(&self.text);
    }
}

impl Default for Cells {
    fn default() -> Self {
        Self::new()
    }
}
