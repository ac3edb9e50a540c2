//! The list of runs, and the sweep.

use peerlab_scenario::Estimate;
use peerlab_world::Registry;

use super::{SOUND, complaint, load, load_with, says};

fn names(text: &str) -> Vec<String> {
    load(text).plan().into_iter().map(|run| run.name).collect()
}

#[test]
fn runs_are_named_by_topology_and_repetition() {
    assert_eq!(names(&format!("repetitions = 2\n{SOUND}")), ["chord-8/1", "chord-8/2", "flooding/1", "flooding/2"]);
}

#[test]
fn sweep_is_the_grid_of_all_combinations() {
    let text = format!("{SOUND}\n[sweep]\n\"peers.count\" = [10, 20]\nnetwork.loss = [0.0, 0.5]\n");
    let expected = [
        "peers.count=10/network.loss=0.0/chord-8/1",
        "peers.count=10/network.loss=0.0/flooding/1",
        "peers.count=10/network.loss=0.5/chord-8/1",
        "peers.count=10/network.loss=0.5/flooding/1",
        "peers.count=20/network.loss=0.0/chord-8/1",
        "peers.count=20/network.loss=0.0/flooding/1",
        "peers.count=20/network.loss=0.5/chord-8/1",
        "peers.count=20/network.loss=0.5/flooding/1",
    ];
    assert_eq!(names(&text), expected);
    let runs = load(&text).plan();
    assert_eq!(runs[4].conditions.peers.count, 20);
    assert_eq!(runs[4].swept, [("peers.count".to_owned(), "20".to_owned()), ("network.loss".to_owned(), "0.0".to_owned())]);
}

#[test]
fn parameter_of_one_topology_does_not_repeat_the_others() {
    let text = format!("{SOUND}\n[sweep]\n\"topology.0.successors\" = [4, 8, 16]\n");
    assert_eq!(
        names(&text),
        [
            "topology.chord-8.successors=4/chord-8/1",
            "flooding/1",
            "topology.chord-8.successors=8/chord-8/1",
            "topology.chord-8.successors=16/chord-8/1"
        ]
    );
    let runs = load(&text).plan();
    assert_eq!(runs[1].swept, [("topology.chord-8.successors".to_owned(), String::new())]);
    assert_eq!(runs[3].topology.parameters()["successors"], 16);
}

#[test]
fn seed_depends_on_the_repetition_alone() {
    let text = format!("repetitions = 3\n{SOUND}\n[sweep]\n\"peers.count\" = [10, 20]\n");
    let runs = load(&text).plan();
    let seeds = |label: &str| runs.iter().filter(|run| run.topology_label == label).map(|run| run.seed).collect::<Vec<_>>();
    assert_eq!(seeds("chord-8"), seeds("flooding"));
    assert_eq!(seeds("chord-8")[..3], seeds("chord-8")[3..]);
    let other = load_with(&text, |loader| loader.set("seed=2")).plan();
    assert!(runs.iter().all(|run| other.iter().all(|other| run.seed != other.seed)));
}

#[test]
fn names_do_not_depend_on_other_topologies() {
    let all = names(SOUND);
    let runs = load_with(SOUND, |loader| loader.topology("flooding")).plan();
    assert!(runs.iter().all(|run| all.contains(&run.name)));
}

#[test]
fn wrong_sweep_is_pointed_at() {
    let wrong = |line: &str| complaint(&format!("{SOUND}\n[sweep]\n{line}\n"));
    says(
        &wrong("\"peers.cuont\" = [1]"),
        &["error: unknown key `cuont` in `[peers]`", "20 | \"peers.cuont\" = [1]", "   | ^^^^^^^^^^^^^ did you mean `count`?"],
    );
    says(&wrong("\"peers.count\" = [10, 0]"), &["20 | \"peers.count\" = [10, 0]", "   |                      ^"]);
    says(
        &wrong("\"peers.count\" = 10"),
        &["error: the values of `peers.count` cannot be an integer", "   |                 ^^ expected an array, such as [10]"],
    );
    says(&wrong("\"peers.count\" = []"), &["error: `peers.count` is swept over nothing"]);
    says(&wrong("\"peers.count\" = [5, 5]"), &["error: `peers.count` takes this value twice"]);
    says(&wrong("seed = [1, 2]"), &["error: `seed` cannot be swept"]);
    says(&wrong("\"topology.chrod-8.successors\" = [1]"), &["error: `topology` has no element `chrod-8`"]);
    says(
        &wrong("\"topology.0.successors\" = [1]\n\"topology.chord-8.successors\" = [2]"),
        &["error: `topology.chord-8.successors` is swept twice"],
    );
}

#[test]
fn estimate_grows_with_the_plan() {
    let registry = Registry::builtin();
    let estimate = |text: &str| Estimate::of(&load(text).plan(), &registry);
    let (small, large) = (estimate(SOUND), estimate(&SOUND.replace("count = 100", "count = 1000000")));
    assert_eq!((small.runs, small.peers, large.peers), (2, 100, 1_000_000));
    assert!(small.events > 1000, "{small:?}");
    assert!(large.events > 5000 * small.events, "{large:?}");
    assert!(large.largest_run_bytes > 500_000_000, "{large:?}");
}
