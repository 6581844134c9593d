//! [`Resume`]: a recorded flow run that is about to go on.
//!
//! ```text
//! record ─► flow files and components of today ─► the same?  ─► claim ─► journal so far ─► start, with what is known in front
//!                                                     │ no, but forced
//!                                                     └──────► a new flow run that begins with what is unchanged
//! ```

use std::path::Path;
use std::sync::Arc;

use taskhost_engine::{FlowRun, FlowRunOptions, Paths, Replay, start_flow_run};
use taskhost_flow::{Flow, Given, Plan, RunnerChoice, TaskKind};
use taskhost_model::event::Timed;
use taskhost_model::seams::{Journal as _, JournalError, Observer, Reports, Runner};
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
    /// It has succeeded: it is only gone through again.
    Again,
    /// It goes on where it was, or with what failed.
    GoOn,
    /// The flow has changed: another flow run, which begins with what is unchanged.
    Anew,
}

impl Host {
    /// A recorded flow run, to go on with: what has ended is taken from its journal, and never run twice. One that failed goes on with what
    /// failed and what needs that; one that succeeded is gone through again, without a task run. If its flow files or components have changed since, it is refused, with the
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
        // One that the flow has no more is part of the difference.
        let is_there = |name: &str| flow.parameters.iter().any(|parameter| *parameter.name == *name);
        let given = record.parameters.iter().filter(|given| is_there(&given.name));
        let given = given.map(|given| (given.name.clone(), Given::Value(given.value.clone(), given.ty.clone())));
        let plan = taskhost_flow::plan(&flow, given.collect())?;
        let today = recording::record(id, record.started, &plan, Vec::new());
        let difference = difference::between(&record, &today);
        let way = match run.state {
            _ if !difference.is_empty() && force => Way::Anew,
            _ if !difference.is_empty() => return Err(changed(id, &difference).into()),
            RunState::Succeeded => Way::Again,
            RunState::Running | RunState::Failed | RunState::Cancelled | RunState::Interrupted => Way::GoOn,
        };
        Ok(Resume { host: self.clone(), store, record, plan, way })
    }
}

impl Host {
    /// Which files and components are no longer what they were when a flow run was recorded, in words; empty if all are. For a flow that has
    /// mistakes by now, so that [`Host::resume`] cannot compare it. What is gone is no difference: the mistakes tell it.
    pub fn changed_since(&self, id: FlowRunId) -> Result<String, HostError> {
        let Some(store) = self.store()? else { return Ok(String::new()) };
        let record = store.record(id).map_err(told)?;
        let mut now = record.clone();
        for file in &mut now.files {
            if let Ok(source) = self.read_flow(Path::new(&file.path)) {
                file.text = source.text().to_string();
            }
        }
        for used in &mut now.components {
            if let Ok(digest) = self.digest(Path::new(&used.path)) {
                used.digest = digest;
            }
        }
        Ok(difference::between(&record, &now))
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
        // Somebody else was quicker to go on with it, and is done.
        StoreError::Succeeded(_) | StoreError::UnknownRun(_) | StoreError::SeveralRuns { .. } => {
            (HostErrorKind::Usage, error.help())
        }
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

    /// Whether task runs may start; not if the flow run has succeeded.
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
            self.host.fetch_secrets(self.plan.flow(), &options)?;
            self.host.ready(&self.plan, &options)?;
        }
        let following = FlowRunOptions::new(observer);
        Ok(match self.way {
            Way::Again => {
                let nobody = |_: Option<RunnerChoice>| -> Arc<dyn Runner> { Arc::new(Nobody) };
                let following = following.replay(self.replay()?);
                start_flow_run(&self.plan, self.record.id, Arc::new(nobody), following)
            }
            Way::GoOn => self.go_on(options, following)?,
            Way::Anew => self.anew(options, following)?,
        })
    }

    fn go_on(&self, options: RunOptions, following: FlowRunOptions) -> Result<FlowRun, HostError> {
        blobs::keep_parameters(&*self.host.blobs(), &self.plan)?;
        let stopping = Stopping::new(&following.observer);
        let was = self.store.run(self.record.id).map_err(told)?;
        let journal = self.store.claim(self.record.id, stopping.on_request()).map_err(told)?;
        // Nobody else writes from here on.
        let mut replay = self.replay().inspect_err(|_| {
            // It is as it was. If that cannot be written, it is said to be interrupted, and can be resumed all the same.
            let _ = self.store.give_back(&was);
        })?;
        if let Some(event) = replay.resumed(self.plan.flow()) {
            let event = Timed { at: replay.elapsed(), event };
            journal.append(event.clone()).map_err(cannot_be_recorded)?;
            replay.add(event).map_err(|error| self.broken(&error.to_string()))?;
        }
        let following = following.journal(journal).replay(replay);
        let run = self.host.start_flow_run(&self.plan, self.record.id, options, following, Some(self.store.cache()));
        stopping.of(run.stopper());
        Ok(run)
    }

    fn anew(&self, options: RunOptions, following: FlowRunOptions) -> Result<FlowRun, HostError> {
        let (id, started) = new_flow_run_id();
        let mut labels = self.record.labels.clone();
        labels.extend(options.labels.iter().filter(|label| !self.record.labels.contains(label)).cloned());
        let mut record = recording::record(id, started, &self.plan, labels);
        record.from = Some(self.record.id);
        blobs::keep_parameters(&*self.host.blobs(), &self.plan)?;
        let kept = self.kept(&record)?;
        let stopping = Stopping::new(&following.observer);
        let journal = self.store.create(record, stopping.on_request()).map_err(|error| not_recorded(&error))?;
        let (mut replay, mut types) = (Replay::new(), Types(Paths::new(self.plan.flow())));
        for event in kept {
            journal.append(event.clone()).map_err(cannot_be_recorded)?;
            types.check(&event.event).map_err(|what| self.broken(&what))?;
            replay.add(event).map_err(|error| self.broken(&error.to_string()))?;
        }
        let following = following.journal(journal).replay(replay);
        let run = self.host.start_flow_run(&self.plan, id, options, following, Some(self.store.cache()));
        stopping.of(run.stopper());
        Ok(run)
    }

    /// What the journal tells, which has to fit the flow.
    fn replay(&self) -> Result<Replay, HostError> {
        let (mut replay, mut types) = (Replay::new(), Types(Paths::new(self.plan.flow())));
        for event in self.store.events(self.record.id).map_err(told)? {
            let event = event.map_err(told)?;
            types.check(&event.event).map_err(|what| self.broken(&what))?;
            replay.add(event).map_err(|error| self.broken(&error.to_string()))?;
        }
        Ok(replay)
    }

    /// The events of the tasks that are unchanged and have succeeded.
    fn kept(&self, now: &RunRecord) -> Result<Vec<Timed<RunEvent>>, HostError> {
        let unchanged = kept::unchanged(&self.record, now, &self.plan);
        let mut replay = Replay::new();
        for event in self.store.events(self.record.id).map_err(told)? {
            replay.add(event.map_err(told)?).map_err(|error| self.broken(&error.to_string()))?;
        }
        Ok(replay.events(|path| {
            let task = path.split(['/', '[']).next().unwrap_or(path);
            unchanged.contains(task) && replay.state(task) == Some(&TaskState::Succeeded)
        }))
    }

    fn broken(&self, what: &str) -> HostError {
        let help = "run the flow again; please report it, with the journal if you can";
        let message = format!("flow run {} cannot go on: {what}", self.record.id);
        HostError::new(HostErrorKind::Internal, message).with_help(help)
    }
}

fn cannot_be_recorded(error: JournalError) -> HostError {
    HostError::new(HostErrorKind::Internal, format!("the flow run cannot be recorded: {error}"))
}

/// Whether results have the types of their tasks.
struct Types<'a>(Paths<'a>);

impl Types<'_> {
    fn check(&mut self, event: &RunEvent) -> Result<(), String> {
        let RunEvent::TaskRunsEnded { task, results, .. } = event else { return Ok(()) };
        if results.iter().all(Option::is_none) {
            return Ok(());
        }
        let call = self.0.find(task).and_then(|(flow, at)| match &flow.tasks[at].kind {
            TaskKind::Call(call) => Some(call),
            TaskKind::Subflow(_) => None,
        });
        let fits = call.is_some_and(|call| results.iter().flatten().all(|result| has_result_type(call, result)));
        if fits { Ok(()) } else { Err(format!("a result of task `{task}` does not have its type")) }
    }
}

fn has_result_type(call: &TaskCall, result: &Value) -> bool {
    match &call.result {
        Some(ty) => result.has_type(ty),
        None => *result == Value::tuple([]),
    }
}

/// Carries nothing out: for a flow run that has succeeded.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_that_loses_against_another_one_is_told_that_the_run_is_running_or_has_succeeded_and_is_no_fault_of_ours()
     {
        let id = FlowRunId::new(1_790_000_000_000, 7);
        for error in [StoreError::Running(id), StoreError::Succeeded(id)] {
            let told = told(error);
            assert_eq!(told.kind, HostErrorKind::Usage, "{told:?}");
            assert!(told.help.is_some_and(|help| help.contains("taskhost runs")), "it says what to do");
        }
        assert_eq!(told(StoreError::Closed).kind, HostErrorKind::Internal);
    }
}
