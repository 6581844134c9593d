//! [`Replay`]: what the journal knows of an earlier part of a flow run, so that nothing in it is run again.
//!
//! The scheduler is a pure function: given the same outcomes it comes to the same decisions. So a flow run is resumed by running its plan
//! from the start, with the outcomes of the journal in place of task runs ([`Answered`](crate::Answered)). What the journal has of this already is not
//! recorded again ([`Replay::has`]). A flow run that failed first takes back what failed ([`Replay::resumed`]).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use taskhost_model::event::{TakenBack, Timed};
use taskhost_model::{FlowRunEnding, Origin, RunEvent, TaskRunRequest, TaskState};

mod known;
mod resumed;
mod tasks;

use crate::answered::{Answerer, Answers};
use known::{Known, Retried, Stretch};
use tasks::Tasks;

pub use resumed::Paths;

/// An earlier part of a flow run, from its events in order.
#[derive(Default, Debug)]
pub struct Replay {
    tasks: Tasks,
    elapsed: Duration,
    ending: Option<FlowRunEnding>,
}

/// An event that cannot be true after those before it: the journal is broken, or of another flow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IllegalEvent {
    /// What is wrong, lower case, no full stop; reads after "the journal cannot be true: ".
    pub message: String,
}

impl fmt::Display for IllegalEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the journal cannot be true: {}", self.message)
    }
}

impl std::error::Error for IllegalEvent {}

impl Replay {
    /// Before the first event: nothing is known.
    pub fn new() -> Replay {
        Replay::default()
    }

    /// Takes note of the next event.
    pub fn add(&mut self, event: Timed<RunEvent>) -> Result<(), IllegalEvent> {
        if self.ending.is_some() && !matches!(event.event, RunEvent::FlowRunResumed { .. }) {
            return illegal("something happened after its end".to_owned());
        }
        let at = event.at;
        self.elapsed = self.elapsed.max(event.at);
        match event.event {
            RunEvent::TaskStarted { task, runs } => {
                let known = self.tasks.get_or_add(&task);
                if known.has_begun() {
                    return illegal(format!("task `{task}` started twice"));
                }
                (known.runs, known.started_at) = (Some(runs), at);
            }
            RunEvent::TaskRefused { task, failure } => {
                let known = self.tasks.get_or_add(&task);
                if known.has_begun() {
                    return illegal(format!("task `{task}` was refused after its start"));
                }
                known.refuse(failure);
                known.started_at = at;
            }
            RunEvent::TaskRunsEnded { task, first, count, usage, failures, refusals, results, origin } => {
                let known = self.running(&task, first, count)?;
                known.add(&task, Stretch { at, first, count, usage, failures, refusals, results, origin })?;
            }
            RunEvent::RunRetried { task, index, attempt, failure, usage, delay } => {
                let known = self.running(&task, index, 1)?;
                if known.stretch(index).is_some() {
                    return illegal(format!("run {index} of task `{task}` was tried again after its end"));
                }
                let retried = known.retried(index);
                if retried.len() as u64 + 1 != u64::from(attempt) {
                    let before = retried.len();
                    return illegal(format!(
                        "attempt {attempt} of run {index} of task `{task}` follows attempt {before}"
                    ));
                }
                retried.push(Retried { at, failure, usage, delay });
            }
            RunEvent::TaskEnded { task, state } => self.task_ended(&task, state, at)?,
            RunEvent::FlowRunEnded(FlowRunEnding::Cancelled) => {}
            RunEvent::FlowRunEnded(ending) => self.ending = Some(ending),
            RunEvent::FlowRunResumed { taken_back } => self.take_back(&taken_back)?,
        }
        Ok(())
    }

    /// The task of which these runs ended.
    fn running(&mut self, task: &Arc<str>, first: u32, count: u32) -> Result<&mut Known, IllegalEvent> {
        let Some(known) = self.tasks.get_mut(task) else {
            return illegal(format!("runs of task `{task}` ended, which had not started"));
        };
        let Some(runs) = known.runs else {
            return illegal(format!("runs of task `{task}` ended, which had not started"));
        };
        if known.ended.is_some() {
            return illegal(format!("a run of task `{task}` ended after the task"));
        }
        if first.checked_add(count).is_none_or(|end| end > runs) {
            return illegal(format!("run {first} of task `{task}` ended, which has {runs} runs"));
        }
        Ok(known)
    }

    fn task_ended(&mut self, task: &Arc<str>, state: TaskState, at: Duration) -> Result<(), IllegalEvent> {
        let known = self.tasks.get_or_add(task);
        if known.ended.is_some() {
            return illegal(format!("task `{task}` ended twice"));
        }
        let had_to_start = matches!(state, TaskState::Succeeded | TaskState::Failed);
        if had_to_start && known.runs.is_none() && !known.is_refused() {
            return illegal(format!("task `{task}` ended, which had not started"));
        }
        known.ended = (state != TaskState::Cancelled).then_some(state);
        known.ended_at = at;
        Ok(())
    }

    /// A flow run that failed goes on.
    fn take_back(&mut self, taken_back: &[TakenBack]) -> Result<(), IllegalEvent> {
        if !matches!(self.ending, Some(FlowRunEnding::Failed(_))) {
            return illegal("it was resumed after a failure that it does not tell".to_owned());
        }
        self.ending = None;
        for back in taken_back {
            let Some(known) = self.tasks.get_mut(&back.task).filter(|known| known.ended.is_some()) else {
                return illegal(format!("task `{}` was taken back, which was not over", back.task));
            };
            if known.taken_back(&back.task, back.starts_anew) != *back {
                return illegal(format!("more or less of task `{}` was taken back than there was", back.task));
            }
            match back.starts_anew {
                true => self.tasks.remove(&back.task),
                false => known.take_back(),
            }
        }
        Ok(())
    }

    /// When its last event happened, since the flow run's start.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// How the flow run ended, unless it did not or was cancelled: then it can go on.
    pub fn ending(&self) -> Option<&FlowRunEnding> {
        self.ending.as_ref()
    }

    /// Whether an event is among those that were added, so that it need not be recorded again. So is all of a task whose end is there.
    pub fn has(&self, event: &RunEvent) -> bool {
        let known = |task: &Arc<str>| self.tasks.get(task);
        match event {
            RunEvent::TaskStarted { task, .. } => {
                known(task).is_some_and(|known| known.is_over() || known.runs.is_some())
            }
            RunEvent::TaskRefused { task, .. } => {
                known(task).is_some_and(|known| known.is_over() || known.is_refused())
            }
            RunEvent::TaskRunsEnded { task, first, count, .. } => {
                known(task).is_some_and(|known| known.is_over() || *count > 0 && known.stretch(*first).is_some())
            }
            RunEvent::RunRetried { task, index, attempt, .. } => {
                known(task).is_some_and(|known| known.is_over() || *attempt <= known.retries(*index))
            }
            RunEvent::TaskEnded { task, .. } => known(task).is_some_and(|known| known.is_over()),
            RunEvent::FlowRunEnded(_) => self.ending.is_some(),
            RunEvent::FlowRunResumed { .. } => false,
        }
    }

    /// Whether the outcome of this attempt is known.
    pub fn knows(&self, task: &Arc<str>, index: u32, attempt: u32) -> bool {
        self.tasks.get(task).is_some_and(|known| known.knows(index, attempt))
    }
}

impl Answerer for Replay {
    fn may_know(&self, request: &TaskRunRequest) -> bool {
        self.tasks.get(&request.task).is_some_and(|known| known.has_outcomes())
    }

    fn answer(&self, request: &TaskRunRequest) -> Answers {
        let mut answers = Answers::default();
        let known = self.tasks.get(&request.task);
        let mut at = known.map_or(0, |known| known.position(request.indexes.start));
        for index in request.indexes.clone() {
            let found = known.and_then(|known| {
                // The next stretch, if the one before is passed.
                at += usize::from(known.stretches.get(at).is_some_and(|stretch| stretch.end() <= index));
                known.outcome(index, request.attempt, at)
            });
            match found {
                // Where it came from first is not forgotten.
                Some((outcome, Origin::Cache)) => answers.know(request, index, outcome, Origin::Cache),
                Some((outcome, _)) => answers.know(request, index, outcome, Origin::Journal),
                None => answers.lack(index),
            }
        }
        answers
    }
}

fn illegal<T>(message: String) -> Result<T, IllegalEvent> {
    Err(IllegalEvent { message })
}
