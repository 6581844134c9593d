//! [`Followed`]: a runner whose requests and reports are looked at on their way. Events tell of stretches of task runs; here is what each of them
//! took.

use std::sync::Arc;
use std::time::Duration;

use taskhost_model::seams::{Reports, Runner};
use taskhost_model::{
    Attachment, Ending, FlowRunId, RequestId, TaskCall, TaskFailure, TaskRunOutcome, TaskRunReport, TaskRunRequest,
    Usage, Value, ValueType, json,
};

use crate::metrics::TaskLabel;
use crate::spans::{End, Failure};
use crate::watch::Watch;

/// A runner for one flow run that is followed.
pub(crate) struct Followed {
    inner: Arc<dyn Runner>,
    watch: Arc<Watch>,
}

impl Followed {
    pub(crate) fn new(inner: Arc<dyn Runner>, watch: Arc<Watch>) -> Followed {
        Followed { inner, watch }
    }
}

/// A request that its runner has.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Task runs of it without an outcome.
    pub(crate) open: usize,
    pub(crate) task: Arc<str>,
    pub(crate) call: Arc<TaskCall>,
    pub(crate) attempt: u32,
    pub(crate) is_mapped: bool,
    /// When, since the flow run's start.
    pub(crate) at: Duration,
    pub(crate) label: Option<TaskLabel>,
}

impl Asked {
    pub(crate) fn of(request: &TaskRunRequest, at: Duration, label: Option<TaskLabel>) -> Asked {
        Asked {
            open: request.indexes.len(),
            task: Arc::clone(&request.task),
            call: Arc::clone(&request.call),
            attempt: request.attempt,
            is_mapped: !request.mapped.is_empty(),
            at,
            label,
        }
    }
}

impl Runner for Followed {
    fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>) {
        self.watch.asked(&requests);
        let looking = Looking { reports: Arc::clone(reports), watch: Arc::clone(&self.watch) };
        let reports: Arc<dyn Reports> = Arc::new(looking);
        self.inner.start(requests, &reports);
    }

    fn cancel(&self, flow_run: FlowRunId) {
        self.inner.cancel(flow_run);
    }

    fn withdraw(&self, flow_run: FlowRunId, request: RequestId) {
        self.inner.withdraw(flow_run, request);
    }

    fn capacity(&self) -> usize {
        self.inner.capacity()
    }
}

/// Looks at reports. It lives as long as the runner may report to it, as what it hands them on to does; a runner may report to the one of another
/// request of the flow run.
struct Looking {
    reports: Arc<dyn Reports>,
    watch: Arc<Watch>,
}

impl Reports for Looking {
    fn ended(&self, report: TaskRunReport) {
        self.watch.reported(&report);
        self.reports.ended(report);
    }

    fn attach(&self, task: &Arc<str>, index: u32, attachment: Attachment) {
        self.reports.attach(task, index, attachment);
    }
}

/// Of a text, more than is told.
fn beginning(error: &Value) -> String {
    let Value::String(text) = error else { return String::new() };
    text[..text.floor_char_boundary(4 << 10)].to_owned()
}

/// Whether a task run was stopped before it began.
pub(crate) fn never_ran(outcome: &TaskRunOutcome) -> bool {
    matches!(outcome.ending, Ending::Cancelled) && outcome.usage == Usage::default()
}

/// How an attempt ended, as the scheduler sees it: an `err` of the function itself is a failure too.
pub(crate) fn end(call: &TaskCall, ending: &Ending) -> End {
    let failed = |failure: &TaskFailure| End::Failed(Box::new(Failure::of(failure)));
    match (ending, &call.result) {
        (Ending::Returned(Value::Result(Err(error))), Some(ValueType::Result { err, .. })) => {
            let text = match (error, err) {
                // It may be as large as a result, and its beginning is what is told.
                (Some(error), _) if matches!(&**error, Value::String(_)) => beginning(error),
                (Some(error), Some(ty)) => json::to_text(error, ty),
                _ => "`err` without a value".to_owned(),
            };
            failed(&TaskFailure::Returned(text))
        }
        (Ending::Returned(_), _) => End::Succeeded,
        (Ending::Failed(failure), _) => failed(failure),
        (Ending::Cancelled, _) => End::Cancelled,
    }
}
