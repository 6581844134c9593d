//! [`Watch`]: sees what happens in one flow run, and makes spans, metrics and log events of it.
//!
//! Called by the threads that run tasks: it counts, and puts spans into a queue; nothing here waits for anybody. What each task run took comes by
//! way of the runners ([`Followed`]), all else from events. Arguments and results are not looked at, and failures are told in the words
//! of reports, where secrets are masked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskhost_flow::Flow;
use taskhost_model::event::Timed;
use taskhost_model::seams::{Observer, Runner};
use taskhost_model::{
    Attachment, FlowRunEnding, FlowRunId, Origin, RequestId, RunEvent, TaskFailure, TaskRunReport, TaskRunRequest,
    TaskState,
};

use crate::Telemetry;
use crate::clock::Clock;
use crate::followed::{Asked, Followed, end, never_ran};
use crate::metrics::TaskLabel;
use crate::paths::{Found, Paths, without_indexes};
use crate::run_log;
use crate::spans::{Attempts, Attribute, End, Failure, Run, Single, Told, name_of};
use crate::trace::Trace;

/// First failures that are kept, for the span of the flow run.
const FAILURES_MAX: usize = 10;

/// Follows one flow run.
pub struct Watch {
    telemetry: Arc<Telemetry>,
    inner: Arc<dyn Observer>,
    flow: Arc<str>,
    id: FlowRunId,
    trace: Option<Arc<Trace>>,
    clock: Clock,
    /// How long the earlier part of a flow run took that goes on.
    before: Option<Duration>,
    /// What is known of that part is being gone through: it was told then.
    is_replaying: AtomicBool,
    state: Mutex<State>,
}

struct State {
    paths: Paths,
    /// Tasks that have started and not ended, by their paths.
    active: HashMap<Arc<str>, Active>,
    /// What runners have.
    requests: HashMap<RequestId, Asked>,
    /// When something first happened in a subflow's run, by its path, such as `months[3]`.
    subflows: HashMap<Box<str>, Duration>,
    failures: Vec<(Arc<str>, Failure)>,
    counts: Counts,
}

struct Active {
    found: Option<Found>,
    label: Option<TaskLabel>,
    /// Task runs that no runner has, and that have not ended.
    waiting: i64,
}

/// Of this part of the flow run.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) ended: u64,
    pub(crate) failed: u64,
    pub(crate) cached: u64,
    pub(crate) retried: u64,
}

impl Watch {
    pub(crate) fn new(
        telemetry: Arc<Telemetry>,
        flow: &Arc<Flow>,
        id: FlowRunId,
        before: Option<Duration>,
        inner: Arc<dyn Observer>,
    ) -> Arc<Watch> {
        let name = Arc::clone(&flow.name);
        let trace = telemetry.trace(&name, id, before.unwrap_or_default());
        if let Some(metrics) = &telemetry.metrics {
            metrics.lock().flow(&name).running += 1;
        }
        run_log::began(&name, id, before.is_some(), trace.as_deref());
        let state = State {
            paths: Paths::new(Arc::clone(flow)),
            active: HashMap::new(),
            requests: HashMap::new(),
            subflows: HashMap::new(),
            failures: Vec::new(),
            counts: Counts::default(),
        };
        Arc::new(Watch {
            telemetry,
            inner,
            flow: name,
            id,
            trace,
            clock: Clock::default(),
            before,
            is_replaying: AtomicBool::new(before.is_some()),
            state: Mutex::new(state),
        })
    }

    /// A runner of the flow run, followed if need be.
    pub fn runner(self: &Arc<Self>, runner: Arc<dyn Runner>) -> Arc<dyn Runner> {
        if self.trace.is_none() && self.telemetry.metrics.is_none() {
            return runner;
        }
        Arc::new(Followed::new(runner, Arc::clone(self)))
    }

    /// What was known of an earlier part has been gone through.
    pub fn caught_up(&self) {
        self.is_replaying.store(false, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.clock.now(self.before.unwrap_or_default())
    }

    fn is_new(&self) -> bool {
        !self.is_replaying.load(Ordering::Relaxed)
    }

    /// Requests go to their runner.
    pub(crate) fn asked(&self, requests: &[TaskRunRequest]) {
        let now = self.now();
        let mut state = self.lock();
        let mut registry = self.telemetry.metrics.as_ref().map(|metrics| metrics.lock());
        for request in requests {
            if self.trace.is_some() {
                state.enter(&request.task, now);
            }
            let runs = i64::from(request.indexes.end - request.indexes.start);
            let label = registry.as_mut().map(|registry| {
                let active = state.active.get_mut(&request.task);
                let known = active.as_ref().and_then(|active| active.label);
                let label = known.unwrap_or_else(|| registry.label(&self.flow, &without_indexes(&request.task)));
                let series = registry.task(label);
                series.running += runs;
                // One that has ended meanwhile waits no more.
                if let Some(active) = active {
                    active.waiting -= runs;
                    series.waiting -= runs;
                }
                if request.attempt > 1 {
                    series.retries += runs as u64;
                }
                label
            });
            // One of which a part is known comes in parts.
            let asked = state.requests.entry(request.id);
            let more = request.indexes.len();
            asked.and_modify(|asked| asked.open += more).or_insert_with(|| Asked::of(request, now, label));
        }
    }

    /// The request that is reported on; forgotten with its last report.
    fn request(&self, report: &TaskRunReport) -> Option<Asked> {
        let mut state = self.lock();
        let asked = state.requests.get_mut(&report.request)?;
        asked.open = asked.open.saturating_sub(report.outcomes.len());
        if asked.open > 0 { Some(asked.clone()) } else { state.requests.remove(&report.request) }
    }

    /// A runner tells of task runs.
    pub(crate) fn reported(&self, report: &TaskRunReport) {
        let Some(asked) = self.request(report) else { return };
        if let (Some(metrics), Some(label)) = (&self.telemetry.metrics, asked.label) {
            let mut registry = metrics.lock();
            let series = registry.task(label);
            series.running -= report.outcomes.len() as i64;
            let ran = report.outcomes.iter().filter(|outcome| report.origin == Origin::Run && !never_ran(outcome));
            ran.for_each(|outcome| series.attempted(&outcome.usage));
        }
        let Some(trace) = &self.trace else { return };
        let runs = (report.first..).zip(&report.outcomes).filter(|(_, outcome)| !never_ran(outcome));
        let run = |(index, outcome): (u32, &taskhost_model::TaskRunOutcome)| Run {
            index,
            usage: outcome.usage,
            end: end(&asked.call, &outcome.ending),
        };
        self.telemetry.push(Told::Attempts(Box::new(Attempts {
            trace: Arc::clone(trace),
            task: Arc::clone(&asked.task),
            call: Arc::clone(&asked.call),
            attempt: asked.attempt,
            is_mapped: asked.is_mapped,
            is_cached: report.origin == Origin::Cache,
            asked: asked.at,
            ended: self.now(),
            runs: runs.map(run).collect(),
        })));
    }

    fn task_started(&self, task: &Arc<str>, runs: u32, at: Duration) {
        let mut state = self.lock();
        let found = state.paths.find(task);
        let is_call = found.as_ref().is_some_and(|found| found.subflow.is_none());
        let label = self.telemetry.metrics.as_ref().filter(|_| is_call).map(|metrics| {
            let mut registry = metrics.lock();
            let label = registry.label(&self.flow, &without_indexes(task));
            registry.task(label).waiting += i64::from(runs);
            label
        });
        if self.is_new() && self.trace.is_some() {
            state.enter(task, at);
        }
        state.active.insert(Arc::clone(task), Active { found, label, waiting: i64::from(runs) });
    }

    fn runs_ended(&self, event: &RunEvent, at: Duration) {
        let RunEvent::TaskRunsEnded { task, first, count, failures, refusals, origin, .. } = event else { return };
        let mut state = self.lock();
        let Some(active) = state.active.get_mut(task) else { return };
        if *origin == Origin::Journal {
            self.wait_less(active, i64::from(*count));
            return;
        }
        if let Some(found) = active.found.clone()
            && found.subflow.is_some()
        {
            for index in *first..first.saturating_add(*count) {
                let failure = failures.iter().find(|(failed, _)| *failed == index).map(|(_, failure)| failure);
                self.subflow_ended(&mut state, task, &found, index, failure, at);
            }
            return;
        }
        let (count, failed) = (u64::from(*count), failures.len() as u64);
        if let (Some(metrics), Some(label)) = (&self.telemetry.metrics, active.label) {
            let mut registry = metrics.lock();
            let series = registry.task(label);
            series.succeeded += count.saturating_sub(failed);
            series.failed += failed;
            series.cached += if *origin == Origin::Cache { count } else { 0 };
        }
        let counts = &mut state.counts;
        counts.ended += count;
        counts.failed += failed;
        counts.cached += if *origin == Origin::Cache { count } else { 0 };
        if let Some((_, failure)) = failures.first() {
            state.keep(task, failure);
        }
        drop(state);
        run_log::failed(self.id, task, failures);
        run_log::refused(self.id, task, refusals);
    }

    fn wait_less(&self, active: &mut Active, runs: i64) {
        active.waiting -= runs;
        if let (Some(metrics), Some(label)) = (&self.telemetry.metrics, active.label) {
            metrics.lock().task(label).waiting -= runs;
        }
    }

    fn subflow_ended(
        &self,
        state: &mut State,
        task: &Arc<str>,
        found: &Found,
        index: u32,
        failure: Option<&TaskFailure>,
        at: Duration,
    ) {
        let Some(trace) = &self.trace else { return };
        let path = if found.is_mapped { format!("{task}[{index}]") } else { task.to_string() };
        let began = state.subflows.remove(path.as_str());
        // One of which nothing happened in this process was told by an earlier one.
        let Some(began) = began.or(self.is_new().then_some(at)) else { return };
        let end = failure.map_or(End::Succeeded, |failure| End::Failed(Box::new(Failure::of(failure))));
        let subflow = found.subflow.clone().map(|name| ("taskhost.subflow", Attribute::Text(name)));
        self.telemetry.push(Told::Single(Box::new(of_task(trace, task, &path, (began, at), end, subflow))));
    }

    fn refused(&self, task: &Arc<str>, failure: &TaskFailure, at: Duration) {
        if !self.is_new() {
            return;
        }
        self.lock().keep(task, failure);
        if let Some(trace) = &self.trace {
            let end = End::Failed(Box::new(Failure::of(failure)));
            let mut single = of_task(trace, task, task, (at, at), end, None);
            single.id = trace.another();
            self.telemetry.push(Told::Single(Box::new(single)));
        }
        run_log::task_refused(self.id, task, failure);
    }

    fn retried(&self, event: &RunEvent) {
        let RunEvent::RunRetried { task, index, attempt, failure, delay, .. } = event else { return };
        if !self.is_new() {
            return;
        }
        let mut state = self.lock();
        state.counts.retried += 1;
        if let Some(active) = state.active.get_mut(task) {
            self.wait_less(active, -1);
        }
        drop(state);
        run_log::retried(self.id, task, *index, *attempt, failure, *delay);
    }

    fn task_ended(&self, task: &Arc<str>, state: &TaskState) {
        let mut known = self.lock();
        if let Some(mut active) = known.active.remove(task) {
            let left = active.waiting;
            self.wait_less(&mut active, left);
        }
        drop(known);
        if self.is_new() {
            run_log::task_ended(self.id, task, state);
        }
    }

    fn flow_run_ended(&self, ending: &FlowRunEnding, at: Duration) {
        let mut state = self.lock();
        if let Some(metrics) = &self.telemetry.metrics {
            let mut registry = metrics.lock();
            let series = registry.flow(&self.flow);
            series.running -= 1;
            series.took(at);
            match ending {
                FlowRunEnding::Succeeded(_) => series.succeeded += 1,
                FlowRunEnding::Failed(_) => series.failed += 1,
                FlowRunEnding::Cancelled => series.cancelled += 1,
            }
        }
        let end = state.end(ending);
        if let Some(trace) = &self.trace {
            // Those that were cut off.
            for (path, began) in std::mem::take(&mut state.subflows) {
                let task: Arc<str> = path.split_once('[').map_or(&*path, |_| without_last_index(&path)).into();
                self.telemetry.push(Told::Single(Box::new(of_task(
                    trace,
                    &task,
                    &path,
                    (began, at),
                    End::Cancelled,
                    None,
                ))));
            }
            self.telemetry.push(Told::Single(Box::new(self.root(trace, &state.counts, end, at))));
        }
        run_log::ended(&self.flow, self.id, ending, at, &state.counts);
    }

    /// The span of the flow run, or of this part of it.
    fn root(&self, trace: &Arc<Trace>, counts: &Counts, end: End, at: Duration) -> Single {
        Single {
            trace: Arc::clone(trace),
            id: trace.root,
            parent: trace.parent,
            name: Arc::clone(&self.flow),
            began: self.before.unwrap_or_default(),
            ended: at,
            end,
            attributes: vec![
                ("taskhost.resumed", Attribute::Is(self.before.is_some())),
                ("taskhost.task_runs.ended", Attribute::Whole(counts.ended)),
                ("taskhost.task_runs.failed", Attribute::Whole(counts.failed)),
                ("taskhost.task_runs.cached", Attribute::Whole(counts.cached)),
                ("taskhost.task_runs.retried", Attribute::Whole(counts.retried)),
            ],
        }
    }
}

/// `a[1]/b`, of `a[1]/b[2]`.
fn without_last_index(path: &str) -> &str {
    match path.rfind(['[', '/']) {
        Some(at) if path[at..].starts_with('[') => &path[..at],
        _ => path,
    }
}

/// A span of a subflow's run, or of a task without one. `path` has the index, if there is one.
fn of_task(
    trace: &Arc<Trace>,
    task: &Arc<str>,
    path: &str,
    (began, ended): (Duration, Duration),
    end: End,
    more: Option<(&'static str, Attribute)>,
) -> Single {
    let index = path[task.len().min(path.len())..].trim_matches(['[', ']']).parse().ok();
    let index = index.map(|index| ("taskhost.task.index", Attribute::Whole(index)));
    let attributes = [("taskhost.task", Attribute::Text(Arc::clone(task)))];
    Single {
        trace: Arc::clone(trace),
        id: trace.of_path(path),
        parent: Some(trace.around(task)),
        name: name_of(task).into(),
        began,
        ended,
        end,
        attributes: attributes.into_iter().chain(index).chain(more).collect(),
    }
}

impl State {
    /// Something happens at `path`: the subflows around it have begun.
    fn enter(&mut self, path: &str, at: Duration) {
        let mut rest = path;
        while let Some((around, _)) = rest.rsplit_once('/') {
            if self.subflows.contains_key(around) {
                return;
            }
            self.subflows.insert(around.into(), at);
            rest = around;
        }
    }

    fn keep(&mut self, task: &Arc<str>, failure: &TaskFailure) {
        if self.failures.len() < FAILURES_MAX && self.failures.iter().all(|(known, _)| known != task) {
            self.failures.push((Arc::clone(task), Failure::of(failure)));
        }
    }

    fn end(&self, ending: &FlowRunEnding) -> End {
        match ending {
            FlowRunEnding::Succeeded(_) => End::Succeeded,
            FlowRunEnding::Cancelled => End::Cancelled,
            FlowRunEnding::Failed(causes) => {
                let known = causes.iter().find_map(|cause| self.failures.iter().find(|(task, _)| task == cause));
                let first = causes.first().map_or("", |cause| &**cause);
                let text = match known {
                    Some((task, failure)) => format!("task `{task}` {}", failure.text),
                    None => format!("task `{first}` failed"),
                };
                End::Failed(Box::new(Failure::text(text)))
            }
        }
    }
}

impl Observer for Watch {
    fn event(&self, event: &Timed<RunEvent>) {
        let at = event.at;
        self.clock.told(at);
        self.inner.event(event);
        match &event.event {
            RunEvent::TaskStarted { task, runs } => self.task_started(task, *runs, at),
            RunEvent::TaskRefused { task, failure } => self.refused(task, failure, at),
            ended @ RunEvent::TaskRunsEnded { .. } => self.runs_ended(ended, at),
            retried @ RunEvent::RunRetried { .. } => self.retried(retried),
            RunEvent::TaskEnded { task, state } => self.task_ended(task, state),
            RunEvent::FlowRunEnded(ending) => self.flow_run_ended(ending, at),
            // Stands in journals; who follows a flow run sees it begin.
            RunEvent::FlowRunResumed { .. } => {}
        }
    }

    fn attachment(&self, task: &Arc<str>, index: u32, attachment: &Attachment) {
        self.inner.attachment(task, index, attachment);
    }
}
