//! `--set`: what it reaches, and how its own errors are shown.

use peerlab_model::units::Duration;

use super::{SOUND, complaint_with, load_with, says};

#[test]
fn values_are_toml_or_bare_words() {
    let scenario = load_with(SOUND, |loader| {
        loader
            .set("peers.count=7")
            .set("start=join")
            .set("time.duration=30 min")
            .set("network.loss = 0.25")
            .set("network.latency={ model = \"uniform\", min = \"1 ms\", max = \"2 ms\" }")
    });
    let conditions = &scenario.points[0].conditions;
    assert_eq!(conditions.peers.count, 7);
    assert_eq!(conditions.start, peerlab_world::StartKind::Join);
    assert_eq!(conditions.time.duration, Duration::secs(1800));
    assert_eq!(conditions.network.loss, 0.25);
    assert!(matches!(conditions.network.latency, peerlab_network::Latency::Uniform { .. }));
}

#[test]
fn topologies_are_reached_by_label_and_by_index() {
    let scenario = load_with(SOUND, |loader| loader.set("topology.chord-8.successors=4").set("topology.1.ttl=3"));
    let topologies = &scenario.points[0].topologies;
    assert_eq!(topologies[0].topology.parameters()["successors"], 4);
    assert_eq!(topologies[1].topology.parameters()["ttl"], 3);
    let quoted = SOUND.replace("chord-8", "chord 8.0");
    let scenario = load_with(&quoted, |loader| loader.set("topology.\"chord 8.0\".successors=5"));
    assert_eq!(scenario.points[0].topologies[0].topology.parameters()["successors"], 5);
}

#[test]
fn later_ones_win() {
    let scenario = load_with(SOUND, |loader| loader.set("seed=2").option("--seed", "seed=3"));
    assert_eq!(scenario.seed, 3);
}

#[test]
fn error_points_at_the_option() {
    let complaint = complaint_with(SOUND, |loader| loader.set("churn.crash_share=2"));
    assert_eq!(
        complaint,
        "\
error: a share lies between 0 and 1, not at 2
 --> command line:1:25
  |
1 | --set churn.crash_share=2
  |                         ^
"
    );
}

#[test]
fn unknown_keys_labels_and_values_are_found() {
    says(
        &complaint_with(SOUND, |loader| loader.set("peers.cuont=5")),
        &["error: unknown key `cuont` in `[peers]`", "1 | --set peers.cuont=5", "  |       ^^^^^^^^^^^ did you mean `count`?"],
    );
    says(
        &complaint_with(SOUND, |loader| loader.set("topology.chord.successors=5")),
        &[
            "error: `topology` has no element `chord`",
            "  |       ^^^^^^^^^^^^^^^^^^^^^^^^^ did you mean `chord-8`?",
            "  = help: it has `chord-8` and `flooding`",
        ],
    );
    says(&complaint_with(SOUND, |loader| loader.set("seed")), &["error: there is no `=` in this"]);
    says(&complaint_with(SOUND, |loader| loader.set("a b=1")), &["error: `a b` is not a key path"]);
    says(&complaint_with(SOUND, |loader| loader.set("seed=[1")), &["error: this value is not TOML"]);
    says(&complaint_with(SOUND, |loader| loader.set("seed.x=1")), &["error: `seed` cannot be a table"]);
    says(&complaint_with(SOUND, |loader| loader.set("peers.count.x=1")), &["error: `peers.count` is an integer and has no `x`"]);
}

#[test]
fn only_the_topologies_asked_for_stay() {
    let scenario = load_with(SOUND, |loader| loader.topology("flooding"));
    assert_eq!(scenario.points[0].topologies.len(), 1);
    assert!(!scenario.resolved().contains("chord"), "{}", scenario.resolved());
    says(
        &complaint_with(SOUND, |loader| loader.topology("floodign")),
        &["error: the scenario has no topology `floodign`", "  |            ^^^^^^^^ did you mean `flooding`?"],
    );
}
