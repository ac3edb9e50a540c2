//! A graph as a file that other tools read: an edge list, DOT (Graphviz), GraphML (yEd, Gephi, networkx).
//!
//! The same graph gives the same bytes: nodes ascend, and each edge stands once, the smaller node first.

use std::io::{self, Write};

use super::Graph;

/// A file format for graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFormat {
    /// `#` comment lines, then `from TAB to` on each line; a node without links stands in no line. `graph = { model = "file" }` reads it.
    Edges,
    /// The language of Graphviz.
    Dot,
    /// The XML format of graphdrawing.org.
    Graphml,
}

impl Graph {
    /// Writes the graph; node k appears as `names[k]`, and `title` says what it is.
    ///
    /// # Errors
    /// If it cannot be written.
    ///
    /// # Panics
    /// If there are fewer names than nodes.
    pub fn write(&self, format: GraphFormat, title: &str, names: &[u32], out: &mut dyn Write) -> io::Result<()> {
        let edges = self.iter_edges().map(|(a, b)| (names[a as usize], names[b as usize]));
        let names = &names[..self.nodes() as usize];
        // A title stays on its line, and ends no comment.
        let title: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match format {
            GraphFormat::Edges => {
                writeln!(out, "# {title}\n# {} nodes, {} edges, undirected", self.nodes(), self.edges())?;
                for (a, b) in edges {
                    writeln!(out, "{a}\t{b}")?;
                }
            }
            GraphFormat::Dot => {
                writeln!(out, "// {title}\ngraph overlay {{")?;
                for name in names {
                    writeln!(out, "  {name};")?;
                }
                for (a, b) in edges {
                    writeln!(out, "  {a} -- {b};")?;
                }
                writeln!(out, "}}")?;
            }
            GraphFormat::Graphml => {
                writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
                writeln!(out, "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">")?;
                writeln!(out, "  <desc>{}</desc>", escaped(&title))?;
                writeln!(out, "  <graph id=\"overlay\" edgedefault=\"undirected\">")?;
                for name in names {
                    writeln!(out, "    <node id=\"{name}\"/>")?;
                }
                for (a, b) in edges {
                    writeln!(out, "    <edge source=\"{a}\" target=\"{b}\"/>")?;
                }
                writeln!(out, "  </graph>\n</graphml>")?;
            }
        }
        Ok(())
    }
}

/// Text as XML has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
