//! Edge lists as SNAP publishes them: `#` comment lines, then `from TAB to` (any blanks will do), one edge a line.

use super::{Graph, Node};

/// Why an edge list cannot be used: always with the file, and the line where there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdgeListError {
    /// The file cannot be read at all.
    #[error("cannot read the edge list {file}: {reason}; give a path relative to the working directory, or an absolute one")]
    Unreadable {
        /// The path as configured.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// No line names an edge.
    #[error("{file}: the edge list has no edges; each line names two peers, such as `0 1` (lines that begin with # are comments)")]
    Empty {
        /// The path as configured.
        file: String,
    },
    /// A line is not two numbers.
    #[error("{file}:{line}: `{text}` is not an edge; write two peer numbers with a TAB or a space between them")]
    Malformed {
        /// The path as configured.
        file: String,
        /// The line's number, from 1.
        line: usize,
        /// The line, shortened if it is long.
        text: String,
    },
    /// A peer is its own neighbour.
    #[error("{file}:{line}: peer {node} is linked to itself; take the line out")]
    SelfLoop {
        /// The path as configured.
        file: String,
        /// The line's number, from 1.
        line: usize,
        /// The peer.
        node: u64,
    },
    /// A peer that does not exist.
    #[error("{file}:{line}: there is no peer {node}: peers.count is {population}, so numbers run to {}; raise peers.count to {} or more", population.saturating_sub(1), node + 1)]
    BeyondPopulation {
        /// The path as configured.
        file: String,
        /// The line's number, from 1.
        line: usize,
        /// The number in the file.
        node: u64,
        /// `peers.count`.
        population: u32,
    },
}

impl Graph {
    /// The graph of an edge list over peers `0 … population − 1`, undirected: node k is peer k, peers that the file does not
    /// name are isolated, and an edge that is named twice (in either direction) counts once.
    ///
    /// # Errors
    /// The first thing in the file that cannot be used, with its line.
    pub fn from_file(file: &str, population: u32) -> Result<Self, EdgeListError> {
        let bytes = std::fs::read(file).map_err(|e| EdgeListError::Unreadable { file: file.to_owned(), reason: e.to_string() })?;
        Self::from_edge_list(file, &bytes, population)
    }

    /// As [`Graph::from_file`], from the file's content; `file` is its name in messages.
    ///
    /// # Errors
    /// As [`Graph::from_file`].
    pub fn from_edge_list(file: &str, content: &[u8], population: u32) -> Result<Self, EdgeListError> {
        let mut edges = Vec::new();
        for (index, line) in content.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if !line.is_empty() && line[0] != b'#' {
                edges.push(edge(file, index + 1, line, population)?);
            }
        }
        if edges.is_empty() {
            return Err(EdgeListError::Empty { file: file.to_owned() });
        }
        Ok(Self::from_edges(population, &edges))
    }
}

fn edge(file: &str, line: usize, text: &[u8], population: u32) -> Result<(Node, Node), EdgeListError> {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(number);
    let (Some(Some(from)), Some(Some(to)), None) = (words.next(), words.next(), words.next()) else {
        let text = String::from_utf8_lossy(text).chars().take(60).collect();
        return Err(EdgeListError::Malformed { file: file.to_owned(), line, text });
    };
    if let Some(node) = [from, to].into_iter().find(|&node| node >= u64::from(population)) {
        return Err(EdgeListError::BeyondPopulation { file: file.to_owned(), line, node, population });
    }
    if from == to {
        return Err(EdgeListError::SelfLoop { file: file.to_owned(), line, node: from });
    }
    Ok((from as Node, to as Node))
}

/// A decimal number; one that is too large for any population stays too large rather than wrapping around.
fn number(word: &[u8]) -> Option<u64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    // Held below u64::MAX so that "raise peers.count to node + 1" can be computed.
    word.iter().try_fold(0_u64, |value, &byte| Some(value.saturating_mul(10).saturating_add(digit(byte)?).min(u64::MAX - 1)))
}
