//! A thread of a pool: takes work, runs it, reports it.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use taskhost_model::seams::{PreparedTask, Started};
use taskhost_model::{Ending, TaskCall, TaskFailure, TaskRunOutcome, TaskRunRequest};

use super::parked::{FirstPoll, Parked, RunFuture, WaitingRun};
use super::queue::{FlowScope, Shared, Work, cancelled};
use super::slice::{Pace, Slice, is_over_time};

thread_local! {
    /// The pool that this thread takes work from as soon as the report that it is at returns; else 0.
    static ABOUT_TO_TAKE: Cell<usize> = const { Cell::new(0) };
}

/// Whether the calling thread is one of the pool's and takes work next.
pub(super) fn is_about_to_take(shared: &Arc<Shared>) -> bool {
    ABOUT_TO_TAKE.get() == Arc::as_ptr(shared).addr()
}

/// Runs a thread until the pool ends.
pub(super) fn run(shared: Arc<Shared>, at: usize) {
    let mut worker = Worker { shared, at, pace: Pace::default(), prepared: None, first_poll: None };
    let mut permits = 0;
    while let Some(work) = worker.shared.take(at, permits, &worker.pace) {
        permits = match work {
            Work::Slice(slice) => worker.run_slice(&slice),
            Work::Resume(parked) => worker.resume(&parked),
        };
    }
}

struct Worker {
    shared: Arc<Shared>,
    at: usize,
    pace: Pace,
    /// What was prepared last: most slices are of the same task.
    prepared: Option<(Arc<TaskCall>, Prepared)>,
    first_poll: Option<FirstPoll>,
}

type Prepared = Result<Arc<dyn PreparedTask>, TaskFailure>;

/// Outcomes of consecutive indexes that were not reported yet.
struct Stretch {
    first: u32,
    outcomes: Vec<TaskRunOutcome>,
}

impl Worker {
    /// Gives the permits that it has left.
    fn run_slice(&mut self, slice: &Arc<Slice>) -> usize {
        let prepared = self.prepare(&slice.request.call);
        let mut stretch = Stretch { first: 0, outcomes: Vec::with_capacity(slice.runs) };
        let (began, mut count, mut permits) = (Instant::now(), 0, 1);
        while let Some(index) = slice.claim() {
            count += 1;
            match self.start(&prepared, slice, index) {
                Some(outcome) => stretch.push(index, outcome),
                None => {
                    self.flush(slice, &mut stretch);
                    permits = usize::from(self.shared.another_permit());
                }
            }
            if permits == 0 || is_over_time(began.elapsed()) {
                break;
            }
        }
        self.pace.learn(&slice.request.call, count, began.elapsed());
        self.shared.put_back(self.at, slice);
        self.about_to_take(|worker| worker.flush(slice, &mut stretch));
        permits
    }

    /// What follows from the reports in `report` is taken by this thread, so nobody need be woken for it.
    fn about_to_take(&mut self, report: impl FnOnce(&mut Worker)) {
        ABOUT_TO_TAKE.set(Arc::as_ptr(&self.shared).addr());
        report(self);
        ABOUT_TO_TAKE.set(0);
    }

    fn flush(&mut self, slice: &Slice, stretch: &mut Stretch) {
        if !stretch.outcomes.is_empty() {
            let outcomes = std::mem::take(&mut stretch.outcomes);
            self.shared.report(&slice.request, &slice.scope, stretch.first, outcomes);
        }
    }

    fn prepare(&mut self, call: &Arc<TaskCall>) -> Prepared {
        if let Some((known, prepared)) = &self.prepared
            && Arc::ptr_eq(known, call)
        {
            return prepared.clone();
        }
        let prepared = guarded(|| self.shared.executor.prepare(call)).unwrap_or_else(Err);
        // A failure may pass: it is not kept.
        self.prepared = prepared.is_ok().then(|| (Arc::clone(call), prepared.clone()));
        prepared
    }

    /// Starts a run; none if it waits.
    fn start(&mut self, prepared: &Prepared, slice: &Slice, index: u32) -> Option<TaskRunOutcome> {
        if slice.scope.is_cancelled() {
            return Some(cancelled());
        }
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => return Some(failed(failure.clone())),
        };
        match guarded(|| prepared.start(&slice.request, index, &slice.scope.run)) {
            Ok(Started::Ended(outcome)) => Some(outcome),
            Ok(Started::Waiting(future)) => self.poll_first(future, slice, index),
            Err(failure) => Some(failed(failure)),
        }
    }

    fn poll_first(&mut self, mut future: RunFuture, slice: &Slice, index: u32) -> Option<TaskRunOutcome> {
        let first_poll = self.first_poll.take().unwrap_or_else(|| FirstPoll::new(&self.shared));
        let outcome = match guarded(|| first_poll.poll(&mut future)) {
            Ok(Poll::Pending) => {
                let (request, scope) = (Arc::clone(&slice.request), Arc::clone(&slice.scope));
                first_poll.park(WaitingRun { future, request, scope, index });
                return None;
            }
            Ok(Poll::Ready(outcome)) => outcome,
            Err(failure) => failed(failure),
        };
        let outcome = drop_future(future).map_or(outcome, failed);
        self.first_poll = first_poll.reuse();
        Some(outcome)
    }

    /// Polls a parked run again. Gives the permits that it has left: that of the run, if it is over.
    fn resume(&mut self, parked: &Arc<Parked>) -> usize {
        let Some(over) = poll_again(parked) else { return 0 };
        self.about_to_take(|worker| over.report(&worker.shared));
        1
    }
}

/// A parked run that is over.
pub(super) struct Over {
    request: Arc<TaskRunRequest>,
    scope: Arc<FlowScope>,
    index: u32,
    outcome: TaskRunOutcome,
}

impl Over {
    pub(super) fn report(self, shared: &Shared) {
        shared.report(&self.request, &self.scope, self.index, vec![self.outcome]);
    }
}

/// Polls a parked run again; none if it goes on waiting. One that is cancelled is polled too, to say what it used, and is over even if
/// it does not notice.
pub(super) fn poll_again(parked: &Arc<Parked>) -> Option<Over> {
    let mut run = parked.take()?;
    let waker = Waker::from(Arc::clone(parked));
    let outcome = match guarded(|| run.future.as_mut().poll(&mut Context::from_waker(&waker))) {
        Ok(Poll::Pending) if run.scope.is_cancelled() => cancelled(),
        Ok(Poll::Pending) => {
            parked.wait(run);
            return None;
        }
        Ok(Poll::Ready(outcome)) => outcome,
        Err(failure) => failed(failure),
    };
    parked.done();
    run.scope.parked.remove(parked);
    let WaitingRun { future, request, scope, index } = run;
    let outcome = drop_future(future).map_or(outcome, failed);
    Some(Over { request, scope, index, outcome })
}

impl Stretch {
    fn push(&mut self, index: u32, outcome: TaskRunOutcome) {
        if self.outcomes.is_empty() {
            self.first = index;
        }
        self.outcomes.push(outcome);
    }
}

/// Dropping a future may run the guest's host calls for the last time; a panic there is the run's failure.
fn drop_future(future: RunFuture) -> Option<TaskFailure> {
    guarded(|| drop(future)).err()
}

fn failed(failure: TaskFailure) -> TaskRunOutcome {
    TaskRunOutcome::without_usage(Ending::Failed(failure))
}

/// A panic of an executor is a bug of the host, not the end of it.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, TaskFailure> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic_text(panic.as_ref());
        TaskFailure::Lost(format!("the host panicked while it ran: {text}"))
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
