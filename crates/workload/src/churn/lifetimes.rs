//! When each host is online: a pure function of the configuration, the seed and the host.

use std::sync::Arc;

use libm::sin;
use peerlab_engine::random::{Keyed, Streams};
use peerlab_engine::time::{Span, Time};
use peerlab_model::HostId;

use super::config::{ChurnConfig, Diurnal};
use super::trace::{Trace, TraceError};
use crate::classes::Classes;
use crate::distribution::Distribution;
use crate::peers::{ClassConfig, PeersConfig};
use crate::sampler::Sampler;

/// The state of a host and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// True while the host is online.
    pub online: bool,
    /// When the state changes; [`Time::MAX`] for never.
    pub until: Time,
}

/// The sessions and absences of all hosts, drawn without memory: each is a function of the host and its number.
///
/// Every host alternates between being online and being away. Its state at the start and what is left of it are those of a
/// process that has been running for ever, so the share of hosts online is session / (session + offline) at every moment.
/// Phases are numbered: 0 at the start, then 1, 2, …
#[derive(Clone, Debug)]
pub struct Lifetimes {
    source: Source,
    classes: Arc<Classes>,
    draws: Keyed,
    crashes: Keyed,
    crash_share: f64,
    diurnal: Option<Diurnal>,
}

#[derive(Clone, Debug)]
enum Source {
    /// Nobody ever goes.
    Always,
    /// The samplers of session and absence, class by class; nothing for a class that stays online.
    Drawn(Vec<Option<(Sampler, Sampler)>>),
    Traced(Arc<Trace>),
}

impl Lifetimes {
    /// The lifetimes that a scenario asks for; its configuration must have passed its check.
    ///
    /// # Errors
    /// If the trace cannot be read or used.
    pub fn new(churn: Option<&ChurnConfig>, peers: &PeersConfig, classes: Arc<Classes>, streams: Streams) -> Result<Self, TraceError> {
        let default = ChurnConfig::default();
        let churn = churn.unwrap_or(&default);
        let source = match &churn.trace {
            Some(file) => Source::Traced(Arc::new(Trace::load(file, peers.count)?)),
            None => drawn(churn, peers),
        };
        let draws = streams.keyed("churn.phases");
        Ok(Self { source, classes, draws, crashes: streams.keyed("churn.crashes"), crash_share: churn.crash_share, diurnal: churn.diurnal })
    }

    /// True if no host ever goes by itself.
    #[inline]
    pub fn is_constant(&self) -> bool {
        matches!(self.source, Source::Always)
    }

    /// Phase 0 of a host: its state at `start`, the beginning of the run, and when that ends.
    pub fn initial(&self, host: HostId, start: Time) -> Phase {
        match &self.source {
            Source::Always => Phase { online: true, until: Time::MAX },
            Source::Drawn(samplers) => match &samplers[self.classes.of(host)] {
                None => Phase { online: true, until: Time::MAX },
                Some((session, offline)) => {
                    let mut rng = self.draws.rng(u64::from(host.0), 0);
                    let online = rng.chance(session.mean() / (session.mean() + offline.mean()));
                    let left = if online { session } else { offline }.residual(&mut rng);
                    Phase { online, until: self.ends(start, left, online) }
                }
            },
            Source::Traced(trace) => {
                // A run may begin later than the trace; before it, the state at time 0 holds.
                let passed = passed(trace, host, start);
                let online = trace.online_at_zero(host.0) ^ (passed % 2 == 1);
                Phase { online, until: trace.times(host.0).get(passed).copied().unwrap_or(Time::MAX) }
            }
        }
    }

    /// When phase `number` (1, 2, …) of a host ends, which began at `at`; `online` is the host's state in it.
    #[inline]
    pub fn next(&self, host: HostId, number: u32, at: Time, online: bool) -> Time {
        match &self.source {
            Source::Always => Time::MAX,
            Source::Drawn(samplers) => match &samplers[self.classes.of(host)] {
                None => Time::MAX,
                Some((session, offline)) => {
                    let mut rng = self.draws.rng(u64::from(host.0), u64::from(number));
                    self.ends(at, if online { session } else { offline }.sample(&mut rng), online)
                }
            },
            Source::Traced(trace) => {
                // The next change to the other state; where the timeline has held the host against its trace, not simply the next.
                let passed = passed(trace, host, at);
                let traced = trace.online_at_zero(host.0) ^ (passed % 2 == 1);
                let skipped = usize::from(traced != online);
                trace.times(host.0).get(passed + skipped).copied().unwrap_or(Time::MAX)
            }
        }
    }

    /// When a phase ends that begins at `at` and would last so long on average over the day.
    fn ends(&self, at: Time, length: Span, online: bool) -> Time {
        match &self.diurnal {
            Some(diurnal) if !online => at.saturating_add(diurnal.stretched(at, length)),
            _ => at.saturating_add(length),
        }
    }

    /// True if the session that is phase `number` of a host ends in a crash, false if in a polite leave.
    pub fn crashes(&self, host: HostId, number: u32) -> bool {
        self.crashes.rng(u64::from(host.0), u64::from(number)).chance(self.crash_share)
    }

    /// The share of the population that is online on average: session / (session + offline) of each class, or, for a trace, its
    /// mean from time 0 to its last change.
    pub fn expected_online_share(&self) -> f64 {
        match &self.source {
            Source::Always => 1.0,
            Source::Drawn(samplers) => {
                let share = |class: &Option<(Sampler, Sampler)>| class.map_or(1.0, |(on, off)| on.mean() / (on.mean() + off.mean()));
                let counts = self.classes.counts();
                let online: f64 = samplers.iter().zip(counts).map(|(class, &count)| share(class) * f64::from(count)).sum();
                online / f64::from(counts.iter().sum::<u32>())
            }
            Source::Traced(trace) => trace.share_online(),
        }
    }
}

impl Diurnal {
    /// How long an absence takes that begins at `at` and would take `length` if the time of day changed nothing: until the rate
    /// 1 + A cos(2π (t − peak) / period) has added up to `length` (time rescaling).
    fn stretched(&self, at: Time, length: Span) -> Span {
        let (period, amplitude) = (self.period.span().secs_f64(), self.amplitude);
        let omega = std::f64::consts::TAU / period;
        let from = at.nanos() as f64 / 1e9 - self.peak.span().secs_f64();
        let wanted = length.secs_f64();
        let sum = |taken: f64| taken + amplitude / omega * (sin(omega * (from + taken)) - sin(omega * from));
        // The rate is never below 1 − A, and never above 1 + A.
        let (mut low, mut high) = (wanted / (1.0 + amplitude), wanted / (1.0 - amplitude));
        while high - low > 1e-6 {
            let middle = 0.5 * (low + high);
            let side = if sum(middle) < wanted { &mut low } else { &mut high };
            // Two neighbouring numbers have none between them.
            if *side == middle {
                break;
            }
            *side = middle;
        }
        Span::from_secs_f64(high)
    }
}

fn drawn(churn: &ChurnConfig, peers: &PeersConfig) -> Source {
    let sampler = |own: Option<&Distribution>, common: Option<&Distribution>| own.or(common).map(Distribution::sampler);
    let pair = |class: Option<&ClassConfig>| {
        let session = sampler(class.and_then(|class| class.session.as_ref()), churn.session.as_ref())?;
        let offline = sampler(class.and_then(|class| class.offline.as_ref()), churn.offline.as_ref())?;
        Some((session, offline))
    };
    let samplers: Vec<_> =
        if peers.class.is_empty() { vec![pair(None)] } else { peers.class.iter().map(|class| pair(Some(class))).collect() };
    if samplers.iter().all(Option::is_none) { Source::Always } else { Source::Drawn(samplers) }
}

/// How many of a host's changes have happened by `at`, itself included.
fn passed(trace: &Trace, host: HostId, at: Time) -> usize {
    trace.times(host.0).partition_point(|&time| time <= at)
}
