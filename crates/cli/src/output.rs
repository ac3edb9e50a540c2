//! Data goes to stdout; everything else to stderr.

use std::io::Write as _;

use peerlab_scenario::diagnostic::Report;

use crate::failure::Failure;

/// Writes data. Colours are taken out where nobody would see them.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Says something about what is going on. That nobody listens is no error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Shows warnings.
pub(crate) fn warn(report: &Report) {
    if !report.is_empty() {
        let _ = write!(anstream::stderr(), "{}", report.render(true));
    }
}

/// The width of the terminal that stdout is, if it is one.
pub(crate) fn terminal_width() -> Option<usize> {
    use std::io::IsTerminal as _;
    std::io::stdout().is_terminal().then(|| comfy_table::Table::new().width().map_or(120, usize::from))
}

/// A number that a person can read: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rough number: `1.2 million`.
pub(crate) fn rough(number: u64) -> String {
    match number {
        0..10_000 => grouped(number),
        10_000..1_000_000 => format!("{} thousand", number / 1000),
        1_000_000..1_000_000_000 => format!("{:.1} million", number as f64 / 1e6),
        _ => format!("{:.1} billion", number as f64 / 1e9),
    }
}

/// An amount of memory: `1.5 GiB`.
pub(crate) fn memory(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes < 1024.0 { format!("{mebibytes:.0} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}
