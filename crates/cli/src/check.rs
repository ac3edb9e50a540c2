//! `sim check`: every problem, and the plan.

use std::fmt::Write as _;

use peerlab_scenario::{Estimate, Scenario, available_memory};
use peerlab_world::Registry;
use serde_json::json;

use crate::args::{CheckArgs, Format};
use crate::failure::Failure;
use crate::output::{grouped, memory, print, rough, warn};
use crate::{loading, machine};

pub(crate) fn check(registry: &Registry, arguments: &CheckArgs) -> Result<(), Failure> {
    let scenarios = loading::load(registry, &arguments.scenarios)?;
    for scenario in &scenarios {
        warn(&scenario.warnings);
        let text = match arguments.format {
            Format::Human => human(registry, scenario),
            Format::Json => json(registry, scenario),
        };
        print(&text)?;
    }
    Ok(())
}

fn human(registry: &Registry, scenario: &Scenario) -> String {
    let plan = scenario.plan();
    let estimate = Estimate::of(&plan, registry);
    let mut text = format!("{}: sound\n", scenario.name);
    // Writing into a String cannot fail.
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<11} {value}");
    };
    let labels: Vec<&str> =
        scenario.points.first().into_iter().flat_map(|point| &point.topologies).map(|entry| entry.label.as_str()).collect();
    line("topologies", labels.join(", "));
    line("repetitions", scenario.repetitions.to_string());
    for axis in &scenario.axes {
        line("sweep", format!("{} = {}", axis.path, axis.values.join(", ")));
    }
    line("runs", grouped(estimate.runs as u64));
    line(
        "peers",
        if scenario.axes.is_empty() { grouped(u64::from(estimate.peers)) } else { format!("up to {}", grouped(u64::from(estimate.peers))) },
    );
    line("events", format!("about {} in all", rough(estimate.events)));
    let available = available_memory().map(|bytes| format!(" of {} available", memory(bytes))).unwrap_or_default();
    line("memory", format!("about {} a run{available}", memory(estimate.largest_run_bytes)));
    text
}

fn json(registry: &Registry, scenario: &Scenario) -> String {
    let plan = scenario.plan();
    let estimate = Estimate::of(&plan, registry);
    let object = json!({
        "scenario": scenario.name,
        "runs": plan.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(),
        "peers": estimate.peers,
        "expected_events": estimate.events,
        "memory_bytes_per_run": estimate.largest_run_bytes,
        "memory_bytes_available": available_memory(),
        "cores": machine::cores(),
        "warnings": scenario.warnings.problems().iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(),
    });
    format!("{object}\n")
}
