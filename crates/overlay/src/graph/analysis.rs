//! What a graph looks like: for reports, model pages and tests, never for a handler.
//!
//! # Cost
//! Components: one pass over the links. Clustering: each triangle once, at most E^1.5 steps, whatever the hubs. Paths: a breadth-first search
//! for each origin, which visits each link twice.

use petgraph::Undirected;
use petgraph::graph::{NodeIndex, UnGraph};
use petgraph::unionfind::UnionFind;

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
    /// See [`Graph::clustering`].
    pub clustering: f64,
}

/// Connected components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Components {
    /// How many there are, isolated nodes included.
    pub count: usize,
    /// The nodes of the largest one, in ascending order; of several that are as large, the one with the smallest node.
    pub largest: Vec<Node>,
}

/// Shortest paths from some origins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paths {
    /// The mean over all pairs of an origin and another node that it reaches; nothing if there is none.
    pub mean: Option<f64>,
    /// The longest: the diameter if every node was an origin, else at most that.
    pub longest: u32,
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
        let components = self.components();
        Analysis {
            components: components.count,
            largest_component: components.largest.len() as u32,
            mean_degree: self.mean_degree(),
            max_degree: self.max_degree(),
            clustering: self.clustering(),
        }
    }

    /// 2E / N; 0 without nodes.
    pub fn mean_degree(&self) -> f64 {
        2.0 * f64::from(self.edges()) / f64::from(self.nodes()).max(1.0)
    }

    /// The largest degree; 0 without nodes.
    pub fn max_degree(&self) -> u32 {
        (0..self.nodes()).map(|node| self.degree(node)).max().unwrap_or(0)
    }

    /// The connected components.
    pub fn components(&self) -> Components {
        let mut union = UnionFind::<u32>::new(self.nodes() as usize);
        for (a, b) in self.iter_edges() {
            union.union(a, b);
        }
        let labels = union.into_labeling();
        let mut sizes = vec![0_u32; self.nodes() as usize];
        for &label in &labels {
            sizes[label as usize] += 1;
        }
        let size = sizes.iter().copied().max().unwrap_or(0);
        let label = labels.iter().copied().find(|&label| sizes[label as usize] == size);
        let largest = (0..self.nodes()).filter(|&node| Some(labels[node as usize]) == label).collect();
        Components { count: sizes.iter().filter(|&&size| size > 0).count(), largest }
    }

    /// The mean over all nodes of the share of their neighbours' pairs that are neighbours themselves (Watts & Strogatz 1998); nodes with
    /// fewer than two neighbours count as 0.
    pub fn clustering(&self) -> f64 {
        let nodes = f64::from(self.nodes()).max(1.0);
        let share = |(node, closed): (Node, u64)| {
            let degree = f64::from(self.degree(node));
            if degree < 2.0 { 0.0 } else { 2.0 * closed as f64 / (degree * (degree - 1.0)) }
        };
        (0..).zip(self.triangles()).map(share).sum::<f64>() / nodes
    }

    /// How many triangles each node is a corner of.
    ///
    /// Each link is looked at from the end that has fewer neighbours (Schank & Wagner 2005, "forward"): so a hub's links cost little.
    fn triangles(&self) -> Vec<u64> {
        let rank = |node: Node| (self.degree(node), node);
        let ahead = |node: Node| self.neighbours(node).iter().copied().filter(move |&other| rank(other) > rank(node));
        let mut corners = vec![0; self.nodes() as usize];
        let mut marked_by = vec![Node::MAX; self.nodes() as usize];
        for a in 0..self.nodes() {
            for b in ahead(a) {
                marked_by[b as usize] = a;
            }
            for b in ahead(a) {
                for c in ahead(b).filter(|&c| marked_by[c as usize] == a) {
                    for corner in [a, b, c] {
                        corners[corner as usize] += 1;
                    }
                }
            }
        }
        corners
    }

    /// How many nodes lie at each distance from `origin`: entry 0 is 1, entry 1 its degree, and so on to the farthest.
    pub fn nodes_by_distance(&self, origin: Node) -> Vec<u32> {
        let mut reached = vec![false; self.nodes() as usize];
        reached[origin as usize] = true;
        let (mut counts, mut rim, mut next) = (Vec::new(), vec![origin], Vec::new());
        while !rim.is_empty() {
            counts.push(rim.len() as u32);
            for &node in &rim {
                for &neighbour in self.neighbours(node) {
                    if !std::mem::replace(&mut reached[neighbour as usize], true) {
                        next.push(neighbour);
                    }
                }
            }
            rim.clear();
            std::mem::swap(&mut rim, &mut next);
        }
        counts
    }

    /// Shortest paths from these origins to all that they reach.
    pub fn paths(&self, origins: &[Node]) -> Paths {
        let (mut sum, mut pairs, mut longest) = (0_u64, 0_u64, 0);
        for &origin in origins {
            let counts = self.nodes_by_distance(origin);
            sum += (0_u64..).zip(&counts).map(|(distance, &nodes)| distance * u64::from(nodes)).sum::<u64>();
            pairs += counts.iter().skip(1).map(|&nodes| u64::from(nodes)).sum::<u64>();
            longest = longest.max(counts.len() as u32 - 1);
        }
        Paths { mean: (pairs > 0).then(|| sum as f64 / pairs as f64), longest }
    }
}
