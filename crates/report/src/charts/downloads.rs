//! What single downloads took: the distributions of their time, and of the time until they are played.
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

/// A chart of a distribution.
struct View {
    name: &'static str,
    title: &'static str,
    x: &'static str,
    /// What is shown where nothing has come so far.
    nothing: &'static str,
}

const TIMES: View = View {
    name: "download-cdf",
    title: "Time of downloads",
    x: "from the wish to the last block (s, log scale)",
    nothing: "no download was complete",
};

const STARTUPS: View = View {
    name: "startup-cdf",
    title: "Time until playing starts",
    x: "from the wish to the start of playing (s, log scale)",
    nothing: "nothing was played",
};

/// By topology: how many have begun, and when those that came so far did so.
struct Times {
    begun: Vec<u64>,
    seconds: Vec<Vec<f64>>,
}

impl Times {
    fn none(slice: &Slice) -> Self {
        Self { begun: vec![0; slice.topologies.len()], seconds: vec![Vec::new(); slice.topologies.len()] }
    }

    fn add(&mut self, topology: usize, nanos: Option<u64>) {
        self.begun[topology] += 1;
        self.seconds[topology].extend(nanos.map(|nanos| nanos as f64 * 1e-9));
    }
}

/// `download-cdf`: of the downloads that began, the share that was complete after so long; `startup-cdf`: that was played. Those that found the
/// item on their own disk apart.
pub(super) fn figures(directory: &Path, slice: &Slice) -> Result<Vec<Figure>, ChartError> {
    let Some(mut reader) = open_if_present::<Download>(directory)? else { return Ok(Vec::new()) };
    let (mut times, mut startups) = (Times::none(slice), Times::none(slice));
    while let Some((label, row)) = reader.next_row()? {
        let Some(topology) = slice.topology(label).filter(|_| row.from_cache_bytes == 0) else { continue };
        let end = row.end_ns.filter(|_| row.outcome == "complete");
        times.add(topology, end.map(|end| end.saturating_sub(row.start_ns).unsigned_abs()));
        if row.stalls.is_some() {
            startups.add(topology, row.startup_ns);
        }
    }
    Ok([(TIMES, times), (STARTUPS, startups)].into_iter().filter_map(|(view, times)| figure(&view, times, slice)).collect())
}

/// Nothing where nothing has begun.
fn figure(view: &View, Times { begun, mut seconds }: Times, slice: &Slice) -> Option<Figure> {
    if begun.iter().all(|&begun| begun == 0) {
        return None;
    }
    for seconds in &mut seconds {
        seconds.sort_by(f64::total_cmp);
    }
    let ends = || seconds.iter().filter_map(|seconds| Some((*seconds.first()?, *seconds.last()?)));
    let (Some(low), Some(high)) = (ends().map(|(low, _)| low).reduce(f64::min), ends().map(|(_, high)| high).reduce(f64::max)) else {
        return Some(Figure::without_data(view.name, view.title, slice.subtitle(&[]), view.nothing));
    };
    let x = Axis::log10(view.x, low.max(1e-3), high.max(low * 1.01));
    let (left, right) = x.range();
    let mut figure = Figure::new(view.name, view.title, slice.subtitle(&[]), x, Axis::per_cent("share of the downloads begun (%)"));
    for (pen, seconds) in seconds.iter().enumerate().filter(|(_, seconds)| !seconds.is_empty()) {
        let share = |rank: usize| (rank + 1) as f64 * 100.0 / begun[pen] as f64;
        let step = seconds.len().div_ceil(POINTS).max(1);
        let mut points = vec![(left, 0.0), (seconds[0].max(left), 0.0)];
        points.extend((0..seconds.len()).step_by(step).chain([seconds.len() - 1]).map(|rank| (seconds[rank].max(left), share(rank))));
        points.push((right, share(seconds.len() - 1)));
        figure.line(pen, points, Markers::Some);
        figure.entry(pen, format!("{} (median {:.3} s)", slice.topologies[pen], seconds[seconds.len() / 2]));
    }
    Some(figure)
}
