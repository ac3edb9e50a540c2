//! `sim run`: scenarios in, results directories out.
//!
//! Everything that can be wrong with the input is found before anything is written: the scenarios, the files that they name, the
//! places where results shall go, and whether the plan fits into the memory.

mod session;
mod work;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use peerlab_report::directory::Session;
use peerlab_scenario::{Estimate, Scenario, available_memory};
use peerlab_world::Registry;

use crate::args::{Format, RunArgs};
use crate::claims::Finding;
use crate::failure::Failure;
use crate::output::{grouped, memory, note, print, warn};
use crate::{loading, machine, pages};

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// A scenario and where its results go.
pub(crate) struct Job {
    scenario: Scenario,
    out: PathBuf,
    estimate: Estimate,
}

/// How the runs of a scenario are carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Threads to use.
    pub(crate) threads: usize,
    /// Go on from the finished runs of an interrupted session.
    pub(crate) resume: bool,
    /// Draw charts.
    pub(crate) charts: bool,
    /// Say nothing on the way.
    pub(crate) quiet: bool,
}

impl Job {
    /// A scenario's runs, whose results go to `out`.
    pub(crate) fn new(registry: &Registry, scenario: Scenario, out: PathBuf) -> Self {
        let estimate = Estimate::of(&scenario.plan(), registry);
        Self { scenario, out, estimate }
    }

    /// What is run.
    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Where the results go.
    pub(crate) fn out(&self) -> &Path {
        &self.out
    }

    /// Finds out, before anything is simulated, whether the results have a place to go to and the memory suffices.
    ///
    /// # Errors
    /// If not.
    pub(crate) fn check(&self, is_forced: bool) -> Result<(), Failure> {
        Session::check(&self.out)?;
        check_memory(self, is_forced)
    }

    /// Runs what is not done yet, several runs at a time, and puts the results in their place. Ctrl-C ends it early.
    ///
    /// # Errors
    /// If a run fails, or the results cannot be written.
    pub(crate) fn carry_out(&self, manner: Manner) -> Result<(), Failure> {
        session::carry_out(self, manner, &STOP)
    }
}

pub(crate) fn run(registry: &Registry, arguments: &RunArgs) -> Result<(), Failure> {
    let jobs = jobs(registry, arguments)?;
    for job in &jobs {
        job.check(arguments.force)?;
    }
    pages::for_run_of(jobs.iter().map(|job| job.estimate.largest_run_bytes).max().unwrap_or_default());
    stop_on_interrupt();
    let manner =
        Manner { threads: threads(arguments.threads), resume: arguments.resume, charts: !arguments.no_charts, quiet: arguments.quiet };
    let mut claims = Vec::new();
    for job in &jobs {
        if !arguments.quiet {
            warn(&job.scenario.warnings);
        }
        job.carry_out(manner)?;
        let finding = Finding::of(job)?;
        session::summary(job, finding.as_ref(), arguments)?;
        claims.extend(finding);
    }
    // Of several scenarios the answers stand once more together, where nobody has to look for them.
    if arguments.format == Format::Human && claims.len() > 1 {
        print(&format!("\n{}", claims.iter().map(Finding::line).collect::<String>()))?;
    }
    Ok(())
}

fn jobs(registry: &Registry, arguments: &RunArgs) -> Result<Vec<Job>, Failure> {
    let scenarios = loading::load(registry, &arguments.scenarios)?;
    let is_only = scenarios.len() == 1;
    let place = |name: &str| match &arguments.out {
        Some(out) if is_only => out.clone(),
        Some(out) => out.join(name),
        None => PathBuf::from("results").join(name),
    };
    let mut names = BTreeSet::new();
    let mut jobs = Vec::new();
    for scenario in scenarios {
        if !names.insert(scenario.name.clone()) {
            return Err(Failure::input(format_args!("two scenarios are named `{}`: their results would go to one place", scenario.name)));
        }
        let out = place(&scenario.name);
        jobs.push(Job::new(registry, scenario, out));
    }
    Ok(jobs)
}

/// Refuses a run that the memory cannot hold; of several at once as many are run as fit.
fn check_memory(job: &Job, is_forced: bool) -> Result<(), Failure> {
    let Some(available) = available_memory().filter(|&available| job.estimate.largest_run_bytes > available) else { return Ok(()) };
    let message = format!(
        "{}: a run with {} peers takes about {} of memory, but only {} are available",
        job.scenario.name,
        grouped(u64::from(job.estimate.peers)),
        memory(job.estimate.largest_run_bytes),
        memory(available)
    );
    if is_forced {
        note(&format!("warning: {message}; trying, since --force is given"));
        return Ok(());
    }
    Err(Failure::input(format_args!("{message}\nmake `peers.count` smaller, or try it with --force")))
}

/// The first Ctrl-C lets the runs end cleanly, the second ends the program at once.
pub(crate) fn stop_on_interrupt() {
    let handler = || {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(1);
        }
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        note(&format!("warning: Ctrl-C will not end cleanly: {error}"));
    }
}

/// A shard with fewer peers than this waits for the others longer than it works (measured: 10^4 peers are slower on two threads
/// than on one, 10^5 are faster).
const PEERS_PER_SHARD: u32 = 25_000;

/// How many runs go side by side, and how many shards each gets: runs first, since they have nothing to wait for.
fn division(threads: usize, runs: usize, estimate: &Estimate) -> (usize, usize) {
    let fitting = available_memory().map_or(usize::MAX, |available| (available / estimate.largest_run_bytes.max(1)) as usize);
    let side_by_side = threads.min(runs).min(fitting).max(1);
    let worthwhile = (estimate.peers / PEERS_PER_SHARD).max(1) as usize;
    (side_by_side, (threads / side_by_side).clamp(1, worthwhile))
}

/// The threads to use: what the option says, or all cores.
pub(crate) fn threads(option: Option<u16>) -> usize {
    option.map_or_else(machine::cores, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_come_before_shards_and_memory_before_both() {
        let many = Estimate { peers: 1_000_000, largest_run_bytes: 1, ..Estimate::default() };
        let few = Estimate { peers: 1_000, ..many };
        assert_eq!(division(8, 15, &many), (8, 1));
        assert_eq!(division(8, 1, &many), (1, 8));
        assert_eq!(division(8, 1, &few), (1, 1));
        assert_eq!(division(8, 3, &many), (3, 2));
        let huge = Estimate { largest_run_bytes: u64::MAX, ..many };
        if available_memory().is_some() {
            assert_eq!(division(8, 15, &huge), (1, 8));
        }
    }
}
