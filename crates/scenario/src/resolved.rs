//! The resolved copy: the scenario as TOML with every default filled in.

use serde_json::{Map, Value as Json};
use toml::Value as Toml;

use crate::file::ScenarioFile;
use crate::scenario::TopologyEntry;
use crate::sweep::SweptKey;

const HEADER: &str = "# The resolved scenario: every default filled in. Running it again gives these results.\n\n";

/// The text. With a sweep, swept keys show their first value, and `[sweep]` the rest.
///
/// # Panics
/// Never for a checked scenario: what cannot be written as TOML (numbers that are not finite, integers beyond 2^63) cannot be
/// read from it either.
pub(crate) fn text(file: &ScenarioFile, topologies: &[TopologyEntry], swept: &[SweptKey]) -> String {
    let mut root = serde_json::to_value(file).expect("a scenario has string keys");
    root["topology"] = topologies.iter().map(topology).collect();
    if let Some(map) = root.as_object_mut() {
        let output = map.shift_remove("output");
        if !swept.is_empty() {
            let axes: Map<String, Json> =
                swept.iter().map(|key| (key.path.to_string(), key.values.iter().map(crate::document::Node::to_json).collect())).collect();
            map.insert("sweep".to_owned(), Json::Object(axes));
        }
        map.extend(output.map(|output| ("output".to_owned(), output)));
    }
    let root = to_toml(&root).expect("a scenario is not null");
    let text = toml::to_string(&root).expect("a scenario can be written as TOML");
    format!("{HEADER}{text}{}", classes(file))
}

/// What the classes of the literature stand for, as comments: the scenario itself keeps their name.
fn classes(file: &ScenarioFile) -> String {
    if file.peers.classes.is_none() {
        return String::new();
    }
    let expanded = serde_json::json!({ "peers": { "class": file.peers.expanded().class } });
    let expanded = to_toml(&expanded).expect("classes are not null");
    let text = toml::to_string(&expanded).expect("classes can be written as TOML");
    let lines = text.lines().map(|line| if line.is_empty() { "#\n".to_owned() } else { format!("# {line}\n") });
    format!("\n# `peers.classes` stands for:\n#\n{}", lines.collect::<String>())
}

fn topology(entry: &TopologyEntry) -> Json {
    let mut table = Map::new();
    table.insert("model".to_owned(), entry.topology.model().into());
    table.insert("name".to_owned(), entry.label.as_str().into());
    if let Json::Object(parameters) = entry.topology.parameters() {
        table.extend(parameters);
    }
    Json::Object(table)
}

/// JSON as TOML; `null`, for which TOML has no word, is what is left out.
fn to_toml(value: &Json) -> Option<Toml> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(truth) => Toml::Boolean(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Toml::Integer(integer),
            None => Toml::Float(number.as_f64()?),
        },
        Json::String(text) => Toml::String(text.clone()),
        Json::Array(values) => Toml::Array(values.iter().filter_map(to_toml).collect()),
        Json::Object(map) => Toml::Table(map.iter().filter_map(|(key, value)| Some((key.clone(), to_toml(value)?))).collect()),
    })
}
