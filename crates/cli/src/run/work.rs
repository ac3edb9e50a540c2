//! Runs side by side.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use anyhow::Context as _;
use peerlab_engine::random::{mix, unit_f64};
use peerlab_report::directory::{PartWriter, RunTime, Session};
use peerlab_scenario::{LookupRows, RunPlan};
use peerlab_world::{LookupRow, PeerRow, RunError, RunOptions, Sink};

use super::Job;
use crate::failure::Failure;
use crate::progress::Progress;

/// What the runs of a scenario share.
pub(super) struct Worker<'a> {
    pub(super) job: &'a Job,
    pub(super) session: &'a Session,
    pub(super) runs: &'a [RunPlan],
    pub(super) progress: &'a Progress,
    pub(super) shards: usize,
    pub(super) stop: &'a AtomicBool,
}

impl Worker<'_> {
    /// Carries out runs, several at a time, in their order. The first failure lets no further one begin; those under way end.
    pub(super) fn run_all(&self, pending: &[usize], side_by_side: usize) -> Result<(), Failure> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(side_by_side).build().context("cannot start threads")?;
        let failure: Mutex<Option<Failure>> = Mutex::new(None);
        let has_failed = AtomicBool::new(false);
        pool.scope_fifo(|scope| {
            for &index in pending {
                let (failure, has_failed) = (&failure, &has_failed);
                scope.spawn_fifo(move |_| {
                    if has_failed.load(Ordering::SeqCst) || self.stop.load(Ordering::SeqCst) {
                        has_failed.store(true, Ordering::SeqCst);
                        return;
                    }
                    if let Err(error) = self.run_one(index) {
                        has_failed.store(true, Ordering::SeqCst);
                        failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
                    }
                });
            }
        });
        match failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            Some(failure) => Err(failure),
            None if has_failed.into_inner() => Err(Failure::Stopped("stopped".to_owned())),
            None => Ok(()),
        }
    }

    fn run_one(&self, index: usize) -> Result<(), Failure> {
        let run = &self.runs[index];
        let name = &self.job.scenario.name;
        let mut rows = Rows { part: self.session.part(index)?, share: self.job.scenario.output.lookups };
        let begun = Instant::now();
        // The world first tells of its progress when it has been set up.
        let first_told = OnceLock::new();
        let tell = |share: f64| {
            first_told.get_or_init(|| begun.elapsed());
            self.progress.advance(name, index, share);
        };
        let options = RunOptions {
            shards: self.shards,
            stop: Some(self.stop),
            progress: Some(&tell),
            graph: self.job.scenario.output.graph,
            ..RunOptions::default()
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| run.topology.run(&run.conditions, run.seed, &options, &mut rows)));
        let record = outcome.map_err(|panic| broken(run, panic.as_ref()))?.map_err(|error| self.failed(run, error))?;
        let wall = begun.elapsed();
        let setup = first_told.get().copied().unwrap_or_default();
        rows.part.record(&record, RunTime { setup_s: setup.as_secs_f64(), wall_s: wall.as_secs_f64() })?;
        self.progress.finish(name, index);
        Ok(())
    }

    fn failed(&self, run: &RunPlan, error: RunError) -> Failure {
        match error {
            // The scenario asks for what cannot be built: nothing was simulated in this run.
            RunError::Build(error) => {
                let index = self.position(run);
                Failure::Input(self.job.scenario.blame(&format!("topology.{index}.{}", error.path), error.message).render(true))
            }
            RunError::Stopped => Failure::Stopped("stopped".to_owned()),
            error @ (RunError::Network(_) | RunError::Trace(_)) => Failure::input(format_args!("run {}: {error}", run.name)),
            error => Failure::Run(anyhow::Error::new(error).context(format!("run {}", run.name))),
        }
    }

    /// The index of a run's topology in the file.
    fn position(&self, run: &RunPlan) -> usize {
        let labels = self.job.scenario.points.first().into_iter().flat_map(|point| &point.topologies);
        labels.zip(0..).find(|(entry, _)| entry.label == run.topology_label).map_or(0, |(_, index)| index)
    }
}

/// A panic in a run is a bug, of ours or of a model's author: said in one sentence, with what is needed to repeat it.
fn broken(run: &RunPlan, panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("no reason was given");
    Failure::Run(anyhow::anyhow!("run {} (seed {}) has met a bug in the model `{}`: {text}", run.name, run.seed, run.topology.model()))
}

/// The rows of lookups on their way to the file: all, or a sample by their number, which is the same in every topology.
struct Rows {
    part: PartWriter,
    share: LookupRows,
}

impl Sink for Rows {
    fn lookup(&mut self, row: &LookupRow) -> io::Result<()> {
        match self.share {
            LookupRows::Share(share) if unit_f64(mix(row.lookup)) >= share => Ok(()),
            _ => self.part.lookup(row),
        }
    }

    fn peer(&mut self, row: &PeerRow) -> io::Result<()> {
        self.part.peer(row)
    }
}
