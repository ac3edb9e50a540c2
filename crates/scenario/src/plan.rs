//! The list of a scenario's runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use peerlab_engine::random::Streams;
use peerlab_world::{Conditions, Topology};

use crate::scenario::{Axis, Point, Scenario};

/// One run: everything that it needs, and its name.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// Its name in the results: `chord-8/3`, or `peers.count=1000/chord-8/3`. It does not depend on the other topologies.
    pub name: String,
    /// The label of its topology.
    pub topology_label: String,
    /// Which repetition it is, from 1.
    pub repetition: u32,
    /// The swept keys and their values; the value is empty where a key does not concern this topology.
    pub swept: Vec<(String, String)>,
    /// What it happens under.
    pub conditions: Arc<Conditions>,
    /// The design.
    pub topology: Arc<dyn Topology>,
    /// Its seed: the same for all topologies and points of the sweep, so that they meet the same world.
    pub seed: u64,
}

impl Scenario {
    /// The runs, in the order of the results: by point of the sweep, then topology, then repetition.
    ///
    /// A topology that a swept key does not concern is run once for all of that key's values.
    pub fn plan(&self) -> Vec<RunPlan> {
        let mut seen = BTreeSet::new();
        let mut runs = Vec::new();
        for point in &self.points {
            for entry in &point.topologies {
                let swept = swept(&self.axes, point, &entry.label);
                if !seen.insert((entry.label.clone(), swept.clone())) {
                    continue;
                }
                let mut parts: Vec<String> =
                    swept.iter().filter(|(_, value)| !value.is_empty()).map(|(path, value)| format!("{path}={value}")).collect();
                parts.push(entry.label.clone());
                let prefix = parts.join("/");
                runs.extend((1..=self.repetitions).map(|repetition| RunPlan {
                    name: format!("{prefix}/{repetition}"),
                    topology_label: entry.label.clone(),
                    repetition,
                    swept: swept.clone(),
                    conditions: Arc::clone(&point.conditions),
                    topology: Arc::clone(&entry.topology),
                    seed: Streams::repetition_seed(self.seed, repetition - 1),
                }));
            }
        }
        runs
    }
}

/// The values of a point that concern a topology.
fn swept(axes: &[Axis], point: &Point, label: &str) -> Vec<(String, String)> {
    let concerns = |axis: &Axis| axis.topology.as_ref().is_none_or(|topology| topology == label);
    axes.iter()
        .zip(&point.swept)
        .map(|(axis, value)| (axis.path.clone(), if concerns(axis) { value.clone() } else { String::new() }))
        .collect()
}
