//! A TOML text as a tree in which every key and every value knows its place.
//!
//! # Not here
//! What a key means: that is the schema's business.

mod overrides;
mod path;

pub(crate) use overrides::element_name;
pub use overrides::{Override, assign};
pub use path::{DottedPath, PathError};

use std::fmt::Write as _;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Place, Problem, Sources};

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands; of a table with a header of its own, the header.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// A TOML value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, perhaps infinite or not a number.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date or a time of day, which no scenario has a use for.
    Datetime(String),
    /// Values in brackets, or tables under `[[…]]`.
    Array(Vec<Node>),
    /// Keys with values.
    Table(Table),
}

/// A table's entries, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table(Vec<Entry>);

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key's name.
    pub name: String,
    /// Where the key stands.
    pub key: Place,
    /// Its value.
    pub node: Node,
}

impl Table {
    /// The entries, in the order of the text.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The entry of this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.name == name)
    }

    /// The entry of this name.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| entry.name == name)
    }

    /// Sets an entry, replacing one of the same name.
    pub fn set(&mut self, entry: Entry) {
        match self.get_mut(&entry.name) {
            Some(old) => *old = entry,
            None => self.0.push(entry),
        }
    }

    /// Takes an entry out.
    pub fn remove(&mut self, name: &str) -> Option<Entry> {
        let at = self.0.iter().position(|entry| entry.name == name)?;
        Some(self.0.remove(at))
    }
}

impl Node {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// The table, if it is one.
    pub fn as_table(&self) -> Option<&Table> {
        if let Value::Table(table) = &self.value { Some(table) } else { None }
    }

    /// The array, if it is one.
    pub fn as_array(&self) -> Option<&[Node]> {
        if let Value::Array(nodes) = &self.value { Some(nodes) } else { None }
    }

    /// What it is, in words: `an integer`.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number with a fraction",
            Value::Boolean(_) => "true or false",
            Value::Datetime(_) => "a date or time",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        }
    }

    /// The same as JSON, for serde. What JSON has no word for (infinity) becomes `null`.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::String(text) | Value::Datetime(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Boolean(truth) => (*truth).into(),
            Value::Array(nodes) => nodes.iter().map(Self::to_json).collect(),
            Value::Table(table) => table.entries().iter().map(|entry| (entry.name.clone(), entry.node.to_json())).collect(),
        }
    }

    /// The value as a column of a table or a part of a run's name: strings bare, everything else as in TOML, on one line.
    pub fn label(&self) -> String {
        match &self.value {
            Value::String(text) => text.clone(),
            _ => self.inline(),
        }
    }

    /// The value as TOML on one line.
    pub fn inline(&self) -> String {
        match &self.value {
            Value::String(text) => toml::Value::from(text.as_str()).to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => toml::Value::from(*number).to_string(),
            Value::Boolean(truth) => truth.to_string(),
            Value::Datetime(text) => text.clone(),
            Value::Array(nodes) => format!("[{}]", nodes.iter().map(Self::inline).collect::<Vec<_>>().join(", ")),
            Value::Table(table) => {
                let mut text = String::from("{");
                for (index, entry) in table.entries().iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    // Writing into a String cannot fail.
                    let _ = write!(text, "{comma} {} = {}", path::quoted(&entry.name), entry.node.inline());
                }
                text + " }"
            }
        }
    }
}

/// Reads a TOML text; `source` is its number in `sources`.
///
/// # Errors
/// Every syntax error that stands on its own, at most one a line.
pub fn parse(sources: &Sources, source: u32) -> Result<Node, Vec<Problem>> {
    let text = &sources.get(source).text;
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut problems = syntax_problems(text, source, &errors);
    let whole = Place { source, start: 0, end: 0 };
    let node = Node { place: whole, value: table(source, root.get_ref(), &mut problems) };
    if problems.is_empty() { Ok(node) } else { Err(problems) }
}

fn syntax_problems(text: &str, source: u32, errors: &[toml::de::Error]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut last_line = None;
    for error in errors {
        let place = place(source, error.span().unwrap_or(0..0));
        let line = text[..place.start as usize].matches('\n').count();
        // What follows on the same line is usually an echo of the first.
        if last_line != Some(line) {
            problems.push(Problem::new(place, "this is not TOML").label(error.message()));
        }
        last_line = Some(line);
        // An array or inline table that is not closed swallows the rest of the file: everything after it is an echo, too.
        if error.message().contains("in array") || error.message().contains("inline table") {
            break;
        }
    }
    problems
}

fn place(source: u32, span: Range<usize>) -> Place {
    Place { source, start: span.start as u32, end: span.end as u32 }
}

fn table(source: u32, table: &DeTable<'_>, problems: &mut Vec<Problem>) -> Value {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            name: key.get_ref().to_string(),
            key: place(source, key.span()),
            node: node(source, place(source, value.span()), value.get_ref(), problems),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key);
    Value::Table(Table(entries))
}

fn node(source: u32, place: Place, value: &DeValue<'_>, problems: &mut Vec<Problem>) -> Node {
    let value = match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Value::Integer(parsed.unwrap_or_else(|_| {
                problems.push(Problem::new(place, "this integer does not fit into 64 bits"));
                0
            }))
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or_else(|_| {
            problems.push(Problem::new(place, "this number cannot be read"));
            0.0
        })),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Datetime(moment) => Value::Datetime(moment.to_string()),
        DeValue::Array(values) => {
            Value::Array(values.iter().map(|value| node(source, self::place(source, value.span()), value.get_ref(), problems)).collect())
        }
        DeValue::Table(entries) => table(source, entries, problems),
    };
    Node { place, value }
}
