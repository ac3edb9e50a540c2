//! What a value may be: a schema taken apart into its plain alternatives.

use serde_json::Value as Json;

use crate::document::{Node, Value};

/// The plain schemas that a value may follow: references followed, unions flattened, `null` left out (TOML has none).
pub(super) fn alternatives<'s>(root: &'s Json, schema: &'s Json) -> Vec<&'s Json> {
    if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map(|target| alternatives(root, target)).unwrap_or_default();
    }
    if let Some([only]) = schema.get("allOf").and_then(Json::as_array).map(Vec::as_slice) {
        return alternatives(root, only);
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(branches) = schema.get(union).and_then(Json::as_array) {
            return branches.iter().flat_map(|branch| alternatives(root, branch)).collect();
        }
    }
    if schema.get("type").and_then(Json::as_str) == Some("null") { Vec::new() } else { vec![schema] }
}

/// True if the schema is of the node's type at all.
pub(super) fn takes_kind(schema: &Json, node: &Node) -> bool {
    let fits = |name: &str| match node.value {
        Value::String(_) => name == "string",
        Value::Integer(_) => name == "integer" || name == "number",
        Value::Float(_) => name == "number",
        Value::Boolean(_) => name == "boolean",
        Value::Datetime(_) => false,
        Value::Array(_) => name == "array",
        Value::Table(_) => name == "object",
    };
    match schema.get("type") {
        Some(Json::String(name)) => fits(name),
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).any(fits),
        _ => match words(schema).first() {
            Some(word) => word.is_string() == node.as_str().is_some(),
            None => true,
        },
    }
}

/// The only values that the schema takes, if it names them.
pub(super) fn words(schema: &Json) -> Vec<&Json> {
    match (schema.get("const"), schema.get("enum").and_then(Json::as_array)) {
        (Some(only), _) => vec![only],
        (None, Some(words)) => words.iter().filter(|word| !word.is_null()).collect(),
        (None, None) => Vec::new(),
    }
}

/// What the schema takes, in words: `a duration such as "50 ms"`.
pub(super) fn description(schema: &Json) -> String {
    if let Some(words) = Some(words(schema)).filter(|words| !words.is_empty()) {
        return words
            .iter()
            .map(|word| format!("`{}`", word.as_str().map_or_else(|| word.to_string(), str::to_owned)))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    let name = match schema.get("type") {
        Some(Json::String(name)) => name.as_str(),
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).find(|name| *name != "null").unwrap_or_default(),
        _ => "",
    };
    let words = match (name, schema.get("format").and_then(Json::as_str)) {
        ("string", Some("duration-with-unit")) => "a duration such as \"50 ms\" or \"1 h 30 min\"",
        ("string", Some("size-with-unit")) => "a size such as \"16 KiB\"",
        ("string", Some("rate-with-unit")) => "a rate such as \"10 Mbit/s\"",
        ("string", _) => "a string",
        ("integer", _) => "an integer",
        ("number", _) => "a number",
        ("boolean", _) => "true or false",
        ("array", _) => "an array",
        ("object", _) => "a table",
        _ => "something else",
    };
    words.to_owned()
}

/// The key whose value tells the tables of a union apart: all of them have it, each with a word of its own.
pub(super) fn tag_of<'s>(tables: &[&'s Json]) -> Option<&'s str> {
    let (first, _) = tables.split_first()?;
    let properties = first.get("properties")?.as_object()?;
    let is_tag =
        |key: &str| tables.iter().all(|table| table.pointer(&format!("/properties/{key}")).is_some_and(|schema| words(schema).len() == 1));
    properties.keys().map(String::as_str).find(|key| is_tag(key))
}

/// The word that `table` wants for its tag.
pub(super) fn tag_word<'s>(table: &'s Json, tag: &str) -> &'s str {
    let schema = table.pointer(&format!("/properties/{tag}"));
    schema.and_then(|schema| words(schema).first().and_then(|word| word.as_str())).unwrap_or_default()
}
