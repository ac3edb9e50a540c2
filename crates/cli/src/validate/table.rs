//! What a person reads, and what a script reads.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};
use peerlab_scenario::Validation;
use serde_json::{Value as Json, json};

use super::cases::Case;
use super::judge::{Row, Tolerance, Verdict};
use super::{Finding, Outcome};
use crate::output::terminal_width;

/// Columns of running text where there is no terminal to say it.
const TEXT_WIDTH: usize = 110;

/// The most decimals of a figure.
const DECIMALS_MAX: usize = 6;

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::PassModel => "pass (model)",
            Self::Fail => "FAIL",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::PassModel => "pass-model",
            Self::Fail => "fail",
        }
    }
}

impl Finding {
    fn verdict(&self) -> &'static str {
        match &self.outcome {
            Outcome::Skipped(_) => "skipped",
            Outcome::Compared(_) if self.has_failed() => "fail",
            Outcome::Compared(_) => "pass",
        }
    }
}

/// The cases with a line each.
pub(super) fn listing(cases: &[(Case, Validation)]) -> String {
    let width = cases.iter().map(|(case, _)| case.name.chars().count()).max().unwrap_or(0);
    let line = |(case, validation): &(Case, Validation)| {
        let small = if validation.small { "  [small]" } else { "" };
        format!("{:<width$}  {}{small}\n", case.name, validation.title)
    };
    cases.iter().map(line).collect()
}

/// A case with its table.
pub(super) fn human(finding: &Finding) -> String {
    let Finding { case, validation, outcome } = finding;
    let mut text = format!("{}: {}\n", case.name, validation.title);
    text += &wrapped(&format!("source: {}", validation.source), "  ");
    let rows = match outcome {
        Outcome::Skipped(reason) => return text + &wrapped(&format!("SKIPPED: {reason}"), "  ") + "\n",
        Outcome::Compared(rows) => rows,
    };
    text += &wrapped(&format!("convention: {}", validation.convention), "  ");
    text += &rendered(rows);
    text.push('\n');
    for reason in reasons(validation) {
        text += &wrapped(&reason, "  ");
    }
    text.push('\n');
    text
}

/// The reasons of the leeways, each once, after the names of the figures that it is about.
fn reasons(validation: &Validation) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for figure in &validation.figure {
        let (Some(because), name) = (&figure.because, figure.name.as_ref().unwrap_or(&figure.quantity)) else { continue };
        match reasons.iter_mut().find(|(reason, _)| reason == because) {
            Some((_, names)) if names.contains(&name.as_str()) => {}
            Some((_, names)) => names.push(name),
            None => reasons.push((because, vec![name])),
        }
    }
    reasons.into_iter().map(|(because, names)| format!("{}: {because}", names.join(", "))).collect()
}

fn rendered(rows: &[Row]) -> String {
    let has = |of: fn(&Row) -> bool| rows.iter().any(of);
    let (topologies, spots) = (rows.iter().any(|row| row.topology != rows[0].topology), has(|row| !row.spot.is_empty()));
    let (errors, published, independent) =
        (has(|row| row.standard_error.is_some()), has(|row| row.published.is_some()), has(|row| row.independent.is_some()));
    let columns = [
        ("figure", true, true),
        ("topology", topologies, true),
        ("at", spots, true),
        ("simulated", true, false),
        ("s.e.", errors, false),
        ("published", published, false),
        ("mark", published, true),
        ("independent", independent, false),
        ("tolerance", true, false),
        ("verdict", true, true),
    ];
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    let shown = |cells: [String; 10]| -> Vec<Cell> {
        let pairs = cells.into_iter().zip(columns).filter(|(_, (_, is_shown, _))| *is_shown);
        pairs
            .map(|(text, (_, _, left))| Cell::new(text).set_alignment(if left { CellAlignment::Left } else { CellAlignment::Right }))
            .collect()
    };
    table.set_header(shown(columns.map(|(name, _, _)| name.to_owned())));
    for row in rows {
        table.add_row(shown(cells(row)));
    }
    table.trim_fmt()
}

fn cells(row: &Row) -> [String; 10] {
    let says_itself = row.unit == "1" || row.name.contains(&row.unit);
    let unit = if says_itself { String::new() } else { format!(" [{}]", row.unit) };
    let hops = row.hops.map(|hops| format!(", {hops} {}", if hops == 1 { "hop" } else { "hops" })).unwrap_or_default();
    let decimals = decimals(row);
    let number = |value: Option<f64>| value.map(|value| format!("{value:.decimals$}")).unwrap_or_default();
    let given = |value: Option<f64>| value.map(|value| format!("{value:.0$}", row.decimals)).unwrap_or_default();
    let tolerance = match row.tolerance {
        Tolerance { value: 0.0, reason } => reason.to_owned(),
        Tolerance { value, reason } => format!("{} ({reason})", significant(value)),
    };
    [
        format!("{}{hops}{unit}", row.name),
        row.topology.clone(),
        row.spot.clone(),
        if row.simulated.is_some() { number(row.simulated) } else { "no value".to_owned() },
        row.standard_error.map(significant).unwrap_or_default(),
        given(row.published),
        row.mark.map(|mark| mark.name().to_owned()).unwrap_or_default(),
        given(row.independent),
        tolerance,
        row.verdict.name().to_owned(),
    ]
}

/// Decimals of the simulated value: one more than the published one has; none of a whole count.
fn decimals(row: &Row) -> usize {
    let is_whole = row.decimals == 0 && row.simulated.is_some_and(|simulated| simulated.fract() == 0.0);
    if is_whole { 0 } else { (row.decimals + 1).min(DECIMALS_MAX) }
}

/// Two significant digits.
fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    // The scientific form knows the magnitude, after rounding: 0.0996 is 0.10.
    let scientific = format!("{value:.1e}");
    let magnitude: i32 = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let decimals = usize::try_from(1 - magnitude).unwrap_or(0).min(9);
    format!("{value:.decimals$}")
}

/// Running text in lines of bearable length.
fn wrapped(text: &str, indent: &str) -> String {
    let width = terminal_width().unwrap_or(TEXT_WIDTH).clamp(40, TEXT_WIDTH);
    let mut lines = String::new();
    let mut line = indent.to_owned();
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > width && line.trim() != "" {
            lines += line.trim_end();
            lines.push('\n');
            line = format!("{indent}  ");
        }
        line += word;
        line.push(' ');
    }
    lines + line.trim_end() + "\n"
}

/// What became of all of them.
pub(super) fn summary(findings: &[Finding]) -> String {
    let count = |verdict: &str| findings.iter().filter(|finding| finding.verdict() == verdict).count();
    let rows = || findings.iter().flat_map(Finding::rows);
    let by_model = rows().filter(|row| row.verdict == Verdict::PassModel).count();
    let mut text = format!(
        "{}: {} pass, {} fail, {} skipped\n{}: {} pass, {} fail\n",
        plural(findings.len(), "case"),
        count("pass"),
        count("fail"),
        count("skipped"),
        plural(rows().count(), "figure"),
        rows().filter(|row| !row.has_failed()).count(),
        rows().filter(|row| row.has_failed()).count(),
    );
    if rows().any(|row| row.independent.is_some()) {
        text += &wrapped("independent: the same model calculated by other means; it is no published figure", "");
    }
    if by_model > 0 {
        let meaning = "pass (model): within the tolerance of that calculation, but not of the published figure";
        text += &wrapped(&format!("{meaning} ({})", plural(by_model, "figure")), "");
    }
    let not_passed = findings.iter().filter(|finding| finding.verdict() != "pass");
    text.extend(not_passed.map(|finding| format!("{}: {}\n", finding.verdict(), finding.case.name)));
    text
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A case as one JSON object on a line.
pub(super) fn json(finding: &Finding) -> String {
    let Finding { case, validation, outcome } = finding;
    let reason = match outcome {
        Outcome::Skipped(reason) => Json::from(reason.as_str()),
        Outcome::Compared(_) => Json::Null,
    };
    let figures: Vec<Json> = finding.rows().iter().map(json_row).collect();
    let object = json!({
        "case": case.name, "title": validation.title, "source": validation.source, "convention": validation.convention,
        "verdict": finding.verdict(), "reason": reason, "figures": figures,
    });
    format!("{object}\n")
}

fn json_row(row: &Row) -> Json {
    json!({
        "figure": row.name, "quantity": row.quantity, "unit": row.unit, "topology": row.topology, "at": row.spot, "hops": row.hops,
        "simulated": row.simulated, "standard_error": row.standard_error, "repetitions": row.repetitions,
        "published": row.published, "mark": row.mark.map(peerlab_scenario::Mark::name), "independent": row.independent,
        "tolerance": row.tolerance.value, "tolerance_from": row.tolerance.reason, "because": row.because, "verdict": row.verdict.key(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_have_two_significant_digits() {
        for (value, text) in [(0.0, "0"), (0.0996, "0.10"), (0.0123, "0.012"), (3.84, "3.8"), (12.4, "12"), (1234.0, "1234")] {
            assert_eq!(significant(value), text);
        }
    }
}
