//! The commands that run nothing.

use super::{Place, SMALL};

#[test]
fn help_names_every_command_and_version_the_version() {
    let place = Place::new();
    let help = place.sim(&["--help"]).good();
    for command in ["run", "check", "validate", "plot", "graph", "list", "schema", "new", "completions"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{help}");
    }
    let run = place.sim(&["run", "--help"]).good();
    for option in [
        "--out",
        "--seed",
        "--repetitions",
        "--set",
        "--topology",
        "--threads",
        "--resume",
        "--force",
        "--no-charts",
        "--quiet",
        "--format",
    ] {
        assert!(run.contains(option), "{run}");
    }
    assert_eq!(place.sim(&["--version"]).good(), format!("sim {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn list_shows_what_can_be_named() {
    let place = Place::new();
    let models = place.sim(&["list", "topologies"]).good();
    for model in ["chord", "flooding", "central-index"] {
        assert!(models.lines().any(|line| line.starts_with(model)), "{models}");
    }
    let chord = place.sim(&["list", "topologies", "chord"]).good();
    assert!(
        chord.contains("  successors = an integer (default ") && chord.contains("source: ") && chord.contains("family: structured"),
        "{chord}"
    );
    assert!(place.sim(&["list", "churn"]).good().contains("weibull"));
    assert!(place.sim(&["list", "latency"]).good().contains("euclidean"));
    assert!(place.sim(&["list", "actions"]).good().contains("server-outage"));
    assert!(place.sim(&["list", "metrics"]).good().contains("lookup_success_ratio"));
    assert!(place.sim(&["list", "scenarios"]).good().contains("How do lookups fare while peers come and go?"));
    assert!(place.sim(&["list"]).good().contains("topologies"));
    assert!(place.sim(&["list", "topologies", "chrod"]).refused().contains("did you mean `chord`?"));
}

#[test]
fn schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(&Place::new().sim(&["schema"]).good()).expect("JSON");
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
}

#[test]
fn new_scenario_is_sound_and_nothing_is_overwritten() {
    let place = Place::new();
    assert_eq!(place.sim(&["new", "mine"]).good(), "mine.toml\n");
    assert!(place.sim(&["check", "mine.toml"]).good().starts_with("mine: sound\n"));
    std::fs::write(place.path("mine.toml"), "precious").expect("a file can be written");
    assert!(place.sim(&["new", "mine"]).refused().contains("exists already"));
    assert_eq!(std::fs::read_to_string(place.path("mine.toml")).expect("it is there"), "precious");
    place.sim(&["new", "second.toml", "--from", "churn"]).good();
    assert!(place.sim(&["check", "second.toml"]).good().starts_with("second: sound\n"));
    assert!(place.sim(&["new", "third", "--from", "chrun"]).refused().contains("did you mean `churn`?"));
    assert_eq!(place.names(), ["mine.toml", "second.toml"]);
}

#[test]
fn check_prints_the_plan() {
    let place = Place::with_scenario(SMALL);
    let plan = place.sim(&["check", "small.toml", "--set", "peers.count=1000"]).good();
    for line in ["  topologies  chord, central-index", "  repetitions 2", "  runs        4", "  peers       1,000"] {
        assert!(plan.lines().any(|found| found == line), "{plan}");
    }
    let object: serde_json::Value = serde_json::from_str(&place.sim(&["check", "small.toml", "--format", "json"]).good()).expect("JSON");
    assert_eq!(object["runs"][3], "central-index/2");
    assert_eq!(place.names(), ["small.toml"]);
}

#[test]
fn directory_stands_for_its_scenarios() {
    let place = Place::with_scenario(SMALL);
    std::fs::write(place.path("other.toml"), SMALL).expect("a file can be written");
    let plans = place.sim(&["check", "."]).good();
    assert!(plans.contains("small: sound") && plans.contains("other: sound"), "{plans}");
}

#[test]
fn completions_are_written_for_shells() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(Place::new().sim(&["completions", shell]).good().contains("sim"));
    }
}

#[test]
fn closed_pipe_is_no_error() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_sim")).arg("schema").stdout(Stdio::piped()).spawn().expect("sim starts");
    drop(child.stdout.take());
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn the_graph_of_a_run_is_written_in_three_formats() {
    let place = Place::with_scenario(SMALL);
    let name = "small.toml";
    let edges = place.sim(&["graph", name, "--topology", "chord", "--at", "5 s"]).good();
    assert!(edges.lines().filter(|line| !line.starts_with('#')).all(|line| line.split('\t').count() == 2), "{edges}");
    assert_eq!(edges, place.sim(&["graph", name, "--topology", "chord", "--at", "5 s"]).good());
    let links = edges.lines().filter(|line| !line.starts_with('#')).count();
    let dot = place.sim(&["graph", name, "--run", "chord/1", "--at", "5 s", "--format", "dot"]).good();
    assert_eq!(dot.matches(" -- ").count(), links);
    place.sim(&["graph", name, "--topology", "chord", "--at", "5 s", "--format", "graphml", "--out", "g.xml"]).good();
    assert_eq!(std::fs::read_to_string(place.path("g.xml")).expect("the file").matches("<edge ").count(), links);
    let again = place.sim(&["graph", name, "--topology", "chord", "--at", "5 s", "--out", "g.xml"]).refused();
    assert!(again.contains("g.xml exists already and is left as it is"), "{again}");
    assert_eq!(std::fs::read_to_string(place.path("g.xml")).expect("the file").matches("<edge ").count(), links);
    assert!(place.sim(&["graph", name]).refused().contains("--topology"));
    assert!(place.sim(&["graph", name, "--run", "chrod/1"]).refused().contains("did you mean `chord/1`?"));
    assert!(place.sim(&["graph", name, "--topology", "chord", "--at", "9 h"]).refused().contains("the run lasts"));
    assert!(place.sim(&["graph", name, "--topology", "chord", "--at", "soon"]).refused().contains("--at soon"));
}
