//! Random graphs by the field's recipes. Each is linear in the edges it makes, and falls back on what a small number of nodes
//! allows (a degree of at most n − 1), since members of an overlay can be fewer than planned.

use peerlab_engine::random::Rng;

use super::{Graph, Node, configuration_model, random_regular};

/// Tries for one edge that a constraint forbids, before the generator does without.
const TRIES: u32 = 200;

/// A random graph in which each pair of nodes is linked with probability `probability` (Erdős–Rényi G(n, p)).
///
/// Linear in the edges: the gaps between them are geometric (Batagelj & Brandes 2005, "Efficient generation of large random
/// networks").
pub fn erdos_renyi(nodes: u32, probability: f64, rng: &mut Rng) -> Graph {
    let pairs = u64::from(nodes) * u64::from(nodes.saturating_sub(1)) / 2;
    let mut edges = Vec::new();
    if probability >= 1.0 {
        edges.extend((1..nodes).flat_map(|a| (0..a).map(move |b| (a, b))));
    } else if probability > 0.0 {
        edges.reserve((pairs as f64 * probability * 1.01) as usize);
        let scale = 1.0 / libm::log1p(-probability);
        // Pair number k stands for row a, column b < a, with k = a(a − 1)/2 + b.
        let (mut row, mut row_start) = (1_u64, 0_u64);
        let mut at = gap(rng, scale);
        while at < pairs {
            while at >= row_start + row {
                row_start += row;
                row += 1;
            }
            edges.push((row as Node, (at - row_start) as Node));
            at = at.saturating_add(1).saturating_add(gap(rng, scale));
        }
    }
    Graph::from_edges(nodes, &edges)
}

/// Failures before the first success: geometric, by inversion.
fn gap(rng: &mut Rng, scale: f64) -> u64 {
    // 1 − u lies in (0, 1], so the logarithm is finite; a cast saturates.
    (libm::log(1.0 - rng.unit_f64()) * scale) as u64
}

/// A ring in which each node is linked to the `degree / 2` next ones on both sides, with each link's far end moved to a
/// random node with probability `rewire` (Watts & Strogatz 1998).
///
/// An odd degree means the even one below; one above n − 1, the largest even one that fits. A link that finds no free place
/// (in a very dense graph) stays where it is.
pub fn watts_strogatz(nodes: u32, degree: u32, rewire: f64, rng: &mut Rng) -> Graph {
    let half = degree.min(nodes.saturating_sub(1)) / 2;
    // Links by the node that owns them, `half` each: node a's links begin at a · half.
    let mut far: Vec<Node> =
        (0..nodes).flat_map(|a| (1..=half).map(move |step| ((u64::from(a) + u64::from(step)) % u64::from(nodes)) as Node)).collect();
    let owned = |node: Node| (node * half) as usize..((node + 1) * half) as usize;
    // The paper's order: all links to the nearest neighbour first, then those to the next.
    for step in 0..half {
        for a in 0..nodes {
            if !rng.chance(rewire) {
                continue;
            }
            for _ in 0..TRIES {
                let b = rng.below(u64::from(nodes)) as Node;
                if b != a && !far[owned(a)].contains(&b) && !far[owned(b)].contains(&a) {
                    far[(a * half + step) as usize] = b;
                    break;
                }
            }
        }
    }
    let edges: Vec<_> = far.iter().enumerate().map(|(at, &b)| (at as u32 / half, b)).collect();
    Graph::from_edges(nodes, &edges)
}

/// A graph that grows node by node, each newcomer linking to `links` different nodes with probability proportional to their
/// degree (Barabási & Albert 1999).
///
/// The growth starts from a complete graph of `links + 1` nodes (the paper leaves the start open), so that
/// E = m(m + 1)/2 + m(n − m − 1) exactly, and the graph is connected. Up to m + 1 nodes make a complete graph.
pub fn barabasi_albert(nodes: u32, links: u32, rng: &mut Rng) -> Graph {
    let seed = nodes.min(links + 1);
    let mut edges: Vec<(Node, Node)> = (1..seed).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
    edges.reserve((nodes - seed) as usize * links as usize);
    let mut chosen: Vec<Node> = Vec::with_capacity(links as usize);
    for newcomer in seed..nodes {
        // A random end of a random edge is a node drawn in proportion to its degree.
        let ends = edges.len() * 2;
        chosen.clear();
        while chosen.len() < links as usize {
            let end = rng.index(ends);
            let (a, b) = edges[end / 2];
            let node = if end.is_multiple_of(2) { a } else { b };
            if !chosen.contains(&node) {
                chosen.push(node);
            }
        }
        edges.extend(chosen.iter().map(|&node| (newcomer, node)));
    }
    Graph::from_edges(nodes, &edges)
}

/// The power law's degrees: k neighbours with a probability proportional to k^−`exponent`, `least` to `most`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// γ.
    pub exponent: f64,
    /// The smallest degree.
    pub least: u32,
    /// The cut-off.
    pub most: u32,
}

impl PowerLaw {
    /// Weights of the degrees from the smallest on, their sum made 1.
    fn shares(self) -> Vec<f64> {
        let weights = (self.least..=self.most).map(|degree| libm::pow(f64::from(degree), -self.exponent));
        let weights: Vec<f64> = weights.collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }

    /// The mean degree.
    pub fn mean(self) -> f64 {
        (self.least..=self.most).zip(self.shares()).map(|(degree, share)| f64::from(degree) * share).sum()
    }
}

/// A random graph whose degrees are drawn from a power law with a cut-off: the configuration model.
///
/// If the degrees' sum is odd, one random node has a neighbour less. Degrees above n − 1 mean n − 1.
pub fn power_law(nodes: u32, law: PowerLaw, rng: &mut Rng) -> Graph {
    let possible = nodes.saturating_sub(1);
    let law = PowerLaw { least: law.least.min(possible), most: law.most.min(possible), ..law };
    let mut sum = 0.0;
    let up_to: Vec<f64> = law
        .shares()
        .into_iter()
        .map(|share| {
            sum += share;
            sum
        })
        .collect();
    let draw = |_| {
        let u = rng.unit_f64();
        law.least + (up_to.partition_point(|&share| share <= u) as u32).min(law.most - law.least)
    };
    let degrees: Vec<u32> = (0..nodes).map(draw).collect();
    configuration_model(&degrees, rng)
}

/// A random graph in which each node chooses `k` different others; a link that both ends chose is one.
///
/// The mean degree is 2k − k²/(n − 1). A k above n − 1 means n − 1.
pub fn k_out(nodes: u32, k: u32, rng: &mut Rng) -> Graph {
    let others = nodes.saturating_sub(1);
    let k = k.min(others);
    let mut edges = Vec::with_capacity(nodes as usize * k as usize);
    let mut chosen = Vec::with_capacity(k as usize);
    for a in 0..nodes {
        sample(others, k, &mut chosen, rng);
        // Numbers from a's own on stand for the next one each.
        edges.extend(chosen.iter().map(|&b| (a, b + Node::from(b >= a))));
    }
    Graph::from_edges(nodes, &edges)
}

/// A graph of two levels: nodes 0 … `super_peers` − 1 make a random regular graph of `degree` among themselves, and each of the others
/// (leaves) is linked to `leaf_links` different ones of them, chosen at random, and to no other leaf.
///
/// More super-peers than nodes mean all nodes; more links of a leaf than super-peers mean all of those.
pub fn two_level(nodes: u32, super_peers: u32, degree: u32, leaf_links: u32, rng: &mut Rng) -> Graph {
    let super_peers = super_peers.min(nodes);
    let mut edges: Vec<(Node, Node)> = random_regular(super_peers, degree, rng).iter_edges().collect();
    let mut chosen = Vec::with_capacity(leaf_links as usize);
    for leaf in super_peers..nodes {
        sample(super_peers, leaf_links.min(super_peers), &mut chosen, rng);
        edges.extend(chosen.iter().map(|&above| (leaf, above)));
    }
    Graph::from_edges(nodes, &edges)
}

/// `k` different numbers below `n`, at least as many: each set of them is as likely (Floyd's algorithm; Bentley & Floyd 1987).
fn sample(n: u32, k: u32, chosen: &mut Vec<u32>, rng: &mut Rng) {
    chosen.clear();
    for last in n - k..n {
        let number = rng.below(u64::from(last) + 1) as u32;
        chosen.push(if chosen.contains(&number) { last } else { number });
    }
}

/// A grid of these sides, or, if `wraps`, a torus: nodes are numbered along the first side, then along the second, and so on.
///
/// Each node is linked to the next one in each dimension. If the sides have room for more nodes than there are, the grid ends early, in its
/// last row; a row of a torus closes where it ends, unless it has fewer than three nodes (it would close onto a link that is there).
/// Either is connected.
pub fn lattice(nodes: u32, sides: &[u32], wraps: bool) -> Graph {
    let mut edges = Vec::with_capacity(nodes as usize * sides.len());
    let mut stride = 1_u64;
    for &side in sides {
        for node in 0..u64::from(nodes) {
            let along = node / stride % u64::from(side);
            let next = node + stride;
            if along + 1 < u64::from(side) && next < u64::from(nodes) {
                edges.push((node as Node, next as Node));
            } else if wraps && along >= 2 {
                edges.push((node as Node, (node - along * stride) as Node));
            }
        }
        stride = stride.saturating_mul(u64::from(side));
    }
    Graph::from_edges(nodes, &edges)
}

/// The smallest cube of so many dimensions that has room for all nodes: its side.
pub(super) fn side_of_cube(nodes: u32, dimensions: u32) -> u32 {
    let has_room = |side: u32| u64::from(side).saturating_pow(dimensions) >= u64::from(nodes);
    // At most 2^32 nodes: the root is exact after a step or two.
    let root = libm::pow(f64::from(nodes), 1.0 / f64::from(dimensions.max(1))) as u32;
    (root.saturating_sub(1).max(1)..=nodes.max(1)).find(|&side| has_room(side)).expect("a large side has room")
}
