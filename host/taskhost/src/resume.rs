//! [`Resume`]: a recorded flow run that is about to go on.
//!
//! ```text
//! record ─► flow files and components of today ─► the same?  ─► claim ─► journal so far ─► start, with what is known in front
//!                                                     │ no, but forced
//!                                                     └──────► a new flow run that begins with what is unchanged
//! ```

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use taskhost_engine::{FlowRun, FlowRunOptions, Replay, start_flow_run};
use taskhost_flow::{Flow, Given, Plan, RunnerChoice, TaskKind};
use taskhost_model::event::Timed;
use taskhost_model::seams::{Journal as _, Observer, Reports, Runner};
use taskhost_model::{
    Ending, FlowRunId, Origin, RunEvent, TaskCall, TaskRunOutcome, TaskRunReport, TaskRunRequest, TaskState, Value,
};
use taskhost_store::{RunRecord, RunState, Store, StoreError};

use crate::blobs;
use crate::error::{HostError, HostErrorKind, RunError};
use crate::host::{Host, RunOptions, new_flow_run_id, not_recorded};
use crate::recording::{self, Stopping};
use crate::{difference, kept};

/// A recorded flow run that is about to go on.
#[must_use = "a flow run goes on when `start` is called"]
pub struct Resume {
    host: Host,
    store: Arc<Store>,
    record: RunRecord,
    plan: Plan,
    way: Way,
}

/// What there is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// It has ended: it is only gone through again.
    Again,
    /// It goes on where it was.
    GoOn,
    /// The flow has changed: another flow run, which begins with what is unchanged.
    Anew,
}

impl Host {
    /// A recorded flow run, to go on with: what has ended is taken from its journal, and never run twice. One that succeeded or failed is
    /// gone through again, without a task run. If its flow files or components have changed since, it is refused, with the
    /// difference; `force` makes another flow run of it, which begins with what is unchanged.
    pub fn resume(&self, id: FlowRunId, force: bool) -> Result<Resume, RunError> {
        let store = self.store()?.ok_or_else(|| usage("this host keeps no runs", "set `HostOptions::keep_runs`"))?;
        let run = store.run(id).map_err(told)?;
        if run.state == RunState::Running {
            return Err(told(StoreError::Running(id)).into());
        }
        let record = store.record(id).map_err(told)?;
        if record.file.is_empty() {
            let help = "start it again from the program that it is part of";
            return Err(usage(format!("flow run {id} is of a flow without a file"), help).into());
        }
        let flow = self.check(&self.read_flow(Path::new(&record.file))?)?.flow;
        let given = record.parameters.iter();
        let given = given.map(|given| (given.name.clone(), Given::Value(given.value.clone(), given.ty.clone())));
        let plan = taskhost_flow::plan(&flow, given.collect())?;
        let today = recording::record(id, record.started, &plan, Vec::new());
        let difference = difference::between(&record, &today);
        let way = match run.state {
            _ if !difference.is_empty() && force => Way::Anew,
            _ if !difference.is_empty() => return Err(changed(id, &difference).into()),
            RunState::Succeeded | RunState::Failed => Way::Again,
            RunState::Running | RunState::Cancelled | RunState::Interrupted => Way::GoOn,
        };
        Ok(Resume { host: self.clone(), store, record, plan, way })
    }
}

fn usage(message: impl Into<String>, help: &str) -> HostError {
    HostError::new(HostErrorKind::Usage, message).with_help(help)
}

fn changed(id: FlowRunId, difference: &str) -> HostError {
    let message = format!("the flow has changed since flow run {id} was started:\n{}", difference.trim_end());
    usage(message, "undo the change; or `--force` begins a new flow run with the results of what is unchanged")
}

/// An error of the store, in words that name the way out.
fn told(error: StoreError) -> HostError {
    let (kind, help) = match &error {
        StoreError::Running(id) => {
            (HostErrorKind::Usage, Some(format!("wait until it is over, or stop it with `taskhost runs cancel {id}`")))
        }
        StoreError::UnknownRun(_) | StoreError::SeveralRuns { .. } => (HostErrorKind::Usage, error.help()),
        error => (HostErrorKind::Internal, error.help()),
    };
    let told = HostError::new(kind, error.to_string());
    match help {
        Some(help) => told.with_help(help),
        None => told,
    }
}

impl Resume {
    /// The flow.
    pub fn flow(&self) -> &Arc<Flow> {
        self.plan.flow()
    }

    /// The recorded flow run.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// Whether task runs may start; not if the flow run has ended.
    pub fn can_run(&self) -> bool {
        self.way != Way::Again
    }

    /// Whether it becomes another flow run, because the flow has changed.
    pub fn is_new(&self) -> bool {
        self.way == Way::Anew
    }

    /// Goes on, and returns when what is known has been gone through.
    pub fn start(self, options: RunOptions, observer: Arc<dyn Observer>) -> Result<FlowRun, RunError> {
        if self.can_run() {
            self.host.fetch_secrets(self.plan.flow())?;
        }
        let following = FlowRunOptions::new(observer);
        Ok(match self.way {
            Way::Again => {
                let replay = self.replay(&mut self.events()?)?;
                let nobody = |_: Option<RunnerChoice>| -> Arc<dyn Runner> { Arc::new(Nobody) };
                start_flow_run(&self.plan, self.record.id, Arc::new(nobody), following.replay(replay))
            }
            Way::GoOn => self.go_on(options, following)?,
            Way::Anew => self.anew(options, following)?,
        })
    }

    fn go_on(&self, options: RunOptions, following: FlowRunOptions) -> Result<FlowRun, HostError> {
        blobs::keep_parameters(&**self.host.blobs(), &self.plan)?;
        let stopping = Stopping::default();
        let journal = self.store.claim(self.record.id, stopping.on_request()).map_err(told)?;
        // Nobody else writes from here on.
        let replay = self.replay(&mut self.events()?)?;
        let following = following.journal(journal).replay(replay);
        let run = self.host.start_flow_run(&self.plan, self.record.id, options, following, Some(self.store.cache()));
        stopping.of(run.stopper());
        Ok(run)
    }

    fn anew(&self, options: RunOptions, following: FlowRunOptions) -> Result<FlowRun, HostError> {
        let (id, started) = new_flow_run_id();
        let mut labels = self.record.labels.clone();
        labels.extend(options.labels.iter().filter(|label| !self.record.labels.contains(label)).cloned());
        let record = recording::record(id, started, &self.plan, labels);
        blobs::keep_parameters(&**self.host.blobs(), &self.plan)?;
        let kept = self.kept(&record)?;
        let stopping = Stopping::default();
        let journal = self.store.create(record, stopping.on_request()).map_err(|error| not_recorded(&error))?;
        for event in &kept {
            let failed = |error: taskhost_model::seams::JournalError| {
                HostError::new(HostErrorKind::Internal, format!("the flow run cannot be recorded: {error}"))
            };
            journal.append(event.clone()).map_err(failed)?;
        }
        let replay = self.replay(&mut kept.into_iter().map(Ok))?;
        let following = following.journal(journal).replay(replay);
        let run = self.host.start_flow_run(&self.plan, id, options, following, Some(self.store.cache()));
        stopping.of(run.stopper());
        Ok(run)
    }

    fn events(&self) -> Result<impl Iterator<Item = Result<Timed<RunEvent>, StoreError>>, HostError> {
        self.store.events(self.record.id).map_err(told)
    }

    /// The events of the tasks that are unchanged and have succeeded.
    fn kept(&self, now: &RunRecord) -> Result<Vec<Timed<RunEvent>>, HostError> {
        let unchanged = kept::unchanged(&self.record, now, &self.plan);
        let mut succeeded = HashSet::new();
        for event in self.store.events(self.record.id).map_err(told)?.without_results() {
            if let RunEvent::TaskEnded { task, state: TaskState::Succeeded } = event.map_err(told)?.event
                && unchanged.contains(&task)
            {
                succeeded.insert(task);
            }
        }
        let is_kept = |event: &Timed<RunEvent>| {
            task_of(&event.event).is_some_and(|task| succeeded.contains(task.split(['/', '[']).next().unwrap_or(task)))
        };
        let events = self.events()?.filter(|event| event.as_ref().map_or(true, is_kept));
        events.collect::<Result<_, _>>().map_err(told)
    }

    /// What the events tell, which has to fit the flow.
    fn replay(
        &self,
        events: &mut dyn Iterator<Item = Result<Timed<RunEvent>, StoreError>>,
    ) -> Result<Replay, HostError> {
        let (mut replay, mut calls) = (Replay::new(), Calls { root: self.plan.flow(), names: HashMap::new() });
        let id = self.record.id;
        let broken = |what: String| {
            let help = "run the flow again; please report it, with the journal if you can";
            HostError::new(HostErrorKind::Internal, format!("flow run {id} cannot go on: {what}")).with_help(help)
        };
        for event in events {
            let event = event.map_err(told)?;
            if let RunEvent::TaskRunsEnded { task, results, .. } = &event.event {
                for result in results.iter().flatten() {
                    let fits = calls.find(task).is_some_and(|call| has_result_type(call, result));
                    if !fits {
                        return Err(broken(format!("a result of task `{task}` does not have its type")));
                    }
                }
            }
            replay.add(event).map_err(|error| broken(error.to_string()))?;
        }
        Ok(replay)
    }
}

fn has_result_type(call: &TaskCall, result: &Value) -> bool {
    match &call.result {
        Some(ty) => result.has_type(ty),
        None => *result == Value::tuple([]),
    }
}

fn task_of(event: &RunEvent) -> Option<&Arc<str>> {
    match event {
        RunEvent::TaskStarted { task, .. }
        | RunEvent::TaskRefused { task, .. }
        | RunEvent::TaskRunsEnded { task, .. }
        | RunEvent::RunRetried { task, .. }
        | RunEvent::TaskEnded { task, .. } => Some(task),
        RunEvent::FlowRunEnded(_) => None,
    }
}

/// From a task's path in a flow run to what it calls.
struct Calls<'a> {
    root: &'a Arc<Flow>,
    names: HashMap<*const Flow, HashMap<&'a str, usize>>,
}

impl<'a> Calls<'a> {
    fn find(&mut self, path: &str) -> Option<&'a TaskCall> {
        let mut flow = self.root;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let names = self
                .names
                .entry(Arc::as_ptr(flow))
                .or_insert_with(|| flow.tasks.iter().enumerate().map(|(at, task)| (&*task.name, at)).collect());
            let task = &flow.tasks[*names.get(part.split('[').next().unwrap_or(part))?];
            match (&task.kind, parts.peek()) {
                (TaskKind::Call(call), None) => return Some(call),
                (TaskKind::Subflow(inner), Some(_)) => flow = inner,
                _ => return None,
            }
        }
        None
    }
}

/// Carries nothing out: for a flow run that has ended.
struct Nobody;

impl Runner for Nobody {
    fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>) {
        for request in requests {
            reports.ended(TaskRunReport {
                flow_run: request.flow_run,
                request: request.id,
                first: request.indexes.start,
                outcomes: vec![TaskRunOutcome::without_usage(Ending::Cancelled); request.indexes.len()],
                origin: Origin::Journal,
            });
        }
    }

    fn cancel(&self, _flow_run: FlowRunId) {}

    fn capacity(&self) -> usize {
        taskhost_model::limits::CONCURRENCY_DEFAULT
    }
}
