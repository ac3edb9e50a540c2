//! `[claim]`: what people say of a design, and the figures of a scenario that it is held against.
//!
//! A scenario that has this table is an *experiment about a claim*: `sim run` runs it like any other, and says at the end how far the claim
//! holds, in one sentence with figures. docs/claims.md says how one is written.
//!
//! # Not here
//! Computing the figures, and the names of metrics: both are the command's business.

use peerlab_model::Issues;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nearest::{did_you_mean, list};
use crate::scenario::{Axis, Point};
use crate::spots::{Spot, spots};

/// A claim, and the figures that it is held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The claim, in the words of those who make it. Required.
    pub claim: String,
    /// The metric that its figures are of, unless they say otherwise (`sim list metrics`, or `lookup_found_ratio`: the share of all lookups that
    /// found something, those for what nobody online had included). Required.
    pub metric: String,
    /// What is said when the runs are done; `{name}` stands for the figure of that name. Required.
    pub sentence: String,
    /// What the points of the sweep are called, in their order, the first swept key varying slowest. Default: the swept keys with their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<String>,
    /// The figures. Required.
    #[schemars(length(min = 1))]
    pub figure: Vec<ClaimFigure>,
}

/// A figure: a metric of a topology at a point of the sweep, a contrast of two figures, or the best of several topologies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimFigure {
    /// What the sentence calls it. Required.
    pub name: String,
    /// The topology's label; needed where the scenario has several, unless the figure is the `best` of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<String>,
    /// The point of the sweep, by what it is called; needed where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The metric, if it is not the claim's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// An earlier figure that this one is set against, repetition by repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// How: as their difference or as their ratio. Default: `difference`.
    #[serde(default)]
    pub contrast: Contrast,
    /// Not the figure of one topology, but the topology with the highest or lowest, and those that do not differ from it significantly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
    /// The topologies that `best` chooses among. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub among: Vec<String>,
    /// The figure is multiplied by this. Default: 1.
    #[serde(default = "unscaled")]
    pub scale: f64,
    /// What follows the figure: its unit. Default: nothing.
    #[serde(default)]
    pub unit: String,
    /// The claim holds, as far as this figure goes, if it is above this; in the figure's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// The claim holds, as far as this figure goes, if it is below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

/// How two figures are set against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Contrast {
    /// This one minus the other.
    #[default]
    Difference,
    /// This one over the other.
    Ratio,
}

/// Which topology is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Best {
    /// The one with the highest figure.
    Highest,
    /// The one with the lowest.
    Lowest,
}

const fn unscaled() -> f64 {
    1.0
}

impl ClaimFigure {
    /// True if the claim can fail by it.
    pub fn is_test(&self) -> bool {
        self.above.is_some() || self.below.is_some()
    }
}

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phrase<'s> {
    /// As it stands.
    Text(&'s str),
    /// The figure of this name.
    Figure(&'s str),
}

impl Claim {
    /// The sentence in its parts.
    pub fn phrases(&self) -> Vec<Phrase<'_>> {
        let mut phrases = Vec::new();
        let mut rest = self.sentence.as_str();
        while let Some((before, behind)) = rest.split_once('{') {
            let Some((name, after)) = behind.split_once('}') else { break };
            phrases.extend([Phrase::Text(before), Phrase::Figure(name)]);
            rest = after;
        }
        phrases.push(Phrase::Text(rest));
        phrases
    }

    /// The topologies that a figure is about.
    pub fn topologies<'p>(&self, figure: &ClaimFigure, points: &'p [Point]) -> Vec<&'p str> {
        let labels = points.first().into_iter().flat_map(|point| &point.topologies).map(|entry| entry.label.as_str());
        let is_meant = |label: &&str| match (&figure.topology, figure.best) {
            (Some(wanted), _) => *label == wanted,
            (None, Some(_)) => figure.among.is_empty() || figure.among.iter().any(|among| among == label),
            (None, None) => true,
        };
        labels.filter(is_meant).collect()
    }

    /// Where in the grid a topology is looked at for a figure; nothing if that is not said.
    pub fn spot(&self, figure: &ClaimFigure, topology: &str, axes: &[Axis], points: &[Point]) -> Option<Spot> {
        let mut spots = spots(&self.points, topology, axes, points);
        match &figure.at {
            Some(wanted) => spots.into_iter().find(|spot| spot.name == *wanted),
            None => spots.pop().filter(|_| spots.is_empty()),
        }
    }

    /// Notes everything that cannot be computed or said, with paths relative to the `[claim]` table.
    pub(crate) fn check(&self, axes: &[Axis], points: &[Point], issues: &mut Issues) {
        for (key, text) in [("claim", &self.claim), ("sentence", &self.sentence)] {
            issues.ensure(!text.trim().is_empty(), key, format!("`{key}` is empty"));
        }
        let is_named = self.points.is_empty() || self.points.len() == points.len();
        issues.ensure(
            is_named,
            "points",
            format!("the number of names is {}, that of the sweep's points {}", self.points.len(), points.len()),
        );
        let names = || self.figure.iter().map(|figure| figure.name.as_str());
        for phrase in self.phrases() {
            if let Phrase::Figure(name) = phrase
                && !names().any(|known| known == name)
            {
                let near = did_you_mean(name, names());
                issues.error_with_help("sentence", format!("there is no figure `{name}`{near}"), format!("there are {}", list(names())));
            }
        }
        issues.ensure(self.figure.iter().any(ClaimFigure::is_test), "figure", "when does the claim hold? Give a figure `above` or `below`");
        for (index, figure) in self.figure.iter().enumerate() {
            issues.within(format_args!("figure.{index}"), |issues| self.check_figure(index, axes, points, issues));
            let twice = names().take(index).any(|name| name == figure.name);
            issues.ensure(!twice, format_args!("figure.{index}.name"), format!("two figures are called `{}`", figure.name));
        }
    }

    fn check_figure(&self, index: usize, axes: &[Axis], points: &[Point], issues: &mut Issues) {
        let figure = &self.figure[index];
        let labels: Vec<&str> = points.first().into_iter().flat_map(|point| &point.topologies).map(|entry| entry.label.as_str()).collect();
        let known = |issues: &mut Issues, key: String, wanted: &str| {
            if !labels.contains(&wanted) {
                let near = did_you_mean(wanted, labels.iter().copied());
                let help = format!("it has {}", list(labels.iter().copied()));
                issues.error_with_help(key, format!("the scenario has no topology `{wanted}`{near}"), help);
            }
        };
        for (at, wanted) in figure.among.iter().enumerate() {
            known(issues, format!("among.{at}"), wanted);
        }
        if let Some(wanted) = &figure.topology {
            known(issues, "topology".to_owned(), wanted);
            issues.ensure(figure.best.is_none(), "best", "the best of one topology is that topology: leave `topology` or `best` out");
        } else if figure.best.is_none() && labels.len() != 1 {
            let help = format!("`topology` is one of {}; or say `best = \"highest\"`", list(labels.iter().copied()));
            issues.error_with_help("", "which topology is this about?", help);
            return;
        }
        for topology in self.topologies(figure, points) {
            if self.spot(figure, topology, axes, points).is_some() {
                continue;
            }
            let everywhere = spots(&self.points, topology, axes, points);
            let names = || everywhere.iter().map(|spot| spot.name.as_str());
            let message = match &figure.at {
                None => "at which point of the sweep?".to_owned(),
                Some(wanted) => {
                    let near = did_you_mean(wanted, names());
                    format!("the sweep has no point `{wanted}` for `{topology}`{near}")
                }
            };
            let key = if figure.at.is_some() { "at" } else { "" };
            issues.error_with_help(key, message, format!("`at` is one of {}", list(names())));
            return;
        }
        if let Some(other) = &figure.against {
            let earlier = self.figure[..index].iter().find(|earlier| earlier.name == *other);
            let comparable = earlier.is_some_and(|earlier| earlier.best.is_none()) && figure.best.is_none();
            issues.ensure(comparable, "against", format!("`{other}` is no earlier figure of one topology, or this one is not of one"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_text_and_figures() {
        let claim = Claim {
            claim: String::new(),
            metric: String::new(),
            sentence: "from {a} to {b }.".to_owned(),
            points: Vec::new(),
            figure: Vec::new(),
        };
        let expected = [Phrase::Text("from "), Phrase::Figure("a"), Phrase::Text(" to "), Phrase::Figure("b "), Phrase::Text(".")];
        assert_eq!(claim.phrases(), expected);
        assert_eq!(Claim { sentence: "a { b".to_owned(), ..claim }.phrases(), [Phrase::Text("a { b")]);
    }
}
