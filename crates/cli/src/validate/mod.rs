//! `sim validate`: published experiments, simulated; simulated figures beside published ones.
//!
//! A case is a scenario with a `[validation]` table. It is run like any scenario, and every figure is read from the CSV files that
//! the run leaves, so that whoever has a results directory can check it by hand. Everything that can be wrong with the input is
//! found before the first run.
//!
//! # Not here
//! What a case may say (`peerlab_scenario::Validation`), and how runs are carried out (`run`).

mod cases;
mod judge;
mod table;

use std::path::Path;

use anyhow::Context as _;
use peerlab_scenario::diagnostic::Report;
use peerlab_scenario::{Scenario, Validation};
use peerlab_world::Registry;
use tempfile::TempDir;

use crate::args::{Format, ValidateArgs};
use crate::failure::Failure;
use crate::measure;
use crate::output::{print, warn};
use crate::run::{Job, Manner, stop_on_interrupt, threads};
use cases::Case;
use judge::Row;

/// What became of a case.
struct Finding {
    case: Case,
    validation: Validation,
    outcome: Outcome,
}

enum Outcome {
    /// It was run: a row for every figure.
    Compared(Vec<Row>),
    /// It was not run: a data file is absent.
    Skipped(String),
}

pub(crate) fn validate(registry: &Registry, arguments: &ValidateArgs) -> Result<(), Failure> {
    let data = cases::data_directory(arguments.data.as_deref())?;
    let cases = cases::chosen(registry, &arguments.cases, arguments.small)?;
    if arguments.list {
        return print(&table::listing(&cases));
    }
    // Removed when it goes out of scope, however this ends.
    let scratch = match arguments.out {
        Some(_) => None,
        None => Some(TempDir::with_prefix("sim-validate-").context("cannot make a temporary directory for the results")?),
    };
    let below = scratch.as_ref().map(TempDir::path).or(arguments.out.as_deref()).unwrap_or(Path::new("."));
    let mut ready = Vec::new();
    for (case, validation) in cases {
        let job = cases::prepare(registry, &case, &data)?.map(|scenario| Job::new(registry, scenario, below.join(&case.name)));
        job.as_ref().map_or(Ok(()), |job| job.check(false))?;
        ready.push((case, validation, job));
    }
    stop_on_interrupt();
    let mut findings = Vec::new();
    for (case, validation, job) in ready {
        let outcome = match job {
            Ok(job) => Outcome::Compared(carry_out(&job, &validation, arguments)?),
            Err(reason) => Outcome::Skipped(reason),
        };
        let finding = Finding { case, validation, outcome };
        print(&match arguments.format {
            Format::Human => table::human(&finding),
            Format::Json => table::json(&finding),
        })?;
        findings.push(finding);
    }
    if arguments.format == Format::Human {
        print(&table::summary(&findings))?;
    }
    let failed: Vec<&str> = findings.iter().filter(|finding| finding.has_failed()).map(|finding| finding.case.name.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Run(anyhow::anyhow!("out of tolerance: {}", failed.join(", "))))
}

impl Finding {
    fn rows(&self) -> &[Row] {
        match &self.outcome {
            Outcome::Compared(rows) => rows,
            Outcome::Skipped(_) => &[],
        }
    }

    fn has_failed(&self) -> bool {
        self.rows().iter().any(Row::has_failed)
    }
}

/// Runs a case, and compares.
fn carry_out(job: &Job, validation: &Validation, arguments: &ValidateArgs) -> Result<Vec<Row>, Failure> {
    let scenario = job.scenario();
    if !arguments.quiet {
        warn(&scenario.warnings);
    }
    let keeps = arguments.out.is_some();
    job.carry_out(Manner { threads: threads(arguments.threads), resume: false, charts: keeps, quiet: arguments.quiet }).map_err(
        |failure| match failure {
            Failure::Stopped(_) => Failure::Stopped(format!("stopped: nothing of `{}` is kept", scenario.name)),
            other => other,
        },
    )?;
    let results = measure::Results::read(job.out(), validation.figure.iter().any(|figure| measure::is_of_peers(&figure.quantity)))?;
    let rows = validation.figure.iter().flat_map(|figure| {
        let spots = validation.spots(figure, &scenario.axes, &scenario.points);
        let base = validation.base(figure, &scenario.axes, &scenario.points);
        judge::rows(figure, &spots, base.as_ref(), &scenario.points, &results)
    });
    Ok(rows.collect())
}

/// Finds figures of quantities that do not exist.
///
/// # Errors
/// The first one, at its place.
pub(crate) fn check_quantities(scenario: &Scenario) -> Result<(), Report> {
    let figures = scenario.validation.iter().flat_map(|validation| &validation.figure);
    figures.zip(0..).try_for_each(|(figure, index)| {
        let unknown = measure::unknown(&figure.quantity);
        unknown.map_or(Ok(()), |message| Err(scenario.blame(&format!("validation.figure.{index}.quantity"), message)))
    })
}
