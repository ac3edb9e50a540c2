//! From integers to metrics: what the summary, the hop counts and the time series say.
//!
//! Everything is counted in integers while the run goes on; floats appear here, at the end.

use hdrhistogram::Histogram;
use peerlab_engine::time::{Span, Time};
use peerlab_model::{ItemId, Target};

use crate::ledger::Row;
use crate::record::{DownloadOutcome, DownloadRow, Metric, Outcome, SampleRow};

/// What is measured of lookups.
pub(crate) struct Lookups {
    interval: Span,
    /// By [`Outcome`].
    outcomes: [u64; 7],
    pub(crate) hops: Vec<u64>,
    rounds: u64,
    latency_nanos: u128,
    /// Microseconds.
    latencies: Histogram<u64>,
    stretch: Mean,
    /// Over the lookups that ended (neither abandoned nor open).
    ended: u64,
    messages: u64,
    bytes: u64,
    timeouts: u64,
    /// Items that lookups by keyword found.
    results: u64,
    /// Lookups by keyword that ended.
    by_keyword: u64,
    /// Of those for which something matched when they were asked.
    recall: Mean,
    /// By the sample interval in which they were asked.
    intervals: Vec<Interval>,
    /// Items that have been taken down or deleted, and since when.
    watched: Vec<(ItemId, Time)>,
    /// Lookups for these, since then, by peers that did not have them: found, and all that ended.
    of_watched: (u64, u64),
}

/// The lookups that were asked in one sample interval.
#[derive(Clone, Copy, Default)]
struct Interval {
    found: u64,
    /// Found, incorrect, not found or timed out.
    decided: u64,
    hops: u64,
    latency_nanos: u128,
    messages: u64,
    ended: u64,
    recall: Mean,
    of_watched: (u64, u64),
}

/// A sum in fixed point, so that the order of its terms does not matter.
#[derive(Clone, Copy, Default)]
struct Mean {
    millionths: u128,
    count: u64,
}

impl Lookups {
    /// Nothing measured yet; the time series will have a value each `interval`.
    pub(crate) fn new(interval: Span) -> Self {
        Self {
            interval,
            outcomes: [0; 7],
            hops: Vec::new(),
            rounds: 0,
            latency_nanos: 0,
            // Three digits, from a microsecond up to an hour.
            latencies: Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are in order"),
            stretch: Mean::default(),
            ended: 0,
            messages: 0,
            bytes: 0,
            timeouts: 0,
            results: 0,
            by_keyword: 0,
            recall: Mean::default(),
            intervals: Vec::new(),
            watched: Vec::new(),
            of_watched: (0, 0),
        }
    }

    /// An item has been taken down or deleted at `since`.
    pub(crate) fn watch(&mut self, item: ItemId, since: Time) {
        if self.watched.iter().all(|(watched, _)| *watched != item) {
            self.watched.push((item, since));
        }
    }

    /// Of the downloads of such items that began since and have ended, the share that is complete.
    pub(crate) fn fetched(&self, rows: &[DownloadRow]) -> Option<f64> {
        let began = |row: &&DownloadRow| self.watched.iter().any(|(item, since)| item.0 == row.item && row.start >= *since);
        let ended = || rows.iter().filter(began).filter(|row| row.end.is_some());
        let complete = ended().filter(|row| row.outcome == DownloadOutcome::Complete).count();
        (ended().count() > 0).then(|| complete as f64 / ended().count() as f64)
    }

    /// Counts a lookup that was asked in the measured time.
    pub(crate) fn count(&mut self, row: &Row) {
        let outcome = row.ended.expect("a row leaves with an outcome");
        self.outcomes[outcome as usize] += 1;
        let at = (row.asked.since(Time::ZERO).nanos() / self.interval.nanos()) as usize;
        if at >= self.intervals.len() {
            self.intervals.resize(at + 1, Interval::default());
        }
        let interval = &mut self.intervals[at];
        if !matches!(outcome, Outcome::Abandoned | Outcome::Open) {
            self.ended += 1;
            self.messages += u64::from(row.messages);
            self.bytes += row.bytes;
            self.timeouts += u64::from(row.timeouts);
            interval.ended += 1;
            interval.messages += u64::from(row.messages);
            interval.decided += u64::from(outcome != Outcome::Absent);
            let is_watched = |(item, since): &(ItemId, Time)| row.target == Target::Item(*item) && row.asked >= *since;
            // What is found without a message was at home.
            if !self.watched.is_empty() && self.watched.iter().any(is_watched) && !(outcome == Outcome::Found && row.messages == 0) {
                let found = u64::from(outcome == Outcome::Found);
                for (all_found, all) in [&mut self.of_watched, &mut interval.of_watched] {
                    (*all_found, *all) = (*all_found + found, *all + 1);
                }
            }
            if matches!(row.target, Target::Keywords(_)) {
                self.by_keyword += 1;
                self.results += u64::from(row.results);
                if let Some(recall) = row.recall() {
                    self.recall.add(recall);
                    interval.recall.add(recall);
                }
            }
        }
        let (Outcome::Found, Some(first)) = (outcome, row.first) else { return };
        interval.found += 1;
        interval.hops += u64::from(first.hops);
        interval.latency_nanos += u128::from(first.latency.nanos());
        let hops = first.hops as usize;
        if hops >= self.hops.len() {
            self.hops.resize(hops + 1, 0);
        }
        self.hops[hops] += 1;
        self.rounds += u64::from(first.rounds);
        self.latency_nanos += u128::from(first.latency.nanos());
        self.latencies.saturating_record((first.latency.nanos() / 1_000).max(1));
        if let Some(stretch) = first.stretch {
            self.stretch.add(f64::from(stretch));
        }
    }

    /// The metrics of the whole run.
    pub(crate) fn metrics(&self, metrics: &mut Metrics) {
        let of = |outcome: Outcome| self.outcomes[outcome as usize];
        let all: u64 = self.outcomes.iter().sum();
        let found = of(Outcome::Found);
        let could_be = all - of(Outcome::Abandoned) - of(Outcome::Open);
        let decided = could_be - of(Outcome::Absent);
        metrics.ratio("lookup_success_ratio", found, decided);
        metrics.ratio("lookup_incorrect_ratio", of(Outcome::Incorrect), decided);
        metrics.ratio("content_availability", could_be - of(Outcome::Absent), could_be);
        let total_hops: u64 = self.hops.iter().zip(0..).map(|(count, hops)| count * hops).sum();
        metrics.mean("hops_mean", "hops", total_hops as f64, found);
        for (name, share) in [("hops_p50", 0.5), ("hops_p95", 0.95), ("hops_p99", 0.99), ("hops_max", 1.0)] {
            metrics.maybe(name, "hops", quantile(&self.hops, share));
        }
        if self.rounds > 0 {
            metrics.mean("rounds_mean", "rounds", self.rounds as f64, found);
        }
        metrics.mean("lookup_latency_mean", "ms", self.latency_nanos as f64 / 1e6, found);
        for (name, share) in [("lookup_latency_p50", 0.5), ("lookup_latency_p95", 0.95), ("lookup_latency_p99", 0.99)] {
            metrics.maybe(name, "ms", (found > 0).then(|| self.latencies.value_at_quantile(share) as f64 / 1e3));
        }
        metrics.mean("lookup_timeouts_mean", "timeouts", self.timeouts as f64, self.ended);
        metrics.mean("lookup_stretch_mean", "1", self.stretch.millionths as f64 / 1e6, self.stretch.count);
        metrics.mean("results_mean", "items", self.results as f64, self.by_keyword);
        metrics.mean("recall_mean", "1", self.recall.millionths as f64 / 1e6, self.recall.count);
        metrics.ratio("item_found_ratio", self.of_watched.0, self.of_watched.1);
        metrics.mean("messages_per_lookup_mean", "messages", self.messages as f64, self.ended);
        metrics.mean("bytes_per_lookup_mean", "B", self.bytes as f64, self.ended);
    }

    /// The time series: of the lookups that were asked in each interval.
    pub(crate) fn samples(&self, duration: Span, into: &mut Vec<SampleRow>) {
        for (interval, number) in self.intervals.iter().zip(1..) {
            let end = self.interval.times(number).min(duration);
            let time = Time::ZERO + end;
            let mut push = |metric, unit, value: f64, count: u64| {
                if count > 0 {
                    into.push(SampleRow { time, metric, unit, value: value / count as f64 });
                }
            };
            push("lookup_success_ratio", "1", interval.found as f64, interval.decided);
            push("content_availability", "1", interval.decided as f64, interval.ended);
            push("hops_mean", "hops", interval.hops as f64, interval.found);
            push("lookup_latency_mean", "ms", interval.latency_nanos as f64 / 1e6, interval.found);
            push("messages_per_lookup_mean", "messages", interval.messages as f64, interval.ended);
            push("item_found_ratio", "1", interval.of_watched.0 as f64, interval.of_watched.1);
            push("recall_mean", "1", interval.recall.millionths as f64 / 1e6, interval.recall.count);
        }
    }
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.millionths += (value * 1e6) as u128;
        self.count += 1;
    }
}

/// The smallest value that at least a `share` of all reach or stay below.
fn quantile(counts: &[u64], share: f64) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    let wanted = ((total as f64 * share).ceil() as u64).max(1);
    let mut below = 0;
    for (count, value) in counts.iter().zip(0_u32..) {
        below += count;
        if below >= wanted {
            return Some(f64::from(value));
        }
    }
    None
}

/// The list of a run's metrics under construction.
#[derive(Default)]
pub(crate) struct Metrics(pub(crate) Vec<Metric>);

impl Metrics {
    /// A metric that has a value.
    pub(crate) fn value(&mut self, name: &'static str, unit: &'static str, value: f64) {
        self.0.push(Metric { name, unit, value });
    }

    /// A metric that may have none.
    pub(crate) fn maybe(&mut self, name: &'static str, unit: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.value(name, unit, value);
        }
    }

    /// A sum over a count; none over nothing.
    pub(crate) fn mean(&mut self, name: &'static str, unit: &'static str, sum: f64, count: u64) {
        self.maybe(name, unit, (count > 0).then(|| sum / count as f64));
    }

    /// A share; none of nothing.
    pub(crate) fn ratio(&mut self, name: &'static str, part: u64, whole: u64) {
        self.mean(name, "1", part as f64, whole);
    }
}

/// The Gini coefficient of a load: 0 if all carry the same, near 1 if one carries all; none if nobody carries anything.
pub(crate) fn gini(mut loads: Vec<u64>) -> Option<f64> {
    loads.sort_unstable();
    let total: u128 = loads.iter().map(|&load| u128::from(load)).sum();
    let ranked: u128 = loads.iter().zip(1_u128..).map(|(&load, rank)| rank * u128::from(load)).sum();
    let count = loads.len() as f64;
    (total > 0).then(|| 2.0 * ranked as f64 / (count * total as f64) - (count + 1.0) / count)
}
