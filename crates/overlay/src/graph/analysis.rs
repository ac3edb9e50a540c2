//! What a graph looks like: for reports, model pages and tests, never for a handler.
//!
//! Components and path lengths are petgraph's, on a copy of the graph; that costs about four times the graph's own memory.

use petgraph::Undirected;
use petgraph::graph::{NodeIndex, UnGraph};
use petgraph::unionfind::UnionFind;
use petgraph::visit::Bfs;

use super::{Graph, Node};

/// The shape of a graph in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Connected components, isolated nodes included.
    pub components: usize,
    /// Nodes in the largest component.
    pub largest_component: u32,
    /// 2E / N; 0 without nodes.
    pub mean_degree: f64,
    /// The largest degree.
    pub max_degree: u32,
    /// The mean over all nodes of the share of their neighbours' pairs that are neighbours themselves (Watts & Strogatz
    /// 1998); nodes with fewer than two neighbours count as 0.
    pub clustering: f64,
}

impl Graph {
    /// The same graph in petgraph's form, for its algorithms.
    pub fn to_petgraph(&self) -> UnGraph<(), (), u32> {
        let mut copy = petgraph::Graph::<(), (), Undirected, u32>::with_capacity(self.nodes() as usize, self.edges() as usize);
        for _ in 0..self.nodes() {
            copy.add_node(());
        }
        for (a, b) in self.iter_edges() {
            copy.add_edge(NodeIndex::new(a as usize), NodeIndex::new(b as usize), ());
        }
        copy
    }

    /// The figures of this graph.
    pub fn analysis(&self) -> Analysis {
        let mut union = UnionFind::<u32>::new(self.nodes() as usize);
        for (a, b) in self.iter_edges() {
            union.union(a, b);
        }
        let mut sizes = vec![0_u32; self.nodes() as usize];
        for representative in union.into_labeling() {
            sizes[representative as usize] += 1;
        }
        let nodes = f64::from(self.nodes()).max(1.0);
        Analysis {
            components: sizes.iter().filter(|&&size| size > 0).count(),
            largest_component: sizes.into_iter().max().unwrap_or(0),
            mean_degree: 2.0 * f64::from(self.edges()) / nodes,
            max_degree: (0..self.nodes()).map(|node| self.degree(node)).max().unwrap_or(0),
            clustering: (0..self.nodes()).map(|node| self.local_clustering(node)).sum::<f64>() / nodes,
        }
    }

    /// How many nodes lie at each distance from `origin`: entry 0 is 1, entry 1 its degree, and so on to the farthest.
    pub fn nodes_by_distance(&self, origin: Node) -> Vec<u32> {
        let copy = self.to_petgraph();
        let mut distance = vec![u32::MAX; self.nodes() as usize];
        distance[origin as usize] = 0;
        let mut counts = vec![1];
        let mut search = Bfs::new(&copy, NodeIndex::new(origin as usize));
        while let Some(node) = search.next(&copy) {
            let next = distance[node.index()] + 1;
            for &neighbour in self.neighbours(node.index() as u32) {
                // Breadth first visits nodes in the order of their distance, so the first visit of a neighbour is the nearest.
                if distance[neighbour as usize] == u32::MAX {
                    distance[neighbour as usize] = next;
                    counts.resize(counts.len().max(next as usize + 1), 0);
                    counts[next as usize] += 1;
                }
            }
        }
        counts
    }

    fn local_clustering(&self, node: Node) -> f64 {
        let neighbours = self.neighbours(node);
        if neighbours.len() < 2 {
            return 0.0;
        }
        let later = |at: usize| &neighbours[at + 1..];
        let closed = |at: usize| later(at).iter().filter(|&&other| self.has_edge(neighbours[at], other)).count();
        let triangles: usize = (0..neighbours.len()).map(closed).sum();
        2.0 * triangles as f64 / (neighbours.len() * (neighbours.len() - 1)) as f64
    }
}
