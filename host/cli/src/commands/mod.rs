//! One file for each command; here is what several of them do.

pub(crate) mod cache;
pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod compile;
pub(crate) mod completions;
pub(crate) mod graph;
pub(crate) mod inspect;
mod read;
pub(crate) mod run;
pub(crate) mod schema;

use std::path::PathBuf;

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
        Command::Compile(args) => compile::run(&args),
    }
}

/// A host that only looks: it needs room for no more than one guest.
fn host_to_look(args: &HostArgs) -> Result<Host, CliError> {
    open_host(args, HostOptions { concurrency: 1, workers: 1, ..HostOptions::default() })
}

fn open_host(args: &HostArgs, options: HostOptions) -> Result<Host, CliError> {
    let (cache_folder, compiler) = (args.cache_folder.clone(), Some(this_program()?));
    Ok(Host::new(HostOptions { cache_folder, use_cache: !args.no_cache, compiler, ..options })?)
}

/// The file that this process runs, which compiles components in a child. By way of `/proc` it is that very file, even if
/// another version has been put in its place meanwhile.
fn this_program() -> Result<PathBuf, CliError> {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() {
        return Ok(own);
    }
    let found = std::env::current_exe();
    found.map_err(|error| CliError::internal(format!("could not find this program's own file: {error}")))
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
