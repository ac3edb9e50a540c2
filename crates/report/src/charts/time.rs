//! How things went over time: the mean over repetitions, its 95 % band, and the timeline's events.
//!
//! A series of more samples than can be told apart is averaged over steps of several samples; the subtitle says so.

use super::{
    ChartError,
    figure::{EventMark, Figure, Mark, Markers},
    scale::Axis,
    slice::{Slice, open_if_present},
};
use crate::{
    statistics::Estimate,
    tables::{Event, Sample, parse_nanos},
};
use std::{collections::BTreeMap, path::Path};

/// Points of a line beyond which samples are averaged.
const POINTS: usize = 150;
/// Events beyond which the rest is only counted.
const EVENTS: usize = 12;

/// A chart of one metric over time.
struct View {
    metric: &'static str,
    name: &'static str,
    title: &'static str,
    axis: &'static str,
    /// Shown in per cent, on an axis from 0 to 100.
    per_cent: bool,
}

const VIEWS: [View; 15] = [
    View {
        metric: "lookup_success_ratio",
        name: "success-over-time",
        title: "Successful lookups over time",
        axis: "success ratio (%)",
        per_cent: true,
    },
    View {
        metric: "recall_mean",
        name: "recall-over-time",
        title: "Recall of lookups by keyword over time",
        axis: "matching items found (%)",
        per_cent: true,
    },
    View {
        metric: "hostile_identity_share",
        name: "hostile-identities",
        title: "Identities that belong to attackers",
        axis: "members (%)",
        per_cent: true,
    },
    View { metric: "peers_online", name: "peers-online", title: "Peers online", axis: "peers online", per_cent: false },
    View {
        metric: "rumour_heard_share",
        name: "rumour-over-time",
        title: "Peers that have heard the rumour",
        axis: "peers (%)",
        per_cent: true,
    },
    View {
        metric: "downloads_complete",
        name: "downloads-over-time",
        title: "Downloads that are complete",
        axis: "downloads",
        per_cent: false,
    },
    View {
        metric: "goodput_bit_s",
        name: "throughput-over-time",
        title: "Content that arrives",
        axis: "bit/s, all peers",
        per_cent: false,
    },
    View {
        metric: "server_bytes_share",
        name: "server-share-over-time",
        title: "Content that comes from servers",
        axis: "bytes (%)",
        per_cent: true,
    },
    View { metric: "piece_copies_min", name: "rarest-piece", title: "Copies of the rarest piece", axis: "copies online", per_cent: false },
    View {
        metric: "piece_entropy",
        name: "piece-entropy",
        title: "How evenly copies are spread over pieces",
        axis: "entropy (% of the greatest)",
        per_cent: true,
    },
    View {
        metric: "value_availability",
        name: "value-availability",
        title: "Values of which a peer online has a copy",
        axis: "values (%)",
        per_cent: true,
    },
    View {
        metric: "value_durability",
        name: "value-durability",
        title: "Values of which a copy is left anywhere",
        axis: "values (%)",
        per_cent: true,
    },
    View {
        metric: "graph_largest_component_share",
        name: "largest-component",
        title: "Peers online that are in the overlay's largest component",
        axis: "peers online (%)",
        per_cent: true,
    },
    View { metric: "graph_components", name: "components", title: "Components of the overlay", axis: "components", per_cent: false },
    View { metric: "graph_degree_mean", name: "degree", title: "Neighbours of a peer", axis: "mean degree", per_cent: false },
];

/// Values of the repetitions at each time, in nanoseconds.
type Series = BTreeMap<i64, Vec<f64>>;

/// `success-over-time` and `peers-online`; the recall where peers ask by keyword; where peers keep values, what has become of them; where the
/// overlay's graph is measured, its shape.
pub(super) fn figures(directory: &Path, slice: &Slice) -> Result<Vec<Figure>, ChartError> {
    let series = read(directory, slice)?;
    let mut figures = Vec::new();
    for (view, series) in VIEWS.iter().zip(&series) {
        if series.iter().any(|series| !series.is_empty()) {
            figures.push(figure(view, series, slice, directory)?);
        }
    }
    Ok(figures)
}

fn read(directory: &Path, slice: &Slice) -> Result<Vec<Vec<Series>>, ChartError> {
    let mut series = vec![vec![Series::new(); slice.topologies.len()]; VIEWS.len()];
    let Some(mut reader) = open_if_present::<Sample>(directory)? else { return Ok(series) };
    let [time, metric, value] = [reader.position("time_s")?, reader.position("metric")?, reader.position("value")?];
    while let Some((label, record)) = reader.next_record()? {
        let view = VIEWS.iter().position(|view| record.get(metric) == Some(view.metric.as_bytes()));
        let (Some(topology), Some(view)) = (slice.topology(label), view) else { continue };
        let cell = record.get(value).unwrap_or_default();
        if cell.is_empty() {
            continue;
        }
        let number = std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok());
        let nanos = record.get(time).and_then(|cell| parse_nanos(cell, 9));
        let number = number.ok_or_else(|| reader.bad_cell(value))?;
        let nanos = nanos.ok_or_else(|| reader.bad_cell(time))?;
        series[view][topology].entry(nanos).or_default().push(number);
    }
    Ok(series)
}

fn figure(view: &View, series: &[Series], slice: &Slice, directory: &Path) -> Result<Figure, ChartError> {
    let scale = match (view.per_cent, view.metric) {
        (true, _) => 100.0,
        (false, metric) if metric.ends_with("_bit_s") => 1e-6,
        (false, _) => 1.0,
    };
    let times = || series.iter().flat_map(|series| series.keys().copied());
    let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let longest = series.iter().map(Series::len).max().unwrap_or(0);
    let group = longest.div_ceil(POINTS).max(1);
    let curves: Vec<Vec<(f64, Estimate)>> = series.iter().map(|series| curve(series, group, scale)).collect();
    let x = time_axis(seconds(first).min(0.0), seconds(last));
    let y = if view.per_cent {
        Axis::per_cent(view.axis)
    } else {
        let highest = curves.iter().flatten().map(|(_, point)| point.ci95.map_or(point.mean, |ci| ci.1)).fold(0.0, f64::max);
        Axis::linear(view.axis, 0.0, highest)
    };
    let averaged = (group > 1 && longest > 1).then(|| {
        let step_s = seconds(last - first) / (longest - 1) as f64 * group as f64;
        format!("averaged over {} s", (step_s * 10.0).round() / 10.0)
    });
    let band = slice.repetitions > 1;
    let meaning = if band { Some("mean and its 95 % interval".to_owned()) } else { None };
    let more: Vec<&str> = [&meaning, &averaged].into_iter().flatten().map(String::as_str).collect();
    let limits = y.range();
    let mut figure = Figure::new(view.name, view.title, slice.subtitle(&more), x, y);
    for (pen, curve) in curves.iter().enumerate().filter(|(_, curve)| !curve.is_empty()) {
        let points = curve
            .iter()
            .filter_map(|(x, point)| point.ci95.map(|(low, high)| (*x, low.clamp(limits.0, limits.1), high.clamp(limits.0, limits.1))));
        let points: Vec<_> = points.collect();
        if points.len() > 1 {
            figure.marks.push(Mark::Band { pen, points });
        }
        figure.entry(pen, &slice.topologies[pen]);
    }
    for (pen, curve) in curves.iter().enumerate().filter(|(_, curve)| !curve.is_empty()) {
        figure.line(pen, curve.iter().map(|(x, point)| (*x, point.mean)).collect(), Markers::Some);
    }
    figure.events = events(directory, slice)?;
    Ok(figure)
}

/// Mean and interval at each time, over groups of samples; within a group each repetition is averaged first.
fn curve(series: &Series, group: usize, scale: f64) -> Vec<(f64, Estimate)> {
    let samples: Vec<(&i64, &Vec<f64>)> = series.iter().collect();
    samples
        .chunks(group)
        .filter_map(|chunk| {
            let repetitions = chunk.iter().map(|(_, values)| values.len()).max()?;
            let means: Vec<f64> = (0..repetitions)
                .filter_map(|repetition| {
                    let values: Vec<f64> = chunk.iter().filter_map(|(_, values)| values.get(repetition).copied()).collect();
                    Estimate::of(&values).map(|estimate| estimate.mean * scale)
                })
                .collect();
            let time = chunk.iter().map(|(nanos, _)| seconds(**nanos)).sum::<f64>() / chunk.len() as f64;
            Estimate::of(&means).map(|estimate| (time, estimate))
        })
        .collect()
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

/// Time in the unit that a reader would choose, with ticks at whole ones.
fn time_axis(low_s: f64, high_s: f64) -> Axis {
    let length = high_s - low_s;
    let (name, unit) = match length {
        length if length <= 180.0 => ("time (s)", 1.0),
        length if length <= 3.0 * 3600.0 => ("time (min)", 60.0),
        length if length <= 72.0 * 3600.0 => ("time (h)", 3600.0),
        _ => ("time (days)", 86400.0),
    };
    let steps: &[f64] = &[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0];
    let step = steps.iter().copied().find(|step| length / (step * unit) <= 10.0).unwrap_or(length / unit / 10.0);
    let step = if length / unit < 4.0 { super::scale::nice_step(length / unit, 8.0) } else { step };
    Axis::exact(name, low_s, high_s, step * unit, unit)
}

/// Peers, at the least and at the most; what else there is to say; and the longest recovery.
type Seen = (u64, u64, String, Option<i64>);

/// The timeline of the runs shown: the same thing in several runs is one mark.
fn events(directory: &Path, slice: &Slice) -> Result<Vec<EventMark>, ChartError> {
    let Some(mut reader) = open_if_present::<Event>(directory)? else { return Ok(Vec::new()) };
    let mut found: BTreeMap<(i64, String), Seen> = BTreeMap::new();
    while let Some((label, row)) = reader.next_row()? {
        if slice.topology(label).is_none() {
            continue;
        }
        let peers = row.peers.unwrap_or(0);
        let entry = found.entry((row.time_ns, row.action)).or_insert((peers, peers, row.note, None));
        (entry.0, entry.1, entry.3) = (entry.0.min(peers), entry.1.max(peers), entry.3.max(row.recovery_ns));
    }
    let total = found.len();
    let mut marks: Vec<EventMark> = found
        .into_iter()
        .take(EVENTS)
        .map(|((nanos, action), (least, most, note, recovery))| {
            let peers = match (least, most) {
                (_, 0) => String::new(),
                (least, most) if least == most => format!(", {most} peers"),
                (least, most) => format!(", {least} to {most} peers"),
            };
            let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
            let back =
                recovery.filter(|&recovery| recovery > 0).map(|recovery| format!(", all back after {} at the latest", clock(recovery)));
            EventMark { x: seconds(nanos), text: format!("{} {action}{peers}{note}{}", clock(nanos), back.unwrap_or_default()) }
        })
        .collect();
    if let Some(last) = marks.last_mut().filter(|_| total > EVENTS) {
        let rest = format!("; {} later events are not marked", total - EVENTS);
        last.text.push_str(&rest);
    }
    Ok(marks)
}

/// An instant as a reader would say it.
fn clock(nanos: i64) -> String {
    let s = seconds(nanos);
    let trimmed = |value: f64| format!("{}", (value * 100.0).round() / 100.0);
    match s.abs() {
        t if t < 180.0 => format!("{} s", trimmed(s)),
        t if t < 3.0 * 3600.0 => format!("{} min", trimmed(s / 60.0)),
        _ => format!("{} h", trimmed(s / 3600.0)),
    }
}
