//! Overlay graphs: who is whose neighbour when an unstructured overlay begins.
//!
//! Undirected, without loops and without double edges. Generators are ours, drawn from `peerlab_engine::random`, so that a
//! graph is a pure function of its parameters and the seed. The same type holds the graph of a running overlay when it is measured
//! (`analysis`) or written to a file (`export`).
//!
//! # Cost
//! A flat compressed-sparse-row adjacency: 4 bytes a node and 8 an edge (each edge is listed at both ends), so 44 MB for
//! 10^6 nodes of mean degree 10. Built in linear time by counting, and each node's list is then sorted by itself.
//!
//! # Not here
//! Changes: a running overlay's links belong to its peers. Weights and directions: no model has them yet.

mod analysis;
mod config;
mod export;
mod file;
mod generate;
mod pairing;

pub use analysis::{Analysis, Components, Paths};
pub use config::GraphConfig;
pub use export::GraphFormat;
pub use file::EdgeListError;
pub use generate::{PowerLaw, barabasi_albert, erdos_renyi, k_out, lattice, power_law, two_level, watts_strogatz};
pub use pairing::{configuration_model, random_regular};

use std::ops::Range;

/// A node of a [`Graph`]: `0 … nodes − 1`.
pub type Node = u32;

/// An undirected simple graph in compressed-sparse-row form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// Where each node's neighbours begin; one more entry than nodes.
    offsets: Vec<u32>,
    /// Neighbours, node by node, each list in ascending order.
    targets: Vec<Node>,
}

impl Graph {
    /// The most edges that the 4-byte offsets can address.
    pub const MAX_EDGES: u64 = (u32::MAX / 2) as u64;

    /// The graph with `nodes` nodes and these edges. Repeated edges (in either direction) are merged.
    ///
    /// # Panics
    /// If an edge is a loop, names a node beyond `nodes`, or there are more than [`Graph::MAX_EDGES`]: whoever makes edges checks that.
    pub fn from_edges(nodes: u32, edges: &[(Node, Node)]) -> Self {
        assert!(edges.len() as u64 <= Self::MAX_EDGES, "{} edges", edges.len());
        let mut offsets = vec![0_u32; nodes as usize + 1];
        for &(a, b) in edges {
            assert!(a != b && a < nodes && b < nodes, "edge {a}–{b} among {nodes} nodes");
            offsets[a as usize + 1] += 1;
            offsets[b as usize + 1] += 1;
        }
        for node in 0..nodes as usize {
            offsets[node + 1] += offsets[node];
        }
        let mut targets = vec![0; edges.len() * 2];
        let mut cursor = offsets.clone();
        let mut place = |at: Node, neighbour: Node| {
            targets[cursor[at as usize] as usize] = neighbour;
            cursor[at as usize] += 1;
        };
        for &(a, b) in edges {
            place(a, b);
            place(b, a);
        }
        Self::from_lists(offsets, targets)
    }

    /// The graph with these neighbour lists, in any order, each edge listed at both ends.
    fn from_lists(offsets: Vec<u32>, targets: Vec<Node>) -> Self {
        let mut graph = Self { offsets, targets };
        graph.sort_and_merge();
        graph
    }

    /// How many nodes there are, isolated ones included.
    pub fn nodes(&self) -> u32 {
        (self.offsets.len() - 1) as u32
    }

    /// How many edges there are.
    pub fn edges(&self) -> u32 {
        (self.targets.len() / 2) as u32
    }

    /// The neighbours of `node` in ascending order.
    #[inline]
    pub fn neighbours(&self, node: Node) -> &[Node] {
        &self.targets[self.list(node)]
    }

    /// How many neighbours `node` has.
    #[inline]
    pub fn degree(&self, node: Node) -> u32 {
        self.list(node).len() as u32
    }

    /// True if the two are neighbours.
    pub fn has_edge(&self, a: Node, b: Node) -> bool {
        self.neighbours(a).binary_search(&b).is_ok()
    }

    /// Each edge once, the smaller node first.
    pub fn iter_edges(&self) -> impl Iterator<Item = (Node, Node)> {
        (0..self.nodes()).flat_map(|a| self.neighbours(a).iter().filter(move |&&b| a < b).map(move |&b| (a, b)))
    }

    /// Every pair of nodes that are not neighbours become neighbours, and the other way round. Quadratic: for dense graphs.
    fn complement(&self) -> Self {
        let nodes = self.nodes();
        let pairs = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b)));
        let edges: Vec<_> = pairs.filter(|&(a, b)| !self.has_edge(a, b)).collect();
        Self::from_edges(nodes, &edges)
    }

    fn list(&self, node: Node) -> Range<usize> {
        self.offsets[node as usize] as usize..self.offsets[node as usize + 1] as usize
    }

    /// Sorts each list and closes the gaps that merged double edges leave.
    fn sort_and_merge(&mut self) {
        let mut kept = 0;
        let mut begin = 0;
        for node in 0..self.offsets.len() - 1 {
            let end = self.offsets[node + 1] as usize;
            self.targets[begin..end].sort_unstable();
            let first = kept;
            for at in begin..end {
                let target = self.targets[at];
                if kept == first || self.targets[kept - 1] != target {
                    self.targets[kept] = target;
                    kept += 1;
                }
            }
            self.offsets[node + 1] = kept as u32;
            begin = end;
        }
        self.targets.truncate(kept);
    }
}
