//! What the sweep shows: some metrics against each swept parameter, the others held at the point that the other charts show.
//!
//! # Not here
//! Surfaces over two parameters at once.

use super::{
    ChartError,
    figure::{Figure, Mark, Markers},
    scale::Axis,
    slice::{Slice, open_if_present},
};
use crate::tables::{Aggregate, Label};
use peerlab_model::units::{Duration, Rate};
use std::path::Path;

/// The gap between a peer's questions: shown as the rate that it means, so that the load grows to the right.
const GAP: &str = "lookups.interval";

/// A metric worth a chart against a parameter.
struct View {
    metric: &'static str,
    stem: &'static str,
    title: &'static str,
    axis: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// From 0.
    Linear,
    /// A ratio, in per cent from 0 to 100.
    PerCent,
    /// Over decades, if the values are.
    Wide,
}

const VIEWS: [View; 8] = [
    View { metric: "hops_mean", stem: "hops", title: "Mean hops", axis: "mean overlay hops", kind: Kind::Linear },
    View { metric: "lookup_success_ratio", stem: "success", title: "Successful lookups", axis: "success ratio (%)", kind: Kind::PerCent },
    View {
        metric: "lookup_latency_p50",
        stem: "latency",
        title: "Median latency",
        axis: "median latency of found lookups (ms)",
        kind: Kind::Wide,
    },
    View {
        metric: "messages_per_lookup_mean",
        stem: "messages",
        title: "Messages per lookup",
        axis: "mean messages per lookup",
        kind: Kind::Wide,
    },
    View {
        metric: "download_mean_s",
        stem: "download-time",
        title: "Mean time of a download",
        axis: "mean time of complete downloads (s)",
        kind: Kind::Wide,
    },
    View {
        metric: "goodput_bit_s",
        stem: "throughput",
        title: "Throughput of the whole",
        axis: "content received (bit/s, all peers)",
        kind: Kind::Wide,
    },
    View {
        metric: "startup_p50_ms",
        stem: "startup",
        title: "Time until playing starts",
        axis: "median start-up time (ms)",
        kind: Kind::Wide,
    },
    View {
        metric: "stall_ratio",
        stem: "stalls",
        title: "Playing that stands still",
        axis: "time stalled (% of the time after the start)",
        kind: Kind::PerCent,
    },
];

/// Swept parameters beyond this are many.
const MANY: usize = 3;

/// A point of a curve: position on the sweep, mean, and its interval.
type Point = (usize, f64, Option<(f64, f64)>);

/// `hops-vs-<parameter>`, `success-vs-…`, `latency-vs-…`, `messages-vs-…`, and of downloads `download-time-vs-…` and `throughput-vs-…`, of what is watched
/// `startup-vs-…` and `stalls-vs-…`, for every swept parameter.
pub(super) fn figures(directory: &Path, slice: &Slice) -> Result<Vec<Figure>, ChartError> {
    let Some(mut reader) = open_if_present::<Aggregate>(directory)? else { return Ok(Vec::new()) };
    let swept = reader.header().swept.clone();
    let mut rows: Vec<(Label, Aggregate)> = Vec::new();
    while let Some((label, row)) = reader.next_row()? {
        if VIEWS.iter().any(|view| view.metric == row.metric) {
            rows.push((label.clone(), row));
        }
    }
    let mut figures = Vec::new();
    for (column, parameter) in swept.iter().enumerate() {
        // Of many that concern one topology each, what they trade for what says more than a chart a parameter.
        if swept.len() > MANY && !slice.is_common(column) {
            continue;
        }
        let rows: Vec<_> = rows.iter().filter(|(label, _)| slice.topology_but_for(column, label).is_some()).collect();
        let values = values(parameter, rows.iter().map(|(label, _)| label.sweep[column].as_str()));
        if values.len() < 2 {
            continue;
        }
        for view in &VIEWS {
            let of_view = rows.iter().filter(|(_, row)| row.metric == view.metric);
            let curves = curves(of_view.copied(), slice, column, &values);
            if curves.iter().any(|curve| !curve.is_empty()) {
                figures.push(figure(view, parameter, &values, &curves, slice));
            }
        }
    }
    Ok(figures)
}

/// The parameter's values: ascending if they are numbers, else in plan order.
fn values<'a>(parameter: &str, cells: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for cell in cells {
        if !values.iter().any(|value| value == cell) {
            values.push(cell.to_owned());
        }
    }
    if let Some(mut numbered) = numbers(parameter, &values).map(|numbers| numbers.into_iter().zip(values.clone()).collect::<Vec<_>>()) {
        numbered.sort_by(|a, b| a.0.total_cmp(&b.0));
        return numbered.into_iter().map(|(_, value)| value).collect();
    }
    values
}

/// The values as numbers, durations in seconds (or as rates) and rates in Mbit/s, if all of them are.
fn numbers(parameter: &str, values: &[String]) -> Option<Vec<f64>> {
    let number = |value: &String| {
        let seconds = || value.parse::<Duration>().ok().map(|duration| duration.span().secs_f64());
        let megabits = || value.parse::<Rate>().ok().map(|rate| rate.bits() as f64 / 1e6);
        let number = value.parse().ok().or_else(seconds).or_else(megabits)?;
        Some(if parameter == GAP { 1.0 / number } else { number }).filter(|number: &f64| number.is_finite())
    };
    values.iter().map(number).collect()
}

/// What stands at the axis.
fn words(parameter: &str, values: &[String]) -> String {
    match parameter {
        GAP => "questions per online peer and second".to_owned(),
        _ if values.iter().any(|value| value.parse::<Rate>().is_ok()) => format!("{parameter} (Mbit/s)"),
        _ if values.iter().any(|value| value.parse::<f64>().is_err()) => format!("{parameter} (s)"),
        _ => parameter.to_owned(),
    }
}

fn curves<'a>(rows: impl Iterator<Item = &'a (Label, Aggregate)>, slice: &Slice, column: usize, values: &[String]) -> Vec<Vec<Point>> {
    let mut curves = vec![Vec::new(); slice.topologies.len()];
    for (label, row) in rows {
        let topology = slice.topologies.iter().position(|topology| *topology == label.topology);
        let place = values.iter().position(|value| *value == label.sweep[column]);
        if let (Some(topology), Some(place), Some(mean)) = (topology, place, row.mean) {
            curves[topology].push((place, mean, row.ci95_low.zip(row.ci95_high)));
        }
    }
    for curve in &mut curves {
        curve.sort_by_key(|point| point.0);
    }
    curves
}

fn figure(view: &View, parameter: &str, values: &[String], curves: &[Vec<Point>], slice: &Slice) -> Figure {
    let (x, places) = parameter_axis(parameter, values);
    let scale = if view.kind == Kind::PerCent { 100.0 } else { 1.0 };
    let y = value_axis(view, curves);
    let limits = y.range();
    let repetitions = match slice.repetitions {
        1 => "1 run each".to_owned(),
        n => format!("mean of {n} repetitions and its 95 % interval"),
    };
    let subtitle = slice.point_in_words(Some(parameter)).into_iter().chain([repetitions]).collect::<Vec<_>>().join(" · ");
    let name = format!("{}-vs-{}", view.stem, file_stem(parameter));
    let mut figure = Figure::new(name, format!("{} against {parameter}", view.title), subtitle, x, y);
    let drawn = || curves.iter().enumerate().filter(|(_, curve)| !curve.is_empty());
    for (pen, curve) in drawn() {
        let bounds = curve.iter().filter_map(|&(place, _, interval)| {
            let inside = |value: f64| (value * scale).clamp(limits.0, limits.1);
            interval.map(|(low, high)| (places[place], inside(low), inside(high)))
        });
        let bounds: Vec<_> = bounds.collect();
        let whiskers = bounds.iter().map(|&(x, low, high)| Mark::Interval { pen, x, low, high });
        figure.marks.extend(whiskers);
        if bounds.len() > 1 {
            figure.marks.push(Mark::Band { pen, points: bounds });
        }
        figure.entry(pen, &slice.topologies[pen]);
    }
    for (pen, curve) in drawn() {
        let points = curve.iter().map(|&(place, mean, _)| (places[place], mean * scale)).collect();
        figure.line(pen, points, Markers::All);
    }
    figure
}

/// The horizontal axis, and where each value lies on it: logarithmic for a geometric grid, even steps for words.
fn parameter_axis(parameter: &str, values: &[String]) -> (Axis, Vec<f64>) {
    let Some(numbers) = numbers(parameter, values) else {
        return (Axis::categories(parameter, values), (0..values.len()).map(|place| place as f64).collect());
    };
    let words = words(parameter, values);
    if is_geometric(&numbers) {
        return (Axis::log_at(format!("{words} (log scale)"), &numbers), numbers);
    }
    (Axis::linear_at(words, &numbers), numbers)
}

/// Whether the values, ascending, grow by factors rather than by steps.
fn is_geometric(numbers: &[f64]) -> bool {
    let steps = || numbers.windows(2);
    numbers[0] > 0.0 && numbers.len() > 2 && {
        let factors = steps().map(|pair| pair[1] / pair[0]);
        let (least, most) = factors.fold((f64::INFINITY, 0.0_f64), |(least, most), factor| (least.min(factor), most.max(factor)));
        least >= 1.4 && most <= 3.0 * least
    }
}

fn value_axis(view: &View, curves: &[Vec<Point>]) -> Axis {
    let tops = curves.iter().flatten().map(|&(_, mean, interval)| interval.map_or(mean, |(_, high)| high.max(mean)));
    let highest = tops.fold(0.0, f64::max);
    let least = curves.iter().flatten().map(|&(_, mean, _)| mean).fold(f64::INFINITY, f64::min);
    match view.kind {
        Kind::PerCent => Axis::per_cent(view.axis),
        Kind::Wide if least > 0.0 && highest / least > 20.0 => Axis::log10(view.axis, least, highest),
        Kind::Linear | Kind::Wide => Axis::linear(view.axis, 0.0, highest),
    }
}

/// A parameter's name as part of a file name.
fn file_stem(parameter: &str) -> String {
    parameter.chars().map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::{numbers, values, words};

    #[test]
    fn durations_are_numbers_and_gaps_between_questions_are_rates() {
        let cells = ["1m", "100ms", "10s"];
        let list = values("lookups.interval", cells.into_iter());
        assert_eq!(list, ["1m", "10s", "100ms"], "the busiest last");
        assert_eq!(numbers("lookups.interval", &list), Some(vec![1.0 / 60.0, 0.1, 10.0]));
        let list = values("topology.chord.stabilize_interval", cells.into_iter());
        assert_eq!(numbers("topology.chord.stabilize_interval", &list), Some(vec![0.1, 10.0, 60.0]));
        assert_eq!(words("topology.chord.stabilize_interval", &list), "topology.chord.stabilize_interval (s)");
        let rates = ["300 kbit/s", "2 Mbit/s"].map(str::to_owned);
        assert_eq!(numbers("stream.bitrate", &rates), Some(vec![0.3, 2.0]));
        assert_eq!(words("stream.bitrate", &rates), "stream.bitrate (Mbit/s)");
        assert_eq!(numbers("topology.chord.routing", &["iterative".to_owned()]), None);
    }
}
