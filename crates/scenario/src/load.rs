//! The way from a text to a checked scenario.

use std::io;
use std::path::{Path, PathBuf};

use peerlab_model::Issues;
use peerlab_world::Registry;
use serde_json::Value as Json;

use crate::diagnostic::{Place, Problem, Report, Sources};
use crate::document::{self, DottedPath, Node, Override, Value};
use crate::nearest::{list, nearest};
use crate::point::{self, Evaluated};
use crate::resolved;
use crate::scenario::{Axis, Point, Scenario};
use crate::schema::schema;
use crate::sweep::{self, SweptKey};

/// Loads scenarios: knows the models, and what the command line sets.
pub struct Loader<'r> {
    registry: &'r Registry,
    schema: Json,
    options: Vec<(String, String)>,
    topologies: Vec<String>,
}

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It says something that cannot be run.
    #[error("{0}")]
    Invalid(Report),
}

impl<'r> Loader<'r> {
    /// A loader for the models of a registry.
    pub fn new(registry: &'r Registry) -> Self {
        Self { registry, schema: schema(registry), options: Vec::new(), topologies: Vec::new() }
    }

    /// Overrides a key of the scenario, as `--set` does; `argument` is `key.path=value`. Later ones win.
    #[must_use]
    pub fn set(self, argument: &str) -> Self {
        self.option("--set", argument)
    }

    /// Overrides a key by another option of the command line, which problems then show: `--seed`, say.
    #[must_use]
    pub fn option(mut self, option: &str, argument: &str) -> Self {
        self.options.push((option.to_owned(), argument.to_owned()));
        self
    }

    /// Keeps only the topologies with this label (and others that are named so).
    #[must_use]
    pub fn topology(mut self, label: &str) -> Self {
        self.topologies.push(label.to_owned());
        self
    }

    /// Loads a file.
    ///
    /// # Errors
    /// If it cannot be read, or with all that is wrong with it.
    pub fn load(&self, path: &Path) -> Result<Scenario, ScenarioError> {
        let unreadable = |source| ScenarioError::Unreadable { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| unreadable(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        self.load_text(&path.display().to_string(), &stem, &text)
    }

    /// Loads a text; `source` is what it is called in messages, `stem` the scenario's name if it gives none.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load_text(&self, source: &str, stem: &str, text: &str) -> Result<Scenario, ScenarioError> {
        let mut sources = Sources::default();
        let mut problems = Vec::new();
        let scenario = self.build(&mut sources, stem, source, text, &mut problems);
        let report = Report::new(sources.clone(), problems);
        match scenario {
            Some(scenario) if report.errors() == 0 => Ok(Scenario { warnings: report, sources, ..scenario }),
            _ => Err(ScenarioError::Invalid(report)),
        }
    }

    fn build(&self, sources: &mut Sources, stem: &str, name: &str, text: &str, problems: &mut Vec<Problem>) -> Option<Scenario> {
        let source = sources.add(name, text);
        let parsed = document::parse(sources, source);
        let overrides: Vec<Override> = self.overrides(sources, problems);
        let mut document = parsed.map_err(|found| problems.extend(found)).ok()?;
        for change in &overrides {
            problems.extend(change.apply(&mut document).err());
        }
        let all_labels = labels(&document);
        let swept = take_sweep(&mut document, &all_labels, problems);
        let swept = self.keep_topologies(sources, &mut document, &all_labels, swept, problems);
        if problems.iter().any(|problem| !problem.warning) && !swept.is_empty() {
            // A grid that is wrong itself would only repeat what was said, once per point.
            problems.extend(point::evaluate(&document, self.registry, &self.schema, stem).problems);
            return None;
        }
        self.assemble(&document, &swept, stem, problems)
    }

    fn overrides(&self, sources: &mut Sources, problems: &mut Vec<Problem>) -> Vec<Override> {
        let parsed = self.options.iter().map(|(option, argument)| Override::parse(sources, option, argument));
        parsed.filter_map(|parsed| parsed.map_err(|problem| problems.push(problem)).ok()).collect()
    }

    /// Takes out the topologies that are not asked for, and the swept keys that belong to them.
    fn keep_topologies(
        &self,
        sources: &mut Sources,
        document: &mut Node,
        labels: &[String],
        swept: Vec<SweptKey>,
        problems: &mut Vec<Problem>,
    ) -> Vec<SweptKey> {
        if self.topologies.is_empty() {
            return swept;
        }
        for wanted in self.topologies.iter().filter(|wanted| !labels.contains(wanted)) {
            let text = format!("--topology {wanted}");
            let (start, end) = ((text.len() - wanted.len()) as u32, text.len() as u32);
            let place = Place { source: sources.add("command line", text), start, end };
            let problem = Problem::new(place, format!("the scenario has no topology `{wanted}`"));
            let problem = match nearest(wanted, labels.iter().map(String::as_str)) {
                Some(near) => problem.label(format!("did you mean `{near}`?")),
                None => problem.label("no such label"),
            };
            problems.push(problem.help(format!("it has {}", list(labels.iter().map(String::as_str)))));
        }
        let Value::Table(root) = &mut document.value else { return swept };
        if let Some(Value::Array(nodes)) = root.get_mut("topology").map(|entry| &mut entry.node.value) {
            let mut label = labels.iter();
            nodes.retain(|_| label.next().is_some_and(|label| self.topologies.contains(label)));
        }
        swept.into_iter().filter(|key| key.topology.as_ref().is_none_or(|label| self.topologies.contains(label))).collect()
    }

    /// Checks every point of the grid.
    fn assemble(&self, document: &Node, swept: &[SweptKey], stem: &str, problems: &mut Vec<Problem>) -> Option<Scenario> {
        let mut points = Vec::new();
        let mut first = None;
        for indices in sweep::grid(swept) {
            let mut variant = document.clone();
            for (key, &index) in swept.iter().zip(&indices) {
                problems.extend(key.at(index).apply(&mut variant).err());
            }
            let Evaluated { file, point, problems: found } = point::evaluate(&variant, self.registry, &self.schema, stem);
            problems.extend(found);
            let Some((file, point)) = file.zip(point) else { continue };
            let values = swept.iter().zip(&indices).map(|(key, &index)| key.values[index].label()).collect();
            points.push(Point { swept: values, ..point });
            first.get_or_insert(file);
        }
        let file = first?;
        let axes: Vec<Axis> = swept
            .iter()
            .map(|key| Axis {
                path: key.path.to_string(),
                values: key.values.iter().map(Node::label).collect(),
                topology: key.topology.clone(),
            })
            .collect();
        // Of a grid that is not whole it would say what is said already.
        if let Some(validation) = file.validation.as_ref().filter(|_| problems.iter().all(|problem| problem.warning)) {
            let mut issues = Issues::new();
            issues.within("validation", |issues| validation.check(document, &axes, &points, issues));
            problems.extend(issues.into_list().into_iter().map(|issue| point::problem_of(issue, document)));
        }
        if let Some(claim) = file.claim.as_ref().filter(|_| problems.iter().all(|problem| problem.warning)) {
            let mut issues = Issues::new();
            issues.within("claim", |issues| claim.check(&axes, &points, issues));
            problems.extend(issues.into_list().into_iter().map(|issue| point::problem_of(issue, document)));
        }
        Some(Scenario {
            name: file.name.clone().unwrap_or_default(),
            description: file.description.clone(),
            seed: file.seed,
            repetitions: file.repetitions,
            output: file.output,
            claim: file.claim.clone(),
            validation: file.validation.clone(),
            axes,
            resolved: resolved::text(&file, &points[0].topologies, swept),
            points,
            warnings: Report::default(),
            sources: Sources::default(),
            document: document.clone(),
        })
    }
}

/// Takes the sweep out of a document.
fn take_sweep(document: &mut Node, labels: &[String], problems: &mut Vec<Problem>) -> Vec<SweptKey> {
    let Value::Table(root) = &mut document.value else { return Vec::new() };
    root.remove("sweep").map(|entry| sweep::read(&entry.node, labels, problems)).unwrap_or_default()
}

/// What the topologies of a document go by.
fn labels(document: &Node) -> Vec<String> {
    let topologies = document.as_table().and_then(|root| root.get("topology")).and_then(|entry| entry.node.as_array());
    topologies.into_iter().flatten().map(document::element_name).collect()
}

/// Where a dotted path of an issue leads: the value, or the nearest table that exists; and whether it is the value.
pub(crate) fn locate<'d>(document: &'d Node, path: &str) -> (&'d Node, bool) {
    let mut node = document;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let below = match &node.value {
            Value::Table(table) => table.get(part).map(|entry| &entry.node),
            Value::Array(nodes) => part.parse::<usize>().ok().and_then(|index| nodes.get(index)),
            _ => None,
        };
        let Some(below) = below else { return (node, false) };
        node = below;
    }
    (node, true)
}

/// A path of an issue as a user would write it after `--set`: topologies by their labels.
pub(crate) fn as_option(document: &Node, path: &str) -> String {
    let mut parts: Vec<String> = path.split('.').map(str::to_owned).collect();
    if parts.len() > 1
        && parts[0] == "topology"
        && let Some(label) = parts[1].parse::<usize>().ok().and_then(|index| labels(document).into_iter().nth(index))
        && !label.is_empty()
    {
        parts[1] = label;
    }
    DottedPath::new(parts).to_string()
}
