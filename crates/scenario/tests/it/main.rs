//! What a user may write, and what is said about what is wrong.

mod errors;
mod overrides;
mod plan;
mod resolved;
mod schema;
mod shipped;
mod validation;

use peerlab_scenario::{Loader, Scenario};
use peerlab_world::Registry;

/// A sound scenario, to be spoilt.
pub(crate) const SOUND: &str = r#"
[peers]
count = 100

[network]
latency = { model = "constant", one_way = "50 ms" }

[[topology]]
model = "chord"
name = "chord-8"
successors = 8

[[topology]]
model = "flooding"

[lookups]
interval = "1 min"
"#;

/// Loads a text that must be sound.
pub(crate) fn load(text: &str) -> Scenario {
    load_with(text, |loader| loader)
}

/// Loads a text with overrides, which must be sound.
pub(crate) fn load_with(text: &str, set: impl FnOnce(Loader<'_>) -> Loader<'_>) -> Scenario {
    let registry = Registry::builtin();
    match set(Loader::new(&registry)).load_text("test.toml", "test", text) {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    }
}

/// What is said about a text that is not sound.
pub(crate) fn complaint(text: &str) -> String {
    complaint_with(text, |loader| loader)
}

/// What is said about a text with overrides.
pub(crate) fn complaint_with(text: &str, set: impl FnOnce(Loader<'_>) -> Loader<'_>) -> String {
    let registry = Registry::builtin();
    match set(Loader::new(&registry)).load_text("test.toml", "test", text) {
        Ok(_) => panic!("nothing is said about\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// Asserts that the complaint has these lines, in this order (others may lie between them).
pub(crate) fn says(complaint: &str, lines: &[&str]) {
    let mut rest = complaint.lines();
    for line in lines {
        assert!(rest.any(|found| found.trim_end() == *line), "no line\n{line}\nin this order in\n{complaint}");
    }
}
