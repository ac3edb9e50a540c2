//! `[validation]`: what a scenario's results are compared with, figure by figure.
//!
//! A scenario that has this table is a *case*: an ordinary scenario, which `sim run` runs like any other, with the published figures
//! of the same experiment beside it. `sim validate` runs it and compares; docs/validation.md says how a case is written.
//!
//! # Not here
//! Comparing, and the names of metrics: both are the command's business.

use peerlab_model::Issues;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Sources;
use crate::document::{self, DottedPath, Node, Value};
use crate::nearest::{did_you_mean, list};
use crate::scenario::{Axis, Point};
use crate::spots::{Spot, spots};

/// The quantity that is the share of the found lookups that took a certain number of hops; `hops` says which.
pub const HOP_SHARE: &str = "hop_share";

/// The published experiment that a scenario repeats, and the figures that it must agree with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// The experiment in one line. Required.
    pub title: String,
    /// Where the figures are published: paper, table or figure. Required.
    pub source: String,
    /// In words, what is counted and how: under which convention the figures hold. Required.
    pub convention: String,
    /// True for a case that takes a few seconds at the most: `sim validate --small` runs only these. Default: false.
    #[serde(default)]
    pub small: bool,
    /// Key paths whose values are names of data files, which are looked for in the data directory (`sim validate --data`); where
    /// one is absent the case is skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
    /// What the points of the sweep are called in the table, in their order, the first swept key varying slowest. Default: the
    /// swept keys with their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<String>,
    /// The figures. Required.
    #[schemars(length(min = 1))]
    pub figure: Vec<Figure>,
}

/// A published figure, or a row of them: one at each point of the sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// What is compared: a metric (`sim list metrics`), or one of `hop_share`, `lookup_failure_ratio`, `peers_touched`, `records_max_ratio`,
    /// `records_p99_ratio`, `records_p1_ratio` and `records_none_share`. Required.
    pub quantity: String,
    /// What it is called in the table. Default: the quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The label of the topology; needed where the scenario has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<String>,
    /// The points of the sweep that are compared, by what they are called. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<String>,
    /// A point of the sweep, by what it is called: what is compared is the ratio to the value there, repetition by repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_to: Option<String>,
    /// With `quantity = "hop_share"`: the hop counts, one value each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<u32>,
    /// The simulated value is multiplied by this, to the unit of the publication. Default: 1.
    #[serde(default = "unscaled")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub scale: f64,
    /// The unit in the table. Default: the metric's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Where the published values come from; needed with `published`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// The published values, in the order of the points (and, at each, of `hops`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<f64>,
    /// The same by an independent calculation of the published model: shown as such, never as published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub independent: Vec<f64>,
    /// How exactly the values are given: half a unit of their last digit. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub rounding: f64,
    /// The difference that a difference of convention allows, in the published unit; `because` says which. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub leeway: f64,
    /// The same as a share of the published value. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub leeway_share: f64,
    /// True if the published values are bounds that no run can be below: not a single repetition may be, and the leeway holds upwards alone. Default:
    /// false.
    #[serde(default)]
    pub floor: bool,
    /// Why there is a leeway, in words; needed with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// Where a published value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Read in the paper itself.
    Paper,
    /// Read off a figure of the paper: good to 3 %.
    Plot,
    /// A closed form or an exact count.
    Exact,
}

impl Mark {
    /// The word in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Plot => "plot",
            Self::Exact => "exact",
        }
    }
}

const fn unscaled() -> f64 {
    1.0
}

impl Figure {
    /// The values that one point of the sweep has.
    fn values_each(&self) -> usize {
        self.hops.len().max(1)
    }

    /// The label of the topology that it is about: the one that it names, or the only one.
    pub fn topology<'f>(&'f self, points: &'f [Point]) -> Option<&'f str> {
        let mut labels = points.first()?.topologies.iter().map(|entry| entry.label.as_str());
        match &self.topology {
            Some(wanted) => labels.find(|label| label == wanted),
            None => labels.next().filter(|_| labels.next().is_none()),
        }
    }
}

impl Validation {
    /// Where in the grid a figure's topology is run and compared, in the order of its values.
    pub fn spots(&self, figure: &Figure, axes: &[Axis], points: &[Point]) -> Vec<Spot> {
        let Some(topology) = figure.topology(points) else { return Vec::new() };
        let spots = spots(&self.points, topology, axes, points);
        if figure.at.is_empty() {
            return spots;
        }
        Self::named(&spots, &figure.at)
    }

    /// Where in the grid the value is found that a figure's values are relative to; nothing if they stand for themselves.
    pub fn base(&self, figure: &Figure, axes: &[Axis], points: &[Point]) -> Option<Spot> {
        let wanted = figure.relative_to.clone()?;
        self.spots(&Figure { at: vec![wanted], ..figure.clone() }, axes, points).pop()
    }

    fn named(spots: &[Spot], wanted: &[String]) -> Vec<Spot> {
        wanted.iter().filter_map(|wanted| spots.iter().find(|spot| spot.name == *wanted).cloned()).collect()
    }

    /// Notes everything that cannot be compared, with paths relative to the `[validation]` table.
    pub(crate) fn check(&self, document: &Node, axes: &[Axis], points: &[Point], issues: &mut Issues) {
        for (key, text) in [("title", &self.title), ("source", &self.source), ("convention", &self.convention)] {
            if text.trim().is_empty() {
                issues.error_with_help(key, format!("`{key}` is empty"), "a figure means nothing without it: say it in words");
            }
        }
        for (index, key) in self.data.iter().enumerate() {
            let found = text_at(document, key).is_some();
            issues.ensure(found, format_args!("data.{index}"), format!("`{key}` does not lead to the name of a file in this scenario"));
        }
        let count = points.len();
        let is_named = self.points.is_empty() || self.points.len() == count;
        issues.ensure(is_named, "points", format!("the number of names is {}, that of the sweep's points {count}", self.points.len()));
        if let Some(twice) = self.points.iter().enumerate().find(|(index, name)| self.points[..*index].contains(name)) {
            issues.error(format_args!("points.{}", twice.0), format!("two points are called `{}`", twice.1));
        }
        for (index, figure) in self.figure.iter().enumerate() {
            issues.within(format_args!("figure.{index}"), |issues| self.check_figure(figure, axes, points, issues));
        }
    }

    fn check_figure(&self, figure: &Figure, axes: &[Axis], points: &[Point], issues: &mut Issues) {
        if figure.topology(points).is_none() {
            let labels: Vec<&str> =
                points.first().into_iter().flat_map(|point| &point.topologies).map(|entry| entry.label.as_str()).collect();
            let (key, message) = match &figure.topology {
                Some(wanted) => ("topology", format!("the scenario has no topology `{wanted}`")),
                None => ("", "which topology is this about?".to_owned()),
            };
            issues.error_with_help(key, message, format!("`topology` is one of {}", list(labels)));
            return;
        }
        let everywhere = self.spots(&Figure { at: Vec::new(), ..figure.clone() }, axes, points);
        let at = figure.at.iter().enumerate().map(|(index, wanted)| (format!("at.{index}"), wanted));
        for (key, wanted) in at.chain(figure.relative_to.iter().map(|wanted| ("relative_to".to_owned(), wanted))) {
            let names = || everywhere.iter().map(|spot| spot.name.as_str());
            if !names().any(|name| name == wanted) {
                let near = did_you_mean(wanted, names());
                let message = format!("the sweep has no point `{wanted}`{near}");
                issues.error_with_help(key, message, format!("it has {}", list(names())));
            }
        }
        let by_hops = figure.quantity == HOP_SHARE;
        issues.ensure(by_hops || figure.hops.is_empty(), "hops", format!("hop counts mean something with quantity = \"{HOP_SHARE}\" only"));
        issues.ensure(!by_hops || !figure.hops.is_empty(), "quantity", "of which hop counts? Say `hops = [1, 2, 3]`");
        check_values(figure, self.spots(figure, axes, points).len(), issues);
    }
}

/// The lists of values, and how they are judged.
fn check_values(figure: &Figure, spots: usize, issues: &mut Issues) {
    let wanted = spots * figure.values_each();
    for (key, values) in [("published", &figure.published), ("independent", &figure.independent)] {
        let fits = values.is_empty() || values.len() == wanted;
        let each =
            if figure.hops.is_empty() { "one at each point of the sweep" } else { "one at each point of the sweep for each hop count" };
        issues.ensure(fits, key, format!("the number of values is {}, but {wanted} would fit: {each}", values.len()));
    }
    let nothing = figure.published.is_empty() && figure.independent.is_empty();
    issues.ensure(!nothing, "", "with what is this compared? Give `published` values, or `independent` ones");
    if !figure.published.is_empty() && figure.mark.is_none() {
        issues.error_with_help("published", "where do these values come from?", "`mark` is \"paper\", \"plot\" or \"exact\"");
    }
    let has_leeway = figure.leeway > 0.0 || figure.leeway_share > 0.0;
    let is_explained = figure.because.as_ref().is_some_and(|because| !because.trim().is_empty());
    if has_leeway && !is_explained {
        let key = if figure.leeway > 0.0 { "leeway" } else { "leeway_share" };
        issues.error_with_help(key, "a leeway needs a reason", "say in `because` which difference of convention it allows for");
    }
}

/// The data files of a case: key path and the name that stands there. Nothing where the text is no case, or no TOML.
pub fn data_files(text: &str) -> Vec<(String, String)> {
    let mut sources = Sources::default();
    let source = sources.add("case", text);
    let Ok(document) = document::parse(&sources, source) else { return Vec::new() };
    let keys = document.as_table().and_then(|root| root.get("validation")?.node.as_table()?.get("data")?.node.as_array());
    let keys = keys.into_iter().flatten().filter_map(Node::as_str);
    keys.filter_map(|key| Some((key.to_owned(), text_at(&document, key)?.to_owned()))).collect()
}

/// The text at a key path, in which the elements of lists go by their names or numbers.
fn text_at<'d>(document: &'d Node, path: &str) -> Option<&'d str> {
    let mut node = document;
    for part in DottedPath::parse(path).ok()?.parts() {
        node = match &node.value {
            Value::Table(table) => &table.get(part)?.node,
            Value::Array(nodes) => {
                let named = nodes.iter().find(|node| document::element_name(node) == *part);
                named.or_else(|| nodes.get(part.parse::<usize>().ok()?))?
            }
            _ => return None,
        };
    }
    node.as_str()
}
