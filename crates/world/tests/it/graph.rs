//! The overlay's graph over time: it observes and changes nothing, and says what union-find says.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use peerlab_engine::time::Time;
use peerlab_model::units::Duration;
use peerlab_overlay::graph::GraphConfig;
use peerlab_overlay::structured::chord::Chord;
use peerlab_overlay::unstructured::flooding::{Flooding, FloodingConfig};
use peerlab_workload::{Action, EventConfig, Select, TargetKind};
use peerlab_world::{Conditions, GraphFormat, GraphMetrics, OverlayGraph, RunError, RunOptions, RunRecord, Snapshot, run};

use crate::determinism::event;
use crate::support::{metric, quiet, run_with, stormy};

/// Who is linked remains: pings come later than the run ends.
fn still(graph: GraphConfig) -> FloodingConfig {
    FloodingConfig { graph, ping_interval: Duration::secs(1_000_000), ..FloodingConfig::default() }
}

fn measured(graph: GraphMetrics, shards: usize) -> RunOptions<'static> {
    RunOptions { graph, shards, ..RunOptions::default() }
}

fn at(config: &FloodingConfig, conditions: &Conditions, at: Time, shards: usize) -> OverlayGraph {
    let seen = Mutex::new(None);
    let take = |graph| *seen.lock().unwrap() = Some(graph);
    let options = RunOptions { shards, snapshot: Some(Snapshot { at, take: &take }), ..RunOptions::default() };
    let end = run::<Flooding>(config, conditions, 7, &options, &mut ());
    assert!(matches!(end, Err(RunError::Stopped)), "a run that is looked at ends there");
    seen.into_inner().unwrap().expect("the instant came")
}

fn series(record: &RunRecord, name: &str) -> Vec<f64> {
    record.samples.iter().filter(|sample| sample.metric == name).map(|sample| sample.value).collect()
}

#[test]
fn looking_changes_nothing() {
    let conditions = stormy(150, TargetKind::Content);
    let config = FloodingConfig::default();
    let (plain, rows) = run_with::<Flooding>(&config, &conditions, 7, &measured(GraphMetrics::Off, 1));
    assert!(plain.samples.iter().all(|sample| !sample.metric.starts_with("graph_")), "what nobody asks for is not measured");
    let mut first = None;
    for (which, shards) in [(GraphMetrics::Components, 1), (GraphMetrics::Full, 1), (GraphMetrics::Full, 3)] {
        let (record, same) = run_with::<Flooding>(&config, &conditions, 7, &measured(which, shards));
        assert_eq!((record.digest, &same), (plain.digest, &rows));
        let of_graph = |name: &str| name.starts_with("graph_");
        let rest: Vec<_> = record.metrics.iter().filter(|metric| !of_graph(metric.name)).collect();
        assert_eq!(rest, plain.metrics.iter().collect::<Vec<_>>());
        assert_eq!(series(&record, "graph_components").len(), series(&record, "peers_online").len());
        assert_eq!(series(&record, "graph_path_mean").is_empty(), which != GraphMetrics::Full);
        if which == GraphMetrics::Full {
            let samples = record.samples.clone();
            assert_eq!(*first.get_or_insert(samples.clone()), samples, "whatever the number of shards");
        }
    }
}

/// Goal: each metric is what it is called. Method: a torus whose figures are closed forms.
#[test]
fn the_figures_of_a_torus_are_the_closed_forms() {
    let graph = GraphConfig::Torus { dimensions: None, sides: Some(vec![10, 20]) };
    let (record, _) = run_with::<Flooding>(&still(graph), &quiet(200, TargetKind::Content), 1, &measured(GraphMetrics::Full, 1));
    // On a ring of even n the mean distance to all, oneself included, is n/4: (10/4 + 20/4) · 200/199.
    let expected = [
        ("graph_degree_mean", 4.0),
        ("graph_degree_max", 4.0),
        ("graph_in_degree_sd", 0.0),
        ("graph_in_degree_near_share", 1.0),
        ("graph_components", 1.0),
        ("graph_largest_component_share", 1.0),
        ("graph_clustering", 0.0),
        ("graph_path_mean", 7.5 * 200.0 / 199.0),
        ("graph_diameter", 15.0),
    ];
    for (name, value) in expected {
        assert!((metric(&record, name) - value).abs() < 1e-9, "{name}: {}", metric(&record, name));
        assert!(record.metrics.iter().any(|metric| metric.name == name));
    }
}

/// Goal: an overlay that falls apart is seen to. Method: half of a ring's peers crash, nobody repairs; counted on the snapshot's own links.
#[test]
fn an_overlay_that_falls_apart_is_counted() {
    let graph = GraphConfig::Torus { dimensions: Some(1), sides: None };
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.events.push(EventConfig { peers: Some((0..100).step_by(2).collect()), ..event(60, Action::Crash, None) });
    let config = still(graph);
    let (record, _) = run_with::<Flooding>(&config, &conditions, 7, &measured(GraphMetrics::Components, 1));
    let components = series(&record, "graph_components");
    assert_eq!(components.first(), Some(&1.0));
    let end = Time::from_secs(180);
    let left = at(&config, &conditions, end, 2);
    assert_eq!(left.peers().len(), 50);
    assert_eq!(f64::from(50 - left.graph().edges()), metric(&record, "graph_components"), "a ring's pieces are rows");
    assert!(metric(&record, "graph_largest_component_share") < 0.4);
    assert_eq!(components.last(), Some(&metric(&record, "graph_components")));
}

#[test]
fn an_exported_graph_is_read_back() {
    let conditions = quiet(120, TargetKind::Content);
    let config = still(GraphConfig::ErdosRenyi { mean_degree: Some(3.0), probability: None });
    let seen = at(&config, &conditions, Time::from_secs(50), 2);
    assert_eq!(seen.graph(), at(&config, &conditions, Time::from_secs(50), 1).graph(), "whatever the number of shards");
    let text = |format| {
        let mut bytes = Vec::new();
        seen.write(format, "a <title> & more\n", &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exported.txt");
    std::fs::write(&file, text(GraphFormat::Edges)).unwrap();
    let again = still(GraphConfig::File { file: file.to_string_lossy().into_owned() });
    assert_eq!(at(&again, &conditions, Time::ZERO, 1).graph(), seen.graph(), "node k is peer k");
    // DOT and GraphML say the same: each edge and each node once.
    let edges: Vec<String> = seen.graph().iter_edges().map(|(a, b)| format!("{a} {b}")).collect();
    let numbers = |line: &str| line.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let dot = text(GraphFormat::Dot);
    assert_eq!(dot.lines().filter(|line| line.contains("--")).map(numbers).collect::<Vec<_>>(), edges);
    let graphml = text(GraphFormat::Graphml);
    assert_eq!(graphml.lines().filter(|line| line.contains("<edge ")).map(numbers).collect::<Vec<_>>(), edges);
    assert_eq!(graphml.matches("<node ").count(), 120);
    assert_eq!(dot.lines().filter(|line| line.ends_with(';') && !line.contains("--")).count(), 120);
    assert!(graphml.contains("a &lt;title&gt; &amp; more"));
}

/// A DHT's tables are a graph as well.
#[test]
fn a_ring_of_successors_is_connected() {
    let (record, _) = run_with::<Chord>(&Default::default(), &quiet(64, TargetKind::Key), 1, &measured(GraphMetrics::Full, 1));
    assert_eq!(metric(&record, "graph_components"), 1.0);
    assert!(metric(&record, "graph_degree_mean") > 6.0 && metric(&record, "graph_path_mean") < 3.0);
}

/// A file of the reference data, or a plain word that the test skips it.
fn reference(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: the reference data file {name} is absent");
    None
}

/// Goal: targeted failures tear a real overlay as they should. Method: the peers with the most links go first, a twentieth of them at a time; the
/// largest component and the number of components against a union-find of the test's own over the same edge list.
#[test]
fn targeted_failures_of_a_real_overlay_agree_with_union_find() {
    for (file, population) in [("p2p-Gnutella08.txt", 6301), ("p2p-Gnutella04.txt", 10_879)] {
        let Some(path) = reference(file) else { continue };
        let text = std::fs::read_to_string(&path).unwrap();
        let edges: Vec<(usize, usize)> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect::<Vec<usize>>())
            .map(|pair| (pair[0], pair[1]))
            .collect();
        let config = still(GraphConfig::File { file: path.to_string_lossy().into_owned() });
        let mut conditions = quiet(population, TargetKind::Content);
        conditions.lookups = None;
        for step in 1..=3 {
            let event = event(10 * step, Action::Crash, None);
            conditions.events.push(EventConfig { count: Some(population / 20), select: Select::HighestDegree, ..event });
        }
        for step in 1..=3 {
            let seen = at(&config, &conditions, Time::from_secs(10 * i64::from(step) + 5), 2);
            let mut lives = vec![false; population as usize];
            seen.peers().iter().for_each(|&peer| lives[peer as usize] = true);
            assert_eq!(seen.peers().len() as u32, population - step * (population / 20));
            let mut degrees = vec![0; population as usize];
            for (a, b) in each_once(&edges) {
                degrees[a] += 1;
                degrees[b] += 1;
            }
            // A peer keeps its dead neighbours in its tables: nobody has told it. So the first order stays.
            let weakest = (0..lives.len()).filter(|&peer| !lives[peer]).map(|peer| degrees[peer]).min();
            let strongest = (0..lives.len()).filter(|&peer| lives[peer]).map(|peer| degrees[peer]).max();
            assert!(weakest >= strongest, "those with the most links are gone: {weakest:?}, {strongest:?}");
            let mut parent: Vec<usize> = (0..lives.len()).collect();
            for &(a, b) in edges.iter().filter(|&&(a, b)| lives[a] && lives[b]) {
                let (a, b) = (root(&mut parent, a), root(&mut parent, b));
                parent[a] = b;
            }
            let mut sizes = vec![0_usize; lives.len()];
            (0..lives.len()).filter(|&peer| lives[peer]).for_each(|peer| sizes[root(&mut parent, peer)] += 1);
            let components = seen.graph().components();
            assert_eq!(components.largest.len(), sizes.iter().copied().max().unwrap(), "{file}, step {step}");
            assert_eq!(components.count, sizes.iter().filter(|&&size| size > 0).count(), "{file}, step {step}");
        }
    }
}

/// Each link once, whichever way it is written.
fn each_once(edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut once: Vec<(usize, usize)> = edges.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect();
    once.sort_unstable();
    once.dedup();
    once
}

fn root(parent: &mut [usize], mut node: usize) -> usize {
    while parent[node] != node {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    node
}
