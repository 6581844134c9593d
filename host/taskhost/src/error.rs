//! [`HostError`] and [`RunError`]: what goes wrong before and around a flow run. How a task fails is a value of the
//! report.

use std::fmt;

use taskhost_engine::FlowRunReport;
use taskhost_flow::{Diagnostics, PlanError};
use taskhost_model::seams::CatalogError;
use taskhost_sandbox::SandboxError;

use crate::outputs::OutputError;

/// Who can act on a [`HostError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostErrorKind {
    /// Whoever called: a path, an option.
    Usage,
    /// Whoever wrote the flow or component.
    Rejected,
    /// The machine, or us.
    Internal,
}

/// The host cannot do what it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostError {
    /// Who can act.
    pub kind: HostErrorKind,
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to do instead, if known.
    pub help: Option<String>,
    /// Each mistake by itself, if the message may tell of several.
    pub parts: Vec<Mistake>,
}

/// One of several mistakes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to do instead.
    pub help: String,
}

impl HostError {
    pub(crate) fn new(kind: HostErrorKind, message: impl Into<String>) -> HostError {
        HostError { kind, message: message.into(), help: None, parts: Vec::new() }
    }

    /// A pool of threads cannot be made.
    pub(crate) fn no_thread(error: &std::io::Error) -> HostError {
        HostError::new(HostErrorKind::Internal, format!("no thread could be started: {error}"))
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> HostError {
        self.help = Some(help.into());
        self
    }
}

impl From<SandboxError> for HostError {
    fn from(error: SandboxError) -> HostError {
        HostError { kind: HostErrorKind::Internal, message: error.message, help: error.help, parts: Vec::new() }
    }
}

impl HostError {
    pub(crate) fn component(path: &std::path::Path, error: CatalogError) -> HostError {
        let message = format!("component `{}` {}", path.display(), error.message);
        HostError { kind: HostErrorKind::Rejected, message, help: error.help, parts: Vec::new() }
    }
}

/// The message, then the help.
impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for HostError {}

/// Why a flow gave no outputs.
#[derive(Debug)]
pub enum RunError {
    /// The host could not start it.
    Host(HostError),
    /// The flow has mistakes. Nothing ran.
    Rejected(Diagnostics),
    /// What its parameters were given does not fit. Nothing ran.
    Parameters(PlanError),
    /// A task failed.
    Failed(Box<FlowRunReport>),
    /// It was cancelled.
    Cancelled(Box<FlowRunReport>),
    /// It succeeded, but an output is not what was asked for.
    Output(OutputError),
}

impl From<HostError> for RunError {
    fn from(error: HostError) -> RunError {
        RunError::Host(error)
    }
}

impl From<Diagnostics> for RunError {
    fn from(diagnostics: Diagnostics) -> RunError {
        RunError::Rejected(diagnostics)
    }
}

impl From<PlanError> for RunError {
    fn from(error: PlanError) -> RunError {
        RunError::Parameters(error)
    }
}

impl From<OutputError> for RunError {
    fn from(error: OutputError) -> RunError {
        RunError::Output(error)
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Host(error) => error.fmt(f),
            RunError::Rejected(diagnostics) => diagnostics.fmt(f),
            RunError::Parameters(error) => error.fmt(f),
            RunError::Failed(report) => failed(report, f),
            RunError::Cancelled(_) => f.write_str("the flow run was cancelled"),
            RunError::Output(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RunError {}

/// `task `clean` failed: returned an error: …`, one line for each task that failed.
fn failed(report: &FlowRunReport, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let tasks = report.tasks.iter().filter(|task| task.is_cause);
    let mut said = false;
    for task in tasks {
        let separator = if said { "\n" } else { "" };
        said = true;
        write!(f, "{separator}task `{}` failed", task.path)?;
        if let Some(first) = task.failures.first() {
            write!(f, ": {}", first.failure)?;
        }
    }
    if said { Ok(()) } else { f.write_str("the flow run failed") }
}
