//! What part of the results a chart is about: all topologies, at one point of the sweep.
//!
//! # Not here
//! The charts over the sweep itself: `sweep` reads `aggregate.csv`.

use super::ChartError;
use crate::tables::{Label, Reader, Row, Summary, TableError};
use std::{collections::BTreeSet, io::ErrorKind, path::Path};

/// The topologies, in order, and of each the sweep point to show: its last one in the plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Slice {
    /// Labels of the topologies, in plan order: the index is the pen.
    pub(super) topologies: Vec<String>,
    /// Repetitions at the sweep point shown.
    pub(super) repetitions: usize,
    swept: Vec<String>,
    /// By topology: a cell a swept parameter, empty where that does not concern the topology.
    points: Vec<Vec<String>>,
}

impl Slice {
    /// Finds topologies and sweep points in `summary.csv`.
    pub(super) fn of(directory: &Path) -> Result<Self, ChartError> {
        let mut reader = Reader::<Summary>::open(directory)?;
        let mut slice = Self { swept: reader.header().swept.clone(), ..Self::default() };
        let mut repetitions = BTreeSet::new();
        while let Some((label, _)) = reader.next_record()? {
            let at = slice.topologies.iter().position(|topology| *topology == label.topology).unwrap_or_else(|| {
                slice.topologies.push(label.topology.clone());
                slice.points.push(Vec::new());
                slice.topologies.len() - 1
            });
            slice.points[at].clone_from(&label.sweep);
            repetitions.insert(label.repetition);
        }
        slice.repetitions = repetitions.len();
        Ok(slice)
    }

    /// The topology's index, if the row is at the sweep point shown.
    pub(super) fn topology(&self, label: &Label) -> Option<usize> {
        let at = self.topologies.iter().position(|topology| *topology == label.topology)?;
        (self.points[at] == label.sweep).then_some(at)
    }

    /// The topology's index, if the row is at the sweep point shown but for the parameter in `column`, which it has.
    pub(super) fn topology_but_for(&self, column: usize, label: &Label) -> Option<usize> {
        let at = self.topologies.iter().position(|topology| *topology == label.topology)?;
        let mut cells = self.points[at].iter().zip(&label.sweep).enumerate();
        let agrees = !label.sweep[column].is_empty() && cells.all(|(other, (shown, cell))| other == column || shown == cell);
        agrees.then_some(at)
    }

    /// True if a swept parameter concerns all topologies.
    pub(super) fn is_common(&self, column: usize) -> bool {
        self.points.iter().all(|point| !point[column].is_empty())
    }

    /// Names of the swept parameters with the value shown of each.
    pub(super) fn point(&self) -> impl Iterator<Item = (&str, &str)> {
        let value =
            |column: usize| self.points.iter().map(|point| point[column].as_str()).find(|value| !value.is_empty()).unwrap_or_default();
        self.swept.iter().enumerate().map(move |(column, name)| (name.as_str(), value(column)))
    }

    /// The same in words, for subtitles: not more than fit.
    pub(super) fn point_in_words(&self, but: Option<&str>) -> Vec<String> {
        let words: Vec<String> =
            self.point().filter(|(name, _)| Some(*name) != but).map(|(name, value)| format!("{name} = {value}")).collect();
        if words.len() > 3 { vec!["the other parameters at their last values".to_owned()] } else { words }
    }

    /// A subtitle: the sweep point, the repetitions, and what else there is to say.
    pub(super) fn subtitle(&self, more: &[&str]) -> String {
        let repetitions = match self.repetitions {
            1 => "1 run each".to_owned(),
            n => format!("{n} repetitions"),
        };
        self.point_in_words(None)
            .into_iter()
            .chain([repetitions])
            .chain(more.iter().map(ToString::to_string))
            .collect::<Vec<_>>()
            .join(" · ")
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
