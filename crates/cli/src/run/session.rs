//! One scenario's runs, from the plan to the results in their place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use peerlab_report::directory::{Plan, Session, SessionPerformance, Start};
use peerlab_report::tables::{Aggregate, Label, Reader};
use peerlab_report::{charts, human};
use peerlab_scenario::RunPlan;
use serde_json::{Map, Value as Json, json};

use super::work::Worker;
use super::{Job, Manner, division};
use crate::args::{Format, RunArgs};
use crate::claims::Finding;
use crate::failure::Failure;
use crate::machine;
use crate::output::{note, print, terminal_width};
use crate::progress::Progress;

/// Runs what is not done yet and publishes the results.
pub(super) fn carry_out(job: &Job, manner: Manner, stop: &AtomicBool) -> Result<(), Failure> {
    let begun = Instant::now();
    let runs = job.scenario.plan();
    let start = if manner.resume { Start::Resume } else { Start::Fresh };
    let session = Session::open(&job.out, plan(job, &runs)?, start)?;
    let completed = session.completed()?;
    let pending: Vec<usize> = (0..runs.len()).filter(|index| completed.binary_search(index).is_err()).collect();
    let (side_by_side, shards) = division(manner.threads, pending.len(), &job.estimate);
    let progress = Progress::new(&job.scenario.name, runs.len(), &completed, manner.quiet);
    let worker = Worker { job, session: &session, runs: &runs, progress: &progress, shards, stop };
    let outcome = worker.run_all(&pending, side_by_side);
    progress.clear();
    if let Err(failure) = outcome {
        return Err(stopped(job, &session, stop, failure));
    }
    let assembled = session.assemble(SessionPerformance {
        wall_s: begun.elapsed().as_secs_f64(),
        peak_memory_bytes: machine::peak_memory(),
        threads: manner.threads,
        machine: machine::description(),
    })?;
    if manner.charts {
        charts::draw_all(assembled.path())?;
    }
    let published = assembled.publish()?;
    if let Some(leftover) = published.leftover {
        note(&format!("warning: {} could not be removed; the next run will", leftover.display()));
    }
    Ok(())
}

fn plan(job: &Job, runs: &[RunPlan]) -> Result<Plan, Failure> {
    let label = |run: &RunPlan| Label {
        run: run.name.clone(),
        topology: run.topology_label.clone(),
        repetition: run.repetition,
        sweep: run.swept.iter().map(|(_, value)| value.clone()).collect(),
    };
    Ok(Plan {
        scenario: job.scenario.name.clone(),
        // With the hashes of the input files: a session is not resumed with other data, and the manifest's hash covers them.
        scenario_toml: job.scenario.resolved_with_inputs().map_err(Failure::input)?,
        seed: job.scenario.seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model_revision: peerlab_world::MODEL_REVISION,
        swept: job.scenario.axes.iter().map(|axis| axis.path.clone()).collect(),
        runs: runs.iter().map(label).collect(),
    })
}

/// What to say when not all runs are done.
fn stopped(job: &Job, session: &Session, stop: &AtomicBool, failure: Failure) -> Failure {
    if !stop.load(Ordering::SeqCst) {
        return failure;
    }
    let done = session.completed().map_or(0, |completed| completed.len());
    let total = session.plan().runs.len();
    Failure::Stopped(format!(
        "stopped: {done} of {total} runs of `{}` are done and kept; the same command with --resume goes on from them",
        job.scenario.name
    ))
}

/// What the user reads at the end.
pub(super) fn summary(job: &Job, claim: Option<&Finding>, arguments: &RunArgs) -> Result<(), Failure> {
    match arguments.format {
        Format::Human => {
            let width = terminal_width();
            print(&format!("{}\n", human::summary_table(&job.out, width)?.trim_end()))?;
            if let Some(claim) = claim {
                print(&claim.line())?;
            }
            if !arguments.quiet {
                note(&format!("results in {}", job.out.display()));
            }
            Ok(())
        }
        Format::Json => print(&json_summary(job, claim)?),
    }
}

/// The rows of `aggregate.csv` as one object.
fn json_summary(job: &Job, claim: Option<&Finding>) -> Result<String, Failure> {
    let mut reader = Reader::<Aggregate>::open(&job.out)?;
    let swept = reader.header().swept.clone();
    let mut rows = Vec::new();
    while let Some((label, row)) = reader.next_row()? {
        let mut object = Map::new();
        object.insert("topology".to_owned(), label.topology.clone().into());
        object.extend(swept.iter().cloned().zip(label.sweep.iter().cloned().map(Json::from)));
        let Json::Object(values) = json!({
            "metric": row.metric, "unit": row.unit, "mean": row.mean, "ci95_low": row.ci95_low, "ci95_high": row.ci95_high,
            "sd": row.sd, "min": row.min, "median": row.median, "max": row.max, "n": row.n,
        }) else {
            unreachable!("it is written as an object")
        };
        object.extend(values);
        rows.push(Json::Object(object));
    }
    let mut summary = json!({ "scenario": job.scenario.name, "results": job.out, "aggregate": rows });
    if let Some(claim) = claim {
        summary["claim"] = claim.json();
    }
    Ok(format!("{summary}\n"))
}
