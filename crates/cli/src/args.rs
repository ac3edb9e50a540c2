//! What a user types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use peerlab_world::GraphFormat;

/// A wind tunnel for peer-to-peer designs: one TOML file describes peers, links, churn, faults and load, and every design meets the same.
#[derive(Debug, Parser)]
#[command(name = "sim", version, propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 done; 1 a run or a check failed, or Ctrl-C; 2 the input is wrong and nothing was written.\n\nStart with `sim run scenarios/churn.toml`, or `sim new mine` for a scenario of your own."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios and write a results directory each
    Run(RunArgs),
    /// Report every problem of scenarios, and what running them would take
    Check(CheckArgs),
    /// Run published experiments and compare the results with the published figures
    Validate(ValidateArgs),
    /// Draw the charts of a results directory again, from its CSV files
    Plot(PlotArgs),
    /// Write the overlay's graph at one instant of a run: who has whom in its tables
    Graph(GraphArgs),
    /// Show what can be named in a scenario
    List(ListArgs),
    /// Print the JSON Schema of scenario files, for editors
    Schema,
    /// Write a commented scenario to start from
    New(NewArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// Which scenarios, and what to change in them.
#[derive(Debug, Args)]
pub(crate) struct ScenarioArgs {
    /// Scenario files; of a directory, every `.toml` file in it
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Override the seed
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Override the number of repetitions
    #[arg(long, value_name = "N")]
    pub(crate) repetitions: Option<u32>,
    /// Override a key: a dotted path and a TOML value; may be given again
    #[arg(long = "set", value_name = "KEY.PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Keep only the topology with this label; may be given again
    #[arg(long = "topology", value_name = "NAME")]
    pub(crate) topologies: Vec<String>,
}

// The contract's switches are independent of each other: none of them is a state of another.
#[allow(clippy::struct_excessive_bools, reason = "a command line is made of switches")]
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) scenarios: ScenarioArgs,
    /// Where the results go [default: results/<scenario name>]; of several scenarios, a directory each below it
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Go on from the finished runs of an interrupted session
    #[arg(long)]
    pub(crate) resume: bool,
    /// Try even if the plan seems too large for the memory
    #[arg(long)]
    pub(crate) force: bool,
    /// Draw no charts
    #[arg(long)]
    pub(crate) no_charts: bool,
    /// Say nothing but results and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// How the summary is printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) scenarios: ScenarioArgs,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Cases by name, or files of your own (`….toml`) [default: all shipped cases]
    #[arg(value_name = "CASE")]
    pub(crate) cases: Vec<String>,
    /// Only the cases that take a few seconds
    #[arg(long)]
    pub(crate) small: bool,
    /// Name the cases and run nothing
    #[arg(long)]
    pub(crate) list: bool,
    /// Where the data files are [default: data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Keep the results of each case in a directory below this one [default: they are not kept]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Say nothing but results and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// How the comparison is printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct PlotArgs {
    /// Results directories
    #[arg(required = true, value_name = "RESULTS")]
    pub(crate) results: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// A scenario file
    #[arg(value_name = "SCENARIO")]
    pub(crate) path: PathBuf,
    /// The topology's label [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub(crate) topology: Option<String>,
    /// The run by its name in the results, such as `chord-8/3` [default: the topology's first]
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,
    /// When, from the start of measurement on
    #[arg(long, value_name = "TIME", default_value = "0 s")]
    pub(crate) at: String,
    /// The file's format
    #[arg(long, value_enum, default_value_t = GraphFileFormat::Edges)]
    pub(crate) format: GraphFileFormat,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Override the seed
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Override a key: a dotted path and a TOML value; may be given again
    #[arg(long = "set", value_name = "KEY.PATH=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFileFormat {
    /// An edge list, `from TAB to`; a scenario reads it with `graph = { model = "file", file = … }`
    Edges,
    /// The language of Graphviz
    Dot,
    /// The XML of yEd, Gephi and networkx
    Graphml,
}

impl From<GraphFileFormat> for GraphFormat {
    fn from(format: GraphFileFormat) -> Self {
        match format {
            GraphFileFormat::Edges => Self::Edges,
            GraphFileFormat::Dot => Self::Dot,
            GraphFileFormat::Graphml => Self::Graphml,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What to list [default: a line on each of these]
    #[arg(value_enum)]
    pub(crate) what: Option<Subject>,
    /// Which one to show in full
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The scenario's name; the file is NAME.toml
    #[arg(value_name = "NAME")]
    pub(crate) name: PathBuf,
    /// Start from a shipped scenario (`sim list scenarios`)
    #[arg(long, value_name = "EXAMPLE")]
    pub(crate) from: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table
    Human,
    /// One JSON object a line and scenario
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// Models of overlays
    Topologies,
    /// Distributions of sessions and absences
    Churn,
    /// Latency models
    Latency,
    /// Classes of peers that can be named
    Classes,
    /// Actions of the timeline
    Actions,
    /// What is measured
    Metrics,
    /// Scenarios to start from
    Scenarios,
}
