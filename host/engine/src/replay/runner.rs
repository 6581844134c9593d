//! [`Replayed`]: a runner that answers from the journal what it knows, and hands everything else on.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use taskhost_model::seams::{Reports, Runner};
use taskhost_model::{Ending, FlowRunId, Origin, RequestId, TaskRunOutcome, TaskRunReport, TaskRunRequest};

use super::{Answers, Replay};

/// A runner for one flow run with a [`Replay`] in front of it.
///
/// A report makes the scheduler ask for more, in the same call: a chain of known task runs would be as deep a recursion as the chain is
/// long. So requests are queued, and whoever finds nobody at it answers them, one after another.
pub struct Replayed {
    replay: Arc<Replay>,
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

impl Replayed {
    /// Answers from `replay`, and by `inner`.
    pub fn new(replay: Arc<Replay>, inner: Arc<dyn Runner>) -> Replayed {
        Replayed { replay, inner, queue: Mutex::default(), cancelled: AtomicBool::new(false) }
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
            let Answers { reports: known, unknown } = self.replay.answer(&request);
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

impl Runner for Replayed {
    fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>) {
        let (known, unknown): (Vec<_>, Vec<_>) = requests.into_iter().partition(|it| self.replay.may_know(it));
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
