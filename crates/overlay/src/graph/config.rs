//! `graph = { model = "random-regular", degree = 4 }`: which graph an unstructured overlay begins with.

use peerlab_engine::random::Rng;
use peerlab_model::Issues;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::generate::side_of_cube;
use super::{Graph, PowerLaw, barabasi_albert, erdos_renyi, k_out, lattice, power_law, random_regular, two_level, watts_strogatz};

/// The graph that the overlay begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "model", rename_all = "kebab-case", deny_unknown_fields)]
pub enum GraphConfig {
    /// Every peer has the same number of neighbours, chosen at random.
    RandomRegular {
        /// Neighbours of each peer: 1 … peers − 1, and peers × degree is even.
        #[serde(default = "default_degree")]
        degree: u32,
    },
    /// Each pair of peers is linked with the same probability (Erdős–Rényi); some peers may have no neighbour.
    ErdosRenyi {
        /// Mean number of neighbours: 0 … peers − 1. Give this or `probability`; without either, 4.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mean_degree: Option<f64>,
        /// Probability of each link: 0 … 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probability: Option<f64>,
    },
    /// A ring of near neighbours with some links moved to random peers (Watts & Strogatz 1998).
    WattsStrogatz {
        /// Neighbours of each peer before links are moved: even, 2 … peers − 1.
        #[serde(default = "default_degree")]
        degree: u32,
        /// Probability that a link is moved: 0 … 1.
        #[serde(default = "default_rewire")]
        rewire: f64,
    },
    /// Grown by preferential attachment: few peers have very many neighbours (Barabási & Albert 1999).
    BarabasiAlbert {
        /// Links that each newcomer makes: 1 … peers − 1. The mean degree is about twice that.
        #[serde(default = "default_links")]
        links: u32,
    },
    /// Degrees drawn from a power law with a cut-off, and stubs paired at random: the configuration model (Newman, Strogatz & Watts 2001).
    PowerLaw {
        /// γ: the share of peers with k neighbours is proportional to k^−γ. Above 0; measured overlays and the web have 2 to 3.
        #[serde(default = "default_exponent")]
        exponent: f64,
        /// The fewest neighbours: 1 … peers − 1. From 3 on nearly all such graphs are connected.
        #[serde(default = "default_min_degree")]
        min_degree: u32,
        /// The cut-off, the most neighbours: `min_degree` … peers − 1. Without it the square root of the peers, up to which degrees of
        /// neighbours are not correlated (Catanzaro, Boguñá & Pastor-Satorras 2005).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_degree: Option<u32>,
    },
    /// Each peer chooses k others at random; it is their neighbour, too. The mean degree is about 2k.
    KOut {
        /// Peers that each one chooses: 1 … peers − 1.
        #[serde(default = "default_k")]
        k: u32,
    },
    /// Super-peers that make a random regular graph among themselves, and leaves that are linked to some of them.
    TwoLevel {
        /// Super-peers, chosen at random: 1 … peers. Without it a tenth of the peers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        super_peers: Option<u32>,
        /// Neighbours of each super-peer among the super-peers: 0 … super-peers − 1.
        #[serde(default = "default_degree")]
        degree: u32,
        /// Super-peers of each leaf: 1 … super-peers.
        #[serde(default = "default_leaf_links")]
        leaf_links: u32,
    },
    /// Rows and columns without a wrap: neighbours are the next ones in each dimension.
    Grid {
        /// Dimensions of a grid of equal sides, 1 to 16; give this or `sides`; without either, 2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dimensions: Option<u32>,
        /// Peers along each side. There is room for all peers; the last row may remain incomplete.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sides: Option<Vec<u32>>,
    },
    /// The same with every row closed to a ring.
    Torus {
        /// Dimensions of a torus of equal sides, 1 to 16; give this or `sides`; without either, 2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dimensions: Option<u32>,
        /// Peers along each side. There is room for all peers; the last row may remain incomplete.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sides: Option<Vec<u32>>,
    },
    /// An edge list: `#` comment lines, then `from to` on each line; node k is peer k, undirected.
    File {
        /// Path of the edge list.
        file: String,
    },
}

const fn default_degree() -> u32 {
    4
}

const fn default_rewire() -> f64 {
    0.1
}

const fn default_links() -> u32 {
    2
}

const fn default_exponent() -> f64 {
    2.3
}

const fn default_min_degree() -> u32 {
    3
}

const fn default_k() -> u32 {
    2
}

const fn default_leaf_links() -> u32 {
    1
}

impl Default for GraphConfig {
    fn default() -> Self {
        Self::RandomRegular { degree: default_degree() }
    }
}

impl GraphConfig {
    /// Notes every value that cannot work with this population; paths are relative to the `graph` table.
    ///
    /// The content of a file is not looked at here but where it is read.
    pub fn check(&self, population: u32, issues: &mut Issues) {
        let most = population.saturating_sub(1);
        match *self {
            Self::RandomRegular { degree } => {
                check_degree("degree", degree, 1, population, issues);
                if degree % 2 == 1 && population % 2 == 1 {
                    let message = format!("no graph has {population} peers of degree {degree} each: peers × degree must be even");
                    issues.error_with_help("degree", message, "make one of the two even");
                }
            }
            Self::ErdosRenyi { mean_degree: Some(_), probability: Some(_) } => {
                issues.error("probability", "mean_degree and probability say the same thing twice: give one of them");
            }
            Self::ErdosRenyi { mean_degree, probability } => {
                if let Some(mean) = mean_degree {
                    let possible = (0.0..=f64::from(most)).contains(&mean);
                    issues.ensure(
                        possible,
                        "mean_degree",
                        format!("with {population} peers a mean degree lies between 0 and {most}, not at {mean}"),
                    );
                }
                if let Some(p) = probability {
                    issues.ensure((0.0..=1.0).contains(&p), "probability", format!("a probability lies between 0 and 1, not at {p}"));
                }
                check_edges("mean_degree", self.mean_degree(population), population, issues);
            }
            Self::WattsStrogatz { degree, rewire } => {
                check_degree("degree", degree, 2, population, issues);
                issues.ensure(
                    degree % 2 == 0,
                    "degree",
                    format!("half of the neighbours lie on each side of the ring: degree must be even, not {degree}"),
                );
                issues.ensure((0.0..=1.0).contains(&rewire), "rewire", format!("a probability lies between 0 and 1, not at {rewire}"));
            }
            Self::BarabasiAlbert { links } => {
                let possible = links >= 1 && links <= most;
                issues.ensure(possible, "links", format!("with {population} peers a newcomer makes 1 to {most} links, not {links}"));
                check_edges("links", 2.0 * f64::from(links), population, issues);
            }
            Self::PowerLaw { exponent, min_degree, max_degree } => {
                check_power_law(self, exponent, min_degree, max_degree, population, issues);
            }
            Self::KOut { k } => {
                issues.ensure(k >= 1 && k <= most, "k", format!("with {population} peers each one chooses 1 to {most} others, not {k}"));
                check_edges("k", 2.0 * f64::from(k), population, issues);
            }
            Self::TwoLevel { super_peers, degree, leaf_links } => check_two_level(super_peers, degree, leaf_links, population, issues),
            Self::Grid { dimensions, ref sides } | Self::Torus { dimensions, ref sides } => {
                check_sides(dimensions, sides.as_deref(), population, issues);
            }
            Self::File { ref file } => {
                issues.ensure(!file.trim().is_empty(), "file", "the path of the edge list is empty");
            }
        }
        self.warn_if_it_falls_apart(population, issues);
    }

    /// A graph that begins in several components is allowed, but hardly meant.
    fn warn_if_it_falls_apart(&self, population: u32, issues: &mut Issues) {
        let mut warn = |key, why: String| issues.warn(key, format!("the graph is hardly ever connected: {why}"));
        match *self {
            Self::RandomRegular { degree: 1 } if population > 2 => warn("degree", "with one neighbour each, peers make pairs".to_owned()),
            Self::RandomRegular { degree: 2 } if population > 5 => {
                warn("degree", "with two neighbours each, peers make several rings; 3 is the least that connects nearly always".to_owned());
            }
            // Erdős & Rényi 1960: the last isolated nodes vanish at a mean degree of ln n.
            Self::ErdosRenyi { probability, .. } if population > 1 && self.mean_degree(population) < libm::log(f64::from(population)) => {
                let key = if probability.is_some() { "probability" } else { "mean_degree" };
                let (mean, least) = (self.mean_degree(population), libm::log(f64::from(population)));
                warn(
                    key,
                    format!("with a mean degree of {mean:.1} some of {population} peers have no neighbour; that ends at about {least:.1}"),
                );
            }
            Self::PowerLaw { min_degree: 1 | 2, .. } if population > 5 => {
                warn("min_degree", "peers with one or two neighbours close to islands; from 3 on that is rare".to_owned());
            }
            Self::KOut { k: 1 } if population > 5 => warn("k", "peers that choose one other each make islands; 2 is enough".to_owned()),
            Self::TwoLevel { degree: 0..=2, .. } if self.super_peers(population) > 5 => {
                warn(
                    "degree",
                    "super-peers with so few neighbours make rings and islands; 3 is the least that connects nearly always".to_owned(),
                );
            }
            Self::File { ref file } => {
                if let Some(parts) = parts_of(file, population) {
                    issues.warn(
                        "file",
                        format!("the graph begins in {parts} parts that no link connects: nothing in one is found from another"),
                    );
                }
            }
            _ => {}
        }
    }

    /// The super-peers of a graph of two levels over so many nodes; elsewhere 0.
    fn super_peers(&self, nodes: u32) -> u32 {
        match *self {
            Self::TwoLevel { super_peers, .. } => super_peers.unwrap_or(nodes.div_ceil(10)),
            _ => 0,
        }
    }

    /// The power law of a graph that has one, over so many nodes.
    fn power_law(&self, nodes: u32) -> Option<PowerLaw> {
        let &Self::PowerLaw { exponent, min_degree, max_degree } = self else { return None };
        let root = f64::from(nodes).sqrt() as u32;
        Some(PowerLaw { exponent, least: min_degree, most: max_degree.unwrap_or(root.max(min_degree)) })
    }

    /// The file that it reads, if it does.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::File { file } => Some(file),
            _ => None,
        }
    }

    /// Draws the graph over `nodes` nodes; nothing for a file, which is read once with [`Graph::from_file`].
    pub fn generate(&self, nodes: u32, rng: &mut Rng) -> Option<Graph> {
        match *self {
            Self::RandomRegular { degree } => Some(random_regular(nodes, degree, rng)),
            Self::ErdosRenyi { probability: Some(p), .. } => Some(erdos_renyi(nodes, p, rng)),
            Self::ErdosRenyi { mean_degree, .. } => {
                let mean = mean_degree.unwrap_or(f64::from(default_degree()));
                Some(erdos_renyi(nodes, mean / f64::from(nodes.saturating_sub(1).max(1)), rng))
            }
            Self::WattsStrogatz { degree, rewire } => Some(watts_strogatz(nodes, degree, rewire, rng)),
            Self::BarabasiAlbert { links } => Some(barabasi_albert(nodes, links, rng)),
            Self::PowerLaw { .. } => self.power_law(nodes).map(|law| power_law(nodes, law, rng)),
            Self::KOut { k } => Some(k_out(nodes, k, rng)),
            Self::TwoLevel { degree, leaf_links, .. } => Some(two_level(nodes, self.super_peers(nodes), degree, leaf_links, rng)),
            Self::Grid { dimensions, ref sides } => Some(lattice(nodes, &sides_for(dimensions, sides.as_deref(), nodes), false)),
            Self::Torus { dimensions, ref sides } => Some(lattice(nodes, &sides_for(dimensions, sides.as_deref(), nodes), true)),
            Self::File { .. } => None,
        }
    }

    /// The mean degree that the parameters imply for a large graph of `nodes` nodes; 0 for a file, which must be read to know.
    pub fn mean_degree(&self, nodes: u32) -> f64 {
        match *self {
            Self::RandomRegular { degree } | Self::WattsStrogatz { degree, .. } => f64::from(degree),
            Self::ErdosRenyi { probability: Some(p), .. } => p * f64::from(nodes.saturating_sub(1)),
            Self::ErdosRenyi { mean_degree, .. } => mean_degree.unwrap_or(f64::from(default_degree())),
            Self::BarabasiAlbert { links } => 2.0 * f64::from(links),
            Self::PowerLaw { .. } => self.power_law(nodes).map_or(0.0, PowerLaw::mean),
            Self::KOut { k } => 2.0 * f64::from(k),
            Self::TwoLevel { degree, leaf_links, .. } => {
                let super_peers = f64::from(self.super_peers(nodes));
                let leaves = (f64::from(nodes) - super_peers).max(0.0);
                (super_peers * f64::from(degree) + 2.0 * leaves * f64::from(leaf_links)) / f64::from(nodes.max(1))
            }
            Self::Grid { dimensions, ref sides } => {
                let sides = sides_for(dimensions, sides.as_deref(), nodes);
                sides.into_iter().map(|side| 2.0 - 2.0 / f64::from(side.max(1))).sum()
            }
            Self::Torus { dimensions, ref sides } => {
                let sides = sides_for(dimensions, sides.as_deref(), nodes);
                sides.into_iter().map(|side| f64::from(side.saturating_sub(1).min(2))).sum()
            }
            Self::File { .. } => 0.0,
        }
    }
}

fn check_degree(key: &str, degree: u32, least: u32, population: u32, issues: &mut Issues) {
    let most = population.saturating_sub(1);
    issues.ensure(
        (least..=most).contains(&degree),
        key,
        format!("with {population} peers a degree lies between {least} and {most}, not at {degree}"),
    );
    check_edges(key, f64::from(degree), population, issues);
}

fn check_edges(key: &str, mean_degree: f64, population: u32, issues: &mut Issues) {
    let edges = mean_degree * f64::from(population) / 2.0;
    let most = Graph::MAX_EDGES as f64;
    // Not a number is another check's matter.
    issues.ensure(edges.is_nan() || edges <= most, key, format!("the graph would have {edges:.0} edges; {most:.0} is the most"));
}

fn check_power_law(graph: &GraphConfig, exponent: f64, min_degree: u32, max_degree: Option<u32>, population: u32, issues: &mut Issues) {
    let is_one = exponent > 0.0 && exponent.is_finite();
    issues.ensure(is_one, "exponent", format!("a power law falls: its exponent is a number above 0, not {exponent}"));
    check_degree("min_degree", min_degree, 1, population, issues);
    if let Some(most) = max_degree {
        check_degree("max_degree", most, min_degree, population, issues);
    }
    if is_one && min_degree >= 1 {
        check_edges("min_degree", graph.mean_degree(population), population, issues);
    }
}

fn check_two_level(super_peers: Option<u32>, degree: u32, leaf_links: u32, population: u32, issues: &mut Issues) {
    if let Some(many) = super_peers {
        let message = format!("of {population} peers, 1 to {population} can be super-peers, not {many}");
        issues.ensure((1..=population).contains(&many), "super_peers", message);
    }
    let super_peers = super_peers.unwrap_or(population.div_ceil(10));
    let most = super_peers.saturating_sub(1);
    issues.ensure(degree <= most, "degree", format!("with {super_peers} super-peers a degree lies between 0 and {most}, not at {degree}"));
    if degree <= most && degree % 2 == 1 && super_peers % 2 == 1 {
        let message = format!("no graph has {super_peers} super-peers of degree {degree} each: super-peers × degree must be even");
        issues.error_with_help("degree", message, "make one of the two even");
    }
    let message = format!("with {super_peers} super-peers a leaf has 1 to {super_peers} of them, not {leaf_links}");
    issues.ensure((1..=super_peers).contains(&leaf_links), "leaf_links", message);
    check_edges("degree", f64::from(degree).max(2.0 * f64::from(leaf_links)), population, issues);
}

/// The most dimensions of a grid: with sides of 2 that is room for 65,536 peers.
const DIMENSIONS_MAX: u32 = 16;

fn check_sides(dimensions: Option<u32>, sides: Option<&[u32]>, population: u32, issues: &mut Issues) {
    if dimensions.is_some() && sides.is_some() {
        issues.error("sides", "dimensions and sides say the same thing twice: give one of them");
    }
    if let Some(dimensions) = dimensions {
        let possible = (1..=DIMENSIONS_MAX).contains(&dimensions);
        issues.ensure(possible, "dimensions", format!("a grid has 1 to {DIMENSIONS_MAX} dimensions, not {dimensions}"));
    }
    let Some(sides) = sides else { return };
    let room = sides.iter().fold(1_u64, |room, &side| room.saturating_mul(u64::from(side)));
    if sides.is_empty() || sides.len() > DIMENSIONS_MAX as usize {
        issues.error("sides", format!("a grid has 1 to {DIMENSIONS_MAX} sides, not {}", sides.len()));
    } else if room < u64::from(population) {
        issues.error("sides", format!("a grid with these sides has room for {room} peers, and there are {population}"));
    }
}

/// The sides of a grid over so many nodes.
fn sides_for(dimensions: Option<u32>, sides: Option<&[u32]>, nodes: u32) -> Vec<u32> {
    let dimensions = dimensions.unwrap_or(2).clamp(1, DIMENSIONS_MAX);
    sides.map_or_else(|| vec![side_of_cube(nodes, dimensions); dimensions as usize], <[u32]>::to_vec)
}

/// Above this size an edge list is not looked at before the run.
const LOOKED_AT_BYTES: u64 = 16 << 20;

/// How many components an edge list has among the peers that it names, if there are several. What is wrong with a file is said where it is
/// read for a run.
fn parts_of(file: &str, population: u32) -> Option<usize> {
    if std::fs::metadata(file).ok()?.len() > LOOKED_AT_BYTES {
        return None;
    }
    let graph = Graph::from_file(file, population).ok()?;
    let isolated = (0..graph.nodes()).filter(|&node| graph.degree(node) == 0).count();
    Some(graph.analysis().components - isolated).filter(|&parts| parts > 1)
}
