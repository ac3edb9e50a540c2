//! The binary `sim`: Peerlab with the models that it ships.

use std::process::ExitCode;

fn main() -> ExitCode {
    peerlab::main_with(peerlab::Registry::builtin())
}
