//! What the graph generators and the edge-list reader promise.

use peerlab_engine::random::{Rng, Streams};
use peerlab_model::Issues;
use peerlab_overlay::graph::{EdgeListError, Graph, GraphConfig, barabasi_albert, erdos_renyi, random_regular, watts_strogatz};
use serde::Deserialize;

fn rng(entity: u64) -> Rng {
    Streams::new(7).rng("graph test", entity)
}

pub(crate) fn degrees(graph: &Graph) -> Vec<u32> {
    (0..graph.nodes()).map(|node| graph.degree(node)).collect()
}

/// Each list ascending without repetition, no loop, and every edge known at both ends.
pub(crate) fn assert_simple(graph: &Graph) {
    for node in 0..graph.nodes() {
        let list = graph.neighbours(node);
        assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "{node}: {list:?}");
        assert!(list.iter().all(|&other| other != node && graph.has_edge(other, node)));
    }
}

#[test]
fn random_regular_has_every_degree_exactly() {
    for (nodes, degree) in
        [(1, 0), (2, 1), (4, 3), (5, 2), (6, 3), (7, 4), (8, 7), (10, 6), (50, 3), (51, 48), (1000, 4), (3000, 20), (200, 150)]
    {
        let graph = random_regular(nodes, degree, &mut rng(u64::from(nodes)));
        assert_simple(&graph);
        assert_eq!(degrees(&graph), vec![degree; nodes as usize], "{nodes} nodes of degree {degree}");
    }
}

#[test]
fn random_regular_copes_with_what_cannot_be_regular() {
    for (nodes, degree) in [(5, 3), (101, 3), (101, 99), (7, 1)] {
        let graph = random_regular(nodes, degree, &mut rng(1));
        assert_simple(&graph);
        let odd = degrees(&graph).into_iter().filter(|&d| d != degree).collect::<Vec<_>>();
        assert_eq!(odd.len(), 1, "{nodes} × {degree}");
        assert!(odd[0].abs_diff(degree) == 1);
    }
    assert_eq!(random_regular(3, 10, &mut rng(2)).edges(), 3, "a degree above n − 1 means n − 1");
    assert_eq!(random_regular(0, 4, &mut rng(3)).nodes(), 0);
}

/// Goal: every graph on few nodes comes about equally often. Method: the three 1-regular graphs on 4 nodes, counted.
#[test]
fn random_regular_is_uniform_where_that_can_be_counted() {
    let mut counts = [0_u32; 3];
    for seed in 0..3000 {
        counts[random_regular(4, 1, &mut rng(seed)).neighbours(0)[0] as usize - 1] += 1;
    }
    // Three standard deviations of a binomial with mean 1000.
    assert!(counts.iter().all(|count| count.abs_diff(1000) < 78), "{counts:?}");
}

/// Mean field for 4-regular graphs of 10,000 (docs/models/flooding.md): nodes within 1 … 6 links of one.
#[test]
fn random_regular_expands_as_mean_field_says() {
    let graph = random_regular(10_000, 4, &mut rng(4));
    let expected = [5.0, 17.0, 52.9, 159.7, 473.4, 1355.9];
    let mut sums = [0.0; 6];
    let origins = 60;
    for origin in 0..origins {
        let by_distance = graph.nodes_by_distance(origin * 97);
        for (ttl, sum) in sums.iter_mut().enumerate() {
            *sum += f64::from(by_distance[..=ttl + 1].iter().sum::<u32>()) / f64::from(origins);
        }
    }
    for (sum, expected) in sums.iter().zip(expected) {
        assert!((sum / expected - 1.0).abs() < 0.01, "{sums:?}");
    }
}

#[test]
fn random_regular_graphs_are_connected() {
    for seed in 0..5 {
        assert_eq!(random_regular(2000, 4, &mut rng(seed)).analysis().components, 1);
    }
}

#[test]
fn watts_strogatz_without_rewiring_has_the_closed_form_s_clustering() {
    for degree in [2, 4, 6, 10] {
        let analysis = watts_strogatz(200, degree, 0.0, &mut rng(5)).analysis();
        let k = f64::from(degree);
        let expected = 3.0 * (k - 2.0) / (4.0 * (k - 1.0));
        assert!((analysis.clustering - expected).abs() < 1e-12, "degree {degree}: {}", analysis.clustering);
        assert_eq!((analysis.components, analysis.max_degree), (1, degree));
    }
}

/// Goal: `rewire` does what it says. Method: edges stay as many; C(p) ≈ C(0)(1 − p)³ (Barrat & Weigt 2000); paths shorten.
#[test]
fn watts_strogatz_rewires_the_share_it_should() {
    let (nodes, degree) = (4000, 10);
    let base = watts_strogatz(nodes, degree, 0.0, &mut rng(6));
    for rewire in [0.1, 0.5, 1.0] {
        let graph = watts_strogatz(nodes, degree, rewire, &mut rng(7));
        assert_simple(&graph);
        assert_eq!(graph.edges(), nodes * degree / 2);
        let expected = base.analysis().clustering * (1.0_f64 - rewire) * (1.0 - rewire) * (1.0 - rewire);
        assert!((graph.analysis().clustering - expected).abs() < 0.012, "rewire {rewire}: {}", graph.analysis().clustering);
        let moved = base.iter_edges().filter(|&(a, b)| !graph.has_edge(a, b)).count() as f64 / f64::from(base.edges());
        assert!((moved - rewire).abs() < 0.02, "rewire {rewire}: {moved} moved");
        assert!(graph.nodes_by_distance(0).len() < base.nodes_by_distance(0).len() / 10);
    }
}

#[test]
fn barabasi_albert_has_exactly_its_edges_and_a_hub() {
    for links in [1, 2, 5] {
        let nodes = 5000;
        let graph = barabasi_albert(nodes, links, &mut rng(8));
        assert_simple(&graph);
        assert_eq!(graph.edges(), links * (links + 1) / 2 + links * (nodes - links - 1));
        assert_eq!(degrees(&graph).iter().sum::<u32>(), 2 * graph.edges());
        let analysis = graph.analysis();
        assert_eq!(analysis.components, 1);
        assert!(f64::from(analysis.max_degree) > 15.0 * analysis.mean_degree, "{analysis:?}");
    }
    assert_eq!(barabasi_albert(3, 5, &mut rng(9)).edges(), 3, "few nodes make a complete graph");
}

#[test]
fn erdos_renyi_links_each_pair_with_its_probability() {
    let (nodes, p) = (3000_u32, 0.004);
    let graph = erdos_renyi(nodes, p, &mut rng(10));
    assert_simple(&graph);
    let pairs = f64::from(nodes) * f64::from(nodes - 1) / 2.0;
    let deviation = (pairs * p * (1.0 - p)).sqrt();
    assert!((f64::from(graph.edges()) - pairs * p).abs() < 3.0 * deviation, "{} edges", graph.edges());
    // Degrees are binomial: their variance is about their mean.
    let mean = graph.analysis().mean_degree;
    let variance = degrees(&graph).iter().map(|&d| (f64::from(d) - mean) * (f64::from(d) - mean)).sum::<f64>() / f64::from(nodes);
    assert!((variance / mean - 1.0).abs() < 0.1, "mean {mean}, variance {variance}");
    assert_eq!(erdos_renyi(50, 0.0, &mut rng(11)).edges(), 0);
    assert_eq!(erdos_renyi(50, 1.0, &mut rng(11)).edges(), 50 * 49 / 2);
}

#[test]
fn components_agree_with_a_search_and_with_petgraph_s_own_count() {
    for (seed, mean) in [0.5, 1.0, 1.5, 3.0].into_iter().enumerate() {
        let graph = erdos_renyi(1000, mean / 999.0, &mut rng(seed as u64));
        let analysis = graph.analysis();
        assert_eq!(analysis.components, petgraph::algo::connected_components(&graph.to_petgraph()));
        let largest = (0..1000).map(|node| graph.nodes_by_distance(node).iter().sum::<u32>()).max();
        assert_eq!(Some(analysis.largest_component), largest);
    }
}

#[test]
fn distances_agree_with_petgraph_s_dijkstra() {
    let graph = watts_strogatz(300, 4, 0.2, &mut rng(12));
    let distances = petgraph::algo::dijkstra(&graph.to_petgraph(), 5.into(), None, |_| 1_usize);
    let mut expected = vec![0; distances.values().max().map_or(0, |max| max + 1)];
    distances.values().for_each(|&distance| expected[distance] += 1);
    assert_eq!(graph.nodes_by_distance(5), expected);
}

#[test]
fn a_seed_gives_one_graph_and_another_seed_another() {
    let configs = [
        GraphConfig::RandomRegular { degree: 4 },
        GraphConfig::ErdosRenyi { mean_degree: Some(4.0), probability: None },
        GraphConfig::WattsStrogatz { degree: 4, rewire: 0.3 },
        GraphConfig::BarabasiAlbert { links: 2 },
    ];
    for config in configs {
        let draw = |seed| config.generate(500, &mut rng(seed));
        assert!(draw(1).is_some());
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2), "{config:?}");
    }
}

fn read(text: &str, population: u32) -> Result<Graph, EdgeListError> {
    Graph::from_edge_list("x.txt", text.as_bytes(), population)
}

#[test]
fn an_edge_list_is_undirected_and_merges_what_it_says_twice() {
    let graph = read("# a comment\n0\t1\n1 0\r\n\n  2   0  \n0 1\n", 5);
    let graph = graph.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(graph.iter_edges().collect::<Vec<_>>(), [(0, 1), (0, 2)]);
    assert_eq!(degrees(&graph), [2, 1, 1, 0, 0], "peers that the file does not name are isolated");
}

#[test]
fn a_bad_edge_list_is_refused_with_file_and_line() {
    let message = |text, population| read(text, population).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message("0 1\n2 2\n", 5).starts_with("x.txt:2: peer 2 is linked to itself"));
    assert!(message("0 1\n\n0 5\n", 5).starts_with("x.txt:3: there is no peer 5: peers.count is 5"));
    assert!(message("0 99999999999999999999999\n", 5).starts_with("x.txt:1: there is no peer"));
    for text in ["0 1\n1 x\n", "0 1\n1\n", "0 1\n1 2 3\n", "0 1\n-1 2\n"] {
        assert!(message(text, 5).starts_with("x.txt:2: `"), "{text:?}: {}", message(text, 5));
    }
    assert!(message("# nothing\n\n", 5).contains("has no edges"));
    assert!(message("", 5).contains("has no edges"));
    let missing = Graph::from_file("no/such/file.txt", 5).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(missing.starts_with("cannot read the edge list no/such/file.txt: "), "{missing}");
}

#[derive(Deserialize)]
struct Table {
    graph: GraphConfig,
}

fn parse(text: &str) -> Result<GraphConfig, toml::de::Error> {
    toml::from_str::<Table>(&format!("graph = {text}")).map(|table| table.graph)
}

#[test]
fn graphs_are_read_as_the_contract_writes_them() {
    assert_eq!(parse(r#"{ model = "random-regular", degree = 6 }"#), Ok(GraphConfig::RandomRegular { degree: 6 }));
    assert_eq!(parse(r#"{ model = "watts-strogatz" }"#), Ok(GraphConfig::WattsStrogatz { degree: 4, rewire: 0.1 }));
    assert_eq!(parse(r#"{ model = "erdos-renyi" }"#), Ok(GraphConfig::ErdosRenyi { mean_degree: None, probability: None }));
    assert_eq!(parse(r#"{ model = "barabasi-albert", links = 3 }"#), Ok(GraphConfig::BarabasiAlbert { links: 3 }));
    assert_eq!(parse(r#"{ model = "file", file = "a.txt" }"#), Ok(GraphConfig::File { file: "a.txt".to_owned() }));
    for wrong in [r#"{ model = "random-regular", dregee = 6 }"#, r#"{ model = "ring" }"#, r#"{ model = "file" }"#, "{ degree = 4 }"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn impossible_graphs_are_named_before_the_run() {
    let wrong = |config: GraphConfig, population| {
        let mut issues = Issues::new();
        issues.within("graph", |issues| config.check(population, issues));
        issues.into_list().into_iter().filter(|issue| !issue.warning).map(|issue| issue.path).collect::<Vec<_>>()
    };
    let regular = |degree| GraphConfig::RandomRegular { degree };
    assert_eq!(wrong(regular(4), 100), [""; 0]);
    assert_eq!(wrong(regular(99), 100), [""; 0]);
    assert_eq!(wrong(regular(100), 100), ["graph.degree"]);
    assert_eq!(wrong(regular(0), 100), ["graph.degree"]);
    assert_eq!(wrong(regular(3), 101), ["graph.degree"]);
    assert_eq!(wrong(regular(5000), 1_000_000), ["graph.degree"], "too many edges");
    let small_world = |degree, rewire| GraphConfig::WattsStrogatz { degree, rewire };
    assert_eq!(wrong(small_world(4, 0.5), 100), [""; 0]);
    assert_eq!(wrong(small_world(3, 1.5), 100), ["graph.degree", "graph.rewire"]);
    let scale_free = |links| GraphConfig::BarabasiAlbert { links };
    assert_eq!(wrong(scale_free(99), 100), [""; 0]);
    assert_eq!(wrong(scale_free(100), 100), ["graph.links"]);
    assert_eq!(wrong(scale_free(0), 100), ["graph.links"]);
    let random = |mean_degree, probability| GraphConfig::ErdosRenyi { mean_degree, probability };
    assert_eq!(wrong(random(Some(4.0), None), 100), [""; 0]);
    assert_eq!(wrong(random(Some(4.0), Some(0.1)), 100), ["graph.probability"]);
    assert_eq!(wrong(random(None, Some(-0.1)), 100), ["graph.probability"]);
    assert_eq!(wrong(random(Some(100.0), None), 100), ["graph.mean_degree"]);
    assert_eq!(wrong(random(Some(f64::NAN), None), 100), ["graph.mean_degree"]);
    assert_eq!(wrong(GraphConfig::File { file: String::new() }, 100), ["graph.file"]);
}
