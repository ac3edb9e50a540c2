//! Random graphs by the field's recipes. Each is linear in the edges it makes, and falls back on what a small number of nodes
//! allows (a degree of at most n − 1), since members of an overlay can be fewer than planned.

use peerlab_engine::random::Rng;

use super::{Graph, Node};

/// A stub that is left over because nodes × degree is odd.
const UNPAIRED: u32 = u32::MAX;

/// Tries for one edge that a constraint forbids, before the generator does without.
const TRIES: u32 = 200;

/// A random graph in which every node has `degree` neighbours, by the pairing (configuration) model.
///
/// Each node gets `degree` stubs, which are paired at random; the few loops and double edges (about (d² − 1)/4 + (d − 1)/2,
/// whatever n is) are then repaired by exchanging ends with random other pairs. The result is not exactly uniform over all
/// regular graphs, but the repaired edges are a share of O(d/n) of all.
///
/// If `nodes · degree` is odd, one random node has a neighbour less (in a dense graph: more); a degree above n − 1 means n − 1.
///
/// # Panics
/// If there would be more than [`Graph::MAX_EDGES`] edges; [`GraphConfig::check`](super::GraphConfig::check) finds that earlier.
pub fn random_regular(nodes: u32, degree: u32, rng: &mut Rng) -> Graph {
    let degree = degree.min(nodes.saturating_sub(1));
    let stubs = u64::from(nodes) * u64::from(degree);
    assert!(stubs / 2 <= Graph::MAX_EDGES, "{nodes} nodes of degree {degree} have too many edges");
    if degree > nodes.saturating_sub(1) / 2 {
        // Dense: few exchanges are allowed there. What is missing from such a graph is sparse and as random.
        return sparse_regular(nodes, nodes - 1 - degree, rng).complement();
    }
    sparse_regular(nodes, degree, rng)
}

fn sparse_regular(nodes: u32, degree: u32, rng: &mut Rng) -> Graph {
    loop {
        // A handful of nodes can leave no allowed exchange: then another pairing is drawn.
        if let Some(pairing) = Pairing::draw(nodes, degree, rng).repaired(rng) {
            return pairing.into_graph(nodes);
        }
    }
}

/// Stubs and their mates: stub s belongs to node s / degree.
struct Pairing {
    degree: u32,
    mates: Vec<u32>,
}

impl Pairing {
    fn draw(nodes: u32, degree: u32, rng: &mut Rng) -> Self {
        let stubs = nodes * degree;
        let mut order: Vec<u32> = (0..stubs).collect();
        rng.shuffle(&mut order);
        let mut mates = vec![UNPAIRED; stubs as usize];
        for pair in order.chunks_exact(2) {
            mates[pair[0] as usize] = pair[1];
            mates[pair[1] as usize] = pair[0];
        }
        Self { degree, mates }
    }

    /// The same with every loop and double edge exchanged away; nothing if that did not succeed.
    fn repaired(mut self, rng: &mut Rng) -> Option<Self> {
        let degree = self.degree as usize;
        let mut ends = vec![0; degree];
        for first in (0..self.mates.len()).step_by(degree.max(1)) {
            // Nearly every node is in order, which one short sort tells.
            for (end, &mate) in ends.iter_mut().zip(&self.mates[first..first + degree]) {
                *end = if mate == UNPAIRED { UNPAIRED } else { self.node(mate) };
            }
            ends.sort_unstable();
            let in_order = ends.windows(2).all(|pair| pair[0] != pair[1]) && ends.binary_search(&self.node(first as u32)).is_err();
            if !in_order {
                (first..first + degree).try_for_each(|stub| self.repair(stub as u32, rng))?;
            }
        }
        Some(self)
    }

    fn repair(&mut self, stub: u32, rng: &mut Rng) -> Option<()> {
        let mut tries = 0;
        while self.is_bad(stub) {
            tries += 1;
            if tries > TRIES {
                return None;
            }
            self.exchange(stub, rng.index(self.mates.len()) as u32);
        }
        Some(())
    }

    fn node(&self, stub: u32) -> Node {
        stub / self.degree
    }

    /// Links between two nodes, counted at the first.
    fn links(&self, a: Node, b: Node) -> usize {
        let stubs = (a * self.degree) as usize..((a + 1) * self.degree) as usize;
        self.mates[stubs].iter().filter(|&&mate| mate != UNPAIRED && self.node(mate) == b).count()
    }

    fn is_bad(&self, stub: u32) -> bool {
        let mate = self.mates[stub as usize];
        mate != UNPAIRED && (self.node(mate) == self.node(stub) || self.links(self.node(stub), self.node(mate)) > 1)
    }

    /// Pairs a–b, c–d become a–c, b–d, unless that makes a new loop or double edge.
    fn exchange(&mut self, a: u32, c: u32) {
        let (b, d) = (self.mates[a as usize], self.mates[c as usize]);
        if d == UNPAIRED || c == a || c == b {
            return;
        }
        let allowed = |x: u32, y: u32| self.node(x) != self.node(y) && self.links(self.node(x), self.node(y)) == 0;
        // The two new edges must also differ from each other.
        let same =
            (self.node(a), self.node(c)) == (self.node(b), self.node(d)) || (self.node(a), self.node(c)) == (self.node(d), self.node(b));
        if allowed(a, c) && allowed(b, d) && !same {
            for (x, y) in [(a, c), (b, d)] {
                self.mates[x as usize] = y;
                self.mates[y as usize] = x;
            }
        }
    }

    fn into_graph(self, nodes: u32) -> Graph {
        let degree = self.degree;
        if self.mates.contains(&UNPAIRED) {
            let pairs = self.mates.iter().enumerate().filter(|&(stub, &mate)| mate != UNPAIRED && (stub as u32) < mate);
            let edges: Vec<_> = pairs.map(|(stub, &mate)| (self.node(stub as u32), self.node(mate))).collect();
            return Graph::from_edges(nodes, &edges);
        }
        // The mates are the adjacency already: node by node, each with `degree` entries.
        let targets = self.mates.into_iter().map(|mate| mate / degree).collect();
        Graph::from_lists((0..=nodes).map(|node| node * degree).collect(), targets)
    }
}

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
