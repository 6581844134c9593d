//! `taskhost runs`: recorded runs.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use taskhost_store::RunState;

use super::remote::{RemoteArgs, Runner};
use super::units::age;
use super::{HostArgs, SecretArgs, VoiceArgs};

/// `taskhost runs`.
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub(crate) struct RunsArgs {
    /// What to do; without it, they are listed.
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
    /// For the list.
    #[command(flatten)]
    pub list: RunsListArgs,
}

/// What to do with recorded runs.
#[derive(Subcommand, Debug)]
pub(crate) enum RunsCommand {
    /// List runs, the newest first
    List(RunsListArgs),
    /// Show one run, task by task, with its parameters, failures and outputs
    Show(RunsShowArgs),
    /// Print what the tasks of a run wrote
    Logs(RunsLogsArgs),
    /// Draw when each task of a run began and ended
    Timeline(RunsTimelineArgs),
    /// Stop a run that another process carries out: what runs goes on to its end; once more stops that too
    Cancel {
        /// Its id, its beginning or end, or `latest`
        #[arg(value_name = "RUN")]
        run: String,
    },
    /// Go on with a run that was interrupted or stopped, or with what failed of one; what has succeeded is not run again
    Resume(RunsResumeArgs),
    /// Delete runs, and their results that nothing else needs
    Delete(RunsDeleteArgs),
}

/// `taskhost runs list`.
#[derive(Args, Debug)]
pub(crate) struct RunsListArgs {
    /// Only runs in this state
    #[arg(long, value_name = "STATE")]
    pub state: Option<RunStateArg>,
    /// Only runs of this flow
    #[arg(long, value_name = "NAME")]
    pub flow: Option<String>,
    /// Only runs with this label
    #[arg(long, value_name = "WORD")]
    pub label: Option<String>,
    /// Only runs that were started no longer ago, such as 12h or 7d
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub since: Option<Duration>,
    /// At most so many [default: 20, with --json all]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// States of runs.
#[derive(Clone, Copy, ValueEnum, Debug)]
pub(crate) enum RunStateArg {
    /// A process carries it out.
    Running,
    /// It has all its outputs.
    Succeeded,
    /// A task failed.
    Failed,
    /// It was stopped.
    Cancelled,
    /// Its process died.
    Interrupted,
}

impl From<RunStateArg> for RunState {
    fn from(state: RunStateArg) -> RunState {
        match state {
            RunStateArg::Running => RunState::Running,
            RunStateArg::Succeeded => RunState::Succeeded,
            RunStateArg::Failed => RunState::Failed,
            RunStateArg::Cancelled => RunState::Cancelled,
            RunStateArg::Interrupted => RunState::Interrupted,
        }
    }
}

/// `taskhost runs show`.
#[derive(Args, Debug)]
pub(crate) struct RunsShowArgs {
    /// Its id, its beginning or end, or `latest`
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
    /// Show how far it is until it is over, and then how it ended
    #[arg(long, short, conflicts_with = "json")]
    pub follow: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `taskhost runs logs`.
#[derive(Args, Debug)]
pub(crate) struct RunsLogsArgs {
    /// Its id, its beginning or end, or `latest`
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
    /// Only lines of this task and of what is below it: clean, clean[3], months[*]/clean
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Wait for more lines until the run is over
    #[arg(long, short)]
    pub follow: bool,
    /// Print one JSON object in each line
    #[arg(long)]
    pub json: bool,
}

/// `taskhost runs timeline`.
#[derive(Args, Debug)]
pub(crate) struct RunsTimelineArgs {
    /// Its id, its beginning or end, or `latest`
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
    /// The .svg file to write [default: text to stdout]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `taskhost runs resume`.
#[derive(Args, Debug)]
pub(crate) struct RunsResumeArgs {
    /// Its id, its beginning or end, or `latest`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// If the flow has changed, begin a new run with the results of what is unchanged
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object: outputs, state, tasks, usage
    #[arg(long)]
    pub json: bool,
    /// Where task runs happen, instead of where the flow says: sequential, threads, nats
    #[arg(long, value_name = "RUNNER", hide_possible_values = true)]
    pub runner: Option<Runner>,
    /// Secrets.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// How much is said.
    #[command(flatten)]
    pub voice: VoiceArgs,
    /// The cache.
    #[command(flatten)]
    pub host: HostArgs,
    /// Workers.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// `taskhost runs delete`.
#[derive(Args, Debug)]
pub(crate) struct RunsDeleteArgs {
    /// Ids, their beginnings or ends, or `latest`
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,
    /// All that ended longer ago, such as 12h or 30d
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub older_than: Option<Duration>,
}
