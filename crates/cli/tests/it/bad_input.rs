//! Wrong input: status 2, a message with a place, and not a byte written.

use super::{Place, SMALL};

fn refused_with_nothing_written(place: &Place, arguments: &[&str]) -> String {
    let before = place.names();
    let message = place.sim(arguments).refused();
    assert_eq!(place.names(), before, "something was written");
    message
}

#[test]
fn every_problem_of_every_file_is_said() {
    let place = Place::with_scenario(&SMALL.replace("count = 40", "cuont = 40").replace("model = \"chord\"", "model = \"chrod\""));
    std::fs::write(place.path("other.toml"), "[peers]\ncount = \"x\"\n").expect("a file can be written");
    for command in ["check", "run"] {
        let message = refused_with_nothing_written(&place, &[command, "small.toml", "other.toml"]);
        for part in [
            "unknown key `cuont`",
            "small.toml:10:1",
            "did you mean `count`?",
            "unknown topology model `chrod`",
            "other.toml:2:9",
            "lacks the key `topology`",
        ] {
            assert!(message.contains(part), "no {part} in\n{message}");
        }
    }
}

#[test]
fn colours_are_for_terminals() {
    let place = Place::with_scenario("[peers]\ncount = \"x\"\n");
    assert!(!refused_with_nothing_written(&place, &["check", "small.toml"]).contains('\u{1b}'));
}

#[test]
fn missing_scenario_is_an_input_error() {
    let place = Place::new();
    assert!(refused_with_nothing_written(&place, &["run", "none.toml"]).contains("cannot read none.toml"));
    assert!(refused_with_nothing_written(&place, &["run", "."]).contains("there is no scenario"));
    refused_with_nothing_written(&place, &["run"]);
    refused_with_nothing_written(&place, &["frobnicate"]);
}

#[test]
fn overrides_are_checked() {
    let place = Place::with_scenario(SMALL);
    assert!(
        refused_with_nothing_written(&place, &["run", "small.toml", "--set", "churn.crash_share=2"])
            .contains("1 | --set churn.crash_share=2")
    );
    assert!(refused_with_nothing_written(&place, &["run", "small.toml", "--topology", "chrod"]).contains("did you mean `chord`?"));
    assert!(refused_with_nothing_written(&place, &["run", "small.toml", "--repetitions", "0"]).contains("expected 1 or more"));
}

#[test]
fn bad_data_files_are_found_before_anything_runs() {
    let place = Place::with_scenario(
        &SMALL.replace("[lookups]", "[[topology]]\nmodel = \"flooding\"\ngraph = { model = \"file\", file = \"edges.txt\" }\n\n[lookups]"),
    );
    assert!(refused_with_nothing_written(&place, &["run", "small.toml"]).contains("cannot read the file `edges.txt`"));
    for bad in ["", "0 0\n", "0 1\n1 4000000000\n", "0 one\n"] {
        std::fs::write(place.path("edges.txt"), bad).expect("a file can be written");
        let message = refused_with_nothing_written(&place, &["run", "small.toml"]);
        assert!(message.contains("edges.txt") && message.contains("small.toml:"), "{bad:?}: {message}");
    }
    let latency = "[network]\nlatency = { model = \"matrix\", file = \"matrix.txt\" }\n";
    let place = Place::with_scenario(&format!("{SMALL}\n{latency}"));
    for bad in ["", "0 1\n", "0 1\n1 0 2\n", "0 x\nx 0\n"] {
        std::fs::write(place.path("matrix.txt"), bad).expect("a file can be written");
        let message = refused_with_nothing_written(&place, &["run", "small.toml"]);
        assert!(message.contains("small.toml:"), "{bad:?}: {message}");
    }
}

#[test]
fn plan_beyond_the_memory_is_refused_with_the_numbers() {
    let place = Place::with_scenario(SMALL);
    if std::path::Path::new("/proc/meminfo").exists() {
        let message = refused_with_nothing_written(&place, &["run", "small.toml", "--set", "peers.count=1000000000"]);
        assert!(message.contains("1,000,000,000 peers") && message.contains("GiB") && message.contains("--force"), "{message}");
    } else {
        println!("skipped: this system does not say how much memory is available");
    }
}

#[test]
fn foreign_directory_is_never_touched() {
    let place = Place::with_scenario(SMALL);
    std::fs::create_dir(place.path("mine")).expect("a directory can be made");
    std::fs::write(place.path("mine/thesis.tex"), "years of work").expect("a file can be written");
    for force in [&["run", "small.toml", "--out", "mine"][..], &["run", "small.toml", "--out", "mine", "--force"]] {
        let message = refused_with_nothing_written(&place, force);
        assert!(message.contains("was not written by sim"), "{message}");
    }
    assert_eq!(std::fs::read_to_string(place.path("mine/thesis.tex")).expect("it is there"), "years of work");
    assert!(refused_with_nothing_written(&place, &["plot", "mine"]).contains("not a results directory"));
}

#[test]
fn two_scenarios_of_one_name_are_refused() {
    let place = Place::with_scenario(SMALL);
    std::fs::write(place.path("other.toml"), format!("name = \"small\"\n{SMALL}")).expect("a file can be written");
    assert!(refused_with_nothing_written(&place, &["run", "."]).contains("two scenarios are named `small`"));
}
