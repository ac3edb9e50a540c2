//! The overlay's graph, as it is at one instant: for the time series, the summary and export. It observes and changes nothing.
//!
//! A node is a peer of the population (a host; where it has several peers, all of them together) that is online. Two nodes are linked if one has
//! the other in its tables ([`Overlay::contacts`]): contacts that are offline, and servers, do not count.
//!
//! # Cost
//! Some 16 bytes a link and 20 a peer while it lasts, nothing between two measurements, and nothing at all where nobody asks for it.

use std::io::{self, Write};

use peerlab_engine::random::{Rng, Streams};
use peerlab_engine::time::Time;
use peerlab_model::Overlay;
pub use peerlab_overlay::graph::GraphFormat;
use peerlab_overlay::graph::{Graph, Node};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::Common;
use crate::observer::Observer;
use crate::shard::Seats;
use crate::truth::Truth;

/// Up to this many peers in the largest component, paths are measured from each of them; beyond it, from [`ORIGINS`] drawn ones.
const ALL_ORIGINS: usize = 256;

/// Peers from which paths are measured in a large component.
const ORIGINS: usize = 64;

/// In-degrees that lie so near the mean, as a whole number of peers, are counted: the measure of Voulgaris, Gavidia & van Steen 2005, who take
/// the length of a view. An exchange that is under way takes a little from the mean, and must not move the borders past a whole number.
const NEAR: f64 = 0.05;

/// What of the overlay's graph is measured at each sample, and at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GraphMetrics {
    /// Nothing.
    #[default]
    Off,
    /// Degrees and components: quick.
    Components,
    /// Clustering and path lengths as well: at 10^6 peers some seconds a sample.
    Full,
}

/// A look at the overlay's graph in the middle of a run, which then ends: with [`RunError::Stopped`](crate::RunError).
#[derive(Clone, Copy)]
pub struct Snapshot<'a> {
    /// When; before the events of that instant. The end of the run is possible.
    pub at: Time,
    /// Is given the graph.
    pub take: &'a (dyn Fn(OverlayGraph) + Sync),
}

/// Who is linked to whom.
#[derive(Clone, Debug)]
pub struct OverlayGraph {
    /// The number of the peer that each node stands for, ascending.
    peers: Vec<u32>,
    graph: Graph,
    /// By node: how many others have it in their tables.
    in_degrees: Vec<u32>,
}

impl OverlayGraph {
    pub(crate) fn of<'s, O: Overlay, V: Observer<O::Message> + 's>(
        common: &Common<O>,
        truth: &Truth,
        shards: impl Iterator<Item = &'s Seats<O, V>>,
    ) -> Self {
        const NONE: Node = Node::MAX;
        let numbering = &common.setting.numbering;
        let population = numbering.population() as usize;
        let shards: Vec<&Seats<O, V>> = shards.collect();
        let hosts = || shards.iter().flat_map(|seats| seats.hosts()).take(population);
        let mut node_of = vec![NONE; population];
        let mut peers = Vec::new();
        for (host, seats) in hosts() {
            if seats.iter().any(|seat| seat.peer.is_some()) {
                node_of[host.0 as usize] = peers.len() as Node;
                peers.push(host.0);
            }
        }
        let mut in_degrees = vec![0; peers.len()];
        let (mut edges, mut contacts) = (Vec::new(), Vec::new());
        for (host, seats) in hosts() {
            let from = node_of[host.0 as usize];
            for peer in seats.iter().filter_map(|seat| seat.peer.as_ref()) {
                common.overlay.contacts(peer, &mut |contact| {
                    let host = numbering.host(contact).0 as usize;
                    if host < population && truth.is_online(contact) && node_of[host] != NONE && node_of[host] != from {
                        contacts.push(node_of[host]);
                    }
                });
            }
            link(from, &mut contacts, &mut in_degrees, &mut edges);
        }
        Self { graph: Graph::from_edges(peers.len() as u32, &edges), peers, in_degrees }
    }

    /// The number of the peer that each node stands for, ascending.
    pub fn peers(&self) -> &[u32] {
        &self.peers
    }

    /// The graph itself.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Writes it as a file for other tools; nodes go by the numbers of their peers.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, format: GraphFormat, title: &str, out: &mut dyn Write) -> io::Result<()> {
        self.graph.write(format, title, &self.peers, out)
    }

    /// Name, unit and value of each metric; none without peers.
    pub(crate) fn metrics(&self, which: GraphMetrics, streams: Streams, now: Time) -> Vec<(&'static str, &'static str, f64)> {
        if which == GraphMetrics::Off || self.peers.is_empty() {
            return Vec::new();
        }
        let nodes = self.peers.len() as f64;
        let components = self.graph.components();
        let (spread, near) = self.in_degree_spread();
        let mut metrics = vec![
            ("graph_degree_mean", "peers", self.graph.mean_degree()),
            ("graph_degree_max", "peers", f64::from(self.graph.max_degree())),
            ("graph_in_degree_sd", "peers", spread),
            ("graph_in_degree_near_share", "1", near),
            ("graph_components", "components", components.count as f64),
            ("graph_largest_component_share", "1", components.largest.len() as f64 / nodes),
        ];
        if which == GraphMetrics::Full {
            metrics.push(("graph_clustering", "1", self.graph.clustering()));
            let mut rng = streams.keyed("graph origins").rng(now.nanos() as u64, 0);
            let paths = self.graph.paths(&origins(components.largest, &mut rng));
            metrics.extend(paths.mean.map(|mean| ("graph_path_mean", "hops", mean)));
            metrics.push(("graph_diameter", "hops", f64::from(paths.longest)));
        }
        metrics
    }

    /// The standard deviation of the in-degrees, and the share of the peers whose in-degree is near the mean.
    fn in_degree_spread(&self) -> (f64, f64) {
        let nodes = self.in_degrees.len() as f64;
        // Integers, so that the order of the terms does not matter.
        let sum: u64 = self.in_degrees.iter().map(|&degree| u64::from(degree)).sum();
        let squares: u64 = self.in_degrees.iter().map(|&degree| u64::from(degree) * u64::from(degree)).sum();
        let mean = sum as f64 / nodes;
        let whole = mean.round();
        let near = self.in_degrees.iter().filter(|&&degree| (f64::from(degree) - whole).abs() <= NEAR * whole + 1e-9).count();
        ((squares as f64 / nodes - mean * mean).max(0.0).sqrt(), near as f64 / nodes)
    }
}

/// Adds the links of a node to those whom it knows, once each, and forgets the list.
fn link(from: Node, known: &mut Vec<Node>, in_degrees: &mut [u32], edges: &mut Vec<(Node, Node)>) {
    known.sort_unstable();
    known.dedup();
    for to in known.drain(..) {
        in_degrees[to as usize] += 1;
        edges.push((from, to));
    }
}

/// From where paths are measured.
fn origins(mut component: Vec<Node>, rng: &mut Rng) -> Vec<Node> {
    if component.len() > ALL_ORIGINS {
        // The beginning of a shuffle.
        for at in 0..ORIGINS {
            let other = at + rng.index(component.len() - at);
            component.swap(at, other);
        }
        component.truncate(ORIGINS);
    }
    component
}
