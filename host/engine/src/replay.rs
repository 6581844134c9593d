//! [`Replay`]: what the journal knows of an earlier part of a flow run, so that nothing in it is run again.
//!
//! The scheduler is a pure function: given the same outcomes it comes to the same decisions. So a flow run is resumed by running its plan
//! from the start, with the outcomes of the journal in place of task runs ([`Answered`](crate::Answered)). What the journal has of this already is not
//! recorded again ([`Replay::has`]).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use taskhost_model::event::Timed;
use taskhost_model::{
    Ending, FlowRunEnding, Origin, Refusal, Refusals, RunEvent, TaskFailure, TaskRunOutcome, TaskRunRequest, TaskState,
    Usage, Value,
};

use crate::answered::{Answerer, Answers};

/// An earlier part of a flow run, from its events in order.
#[derive(Default, Debug)]
pub struct Replay {
    tasks: HashMap<Arc<str>, Known>,
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

/// What is known of one task.
#[derive(Default, Debug)]
struct Known {
    /// Its task runs, once it has started.
    runs: Option<u32>,
    refused: bool,
    /// For good: one that was cancelled goes on when it is resumed.
    ended: bool,
    /// What ended together, as it was recorded. Sorted; they do not overlap.
    stretches: Vec<Stretch>,
    /// Attempts that failed and were followed by another, for each run in order.
    retried: HashMap<u32, Vec<(TaskFailure, Usage)>>,
    /// Of runs that were stopped half way; given with the first outcome.
    usage_lost: Usage,
}

#[derive(Debug)]
struct Stretch {
    first: u32,
    count: u32,
    usage: Usage,
    failures: Vec<(u32, TaskFailure)>,
    refusals: Vec<Refusal>,
    results: Vec<Option<Value>>,
}

impl Replay {
    /// Before the first event: nothing is known.
    pub fn new() -> Replay {
        Replay::default()
    }

    /// Takes note of the next event.
    pub fn add(&mut self, event: Timed<RunEvent>) -> Result<(), IllegalEvent> {
        if self.ending.is_some() {
            return illegal("something happened after its end".to_owned());
        }
        self.elapsed = self.elapsed.max(event.at);
        match event.event {
            RunEvent::TaskStarted { task, runs } => {
                let known = self.tasks.entry(Arc::clone(&task)).or_default();
                if known.runs.is_some() || known.refused || known.ended {
                    return illegal(format!("task `{task}` started twice"));
                }
                known.runs = Some(runs);
            }
            RunEvent::TaskRefused { task, .. } => {
                let known = self.tasks.entry(Arc::clone(&task)).or_default();
                if known.runs.is_some() || known.refused || known.ended {
                    return illegal(format!("task `{task}` was refused after its start"));
                }
                known.refused = true;
            }
            RunEvent::TaskRunsEnded { task, first, count, usage, failures, refusals, results, .. } => {
                let known = self.running(&task, first, count)?;
                known.add(&task, Stretch { first, count, usage, failures, refusals, results })?;
            }
            RunEvent::RunRetried { task, index, attempt, failure, usage, .. } => {
                let known = self.running(&task, index, 1)?;
                if known.stretch(index).is_some() {
                    return illegal(format!("run {index} of task `{task}` was tried again after its end"));
                }
                let retried = known.retried.entry(index).or_default();
                if retried.len() as u64 + 1 != u64::from(attempt) {
                    let before = retried.len();
                    return illegal(format!(
                        "attempt {attempt} of run {index} of task `{task}` follows attempt {before}"
                    ));
                }
                retried.push((failure, usage));
            }
            RunEvent::TaskEnded { task, state } => self.task_ended(&task, &state)?,
            RunEvent::FlowRunEnded(FlowRunEnding::Cancelled) => {}
            RunEvent::FlowRunEnded(ending) => self.ending = Some(ending),
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
        if known.ended {
            return illegal(format!("a run of task `{task}` ended after the task"));
        }
        if first.checked_add(count).is_none_or(|end| end > runs) {
            return illegal(format!("run {first} of task `{task}` ended, which has {runs} runs"));
        }
        Ok(known)
    }

    fn task_ended(&mut self, task: &Arc<str>, state: &TaskState) -> Result<(), IllegalEvent> {
        let known = self.tasks.entry(Arc::clone(task)).or_default();
        if known.ended {
            return illegal(format!("task `{task}` ended twice"));
        }
        let had_to_start = matches!(state, TaskState::Succeeded | TaskState::Failed);
        if had_to_start && known.runs.is_none() && !known.refused {
            return illegal(format!("task `{task}` ended, which had not started"));
        }
        known.ended = *state != TaskState::Cancelled;
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
            RunEvent::TaskStarted { task, .. } => known(task).is_some_and(|known| known.ended || known.runs.is_some()),
            RunEvent::TaskRefused { task, .. } => known(task).is_some_and(|known| known.ended || known.refused),
            RunEvent::TaskRunsEnded { task, first, count, .. } => {
                known(task).is_some_and(|known| known.ended || *count > 0 && known.stretch(*first).is_some())
            }
            RunEvent::RunRetried { task, index, attempt, .. } => {
                known(task).is_some_and(|known| known.ended || *attempt <= known.retries(*index))
            }
            RunEvent::TaskEnded { task, .. } => known(task).is_some_and(|known| known.ended),
            RunEvent::FlowRunEnded(_) => self.ending.is_some(),
        }
    }

    /// Whether the outcome of this attempt is known.
    pub fn knows(&self, task: &Arc<str>, index: u32, attempt: u32) -> bool {
        self.tasks.get(task).is_some_and(|known| known.knows(index, attempt))
    }
}

impl Answerer for Replay {
    fn may_know(&self, request: &TaskRunRequest) -> bool {
        self.tasks.get(&request.task).is_some_and(|known| !known.stretches.is_empty() || !known.retried.is_empty())
    }

    fn answer(&self, request: &TaskRunRequest) -> Answers {
        let mut answers = Answers::default();
        let known = self.tasks.get(&request.task);
        let mut at = known.map_or(0, |known| known.position(request.indexes.start));
        for index in request.indexes.clone() {
            let outcome = known.and_then(|known| {
                // The next stretch, if the one before is passed.
                at += usize::from(known.stretches.get(at).is_some_and(|stretch| stretch.end() <= index));
                known.outcome(index, request.attempt, at)
            });
            match outcome {
                Some(outcome) => answers.know(request, index, outcome, Origin::Journal),
                None => answers.lack(index),
            }
        }
        answers
    }
}

fn illegal<T>(message: String) -> Result<T, IllegalEvent> {
    Err(IllegalEvent { message })
}

impl Known {
    /// Adds runs that ended together; none of them ended before.
    fn add(&mut self, task: &Arc<str>, stretch: Stretch) -> Result<(), IllegalEvent> {
        if stretch.count == 0 {
            self.usage_lost.add(&stretch.usage);
            return Ok(());
        }
        let at = self.position(stretch.first);
        if self.stretches.get(at).is_some_and(|next| next.first < stretch.end()) {
            return illegal(format!("a run of task `{task}` ended twice"));
        }
        if self.stretches.is_empty() {
            // Most tasks have one run.
            self.stretches.reserve_exact(1);
        }
        self.stretches.insert(at, stretch);
        Ok(())
    }

    /// Where the first stretch stands that ends after `index`.
    fn position(&self, index: u32) -> usize {
        match self.stretches.last() {
            Some(last) if last.end() <= index => self.stretches.len(),
            _ => self.stretches.partition_point(|stretch| stretch.end() <= index),
        }
    }

    /// The stretch that an index is in.
    fn stretch(&self, index: u32) -> Option<&Stretch> {
        self.stretches.get(self.position(index)).filter(|stretch| stretch.first <= index)
    }

    /// How many attempts of a run were followed by another.
    fn retries(&self, index: u32) -> u32 {
        if self.retried.is_empty() {
            return 0;
        }
        self.retried.get(&index).map_or(0, |retried| retried.len() as u32)
    }

    fn knows(&self, index: u32, attempt: u32) -> bool {
        let retries = self.retries(index);
        attempt <= retries
            || attempt == retries + 1 && self.stretch(index).is_some_and(|stretch| stretch.is_told(index))
    }

    /// The outcome of an attempt; `at` is where its stretch stands, if there is one.
    fn outcome(&self, index: u32, attempt: u32, at: usize) -> Option<TaskRunOutcome> {
        let retries = self.retries(index);
        if attempt <= retries {
            let (failure, usage) = self.retried.get(&index)?.get(attempt.checked_sub(1)? as usize)?;
            let ending = Ending::Failed(failure.clone());
            return Some(TaskRunOutcome { ending, usage: *usage, refusals: Refusals::default() });
        }
        let stretch = self.stretches.get(at).filter(|stretch| stretch.first <= index)?;
        let mut outcome = stretch.outcome(index).filter(|_| attempt == retries + 1)?;
        if at == 0 && index == stretch.first {
            outcome.usage.add(&self.usage_lost);
        }
        Some(outcome)
    }
}

impl Stretch {
    fn end(&self) -> u32 {
        self.first + self.count
    }

    /// A subflow's runs have no outcomes here: its tasks tell them.
    fn is_told(&self, index: u32) -> bool {
        self.failure(index).is_some() || self.result(index).is_some()
    }

    fn result(&self, index: u32) -> Option<&Value> {
        self.results.get((index - self.first) as usize)?.as_ref()
    }

    fn failure(&self, index: u32) -> Option<&TaskFailure> {
        let at = self.failures.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        Some(&self.failures[at].1)
    }

    /// What was recorded for all of its runs together is given with the first.
    fn outcome(&self, index: u32) -> Option<TaskRunOutcome> {
        let ending = match self.result(index) {
            Some(value) => Ending::Returned(value.clone()),
            None => Ending::Failed(self.failure(index)?.clone()),
        };
        let mut outcome = TaskRunOutcome::without_usage(ending);
        if index == self.first {
            outcome.usage = self.usage;
            outcome.refusals = Refusals::new(self.refusals.clone());
        }
        Some(outcome)
    }
}
