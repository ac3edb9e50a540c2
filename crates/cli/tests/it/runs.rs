//! Scenarios that are run to their results.

use std::fs;

use super::{Place, SMALL, names};

/// The files that must be the same bytes whenever the same is run.
const PROMISED: [&str; 10] = [
    "summary.csv",
    "aggregate.csv",
    "lookups.csv",
    "hops.csv",
    "messages.csv",
    "timeseries.csv",
    "peers.csv",
    "events.csv",
    "scenario.toml",
    "manifest.json",
];

#[test]
fn run_leaves_the_results_of_the_contract() {
    let place = Place::with_scenario(SMALL);
    let table = place.sim(&["run", "small.toml"]).good();
    assert!(table.contains("chord") && table.contains("central-index") && table.contains("success"), "{table}");
    let found = names(&place.path("results/small"));
    for file in PROMISED.iter().chain(&["performance.json", "charts"]) {
        assert!(found.iter().any(|name| name == file), "no {file} in {found:?}");
    }
    assert_eq!(names(&place.path("results")), ["small"], "nothing is left beside the results");
    let lookups = fs::read_to_string(place.path("results/small/lookups.csv")).expect("it is there");
    assert!(
        lookups.starts_with(
            "run,topology,repetition,lookup,time_s,origin,target,outcome,hops,rounds,messages,bytes,timeouts,latency_ms,results,recall\n"
        ),
        "{lookups}"
    );
    assert!(lookups.lines().count() > 100, "{lookups}");
    let charts = names(&place.path("results/small/charts"));
    assert!(charts.iter().any(|name| name == "hops-cdf.svg") && charts.iter().any(|name| name == "hops-cdf.png"), "{charts:?}");
}

#[test]
fn threads_order_and_the_resolved_copy_change_no_byte() {
    let place = Place::with_scenario(SMALL);
    place.sim(&["run", "small.toml", "--out", "one", "--threads", "1", "--no-charts", "--quiet"]).good();
    place.sim(&["run", "small.toml", "--out", "many", "--threads", "8", "--no-charts", "--quiet"]).good();
    place.sim(&["run", "one/scenario.toml", "--out", "again", "--threads", "3", "--no-charts", "--quiet"]).good();
    place.sim(&["run", "small.toml", "--out", "other", "--seed", "2", "--no-charts", "--quiet"]).good();
    let read = |directory: &str, file: &str| fs::read(place.path(directory).join(file)).expect("it is there");
    for file in PROMISED {
        assert!(read("one", file) == read("many", file), "{file} differs between 1 and 8 threads");
        assert!(read("one", file) == read("again", file), "{file} of the resolved copy differs");
    }
    assert!(read("one", "lookups.csv") != read("other", "lookups.csv"), "another seed gives the same");
}

#[test]
fn output_options_do_what_they_say() {
    let place = Place::with_scenario(SMALL);
    let said = place.sim(&["run", "small.toml", "--quiet", "--no-charts", "--format", "json", "--repetitions", "1", "--topology", "chord"]);
    assert_eq!(said.stderr, "");
    let object: serde_json::Value = serde_json::from_str(&said.good()).expect("JSON");
    assert_eq!(object["scenario"], "small");
    assert!(object["aggregate"].as_array().is_some_and(|rows| rows.iter().all(|row| row["topology"] == "chord")), "{object}");
    assert!(!place.path("results/small/charts").exists());
    let charts = place.sim(&["plot", "results/small"]).good();
    assert!(charts.lines().count() > 1, "{charts}");
}

#[test]
fn sampled_lookups_are_a_part_of_all() {
    let place = Place::with_scenario(SMALL);
    let rows = |set: &str, out: &str| {
        place.sim(&["run", "small.toml", "--out", out, "--no-charts", "--quiet", "--set", set]).good();
        let text = fs::read_to_string(place.path(out).join("lookups.csv")).expect("it is there");
        let summary = fs::read(place.path(out).join("summary.csv")).expect("it is there");
        (text.lines().map(str::to_owned).collect::<Vec<_>>(), summary)
    };
    let ((all, whole), (some, sampled)) = (rows("output.lookups=all", "all"), rows("output.lookups=0.3", "some"));
    assert!(some.len() > 1 && some.len() < all.len());
    assert!(some.iter().all(|row| all.contains(row)));
    assert!(whole == sampled, "metrics cover all lookups");
}

#[test]
fn finished_runs_are_not_run_again_by_resume() {
    let place = Place::with_scenario(SMALL);
    place.sim(&["run", "small.toml", "--no-charts", "--quiet"]).good();
    // Nothing is interrupted: --resume then simply runs, and replaces our own results.
    place.sim(&["run", "small.toml", "--no-charts", "--quiet", "--resume"]).good();
    assert_eq!(names(&place.path("results")), ["small"]);
}

#[test]
fn sweep_has_a_column_and_names_its_runs() {
    let place = Place::with_scenario(&format!("{SMALL}\n[sweep]\n\"peers.count\" = [20, 40]\n\"topology.chord.successors\" = [4, 8]\n"));
    place.sim(&["run", "small.toml", "--no-charts", "--quiet", "--repetitions", "1"]).good();
    let summary = fs::read_to_string(place.path("results/small/summary.csv")).expect("it is there");
    let mut lines = summary.lines();
    assert_eq!(lines.next(), Some("run,topology,repetition,peers.count,topology.chord.successors,metric,unit,value"));
    assert!(lines.clone().any(|line| line.starts_with("peers.count=20/topology.chord.successors=4/chord/1,chord,1,20,4,")), "{summary}");
    assert!(lines.any(|line| line.starts_with("peers.count=40/central-index/1,central-index,1,40,,")), "{summary}");
}

#[cfg(unix)]
#[test]
fn interrupt_keeps_finished_runs() {
    use std::process::{Command, Stdio};
    let place = Place::with_scenario(&SMALL.replace("repetitions = 2", "repetitions = 25").replace("2 min", "20 min"));
    let child = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(["run", "small.toml", "--threads", "1", "--no-charts"])
        .current_dir(place.path("."))
        .stderr(Stdio::piped())
        .spawn()
        .expect("sim starts");
    // As soon as one run is done.
    let done = place.path("results/.small.partial/runs/0/run.json");
    while !done.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(killed.success());
    let output = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        println!("skipped: all runs were done before the signal came");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("--resume"), "{stderr}");
    assert!(!place.path("results/small").exists());
    place.sim(&["run", "small.toml", "--no-charts", "--quiet", "--resume"]).good();
    assert!(place.path("results/small/summary.csv").exists());
}
