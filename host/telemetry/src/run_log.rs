//! What operators are told of flow runs, as events of `tracing` under the target `taskhost::run`. Nothing is put together unless somebody listens.

use std::sync::Arc;
use std::time::Duration;

use taskhost_model::{FlowRunEnding, FlowRunId, Refusal, TaskFailure, TaskState};
use tracing::{debug, info, warn};

use crate::spans::Failure;
use crate::trace::Trace;
use crate::watch::Counts;

/// Most lines for what is told together: of a thousand failures of a mapped task, ten tell enough.
const LINES_MAX: usize = 10;

pub(crate) fn began(flow: &str, id: FlowRunId, is_resumed: bool, trace: Option<&Trace>) {
    let trace = trace.map(Trace::hex);
    let resumed = is_resumed;
    info!(target: "taskhost::run", flow, run = %id, resumed, trace, "flow run started");
}

pub(crate) fn ended(flow: &str, id: FlowRunId, ending: &FlowRunEnding, at: Duration, counts: &Counts) {
    let state = match ending {
        FlowRunEnding::Succeeded(_) => "succeeded",
        FlowRunEnding::Failed(_) => "failed",
        FlowRunEnding::Cancelled => "cancelled",
    };
    info!(
        target: "taskhost::run",
        flow,
        run = %id,
        state,
        seconds = at.as_secs_f64(),
        task_runs = counts.ended,
        failed = counts.failed,
        cached = counts.cached,
        retried = counts.retried,
        "flow run ended"
    );
}

pub(crate) fn failed(id: FlowRunId, task: &Arc<str>, failures: &[(u32, TaskFailure)]) {
    for (index, failure) in failures.iter().take(LINES_MAX) {
        let (kind, reason) = (failure.kind(), Said(failure));
        warn!(target: "taskhost::run", run = %id, task = &**task, index, kind, %reason, "task run failed");
    }
    if failures.len() > LINES_MAX {
        let more = failures.len() - LINES_MAX;
        warn!(target: "taskhost::run", run = %id, task = &**task, more, "more task runs failed");
    }
}

pub(crate) fn refused(id: FlowRunId, task: &Arc<str>, refusals: &[Refusal]) {
    for refusal in refusals.iter().take(LINES_MAX) {
        let (tried, grant) = (&*refusal.attempt, &*refusal.grant);
        warn!(target: "taskhost::run", run = %id, task = &**task, tried, grant, "not allowed");
    }
}

pub(crate) fn task_refused(id: FlowRunId, task: &Arc<str>, failure: &TaskFailure) {
    let (kind, reason) = (failure.kind(), Said(failure));
    warn!(target: "taskhost::run", run = %id, task = &**task, kind, %reason, "task cannot start");
}

pub(crate) fn retried(
    id: FlowRunId,
    task: &Arc<str>,
    index: u32,
    attempt: u32,
    failure: &TaskFailure,
    delay: Duration,
) {
    let (kind, reason, delay) = (failure.kind(), Said(failure), delay.as_secs_f64());
    info!(target: "taskhost::run", run = %id, task = &**task, index, attempt, kind, %reason, delay, "attempt failed");
}

pub(crate) fn task_ended(id: FlowRunId, task: &Arc<str>, state: &TaskState) {
    let state = match state {
        TaskState::Succeeded => "succeeded",
        TaskState::Failed => "failed",
        TaskState::Skipped => "skipped",
        TaskState::NotRun(_) => "not run",
        TaskState::Cancelled => "cancelled",
    };
    debug!(target: "taskhost::run", run = %id, task = &**task, state, "task ended");
}

/// A failure in the words of a report, cut short, when somebody wants to read it.
struct Said<'a>(&'a TaskFailure);

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&Failure::of(self.0).text)
    }
}
