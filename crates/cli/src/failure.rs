//! Why the program ends otherwise than well, and with which status.

use std::io;
use std::process::ExitCode;

use peerlab_report::charts::ChartError;
use peerlab_report::directory::DirectoryError;
use peerlab_report::tables::TableError;

/// The ways in which a command fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user's input is wrong: the text says what, and nothing was written. Status 2.
    Input(String),
    /// Something went wrong on the way. Status 1.
    Run(anyhow::Error),
    /// The user stopped it; the text says how to go on. Status 1.
    Stopped(String),
    /// Whoever read our output has had enough. That is no failure: status 0.
    ClosedPipe,
}

impl Failure {
    /// An input error of one line.
    pub(crate) fn input(message: impl std::fmt::Display) -> Self {
        Self::Input(format!("error: {message}\n"))
    }

    /// Says it on stderr, and gives the status.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Input(text) => {
                anstream::eprint!("{text}");
                ExitCode::from(2)
            }
            Self::Run(error) => {
                anstream::eprintln!("error: {error:#}");
                ExitCode::from(1)
            }
            Self::Stopped(text) => {
                anstream::eprintln!("{text}");
                ExitCode::from(1)
            }
            Self::ClosedPipe => ExitCode::SUCCESS,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Run(error)
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        match error {
            // What the user asked for cannot be; nothing has been touched.
            DirectoryError::Foreign { .. }
            | DirectoryError::NoName { .. }
            | DirectoryError::Busy { .. }
            | DirectoryError::OtherSession { .. } => Self::input(error),
            other => Self::Run(other.into()),
        }
    }
}

impl From<ChartError> for Failure {
    fn from(error: ChartError) -> Self {
        Self::Run(error.into())
    }
}

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
        Self::Run(error.into())
    }
}

/// A failed write to stdout.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ClosedPipe
        } else {
            Self::Run(anyhow::Error::new(error).context("cannot write the output"))
        }
    }
}
