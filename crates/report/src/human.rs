//! The table that a person reads after a run: a few metrics of `aggregate.csv`, each as mean ± half of its 95 % interval.
//!
//! Digits: the half-width is rounded to two significant digits and the mean to the same place; without an interval (one
//! repetition) the mean has four. The files have all digits.
//!
//! # Not here
//! Colours, and how wide the terminal is: the caller knows.

use crate::tables::{Aggregate, Label, Reader, TableError};
use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};
use std::{collections::BTreeMap, path::Path};

/// A column: a metric, its heading in two lines, and the factor to the unit of the heading.
struct Column {
    metric: &'static str,
    heading: [&'static str; 2],
    factor: f64,
}

const fn column(metric: &'static str, above: &'static str, below: &'static str, factor: f64) -> Column {
    Column { metric, heading: [above, below], factor }
}

const COLUMNS: [Column; 21] = [
    column("lookup_success_ratio", "success", "%", 100.0),
    column("content_availability", "available", "%", 100.0),
    column("hops_mean", "hops", "mean", 1.0),
    column("hops_p95", "hops", "p95", 1.0),
    column("lookup_latency_p50", "latency", "p50 ms", 1.0),
    column("lookup_latency_p95", "latency", "p95 ms", 1.0),
    column("messages_per_lookup_mean", "messages", "per lookup", 1.0),
    column("rumour_residue", "residue", "%", 100.0),
    column("rumour_traffic", "traffic", "per peer", 1.0),
    column("rumour_delay_mean", "delay", "mean s", 1e-3),
    column("rumour_delay_last", "delay", "last s", 1e-3),
    column("download_success_ratio", "downloads", "%", 100.0),
    column("download_mean_s", "download", "mean s", 1.0),
    column("download_p95_s", "download", "p95 s", 1.0),
    column("startup_p50_ms", "start-up", "p50 ms", 1.0),
    column("startup_p95_ms", "start-up", "p95 ms", 1.0),
    column("stall_ratio", "stalled", "%", 100.0),
    column("server_bytes_share", "servers", "% of bytes", 100.0),
    column("share_ratio_jain", "sharing", "Jain", 1.0),
    column("maintenance_bytes_per_peer_s", "upkeep", "B/peer/s", 1.0),
    column("load_gini", "load", "Gini", 1.0),
];

/// The rows of the table: one topology at one sweep point each.
struct Line {
    label: Label,
    values: BTreeMap<String, Aggregate>,
}

/// Renders the table from the `aggregate.csv` in `directory`.
///
/// One line per topology and sweep point. Where that is wider than `width` columns, each ± goes under its mean; where that is
/// still too wide, a line is a metric and a column is a topology. What fits in no way is as narrow as it can be. Metrics that no
/// run has are left out.
pub fn summary_table(directory: &Path, width: Option<usize>) -> Result<String, TableError> {
    let mut reader = Reader::<Aggregate>::open(directory)?;
    let swept = reader.header().swept.clone();
    let mut lines: Vec<Line> = Vec::new();
    while let Some((label, row)) = reader.next_row()? {
        if lines.last().is_none_or(|line| line.label != *label) {
            lines.push(Line { label: label.clone(), values: BTreeMap::new() });
        }
        if let Some(line) = lines.last_mut() {
            line.values.insert(row.metric.clone(), row);
        }
    }
    let wide = render(&matrix(&swept, &lines, "\n", " ± "), false);
    let Some(width) = width else { return Ok(wide) };
    if widest(&wide) <= width {
        return Ok(wide);
    }
    let narrow = render(&matrix(&swept, &lines, "\n", "\n±"), true);
    let turned = render(&transposed(&matrix(&swept, &lines, " ", " ± ")), false);
    let fallback = if widest(&turned) < widest(&narrow) { turned } else { narrow.clone() };
    Ok(if widest(&narrow) <= width { narrow } else { fallback })
}

/// Width of the longest line.
fn widest(table: &str) -> usize {
    table.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// Headings, then one row of cells per line.
fn matrix(swept: &[String], lines: &[Line], in_heading: &str, plus_minus: &str) -> Vec<Vec<String>> {
    let has_mean = |line: &Line, column: &Column| line.values.get(column.metric).is_some_and(|row| row.mean.is_some());
    let shown: Vec<&Column> = COLUMNS.iter().filter(|column| lines.iter().any(|line| has_mean(line, column))).collect();
    let headings = ["topology".to_owned()].into_iter().chain(swept.iter().cloned());
    let headings = headings.chain(shown.iter().map(|column| column.heading.join(in_heading))).collect();
    let rows = lines.iter().map(|line| {
        let names = [&line.label.topology].into_iter().chain(&line.label.sweep).cloned();
        let cells = shown.iter().map(|column| match line.values.get(column.metric) {
            Some(row) => cell(row, column.factor, plus_minus),
            None => String::new(),
        });
        names.chain(cells).collect()
    });
    [headings].into_iter().chain(rows).collect()
}

/// Rows as columns.
fn transposed(matrix: &[Vec<String>]) -> Vec<Vec<String>> {
    (0..matrix[0].len()).map(|column| matrix.iter().map(|row| row[column].clone()).collect()).collect()
}

/// The first row is the header, the first column stands to the left, everything else to the right.
fn render(matrix: &[Vec<String>], lines_between_rows: bool) -> String {
    let mut table = Table::new();
    let style = presets::UTF8_HORIZONTAL_ONLY;
    table.load_style(if lines_between_rows { style } else { style.row_separator(LineStyle::none()) });
    table.set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    let cells = |row: &[String]| -> Vec<Cell> {
        let aligned = |(place, text): (usize, &String)| {
            Cell::new(text).set_alignment(if place == 0 { CellAlignment::Left } else { CellAlignment::Right })
        };
        row.iter().enumerate().map(aligned).collect()
    };
    let mut rows = matrix.iter();
    if let Some(headings) = rows.next() {
        table.set_header(cells(headings));
    }
    table.add_rows(rows.map(|row| cells(row)));
    table.trim_fmt()
}

fn cell(row: &Aggregate, factor: f64, plus_minus: &str) -> String {
    let Some(mean) = row.mean.map(|mean| mean * factor) else { return "–".to_owned() };
    with_interval(mean, row.ci95_low.zip(row.ci95_high).map(|(low, high)| (high - low) / 2.0 * factor), plus_minus)
}

/// A mean with half of its interval, if it has one, `plus_minus` between the two: as many digits as mean something.
pub fn with_interval(mean: f64, half: Option<f64>, plus_minus: &str) -> String {
    match half {
        // The last bits of a mean of equal values are no spread.
        Some(half) if half > mean.abs() * 1e-12 => {
            let decimals = decimals_for(half, 2);
            let digits = usize::try_from(decimals).unwrap_or(0);
            format!("{:.digits$}{plus_minus}{:.digits$}", rounded(mean, decimals), rounded(half, decimals))
        }
        Some(_) => format!("{}{plus_minus}0", significant(mean)),
        None => significant(mean),
    }
}

/// Four significant digits, without zeros that say nothing.
fn significant(value: f64) -> String {
    let decimals = decimals_for(value, 4);
    let digits = usize::try_from(decimals).unwrap_or(0);
    let text = format!("{:.digits$}", if decimals < 0 { value } else { rounded(value, decimals) });
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Decimals that show `digits` significant digits of `value`; below 0: places before the point.
fn decimals_for(value: f64, digits: i32) -> i32 {
    let magnitude = if value == 0.0 { 0 } else { libm::floor(libm::log10(value.abs()) + 1e-9) as i32 };
    (digits - 1 - magnitude).min(9)
}

/// Rounded to a number of decimals, below 0 to tens, hundreds, ….
fn rounded(value: f64, decimals: i32) -> f64 {
    let unit = libm::pow(10.0, f64::from(decimals.abs()));
    if decimals < 0 { (value / unit).round() * unit } else { (value * unit).round() / unit }
}
