//! `taskhost call COMPONENT --command`: a component that exports `wasi:cli/run`, run as a command: arguments, environment, folders, the
//! three standard streams and an exit code. For suites that test what a host of WASI does; a task of a flow has none of this.

use std::path::PathBuf;

use taskhost::{Command, CommandOutcome, HostOptions};
use taskhost_model::{Refusal, TaskFailure};

use crate::args::CallArgs;
use crate::commands::{self, call};
use crate::error::{CliError, Exit};
use crate::file;
use crate::output::{self, BAD, DIM, styled, visible};
use crate::progress::Voice;
use crate::render::failure::{self, Failed, help_line};
use crate::render::refusal::{self, Place};

/// Limits of a task that a command does not have: it prints to where we do, and returns an exit code.
const NO_LIMITS: [&str; 3] = ["output", "log-lines", "result"];

/// Runs it; its exit code is ours. If it has none, since it was stopped, that is a failed run.
pub(crate) fn run(args: &CallArgs) -> Result<Exit, CliError> {
    file::is_there(&args.component)?;
    let command = command_of(args)?;
    let host =
        commands::open_host(&args.host, HostOptions { concurrency: 1, workers: 1, ..HostOptions::default() }, None)?;
    let outcome = host.sandbox().run_command(&args.component, command).map_err(|error| {
        CliError::rejected(format!("component `{}` {}", args.component.display(), error.message), error.help)
    })?;
    let voice = args.voice.voice();
    let CommandOutcome { ending, refusals } = outcome;
    match ending {
        Ok(code) => {
            // A command that goes well expected what it was not given.
            if voice == Voice::Verbose || (code != 0 && voice > Voice::Quiet) {
                tell(&refusals);
            }
            std::process::exit(code)
        }
        Err(failure) => {
            tell_failure(args, &failure, &refusals, voice);
            Ok(Exit::RunFailed)
        }
    }
}

fn tell(refusals: &[Refusal]) {
    for refusal in refusals {
        output::stderr(&help_line(&refusal::help("it", refusal, &Place::Command)));
    }
}

fn tell_failure(args: &CallArgs, failure: &TaskFailure, refusals: &[Refusal], voice: Voice) {
    let name = args.component.file_name().unwrap_or_default().to_string_lossy();
    let failed = Failed {
        run: name.to_string(),
        task: &name,
        component: Some(&name),
        is_subflow: false,
        is_limit_by_default: false,
        flow: None,
    };
    let title = styled(BAD, "command failed:");
    output::stderr(&format!("{title} `{}` {}\n", visible(&name), visible(&failure.to_string())));
    if let (TaskFailure::Trapped { backtrace, .. }, Voice::Verbose) = (failure, voice) {
        let lines: String = backtrace.lines().map(|line| format!("  {}\n", visible(line))).collect();
        output::stderr(&styled(DIM, lines));
    }
    // What was refused says what to write, and is often the reason for the rest.
    tell(refusals);
    output::stderr(&help_line(&failure::help(&failed, failure, voice == Voice::Verbose)));
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
    let settings = call::settings(args)?;
    if let Some((key, _)) = settings.limits.iter().find(|(key, _)| NO_LIMITS.contains(&&**key)) {
        let help = "a command has the limits `memory`, `cpu`, `timeout`, `files`, `sockets` and `handles`";
        return Err(CliError::usage(
            format!("`--limit {key}`: what a command prints and returns is not limited"),
            help,
        ));
    }
    Ok(Command {
        arguments: words.collect(),
        environment: environment.collect::<Result<_, _>>()?,
        folders: folders.collect::<Result<_, _>>()?,
        network: args.network,
        limits: settings.limits_over(Command::LIMITS)?,
    })
}
