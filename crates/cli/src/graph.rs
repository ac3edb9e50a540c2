//! `sim graph`: the overlay's graph at one instant of a run, for Graphviz, yEd, Gephi, networkx, or another scenario.

use std::sync::Mutex;

use anyhow::Context as _;
use peerlab_engine::time::Time;
use peerlab_model::units::Duration;
use peerlab_scenario::{RunPlan, Scenario, did_you_mean, list};
use peerlab_world::{OverlayGraph, Registry, RunError, RunOptions, Snapshot};

use crate::args::{GraphArgs, ScenarioArgs};
use crate::failure::Failure;
use crate::loading;
use crate::output::{exists, print, warn, write_new};
use crate::run::threads;

pub(crate) fn graph(registry: &Registry, arguments: &GraphArgs) -> Result<(), Failure> {
    let wanted = ScenarioArgs {
        paths: vec![arguments.path.clone()],
        seed: arguments.seed,
        repetitions: None,
        set: arguments.set.clone(),
        topologies: arguments.topology.iter().cloned().collect(),
    };
    let scenarios = loading::load(registry, &wanted)?;
    let [scenario] = &scenarios[..] else {
        return Err(Failure::input(format_args!("{} has several scenarios: name one file", arguments.path.display())));
    };
    warn(&scenario.warnings);
    let plan = scenario.plan();
    let run = chosen(&plan, arguments)?;
    let at: Duration = arguments.at.parse().map_err(|error| Failure::input(format_args!("--at {}: {error}", arguments.at)))?;
    let duration = run.conditions.time.duration;
    if at.span() > duration.span() {
        return Err(Failure::input(format_args!("--at {at}: the run lasts {duration} from t = 0")));
    }
    if let Some(path) = arguments.out.as_deref().filter(|path| path.exists()) {
        // Said before the run, not after it.
        return Err(exists(path));
    }
    let graph = look(scenario, run, Time::ZERO + at.span())?;
    let title = format!("{}, run {} (seed {}), t = {at}", scenario.name, run.name, run.seed);
    let mut text = Vec::new();
    graph.write(arguments.format.into(), &title, &mut text).context("cannot write a graph to memory")?;
    match &arguments.out {
        Some(path) => write_new(path, &text),
        None => print(&String::from_utf8_lossy(&text)),
    }
}

/// The run that is meant: by its name, or the only one of the topology.
fn chosen<'p>(plan: &'p [RunPlan], arguments: &GraphArgs) -> Result<&'p RunPlan, Failure> {
    let names = || plan.iter().map(|run| run.name.as_str());
    if let Some(wanted) = &arguments.run {
        return plan.iter().find(|run| run.name == *wanted).ok_or_else(|| {
            let hint = did_you_mean(wanted, names());
            Failure::input(format_args!("there is no run `{wanted}`{hint}\nthere are {}", list(names())))
        });
    }
    let first: Vec<&RunPlan> = plan.iter().filter(|run| run.repetition == 1).collect();
    match first[..] {
        [run] => Ok(run),
        _ => Err(Failure::input(format_args!(
            "several runs could be meant: choose a topology (`--topology`) or a run (`--run`)\nthere are {}",
            list(names())
        ))),
    }
}

/// Simulates up to an instant, and looks.
fn look(scenario: &Scenario, run: &RunPlan, at: Time) -> Result<OverlayGraph, Failure> {
    let seen: Mutex<Option<OverlayGraph>> = Mutex::new(None);
    let take = |graph| *seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(graph);
    let options = RunOptions { shards: threads(None), snapshot: Some(Snapshot { at, take: &take }), ..RunOptions::default() };
    match run.topology.run(&run.conditions, run.seed, &options, &mut ()) {
        Ok(_) | Err(RunError::Stopped) => {}
        Err(error) => return Err(Failure::Run(anyhow::Error::new(error).context(format!("{}: run {}", scenario.name, run.name)))),
    }
    let seen = seen.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(seen.context("the run ended before the instant that was asked for")?)
}
