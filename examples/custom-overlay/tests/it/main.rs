//! The example works: a model of one's own, with the whole command line.

use std::process::Command;

fn sim(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_custom-overlay")).args(arguments).output().expect("the example starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_own_model_is_listed_with_its_parameters() {
    assert!(sim(&["list", "topologies"]).contains("simple-ring"));
    assert!(sim(&["list", "topologies", "simple-ring"]).contains("check_interval"));
}

#[test]
fn the_own_model_runs_beside_the_shipped_ones() {
    let out = std::env::temp_dir().join(format!("custom-overlay-{}", std::process::id()));
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/ring.toml");
    let short = ["--set", "time.duration=\"2 min\"", "--no-charts", "--quiet", "--out"];
    let table = sim(&[&["run", scenario][..], &short, &[&out.to_string_lossy()]].concat());
    let hops = |name: &str| -> f64 {
        let aggregate = std::fs::read_to_string(out.join("aggregate.csv")).expect("there are results");
        let row = aggregate.lines().find(|line| line.starts_with(&format!("{name},hops_mean,"))).expect("there are hops");
        row.split(',').nth(3).expect("a mean").parse().expect("a number")
    };
    assert!(table.contains("simple-ring"));
    assert!(hops("simple-ring") > 3.0 * hops("chord"), "{} hops against {}", hops("simple-ring"), hops("chord"));
    std::fs::remove_dir_all(&out).expect("it was just written");
}
