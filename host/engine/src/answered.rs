//! [`Answered`]: a runner that answers what somebody knows, the journal or a cache, and hands everything else on.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use taskhost_model::seams::{Reports, Runner};
use taskhost_model::{Ending, FlowRunId, Origin, RequestId, TaskRunOutcome, TaskRunReport, TaskRunRequest};

/// The answers to a request: what is known of its runs, and which are not known.
#[derive(Debug, Default)]
pub struct Answers {
    /// Each for a stretch of runs.
    pub reports: Vec<TaskRunReport>,
    /// The runs that have to be carried out.
    pub unknown: Vec<Range<u32>>,
}

impl Answers {
    /// The outcome of a run; to be told in the order of their indexes.
    pub fn know(&mut self, request: &TaskRunRequest, index: u32, outcome: TaskRunOutcome, origin: Origin) {
        if let Some(report) = self.reports.last_mut()
            && report.origin == origin
            && report.first + report.outcomes.len() as u32 == index
        {
            return report.outcomes.push(outcome);
        }
        self.reports.push(TaskRunReport {
            flow_run: request.flow_run,
            request: request.id,
            first: index,
            outcomes: vec![outcome],
            origin,
        });
    }

    /// A run that has to be carried out; to be told in the order of their indexes.
    pub fn lack(&mut self, index: u32) {
        match self.unknown.last_mut() {
            Some(range) if range.end == index => range.end += 1,
            _ => self.unknown.push(index..index + 1),
        }
    }
}

/// Knows how some task runs end without carrying them out.
pub trait Answerer: Send + Sync {
    /// Whether it may know anything of a request; quick.
    fn may_know(&self, request: &TaskRunRequest) -> bool;

    /// What it knows.
    fn answer(&self, request: &TaskRunRequest) -> Answers;
}

/// A runner for one flow run with an [`Answerer`] in front of it.
///
/// A report makes the scheduler ask for more, in the same call: a chain of known task runs would be as deep a recursion as the chain is
/// long. So requests are queued, and whoever finds nobody at it answers them, one after another.
pub struct Answered {
    answerer: Arc<dyn Answerer>,
    inner: Arc<dyn Runner>,
    queue: Mutex<Queue>,
    cancelled: AtomicBool,
}

#[derive(Default)]
struct Queue {
    requests: VecDeque<(TaskRunRequest, Arc<dyn Reports>)>,
    /// Somebody answers requests.
    is_served: bool,
    /// The request that is being answered, until its unknown runs are handed on.
    current: Option<RequestId>,
    /// Of the requests in here, those whose unknown runs are not to be started.
    withdrawn: Vec<RequestId>,
}

impl Answered {
    /// Answers by `answerer`, and by `inner`.
    pub fn new(answerer: Arc<dyn Answerer>, inner: Arc<dyn Runner>) -> Answered {
        Answered { answerer, inner, queue: Mutex::default(), cancelled: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here panics half way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next request to answer; none ends the service.
    fn next(&self) -> Option<(TaskRunRequest, Arc<dyn Reports>)> {
        let mut queue = self.lock();
        let next = queue.requests.pop_front();
        queue.current = next.as_ref().map(|(request, _)| request.id);
        queue.is_served = next.is_some();
        if next.is_none() {
            queue.withdrawn.clear();
        }
        next
    }

    fn serve(&self) {
        // A panic in a report is a bug of ours that ends the flow run; the others here are of the same one.
        while let Some((request, reports)) = self.next() {
            let Answers { reports: known, unknown } = self.answerer.answer(&request);
            known.into_iter().for_each(|report| reports.ended(report));
            if unknown.is_empty() {
                continue;
            }
            // What is known comes first, since it may be the reason not to start the rest.
            if self.is_withdrawn(request.id) {
                unknown.iter().for_each(|range| reports.ended(cancelled(&request, range)));
                continue;
            }
            let part = |indexes| TaskRunRequest { indexes, ..request.clone() };
            self.inner.start(unknown.into_iter().map(part).collect(), &reports);
            if self.cancelled.load(Ordering::SeqCst) {
                self.inner.cancel(request.flow_run);
            }
        }
    }

    fn is_withdrawn(&self, request: RequestId) -> bool {
        let mut queue = self.lock();
        queue.current = None;
        let found = queue.withdrawn.iter().position(|withdrawn| *withdrawn == request);
        found.map(|at| queue.withdrawn.swap_remove(at)).is_some() || self.cancelled.load(Ordering::SeqCst)
    }
}

fn cancelled(request: &TaskRunRequest, range: &Range<u32>) -> TaskRunReport {
    TaskRunReport {
        flow_run: request.flow_run,
        request: request.id,
        first: range.start,
        outcomes: vec![TaskRunOutcome::without_usage(Ending::Cancelled); range.len()],
        origin: Origin::Journal,
    }
}

impl Runner for Answered {
    fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>) {
        let (known, unknown): (Vec<_>, Vec<_>) = requests.into_iter().partition(|it| self.answerer.may_know(it));
        if !unknown.is_empty() {
            self.inner.start(unknown, reports);
        }
        if known.is_empty() {
            return;
        }
        let mut queue = self.lock();
        queue.requests.extend(known.into_iter().map(|request| (request, Arc::clone(reports))));
        if !std::mem::replace(&mut queue.is_served, true) {
            drop(queue);
            self.serve();
        }
    }

    fn cancel(&self, flow_run: FlowRunId) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.inner.cancel(flow_run);
    }

    fn withdraw(&self, flow_run: FlowRunId, request: RequestId) {
        let mut queue = self.lock();
        if queue.current == Some(request) || queue.requests.iter().any(|(queued, _)| queued.id == request) {
            queue.withdrawn.push(request);
        }
        drop(queue);
        self.inner.withdraw(flow_run, request);
    }

    fn capacity(&self) -> usize {
        self.inner.capacity()
    }
}
