//! What single lookups took: the distribution of their latency, and of their messages.
//!
//! `lookups.csv` may be gigabytes: it is read once, as bare cells, into one histogram per topology and quantity. Latencies are
//! kept to three digits (HDR histogram, in microseconds), small message counts exactly.
//!
//! # Not here
//! A single lookup's story: `sim explain`.

use super::{
    ChartError,
    figure::{Figure, Mark, Markers},
    scale::Axis,
    slice::{Slice, open_if_present},
};
use crate::tables::{Lookup, parse_nanos};
use hdrhistogram::Histogram;
use std::path::Path;

/// Larger values count as this one: 31 years of microseconds, or as many messages.
const LARGEST: u64 = 1_000_000_000_000_000;

/// One topology's lookups.
struct Spread {
    /// Latency of the found ones, in µs.
    latency_us: Histogram<u64>,
    /// Messages of those that came to an end.
    messages: Histogram<u64>,
    message_sum: u64,
}

impl Spread {
    fn new() -> Self {
        // Only bounds in the wrong order or too many digits would fail.
        let histogram = || Histogram::new_with_bounds(1, LARGEST, 3).expect("bounds are in order, three digits are valid");
        Self { latency_us: histogram(), messages: histogram(), message_sum: 0 }
    }
}

/// `latency-cdf` and `messages-per-lookup`.
pub(super) fn figures(directory: &Path, slice: &Slice) -> Result<Vec<Figure>, ChartError> {
    let spreads = read(directory, slice)?;
    if spreads.iter().all(|spread| spread.messages.is_empty()) {
        return Ok(Vec::new());
    }
    Ok(vec![latency(&spreads, slice), messages(&spreads, slice)])
}

fn read(directory: &Path, slice: &Slice) -> Result<Vec<Spread>, ChartError> {
    let mut spreads: Vec<Spread> = slice.topologies.iter().map(|_| Spread::new()).collect();
    let Some(mut reader) = open_if_present::<Lookup>(directory)? else { return Ok(spreads) };
    let [outcome, messages, latency] = [reader.position("outcome")?, reader.position("messages")?, reader.position("latency_ms")?];
    while let Some((label, record)) = reader.next_record()? {
        let Some(topology) = slice.topology(label) else { continue };
        let spread = &mut spreads[topology];
        let found = record.get(outcome) == Some(b"found");
        // As in the metric `messages_per_lookup_mean`: of what was cut short, nobody knows what it would have taken.
        let ended = !matches!(record.get(outcome), Some(b"abandoned" | b"open"));
        let cell = record.get(latency).filter(|cell| found && !cell.is_empty());
        let nanos = cell.map(|cell| parse_nanos(cell, 6).and_then(|nanos| u64::try_from(nanos).ok()));
        if let Some(nanos) = nanos {
            let nanos = nanos.ok_or_else(|| reader.bad_cell(latency))?;
            spread.latency_us.saturating_record((nanos + 500) / 1000);
        }
        if let Some(count) = reader.count(messages)?.filter(|_| ended) {
            spread.messages.saturating_record(count);
            spread.message_sum += count;
        }
    }
    Ok(spreads)
}

fn latency(spreads: &[Spread], slice: &Slice) -> Figure {
    let (name, title) = ("latency-cdf", "Latency of found lookups");
    let filled = || spreads.iter().map(|spread| &spread.latency_us).filter(|histogram| !histogram.is_empty());
    let lows = filled().filter_map(|histogram| histogram.iter_recorded().map(|value| value.value_iterated_to()).find(|&us| us > 0));
    let (Some(low_us), Some(high_us)) = (lows.min(), filled().map(|histogram| histogram.value_at_quantile(0.9999)).max()) else {
        let why = if filled().next().is_some() { "every found lookup took no time" } else { "no lookup was found" };
        return Figure::without_data(name, title, slice.subtitle(&[]), why);
    };
    // A handful of nearest pairs must not stretch the axis over decades in which nothing happens.
    let low_us = low_us.max(filled().map(|histogram| first_positive_quantile(histogram, 0.001)).min().unwrap_or(low_us));
    let ms = |us: u64| us as f64 / 1000.0;
    let x = Axis::log10("from the question to the first right answer (ms, log scale)", ms(low_us), ms(high_us.max(low_us + 1)));
    let (left, right) = x.range();
    let y = Axis::per_cent("share of the found lookups (%)");
    let mut figure = Figure::new(name, title, slice.subtitle(&[]), x, y);
    for (pen, spread) in spreads.iter().enumerate().filter(|(_, spread)| !spread.latency_us.is_empty()) {
        let histogram = &spread.latency_us;
        let total = histogram.len() as f64;
        let mut below = 0;
        let mut points: Vec<(f64, f64)> = Vec::new();
        for value in histogram.iter_recorded() {
            below += value.count_since_last_iteration();
            let (at, share) = (ms(value.value_iterated_to()), below as f64 * 100.0 / total);
            if at <= left {
                points.clear();
                points.push((left, share));
            } else if at <= right {
                if points.is_empty() {
                    points.push((at, 0.0));
                }
                points.push((at, share));
            }
        }
        if let Some(&(at, share)) = points.last().filter(|(at, _)| *at < right) {
            points.push((right.max(at), share));
        }
        figure.line(pen, points, Markers::Some);
        let median = ms(histogram.value_at_quantile(0.5));
        figure.entry(pen, format!("{} (median {} ms)", slice.topologies[pen], rounded(median)));
    }
    figure
}

fn messages(spreads: &[Spread], slice: &Slice) -> Figure {
    let (name, title) = ("messages-per-lookup", "Messages per lookup");
    let drawn: Vec<usize> = (0..spreads.len()).filter(|&index| !spreads[index].messages.is_empty()).collect();
    let quantiles = |index: usize| [0.05, 0.25, 0.5, 0.75, 0.95].map(|quantile| spreads[index].messages.value_at_quantile(quantile) as f64);
    let mean = |index: usize| spreads[index].message_sum as f64 / spreads[index].messages.len() as f64;
    let ends = || drawn.iter().flat_map(|&index| quantiles(index).into_iter().chain([mean(index)]));
    // A lookup that is answered at home sends nothing: 0 has its place at half a message.
    let has_zero = ends().any(|value| value < 0.5);
    let floor = if has_zero { 0.5 } else { ends().fold(f64::INFINITY, f64::min) };
    let mut x = Axis::log10("messages of a lookup, replies included (log scale)", floor, ends().fold(1.0, f64::max));
    if has_zero {
        x.relabel(0.5, "0");
    }
    // The first topology on top.
    let names: Vec<String> = drawn.iter().rev().map(|&index| slice.topologies[index].clone()).collect();
    let subtitle = slice.subtitle(&["box: quartiles, whiskers: 5 % and 95 %, dot: mean"]);
    let mut figure = Figure::new(name, title, subtitle, x, Axis::categories("", &names));
    for (place, &pen) in drawn.iter().rev().enumerate() {
        let quantiles = quantiles(pen).map(|value| value.max(floor));
        figure.marks.push(Mark::Box { pen, y: place as f64, quantiles, mean: mean(pen).max(floor) });
    }
    figure
}

/// The value that `quantile` of the values above 0 do not exceed.
fn first_positive_quantile(histogram: &Histogram<u64>, quantile: f64) -> u64 {
    let zeros = histogram.count_at(0) as f64;
    let total = histogram.len() as f64;
    histogram.value_at_quantile((zeros + quantile * (total - zeros)) / total).max(1)
}

/// Three digits are enough for a legend.
fn rounded(value: f64) -> String {
    let decimals = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}
