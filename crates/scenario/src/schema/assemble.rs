//! The schema of a scenario file, put together from its parts.

use peerlab_world::{Model, Registry};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use super::branch::{alternatives, description, tag_of, tag_word, words};
use crate::file::ScenarioFile;

/// The JSON Schema (draft-07) of scenario files for the models of a registry.
pub fn schema(registry: &Registry) -> Json {
    let mut root = SchemaSettings::draft07().into_generator().into_root_schema_for::<ScenarioFile>().to_value();
    let mut definitions = Map::new();
    let branches: Vec<Json> = registry.models().map(|model| branch(model, &mut definitions)).collect();
    if let Some(items) = root.pointer_mut("/properties/topology/items") {
        *items = if branches.is_empty() { json!({ "type": "object" }) } else { json!({ "oneOf": branches }) };
    }
    if let Some(Json::Object(known)) = root.get_mut("definitions") {
        known.extend(definitions);
    } else {
        root["definitions"] = Json::Object(definitions);
    }
    root
}

/// What a `[[topology]]` table of this model may hold; its definitions move to the root.
fn branch(model: &Model, definitions: &mut Map<String, Json>) -> Json {
    let mut own = model.schema.clone().to_value();
    let inner = own.as_object_mut().and_then(|own| own.remove("$defs").or_else(|| own.remove("definitions")));
    for (name, mut definition) in
        inner.into_iter().filter_map(|inner| if let Json::Object(map) = inner { Some(map) } else { None }).flatten()
    {
        to_draft07(&mut definition, model.name);
        definitions.insert(format!("{}-{name}", model.name), definition);
    }
    to_draft07(&mut own, model.name);
    let mut properties = Map::new();
    properties.insert("model".to_owned(), json!({ "type": "string", "const": model.name, "description": model.summary }));
    let label = "The label in the results. Default: the model's name.";
    properties.insert("name".to_owned(), json!({ "type": "string", "description": label }));
    if let Some(Json::Object(parameters)) = own.get("properties").cloned() {
        properties.extend(parameters);
    }
    let mut required = vec![json!("model")];
    required.extend(own.get("required").and_then(Json::as_array).cloned().unwrap_or_default());
    json!({
        "title": model.name,
        "description": format!("{} ({})", model.summary, model.source),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Turns references to a model's own definitions into ones to the root's; draft-07 wants a reference to stand alone.
fn to_draft07(schema: &mut Json, model: &str) {
    match schema {
        Json::Object(map) => {
            map.values_mut().for_each(|value| to_draft07(value, model));
            let target = map.get("$ref").and_then(Json::as_str).and_then(|target| target.rsplit('/').next()).map(str::to_owned);
            if let Some(name) = target {
                let reference = json!({ "$ref": format!("#/definitions/{model}-{name}") });
                map.remove("$ref");
                if map.is_empty() {
                    *schema = reference;
                } else {
                    map.insert("allOf".to_owned(), json!([reference]));
                }
            }
        }
        Json::Array(values) => values.iter_mut().for_each(|value| to_draft07(value, model)),
        _ => {}
    }
}

/// What can be said of one key: for `sim list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The key.
    pub key: String,
    /// What it takes, in words.
    pub takes: String,
    /// Its default as TOML; nothing if it is required, or absent by default.
    pub default: Option<String>,
    /// True if there must be one.
    pub required: bool,
    /// What it means.
    pub description: String,
}

/// The keys of a table in a schema. `root` is what references in `table` are relative to.
pub fn parameters(root: &Json, table: &Json) -> Vec<Parameter> {
    let required: Vec<&str> = table.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
    let properties = table.get("properties").and_then(Json::as_object).into_iter().flatten();
    properties
        .map(|(key, schema)| Parameter {
            key: key.clone(),
            takes: takes(root, schema),
            default: schema.get("default").filter(|default| !default.is_null()).map(as_toml),
            required: required.contains(&key.as_str()),
            description: schema.get("description").and_then(Json::as_str).unwrap_or_default().replace('\n', " "),
        })
        .collect()
}

fn takes(root: &Json, schema: &Json) -> String {
    let all = alternatives(root, schema);
    if let Some(tag) = tag_of(&all).filter(|_| all.len() > 1) {
        let forms = all.iter().map(|table| {
            let keys = table.get("properties").and_then(Json::as_object).into_iter().flat_map(Map::keys).filter(|key| *key != tag);
            format!("{} {{{}}}", tag_word(table, tag), keys.cloned().collect::<Vec<_>>().join(", "))
        });
        return format!("a table: {tag} = {}", forms.collect::<Vec<_>>().join(" | "));
    }
    let mut names: Vec<String> = Vec::new();
    for schema in all {
        let known = words(schema);
        let parts: Vec<String> =
            if known.is_empty() { vec![short(&description(schema))] } else { known.into_iter().map(as_toml).collect() };
        names.extend(parts.into_iter().filter(|part| !names.contains(part)).collect::<Vec<_>>());
    }
    names.join(" | ")
}

/// `a duration such as …` is `a duration` in a table.
fn short(description: &str) -> String {
    description.split(" such as").next().unwrap_or_default().to_owned()
}

/// A JSON value as TOML on one line.
fn as_toml(value: &Json) -> String {
    match value {
        Json::Object(map) => {
            let entries: Vec<String> =
                map.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| format!("{key} = {}", as_toml(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Json::Array(values) => format!("[{}]", values.iter().map(as_toml).collect::<Vec<_>>().join(", ")),
        Json::String(text) => toml::Value::from(text.as_str()).to_string(),
        other => other.to_string(),
    }
}

/// One of the things that a key may name: a distribution, a latency model, an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its name in a scenario.
    pub name: String,
    /// What it is.
    pub description: String,
    /// The keys that go with it; none where it is a mere word.
    pub parameters: Vec<Parameter>,
}

/// The forms that the definition `name` of a schema (`Latency`, `Distribution`, `Action`, …) allows.
pub fn forms(root: &Json, name: &str) -> Vec<Form> {
    let Some(definition) = root.pointer(&format!("/definitions/{name}")) else { return Vec::new() };
    let all = alternatives(root, definition);
    let text = |schema: &Json| schema.get("description").and_then(Json::as_str).unwrap_or_default().replace('\n', " ");
    if let Some(tag) = tag_of(&all) {
        let form = |table: &&Json| Form {
            name: tag_word(table, tag).to_owned(),
            description: text(table),
            parameters: parameters(root, table).into_iter().filter(|parameter| parameter.key != tag).collect(),
        };
        return all.iter().map(form).collect();
    }
    let of_words = |schema: &Json| -> Vec<Form> {
        let names = words(schema).into_iter().filter_map(Json::as_str).map(str::to_owned);
        names.map(|name| Form { name, description: text(schema), parameters: Vec::new() }).collect()
    };
    all.into_iter().flat_map(of_words).collect()
}
