//! One file for each command; here is what several of them do.

pub(crate) mod cache;
pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod graph;
pub(crate) mod inspect;
mod read;
pub(crate) mod run;
pub(crate) mod schema;

use taskhost::{Host, HostError, HostErrorKind, HostOptions};
use taskhost_flow::{Checked, FlowFile};

use crate::args::{Cli, Command, HostArgs, VoiceArgs};
use crate::error::{CliError, Exit};
use crate::output;
use crate::progress::Voice;
use crate::render;

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> Result<Exit, CliError> {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Call(args) => call::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Cache(args) => cache::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Schema => schema::run(),
    }
}

/// A host that only looks: it needs room for no more than one guest.
fn host_to_look(args: &HostArgs) -> Result<Host, CliError> {
    open_host(args, HostOptions { concurrency: 1, workers: 1, ..HostOptions::default() })
}

fn open_host(args: &HostArgs, options: HostOptions) -> Result<Host, CliError> {
    Ok(Host::new(HostOptions { cache_folder: args.cache_folder.clone(), use_cache: !args.no_cache, ..options })?)
}

/// Checks a flow; warnings and notes go to stderr.
fn checked_flow(host: &Host, file: FlowFile, voice: Voice) -> Result<Checked, CliError> {
    let checked = host.check_file(file)?;
    if voice > Voice::Quiet || checked.notes.iter().any(|note| note.severity == taskhost_flow::Severity::Warning) {
        output::stderr(&render::diagnostics::text(&checked.notes));
    }
    Ok(checked)
}

impl VoiceArgs {
    fn voice(&self) -> Voice {
        match (self.quiet, self.verbose) {
            (true, _) => Voice::Quiet,
            (_, true) => Voice::Verbose,
            _ => Voice::Normal,
        }
    }
}

impl From<HostError> for CliError {
    fn from(error: HostError) -> CliError {
        let exit = match error.kind {
            HostErrorKind::Usage => Exit::Usage,
            HostErrorKind::Rejected => Exit::Rejected,
            HostErrorKind::Internal => Exit::Internal,
        };
        CliError::Message { exit, message: error.message, help: error.help }
    }
}
