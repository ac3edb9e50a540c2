//! How far it is: a bar on a terminal, a line now and then elsewhere, nothing if nobody wants to know.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::note;

/// Steps into which a run is divided.
const STEPS: u32 = 1000;

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// The progress of a list of runs; told by any thread.
pub(crate) struct Progress {
    /// Steps done, of each run.
    steps: Vec<AtomicU32>,
    finished: AtomicUsize,
    display: Display,
}

enum Display {
    Bar(ProgressBar),
    /// When the last line was written.
    Lines(Mutex<Instant>),
    Nothing,
}

impl Progress {
    /// Nothing done yet, but the runs in `completed`.
    pub(crate) fn new(name: &str, runs: usize, completed: &[usize], is_quiet: bool) -> Self {
        let display = if is_quiet {
            Display::Nothing
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(runs as u64 * u64::from(STEPS)), ProgressDrawTarget::stderr_with_hz(5));
            let style = ProgressStyle::with_template("{prefix} [{bar:32}] {percent:>3} %  {msg}  {elapsed} gone, {eta} to go");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
            bar.set_prefix(name.to_owned());
            Display::Bar(bar)
        } else {
            note(&format!("{name}: {runs} {}", if runs == 1 { "run" } else { "runs" }));
            Display::Lines(Mutex::new(Instant::now()))
        };
        let steps = (0..runs).map(|index| AtomicU32::new(if completed.contains(&index) { STEPS } else { 0 }));
        let progress = Self { steps: steps.collect(), finished: AtomicUsize::new(completed.len()), display };
        progress.show(name);
        progress
    }

    /// A share of run `index` is done.
    pub(crate) fn advance(&self, name: &str, index: usize, share: f64) {
        self.steps[index].store((share.clamp(0.0, 1.0) * f64::from(STEPS)) as u32, Ordering::Relaxed);
        self.show(name);
    }

    /// Run `index` is done.
    pub(crate) fn finish(&self, name: &str, index: usize) {
        self.finished.fetch_add(1, Ordering::Relaxed);
        self.advance(name, index, 1.0);
    }

    /// Takes the bar away: what comes next is written in its place.
    pub(crate) fn clear(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }

    fn show(&self, name: &str) {
        let finished = self.finished.load(Ordering::Relaxed);
        let message = || format!("{finished} of {} runs", self.steps.len());
        let done = || self.steps.iter().map(|steps| u64::from(steps.load(Ordering::Relaxed))).sum::<u64>();
        match &self.display {
            Display::Bar(bar) => {
                bar.set_message(message());
                bar.set_position(done());
            }
            Display::Lines(last) => {
                // Whoever finds it locked would say the same.
                if let Ok(mut last) = last.try_lock()
                    && last.elapsed() >= LINE_EVERY
                {
                    *last = Instant::now();
                    note(&format!("{name}: {} done, {} %", message(), done() * 100 / (self.steps.len() as u64 * u64::from(STEPS)).max(1)));
                }
            }
            Display::Nothing => {}
        }
    }
}
