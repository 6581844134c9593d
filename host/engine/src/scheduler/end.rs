//! The half of the agenda where things end: task runs, tasks, instances, the flow run.

use std::sync::Arc;
use std::time::Duration;

use taskhost_flow::flow::Task;
use taskhost_model::{
    Ending, FlowRunEnding, FlowRunId, Origin, Refusal, RunEvent, TaskFailure, TaskRunOutcome, TaskRunReport, TaskState,
    Usage, Value, ValueType, powers,
};

use super::active::{Active, RunEnd, RunFailure, interpret, told};
use super::instance::{Done, Instance, InstanceId, Parent, State};
use super::retry::{self, Wait};
use super::{Output, Phase, Scheduler, Work};
use crate::input::{Blocked, evaluate};

impl Scheduler {
    /// Counts each outcome once and gathers the results.
    pub(super) fn reported(&mut self, report: TaskRunReport, out: &mut Vec<Output>) {
        if report.flow_run != self.flow_run {
            return;
        }
        let Some(open) = self.requests.open.get_mut(&report.request) else { return };
        let (id, task) = (open.instance, open.task);
        let Some(instance) = self.instances.get_mut(id) else { return };
        let flow = Arc::clone(&instance.flow);
        let Some(active) = instance.active(task) else { return };
        let was_stopped = active.stopped;
        let withdrawn = was_stopped || !matches!(self.phase, Phase::Running);
        let mut told = Told::new(active, &flow.tasks[task], report.first, report.origin);
        (told.withdrawn, told.keeps_results) = (withdrawn, self.keeps_results);
        (told.flow_run, told.attempt) = (self.flow_run, open.attempt);
        let mut counted = 0;
        for (at, outcome) in report.outcomes.into_iter().enumerate() {
            let Some(index) = u32::try_from(at).ok().and_then(|at| report.first.checked_add(at)) else { break };
            if open.take(index) {
                counted += 1;
                told.take(index, outcome, out);
            } else {
                told.flush(index, out);
            }
        }
        told.flush(0, out);
        let retried = std::mem::take(&mut told.retried);
        let (runner, attempt) = (open.runner.clone(), open.attempt + 1);
        let stops = active.stopped && !was_stopped;
        if open.is_answered() {
            self.requests.open.remove(&report.request);
        }
        self.lanes.of(&runner).in_flight -= counted;
        self.tags.give_back(&active.tags, counted as u32);
        active.waiting += retried.len() as u32;
        if !active.stopped && matches!(self.phase, Phase::Running) {
            for (index, delay) in retried {
                let id = self.waits.add(Wait { instance: id, task, runner: runner.clone(), index, attempt });
                out.push(Output::Wait { id, delay, task: Arc::clone(&active.path), index, attempt });
            }
        }
        if stops {
            self.withdraw(id, task, out);
        }
        self.settle(id, task, out);
    }

    /// A mapped task failed: what its runner has not started shall not start.
    fn withdraw(&mut self, id: InstanceId, task: usize, out: &mut Vec<Output>) {
        let of_task = self.requests.open.iter().filter(|(_, open)| open.instance == id && open.task == task);
        out.extend(of_task.map(|(request, open)| Output::Withdraw { runner: open.runner.clone(), request: *request }));
    }

    /// Ends a task of which nothing is left to run.
    fn settle(&mut self, id: InstanceId, task: usize, out: &mut Vec<Output>) {
        let cancelling = !matches!(self.phase, Phase::Running);
        let Some(instance) = self.instances.get_mut(id) else { return };
        let Some(active) = instance.active(task) else { return };
        active.stopped |= cancelling;
        if active.stopped {
            active.drop_retries();
        }
        if !active.is_over() {
            return;
        }
        let State::Active(active) = std::mem::replace(&mut instance.slots[task].state, State::Waiting) else {
            return;
        };
        if let Some(failure) = active.failure_text() {
            let flow = Arc::clone(&instance.flow);
            if !flow.tasks[task].failure_handled {
                instance.keep_failure(task, || format!("task `{}`: {failure}", flow.tasks[task].name));
            }
        }
        let path = Arc::clone(&active.path);
        self.task_at_path_over(id, task, path, active.finish(), out);
    }

    pub(super) fn task_over(&mut self, id: InstanceId, task: usize, done: Done, out: &mut Vec<Output>) {
        let Some(instance) = self.instances.get(id) else { return };
        let path = instance.path(task);
        self.task_at_path_over(id, task, path, done, out);
    }

    fn task_at_path_over(&mut self, id: InstanceId, task: usize, path: Arc<str>, done: Done, out: &mut Vec<Output>) {
        let cancelling = !matches!(self.phase, Phase::Running);
        let Some(instance) = self.instances.get_mut(id) else { return };
        let state = match &done {
            Done::Succeeded(_) => TaskState::Succeeded,
            Done::Failed(_) => TaskState::Failed,
            Done::Skipped => TaskState::Skipped,
            Done::NotRun(cause) => TaskState::NotRun(Arc::clone(&instance.flow.tasks[*cause].name)),
            Done::Cancelled => TaskState::Cancelled,
        };
        out.push(Output::Record(RunEvent::TaskEnded { task: path, state }));
        let unhandled = match &done {
            Done::Failed(_) if !instance.flow.tasks[task].failure_handled => Some(task),
            // Nobody handles a failure that keeps another task from running.
            Done::NotRun(cause) => Some(*cause),
            _ => None,
        };
        let agenda = &mut self.agenda;
        instance.over(task, done, |dependent| {
            if !cancelling {
                agenda.push_back(Work::Decide(id, dependent));
            }
        });
        if let Some(cause) = unhandled {
            instance.count_failure(cause);
        }
        if instance.open == 0 && !cancelling {
            self.agenda.push_back(Work::Close(id));
        }
    }

    /// Ends an instance: the flow run, or a run of the subflow task that it belongs to.
    pub(super) fn close(&mut self, id: InstanceId, out: &mut Vec<Output>) {
        let Some(mut instance) = self.instances.remove(id) else { return };
        let outputs = instance.outputs(out);
        match instance.parent {
            Some(parent) => {
                let end = instance.run_end(outputs);
                self.child_over(parent, instance, end, out);
            }
            None if instance.failures.is_empty() => self.finish(FlowRunEnding::Succeeded(outputs), out),
            None => self.finish(FlowRunEnding::Failed(instance.failures), out),
        }
    }

    fn child_over(&mut self, parent: Parent, child: Instance, end: Result<Value, TaskFailure>, out: &mut Vec<Output>) {
        let Some(instance) = self.instances.get_mut(parent.instance) else { return };
        let flow = Arc::clone(&instance.flow);
        let task = &flow.tasks[parent.task];
        let Some(active) = instance.active(parent.task) else { return };
        let end = match end {
            Ok(value) => RunEnd::Value(value),
            Err(failure) => {
                active.add_failed_inside(child.failures);
                RunEnd::Failure(told(task, failure))
            }
        };
        let failure = active.run_ended(task, parent.index, end);
        out.push(Output::Record(RunEvent::TaskRunsEnded {
            task: Arc::clone(&active.path),
            first: parent.index,
            count: 1,
            // What a subflow used is told by the tasks inside.
            usage: Usage::default(),
            failures: failure.map(|failure| (parent.index, failure)).into_iter().collect(),
            refusals: Vec::new(),
            // So is what was returned.
            results: Vec::new(),
            origin: Origin::Run,
        }));
        let has_more = active.has_more();
        self.settle(parent.instance, parent.task, out);
        if has_more {
            self.agenda.push_back(Work::Expand(parent.instance, parent.task));
        }
    }

    /// Nothing new starts, here and at the runners; what runs goes on.
    pub(super) fn drain(&mut self, out: &mut Vec<Output>) {
        if matches!(self.phase, Phase::Running) {
            let open = self.requests.open.iter();
            out.extend(open.map(|(request, open)| Output::Withdraw { runner: open.runner.clone(), request: *request }));
        }
        self.cancel(out);
    }

    /// Nothing new starts. Tasks of which nothing runs are over now, the others when their last run has reported.
    pub(super) fn cancel(&mut self, out: &mut Vec<Output>) {
        match self.phase {
            Phase::New(..) => return self.finish(FlowRunEnding::Cancelled, out),
            Phase::Running => self.phase = Phase::Cancelling,
            Phase::Cancelling | Phase::Over => return,
        }
        self.lanes.clear_ready();
        self.waits.clear();
        for id in self.instances.ids() {
            let tasks = self.instances.get(id).map_or(0, |instance| instance.slots.len());
            for task in 0..tasks {
                match self.instances.get(id).map(|instance| &instance.slots[task].state) {
                    Some(State::Waiting) => self.task_over(id, task, Done::Cancelled, out),
                    Some(State::Active(_)) => self.settle(id, task, out),
                    Some(State::Over(_)) | None => {}
                }
            }
        }
    }

    /// After the last report: subflow tasks are what is left, the inner ones last to be made, first to end.
    pub(super) fn finish_cancelled(&mut self, out: &mut Vec<Output>) {
        for id in self.instances.ids().into_iter().rev() {
            let tasks = self.instances.get(id).map_or(0, |instance| instance.slots.len());
            for task in 0..tasks {
                if self.instances.get(id).is_some_and(|instance| !matches!(instance.slots[task].state, State::Over(_)))
                {
                    self.task_over(id, task, Done::Cancelled, out);
                }
            }
            self.instances.remove(id);
        }
        self.finish(FlowRunEnding::Cancelled, out);
    }

    fn finish(&mut self, ending: FlowRunEnding, out: &mut Vec<Output>) {
        self.phase = Phase::Over;
        out.push(Output::Record(RunEvent::FlowRunEnded(ending.clone())));
        out.push(Output::Finish(ending));
    }
}

impl Instance {
    /// The outputs, when every task is over; one that cannot be had counts as a failure of the task behind it, or of its own.
    fn outputs(&mut self, out: &mut Vec<Output>) -> Vec<Option<Value>> {
        let flow = Arc::clone(&self.flow);
        let mut outputs = Vec::with_capacity(flow.outputs.len());
        for output in &flow.outputs {
            outputs.push(match evaluate(&output.input, self) {
                Ok(value) => Some(value),
                Err(Blocked::Skipped) => None,
                Err(Blocked::NotRun(cause)) => {
                    self.count_failure(cause);
                    None
                }
                Err(Blocked::BadArguments(message)) => {
                    self.output_failed(&output.name, TaskFailure::BadArguments(message), out);
                    None
                }
            });
        }
        outputs
    }

    /// Told as if the output were a task: names of tasks have no dots.
    fn output_failed(&mut self, name: &str, failure: TaskFailure, out: &mut Vec<Output>) {
        let task: Arc<str> = format!("{}outputs.{name}", self.prefix).into();
        // After every task.
        self.keep_failure(usize::MAX, || format!("output `{name}`: {failure}"));
        self.failures.push(Arc::clone(&task));
        out.push(Output::Record(RunEvent::TaskRefused { task: Arc::clone(&task), failure }));
        out.push(Output::Record(RunEvent::TaskEnded { task, state: TaskState::Failed }));
    }

    /// The record of a subflow's outputs, or why there is none.
    fn run_end(&self, outputs: Vec<Option<Value>>) -> Result<Value, TaskFailure> {
        if !self.failures.is_empty() {
            let first = self.first_failure.as_ref().map(|(_, text)| text.clone());
            let text = first.unwrap_or_else(|| format!("task `{}` failed", self.failures[0]));
            return Err(TaskFailure::Returned(text));
        }
        let values = outputs.into_iter().zip(&self.flow.outputs).map(|(value, output)| match value {
            Some(value) => Ok(value),
            None if matches!(output.ty, ValueType::Option(_)) => Ok(Value::NONE),
            None => Err(TaskFailure::Returned(format!("output `{}` has no value: its task was skipped", output.name))),
        });
        values.collect::<Result<Arc<[Value]>, _>>().map(Value::Record)
    }
}

/// Gathers the outcomes of one report into events: one for each stretch of runs that were carried out.
struct Told<'a> {
    active: &'a mut Active,
    task: &'a Task,
    withdrawn: bool,
    keeps_results: bool,
    flow_run: FlowRunId,
    attempt: u32,
    origin: Origin,
    /// Those that are to be tried again, after a delay.
    retried: Vec<(u32, Duration)>,
    first: u32,
    count: u32,
    usage: Usage,
    failures: Vec<(u32, TaskFailure)>,
    refusals: Vec<Refusal>,
    results: Vec<Option<Value>>,
}

impl<'a> Told<'a> {
    fn new(active: &'a mut Active, task: &'a Task, first: u32, origin: Origin) -> Told<'a> {
        Told {
            active,
            task,
            withdrawn: false,
            keeps_results: false,
            flow_run: FlowRunId::new(0, 0),
            attempt: 1,
            origin,
            retried: Vec::new(),
            first,
            count: 0,
            usage: Usage::default(),
            failures: Vec::new(),
            refusals: Vec::new(),
            results: Vec::new(),
        }
    }

    fn take(&mut self, index: u32, outcome: TaskRunOutcome, out: &mut Vec<Output>) {
        let result = match &outcome.ending {
            Ending::Returned(value) if self.keeps_results => Some(value.clone()),
            _ => None,
        };
        let end = match interpret(self.task, outcome.ending, self.withdrawn) {
            RunEnd::Failure(run) if retry::follows(self.task, self.attempt, &run.failure) => {
                return self.retry(index, run, outcome.usage, out);
            }
            end => end,
        };
        let carried_out = !matches!(end, RunEnd::Withdrawn);
        let failure = self.active.run_ended(self.task, index, end);
        if !carried_out {
            self.flush(index, out);
            // One that was stopped half way has no end, but what it used counts.
            self.usage = outcome.usage;
            return self.flush(index, out);
        }
        self.count += 1;
        if self.keeps_results {
            self.results.push(result);
        }
        self.usage.add(&outcome.usage);
        powers::gather(&mut self.refusals, outcome.refusals.as_slice());
        self.failures.extend(failure.map(|failure| (index, failure)));
    }

    /// Tells of an attempt that another one follows.
    fn retry(&mut self, index: u32, run: RunFailure, usage: Usage, out: &mut Vec<Output>) {
        self.flush(index, out);
        let dice = retry::dice(self.flow_run, &self.active.path, index, self.attempt);
        let delay = self.task.retry.delay_after(self.attempt, dice);
        self.retried.push((index, delay));
        out.push(Output::Record(RunEvent::RunRetried {
            task: Arc::clone(&self.active.path),
            index,
            attempt: self.attempt,
            failure: run.failure,
            usage,
            delay,
        }));
    }

    /// Tells what was gathered; the next stretch begins after `index`.
    fn flush(&mut self, index: u32, out: &mut Vec<Output>) {
        if self.count > 0 || self.usage != Usage::default() {
            out.push(Output::Record(RunEvent::TaskRunsEnded {
                task: Arc::clone(&self.active.path),
                first: self.first,
                count: self.count,
                usage: std::mem::take(&mut self.usage),
                failures: std::mem::take(&mut self.failures),
                refusals: std::mem::take(&mut self.refusals),
                results: std::mem::take(&mut self.results),
                origin: self.origin,
            }));
        }
        self.count = 0;
        self.first = index.wrapping_add(1);
    }
}
