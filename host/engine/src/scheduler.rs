//! What runs next: a pure function of what happened. No I/O, no clock, no threads.
//!
//! [`Scheduler::on`] takes one [`Input`] and appends the [`Output`]s that follow from it. The same inputs give the same outputs: tasks
//! start in the order of the flow, indexes of a map ascend. Mapped tasks are expanded lazily, a range of indexes at a time, so memory
//! does not grow with the number of task runs beyond their results.
//!
//! Where to look: `instance` (one use of a flow), `active` (a running task), `lane` (what a runner holds), `tags` (limits across lanes),
//! `retry` (what is tried again), `start` and `end` (the two halves of the agenda: tasks that begin, and what ends).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use taskhost_flow::Plan;
use taskhost_flow::flow::{Flow, RunnerChoice};
use taskhost_model::{FlowRunEnding, FlowRunId, RequestId, RunEvent, TaskRunReport, TaskRunRequest, Value};

mod active;
mod end;
mod instance;
mod lane;
mod retry;
mod start;
mod tags;

use instance::{Instance, InstanceId, Instances, Shapes};
use lane::{Lanes, Requests};
use retry::Waits;
use tags::Tags;

pub use lane::Capacity;

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// The flow run shall begin.
    Start,
    /// Task runs ended. A second report of the same run, or one that was never asked for, changes nothing.
    Ended(TaskRunReport),
    /// The delay of an [`Output::Wait`] is over. One that nobody waits for any more changes nothing.
    Elapsed(WaitId),
    /// Nothing new shall start, retries neither. What runs goes on to its end.
    Drain,
    /// Nothing new shall start. What runs is stopped by whoever drives the scheduler; each still reports.
    Cancel,
}

/// Names a wait of one flow run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WaitId(pub u64);

/// Something to do.
#[derive(Debug)]
pub enum Output {
    /// Hand this to a runner; the default one if none is named.
    Start {
        /// Which runner.
        runner: Option<RunnerChoice>,
        /// What to run.
        request: TaskRunRequest,
    },
    /// Give an [`Input::Elapsed`] with this id when the delay is over: a task run is to be tried again.
    Wait {
        /// Names the wait.
        id: WaitId,
        /// How long.
        delay: Duration,
        /// The path of the task.
        task: Arc<str>,
        /// Which of its runs.
        index: u32,
        /// The attempt that will follow.
        attempt: u32,
    },
    /// Do not start what has not started of this request: its task has failed, or the flow run is to end.
    Withdraw {
        /// The runner that has it.
        runner: Option<RunnerChoice>,
        /// Which request.
        request: RequestId,
    },
    /// A fact.
    Record(RunEvent),
    /// The flow run is over; always the last output.
    Finish(FlowRunEnding),
}

/// Decides what runs next in one flow run.
pub struct Scheduler {
    flow_run: FlowRunId,
    /// Whether events bear what task runs returned, for a journal.
    keeps_results: bool,
    phase: Phase,
    instances: Instances,
    shapes: Shapes,
    lanes: Lanes,
    requests: Requests,
    tags: Tags,
    waits: Waits,
    /// Tasks that became ready so far: each has its turn.
    turns: u64,
    agenda: VecDeque<Work>,
}

enum Phase {
    New(Arc<Flow>, Vec<Value>),
    Running,
    Cancelling,
    Over,
}

/// What remains to be looked at within a step. A list, not recursion: a flow may be a chain of 100,000 tasks.
enum Work {
    /// All that the task needs is over.
    Decide(InstanceId, usize),
    /// A subflow task may start further instances.
    Expand(InstanceId, usize),
    /// Every task of the instance is over.
    Close(InstanceId),
}

impl Scheduler {
    /// A flow run of `plan`. `capacity` says how many task runs a runner wants to hold.
    pub fn new(flow_run: FlowRunId, plan: &Plan, capacity: Capacity) -> Scheduler {
        Scheduler {
            flow_run,
            keeps_results: false,
            phase: Phase::New(Arc::clone(plan.flow()), plan.parameters().to_vec()),
            instances: Instances::default(),
            shapes: Shapes::default(),
            lanes: Lanes::new(capacity),
            requests: Requests::default(),
            tags: Tags::new(plan.flow()),
            waits: Waits::default(),
            turns: 0,
            agenda: VecDeque::new(),
        }
    }

    /// Has events bear what task runs returned, for a journal.
    pub fn keep_results(&mut self) {
        self.keeps_results = true;
    }

    /// Takes note of `input` and appends what follows from it to `out`.
    pub fn on(&mut self, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Start => self.begin(),
            Input::Ended(report) => self.reported(report, out),
            Input::Elapsed(id) => self.elapsed(id),
            Input::Drain => self.drain(out),
            Input::Cancel => self.cancel(out),
        }
        while let Some(work) = self.agenda.pop_front() {
            match work {
                Work::Decide(instance, task) => self.decide(instance, task, out),
                Work::Expand(instance, task) => self.expand(instance, task),
                Work::Close(instance) => self.close(instance, out),
            }
        }
        match self.phase {
            Phase::Running => self.fill_lanes(out),
            Phase::Cancelling if self.lanes.in_flight() == 0 => self.finish_cancelled(out),
            _ => {}
        }
    }

    /// Task runs that were asked for and have not been reported.
    pub fn in_flight(&self) -> usize {
        self.lanes.in_flight()
    }

    /// Whether the flow run is over.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    fn begin(&mut self) {
        if let Phase::New(flow, parameters) = std::mem::replace(&mut self.phase, Phase::Running) {
            let shape = self.shapes.of(&flow);
            self.add_instance(Instance::new(flow, shape, parameters));
        }
    }

    fn add_instance(&mut self, instance: Instance) {
        let ready: Vec<usize> = (0..instance.slots.len()).filter(|at| instance.slots[*at].waiting_for == 0).collect();
        let id = self.instances.insert(instance);
        if ready.is_empty() {
            self.agenda.push_back(Work::Close(id));
        }
        self.agenda.extend(ready.into_iter().map(|task| Work::Decide(id, task)));
    }
}
