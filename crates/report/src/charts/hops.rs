//! How many hops the found lookups took: share of each count, and the cumulative share.
//!
//! Repetitions are pooled: each lookup weighs the same.

use super::{
    ChartError,
    figure::{Figure, Markers},
    scale::Axis,
    slice::{Slice, open_if_present},
};
use crate::tables::{Hops, Lookup};
use std::{collections::BTreeMap, path::Path};

/// Share of the lookups of each topology that the axis must show.
const SHOWN: f64 = 0.999;

/// `hops-distribution` and `hops-cdf`; nothing where nobody has asked anything.
pub(super) fn figures(directory: &Path, slice: &Slice) -> Result<Vec<Figure>, ChartError> {
    let Some(mut reader) = open_if_present::<Hops>(directory)? else { return Ok(Vec::new()) };
    let mut counts = vec![BTreeMap::<u64, u64>::new(); slice.topologies.len()];
    while let Some((label, row)) = reader.next_row()? {
        if let Some(topology) = slice.topology(label) {
            *counts[topology].entry(row.hops).or_default() += row.lookups;
        }
    }
    let most = counts.iter().filter_map(|counts| counts.keys().next_back()).max().copied();
    let titles = [("hops-distribution", "Hops of found lookups"), ("hops-cdf", "Hops of found lookups, cumulative")];
    let Some(most) = most else {
        let asked = match open_if_present::<Lookup>(directory)? {
            Some(mut lookups) => lookups.next_record()?.is_some(),
            None => false,
        };
        if !asked {
            return Ok(Vec::new());
        }
        let empty = |(name, title)| Figure::without_data(name, title, slice.subtitle(&[]), "no lookup was found");
        return Ok(titles.into_iter().map(empty).collect());
    };
    let shown = counts.iter().filter_map(shown_up_to).max().unwrap_or(most);
    let cut = format!("axis up to {} % of the lookups, the largest count is {most}", SHOWN * 100.0);
    let more: &[&str] = if shown < most { &[&cut] } else { &[] };
    let axis = || Axis::integers("overlay hops", 0, shown);
    let [(name, title), (name_cdf, title_cdf)] = titles;
    let highest = counts.iter().flat_map(shares).map(|(_, share)| share).fold(0.0, f64::max);
    let y = Axis::linear("share of the found lookups (%)", 0.0, highest);
    let mut distribution = Figure::new(name, title, slice.subtitle(more), axis(), y);
    let y = Axis::per_cent("share with as many hops or fewer (%)");
    let mut cumulative = Figure::new(name_cdf, title_cdf, slice.subtitle(more), axis(), y);
    for (pen, counts) in counts.iter().enumerate().filter(|(_, counts)| !counts.is_empty()) {
        let (first, last) = (*counts.keys().next().unwrap_or(&0), *counts.keys().next_back().unwrap_or(&0));
        let all: BTreeMap<u64, f64> = shares(counts).collect();
        let share = |hops: u64| all.get(&hops).copied().unwrap_or(0.0);
        // One count beyond either end, so that the curve comes down to the axis.
        let points = (first.saturating_sub(1)..=(last + 1).min(shown)).map(|hops| (hops as f64, share(hops)));
        distribution.line(pen, points.collect(), Markers::All);
        let mut below = 0.0;
        let mut points = Vec::new();
        for hops in first.saturating_sub(1)..=last.min(shown) {
            below += share(hops);
            points.push((hops as f64, below));
        }
        cumulative.line(pen, points, Markers::All);
        for figure in [&mut distribution, &mut cumulative] {
            figure.entry(pen, &slice.topologies[pen]);
        }
    }
    Ok(vec![distribution, cumulative])
}

/// Shares in per cent, by hop count.
fn shares(counts: &BTreeMap<u64, u64>) -> impl Iterator<Item = (u64, f64)> {
    let total: u64 = counts.values().sum();
    counts.iter().map(move |(&hops, &lookups)| (hops, lookups as f64 * 100.0 / total as f64))
}

/// The count that `SHOWN` of the lookups do not exceed.
fn shown_up_to(counts: &BTreeMap<u64, u64>) -> Option<u64> {
    let total: u64 = counts.values().sum();
    let mut below = 0;
    let last = counts.iter().find(|&(_, &lookups)| {
        below += lookups;
        below as f64 >= SHOWN * total as f64
    });
    last.map(|(&hops, _)| hops)
}
