//! [`Flight`]: a message that was sent, and which of its task runs have been answered. Each is answered once, however often workers do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use taskhost_model::seams::Reports;
use taskhost_model::{Ending, Labels, Origin, TaskCall, TaskFailure, TaskRunOutcome, TaskRunReport, TaskRunRequest};
use taskhost_model::{Value, ValueType};

use super::lane::{LOSSES_MAX, Queued};
use crate::wire::outcomes::{Fate, Stretch};

/// A message that was sent.
pub(super) struct Flight {
    pub(super) labels: Labels,
    pub(super) parts: Vec<Part>,
    /// Task runs without an answer.
    pub(super) left: u64,
    /// When it was handed to the queue, or began to be.
    pub(super) since: Instant,
    /// Its place in the stream, once the queue has it.
    pub(super) sequence: Option<u64>,
    /// Since when the queue does not have it any more, although no answer has come.
    pub(super) missed_since: Option<Instant>,
}

/// A stretch of a request.
pub(super) struct Part {
    pub(super) queued: Queued,
    answered: Vec<bool>,
}

/// What follows from an answer.
#[derive(Default)]
pub(super) struct Landed {
    /// To be reported, each to its own.
    pub(super) reports: Vec<(Arc<dyn Reports>, TaskRunReport)>,
    /// To be sent again.
    pub(super) again: Vec<Queued>,
    /// Task runs that were answered now.
    pub(super) runs: u64,
    /// For each call, how many of its runs computed how long.
    pub(super) learned: Vec<(Arc<TaskCall>, u64, Duration)>,
}

impl Flight {
    pub(super) fn new(labels: Labels, parts: Vec<Queued>) -> Flight {
        let left = parts.iter().map(|part| part.indexes.len() as u64).sum();
        let part = |queued: Queued| Part { answered: vec![false; queued.indexes.len()], queued };
        let parts = parts.into_iter().map(part).collect();
        Flight { labels, parts, left, since: Instant::now(), sequence: None, missed_since: None }
    }

    /// Takes a worker's answer for a stretch. What is no part of the message, or was answered before, has no effect.
    pub(super) fn land(&mut self, stretch: Stretch, worker: &str, landed: &mut Landed) {
        let Some(part) = self.parts.get_mut(stretch.part as usize) else { return };
        let indexes = stretch.indexes();
        match stretch.fate {
            Fate::Ended(outcomes) => {
                let (mut runs, mut computed) = (0, Duration::ZERO);
                for (index, outcome) in indexes.zip(outcomes) {
                    if part.is_new(index) {
                        (runs, computed) = (runs + 1, computed + outcome.usage.cpu_time);
                        let outcome = of_type(outcome, &part.queued.request, worker);
                        part.report(index, outcome, landed);
                    }
                }
                landed.learned.push((Arc::clone(&part.queued.request.call), runs, computed));
                self.left -= runs;
                landed.runs += runs;
            }
            Fate::GivenBack(_) => {
                let (own, losses) = (part.queued.indexes.clone(), part.queued.losses);
                for index in indexes.start.max(own.start)..indexes.end.min(own.end) {
                    if part.is_new(index) {
                        self.left -= 1;
                        landed.runs += 1;
                        part.again(index, losses, landed);
                    }
                }
            }
        }
    }

    /// Nothing more will come: what has no answer is sent again.
    pub(super) fn give_up(&mut self, landed: &mut Landed) {
        for part in &mut self.parts {
            let losses = part.queued.losses;
            for index in part.queued.indexes.clone() {
                if part.is_new(index) {
                    landed.runs += 1;
                    part.again(index, losses, landed);
                }
            }
        }
        self.left = 0;
    }

    /// A worker was lost with it: what has no answer is sent again, unless it was lost too often.
    pub(super) fn suspect(&mut self, landed: &mut Landed) {
        for part in &mut self.parts {
            let losses = part.queued.losses + 1;
            for index in part.queued.indexes.clone() {
                if !part.is_new(index) {
                    continue;
                }
                landed.runs += 1;
                if losses < LOSSES_MAX {
                    part.again(index, losses, landed);
                } else {
                    part.report(index, deadly(), landed);
                }
            }
        }
        self.left = 0;
    }

    /// Nothing more will come: what has no answer ends so.
    pub(super) fn end(&mut self, ending: &Ending, landed: &mut Landed) {
        for part in &mut self.parts {
            for index in part.queued.indexes.clone() {
                if part.is_new(index) {
                    landed.runs += 1;
                    part.report(index, TaskRunOutcome::without_usage(ending.clone()), landed);
                }
            }
        }
        self.left = 0;
    }
}

impl Part {
    /// Notes that a run is answered; false if it was before, or is none of this part.
    fn is_new(&mut self, index: u32) -> bool {
        let at = index.checked_sub(self.queued.indexes.start).map(|at| at as usize);
        let Some(answered) = at.and_then(|at| self.answered.get_mut(at)) else { return false };
        !std::mem::replace(answered, true)
    }

    /// Adds an outcome to the report of the one before, if that is its neighbour.
    fn report(&self, index: u32, outcome: TaskRunOutcome, landed: &mut Landed) {
        let request = &self.queued.request;
        if let Some((reports, last)) = landed.reports.last_mut()
            && last.request == request.id
            && Arc::ptr_eq(reports, &self.queued.reports)
            && last.first + last.outcomes.len() as u32 == index
        {
            return last.outcomes.push(outcome);
        }
        let report = TaskRunReport {
            flow_run: request.flow_run,
            request: request.id,
            first: index,
            outcomes: vec![outcome],
            origin: Origin::Run,
        };
        landed.reports.push((Arc::clone(&self.queued.reports), report));
    }

    fn again(&self, index: u32, losses: u32, landed: &mut Landed) {
        if let Some(last) = landed.again.last_mut()
            && Arc::ptr_eq(&last.request, &self.queued.request)
            && last.indexes.end == index
        {
            last.indexes.end += 1;
            return;
        }
        landed.again.push(Queued { indexes: index..index + 1, losses, ..self.queued.clone() });
    }
}

fn deadly() -> TaskRunOutcome {
    let reason = format!(
        "{LOSSES_MAX} workers took it, one after another, and none was heard of again: it may be what ends them"
    );
    TaskRunOutcome::without_usage(Ending::Failed(TaskFailure::Lost(reason)))
}

/// What a worker says is believed as far as it fits: the value has the type of the function's result.
fn of_type(outcome: TaskRunOutcome, request: &TaskRunRequest, worker: &str) -> TaskRunOutcome {
    let Ending::Returned(value) = &outcome.ending else { return outcome };
    let fits = match &request.call.result {
        Some(ty) => value.has_type(ty),
        None => *value == Value::tuple([]),
    };
    if fits {
        return outcome;
    }
    let wanted = request.call.result.as_ref().map(ValueType::to_string).unwrap_or_else(|| "nothing".to_owned());
    let reason = format!("worker `{worker}` answered with something that is not `{wanted}`");
    TaskRunOutcome { ending: Ending::Failed(TaskFailure::Lost(reason)), ..outcome }
}
