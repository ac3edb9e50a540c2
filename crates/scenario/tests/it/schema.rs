//! The schema that editors read.

use peerlab_scenario::schema::{parameters, schema};
use peerlab_world::Registry;
use serde_json::Value as Json;

#[test]
fn every_model_has_a_branch_and_every_reference_a_target() {
    let registry = Registry::builtin();
    let schema = schema(&registry);
    let branches = schema.pointer("/properties/topology/items/oneOf").and_then(Json::as_array).expect("branches");
    assert_eq!(branches.len(), registry.models().count());
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let mut references = Vec::new();
    collect(&schema, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("references stay in the document");
        assert!(schema.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect(schema: &Json, references: &mut Vec<String>) {
    match schema {
        Json::Object(map) => {
            references.extend(map.get("$ref").and_then(Json::as_str).map(str::to_owned));
            assert!(!map.contains_key("$ref") || map.len() == 1, "in draft-07 a reference stands alone: {map:?}");
            map.values().for_each(|value| collect(value, references));
        }
        Json::Array(values) => values.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[test]
fn parameters_are_listed_with_defaults_and_meaning() {
    let registry = Registry::builtin();
    let schema = schema(&registry);
    let branches = schema.pointer("/properties/topology/items/oneOf").and_then(Json::as_array).expect("branches");
    let flooding = branches.iter().find(|branch| branch["title"] == "flooding").expect("flooding");
    let list = parameters(&schema, flooding);
    let of = |key: &str| list.iter().find(|parameter| parameter.key == key).expect("the parameter");
    assert_eq!((of("ttl").takes.as_str(), of("ttl").default.as_deref()), ("an integer", Some("7")));
    assert_eq!(of("ping_interval").takes, "a duration");
    assert!(of("graph").takes.contains("random-regular {degree}"), "{}", of("graph").takes);
    assert!(of("hits").takes.contains("\"reverse-path\""), "{}", of("hits").takes);
    assert!(list.iter().all(|parameter| !parameter.description.is_empty()));
}
