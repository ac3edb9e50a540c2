//! The resolved copy stands for the scenario.

use peerlab_model::units::Rate;

use super::{SOUND, load, load_with};

const RICH: &str = r#"
name = "rich"
description = "Everything at once, with \"quotes\" and ümlauts."
seed = 42
repetitions = 3
start = "join"
join_over = "4 min"

[time]
warm_up = "5 min"

[peers]
count = 50
[[peers.class]]
name = "cable"
share = 0.5
upload = "10 Mbit/s"
[[peers.class]]
name = "fibre"
share = 0.5

[[topology]]
model = "flooding"
graph = { model = "watts-strogatz" }

[[topology]]
model = "central-index"

[churn]
session = { distribution = "weibull", mean = "30 min", shape = 0.6 }
offline = { distribution = "exponential", mean = "30 min" }

[lookups]

[[event]]
at = "30 min"
action = "crash"
share = 0.3

[sweep]
"topology.flooding.graph.degree" = [2, 4]
"peers.count" = [40, 50]

[output]
lookups = 0.5
"#;

#[test]
fn resolved_text_loads_to_the_same_scenario() {
    for text in [SOUND, RICH] {
        let first = load(text);
        let again = load(&first.resolved_with_inputs().expect("there are no input files"));
        assert_eq!(first.resolved(), again.resolved());
        let (plan, same) = (first.plan(), again.plan());
        assert_eq!(plan.len(), same.len());
        for (run, twin) in plan.iter().zip(&same) {
            assert_eq!((&run.name, run.seed, &run.swept), (&twin.name, twin.seed, &twin.swept));
            assert_eq!(format!("{:?} {:?}", run.conditions, run.topology), format!("{:?} {:?}", twin.conditions, twin.topology));
        }
        assert_eq!(first.hash().ok(), again.hash().ok());
    }
}

#[test]
fn every_default_is_filled_in() {
    let resolved = load(SOUND).resolved().to_owned();
    for line in [
        "name = \"test\"",
        "seed = 1",
        "start = \"converged\"",
        "ttl = 7",
        "warm_up = \"10m\"",
        "items = 1000",
        "copies = 10",
        "jitter = 0.0",
        "target = \"content\"",
        "lookups = \"all\"",
    ] {
        assert!(resolved.lines().any(|found| found == line), "no line {line} in\n{resolved}");
    }
}

#[test]
fn overrides_become_part_of_it() {
    let scenario = load_with(RICH, |loader| loader.set("network.loss=0.125").topology("central-index"));
    assert!(scenario.resolved().contains("loss = 0.125"));
    assert_eq!(scenario.plan().len(), 6, "{}", scenario.resolved());
    assert_eq!(load(scenario.resolved()).plan().len(), 6);
}

#[test]
fn hash_covers_values_and_file_contents() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("edges.txt");
    let text = SOUND.replace(
        "model = \"flooding\"",
        &format!("model = \"flooding\"\ngraph = {{ model = \"file\", file = {:?} }}", path.display().to_string()),
    );
    let hash = |edges: &str, set: &str| {
        std::fs::write(&path, edges).expect("a file can be written");
        load_with(&text, |loader| loader.set(set)).hash().expect("the file can be read")
    };
    let base = hash("0 1\n", "seed=1");
    assert_eq!(base, hash("0 1\n", "seed=1"));
    assert_ne!(base, hash("0 2\n", "seed=1"));
    assert_ne!(base, hash("0 1\n", "seed=2"));
}

#[test]
fn small_populations_have_a_default_content_that_fits() {
    let scenario = load_with(SOUND, |loader| loader.set("peers.count=6"));
    assert_eq!(scenario.points[0].conditions.content.copies, 6);
}

/// A preset replaces defaults, and what is written wins over it; the resolved copy says all of it and means the same.
#[test]
fn written_values_win_over_a_preset_and_the_copy_has_them_all() {
    let text = SOUND.replace("model = \"flooding\"", "model = \"kademlia\"\npreset = \"mainline\"\nalpha = 5\nrecord_expiry = \"45 min\"");
    let first = load(&text);
    let again = load(&first.resolved_with_inputs().expect("there are no input files"));
    assert_eq!(first.resolved(), again.resolved());
    for line in [
        "preset = \"mainline\"",
        "k = 8",
        "tokens = true",
        "refresh_interval = \"15m\"",
        "alpha = 5",
        "record_expiry = \"45m\"",
        "request_timeout = \"500ms\"",
    ] {
        assert!(first.resolved().lines().any(|l| l == line), "{line} in\n{}", first.resolved());
    }
    let topologies =
        |scenario: &peerlab_scenario::Scenario| scenario.plan().iter().map(|run| format!("{:?}", run.topology)).collect::<Vec<_>>();
    assert_eq!(topologies(&first), topologies(&again));
    // A default that is written is a written value, too.
    let paper = SOUND.replace("model = \"flooding\"", "model = \"kademlia\"\npreset = \"mainline\"\nk = 20");
    assert!(load(&paper).resolved().contains("\nk = 20\n"));
    let swept = load_with(&text, |loader| loader.set("topology.kademlia.preset=ipfs"));
    assert!(swept.resolved().contains("\nk = 20\n") && swept.resolved().contains("\nalpha = 5\n"), "{}", swept.resolved());
}

#[test]
fn classes_of_the_literature_keep_their_name_and_say_what_they_stand_for() {
    let text = SOUND.replace("count = 100\n", "count = 100\nclasses = { model = \"gia\", unit = 10 }\n");
    let scenario = load(&text);
    for line in ["model = \"gia\"", "unit = 10.0", "queue = 100", "# name = \"10000x\"", "# capacity = 100000.0", "# share = 0.049"] {
        assert!(scenario.resolved().lines().any(|found| found == line), "no line\n{line}\nin\n{}", scenario.resolved());
    }
    assert_eq!(load(scenario.resolved()).resolved(), scenario.resolved());
    let classes = &scenario.points[0].conditions.peers.class;
    let levels: Vec<(Option<f64>, f64)> = classes.iter().map(|class| (class.capacity, class.share)).collect();
    let published = [(10.0, 0.2), (100.0, 0.45), (1000.0, 0.3), (10_000.0, 0.049), (100_000.0, 0.001)];
    assert_eq!(levels, published.map(|(capacity, share)| (Some(capacity), share)));

    let mixed = load(&SOUND.replace("count = 100\n", "count = 100\nclasses = { model = \"bittorrent\" }\n"));
    assert_eq!(load(mixed.resolved()).resolved(), mixed.resolved());
    let classes = &mixed.points[0].conditions.peers.class;
    let rate = |rate: Option<Rate>| rate.map_or(0, Rate::bits) / 1000;
    let links: Vec<(u64, u64, f64)> = classes.iter().map(|class| (rate(class.download), rate(class.upload), class.share)).collect();
    assert_eq!(links, [(784, 128, 0.2), (1500, 384, 0.4), (3000, 1000, 0.25), (10_000, 5000, 0.15)]);
}
