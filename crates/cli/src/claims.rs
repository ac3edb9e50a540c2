//! What people say, held against figures: the `[claim]` of a scenario that has been run.
//!
//! Each figure is a mean over the repetitions with its 95 % interval (Student's t); contrasts are taken repetition by repetition, since both
//! topologies have met the same conditions. A figure that is to be above or below a limit decides only if its whole interval is.

use std::collections::BTreeMap;

use peerlab_report::human::with_interval;
use peerlab_report::statistics::{Estimate, Paired};
use peerlab_scenario::diagnostic::Report;
use peerlab_scenario::{Best, Claim, ClaimFigure, Contrast, Phrase, Scenario};
use serde_json::{Value as Json, json};

use crate::failure::Failure;
use crate::measure::{self, Results};
use crate::run::Job;

/// How far a claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Holds,
    InPart,
    Fails,
    /// The intervals are too wide to say.
    Undecided,
}

impl Verdict {
    const fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::InPart => "holds in part",
            Self::Fails => "does not hold",
            Self::Undecided => "is undecided",
        }
    }
}

/// A figure that has been computed.
struct Found {
    text: String,
    /// One value a repetition; none of the best of several.
    values: BTreeMap<u32, f64>,
    estimate: Option<Estimate>,
    /// Whether the claim holds by it; nothing if it is no test, or its interval says neither.
    holds: Option<bool>,
}

/// What has become of a claim.
pub(crate) struct Finding {
    scenario: String,
    claim: String,
    sentence: String,
    verdict: Verdict,
    figures: Vec<(ClaimFigure, Found)>,
}

/// Finds figures of metrics that do not exist.
///
/// # Errors
/// The first one, at its place.
pub(crate) fn check_quantities(scenario: &Scenario) -> Result<(), Report> {
    let Some(claim) = &scenario.claim else { return Ok(()) };
    let own =
        claim.figure.iter().zip(0..).filter_map(|(figure, index)| Some((format!("claim.figure.{index}.metric"), figure.metric.as_ref()?)));
    let unknown =
        [("claim.metric".to_owned(), &claim.metric)].into_iter().chain(own).find_map(|(path, name)| Some((path, measure::unknown(name)?)));
    unknown.map_or(Ok(()), |(path, message)| Err(scenario.blame(&path, message)))
}

impl Finding {
    /// Holds the claim of a scenario that has been run, if it is about one, against its results.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn of(job: &Job) -> Result<Option<Self>, Failure> {
        let scenario = job.scenario();
        let Some(claim) = &scenario.claim else { return Ok(None) };
        let metrics = || claim.figure.iter().filter_map(|figure| figure.metric.as_deref()).chain([&*claim.metric]);
        let results = Results::read(job.out(), metrics().any(measure::is_of_peers))?;
        let mut figures: Vec<(ClaimFigure, Found)> = Vec::new();
        for figure in &claim.figure {
            let found = compute(scenario, claim, figure, &figures, &results);
            figures.push((figure.clone(), found));
        }
        let tests: Vec<Option<bool>> = figures.iter().filter(|(figure, _)| figure.is_test()).map(|(_, found)| found.holds).collect();
        let verdict = match (tests.contains(&Some(true)), tests.contains(&Some(false))) {
            (true, true) => Verdict::InPart,
            (true, false) if tests.contains(&None) => Verdict::InPart,
            (true, false) => Verdict::Holds,
            (false, true) => Verdict::Fails,
            (false, false) => Verdict::Undecided,
        };
        let text = |name: &str| figures.iter().find(|(figure, _)| figure.name == name).map_or("?", |(_, found)| &found.text).to_owned();
        let phrases = claim.phrases();
        let phrase = |phrase: &Phrase<'_>| match phrase {
            Phrase::Text(text) => (*text).to_owned(),
            Phrase::Figure(name) => text(name),
        };
        let sentence = phrases.iter().map(phrase).collect();
        Ok(Some(Self { scenario: scenario.name.clone(), claim: claim.claim.clone(), sentence, verdict, figures }))
    }

    /// One line for a terminal.
    pub(crate) fn line(&self) -> String {
        format!("{}: “{}” {}: {}\n", self.scenario, self.claim, self.verdict.words(), self.sentence)
    }

    /// The same with all figures, for scripts.
    pub(crate) fn json(&self) -> Json {
        let figure = |(figure, found): &(ClaimFigure, Found)| {
            let interval = found.estimate.and_then(|estimate| estimate.ci95);
            json!({
                "name": figure.name, "text": found.text, "mean": found.estimate.map(|estimate| estimate.mean),
                "ci95_low": interval.map(|(low, _)| low), "ci95_high": interval.map(|(_, high)| high),
                "above": figure.above, "below": figure.below, "holds": found.holds,
            })
        };
        json!({
            "claim": self.claim, "verdict": self.verdict.words(), "sentence": self.sentence,
            "figures": self.figures.iter().map(figure).collect::<Vec<_>>(),
        })
    }
}

/// A topology's values of a figure, by repetition.
fn values(scenario: &Scenario, claim: &Claim, figure: &ClaimFigure, topology: &str, results: &Results) -> BTreeMap<u32, f64> {
    let Some(spot) = claim.spot(figure, topology, &scenario.axes, &scenario.points) else { return BTreeMap::new() };
    let metric = figure.metric.as_deref().unwrap_or(&claim.metric);
    let values = results.by_repetition(metric, None, topology, &spot.swept);
    values.into_iter().map(|(repetition, value)| (repetition, value * figure.scale)).collect()
}

fn compute(scenario: &Scenario, claim: &Claim, figure: &ClaimFigure, earlier: &[(ClaimFigure, Found)], results: &Results) -> Found {
    let topologies = claim.topologies(figure, &scenario.points);
    if let Some(best) = figure.best {
        let candidates = topologies.iter().map(|topology| (*topology, values(scenario, claim, figure, topology, results)));
        let found = best_of(best, &figure.unit, &candidates.collect::<Vec<_>>());
        return Found { holds: judge(figure, found.estimate), ..found };
    }
    let own = topologies.first().map(|topology| values(scenario, claim, figure, topology, results)).unwrap_or_default();
    let other = figure.against.as_ref().and_then(|name| earlier.iter().find(|(figure, _)| figure.name == *name));
    let values: BTreeMap<u32, f64> = match other {
        None => own,
        Some((_, other)) => {
            let pairs = own.iter().filter_map(|(repetition, value)| Some((*repetition, *value, *other.values.get(repetition)?)));
            let contrast = |(repetition, value, other): (u32, f64, f64)| match figure.contrast {
                Contrast::Difference => Some((repetition, value - other)),
                Contrast::Ratio => (other != 0.0).then(|| (repetition, value / other)),
            };
            pairs.filter_map(contrast).collect()
        }
    };
    let estimate = Estimate::of(&values.values().copied().collect::<Vec<_>>());
    Found { text: text(estimate, &figure.unit), values, estimate, holds: judge(figure, estimate) }
}

/// Whether a claim holds by a figure with this estimate; nothing if it is no test, or the interval says neither.
fn judge(figure: &ClaimFigure, estimate: Option<Estimate>) -> Option<bool> {
    let estimate = estimate?;
    let (low, high) = estimate.ci95.unwrap_or((estimate.mean, estimate.mean));
    let above = figure.above.map(|limit| decided(low > limit, high <= limit));
    let below = figure.below.map(|limit| decided(high < limit, low >= limit));
    match (above, below) {
        (Some(one), Some(other)) if one != other => [one, other].contains(&Some(false)).then_some(false),
        (one, other) => one.or(other)?,
    }
}

/// True, false, or neither.
fn decided(is_true: bool, is_false: bool) -> Option<bool> {
    is_true.then_some(true).or_else(|| is_false.then_some(false))
}

fn text(estimate: Option<Estimate>, unit: &str) -> String {
    let figure = estimate.map_or("–".to_owned(), |estimate| with_interval(estimate.mean, estimate.half_width(), " ± "));
    if unit.is_empty() { figure } else { format!("{figure} {unit}") }
}

/// The best topology, and those that do not differ from it significantly.
fn best_of(best: Best, unit: &str, candidates: &[(&str, BTreeMap<u32, f64>)]) -> Found {
    let mean = |values: &BTreeMap<u32, f64>| Estimate::of(&values.values().copied().collect::<Vec<_>>());
    let ranked = candidates.iter().filter_map(|(topology, values)| Some((topology, values, mean(values)?)));
    let rank = |estimate: &Estimate| match best {
        Best::Highest => -estimate.mean,
        Best::Lowest => estimate.mean,
    };
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_by(|a, b| rank(&a.2).total_cmp(&rank(&b.2)));
    let Some(&(_, first, estimate)) = ranked.first() else {
        return Found { text: "–".to_owned(), values: BTreeMap::new(), estimate: None, holds: None };
    };
    let is_as_good = |values: &BTreeMap<u32, f64>| {
        let pairs: (Vec<f64>, Vec<f64>) = first.iter().filter_map(|(repetition, value)| Some((*value, *values.get(repetition)?))).unzip();
        let paired = Paired::of(&pairs.0, &pairs.1).ok().flatten();
        paired.is_none_or(|paired| paired.difference.mean == 0.0 || paired.is_significant() == Some(false))
    };
    let names: Vec<&str> = ranked.iter().filter(|(_, values, _)| is_as_good(values)).map(|(topology, ..)| **topology).collect();
    Found {
        text: format!("{} ({})", names.join(", "), text(Some(estimate), unit)),
        values: BTreeMap::new(),
        estimate: Some(estimate),
        holds: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[f64]) -> BTreeMap<u32, f64> {
        (0..).zip(values.iter().copied()).collect()
    }

    #[test]
    fn the_best_are_those_that_no_difference_tells_apart() {
        let candidates = vec![
            ("chord", values(&[0.90, 0.92, 0.91])),
            ("flooding", values(&[0.50, 0.51, 0.52])),
            ("kademlia", values(&[0.92, 0.90, 0.92])),
        ];
        assert!(best_of(Best::Highest, "", &candidates).text.starts_with("kademlia, chord (0.913"));
        assert!(best_of(Best::Lowest, "%", &candidates).text.starts_with("flooding (0.51"));
        assert_eq!(best_of(Best::Lowest, "", &[]).text, "–");
    }
}
