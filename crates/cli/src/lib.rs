//! The command line of Peerlab, for any set of models.
//!
//! ```no_run
//! // A third party's whole program is this, with its own model after `builtin()`: `.with::<MyOverlay>()`.
//! fn main() -> std::process::ExitCode {
//!     peerlab::main_with(peerlab::Registry::builtin())
//! }
//! ```
//!
//! # Exit status
//! 0: done. 1: a run failed, a check failed, or Ctrl-C (finished runs are kept). 2: the user's input is wrong, and nothing was written.
//!
//! # Not here
//! Simulating (`peerlab-world`), reading scenarios (`peerlab-scenario`), writing results (`peerlab-report`): arguments in, exit
//! status out, nothing else.

mod args;
mod check;
mod claims;
mod failure;
mod graph;
mod list;
mod loading;
mod machine;
mod measure;
mod metrics;
mod new;
mod output;
mod pages;
mod plot;
mod progress;
mod run;
mod starters;
mod validate;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

pub use peerlab_world::Registry;

use args::{Cli, Command};
use failure::Failure;

/// The whole program: reads the command line, does what it says, and gives the exit status.
// By value, since it is the last thing that a program does with it: `main_with(Registry::builtin())`.
#[allow(clippy::needless_pass_by_value, reason = "the signature that third parties' programs rely on")]
pub fn main_with(registry: Registry) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too. A reader that has gone away is no error.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(&registry, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(registry: &Registry, command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => run::run(registry, &arguments),
        Command::Check(arguments) => check::check(registry, &arguments),
        Command::Validate(arguments) => validate::validate(registry, &arguments),
        Command::Plot(arguments) => plot::plot(&arguments),
        Command::Graph(arguments) => graph::graph(registry, &arguments),
        Command::List(arguments) => list::list(registry, &arguments),
        Command::Schema => {
            let schema = peerlab_scenario::schema::schema(registry);
            output::print(&format!("{schema:#}\n"))
        }
        Command::New(arguments) => new::new(&arguments),
        Command::Completions(arguments) => {
            let mut script = Vec::new();
            clap_complete::generate(arguments.shell, &mut Cli::command(), "sim", &mut script);
            output::print(&String::from_utf8_lossy(&script))
        }
    }
}
