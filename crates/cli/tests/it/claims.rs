//! Experiments about claims: all that are shipped are sound, and one is run and judged.

use std::path::{Path, PathBuf};

use crate::{Place, names};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/claims")
}

#[test]
fn every_shipped_claim_is_sound() {
    let place = Place::new();
    let plan = place.sim(&["check", &shipped().to_string_lossy()]).good();
    let claims = names(&shipped());
    assert_eq!(claims.len(), 10, "{claims:?}");
    for file in claims {
        let name = file.trim_end_matches(".toml");
        assert!(plan.contains(&format!("{name}: sound")), "{name} in\n{plan}");
        let text = std::fs::read_to_string(shipped().join(&file)).expect("it can be read");
        assert!(text.contains("\n[claim]\n") && text.contains(&format!("name = \"{name}\"")), "{name}");
    }
}

#[test]
fn a_claim_is_judged_in_a_sentence() {
    let place = Place::new();
    let file = shipped().join("many-sources.toml");
    let short = ["--no-charts", "--quiet", "--out", "out", "--set", "time.duration=\"10 min\"", "--repetitions", "2"];
    let table = place.sim(&[&["run", &file.to_string_lossy()], &short[..]].concat()).good();
    let line = table.lines().last().expect("it says something");
    assert!(
        line.starts_with("many-sources: “Peers get parts from many sources at once and serve others while they download.” holds"),
        "{line}"
    );
    assert!(line.contains("A download takes ") && line.contains(" ± ") && !line.contains(['{', '?']), "{line}");
    let json = place.sim(&[&["run", &file.to_string_lossy(), "--format", "json"], &short[..]].concat()).good();
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    let figure = |name: &str| {
        let figures = json["claim"]["figures"].as_array().expect("there are figures");
        figures.iter().find(|figure| figure["name"] == name).expect("it is one of them")["mean"].as_f64().expect("it has a mean")
    };
    assert!(figure("one") > figure("swarm") && (figure("gain") - figure("one") / figure("swarm")).abs() < 0.3 * figure("gain"));
    assert_eq!(json["claim"]["verdict"].as_str().map(|verdict| verdict.starts_with("holds")), Some(true));
}

#[test]
fn metrics_of_a_claim_exist() {
    let place = Place::new();
    let text = std::fs::read_to_string(shipped().join("many-sources.toml")).expect("it can be read");
    std::fs::write(place.path("wrong.toml"), text.replace("metric = \"download_mean_s\"", "metric = \"download_men_s\""))
        .expect("a file can be written");
    let complaint = place.sim(&["check", "wrong.toml"]).refused();
    assert!(complaint.contains("there is no quantity `download_men_s`; did you mean `download_mean_s`?"), "{complaint}");
}
