//! The row under construction: a line that is reused, so that writing a row of numbers and names allocates nothing.
//!
//! A text is quoted here where it has to be (csv-core does it), numbers never have to, and the cells of a label are made once for
//! all of its rows. So the csv crate gets a line as it shall stand: looking through every cell of a hundred million rows for a
//! comma cost a tenth of a run.
//!
//! # Not here
//! Line ends and buffers: the csv crate writes the line.

use super::{Label, Line};
use std::fmt::Write as _;

/// One row's cells. The label's cells stay; [`Cells::begin`] cuts the line back to them.
#[derive(Debug)]
pub struct Cells {
    /// Each cell with a comma after it.
    line: Line,
    prefix: usize,
}

impl Cells {
    /// An empty row without a label.
    pub fn new() -> Self {
        Self { line: Line::default(), prefix: 0 }
    }

    /// Sets the label of the rows that follow: of a run, with the common columns of `common`.
    pub fn label(&mut self, common: super::Common, label: &Label) {
        self.line.truncate(0);
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
        let line = self.line.as_bytes();
        line.strip_suffix(b",").unwrap_or(line)
    }

    /// Appends a text, quoted if it holds what would end a cell.
    pub fn text(&mut self, text: &str) {
        if has_to_be_quoted(text) {
            // At the most, each of its bytes is a quote, which is doubled.
            let mut inner = vec![0; 2 * text.len()];
            let (_, _, written) = csv_core::quote(text.as_bytes(), &mut inner, b'"', b'"', true);
            self.line.push_byte(b'"');
            self.line.push(&inner[..written]);
            self.line.push(b"\",");
        } else {
            self.name(text);
        }
    }

    /// Appends a text that holds nothing which would end a cell, as the names in this program do not.
    #[inline]
    pub fn name(&mut self, name: &str) {
        debug_assert!(!has_to_be_quoted(name), "{name:?} has to be quoted");
        self.line.push(name.as_bytes());
        self.empty();
    }

    /// Appends a column that does not apply.
    #[inline]
    pub fn empty(&mut self) {
        self.line.push_byte(b',');
    }

    /// Appends an integer.
    #[inline]
    pub fn count(&mut self, value: u64) {
        self.line.push_integer(value);
        self.empty();
    }

    /// Appends an integer with what it counts before it: `item:12`.
    #[inline]
    pub fn named(&mut self, name: &str, value: u64) {
        self.line.push(name.as_bytes());
        self.line.push_integer(value);
        self.empty();
    }

    /// Appends a key with its name before it, in 16 hexadecimal digits: `key:00c0ffee00c0ffee`.
    #[inline]
    pub fn named_key(&mut self, name: &str, key: u64) {
        self.line.push(name.as_bytes());
        self.line.push_hexadecimal(key);
        self.empty();
    }

    /// Appends an integer, or an empty cell.
    #[inline]
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
            // Writing into a line cannot fail.
            let _ = write!(self.line, "{value}");
        }
        self.empty();
    }

    /// Appends a float, or an empty cell.
    #[inline]
    pub fn number_or_empty(&mut self, value: Option<f64>) {
        match value {
            Some(value) => self.number(value),
            None => self.empty(),
        }
    }

    /// Appends an instant or a duration of `nanos` in seconds.
    #[inline]
    pub fn seconds(&mut self, nanos: i64) {
        self.line.push_seconds(nanos);
        self.empty();
    }

    /// The same, or an empty cell.
    pub fn seconds_or_empty(&mut self, nanos: Option<i64>) {
        match nanos {
            Some(nanos) => self.seconds(nanos),
            None => self.empty(),
        }
    }

    /// Appends a duration of `nanos` in milliseconds, or an empty cell.
    #[inline]
    pub fn milliseconds_or_empty(&mut self, nanos: Option<u64>) {
        if let Some(nanos) = nanos {
            self.line.push_milliseconds(nanos);
        }
        self.empty();
    }
}

/// True if a text holds what would end a cell.
fn has_to_be_quoted(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'))
}

impl Default for Cells {
    fn default() -> Self {
        Self::new()
    }
}
