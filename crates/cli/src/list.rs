//! `sim list`: what can be named in a scenario.

use std::fmt::Write as _;

use peerlab_scenario::schema::{Form, Parameter, forms, parameters, schema};
use peerlab_scenario::{did_you_mean, list as sentence};
use peerlab_world::Registry;
use serde_json::Value as Json;

use crate::args::{ListArgs, Subject};
use crate::failure::Failure;
use crate::metrics::METRICS;
use crate::output::print;
use crate::starters::SHIPPED;

/// A line of a list, and what is shown of it in full.
struct Item {
    name: String,
    summary: String,
    details: String,
}

pub(crate) fn list(registry: &Registry, arguments: &ListArgs) -> Result<(), Failure> {
    let Some(subject) = arguments.what else { return print(&overview(registry)) };
    let items = items(registry, subject);
    let Some(wanted) = &arguments.name else { return print(&lines(&items)) };
    let Some(item) = items.iter().find(|item| item.name == *wanted) else {
        let names = || items.iter().map(|item| item.name.as_str());
        let hint = did_you_mean(wanted, names());
        return Err(Failure::input(format_args!("there is no `{wanted}` here{hint}\nthere are {}", sentence(names()))));
    };
    print(&format!("{}: {}\n{}", item.name, item.summary, item.details))
}

fn overview(registry: &Registry) -> String {
    let subjects = [
        ("topologies", Subject::Topologies),
        ("churn", Subject::Churn),
        ("latency", Subject::Latency),
        ("classes", Subject::Classes),
        ("actions", Subject::Actions),
        ("metrics", Subject::Metrics),
        ("scenarios", Subject::Scenarios),
    ];
    let mut text = String::new();
    for (name, subject) in subjects {
        let names: Vec<String> = items(registry, subject).into_iter().map(|item| item.name).collect();
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "{name:<11} {}",
            if subject == Subject::Metrics { format!("{} of them", names.len()) } else { names.join(", ") }
        );
    }
    text + "\n`sim list topologies` has a line on each, `sim list topologies chord` shows one with its parameters.\n"
}

fn items(registry: &Registry, subject: Subject) -> Vec<Item> {
    match subject {
        Subject::Topologies => topologies(registry),
        Subject::Churn => of_definition(registry, "DurationDistribution"),
        Subject::Latency => of_definition(registry, "Latency"),
        Subject::Classes => of_definition(registry, "KnownClasses"),
        Subject::Actions => of_definition(registry, "Action"),
        Subject::Metrics => METRICS
            .iter()
            .map(|metric| Item {
                name: metric.name.to_owned(),
                summary: format!("[{}] {}", metric.unit, metric.meaning),
                details: String::new(),
            })
            .collect(),
        Subject::Scenarios => {
            let item = |starter: &crate::starters::Starter| Item {
                name: starter.name.to_owned(),
                summary: starter.description().to_owned(),
                details: format!("\n{}", starter.text),
            };
            SHIPPED.iter().map(item).collect()
        }
    }
}

fn topologies(registry: &Registry) -> Vec<Item> {
    let schema = schema(registry);
    let branches = schema.pointer("/properties/topology/items/oneOf").and_then(Json::as_array);
    let item = |model: &peerlab_world::Model| {
        let branch = branches.into_iter().flatten().find(|branch| branch["title"] == model.name);
        let parameters = branch.map(|branch| parameters(&schema, branch)).unwrap_or_default();
        let own = parameters.into_iter().filter(|parameter| parameter.key != "model" && parameter.key != "name").collect::<Vec<_>>();
        Item {
            name: model.name.to_owned(),
            summary: model.summary.to_owned(),
            details: format!("family: {}\nsource: {}\n\n{}{}", model.family.name(), model.source, described(&own), presets(model)),
        }
    };
    registry.models().map(item).collect()
}

/// What each preset sets that is not the default.
fn presets(model: &peerlab_world::Model) -> String {
    let defaults = model.configure(Json::Object(serde_json::Map::new())).map_or(Json::Null, |topology| topology.parameters());
    let mut text = String::new();
    for (name, parameters) in &model.presets {
        let own = parameters.as_object().into_iter().flatten().filter(|(key, value)| *key != "preset" && defaults.get(key) != Some(value));
        let own: Vec<String> = own.map(|(key, value)| format!("{key} = {value}")).collect();
        // Writing into a String cannot fail.
        let _ = writeln!(text, "\n  preset = \"{name}\" sets, unless the scenario does\n      {}", own.join(", "));
    }
    text
}

fn of_definition(registry: &Registry, name: &str) -> Vec<Item> {
    let item = |form: Form| {
        let keys: Vec<&str> = form.parameters.iter().map(|parameter| parameter.key.as_str()).collect();
        let keys = if keys.is_empty() { String::new() } else { format!(" {{{}}}", keys.join(", ")) };
        Item { summary: format!("{}{keys}", form.description), details: format!("\n{}", described(&form.parameters)), name: form.name }
    };
    forms(&schema(registry), name).into_iter().map(item).collect()
}

/// Names in a column, with what they are beside them.
fn lines(items: &[Item]) -> String {
    let width = items.iter().map(|item| item.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for item in items {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{:<width$}  {}", item.name, item.summary);
    }
    text
}

/// Parameters with what they take, their defaults and their meaning.
fn described(parameters: &[Parameter]) -> String {
    let mut text = String::new();
    for parameter in parameters {
        let default = match (&parameter.default, parameter.required) {
            (Some(default), _) => format!("default {default}"),
            (None, true) => "required".to_owned(),
            (None, false) => "optional".to_owned(),
        };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  {} = {} ({default})\n      {}", parameter.key, parameter.takes, parameter.description);
    }
    text
}
