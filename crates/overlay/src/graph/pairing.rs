//! Random graphs of given degrees: the pairing (configuration) model.
//!
//! Each node has as many stubs as it shall have neighbours; stubs are paired at random, and the loops and double edges that come of it are
//! exchanged away. The result is not exactly uniform over all graphs of these degrees, but what is exchanged is a small share of all edges.
//!
//! # Cost
//! 12 bytes a stub while it lasts; linear, but for the exchanges at nodes of very many neighbours. What is read at random lies in huge pages
//! and is fetched ahead: nearly all of the time goes into memory that is far away.

use peerlab_engine::random::Rng;
use peerlab_prefetch::{prefetch, table};

use super::{Graph, Node};

/// A stub that is left over because the sum of the degrees is odd, or that no allowed edge was found for.
const UNPAIRED: u32 = u32::MAX;

/// Exchanges that are tried for one stub before it counts as stuck.
const TRIES: u32 = 200;

/// A random graph in which every node has `degree` neighbours.
///
/// The few loops and double edges of the pairing (about (d² − 1)/4 + (d − 1)/2, whatever n is) are a share of O(d/n) of all edges.
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
    let first: Vec<u32> = (0..=nodes).map(|node| node * degree).collect();
    loop {
        // A handful of nodes can leave no allowed exchange: then another pairing is drawn.
        let pairing = Pairing::draw(first.clone(), Owners::Each(degree), rng);
        if let Some(pairing) = pairing.repaired(rng, |_, _| None) {
            return pairing.into_graph();
        }
    }
}

/// A random graph in which node k has `degrees[k]` neighbours.
///
/// If the sum is odd, one random node has a neighbour less. Degrees that no graph has (a hub with more neighbours than there are others
/// with room) are met as far as exchanges at random find a way: an edge for which there is none is left out.
///
/// # Panics
/// If there would be more than [`Graph::MAX_EDGES`] edges; [`GraphConfig::check`](super::GraphConfig::check) finds that earlier.
pub fn configuration_model(degrees: &[u32], rng: &mut Rng) -> Graph {
    let stubs: u64 = degrees.iter().map(|&degree| u64::from(degree)).sum();
    assert!(stubs / 2 <= Graph::MAX_EDGES, "degrees that sum up to {stubs} make too many edges");
    let sums = degrees.iter().scan(0, |sum, &degree| {
        *sum += degree;
        Some(*sum)
    });
    let first: Vec<u32> = std::iter::once(0).chain(sums).collect();
    let mut owners = table(stubs as usize);
    owners.extend((0..).zip(degrees).flat_map(|(node, &degree)| std::iter::repeat_n(node, degree as usize)));
    let cut = |pairing: &mut Pairing, stub| {
        pairing.cut(stub);
        Some(())
    };
    Pairing::draw(first, Owners::Listed(owners), rng).repaired(rng, cut).expect("what is stuck is cut").into_graph()
}

/// Stubs and their mates.
struct Pairing {
    /// The first stub of each node; one more entry than nodes.
    first: Vec<u32>,
    owners: Owners,
    mates: Vec<u32>,
}

/// Whose stub it is.
enum Owners {
    /// Each node has so many.
    Each(u32),
    /// By stub.
    Listed(Vec<Node>),
}

impl Owners {
    #[inline]
    fn of(&self, stub: u32) -> Node {
        match self {
            Self::Each(degree) => stub / degree,
            Self::Listed(owners) => owners[stub as usize],
        }
    }
}

/// Steps that memory is asked for ahead.
const AHEAD: usize = 32;

/// `0 … n − 1` in the order of [`Rng::shuffle`], with the same draws.
fn shuffled(n: u32, rng: &mut Rng) -> Vec<u32> {
    let mut order = table(n as usize);
    order.extend(0..n);
    let mut partners = [0; AHEAD];
    let mut left = order.len();
    while left > 1 {
        let batch = AHEAD.min(left - 1);
        for (step, partner) in partners[..batch].iter_mut().enumerate() {
            *partner = rng.index(left - step);
            prefetch::<1, _>(&order[*partner]);
        }
        for (step, &partner) in partners[..batch].iter().enumerate() {
            order.swap(left - 1 - step, partner);
        }
        left -= batch;
    }
    order
}

impl Pairing {
    fn draw(first: Vec<u32>, owners: Owners, rng: &mut Rng) -> Self {
        let stubs = first.last().copied().unwrap_or(0);
        let order = shuffled(stubs, rng);
        let mut mates = table(stubs as usize);
        mates.resize(stubs as usize, UNPAIRED);
        for (at, pair) in order.chunks_exact(2).enumerate() {
            for &later in order.iter().skip(2 * at + AHEAD).take(2) {
                prefetch::<1, _>(&mates[later as usize]);
            }
            mates[pair[0] as usize] = pair[1];
            mates[pair[1] as usize] = pair[0];
        }
        Self { first, owners, mates }
    }

    /// The same with every loop and double edge exchanged away; `stuck` says what becomes of a stub for which there is no way, and ends it
    /// all with nothing.
    fn repaired(mut self, rng: &mut Rng, stuck: impl Fn(&mut Self, u32) -> Option<()>) -> Option<Self> {
        let mut ends = Vec::new();
        for node in 0..self.first.len() - 1 {
            let stubs = self.first[node]..self.first[node + 1];
            // Nearly every node is in order, which one short sort tells.
            ends.clear();
            let mates = &self.mates[stubs.start as usize..stubs.end as usize];
            ends.extend(mates.iter().map(|&mate| if mate == UNPAIRED { UNPAIRED } else { self.node(mate) }));
            ends.sort_unstable();
            // A node can have several stubs that are left over: they are no double edge.
            let twice = |pair: &[u32]| pair[0] == pair[1] && pair[0] != UNPAIRED;
            if ends.windows(2).any(twice) || ends.binary_search(&(node as Node)).is_ok() {
                for stub in stubs {
                    if !self.repair(stub, rng) {
                        stuck(&mut self, stub)?;
                    }
                }
            }
        }
        Some(self)
    }

    /// Exchanges ends until the stub's edge is in order; `false` if that did not succeed.
    fn repair(&mut self, stub: u32, rng: &mut Rng) -> bool {
        for _ in 0..TRIES {
            if !self.is_bad(stub) {
                return true;
            }
            self.exchange(stub, rng.index(self.mates.len()) as u32);
        }
        !self.is_bad(stub)
    }

    /// Does without the stub's edge.
    fn cut(&mut self, stub: u32) {
        let mate = std::mem::replace(&mut self.mates[stub as usize], UNPAIRED);
        self.mates[mate as usize] = UNPAIRED;
    }

    fn node(&self, stub: u32) -> Node {
        self.owners.of(stub)
    }

    fn stubs(&self, node: Node) -> std::ops::Range<usize> {
        self.first[node as usize] as usize..self.first[node as usize + 1] as usize
    }

    /// Links between two nodes, counted at the one that has fewer.
    fn links(&self, a: Node, b: Node) -> usize {
        let (few, other) = if self.stubs(a).len() <= self.stubs(b).len() { (a, b) } else { (b, a) };
        self.mates[self.stubs(few)].iter().filter(|&&mate| mate != UNPAIRED && self.node(mate) == other).count()
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

    fn into_graph(self) -> Graph {
        let nodes = self.first.len() as u32 - 1;
        if self.mates.contains(&UNPAIRED) {
            let pairs = self.mates.iter().enumerate().filter(|&(stub, &mate)| mate != UNPAIRED && (stub as u32) < mate);
            let edges: Vec<_> = pairs.map(|(stub, &mate)| (self.node(stub as u32), self.node(mate))).collect();
            return Graph::from_edges(nodes, &edges);
        }
        // The mates are the adjacency already: node by node.
        let Self { first, owners, mates } = self;
        Graph::from_lists(first, mates.into_iter().map(|mate| owners.of(mate)).collect())
    }
}

#[cfg(test)]
mod tests {
    use peerlab_engine::random::Streams;

    use super::*;

    #[test]
    fn fetching_ahead_changes_no_order() {
        for n in [0, 1, 2, 31, 32, 33, 34, 65, 1000] {
            let mut plain: Vec<u32> = (0..n).collect();
            let rng = || Streams::new(1).rng("shuffle", u64::from(n));
            rng().shuffle(&mut plain);
            assert_eq!(shuffled(n, &mut rng()), plain);
        }
    }
}
