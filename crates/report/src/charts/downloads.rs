//! What single downloads took: the distributions of their time, and of the time until they are played; by class, what peers gave for it.
//!
//! # Not here
//! Where their bytes came from: `time` shows it as it changes.

use super::{
    ChartError,
    figure::{Figure, Markers},
    scale::Axis,
    slice::{Slice, open_if_present},
};
use crate::tables::Download;
use std::path::Path;

/// Points of a curve.
const POINTS: usize = 200;

/// Curves that can be told apart.
const CURVES: usize = 8;

/// A chart of a distribution.
struct View {
    name: &'static str,
    title: &'static str,
    x: &'static str,
    unit: &'static str,
    /// What is shown where nothing has come so far.
    nothing: &'static str,
}

const TIMES: View = View {
    name: "download-cdf",
    title: "Time of downloads",
    x: "from the wish to the last block (s, log scale)",
    unit: " s",
    nothing: "no download was complete",
};

const STARTUPS: View = View {
    name: "startup-cdf",
    title: "Time until playing starts",
    x: "from the wish to the start of playing (s, log scale)",
    unit: " s",
    nothing: "nothing was played",
};

const TIMES_BY_CLASS: View = View { name: "download-cdf-by-class", title: "Time of downloads by class", ..TIMES };

const SHARING_BY_CLASS: View = View {
    name: "share-ratio-by-class",
    title: "What peers give for what they take",
    x: "bytes sent per byte received (log scale)",
    unit: "",
    nothing: "nobody has taken anything",
};

/// What a curve is about, how many have begun, and the values of those that came so far.
struct Curve {
    label: String,
    begun: u64,
    values: Vec<f64>,
}

/// The curves of a chart.
struct Curves(Vec<Curve>);

impl Curves {
    /// One each.
    fn of(labels: &[String]) -> Self {
        Self(labels.iter().map(|label| Curve { label: label.clone(), begun: 0, values: Vec::new() }).collect())
    }

    fn add(&mut self, label: &str, value: Option<f64>) {
        let at = self.0.iter().position(|curve| curve.label == label).unwrap_or_else(|| {
            self.0.push(Curve { label: label.to_owned(), begun: 0, values: Vec::new() });
            self.0.len() - 1
        });
        self.0[at].begun += 1;
        self.0[at].values.extend(value);
    }
}

/// `download-cdf`: of the downloads that began, the share that was complete after so long; `startup-cdf`: that was played; where there are several
/// classes, `download-cdf-by-class` and `share-ratio-by-class`. Those that found the item on their own disk apart.
pub(super) fn figures(directory: &Path, slice: &Slice) -> Result<Vec<Figure>, ChartError> {
    let Some(mut reader) = open_if_present::<Download>(directory)? else { return Ok(Vec::new()) };
    let (mut times, mut startups) = (Curves::of(&slice.topologies), Curves::of(&slice.topologies));
    let (mut by_class, mut sharing) = (Curves::of(&[]), Curves::of(&[]));
    while let Some((label, row)) = reader.next_row()? {
        let Some(topology) = slice.topology(label).filter(|_| row.from_cache_bytes == 0) else { continue };
        let topology = &slice.topologies[topology];
        let seconds = |nanos: u64| nanos as f64 * 1e-9;
        let end = row.end_ns.filter(|_| row.outcome == "complete");
        let time = end.map(|end| seconds(end.saturating_sub(row.start_ns).unsigned_abs()));
        times.add(topology, time);
        if row.stalls.is_some() {
            startups.add(topology, row.startup_ns.map(seconds));
        }
        let class = if slice.topologies.len() > 1 { format!("{topology}, {}", row.class) } else { row.class };
        by_class.add(&class, time);
        sharing.add(&class, (row.bytes > 0).then(|| row.upload_bytes as f64 / row.bytes as f64));
    }
    let has_classes = by_class.0.len() > slice.topologies.len() && by_class.0.len() <= CURVES;
    let mut views = vec![(TIMES, times), (STARTUPS, startups)];
    if has_classes {
        by_class.0.sort_by(|one, other| one.label.cmp(&other.label));
        sharing.0.sort_by(|one, other| one.label.cmp(&other.label));
        views.extend([(TIMES_BY_CLASS, by_class), (SHARING_BY_CLASS, sharing)]);
    }
    Ok(views.into_iter().filter_map(|(view, curves)| figure(&view, curves, slice)).collect())
}

/// Nothing where nothing has begun.
fn figure(view: &View, Curves(mut curves): Curves, slice: &Slice) -> Option<Figure> {
    if curves.iter().all(|curve| curve.begun == 0) {
        return None;
    }
    for curve in &mut curves {
        curve.values.sort_by(f64::total_cmp);
    }
    let ends = || curves.iter().filter_map(|curve| Some((*curve.values.first()?, *curve.values.last()?)));
    let (Some(low), Some(high)) = (ends().map(|(low, _)| low).reduce(f64::min), ends().map(|(_, high)| high).reduce(f64::max)) else {
        return Some(Figure::without_data(view.name, view.title, slice.subtitle(&[]), view.nothing));
    };
    let x = Axis::log10(view.x, low.max(1e-3), high.max(low * 1.01));
    let (left, right) = x.range();
    let mut figure = Figure::new(view.name, view.title, slice.subtitle(&[]), x, Axis::per_cent("share of the downloads begun (%)"));
    for (pen, Curve { label, begun, values }) in curves.iter().enumerate().filter(|(_, curve)| !curve.values.is_empty()) {
        let share = |rank: usize| (rank + 1) as f64 * 100.0 / *begun as f64;
        let step = values.len().div_ceil(POINTS).max(1);
        let mut points = vec![(left, 0.0), (values[0].max(left), 0.0)];
        points.extend((0..values.len()).step_by(step).chain([values.len() - 1]).map(|rank| (values[rank].max(left), share(rank))));
        points.push((right, share(values.len() - 1)));
        figure.line(pen, points, Markers::Some);
        figure.entry(pen, format!("{label} (median {:.3}{})", values[values.len() / 2], view.unit));
    }
    Some(figure)
}
