//! What the later graph generators promise: given degrees, chosen neighbours, two levels, grids.

use peerlab_engine::random::{Rng, Streams};
use peerlab_model::Issues;
use peerlab_overlay::graph::{GraphConfig, PowerLaw, configuration_model, k_out, lattice, power_law, two_level};

use crate::graphs::{assert_simple, degrees};

fn rng(entity: u64) -> Rng {
    Streams::new(11).rng("generator test", entity)
}

#[test]
fn the_configuration_model_gives_every_node_its_degree() {
    let mixed: Vec<u32> = (0..600).map(|node| 1 + node % 7 + if node % 97 == 0 { 40 } else { 0 }).collect();
    let star = [4, 1, 1, 1, 1];
    for wanted in [&mixed[..], &star, &[0, 0], &[2, 2, 2], &[]] {
        let even = wanted.iter().sum::<u32>() % 2 == 0;
        let graph = configuration_model(wanted, &mut rng(1));
        assert_simple(&graph);
        let missing: u32 = wanted.iter().zip(degrees(&graph)).map(|(&wanted, degree)| wanted.checked_sub(degree).unwrap()).sum();
        assert_eq!(missing, u32::from(!even), "{wanted:?}");
    }
}

/// Degrees that no graph has are met as far as it goes, and it ends.
#[test]
fn what_no_graph_can_have_is_left_out() {
    let graph = configuration_model(&[9, 9, 1, 1], &mut rng(2));
    assert_simple(&graph);
    assert!(graph.degree(0) <= 3 && graph.edges() >= 1, "{graph:?}");
}

/// Goal: each graph of these degrees comes about equally often. Method: the degrees 2, 2, 1, 1 have two graphs, each a path; counted.
#[test]
fn the_configuration_model_is_uniform_where_that_can_be_counted() {
    let joined = (0..2000).filter(|&seed| configuration_model(&[2, 2, 1, 1], &mut rng(seed)).has_edge(0, 2)).count();
    // Three standard deviations of a binomial with mean 1000.
    assert!(joined.abs_diff(1000) < 67, "{joined}");
}

/// Goal: degrees follow the power law with its cut-off. Method: their shares against the closed form, three standard deviations each.
#[test]
fn power_law_degrees_follow_the_law() {
    let law = PowerLaw { exponent: 2.5, least: 2, most: 60 };
    let nodes = 40_000;
    let graph = power_law(nodes, law, &mut rng(3));
    assert_simple(&graph);
    let degrees = degrees(&graph);
    assert!(degrees.iter().all(|&degree| degree <= 60));
    // One node may have lost a neighbour to an odd sum.
    assert!(degrees.iter().filter(|&&degree| degree < 2).count() <= 1);
    let sum: f64 = (2..=60).map(|degree| libm::pow(f64::from(degree), -2.5)).sum();
    for degree in 2..=12_u32 {
        let share = libm::pow(f64::from(degree), -2.5) / sum;
        let expected = share * f64::from(nodes);
        let counted = degrees.iter().filter(|&&other| other == degree).count() as f64;
        assert!((counted - expected).abs() < 3.0 * (expected * (1.0 - share)).sqrt() + 1.0, "degree {degree}: {counted} for {expected}");
    }
    let mean = f64::from(2 * graph.edges()) / f64::from(nodes);
    assert!((mean / law.mean() - 1.0).abs() < 0.02, "{mean} for {}", law.mean());
}

#[test]
fn without_a_cut_off_the_square_root_is_one() {
    let config = GraphConfig::PowerLaw { exponent: 2.1, min_degree: 3, max_degree: None };
    let graph = config.generate(10_000, &mut rng(4)).unwrap();
    let analysis = graph.analysis();
    assert!((60..=100).contains(&analysis.max_degree), "{analysis:?}");
    assert_eq!(analysis.components, 1);
    assert!((analysis.mean_degree / config.mean_degree(10_000) - 1.0).abs() < 0.03, "{analysis:?}");
}

/// Each node has chosen k others: at least k neighbours, and k of them from its own choice; in-degrees are binomial.
#[test]
fn k_out_chooses_k_each() {
    for (nodes, k) in [(1, 3), (2, 1), (5, 4), (5, 9), (3000, 2), (3000, 10)] {
        let graph = k_out(nodes, k, &mut rng(5));
        assert_simple(&graph);
        let k = k.min(nodes - 1);
        assert!(degrees(&graph).iter().all(|&degree| degree >= k), "{nodes}, {k}");
        assert!(graph.edges() <= nodes * k);
        if nodes == 3000 {
            // A link is chosen by both ends with probability (k/(n − 1))²: nk − k²n/(2(n − 1)) edges on average.
            let (n, k) = (f64::from(nodes), f64::from(k));
            let expected = n * k - k * k * n / (2.0 * (n - 1.0));
            assert!((f64::from(graph.edges()) - expected).abs() < 4.0 * (k * k / 2.0).sqrt() + 2.0, "{} for {expected}", graph.edges());
            let variance = degrees(&graph).iter().map(|&d| (f64::from(d) - 2.0 * k).powi(2)).sum::<f64>() / n;
            assert!((variance / k - 1.0).abs() < 0.15, "in-degrees have the variance {variance}, k = {k}");
            assert_eq!(graph.analysis().components, 1);
        }
    }
}

#[test]
fn leaves_know_super_peers_only() {
    let (nodes, above, degree, leaf_links) = (2000, 100, 6, 3);
    let graph = two_level(nodes, above, degree, leaf_links, &mut rng(6));
    assert_simple(&graph);
    for leaf in above..nodes {
        assert_eq!(graph.degree(leaf), leaf_links);
        assert!(graph.neighbours(leaf).iter().all(|&other| other < above));
    }
    for node in 0..above {
        assert_eq!(graph.neighbours(node).iter().filter(|&&other| other < above).count(), degree as usize);
    }
    assert_eq!(graph.edges(), above * degree / 2 + (nodes - above) * leaf_links);
    // The leaves are spread: the fullest of 100 with a mean of 57 is far from twice that.
    let fullest = (0..above).map(|node| graph.degree(node) - degree).max();
    assert!(fullest < Some(57 * 2), "{fullest:?}");
    assert_eq!(graph.analysis().components, 1);
    // Fewer peers than super-peers were planned.
    assert_eq!(two_level(4, 10, 2, 3, &mut rng(7)).nodes(), 4);
    assert_eq!(two_level(1, 1, 0, 1, &mut rng(7)).edges(), 0);
}

/// Goal: a lattice is one. Method: distances on it against the coordinates' sums, and the closed forms of degrees and edges.
#[test]
fn grids_and_tori_have_the_distances_of_their_coordinates() {
    let sides = [5_u32, 4, 3];
    let coordinates = |node: u32| [node % 5, node / 5 % 4, node / 20];
    for wraps in [false, true] {
        let graph = lattice(60, &sides, wraps);
        assert_simple(&graph);
        let distance = |a: u32, b: u32| -> u32 {
            let along = coordinates(a).into_iter().zip(coordinates(b)).zip(sides);
            along.map(|((a, b), side)| if wraps { a.abs_diff(b).min(side - a.abs_diff(b)) } else { a.abs_diff(b) }).sum()
        };
        for origin in [0, 17, 59] {
            let mut expected = [0; 20];
            (0..60).for_each(|node| expected[distance(origin, node) as usize] += 1);
            let counted = graph.nodes_by_distance(origin);
            assert_eq!(counted, expected[..counted.len()], "from {origin}, wraps: {wraps}");
        }
        assert_eq!(graph.edges(), if wraps { 60 * 3 } else { 4 * 12 + 3 * 15 + 2 * 20 });
    }
    assert!(degrees(&lattice(32, &[2; 5], true)).iter().all(|&degree| degree == 5), "a side of two closes onto its one link: a hypercube");
}

#[test]
fn an_incomplete_lattice_is_connected_and_closed() {
    for nodes in [1, 2, 3, 7, 10, 99, 1000] {
        for dimensions in [1, 2, 3] {
            for torus in [false, true] {
                let (dimensions, sides) = (Some(dimensions), None);
                let config = if torus { GraphConfig::Torus { dimensions, sides } } else { GraphConfig::Grid { dimensions, sides } };
                let graph = config.generate(nodes, &mut rng(8)).unwrap();
                assert_simple(&graph);
                assert_eq!((graph.nodes(), graph.analysis().components), (nodes, 1), "{config:?}");
            }
        }
    }
    let ring = GraphConfig::Torus { dimensions: Some(1), sides: None }.generate(9, &mut rng(8)).unwrap();
    assert_eq!(degrees(&ring), [2; 9]);
    let square = GraphConfig::Torus { dimensions: None, sides: Some(vec![10, 20]) };
    assert_eq!(degrees(&square.generate(200, &mut rng(8)).unwrap()), [4; 200]);
    assert!((square.mean_degree(200) - 4.0).abs() < 1e-12);
}

#[test]
fn a_seed_gives_one_graph_and_another_seed_another() {
    let configs = [
        GraphConfig::PowerLaw { exponent: 2.3, min_degree: 3, max_degree: None },
        GraphConfig::KOut { k: 3 },
        GraphConfig::TwoLevel { super_peers: Some(50), degree: 4, leaf_links: 2 },
    ];
    for config in configs {
        let draw = |seed| config.generate(500, &mut rng(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2), "{config:?}");
    }
}

fn issues(config: &GraphConfig, population: u32) -> Vec<(String, bool)> {
    let mut issues = Issues::new();
    issues.within("graph", |issues| config.check(population, issues));
    issues.into_list().into_iter().map(|issue| (issue.path, issue.warning)).collect()
}

#[test]
fn impossible_graphs_are_named_before_the_run() {
    let wrong = |config: GraphConfig| {
        let list = issues(&config, 100).into_iter().filter(|(_, warning)| !warning).map(|(path, _)| path);
        list.collect::<Vec<_>>()
    };
    let law = |exponent, min_degree, max_degree| GraphConfig::PowerLaw { exponent, min_degree, max_degree };
    assert_eq!(wrong(law(2.3, 3, None)), [""; 0]);
    assert_eq!(wrong(law(0.0, 3, None)), ["graph.exponent"]);
    assert_eq!(wrong(law(f64::NAN, 0, Some(100))), ["graph.exponent", "graph.min_degree", "graph.max_degree"]);
    assert_eq!(wrong(law(2.3, 5, Some(4))), ["graph.max_degree"]);
    assert_eq!(wrong(GraphConfig::KOut { k: 0 }), ["graph.k"]);
    assert_eq!(wrong(GraphConfig::KOut { k: 100 }), ["graph.k"]);
    let levels = |super_peers, degree, leaf_links| GraphConfig::TwoLevel { super_peers, degree, leaf_links };
    assert_eq!(wrong(levels(None, 4, 1)), [""; 0]);
    assert_eq!(wrong(levels(Some(101), 4, 1)), ["graph.super_peers"], "more super-peers than peers");
    assert_eq!(wrong(levels(Some(9), 3, 1)), ["graph.degree"], "an odd sum of degrees");
    assert_eq!(wrong(levels(Some(5), 9, 6)), ["graph.degree", "graph.leaf_links"]);
    let grid = |dimensions, sides| GraphConfig::Grid { dimensions, sides };
    assert_eq!(wrong(grid(Some(0), None)), ["graph.dimensions"]);
    assert_eq!(wrong(grid(None, Some(vec![9, 11]))), ["graph.sides"], "room for 99 of 100");
    assert_eq!(wrong(grid(None, Some(vec![10, 10]))), [""; 0]);
    assert_eq!(wrong(grid(Some(2), Some(vec![10, 10]))), ["graph.sides"]);
    assert_eq!(wrong(grid(None, Some(vec![]))), ["graph.sides"]);
    assert_eq!(wrong(GraphConfig::Torus { dimensions: Some(17), sides: None }), ["graph.dimensions"]);
}

#[test]
fn a_graph_that_begins_in_pieces_is_warned_of() {
    let warned = |config: GraphConfig| {
        let list = issues(&config, 1000);
        assert!(list.iter().all(|(_, warning)| *warning), "{list:?}");
        list.into_iter().map(|(path, _)| path).collect::<Vec<_>>()
    };
    assert_eq!(warned(GraphConfig::RandomRegular { degree: 2 }), ["graph.degree"]);
    assert_eq!(warned(GraphConfig::RandomRegular { degree: 3 }), [""; 0]);
    assert_eq!(warned(GraphConfig::ErdosRenyi { mean_degree: Some(6.0), probability: None }), ["graph.mean_degree"]);
    assert_eq!(warned(GraphConfig::ErdosRenyi { mean_degree: None, probability: Some(0.001) }), ["graph.probability"]);
    assert_eq!(warned(GraphConfig::ErdosRenyi { mean_degree: Some(8.0), probability: None }), [""; 0]);
    assert_eq!(warned(GraphConfig::PowerLaw { exponent: 2.3, min_degree: 1, max_degree: None }), ["graph.min_degree"]);
    assert_eq!(warned(GraphConfig::KOut { k: 1 }), ["graph.k"]);
    assert_eq!(warned(GraphConfig::TwoLevel { super_peers: Some(100), degree: 2, leaf_links: 1 }), ["graph.degree"]);
    let file = std::env::temp_dir().join(format!("peerlab-pieces-{}.txt", std::process::id()));
    let named = || GraphConfig::File { file: file.to_string_lossy().into_owned() };
    for (text, expected) in [("0 1\n1 2\n5 6\n", &["graph.file"][..]), ("0 1\n1 2\n", &[])] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(warned(named()), expected);
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(warned(named()), [""; 0], "what is wrong with a file is said where it is read");
}
