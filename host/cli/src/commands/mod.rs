//! One file for each command; here is what several of them do.

pub(crate) mod authoring;
pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod cluster;
mod command;
pub(crate) mod compile;
pub(crate) mod compiling;
pub(crate) mod completions;
pub(crate) mod graph;
pub(crate) mod inspect;
pub(crate) mod nats_config;
pub(crate) mod new;
mod read;
mod refresh;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod test;
pub(crate) mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::CommandFactory as _;
use taskhost::{Host, HostError, HostErrorKind, HostOptions, RunOptions, SecretSource, SecretSources, secrets_wanted};
use taskhost_flow::{Checked, Diagnostic, Diagnostics, Flow, FlowFile, Severity};
use taskhost_telemetry::Telemetry;

use crate::args::{Cli, Command, HostArgs, SecretArgs, VoiceArgs};
use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::observe;
use crate::output::{self, WARN, styled, visible};
use crate::progress::Voice;
use crate::render;

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> Result<Exit, CliError> {
    // What it says is for its parent, which has logs of its own.
    if !matches!(cli.command, Command::Compile(_)) {
        observe::start_logs()?;
    }
    match cli.command {
        Command::Run(args) => interrupt::listen().and_then(|()| run::run(&args)),
        Command::Check(args) => check::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Call(args) => interrupt::listen().and_then(|()| call::run(&args)),
        Command::Inspect(args) => inspect::run(&args),
        Command::New(args) => new::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Runs(args) => runs::run(args),
        Command::Worker(args) => worker::run(&args),
        Command::NatsConfig(args) => nats_config::run(&args),
        Command::Cluster(args) => cluster::run(args),
        Command::Cache(args) => cache::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Schema => schema::run(),
        Command::Compile(args) => compile::run(&args),
        Command::Version => {
            output::stdout(&Cli::command().render_version())?;
            Ok(Exit::Fine)
        }
    }
}

/// A host that only looks: it needs room for no more than one guest.
fn host_to_look(args: &HostArgs) -> Result<Host, CliError> {
    open_host(args, HostOptions { concurrency: 1, workers: 1, ..HostOptions::default() }, None)
}

fn open_host(args: &HostArgs, options: HostOptions, telemetry: Option<Arc<Telemetry>>) -> Result<Host, CliError> {
    Ok(Host::with_telemetry(host_options(args, options)?, telemetry)?)
}

/// With what the command line and variables say of caches and of this program.
fn host_options(args: &HostArgs, options: HostOptions) -> Result<HostOptions, CliError> {
    let options = HostOptions {
        cache_folder: cache_folder(args.cache_folder.as_deref()),
        use_cache: !args.no_cache,
        compiler: Some(this_program()?),
        keep_runs_for: keep_runs_for()?,
        ..options
    };
    if let Some((folder, why)) =
        options.cache_folder_in_use().and_then(|folder| unusable(&folder).map(|why| (folder, why)))
    {
        let warning = styled(WARN, "warning:");
        let folder = folder.display().to_string();
        output::stderr(&format!(
            "{warning} compiled components are not kept: the cache folder `{}` {why}\n",
            visible(&folder)
        ));
    }
    Ok(options)
}

/// How long runs are kept, as `TASKHOST_KEEP_RUNS` says; for ever without it.
fn keep_runs_for() -> Result<Option<Duration>, CliError> {
    let Some(text) = std::env::var("TASKHOST_KEEP_RUNS").ok().filter(|text| !text.is_empty()) else { return Ok(None) };
    let age = crate::args::units::age(&text)
        .map_err(|help| CliError::usage(format!("TASKHOST_KEEP_RUNS is `{}`, which is no time", visible(&text)), help));
    age.map(Some)
}

/// The folder that the command line names, or the variable. An empty variable is as good as none.
fn cache_folder(named: Option<&Path>) -> Option<PathBuf> {
    let variable = || std::env::var_os("TASKHOST_CACHE_FOLDER").filter(|folder| !folder.is_empty());
    named.map(Path::to_owned).or_else(|| variable().map(PathBuf::from))
}

/// Why nothing can be kept in a folder, as far as that shows without trying. One that is not there yet will be made.
fn unusable(folder: &Path) -> Option<&'static str> {
    let folder = std::path::absolute(folder).ok()?;
    let (nearest, metadata) = folder.ancestors().find_map(|path| Some((path, std::fs::metadata(path).ok()?)))?;
    match () {
        () if !metadata.is_dir() && nearest == folder => Some("is no folder"),
        () if !metadata.is_dir() => Some("lies below a file"),
        () if metadata.permissions().readonly() => Some("may not be written to"),
        () if nearest == folder && others_may_write(&metadata) => {
            Some("may be written to by others; take that away with `chmod go-w`")
        }
        () => None,
    }
}

#[cfg(unix)]
fn others_may_write(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o022 != 0
}

#[cfg(not(unix))]
fn others_may_write(_metadata: &std::fs::Metadata) -> bool {
    false
}

/// Warnings and notes of a check; the quiet are told warnings only.
fn tell_notes(checked: &Checked, voice: Voice) {
    let is_told = |note: &&Diagnostic| voice > Voice::Quiet || note.severity < Severity::Note;
    let told = Diagnostics::new(checked.notes.iter().filter(is_told).cloned().collect());
    output::stderr(&render::diagnostics::text(&told));
}

/// Looks up what a flow wants; a secret that it does not want may be a name written wrong.
fn fetch_secrets(host: &Host, flow: &Flow, args: &SecretArgs, options: &RunOptions) -> Result<(), CliError> {
    let wanted = secrets_wanted(flow);
    let names = args.secrets.iter().filter_map(|word| word.split_once('='));
    for (name, _) in names.filter(|(name, _)| !wanted.contains_key(*name)) {
        let warning = styled(WARN, "warning:");
        let near = render::hints::nearest(name, wanted.keys().map(|name| &**name));
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        output::stderr(&format!(
            "{warning} no task wants the secret `{}`: it was not looked up{near}\n",
            visible(name)
        ));
    }
    interrupt::while_fetching(host, || host.fetch_secrets(flow, options)).map_err(CliError::Secrets)
}

impl SecretArgs {
    /// Those of the user, and of the command line, which win.
    fn sources(&self) -> Result<SecretSources, CliError> {
        self.secrets.iter().try_fold(SecretSources::of_user(), |sources, word| -> Result<_, CliError> {
            // What stands there may be the secret itself: it is not repeated.
            let help = "write it as in `--secret api-token=env:VARIABLE`, `=file:PATH` or `=command:LINE`";
            let (name, source) =
                word.split_once('=').ok_or_else(|| CliError::usage("a `--secret` has no `=`", help))?;
            if let Some((what, help)) = SecretSources::misnamed(name) {
                return Err(CliError::usage(what, help));
            }
            if sources.given.contains_key(name) {
                return Err(CliError::usage(format!("secret `{name}` is given twice"), "keep one `--secret` for it"));
            }
            let wrong = || CliError::usage(format!("secret `{name}` does not say where it comes from"), help);
            Ok(sources.with(name, SecretSource::parse(source).ok_or_else(wrong)?))
        })
    }
}

/// The file that this process runs, which compiles components in a child. By way of `/proc` it is that very file, even if
/// another version has been put in its place meanwhile.
pub(crate) fn this_program() -> Result<PathBuf, CliError> {
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
    tell_notes(&checked, voice);
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
