//! From runs to topologies: each metric over the repetitions of a topology (and sweep point).
//!
//! Order: topologies and sweep points as they first appear in `summary.csv`, metrics as they first appear within each.
//!
//! # Not here
//! Differences between topologies: those are paired, run by run, from `summary.csv` itself.

use crate::{
    statistics::Estimate,
    tables::{Aggregate, Label, Reader, Summary, TableError},
};
use std::{collections::BTreeMap, path::Path};

/// The rows of `aggregate.csv`, computed from the `summary.csv` in `directory`.
pub fn of_summary(directory: &Path) -> Result<Vec<(Label, Aggregate)>, TableError> {
    let mut reader = Reader::<Summary>::open(directory)?;
    let mut groups = Groups::default();
    while let Some((label, row)) = reader.next_row()? {
        groups.add(label, row);
    }
    Ok(groups.into_rows())
}

/// A metric's name and unit, and its values over the repetitions.
struct Series {
    metric: String,
    unit: String,
    values: Vec<f64>,
}

/// Values by topology and sweep point, in order of first appearance.
#[derive(Default)]
struct Groups {
    places: BTreeMap<Label, usize>,
    series: Vec<(Label, Vec<Series>)>,
}

impl Groups {
    fn add(&mut self, label: &Label, row: Summary) {
        let key = Label { run: String::new(), repetition: 0, ..label.clone() };
        let place = *self.places.entry(key.clone()).or_insert(self.series.len());
        if place == self.series.len() {
            self.series.push((key, Vec::new()));
        }
        let group = &mut self.series[place].1;
        let known = group.iter().position(|series| series.metric == row.metric);
        let position = known.unwrap_or_else(|| {
            group.push(Series { metric: row.metric, unit: row.unit, values: Vec::new() });
            group.len() - 1
        });
        group[position].values.extend(row.value);
    }

    fn into_rows(self) -> Vec<(Label, Aggregate)> {
        let rows =
            self.series.into_iter().flat_map(|(label, group)| group.into_iter().map(move |series| (label.clone(), aggregate(series))));
        rows.collect()
    }
}

fn aggregate(series: Series) -> Aggregate {
    let estimate = Estimate::of(&series.values);
    Aggregate {
        metric: series.metric,
        unit: series.unit,
        mean: estimate.map(|estimate| estimate.mean),
        ci95_low: estimate.and_then(|estimate| estimate.ci95).map(|(low, _)| low),
        ci95_high: estimate.and_then(|estimate| estimate.ci95).map(|(_, high)| high),
        sd: estimate.and_then(|estimate| estimate.sd),
        min: estimate.map(|estimate| estimate.min),
        median: estimate.map(|estimate| estimate.median),
        max: estimate.map(|estimate| estimate.max),
        n: estimate.map_or(0, |estimate| estimate.n as u64),
    }
}
