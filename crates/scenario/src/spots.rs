//! Places in the grid of a scenario, as figures name them.

use crate::scenario::{Axis, Point};

/// A place in the grid of a scenario at which a topology is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// What it is called; empty without a sweep.
    pub name: String,
    /// The value of each swept key, as in the results; empty where a key does not concern the topology.
    pub swept: Vec<String>,
}

/// The places at which a topology is run, each once, in the order of the points. They are called what `names` says, point by point, or by the
/// swept keys that concern the topology, with their values.
pub(crate) fn spots(names: &[String], topology: &str, axes: &[Axis], points: &[Point]) -> Vec<Spot> {
    let mut spots: Vec<Spot> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let concerns = |axis: &Axis| axis.topology.as_ref().is_none_or(|label| label == topology);
        let pairs = axes.iter().zip(&point.swept);
        let swept = pairs.clone().map(|(axis, value)| if concerns(axis) { value.clone() } else { String::new() }).collect();
        let described: Vec<String> =
            pairs.filter(|(axis, _)| concerns(axis)).map(|(axis, value)| format!("{}={value}", axis.path)).collect();
        let spot = Spot { name: names.get(index).cloned().unwrap_or_else(|| described.join(", ")), swept };
        if !spots.iter().any(|known| known.swept == spot.swept) {
            spots.push(spot);
        }
    }
    spots
}
