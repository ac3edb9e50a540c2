//! What part of the results a chart is about: all topologies, at one point of the sweep.
//!
//! # Not here
//! The charts over the sweep itself: `sweep` reads `aggregate.csv`.

use super::ChartError;
use crate::tables::{Label, Reader, Row, Summary, TableError};
use std::{collections::BTreeSet, io::ErrorKind, path::Path};

/// The topologies, in order, and the sweep point to show: the last one in the plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Slice {
    /// Labels of the topologies, in plan order: the index is the pen.
    pub(super) topologies: Vec<String>,
    /// Repetitions at the sweep point shown.
    pub(super) repetitions: usize,
    swept: Vec<String>,
    point: Vec<String>,
}

impl Slice {
    /// Finds topologies and sweep points in `summary.csv`.
    pub(super) fn of(directory: &Path) -> Result<Self, ChartError> {
        let mut reader = Reader::<Summary>::open(directory)?;
        let mut slice = Self { swept: reader.header().swept.clone(), ..Self::default() };
        let (mut points, mut repetitions) = (Vec::<Vec<String>>::new(), BTreeSet::new());
        while let Some((label, _)) = reader.next_record()? {
            if !slice.topologies.contains(&label.topology) {
                slice.topologies.push(label.topology.clone());
            }
            if points.last() != Some(&label.sweep) && !points.contains(&label.sweep) {
                points.push(label.sweep.clone());
            }
            if !repetitions.contains(&(label.sweep.clone(), label.repetition)) {
                repetitions.insert((label.sweep.clone(), label.repetition));
            }
        }
        slice.point = points.pop().unwrap_or_default();
        slice.repetitions = repetitions.iter().filter(|(point, _)| *point == slice.point).count();
        Ok(slice)
    }

    /// The topology's index, if the row is at the sweep point shown.
    pub(super) fn topology(&self, label: &Label) -> Option<usize> {
        if label.sweep != self.point {
            return None;
        }
        self.topologies.iter().position(|topology| *topology == label.topology)
    }

    /// Names of the swept parameters with the value shown of each.
    pub(super) fn point(&self) -> impl Iterator<Item = (&str, &str)> {
        self.swept.iter().zip(&self.point).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A subtitle: the sweep point, the repetitions, and what else there is to say.
    pub(super) fn subtitle(&self, more: &[&str]) -> String {
        let point = self.point().map(|(name, value)| format!("{name} = {value}"));
        let repetitions = match self.repetitions {
            1 => "1 run each".to_owned(),
            n => format!("{n} repetitions"),
        };
        point.chain([repetitions]).chain(more.iter().map(ToString::to_string)).collect::<Vec<_>>().join(" · ")
    }
}

/// Opens a table that older or smaller results may lack.
pub(super) fn open_if_present<R: Row>(directory: &Path) -> Result<Option<Reader<R>>, ChartError> {
    match Reader::<R>::open(directory) {
        Ok(reader) => Ok(Some(reader)),
        Err(TableError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
