//! What an event of the timeline did to the whole, and how long that lasted: read off the time series when a run is over.
//!
//! # Definition
//! A measure (success ratio, the largest component where it is measured, upkeep) has its *level* in the mean of the samples before the event, ten
//! at the most and none from before the previous event. It is disturbed as long as there are, before the next event, three samples in a row whose mean
//! is further from the level than the tolerance: a twentieth of it for what must not fall, a tenth for traffic, which must not rise. (So what
//! falls late, as an overlay does whose peers give each other up, has not been recovered from early.) The event has been recovered from when all
//! measures are back. Its *dip* is how far success fell below its level at the worst, and
//! its *repair* the upkeep above the level until then.
//!
//! Times are as fine as the samples (`time.sample_every`).

use peerlab_engine::time::{Span, Time};

use crate::measure::Metrics;
use crate::record::{EventRow, SampleRow};

/// Samples before an event that its level is the mean of, at the most.
const BEFORE: usize = 10;

/// Samples in a row that must be back.
const BACK: usize = 3;

/// The word for the end of an event in [`EventRow::action`].
const HEAL: &str = "heal";

/// A quantity over time, and when it counts as disturbed.
struct Measure<'s> {
    /// By sample: the end of the interval, and the value.
    samples: Vec<(Time, f64)>,
    /// True if `value` is as it was at `level`.
    is_back: &'s dyn Fn(f64, f64) -> bool,
}

impl<'s> Measure<'s> {
    fn new(samples: &[SampleRow], metric: &str, is_back: &'s dyn Fn(f64, f64) -> bool) -> Self {
        let own = samples.iter().filter(|sample| sample.metric == metric);
        Self { samples: own.map(|sample| (sample.time, sample.value)).collect(), is_back }
    }

    /// The level before `at`, of what came after `previous`.
    fn level(&self, previous: Time, at: Time) -> Option<f64> {
        let before = self.samples.iter().filter(|(end, _)| *end > previous && *end <= at).rev().take(BEFORE);
        mean(before.map(|(_, value)| *value))
    }

    /// The samples that end after `at`, but not after `next`.
    fn between(&self, at: Time, next: Time) -> &[(Time, f64)] {
        let place = |time: Time| self.samples.partition_point(|(end, _)| *end <= time);
        &self.samples[place(at)..place(next)]
    }

    /// How long after `at` the measure is back for good; nothing if it is not before `next`.
    fn back(&self, level: f64, at: Time, next: Time) -> Option<Span> {
        let after = self.between(at, next);
        let mut rows = after.windows(BACK.min(after.len()).max(1));
        let is_disturbed =
            |row: &[(Time, f64)]| mean(row.iter().map(|(_, value)| *value)).is_some_and(|value| !(self.is_back)(value, level));
        match (rows.clone().rposition(is_disturbed), rows.len()) {
            (_, 0) => None,
            (None, _) => Some(Span::ZERO),
            (Some(last), rows) if last + 1 == rows => None,
            (Some(last), _) => rows.nth(last).map(|row| row[0].0.since(at)),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// Fills in what became of each event, and adds the metrics. `samples` are in the order of time.
pub(crate) fn judge(events: &mut [EventRow], samples: &[SampleRow], interval: Span, metrics: &mut Metrics) {
    let stays = |value: f64, level: f64| value >= 0.95 * level;
    let measures = [
        Measure::new(samples, "lookup_success_ratio", &stays),
        Measure::new(samples, "graph_largest_component_share", &stays),
        Measure::new(samples, "maintenance_bytes_per_peer_s", &|value, level| value <= 1.1 * level),
    ];
    let [success, _, upkeep] = &measures;
    let online = Measure::new(samples, "peers_online", &stays);
    let mut previous = Time::MIN;
    for index in 0..events.len() {
        let at = events[index].time;
        let before = std::mem::replace(&mut previous, at);
        if events[index].action == HEAL {
            continue;
        }
        let next = events[index..].iter().find(|later| later.time > at && later.action != HEAL).map_or(Time::MAX, |later| later.time);
        let event = &mut events[index];
        let levels: Vec<(&Measure<'_>, f64)> =
            measures.iter().filter_map(|measure| Some((measure, measure.level(before, at)?))).filter(|(_, level)| *level > 0.0).collect();
        if levels.is_empty() {
            continue;
        }
        let times: Option<Vec<Span>> = levels.iter().map(|(measure, level)| measure.back(*level, at, next)).collect();
        let recovery = times.and_then(|times| times.into_iter().max());
        event.recovery = recovery;
        let until = recovery.map_or(next, |recovery| at + recovery);
        let disturbed = |measure: &Measure<'_>| measure.between(at, until).to_vec();
        event.dip = success.level(before, at).map(|level| {
            let lowest = disturbed(success).into_iter().map(|(_, value)| value).fold(level, f64::min);
            level - lowest
        });
        event.repair_bytes = upkeep.level(before, at).map(|level| {
            let peers = |end: Time| online.samples.iter().find(|(time, _)| *time == end).map_or(0.0, |(_, peers)| *peers);
            disturbed(upkeep).into_iter().map(|(end, value)| (value - level).max(0.0) * interval.secs_f64() * peers(end)).sum()
        });
    }
    let judged = || events.iter().filter(|event| event.dip.is_some() || event.repair_bytes.is_some());
    let count = judged().count() as u64;
    let recovered: Vec<f64> = judged().filter_map(|event| event.recovery).map(Span::secs_f64).collect();
    metrics.mean("recovery_time_s", "s", recovered.iter().sum(), recovered.len() as u64);
    metrics.mean("recovered_ratio", "1", recovered.len() as f64, count);
    let dips = || judged().filter_map(|event| event.dip);
    metrics.maybe("dip_max", "1", dips().reduce(f64::max));
    metrics.maybe("repair_bytes_mean", "B", mean(judged().filter_map(|event| event.repair_bytes)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(metric: &'static str, values: &[f64]) -> Vec<SampleRow> {
        let row = |(number, &value): (i64, &f64)| SampleRow { time: Time::from_secs(10 * number), metric, unit: "1", value };
        (1..).zip(values).map(row).collect()
    }

    fn event(at: i64, action: &str) -> EventRow {
        EventRow::new(Time::from_secs(at), action, 1, String::new())
    }

    fn judged(samples: &[SampleRow], events: &mut [EventRow]) -> Vec<(String, f64)> {
        let mut metrics = Metrics::default();
        judge(events, samples, Span::from_secs(10), &mut metrics);
        metrics.0.into_iter().map(|metric| (metric.name.to_owned(), metric.value)).collect()
    }

    #[test]
    fn an_event_is_over_when_three_samples_in_a_row_are_back() {
        // The crash at 40 s halves it; one good sample among bad ones is no recovery.
        let success = [1.0, 1.0, 1.0, 1.0, 0.5, 1.0, 0.6, 0.8, 1.0, 1.0, 1.0, 1.0];
        let mut events = [event(40, "crash"), event(60, HEAL)];
        let metrics = judged(&samples("lookup_success_ratio", &success), &mut events);
        assert_eq!((events[0].recovery, events[0].dip), (Some(Span::from_secs(40)), Some(0.5)));
        assert_eq!(metrics[0], ("recovery_time_s".to_owned(), 40.0));
        assert_eq!(metrics[1], ("recovered_ratio".to_owned(), 1.0));
        assert_eq!(events[1].dip, None, "the end of an event is none");
    }

    #[test]
    fn what_falls_late_is_back_late() {
        let success = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0];
        let mut events = [event(20, "partition"), event(50, HEAL)];
        judged(&samples("lookup_success_ratio", &success), &mut events);
        assert_eq!((events[0].recovery, events[0].dip), (Some(Span::from_secs(60)), Some(0.5)));
        // What comes after the next event is that one's.
        let mut events = [event(20, "loss"), event(50, "partition")];
        judged(&samples("lookup_success_ratio", &success), &mut events);
        assert_eq!((events[0].recovery, events[1].recovery), (Some(Span::ZERO), Some(Span::from_secs(30))));
    }

    #[test]
    fn what_does_not_come_back_has_no_time() {
        let mut events = [event(20, "crash")];
        let metrics = judged(&samples("lookup_success_ratio", &[1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5]), &mut events);
        assert_eq!((events[0].recovery, events[0].dip), (None, Some(0.5)));
        assert_eq!(metrics[0], ("recovered_ratio".to_owned(), 0.0));
    }

    #[test]
    fn repair_is_the_upkeep_above_the_level() {
        let upkeep = [100.0, 100.0, 150.0, 130.0, 100.0, 100.0, 100.0];
        let mut rows = samples("maintenance_bytes_per_peer_s", &upkeep);
        rows.extend(samples("peers_online", &[7.0; 7]));
        rows.sort_by_key(|row| row.time);
        let mut events = [event(20, "crash")];
        judged(&rows, &mut events);
        // The mean of 130, 100 and 100 is just within a tenth.
        assert_eq!((events[0].recovery, events[0].repair_bytes), (Some(Span::from_secs(10)), Some(50.0 * 10.0 * 7.0)));
    }

    #[test]
    fn nothing_before_nothing_to_compare() {
        let mut events = [event(0, "crash")];
        assert!(judged(&samples("lookup_success_ratio", &[0.5, 0.5]), &mut events).is_empty());
    }
}
