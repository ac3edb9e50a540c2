//! The row under construction: a line that is reused, so that writing a row allocates nothing.
//!
//! A text is quoted here where it has to be (csv-core does it), numbers never have to, and the cells of a label are made once for
//! all of its rows. So the csv crate gets a line as it shall stand: looking through every cell of a hundred million rows for a
//! comma cost a tenth of a run.
//!
//! # Not here
//! Line ends and buffers: the csv crate writes the line.

use super::{Label, fixed};
use std::io::Write as _;

/// One row's cells. The label's cells stay; [`Cells::begin`] cuts the line back to them.
#[derive(Debug)]
pub struct Cells {
    /// Each cell with a comma after it.
    line: Vec<u8>,
    prefix: usize,
}

impl Cells {
    /// An empty row without a label.
    pub fn new() -> Self {
        Self { line: Vec::with_capacity(256), prefix: 0 }
    }

    /// Sets the label of the rows that follow: of a run, with the common columns of `common`.
    pub fn label(&mut self, common: super::Common, label: &Label) {
        self.line.clear();
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
        self.prefix = self.line.len();
    }

    /// Begins the next row of the same label.
    pub fn begin(&mut self) {
        self.line.truncate(self.prefix);
    }

    /// The row so far.
    pub fn line(&self) -> &[u8] {
        self.line.strip_suffix(b",").unwrap_or(&self.line)
    }

    /// Appends a text, quoted if it holds what would end a cell.
    pub fn text(&mut self, text: &str) {
        let text = text.as_bytes();
        if text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
            let inner = self.line.len() + 1;
            // At the most, each of its bytes is a quote, which is doubled.
            self.line.resize(inner + 2 * text.len(), b'"');
            let (_, _, written) = csv_core::quote(text, &mut self.line[inner..], b'"', b'"', true);
            self.line.truncate(inner + written);
            self.line.push(b'"');
        } else {
            self.line.extend_from_slice(text);
        }
        self.line.push(b',');
    }

    /// Appends a column that does not apply.
    pub fn empty(&mut self) {
        self.line.push(b',');
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

    /// The same, or an empty cell.
    pub fn seconds_or_empty(&mut self, nanos: Option<i64>) {
        match nanos {
            Some(nanos) => self.seconds(nanos),
            None => self.empty(),
        }
    }

    /// Appends a duration of `nanos` in milliseconds, or an empty cell.
    pub fn milliseconds_or_empty(&mut self, nanos: Option<u64>) {
        match nanos {
            Some(nanos) => self.push(|text| fixed::push_milliseconds(text, nanos)),
            None => self.empty(),
        }
    }

    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.line);
        self.line.push(b',');
    }
}

impl Default for Cells {
    fn default() -> Self {
        Self::new()
    }
}
