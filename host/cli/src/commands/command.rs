//! `taskhost call COMPONENT --command`: a component that exports `wasi:cli/run`, run as a command: arguments, environment, folders, the
//! three standard streams and an exit code. For suites that test what a host of WASI does; a task of a flow has none of this.

use std::path::PathBuf;

use taskhost::{Command, HostOptions};

use crate::args::CallArgs;
use crate::commands;
use crate::error::CliError;
use crate::file;

/// Runs it; its exit code is ours.
pub(crate) fn run(args: &CallArgs) -> Result<std::convert::Infallible, CliError> {
    file::is_there(&args.component)?;
    let command = command_of(args)?;
    let host = commands::open_host(&args.host, HostOptions { concurrency: 1, workers: 1, ..HostOptions::default() })?;
    let code = host.sandbox().run_command(&args.component, command).map_err(|error| {
        CliError::rejected(format!("component `{}` {}", args.component.display(), error.message), error.help)
    })?;
    std::process::exit(code)
}

fn command_of(args: &CallArgs) -> Result<Command, CliError> {
    let words = args.function.iter().chain(&args.arguments).cloned();
    let environment = args.env.iter().map(|word| match word.split_once('=').filter(|(name, _)| !name.is_empty()) {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(CliError::usage(format!("`{word}` is no `NAME=VALUE`"), "write it as in `--env LANG=C`")),
    });
    let folders = args.dir.iter().map(|word| {
        let (host, guest) = word.split_once("::").unwrap_or((word, word));
        let path = PathBuf::from(host);
        let help = "write it as in `--dir data::/data`: a folder that exists, and where the command sees it";
        match path.is_dir() && !guest.is_empty() {
            true => Ok((path, guest.to_owned())),
            false => Err(CliError::usage(format!("`{word}` names no folder"), help)),
        }
    });
    Ok(Command {
        arguments: words.collect(),
        environment: environment.collect::<Result<_, _>>()?,
        folders: folders.collect::<Result<_, _>>()?,
        network: args.network,
    })
}
