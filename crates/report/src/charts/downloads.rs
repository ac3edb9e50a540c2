//! What single downloads took: the distribution of their time.
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

/// `download-cdf`: of the downloads that began, the share that was complete after so long; those that found the item on their own disk apart.
pub(super) fn figures(directory: &Path, slice: &Slice) -> Result<Vec<Figure>, ChartError> {
    let Some(mut reader) = open_if_present::<Download>(directory)? else { return Ok(Vec::new()) };
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); slice.topologies.len()];
    let mut begun = vec![0_u64; slice.topologies.len()];
    while let Some((label, row)) = reader.next_row()? {
        let Some(topology) = slice.topology(label).filter(|_| row.from_cache_bytes == 0) else { continue };
        begun[topology] += 1;
        if let Some(end) = row.end_ns.filter(|_| row.outcome == "complete") {
            times[topology].push((end - row.start_ns) as f64 * 1e-9);
        }
    }
    if begun.iter().all(|&begun| begun == 0) {
        return Ok(Vec::new());
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    let (name, title) = ("download-cdf", "Time of downloads");
    let ends = || times.iter().filter_map(|times| Some((*times.first()?, *times.last()?)));
    let (Some(low), Some(high)) = (ends().map(|(low, _)| low).reduce(f64::min), ends().map(|(_, high)| high).reduce(f64::max)) else {
        return Ok(vec![Figure::without_data(name, title, slice.subtitle(&[]), "no download was complete")]);
    };
    let x = Axis::log10("from the wish to the last block (s, log scale)", low.max(1e-3), high.max(low * 1.01));
    let (left, right) = x.range();
    let mut figure = Figure::new(name, title, slice.subtitle(&[]), x, Axis::per_cent("share of the downloads begun (%)"));
    for (pen, times) in times.iter().enumerate().filter(|(_, times)| !times.is_empty()) {
        let share = |rank: usize| (rank + 1) as f64 * 100.0 / begun[pen] as f64;
        let step = times.len().div_ceil(POINTS).max(1);
        let mut points = vec![(left, 0.0), (times[0].max(left), 0.0)];
        points.extend((0..times.len()).step_by(step).chain([times.len() - 1]).map(|rank| (times[rank].max(left), share(rank))));
        points.push((right, share(times.len() - 1)));
        figure.line(pen, points, Markers::Some);
        figure.entry(pen, format!("{} (median {:.3} s)", slice.topologies[pen], times[times.len() / 2]));
    }
    Ok(vec![figure])
}
