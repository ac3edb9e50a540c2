//! An internet of routers in two levels: transit domains that carry traffic, and stub domains at its edge, where the hosts are.
//!
//! After Zegura, Calvert and Bhattacharjee, How to model an internetwork (INFOCOM 1996), section 3.3, as their program GT-ITM does it: a connected
//! random graph of transit domains, each of them a connected random graph of routers; at each of these some stub domains, connected random graphs
//! as well, each on one link. Hosts sit at the routers of stubs. A message takes the path of least delay; since a stub has one link, no path goes
//! through somebody else's stub.
//!
//! The graph is drawn once a run; what is kept is the matrix of delays between the routers of stubs, and each host's router.
//!
//! # Not here
//! Links from a stub to a second transit router or to another stub, which GT-ITM can add, and the time that a host's own link adds: that is a class's.

use peerlab_engine::random::{Rng, Streams};
use petgraph::algo::dijkstra;
use petgraph::graph::{NodeIndex, UnGraph};

use crate::config::Latency;

/// The shape of an internet, and what its links take one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) transit_domains: u32,
    pub(crate) transit_nodes: u32,
    pub(crate) stubs: u32,
    pub(crate) stub_nodes: u32,
    /// In nanoseconds: between transit routers, from one to a stub, within a stub.
    pub(crate) delays: [u64; 3],
}

/// Probability of a link between two transit routers of a domain, as in GT-ITM's example `ts100`.
const TRANSIT_EDGE: f64 = 0.6;
/// The same for two routers of a stub.
const STUB_EDGE: f64 = 0.42;

/// Routers of stubs, at the most: the delays between them take 64 MiB, and a few seconds to find.
pub(crate) const ROUTERS_MAX: u32 = 4096;

type Routers = UnGraph<(), u64>;

impl Shape {
    /// That of this latency model, if it is one of routers.
    pub(crate) fn of(latency: &Latency) -> Option<Self> {
        let &Latency::TransitStub { transit_domains, transit_nodes, stubs, stub_nodes, transit_delay, access_delay, stub_delay } = latency
        else {
            return None;
        };
        let delays = [transit_delay, access_delay, stub_delay].map(|delay| delay.span().nanos());
        Some(Self { transit_domains, transit_nodes, stubs, stub_nodes, delays })
    }

    /// Routers of stubs; nothing beyond 32 bits.
    pub(crate) fn rows(&self) -> Option<u32> {
        self.transit_domains.checked_mul(self.transit_nodes)?.checked_mul(self.stubs)?.checked_mul(self.stub_nodes)
    }

    /// Delays one way in nanoseconds from each router of a stub to each other one, row by row.
    pub(crate) fn delays(&self, streams: Streams) -> Vec<f32> {
        let mut rng = streams.rng("network.routers", 0);
        let (graph, hosts) = self.graph(&mut rng);
        let mut delays = Vec::with_capacity(hosts.len() * hosts.len());
        for &from in &hosts {
            let reached = dijkstra(&graph, from, None, |link| *link.weight());
            delays.extend(hosts.iter().map(|to| reached[to] as f32));
        }
        delays
    }

    /// The routers and their links, and which routers are a stub's.
    fn graph(&self, rng: &mut Rng) -> (Routers, Vec<NodeIndex>) {
        let [transit, access, stub] = self.delays;
        let mut graph = Routers::default();
        let domains: Vec<Vec<NodeIndex>> =
            (0..self.transit_domains).map(|_| connected(&mut graph, self.transit_nodes, TRANSIT_EDGE, transit, rng)).collect();
        // Domains stand in a random tree: each is linked with one that was there before, from a random router to a random router.
        for (at, domain) in domains.iter().enumerate().skip(1) {
            let other = &domains[rng.index(at)];
            let (here, there) = (domain[rng.index(domain.len())], other[rng.index(other.len())]);
            graph.add_edge(here, there, transit);
        }
        let mut hosts = Vec::new();
        for router in domains.into_iter().flatten() {
            for _ in 0..self.stubs {
                let nodes = connected(&mut graph, self.stub_nodes, STUB_EDGE, stub, rng);
                graph.add_edge(router, nodes[rng.index(nodes.len())], access);
                hosts.extend(nodes);
            }
        }
        (graph, hosts)
    }
}

/// Adds a connected random graph: a random tree, and each other pair with this probability.
fn connected(graph: &mut Routers, count: u32, probability: f64, delay: u64, rng: &mut Rng) -> Vec<NodeIndex> {
    let nodes: Vec<NodeIndex> = (0..count).map(|_| graph.add_node(())).collect();
    for at in 1..nodes.len() {
        let parent = rng.index(at);
        for before in 0..at {
            if before == parent || rng.unit_f64() < probability {
                graph.add_edge(nodes[at], nodes[before], delay);
            }
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: paths are shortest. Method: all pairs at once (Floyd and Warshall), on ten internets.
    #[test]
    fn delays_are_those_of_the_shortest_paths() {
        let shape = Shape { transit_domains: 3, transit_nodes: 3, stubs: 2, stub_nodes: 4, delays: [100, 10, 1] };
        for seed in 0..10 {
            let streams = Streams::new(seed);
            let (graph, hosts) = shape.graph(&mut streams.rng("network.routers", 0));
            let count = graph.node_count();
            let mut apart = vec![vec![u64::MAX / 4; count]; count];
            for (at, row) in apart.iter_mut().enumerate() {
                row[at] = 0;
            }
            for link in graph.edge_indices() {
                let (a, b) = graph.edge_endpoints(link).unwrap();
                apart[a.index()][b.index()] = graph[link];
                apart[b.index()][a.index()] = graph[link];
            }
            for via in 0..count {
                for from in 0..count {
                    for to in 0..count {
                        apart[from][to] = apart[from][to].min(apart[from][via] + apart[via][to]);
                    }
                }
            }
            let expected: Vec<f32> = hosts.iter().flat_map(|from| hosts.iter().map(|to| apart[from.index()][to.index()] as f32)).collect();
            assert_eq!(shape.delays(streams), expected, "seed {seed}");
        }
    }
}
