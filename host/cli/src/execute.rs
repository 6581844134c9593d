//! Runs a plan for `run` and `call`: progress on stderr, and the report of how it ended.

use std::sync::Arc;

use taskhost::{Host, RunOptions};
use taskhost_engine::{FlowRun, FlowRunReport};
use taskhost_flow::{Flow, Plan};
use taskhost_model::seams::Observer;

use crate::error::CliError;
use crate::interrupt;
use crate::output;
use crate::progress::{Labels, Progress, Voice};
use crate::tasks::Tasks;

/// A flow run that is over.
pub(crate) struct Executed {
    /// How it ended.
    pub report: FlowRunReport,
    /// Its tasks.
    pub tasks: Arc<Tasks>,
}

/// Runs a plan and waits for its end.
pub(crate) fn execute(
    host: &Host,
    plan: Plan,
    options: RunOptions,
    voice: Voice,
    labels: Labels,
) -> Result<Executed, CliError> {
    let flow = Arc::clone(plan.flow());
    follow(flow, voice, labels, |observer| Ok(host.start(plan, options, observer)?))
}

/// Starts a flow run and waits for its end.
pub(crate) fn follow(
    flow: Arc<Flow>,
    voice: Voice,
    labels: Labels,
    start: impl FnOnce(Arc<dyn Observer>) -> Result<FlowRun, CliError>,
) -> Result<Executed, CliError> {
    let tasks = Arc::new(Tasks::new(flow));
    let progress = Progress::new(tasks.clone(), voice, labels);
    let run = interrupt::watch(|| Ok(Arc::new(start(progress.clone())?)), &progress)?;
    let report = run.wait();
    progress.finish();
    Ok(Executed { report, tasks })
}

/// Writes to stderr, unless asked to be quiet.
pub(crate) fn say(text: &str, voice: Voice) {
    if voice > Voice::Quiet {
        output::stderr(text);
    }
}
