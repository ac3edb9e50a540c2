//! Data goes to stdout; everything else to stderr.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use peerlab_scenario::diagnostic::Report;

use crate::failure::Failure;

/// Writes data. Colours are taken out where nobody would see them.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// There is such a file.
pub(crate) fn exists(path: &Path) -> Failure {
    Failure::input(format_args!("{} exists already and is left as it is; choose another name", path.display()))
}

/// Writes a file that does not exist yet: what a user has is left as it is.
pub(crate) fn write_new(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::input(format_args!("cannot write {}: {error}", path.display())),
    };
    let mut file = File::create_new(path).map_err(failed)?;
    file.write_all(contents).map_err(|error| Failure::Run(anyhow::Error::new(error).context(format!("cannot write {}", path.display()))))
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
