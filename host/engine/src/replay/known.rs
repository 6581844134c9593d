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
    /// How it ended for good: one that was cancelled goes on when it is resumed.
    pub(super) ended: Option<TaskState>,
    pub(super) started_at: Duration,
    pub(super) ended_at: Duration,
    /// What ended together, as it was recorded. Sorted; they do not overlap.
    pub(super) stretches: Vec<Stretch>,
    /// What most tasks have nothing of: a flow run may have a million tasks.
    rare: Option<Box<Rare>>,
}

/// What is known of few tasks.
#[derive(Default, Debug)]
struct Rare {
    /// Why it could not start, if it could not.
    refused: Option<TaskFailure>,
    /// Attempts that failed and were followed by another, for each run in order.
    retried: HashMap<u32, Vec<Retried>>,
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
    /// Whether it started, could not start, or is over: it cannot start again.
    pub(super) fn has_begun(&self) -> bool {
        self.runs.is_some() || self.is_refused() || self.is_over()
    }

    /// Whether it could not start.
    pub(super) fn is_refused(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.refused.is_some())
    }

    /// It cannot start.
    pub(super) fn refuse(&mut self, failure: TaskFailure) {
        self.rare.get_or_insert_default().refused = Some(failure);
    }

    /// The attempts of a run that were followed by another, to add to them.
    pub(super) fn retried(&mut self, index: u32) -> &mut Vec<Retried> {
        self.rare.get_or_insert_default().retried.entry(index).or_default()
    }

    /// Whether the outcome of any attempt is known.
    pub(super) fn has_outcomes(&self) -> bool {
        !self.stretches.is_empty() || self.rare.as_ref().is_some_and(|rare| !rare.retried.is_empty())
    }

    /// Adds runs that ended together; none of them ended before.
    pub(super) fn add(&mut self, task: &Arc<str>, stretch: Stretch) -> Result<(), IllegalEvent> {
        if stretch.count == 0 {
            self.rare.get_or_insert_default().usage_lost.add(&stretch.usage);
            return Ok(());
        }
        let at = self.position(stretch.first);
        if self.stretches.get(at).is_some_and(|next| next.first < stretch.end()) {
            return illegal(format!("a run of task `{task}` ended twice"));
        }
        let (before, after) = self.stretches.split_at_mut(at);
        if let Some(before) = before.last_mut().filter(|before| before.joins(&stretch)) {
            before.join(&stretch);
            if after.first().is_some_and(|next| before.joins(next)) {
                before.join(&after[0]);
                self.stretches.remove(at);
            }
            return Ok(());
        }
        if let Some(next) = after.first_mut().filter(|next| stretch.joins(next)) {
            next.first = stretch.first;
            next.count += stretch.count;
            next.at = next.at.max(stretch.at);
            return Ok(());
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
        let Some(rare) = &self.rare else { return 0 };
        rare.retried.get(&index).map_or(0, |retried| retried.len() as u32)
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
            let retried = self.rare.as_ref()?.retried.get(&index)?.get(attempt.checked_sub(1)? as usize)?;
            let ending = Ending::Failed(retried.failure.clone());
            let outcome = TaskRunOutcome { ending, usage: retried.usage, refusals: Refusals::default() };
            return Some((outcome, Origin::Run));
        }
        let stretch = self.stretches.get(at).filter(|stretch| stretch.first <= index)?;
        let mut outcome = stretch.outcome(index).filter(|_| attempt == retries + 1)?;
        if let Some(rare) = &self.rare
            && at == 0
            && index == stretch.first
        {
            outcome.usage.add(&rare.usage_lost);
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
        if let Some(mut rare) = self.rare.take() {
            rare.retried.retain(|index, _| self.stretch(*index).is_some());
            self.rare = Some(rare);
        }
    }

    /// All of it as events, in order.
    pub(super) fn events(&self, task: &Arc<str>) -> Vec<Timed<RunEvent>> {
        let mut events = Vec::new();
        let mut add = |at, event| events.push(Timed { at, event });
        let task = || Arc::clone(task);
        if let Some(runs) = self.runs {
            add(self.started_at, RunEvent::TaskStarted { task: task(), runs });
        }
        let rare = self.rare.as_deref();
        if let Some(failure) = rare.and_then(|rare| rare.refused.clone()) {
            add(self.started_at, RunEvent::TaskRefused { task: task(), failure });
        }
        let mut retried: Vec<_> = rare.into_iter().flat_map(|rare| &rare.retried).collect();
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

    /// Whether the other one goes on where this ends, and neither tells more than that its runs ended: those of a subflow do, one by one.
    fn joins(&self, next: &Stretch) -> bool {
        let is_cached = |stretch: &Stretch| stretch.origin == Origin::Cache;
        self.end() == next.first && is_cached(self) == is_cached(next) && self.is_bare() && next.is_bare()
    }

    fn join(&mut self, next: &Stretch) {
        self.count += next.count;
        self.at = self.at.max(next.at);
    }

    fn is_bare(&self) -> bool {
        self.results.is_empty()
            && self.failures.is_empty()
            && self.refusals.is_empty()
            && self.usage == Usage::default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(first: u32, results: Vec<Option<Value>>) -> Stretch {
        let (usage, failures, refusals) = (Usage::default(), Vec::new(), Vec::new());
        Stretch { at: Duration::ZERO, first, count: 1, usage, failures, refusals, results, origin: Origin::Run }
    }

    #[test]
    fn runs_of_a_subflow_are_one_stretch_in_whatever_order_they_end_and_none_ends_twice() {
        let (mut known, task) = (Known::default(), Arc::from("months"));
        for first in [0, 2, 1, 5, 4, 3, 6] {
            known.add(&task, ended(first, Vec::new())).expect("none of them ended before");
        }
        let stretches: Vec<_> = known.stretches.iter().map(|stretch| (stretch.first, stretch.count)).collect();
        assert_eq!(stretches.iter().map(|(_, count)| count).sum::<u32>(), 7);
        assert_eq!(stretches, [(0, 7)]);
        assert!((0..7).all(|index| known.add(&task, ended(index, Vec::new())).is_err()));
    }

    #[test]
    fn runs_with_results_stay_as_they_were_recorded() {
        let (mut known, task) = (Known::default(), Arc::from("clean"));
        for first in 0..3 {
            known.add(&task, ended(first, vec![Some(Value::U32(first))])).expect("none of them ended before");
        }
        assert_eq!(known.stretches.len(), 3);
    }
}
