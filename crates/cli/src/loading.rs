//! From paths and options to scenarios.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use peerlab_scenario::diagnostic::Report;
use peerlab_scenario::{Loader, Scenario, ScenarioError};
use peerlab_world::{Registry, RunError, RunOptions};

use crate::args::ScenarioArgs;
use crate::failure::Failure;
use crate::{claims, validate};

/// Loads every scenario that is named.
///
/// # Errors
/// All problems of all of them together.
pub(crate) fn load(registry: &Registry, arguments: &ScenarioArgs) -> Result<Vec<Scenario>, Failure> {
    let mut loader = Loader::new(registry);
    for argument in &arguments.set {
        loader = loader.set(argument);
    }
    if let Some(seed) = arguments.seed {
        loader = loader.option("--set", &format!("seed={seed}"));
    }
    if let Some(repetitions) = arguments.repetitions {
        loader = loader.option("--set", &format!("repetitions={repetitions}"));
    }
    for label in &arguments.topologies {
        loader = loader.topology(label);
    }
    let mut scenarios = Vec::new();
    let mut complaints = String::new();
    for path in files(&arguments.paths)? {
        match checked(loader.load(&path)) {
            Ok(scenario) => scenarios.push(scenario),
            Err(text) => {
                // Writing into a String cannot fail.
                let _ = writeln!(complaints, "{}", text.trim_end());
            }
        }
    }
    if complaints.is_empty() { Ok(scenarios) } else { Err(Failure::Input(complaints)) }
}

/// What a loader gave, checked further: the files that it names, and the figures that it is compared with.
///
/// # Errors
/// What is to be said, ready for the terminal.
pub(crate) fn checked(loaded: Result<Scenario, ScenarioError>) -> Result<Scenario, String> {
    let scenario = loaded.map_err(complaint)?;
    let quantities = || validate::check_quantities(&scenario).and_then(|()| claims::check_quantities(&scenario));
    probe(&scenario).and_then(|()| quantities()).map_err(|report| report.render(true))?;
    Ok(scenario)
}

fn complaint(error: ScenarioError) -> String {
    match error {
        ScenarioError::Invalid(report) => {
            let count = report.errors();
            let closing = if count > 1 { format!("\n{count} errors\n") } else { String::new() };
            report.render(true) + &closing
        }
        error @ ScenarioError::Unreadable { .. } => format!("error: {error}\n"),
    }
}

/// The files that paths stand for: themselves, or every scenario in a directory, by name.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(scenarios_in(path)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn scenarios_in(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| Failure::input(format_args!("cannot read {}: {error}", directory.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Failure::input(format_args!("there is no scenario (`.toml`) in {}", directory.display())));
    }
    files.sort();
    Ok(files)
}

/// Builds, without running it, each run that reads files, so that a bad file is reported before anything is simulated.
///
/// # Errors
/// What is wrong with the first bad file, at the key that names it.
fn probe(scenario: &Scenario) -> Result<(), Report> {
    let stop = AtomicBool::new(true);
    let options = RunOptions { stop: Some(&stop), ..RunOptions::default() };
    let mut probed = BTreeSet::new();
    for point in &scenario.points {
        let shared: Vec<&str> =
            point.conditions.network.files().into_iter().chain(point.conditions.churn.iter().flat_map(|churn| churn.files())).collect();
        for (index, entry) in point.topologies.iter().enumerate() {
            let own = entry.topology.files();
            // Whether a file fits depends on the number of peers as well.
            if (shared.is_empty() && own.is_empty()) || !probed.insert((index, own, shared.clone(), point.conditions.peers.count)) {
                continue;
            }
            match entry.topology.run(&point.conditions, scenario.seed, &options, &mut ()) {
                Err(RunError::Build(error)) => return Err(scenario.blame(&format!("topology.{index}.{}", error.path), error.message)),
                Err(RunError::Network(error)) => return Err(scenario.blame("network.latency.file", error.to_string())),
                Err(RunError::Trace(error)) => return Err(scenario.blame("churn.trace", error.to_string())),
                _ => {}
            }
        }
    }
    Ok(())
}
