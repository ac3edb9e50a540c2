//! `graph = { model = "random-regular", degree = 4 }`: which graph an unstructured overlay begins with.

use peerlab_engine::random::Rng;
use peerlab_model::Issues;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Graph, barabasi_albert, erdos_renyi, random_regular, watts_strogatz};

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
            Self::File { ref file } => {
                issues.ensure(!file.trim().is_empty(), "file", "the path of the edge list is empty");
            }
        }
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
