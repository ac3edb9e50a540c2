//! `[sweep]`: keys that vary, and the grid of their values.

use std::collections::BTreeSet;

use crate::diagnostic::{Place, Problem};
use crate::document::{DottedPath, Node, Override, Value};

/// Combinations beyond this are surely a slip, and would take gigabytes to list.
const MOST_POINTS: usize = 10_000;

/// Keys that belong to the scenario as a whole.
const FIXED: [&str; 7] = ["name", "description", "seed", "repetitions", "sweep", "output", "validation"];

/// A swept key with its values, as it stands in the file.
#[derive(Clone, Debug)]
pub(crate) struct SweptKey {
    /// The path, a topology by its label.
    pub(crate) path: DottedPath,
    /// Where the key stands.
    pub(crate) key: Place,
    /// The values.
    pub(crate) values: Vec<Node>,
    /// The topology that it concerns, if only one.
    pub(crate) topology: Option<String>,
}

impl SweptKey {
    /// The override that gives the key its `index`-th value.
    pub(crate) fn at(&self, index: usize) -> Override {
        Override { path: self.path.clone(), key: self.key, node: self.values[index].clone() }
    }
}

/// Reads the `[sweep]` table; `labels` are the topologies' labels.
pub(crate) fn read(sweep: &Node, labels: &[String], problems: &mut Vec<Problem>) -> Vec<SweptKey> {
    let mut keys: Vec<SweptKey> = Vec::new();
    let Some(table) = sweep.as_table() else {
        problems.push(Problem::new(sweep.place, format!("`sweep` cannot be {}", sweep.kind())).label("expected a table"));
        return keys;
    };
    for entry in table.entries() {
        match DottedPath::parse(&entry.name) {
            Ok(path) => collect(path.parts().to_vec(), entry.key, &entry.node, &mut keys, problems),
            Err(error) => problems
                .push(Problem::new(entry.key, error.to_string()).help("write a dotted key in quotes: \"peers.count\" = [1000, 2000]")),
        }
    }
    for key in &mut keys {
        bind(key, labels, problems);
    }
    for (index, key) in keys.iter().enumerate() {
        if keys[..index].iter().any(|earlier| earlier.path == key.path) {
            problems.push(Problem::new(key.key, format!("`{}` is swept twice", key.path)));
        }
    }
    if size(&keys).is_none_or(|points| points > MOST_POINTS) {
        problems.push(
            Problem::new(sweep.place, format!("the grid has more than {MOST_POINTS} points"))
                .help("sweep fewer keys or values, or split the scenario"),
        );
    }
    keys
}

/// How many points [`grid`] will have; nothing if that is no number.
fn size(keys: &[SweptKey]) -> Option<usize> {
    let of = |topology: Option<&str>| {
        keys.iter().filter(|key| key.topology.as_deref() == topology).try_fold(1_usize, |points, key| points.checked_mul(key.values.len()))
    };
    let mut own = Some(1);
    for key in keys.iter().filter(|key| key.topology.is_some()) {
        own = own.zip(of(key.topology.as_deref())).map(|(most, points)| most.max(points));
    }
    own?.checked_mul(of(None)?)
}

/// Goes down tables, since `peers.count = […]` without quotes is a table to TOML.
fn collect(parts: Vec<String>, key: Place, node: &Node, keys: &mut Vec<SweptKey>, problems: &mut Vec<Problem>) {
    match &node.value {
        Value::Table(table) => {
            for entry in table.entries() {
                let mut below = parts.clone();
                below.push(entry.name.clone());
                collect(below, entry.key, &entry.node, keys, problems);
            }
        }
        Value::Array(values) => {
            let path = DottedPath::new(parts);
            if values.is_empty() {
                problems.push(Problem::new(node.place, format!("`{path}` is swept over nothing")).label("expected one value or more"));
            }
            for (index, value) in values.iter().enumerate() {
                if values[..index].iter().any(|earlier| earlier.label() == value.label()) {
                    problems.push(Problem::new(value.place, format!("`{path}` takes this value twice")));
                }
            }
            keys.push(SweptKey { path, key, values: values.clone(), topology: None });
        }
        _ => {
            let path = DottedPath::new(parts);
            problems.push(
                Problem::new(node.place, format!("the values of `{path}` cannot be {}", node.kind()))
                    .label(format!("expected an array, such as [{}]", node.inline())),
            );
        }
    }
}

/// Finds the topology that a path leads into, and refuses what cannot vary.
fn bind(key: &mut SweptKey, labels: &[String], problems: &mut Vec<Problem>) {
    let parts = key.path.parts();
    if FIXED.contains(&parts[0].as_str()) {
        problems.push(Problem::new(key.key, format!("`{}` cannot be swept", parts[0])).label("it belongs to the scenario as a whole"));
        return;
    }
    if parts[0] != "topology" {
        return;
    }
    let is_parameter = parts.len() >= 3 && parts[2] != "name" && parts[2] != "model";
    if !is_parameter {
        let problem = Problem::new(key.key, format!("`{}` cannot be swept", key.path));
        problems.push(problem.help("sweep a parameter: \"topology.<label>.<key>\" = […]; another design is another `[[topology]]`"));
        return;
    }
    let index = labels.iter().position(|label| *label == parts[1]).or_else(|| parts[1].parse().ok().filter(|&index| index < labels.len()));
    // A label that does not exist is reported when the value is put in its place.
    if let Some(label) = index.map(|index| labels[index].clone()) {
        let mut parts = parts.to_vec();
        parts[1].clone_from(&label);
        key.path = DottedPath::new(parts);
        key.topology = Some(label);
    }
}

/// Points among which every run of the grid of all combinations is found: one index per key, the first key varying slowest. Without
/// keys a single empty one.
///
/// A run depends on the keys of the whole scenario and on its own topology's. So what several topologies vary by themselves goes side by
/// side: there are as many points as the topology with the most combinations has, not their product.
pub(crate) fn grid(keys: &[SweptKey]) -> Vec<Vec<usize>> {
    let topologies: BTreeSet<&str> = keys.iter().filter_map(|key| key.topology.as_deref()).collect();
    let mut points = BTreeSet::new();
    for common in combinations(keys, |key| key.topology.is_none()) {
        let own: Vec<Vec<Vec<usize>>> =
            topologies.iter().map(|topology| combinations(keys, |key| key.topology.as_deref() == Some(*topology))).collect();
        let most = own.iter().map(Vec::len).max().unwrap_or(1);
        points.extend((0..most).map(|turn| {
            // A key has an index above 0 in the combination to which it belongs, and nowhere else.
            let turns = own.iter().map(|combinations| &combinations[turn.min(combinations.len() - 1)]);
            turns.fold(common.clone(), |sum, own| sum.iter().zip(own).map(|(a, b)| a + b).collect())
        }));
    }
    points.into_iter().collect()
}

/// All combinations of the keys that `vary`; the others stay at their first value.
fn combinations(keys: &[SweptKey], vary: impl Fn(&SweptKey) -> bool) -> Vec<Vec<usize>> {
    let mut points = vec![Vec::new()];
    for key in keys {
        let values = if vary(key) { key.values.len() } else { 1 };
        points =
            points.into_iter().flat_map(|point| (0..values).map(move |index| point.iter().copied().chain([index]).collect())).collect();
    }
    points
}
