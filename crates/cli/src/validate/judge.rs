//! Is a simulated figure the published one?
//!
//! The tolerance is the largest of: three standard errors of the simulated mean over the repetitions; the rounding of the published
//! value (3 % of one that was read off a plot); and the leeway for a difference of convention, which the case states in words.
//! A value that is not the published one may still be that of an independent calculation of the published model: a published
//! figure from one run of one program has an error of its own. That passes too, and is told apart. A bound (`floor`) may not be beaten by a single run.

use peerlab_report::statistics::Estimate;
use peerlab_scenario::{Figure, HOP_SHARE, Mark, Point, Spot};

use crate::measure::{Results, unit};

/// The error of a value that was read off a plot, as a share of it.
const PLOT_ERROR: f64 = 0.03;

/// What binary fractions of decimal numbers may differ by, as a share.
const REPRESENTATION: f64 = 1e-9;

/// A simulated value beside the published one.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) quantity: String,
    pub(super) unit: String,
    pub(super) topology: String,
    /// The point of the sweep, by what it is called.
    pub(super) spot: String,
    pub(super) hops: Option<u32>,
    /// The mean over the repetitions; none if no repetition has a value.
    pub(super) simulated: Option<f64>,
    /// The standard error of that mean; none for a single repetition.
    pub(super) standard_error: Option<f64>,
    pub(super) repetitions: usize,
    pub(super) published: Option<f64>,
    pub(super) mark: Option<Mark>,
    pub(super) independent: Option<f64>,
    /// The decimals with which the figure's values are given.
    pub(super) decimals: usize,
    /// What the simulated value may differ by from the published one (from the independent one where nothing is published).
    pub(super) tolerance: Tolerance,
    pub(super) because: Option<String>,
    pub(super) verdict: Verdict,
}

/// What a value may differ by, and why it is that much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerance {
    pub(super) value: f64,
    pub(super) reason: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Within the tolerance of the published value, or of the independent calculation where nothing is published.
    Pass,
    /// Within the tolerance of the independent calculation of the published model, but not of the published value.
    PassModel,
    /// Neither.
    Fail,
}

impl Row {
    pub(super) fn has_failed(&self) -> bool {
        self.verdict == Verdict::Fail
    }
}

/// The rows of a figure: one at each point of the sweep, and for each hop count. With a `base`, its values are relative to those there.
pub(super) fn rows(figure: &Figure, spots: &[Spot], base: Option<&Spot>, points: &[Point], results: &Results) -> Vec<Row> {
    let topology = figure.topology(points).unwrap_or_default();
    let hops: Vec<Option<u32>> = if figure.quantity == HOP_SHARE { figure.hops.iter().copied().map(Some).collect() } else { vec![None] };
    let places = spots.iter().flat_map(|spot| hops.iter().map(move |hops| (spot, *hops)));
    let row = |(index, (spot, hops)): (usize, (&Spot, Option<u32>))| {
        let values = results.values(&figure.quantity, hops, topology, &spot.swept);
        let values: Vec<f64> = match base {
            // Repetition by repetition: what they have in common cancels out.
            Some(base) => relative(&values, &results.values(&figure.quantity, hops, topology, &base.swept)),
            None => values,
        };
        let values: Vec<f64> = values.into_iter().map(|value| value * figure.scale).collect();
        let published = figure.published.get(index).copied();
        let independent = figure.independent.get(index).copied();
        let is_beaten = published.is_some_and(|bound| figure.floor && values.iter().any(|&value| value < bound - figure.rounding));
        let estimate = Estimate::of(&values);
        let simulated = estimate.map(|estimate| estimate.mean);
        let standard_error = estimate.and_then(|estimate| Some(estimate.sd? / (estimate.n as f64).sqrt()));
        Row {
            name: figure.name.clone().unwrap_or_else(|| figure.quantity.clone()),
            quantity: figure.quantity.clone(),
            unit: figure.unit.clone().unwrap_or_else(|| if base.is_some() { "1" } else { unit(&figure.quantity) }.to_owned()),
            topology: topology.to_owned(),
            spot: spot.name.clone(),
            hops,
            simulated,
            standard_error,
            repetitions: estimate.map_or(0, |estimate| estimate.n),
            published,
            mark: published.and(figure.mark),
            independent,
            decimals: figure.published.iter().chain(&figure.independent).map(|&value| decimals(value)).max().unwrap_or(0),
            tolerance: match published {
                Some(published) => tolerance(figure, published, figure.mark == Some(Mark::Plot), standard_error),
                None => tolerance(figure, independent.unwrap_or_default(), false, standard_error),
            },
            because: figure.because.clone(),
            verdict: if is_beaten { Verdict::Fail } else { verdict(figure, simulated, standard_error, published, independent) },
        }
    };
    places.enumerate().map(row).collect()
}

/// Each repetition's value as a multiple of the base's; nothing if one of the two lacks a repetition.
fn relative(values: &[f64], base: &[f64]) -> Vec<f64> {
    let is_paired = values.len() == base.len() && base.iter().all(|&base| base != 0.0);
    if is_paired { values.iter().zip(base).map(|(value, base)| value / base).collect() } else { Vec::new() }
}

/// The decimals that a number is written with.
fn decimals(value: f64) -> usize {
    value.to_string().split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// The largest of the three.
fn tolerance(figure: &Figure, target: f64, is_plot: bool, standard_error: Option<f64>) -> Tolerance {
    let rounding = if is_plot {
        Tolerance { value: PLOT_ERROR * target.abs(), reason: "plot" }
    } else {
        Tolerance { value: figure.rounding, reason: "rounding" }
    };
    let convention = Tolerance { value: figure.leeway.max(figure.leeway_share * target.abs()), reason: "convention" };
    let sampling = Tolerance { value: 3.0 * standard_error.unwrap_or_default(), reason: "3 s.e." };
    let largest = [rounding, convention, sampling]
        .into_iter()
        .fold(Tolerance { value: 0.0, reason: "exact" }, |largest, next| if next.value > largest.value { next } else { largest });
    // A spread in the last bits is none.
    if largest.value <= REPRESENTATION * target.abs() { Tolerance { value: 0.0, reason: "exact" } } else { largest }
}

fn verdict(
    figure: &Figure,
    simulated: Option<f64>,
    standard_error: Option<f64>,
    published: Option<f64>,
    independent: Option<f64>,
) -> Verdict {
    let Some(simulated) = simulated else { return Verdict::Fail };
    let agrees = |target: f64, is_plot: bool| {
        let allowed = tolerance(figure, target, is_plot, standard_error).value;
        (simulated - target).abs() <= allowed + REPRESENTATION * target.abs()
    };
    match (published, independent) {
        (Some(published), _) if agrees(published, figure.mark == Some(Mark::Plot)) => Verdict::Pass,
        (Some(_), Some(independent)) if agrees(independent, false) => Verdict::PassModel,
        (None, Some(independent)) if agrees(independent, false) => Verdict::Pass,
        _ => Verdict::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(text: &str) -> Figure {
        serde_json::from_str(text).expect("a figure")
    }

    #[test]
    fn tolerance_is_the_largest_of_three() {
        let plain = figure(r#"{ "quantity": "hops_mean", "rounding": 0.005, "leeway": 0.1, "because": "of this" }"#);
        assert_eq!(tolerance(&plain, 4.0, false, None), Tolerance { value: 0.1, reason: "convention" });
        assert_eq!(tolerance(&plain, 4.0, true, None), Tolerance { value: 0.12, reason: "plot" });
        assert_eq!(tolerance(&plain, 4.0, false, Some(0.05)).reason, "3 s.e.");
        let exact = figure(r#"{ "quantity": "hops_mean" }"#);
        assert_eq!(tolerance(&exact, 4.0, false, Some(1e-17)), Tolerance { value: 0.0, reason: "exact" });
    }

    #[test]
    fn ratios_are_taken_repetition_by_repetition() {
        assert_eq!(relative(&[2.0, 6.0], &[4.0, 3.0]), [0.5, 2.0]);
        assert!(relative(&[2.0], &[4.0, 3.0]).is_empty() && relative(&[2.0], &[0.0]).is_empty());
    }

    #[test]
    fn published_figure_comes_before_the_independent_one() {
        let plain = figure(r#"{ "quantity": "hops_mean", "rounding": 0.005 }"#);
        let judged = |simulated, published, independent| verdict(&plain, simulated, None, published, independent);
        assert_eq!(judged(Some(4.0), Some(4.0), Some(5.0)), Verdict::Pass);
        assert_eq!(judged(Some(5.0), Some(4.0), Some(5.0)), Verdict::PassModel);
        assert_eq!(judged(Some(4.5), Some(4.0), Some(5.0)), Verdict::Fail);
        assert_eq!(judged(Some(5.0), None, Some(5.0)), Verdict::Pass);
        assert_eq!(judged(None, Some(4.0), Some(5.0)), Verdict::Fail, "a figure without a value agrees with nothing");
    }
}
