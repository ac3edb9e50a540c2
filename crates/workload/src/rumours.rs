//! `[rumours]`: news that everybody is to hear.

use peerlab_model::units::{Duration, Size};
use peerlab_model::{Issues, RumourId, Span, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// News that everybody is to hear: one rumour after the other, each of them first known to one member of the overlay, drawn at random.
///
/// Models that answer no question may take part, and models that do both: flooding, say. The others are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RumoursConfig {
    /// How many rumours start, numbered 0 … count − 1. Default: 10.
    pub count: u32,
    /// When the first one starts. Default: 0 s.
    pub first: Duration,
    /// From the start of one to that of the next. Default: 1 min.
    pub every: Duration,
    /// The size of each, which every message that carries it pays for. Default: 1 KiB.
    pub size: Size,
    /// After this time, or at the end of the run, a rumour is judged: who has been online all the time and has not heard it by then is its
    /// residue. What is sent for it later does not count as its traffic. Default: 5 min.
    pub timeout: Duration,
}

impl Default for RumoursConfig {
    fn default() -> Self {
        let minute = Duration::secs(60);
        Self { count: 10, first: Duration::default(), every: minute, size: Size(1 << 10), timeout: Duration::secs(300) }
    }
}

impl RumoursConfig {
    /// When a rumour starts.
    pub fn start(&self, rumour: RumourId) -> Time {
        Time::ZERO + self.first.span().saturating_add(self.every.span().times(u64::from(rumour.0)))
    }

    /// When a rumour that started at its time is judged, in a run without end: what happens at that instant no longer counts.
    pub fn deadline(&self, rumour: RumourId) -> Time {
        self.start(rumour).saturating_add(self.timeout.span())
    }

    /// Notes every value that cannot work in a run so long, with paths relative to the `[rumours]` table.
    pub fn check(&self, duration: Span, issues: &mut Issues) {
        issues.ensure(self.count > 0, "count", "there is at least one rumour; without any, leave `[rumours]` out");
        issues.ensure(self.timeout.span().nanos() > 0, "timeout", "nobody can hear a rumour in no time");
        let message = format!("a rumour has between 1 byte and 64 KiB: it travels in one message, and {} does not", self.size);
        issues.ensure((1..=64 << 10).contains(&self.size.0), "size", message);
        issues.ensure(self.count < 2 || self.every.span().nanos() > 0, "every", "rumours start one after the other");
        if self.count > 0 && self.start(RumourId(self.count - 1)) >= Time::ZERO + duration {
            let last = if self.first.span() >= duration { "first" } else { "every" };
            issues.error_with_help(
                last,
                format!("the last of {} rumours starts after the end of the run, which lasts {}", self.count, Duration(duration)),
                "let there be fewer, or let them start sooner",
            );
        }
    }
}
