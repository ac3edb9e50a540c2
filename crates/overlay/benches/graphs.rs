//! Random graphs of 10^6 peers and 10^7 links, by each generator; the promise is 5 s each.
//!
//! `cargo bench -p peerlab-overlay`; a filter chooses, as always: `cargo bench -p peerlab-overlay -- k-out`.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use peerlab_engine::random::Streams;
use peerlab_overlay::graph::GraphConfig;

const NODES: u32 = 1_000_000;

fn generators(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("graph");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(1))
        .measurement_time(Duration::from_secs(10))
        .sampling_mode(SamplingMode::Flat);
    let configs = [
        ("random-regular", GraphConfig::RandomRegular { degree: 20 }),
        ("erdos-renyi", GraphConfig::ErdosRenyi { mean_degree: Some(20.0), probability: None }),
        ("watts-strogatz", GraphConfig::WattsStrogatz { degree: 20, rewire: 0.1 }),
        ("barabasi-albert", GraphConfig::BarabasiAlbert { links: 10 }),
        ("power-law", GraphConfig::PowerLaw { exponent: 2.3, min_degree: 7, max_degree: None }),
        ("k-out", GraphConfig::KOut { k: 10 }),
        ("two-level", GraphConfig::TwoLevel { super_peers: Some(100_000), degree: 30, leaf_links: 10 }),
        ("torus", GraphConfig::Torus { dimensions: Some(10), sides: None }),
    ];
    for (name, config) in configs {
        let graph = config.generate(NODES, &mut Streams::new(1).rng("bench", 0)).expect("no file");
        eprintln!("{name}: {} nodes, {} edges", graph.nodes(), graph.edges());
        group.bench_function(name, |bencher| bencher.iter(|| config.generate(NODES, &mut Streams::new(1).rng("bench", 0))));
    }
    group.finish();
}

criterion_group!(benches, generators);
criterion_main!(benches);
