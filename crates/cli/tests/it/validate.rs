//! `sim validate`: what it says of cases that agree, that do not, and that cannot be run.

use std::path::Path;

use super::{Place, names};

/// A case that runs in a moment: a central index is one hop away.
const CASE: &str = r#"
description = "Is the server one hop away?"
repetitions = 2

[time]
warm_up = "10 s"
duration = "2 min"

[peers]
count = 20

[[topology]]
model = "central-index"

[lookups]
interval = "20 s"
target = "peer"

[validation]
title = "A central index"
source = "common sense"
convention = "hops to the server, which names the peer"

[[validation.figure]]
quantity = "hops_mean"
mark = "exact"
published = [1]

[[validation.figure]]
quantity = "hop_share"
hops = [1, 2]
mark = "exact"
published = [1, 0]

[[validation.figure]]
quantity = "peers_touched"
mark = "exact"
published = [20]
"#;

#[test]
fn case_that_agrees_passes_and_leaves_nothing() {
    let place = Place::with_scenario(CASE);
    let table = place.sim(&["validate", "small.toml", "--quiet"]).good();
    assert!(table.contains("A central index") && table.contains("common sense"), "{table}");
    assert!(table.contains("1 case: 1 pass, 0 fail, 0 skipped\n4 figures: 4 pass, 0 fail\n"), "{table}");
    assert_eq!(place.names(), ["small.toml"]);
}

#[test]
fn case_that_differs_fails_and_says_which_figure() {
    let place = Place::with_scenario(&CASE.replace("published = [1]\n", "published = [1.5]\n"));
    let said = place.sim(&["validate", "small.toml", "--quiet"]);
    assert_eq!(said.status, 1, "{}", said.stderr);
    let row = said.stdout.lines().find(|line| line.contains("hops_mean")).unwrap_or_default();
    assert!(row.contains("1.5") && row.contains("FAIL"), "{}", said.stdout);
    assert!(said.stderr.contains("out of tolerance: small"), "{}", said.stderr);
}

#[test]
fn independent_calculation_is_told_apart_from_the_published_figure() {
    let place = Place::with_scenario(&CASE.replace("published = [1]\n", "published = [1.5]\nindependent = [1]\n"));
    let table = place.sim(&["validate", "small.toml", "--quiet"]).good();
    let row = table.lines().find(|line| line.contains("hops_mean")).unwrap_or_default();
    assert!(row.contains("1.5") && row.contains("pass (model)"), "{table}");
}

#[test]
fn stated_leeway_makes_a_figure_pass_and_is_shown() {
    let leeway = "published = [1.5]\nleeway = 0.5\nbecause = \"they count the way back\"\n";
    let place = Place::with_scenario(&CASE.replace("published = [1]\n", leeway));
    let table = place.sim(&["validate", "small.toml", "--quiet"]).good();
    assert!(table.contains("0.50 (convention)") && table.contains("they count the way back"), "{table}");
}

#[test]
fn json_has_an_object_a_case() {
    let place = Place::with_scenario(CASE);
    let text = place.sim(&["validate", "small.toml", "small.toml", "--quiet", "--format", "json"]).good();
    let objects: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0], objects[1], "the same case, the same figures");
    assert_eq!(objects[0]["verdict"], "pass");
    let figure = &objects[0]["figures"][0];
    assert_eq!((&figure["simulated"], &figure["published"], &figure["verdict"]), (&1.0.into(), &1.0.into(), &"pass".into()));
    assert_eq!((&figure["repetitions"], &figure["standard_error"]), (&2.into(), &0.0.into()));
}

#[test]
fn results_are_kept_if_asked_for() {
    let place = Place::with_scenario(CASE);
    place.sim(&["validate", "small.toml", "--quiet", "--out", "kept"]).good();
    assert!(names(&place.path("kept/small")).iter().any(|name| name == "summary.csv"));
    // Their scenario is a case again.
    let again = place.sim(&["validate", "kept/small/scenario.toml", "--quiet"]).good();
    assert!(again.contains("4 figures: 4 pass"), "{again}");
}

#[test]
fn unknown_case_is_refused_with_the_nearest_name() {
    let place = Place::new();
    let complaint = place.sim(&["validate", "chord-tabel-2"]).refused();
    assert!(complaint.contains("did you mean `chord-table-2`?"), "{complaint}");
    assert!(place.sim(&["validate", "--data", "nowhere"]).refused().contains("there is no directory nowhere"));
    assert!(place.sim(&["validate", "absent.toml"]).refused().contains("cannot read absent.toml"));
}

#[test]
fn scenario_without_figures_is_no_case() {
    let text = CASE.split("[validation]").next().unwrap_or_default();
    let complaint = Place::with_scenario(text).sim(&["validate", "small.toml"]).refused();
    assert!(complaint.contains("no `[validation]` table"), "{complaint}");
}

#[test]
fn mistakes_in_a_case_are_shown_at_their_place() {
    let place = Place::with_scenario(&CASE.replace("hops_mean", "hops_maen").replace("[20]", "[20, 21]"));
    let complaint = place.sim(&["check", "small.toml"]).refused();
    assert!(complaint.contains("the number of values is 2, but 1 would fit"), "{complaint}");
    let place = Place::with_scenario(&CASE.replace("hops_mean", "hops_maen"));
    let complaint = place.sim(&["check", "small.toml"]).refused();
    assert!(complaint.contains("small.toml:25:") && complaint.contains("did you mean `hops_mean`?"), "{complaint}");
}

#[test]
fn case_without_its_data_is_skipped_and_said_so() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).expect("a directory");
    let table = place.sim(&["validate", "flood-gnutella-08", "--quiet", "--data", "empty"]).good();
    assert!(table.contains("SKIPPED: p2p-Gnutella08.txt is not in empty"), "{table}");
    assert!(table.contains("1 case: 0 pass, 0 fail, 1 skipped"), "{table}");
    let text = place.sim(&["validate", "flood-gnutella-08", "--format", "json", "--data", "empty"]).good();
    let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(object["verdict"], "skipped");
}

#[test]
fn data_is_found_where_the_option_says() {
    let place = Place::new();
    std::fs::create_dir(place.path("here")).expect("a directory");
    // Node 0 in the middle of a star of eleven.
    let star: Vec<String> = (1..=10).map(|leaf| format!("0\t{leaf}")).collect();
    std::fs::write(place.path("here/p2p-Gnutella08.txt"), star.join("\n")).expect("a file can be written");
    let said = place.sim(&["validate", "flood-gnutella-08", "--quiet", "--data", "here"]);
    assert_eq!(said.status, 1, "a star is not Gnutella: {}", said.stderr);
    let row = said.stdout.lines().find(|line| line.contains("reached") && line.contains("TTL 1")).unwrap_or_default();
    assert!(row.contains("11") && row.contains("pass"), "{}", said.stdout);
}

#[test]
fn every_shipped_case_is_in_the_program_and_sound() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/validation");
    let listing = Place::new().sim(&["validate", "--list"]).good();
    let listed: Vec<String> = listing.lines().map(|line| line.split(' ').next().unwrap_or_default().to_owned() + ".toml").collect();
    assert_eq!(names(&directory), listed, "a case is in scenarios/validation or in crates/cli/src/validate/cases.rs, but not in both");
    let small = Place::new().sim(&["validate", "--list", "--small"]).good();
    assert!(small.lines().count() < listed.len() && small.lines().all(|line| line.ends_with("[small]")), "{small}");
}
