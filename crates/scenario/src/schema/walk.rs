//! A document beside its schema: every departure is a problem with a place, and the walk goes on behind it.

use peerlab_model::units::{Duration, Rate, Size};
use serde_json::Value as Json;

use super::branch::{alternatives, description, tag_of, tag_word, takes_kind, words};
use crate::diagnostic::{Place, Problem};
use crate::document::{DottedPath, Node, Table, Value};
use crate::nearest::{list, nearest};

/// A departure of a document from its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The keys that lead to the table or value that is to blame; elements of arrays go by their index.
    pub path: Vec<String>,
    /// What is wrong.
    pub problem: Problem,
}

/// All departures of a document from a schema; `root` is the whole schema.
pub fn walk(root: &Json, document: &Node) -> Vec<Departure> {
    let mut walk = Walk { root, found: Vec::new(), path: Vec::new(), whole: document.place };
    walk.node(root, document);
    walk.found
}

struct Walk<'s> {
    root: &'s Json,
    found: Vec<Departure>,
    /// Where the walk is; indices of arrays are numbers.
    path: Vec<String>,
    whole: Place,
}

impl<'s> Walk<'s> {
    fn node(&mut self, schema: &'s Json, node: &Node) {
        let all = alternatives(self.root, schema);
        let fitting: Vec<&Json> = all.iter().copied().filter(|schema| takes_kind(schema, node)).collect();
        if fitting.is_empty() {
            return self.wrong_type(&all, node);
        }
        match &node.value {
            Value::Table(table) => self.union(&fitting, node, table),
            Value::Array(nodes) => {
                self.length(fitting[0], node, nodes.len());
                if let Some(items) = fitting[0].get("items") {
                    for (index, element) in nodes.iter().enumerate() {
                        self.below(index.to_string(), |walk| walk.node(items, element));
                    }
                }
            }
            Value::String(text) => self.string(&fitting, node, text),
            Value::Integer(number) => self.number(fitting[0], node, *number as f64, &number.to_string()),
            Value::Float(number) => self.number(fitting[0], node, *number, &number.to_string()),
            Value::Boolean(_) | Value::Datetime(_) => {}
        }
    }

    fn push(&mut self, problem: Problem) {
        self.found.push(Departure { path: self.path.clone(), problem });
    }

    fn below(&mut self, part: String, walk: impl FnOnce(&mut Self)) {
        self.path.push(part);
        walk(self);
        self.path.pop();
    }

    /// What the walk is at, in words: `timeout`, or `[[topology]]`.
    fn name(&self) -> String {
        match self.path.last() {
            None => "the scenario".to_owned(),
            Some(part) if part.parse::<usize>().is_ok() => format!("`{}`", self.table_name()),
            Some(part) => format!("`{part}`"),
        }
    }

    /// The header of the table that the walk is at.
    fn table_name(&self) -> String {
        let named: Vec<String> = self.path.iter().filter(|part| part.parse::<usize>().is_err()).cloned().collect();
        let is_element = self.path.last().is_some_and(|part| part.parse::<usize>().is_ok());
        match (named.is_empty(), is_element) {
            (true, _) => "the scenario".to_owned(),
            (false, true) => format!("[[{}]]", DottedPath::new(named)),
            (false, false) => format!("[{}]", DottedPath::new(named)),
        }
    }

    fn wrong_type(&mut self, all: &[&Json], node: &Node) {
        let mut expected: Vec<String> = Vec::new();
        for words in all.iter().map(|schema| description(schema)) {
            if !expected.contains(&words) {
                expected.push(words);
            }
        }
        let problem = Problem::new(node.place, format!("{} cannot be {}", self.name(), node.kind()))
            .label(format!("expected {}", expected.join(" or ")));
        let unit = all.iter().find_map(|schema| schema.get("format")?.as_str()?.strip_suffix("-with-unit"));
        let help = match (&node.value, unit) {
            (Value::Integer(_) | Value::Float(_), Some("duration")) => Some(format!("say of what unit: \"{} s\"", node.label())),
            (Value::Integer(_), Some("size")) => Some(format!("say of what unit: \"{} B\"", node.label())),
            (Value::Integer(_), Some("rate")) => Some(format!("say of what unit: \"{} bit/s\"", node.label())),
            (Value::Table(_), None) if expected == ["an array"] => {
                Some(format!("a list of tables has headers in double brackets: `[[{}]]`", self.path.join(".")))
            }
            _ => None,
        };
        self.push(Problem { help, ..problem });
    }

    /// A table that may follow one of several schemas: its tag says which.
    fn union(&mut self, fitting: &[&'s Json], node: &Node, table: &Table) {
        if let [only] = fitting {
            return self.table(only, node, table);
        }
        let Some(tag) = tag_of(fitting) else {
            return self.best(fitting, |walk, schema| walk.table(schema, node, table));
        };
        let known: Vec<&str> = fitting.iter().map(|schema| tag_word(schema, tag)).collect();
        let Some(entry) = table.get(tag) else {
            let problem = Problem::new(self.table_place(node), format!("`{}` lacks the key `{tag}`", self.table_name()));
            self.push(problem.help(format!("`{tag}` is one of {}", list(known))));
            return;
        };
        let chosen = entry.node.as_str().and_then(|word| known.iter().position(|name| *name == word));
        match (chosen, entry.node.as_str()) {
            (Some(index), _) => self.table(fitting[index], node, table),
            (None, Some(word)) => self.below(tag.to_owned(), |walk| walk.unknown_word(word, &known, entry.node.place)),
            (None, None) => self.below(tag.to_owned(), |walk| {
                let problem = Problem::new(entry.node.place, format!("`{tag}` cannot be {}", entry.node.kind()));
                walk.push(problem.label("expected a name in quotes").help(format!("it is one of {}", list(known))));
            }),
        }
    }

    /// Where to point when a table as a whole lacks something.
    fn table_place(&self, node: &Node) -> Place {
        if node.place == self.whole { self.whole } else { node.place }
    }

    fn table(&mut self, schema: &'s Json, node: &Node, table: &Table) {
        let properties = schema.get("properties").and_then(Json::as_object);
        let others = schema.get("additionalProperties");
        for entry in table.entries() {
            if let Some(property) = properties.and_then(|properties| properties.get(&entry.name)) {
                self.below(entry.name.clone(), |walk| walk.node(property, &entry.node));
            } else if others == Some(&Json::Bool(false)) {
                self.unknown_key(entry.key, &entry.name, properties.into_iter().flat_map(|map| map.keys()).map(String::as_str).collect());
            } else if let Some(other) = others.filter(|other| other.is_object()) {
                self.below(entry.name.clone(), |walk| walk.node(other, &entry.node));
            }
        }
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        for key in required.filter(|key| table.get(key).is_none()) {
            self.missing(schema, node, key);
        }
    }

    fn missing(&mut self, schema: &'s Json, node: &Node, key: &str) {
        let what = schema.pointer(&format!("/properties/{key}"));
        let expected = what.map(|what| alternatives(self.root, what)).unwrap_or_default();
        let words: Vec<String> = expected.iter().map(|schema| description(schema)).collect();
        let is_table = words.iter().any(|word| word == "a table" || word == "an array");
        let mut path: Vec<String> = self.path.clone();
        path.push(key.to_owned());
        let problem = Problem::new(
            self.table_place(node),
            format!(
                "{} lacks the key `{key}`",
                if self.path.is_empty() { "the scenario".to_owned() } else { format!("`{}`", self.table_name()) }
            ),
        );
        let help = match (is_table && self.path.is_empty(), key) {
            (true, "topology") => {
                "a scenario has one or more `[[topology]]` tables, each with a `model`; `sim list topologies` shows the models".to_owned()
            }
            (true, "peers") => "write `[peers]` with `count = 1000`, say".to_owned(),
            _ => format!("it is {}", words.join(" or ")),
        };
        self.push(problem.help(help));
    }

    fn unknown_key(&mut self, key: Place, name: &str, known: Vec<&str>) {
        let at = if self.path.is_empty() { "the scenario".to_owned() } else { format!("`{}`", self.table_name()) };
        let problem = Problem::new(key, format!("unknown key `{name}` in {at}"));
        let problem = match nearest(name, known.iter().copied()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem.label("not known here"),
        };
        let help = if known.is_empty() { "no keys are known here".to_owned() } else { format!("known here: {}", list(known)) };
        self.push(problem.help(help));
    }

    /// A string: one of some words, or a quantity, or any text.
    fn string(&mut self, fitting: &[&'s Json], node: &Node, text: &str) {
        let named: Vec<&str> = fitting.iter().flat_map(|schema| words(schema)).filter_map(Json::as_str).collect();
        let free: Vec<&Json> = fitting.iter().copied().filter(|schema| words(schema).is_empty()).collect();
        if named.contains(&text) {
            return;
        }
        if free.is_empty() {
            return self.unknown_word(text, &named, node.place);
        }
        self.best(&free, |walk, schema| {
            let read = match schema.get("format").and_then(Json::as_str) {
                Some("duration-with-unit") => text.parse::<Duration>().map(drop),
                Some("size-with-unit") => text.parse::<Size>().map(drop),
                Some("rate-with-unit") => text.parse::<Rate>().map(drop),
                _ => Ok(()),
            };
            if let Err(error) = read {
                let (message, help) = split_help(&error.to_string());
                walk.push(Problem { help, ..Problem::new(node.place, message).label(format!("expected {}", description(schema))) });
            }
        });
    }

    fn unknown_word(&mut self, word: &str, known: &[&str], place: Place) {
        let key = self.path.last().map_or("", String::as_str);
        let parent = self.path.iter().rev().skip(1).find(|part| part.parse::<usize>().is_err()).map_or("", String::as_str);
        let what = match key {
            "model" => format!("{parent} model"),
            "distribution" | "action" => key.to_owned(),
            _ => format!("value for `{key}`:"),
        };
        let problem = Problem::new(place, format!("unknown {what} `{word}`"));
        let problem = match nearest(word, known.iter().copied()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem.label("not known here"),
        };
        let help = match (key, parent) {
            ("model", "topology") => "`sim list topologies` shows all of them".to_owned(),
            ("model", "latency") => format!("it is one of {}; `sim list latency` tells more", list(known.iter().copied())),
            ("distribution", _) => format!("it is one of {}; `sim list churn` tells more", list(known.iter().copied())),
            ("behaviour", _) => format!(
                "it is one of {}; many peers on one machine are `identities = 20` beside it, an eclipse is `placed = \"around-item\"`",
                list(known.iter().copied())
            ),
            ("action", _) => format!("it is one of {}; `sim list actions` tells more", list(known.iter().copied())),
            _ => format!("it is one of {}", list(known.iter().copied())),
        };
        self.push(problem.help(help));
    }

    fn number(&mut self, schema: &Json, node: &Node, number: f64, text: &str) {
        if !number.is_finite() {
            self.push(
                Problem::new(node.place, format!("{} is not a number to simulate with", self.name())).label("expected a finite number"),
            );
            return;
        }
        let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
        let (low, high) = format_range(schema.get("format").and_then(Json::as_str).unwrap_or_default());
        let low = bound("minimum").or(low);
        let high = bound("maximum").or(high);
        let expected = if low.is_some_and(|low| number < low) {
            format!("expected {} or more", low.unwrap_or_default())
        } else if high.is_some_and(|high| number > high) {
            format!("expected {} or less", high.unwrap_or_default())
        } else if bound("exclusiveMinimum").is_some_and(|low| number <= low) {
            format!("expected more than {}", bound("exclusiveMinimum").unwrap_or_default())
        } else if bound("exclusiveMaximum").is_some_and(|high| number >= high) {
            format!("expected less than {}", bound("exclusiveMaximum").unwrap_or_default())
        } else {
            return;
        };
        self.push(Problem::new(node.place, format!("{} cannot be {text}", self.name())).label(expected));
    }

    fn length(&mut self, schema: &Json, node: &Node, length: usize) {
        if let Some(least) = schema.get("minItems").and_then(Json::as_u64).filter(|&least| (length as u64) < least) {
            let few = if length == 0 { "is empty".to_owned() } else { format!("has only {length} elements") };
            self.push(Problem::new(node.place, format!("{} {few}", self.name())).label(format!("expected {least} or more")));
        }
    }

    /// The schema that finds the least to say, of several that might be meant.
    fn best(&mut self, schemas: &[&'s Json], attempt: impl Fn(&mut Self, &'s Json)) {
        let before = self.found.len();
        let mut best: Option<Vec<Departure>> = None;
        for schema in schemas {
            attempt(self, schema);
            let found = self.found.split_off(before);
            if best.as_ref().is_none_or(|best| found.len() < best.len()) {
                best = Some(found);
            }
        }
        self.found.extend(best.unwrap_or_default());
    }
}

/// The range that the name of a Rust integer implies, where the schema does not state it.
fn format_range(format: &str) -> (Option<f64>, Option<f64>) {
    match format {
        "uint8" => (Some(0.0), Some(f64::from(u8::MAX))),
        "uint16" => (Some(0.0), Some(f64::from(u16::MAX))),
        "uint32" => (Some(0.0), Some(f64::from(u32::MAX))),
        "uint64" | "uint" => (Some(0.0), None),
        "int32" => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        _ => (None, None),
    }
}

/// An error of a unit ends in what to write instead: that is help.
fn split_help(error: &str) -> (String, Option<String>) {
    match error.split_once("; write ") {
        Some((message, help)) => (message.to_owned(), Some(format!("write {help}"))),
        None => (error.to_owned(), None),
    }
}
