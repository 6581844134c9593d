//! `taskhost runs resume`: goes on with a run that was interrupted or stopped, and tells what `taskhost run` would.

use std::path::PathBuf;
use std::sync::Arc;

use taskhost::{Host, HostOptions, RunError, RunOptions};
use taskhost_flow::{RunnerChoice, RunnerKind};
use taskhost_model::FlowRunId;
use taskhost_telemetry::Telemetry;

use crate::args::runs::RunsResumeArgs;
use crate::commands::run::{Told, or_as_json, report};
use crate::commands::{self, read};
use crate::error::{CliError, Exit};
use crate::execute;
use crate::observe;
use crate::output::{self, HELP, styled, visible};
use crate::progress::{Labels, Voice};
use crate::render::report::Written;

pub(super) fn run(args: &RunsResumeArgs) -> Result<Exit, CliError> {
    or_as_json(args.json, observe::followed(|telemetry| resume(args, telemetry)))
}

fn resume(args: &RunsResumeArgs, telemetry: Option<Arc<Telemetry>>) -> Result<Exit, CliError> {
    let voice = args.voice.voice();
    let (_, id) = super::find(&args.run)?;
    let options = HostOptions { secrets: args.secrets.sources()?, keep_runs: true, ..HostOptions::default() };
    let options = args.remote.options(None, &args.secrets, &args.host, options)?;
    let host = commands::open_host(&args.host, options, telemetry)?;
    let resume = host.resume(id, args.force).inspect_err(|error| tell_changes(error, &host, id))?;
    let file = PathBuf::from(&resume.record().file);
    let written = Written::of(&read::flow_file(&file)?);
    if resume.is_new() {
        let what = "the flow has changed: a new flow run begins with the results of what is unchanged";
        execute::say(&format!("{} {what}\n", styled(HELP, "note:")), voice);
    }
    let had_succeeded = !resume.can_run();
    let runner_override = args.runner.map(|runner| RunnerChoice::from(RunnerKind::from(runner)));
    let options = RunOptions { runner_override, use_results: !args.host.no_cache, ..RunOptions::default() };
    if resume.can_run() {
        commands::fetch_secrets(&host, resume.flow(), &args.secrets, &options)?;
    }
    let flow = resume.flow().clone();
    // What happened then was told then.
    let progress_voice = if had_succeeded { Voice::Quiet } else { voice };
    let executed =
        execute::follow(flow, progress_voice, Labels::Tasks, |observer| Ok(resume.start(options, observer)?))?;
    host.disconnect();
    if had_succeeded {
        execute::say(&format!("flow run {id} had succeeded; nothing was run again\n"), voice);
    }
    let told = Told { host: &host, file: &file, voice, json: args.json, output: None, is_recorded: true };
    report(&told, &executed, &written)
}

/// A flow that was right when it was recorded has mistakes because something changed.
fn tell_changes(error: &RunError, host: &Host, id: FlowRunId) {
    if !matches!(error, RunError::Rejected(_) | RunError::Parameters(_)) {
        return;
    }
    // What cannot be compared is told by the mistakes alone.
    let changed = host.changed_since(id).unwrap_or_default();
    if !changed.is_empty() {
        let note = styled(HELP, "note:");
        output::stderr(&format!("{note} this has changed since flow run {id} was started:\n{}\n", visible(&changed)));
    }
}
