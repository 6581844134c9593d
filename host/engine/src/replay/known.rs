//! What is known of one task of an earlier part of a flow run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use taskhost_model::event::{TakenBack, Timed};
use taskhost_model::{
    Ending, Origin, Refusal, Refusals, RunEvent, TaskFailure, TaskRunOutcome, TaskState, Usage, Value,
};

use super::{IllegalEvent, illegal};

/// What is known of one task.
#[derive(Default, Debug)]
pub(super) struct Known {
    /// Its task runs, once it has started.
    pub(super) runs: Option<u32>,
    /// Why it could not start, if it could not.
    pub(super) refused: Option<TaskFailure>,
    /// How it ended for good: one that was cancelled goes on when it is resumed.
    pub(super) ended: Option<TaskState>,
    pub(super) started_at: Duration,
    pub(super) ended_at: Duration,
    /// What ended together, as it was recorded. Sorted; they do not overlap.
    pub(super) stretches: Vec<Stretch>,
    /// Attempts that failed and were followed by another, for each run in order.
    pub(super) retried: HashMap<u32, Vec<Retried>>,
    /// Of runs that were stopped half way; given with the first outcome.
    usage_lost: Usage,
}

/// An attempt that failed and was followed by another.
#[derive(Debug)]
pub(super) struct Retried {
    pub(super) at: Duration,
    pub(super) failure: TaskFailure,
    pub(super) usage: Usage,
    pub(super) delay: Duration,
}

/// Runs that ended together.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) at: Duration,
    pub(super) first: u32,
    pub(super) count: u32,
    pub(super) usage: Usage,
    pub(super) failures: Vec<(u32, TaskFailure)>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) results: Vec<Option<Value>>,
    pub(super) origin: Origin,
}

impl Known {
    /// Adds runs that ended together; none of them ended before.
    pub(super) fn add(&mut self, task: &Arc<str>, stretch: Stretch) -> Result<(), IllegalEvent> {
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
    pub(super) fn position(&self, index: u32) -> usize {
        match self.stretches.last() {
            Some(last) if last.end() <= index => self.stretches.len(),
            _ => self.stretches.partition_point(|stretch| stretch.end() <= index),
        }
    }

    /// The stretch that an index is in.
    pub(super) fn stretch(&self, index: u32) -> Option<&Stretch> {
        self.stretches.get(self.position(index)).filter(|stretch| stretch.first <= index)
    }

    /// How many attempts of a run were followed by another.
    pub(super) fn retries(&self, index: u32) -> u32 {
        if self.retried.is_empty() {
            return 0;
        }
        self.retried.get(&index).map_or(0, |retried| retried.len() as u32)
    }

    pub(super) fn knows(&self, index: u32, attempt: u32) -> bool {
        let retries = self.retries(index);
        attempt <= retries
            || attempt == retries + 1 && self.stretch(index).is_some_and(|stretch| stretch.is_told(index))
    }

    /// The outcome of an attempt, and where it came from; `at` is where its stretch stands, if there is one.
    pub(super) fn outcome(&self, index: u32, attempt: u32, at: usize) -> Option<(TaskRunOutcome, Origin)> {
        let retries = self.retries(index);
        if attempt <= retries {
            let retried = self.retried.get(&index)?.get(attempt.checked_sub(1)? as usize)?;
            let ending = Ending::Failed(retried.failure.clone());
            let outcome = TaskRunOutcome { ending, usage: retried.usage, refusals: Refusals::default() };
            return Some((outcome, Origin::Run));
        }
        let stretch = self.stretches.get(at).filter(|stretch| stretch.first <= index)?;
        let mut outcome = stretch.outcome(index).filter(|_| attempt == retries + 1)?;
        if at == 0 && index == stretch.first {
            outcome.usage.add(&self.usage_lost);
        }
        Some((outcome, stretch.origin))
    }

    /// Whether it ended, for good.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// What it is to take it back: whole, or only the runs that failed.
    pub(super) fn taken_back(&self, task: &Arc<str>, starts_anew: bool) -> TakenBack {
        let mut back = TakenBack { task: Arc::clone(task), starts_anew, runs: 0, ended: 0, failed: 0, cached: 0 };
        for stretch in &self.stretches {
            let failed = stretch.failures.len() as u32;
            back.failed += failed;
            back.ended += if starts_anew { stretch.count } else { failed };
            back.cached += if starts_anew && stretch.origin == Origin::Cache { stretch.count } else { 0 };
        }
        back.runs = self.runs.filter(|_| starts_anew).unwrap_or(0);
        back
    }

    /// Forgets the runs that failed, and the attempts of all that did not succeed.
    pub(super) fn take_back(&mut self) {
        self.ended = None;
        let stretches = std::mem::take(&mut self.stretches);
        self.stretches = stretches.into_iter().flat_map(Stretch::succeeded).collect();
        let mut retried = std::mem::take(&mut self.retried);
        retried.retain(|index, _| self.stretch(*index).is_some());
        self.retried = retried;
    }

    /// All of it as events, in order.
    pub(super) fn events(&self, task: &Arc<str>) -> Vec<Timed<RunEvent>> {
        let mut events = Vec::new();
        let mut add = |at, event| events.push(Timed { at, event });
        let task = || Arc::clone(task);
        if let Some(runs) = self.runs {
            add(self.started_at, RunEvent::TaskStarted { task: task(), runs });
        }
        if let Some(failure) = self.refused.clone() {
            add(self.started_at, RunEvent::TaskRefused { task: task(), failure });
        }
        let mut retried: Vec<_> = self.retried.iter().collect();
        retried.sort_by_key(|(index, _)| **index);
        for (index, attempts) in retried {
            for (Retried { at, failure, usage, delay }, attempt) in attempts.iter().zip(1..) {
                let (index, failure, usage, delay) = (*index, failure.clone(), *usage, *delay);
                add(*at, RunEvent::RunRetried { task: task(), index, attempt, failure, usage, delay });
            }
        }
        for stretch in &self.stretches {
            add(stretch.at, stretch.event(task()));
        }
        if let Some(state) = self.ended.clone() {
            add(self.ended_at, RunEvent::TaskEnded { task: task(), state });
        }
        events.sort_by_key(|event| event.at);
        events
    }
}

impl Stretch {
    /// The parts of it that succeeded. What was recorded for all of its runs together stays with the first.
    fn succeeded(self) -> Vec<Stretch> {
        if self.failures.is_empty() {
            return vec![self];
        }
        let mut parts = Vec::new();
        let (mut first, mut usage, mut refusals) = (self.first, self.usage, self.refusals);
        let ends = self.failures.iter().map(|(index, _)| *index).chain([self.first + self.count]);
        for end in ends {
            if end > first {
                let results = self.results.get((first - self.first) as usize..(end - self.first) as usize);
                parts.push(Stretch {
                    at: self.at,
                    first,
                    count: end - first,
                    usage: std::mem::take(&mut usage),
                    failures: Vec::new(),
                    refusals: std::mem::take(&mut refusals),
                    results: results.unwrap_or_default().to_vec(),
                    origin: self.origin,
                });
            }
            first = end + 1;
        }
        parts
    }

    /// As an event of the flow run that goes on with it.
    fn event(&self, task: Arc<str>) -> RunEvent {
        RunEvent::TaskRunsEnded {
            task,
            first: self.first,
            count: self.count,
            usage: self.usage,
            failures: self.failures.clone(),
            refusals: self.refusals.clone(),
            results: self.results.clone(),
            origin: if self.origin == Origin::Cache { Origin::Cache } else { Origin::Journal },
        }
    }

    pub(super) fn end(&self) -> u32 {
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
