//! Runs a plan for `run` and `call`: progress on stderr, Ctrl-C, and the report of how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use taskhost::{Host, RunOptions};
use taskhost_engine::{FlowRun, FlowRunReport};
use taskhost_flow::Plan;

use crate::error::{CliError, Exit};
use crate::output::{self, STRONG, styled};
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
    let tasks = Arc::new(Tasks::new(plan.flow().clone()));
    let progress = Progress::new(tasks.clone(), voice, labels);
    let run = Arc::new(host.start(plan, options, progress.clone()));
    cancel_on_signal(run.clone(), progress.clone())?;
    let report = run.wait();
    progress.finish();
    Ok(Executed { report, tasks })
}

/// The first Ctrl-C (or SIGTERM) cancels the flow run, the second ends the process at once.
fn cancel_on_signal(run: Arc<FlowRun>, progress: Arc<Progress>) -> Result<(), CliError> {
    let was_asked = AtomicBool::new(false);
    let on_signal = move || {
        if was_asked.swap(true, Ordering::SeqCst) {
            std::process::exit(Exit::Interrupted as i32);
        }
        let (ended, all) = progress.counts();
        let what = match all - ended {
            0 => "stopping".to_owned(),
            _ => format!("{ended} of {} had ended; stopping the others", crate::render::count(all, "task run")),
        };
        progress.say(&format!("{} {what} (once more: exit at once)\n", styled(STRONG, "interrupted:")));
        run.cancel();
    };
    ctrlc::set_handler(on_signal).map_err(|error| CliError::internal(format!("could not listen to Ctrl-C: {error}")))
}

/// Writes to stderr, unless asked to be quiet.
pub(crate) fn say(text: &str, voice: Voice) {
    if voice > Voice::Quiet {
        output::stderr(text);
    }
}
