//! `--set key.path=value`, merged into the tree.
//!
//! The path is a dotted key of TOML. Within an array of tables a part is an index (`event.0.share`) or a name
//! (`topology.chord-8.successors`, `peers.class.cable.upload`); a topology without a name goes by its model's.
//! The value is TOML; a text that is no TOML value (`join`, `30 min`) is taken as a string.

use super::path::{DottedPath, PathError};
use super::{Entry, Node, Table, Value, parse};
use crate::diagnostic::{Place, Problem, Sources};

/// A value that replaces or adds one of the scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// What it sets.
    pub path: DottedPath,
    /// Where the path stands.
    pub key: Place,
    /// The value, with its place.
    pub node: Node,
}

impl Override {
    /// Reads the argument of an option such as `--set`; the text becomes a source of its own.
    ///
    /// # Errors
    /// If there is no `=`, or the part before it is no key path, or a value that begins like one of TOML is none.
    pub fn parse(sources: &mut Sources, option: &str, argument: &str) -> Result<Self, Problem> {
        let prefix = format!("{option} ");
        let source = sources.add("command line", format!("{prefix}{argument}"));
        let place = |from: usize, to: usize| Place { source, start: (prefix.len() + from) as u32, end: (prefix.len() + to) as u32 };
        let Some(equals) = equals_sign(argument) else {
            return Err(Problem::new(place(0, argument.len()), "there is no `=` in this").help("write `--set key.path=value`"));
        };
        let key = place(0, argument[..equals].trim_end().len());
        let path = DottedPath::parse(argument[..equals].trim()).map_err(|error: PathError| {
            Problem::new(key, error.to_string())
                .help("parts are separated by dots; a part with other characters than A-Z a-z 0-9 - _ is quoted")
        })?;
        let text = argument[equals + 1..].trim();
        let start = equals + 1 + (argument[equals + 1..].len() - argument[equals + 1..].trim_start().len());
        let at = place(start, start + text.len());
        let node = value(text, at).map_err(|why| Problem::new(at, "this value is not TOML").label(why))?;
        Ok(Self { path, key, node })
    }

    /// Merges it into a document.
    ///
    /// # Errors
    /// If the path leads through something that has no such part.
    pub fn apply(&self, root: &mut Node) -> Result<(), Problem> {
        assign(root, self.path.parts(), self.key, self.node.clone())
    }
}

/// The `=` between path and value: the first one that is not quoted.
fn equals_sign(text: &str) -> Option<usize> {
    let mut quote = None;
    for (index, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'=') => return Some(index),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// A value as TOML has it, or a bare text.
fn value(text: &str, place: Place) -> Result<Node, String> {
    // The value is read as TOML reads it in a file, in a text of its own, and moved to its place.
    const KEY: &str = "value = ";
    let mut scratch = Sources::default();
    scratch.add("value", format!("{KEY}{text}"));
    match parse(&scratch, 0) {
        Ok(node) => {
            let Value::Table(mut table) = node.value else { unreachable!("a document is a table") };
            match table.remove("value") {
                Some(entry) if table.entries().is_empty() => {
                    let mut node = entry.node;
                    shift(&mut node, place, KEY.len() as u32);
                    Ok(node)
                }
                _ => Err("expected one value".to_owned()),
            }
        }
        Err(problems) if text.is_empty() || text.starts_with(['"', '\'', '[', '{']) => {
            Err(problems.into_iter().next().and_then(|problem| problem.label).unwrap_or_default())
        }
        Err(_) => Ok(Node { place, value: Value::String(text.to_owned()) }),
    }
}

fn shift(node: &mut Node, base: Place, by: u32) {
    let moved = |place: Place| Place {
        source: base.source,
        start: (base.start + place.start.saturating_sub(by)).min(base.end),
        end: (base.start + place.end.saturating_sub(by)).min(base.end),
    };
    node.place = moved(node.place);
    match &mut node.value {
        Value::Array(nodes) => nodes.iter_mut().for_each(|node| shift(node, base, by)),
        Value::Table(table) => {
            for entry in &mut table.0 {
                entry.key = moved(entry.key);
                shift(&mut entry.node, base, by);
            }
        }
        _ => {}
    }
}

/// Sets the value at a path, making tables on the way.
///
/// # Errors
/// If the path leads through a value that is no table, or names an element of an array that does not exist.
pub fn assign(node: &mut Node, parts: &[String], key: Place, value: Node) -> Result<(), Problem> {
    assign_below(node, parts, 0, key, value)
}

fn assign_below(node: &mut Node, parts: &[String], depth: usize, key: Place, value: Node) -> Result<(), Problem> {
    let Some(part) = parts.get(depth) else {
        *node = value;
        return Ok(());
    };
    let here = DottedPath::new(parts[..depth].to_vec());
    match &mut node.value {
        Value::Table(table) => {
            if table.get(part).is_none() {
                let fresh = Node { place: key, value: Value::Table(Table::default()) };
                table.set(Entry { name: part.clone(), key, node: fresh });
            }
            let entry = table.get_mut(part).expect("it was just made");
            if depth + 1 == parts.len() {
                entry.key = key;
            }
            assign_below(&mut entry.node, parts, depth + 1, key, value)
        }
        Value::Array(nodes) => {
            let names: Vec<String> = nodes.iter().map(element_name).collect();
            let index = part.parse::<usize>().ok().filter(|&index| index < nodes.len());
            let Some(index) = names.iter().position(|name| !name.is_empty() && name == part).or(index) else {
                return Err(no_element(&here, part, key, &names));
            };
            assign_below(&mut nodes[index], parts, depth + 1, key, value)
        }
        _ => Err(Problem::new(key, format!("`{here}` is {} and has no `{part}`", node.kind()))),
    }
}

fn no_element(here: &DottedPath, part: &str, key: Place, names: &[String]) -> Problem {
    let named: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let problem = Problem::new(key, format!("`{here}` has no element `{part}`"));
    let problem = match crate::nearest::nearest(part, named.iter().copied()) {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem,
    };
    match (named.is_empty(), names.len()) {
        (_, 0) => problem.help("it is empty"),
        (true, count) => problem.help(format!("its elements are numbered from 0 to {}", count - 1)),
        (false, _) => problem.help(format!("it has {}", crate::nearest::list(named))),
    }
}

/// What an element of an array of tables goes by: its `name`, or its `model`.
pub(crate) fn element_name(node: &Node) -> String {
    let text = |key| node.as_table().and_then(|table| table.get(key)).and_then(|entry| entry.node.as_str());
    text("name").or_else(|| text("model")).unwrap_or_default().to_owned()
}
