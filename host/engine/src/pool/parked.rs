//! Task runs that wait: each is a future with a waker that puts it back among the work of the pool.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use taskhost_model::{TaskRunOutcome, TaskRunRequest};

use super::queue::{FlowScope, Shared};

/// A task run that may be waiting.
pub(super) struct Parked {
    shared: Arc<Shared>,
    state: AtomicU8,
    run: Mutex<Option<WaitingRun>>,
}

/// Nobody polls it, nobody woke it.
const WAITING: u8 = 0;
/// It is among the work of the pool.
const QUEUED: u8 = 1;
/// A thread polls it.
const POLLED: u8 = 2;
/// A thread polls it, and it was woken meanwhile.
const POLLED_AND_WOKEN: u8 = 3;
/// It is over.
const DONE: u8 = 4;

pub(super) type RunFuture = Pin<Box<dyn Future<Output = TaskRunOutcome> + Send>>;

/// A task run that was polled and is not over.
pub(super) struct WaitingRun {
    pub(super) future: RunFuture,
    pub(super) request: Arc<TaskRunRequest>,
    pub(super) scope: Arc<FlowScope>,
    pub(super) index: u32,
}

impl Parked {
    /// For a run that is about to be polled for the first time.
    fn new(shared: &Arc<Shared>) -> Arc<Parked> {
        Arc::new(Parked { shared: Arc::clone(shared), state: AtomicU8::new(POLLED), run: Mutex::new(None) })
    }

    fn run(&self) -> MutexGuard<'_, Option<WaitingRun>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the run out, to be polled.
    pub(super) fn take(&self) -> Option<WaitingRun> {
        let run = self.run().take();
        self.state.store(POLLED, Ordering::SeqCst);
        run
    }

    /// After a poll that was not the last.
    pub(super) fn wait(self: &Arc<Self>, run: WaitingRun) {
        *self.run() = Some(run);
        if self.state.compare_exchange(POLLED, WAITING, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            self.state.store(QUEUED, Ordering::SeqCst);
            self.shared.resume(Arc::clone(self));
        }
    }

    pub(super) fn done(&self) {
        self.state.store(DONE, Ordering::SeqCst);
    }
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |state| match state {
            WAITING => Some(QUEUED),
            POLLED => Some(POLLED_AND_WOKEN),
            _ => None,
        });
        if woken == Ok(WAITING) {
            self.shared.resume(Arc::clone(self));
        }
    }
}

/// A place to poll a new run with. Most runs are over at the first poll and nobody kept their waker: then the next one uses the same.
pub(super) struct FirstPoll {
    parked: Arc<Parked>,
    waker: Waker,
}

impl FirstPoll {
    pub(super) fn new(shared: &Arc<Shared>) -> FirstPoll {
        let parked = Parked::new(shared);
        FirstPoll { waker: Waker::from(Arc::clone(&parked)), parked }
    }

    pub(super) fn poll(&self, future: &mut RunFuture) -> Poll<TaskRunOutcome> {
        future.as_mut().poll(&mut Context::from_waker(&self.waker))
    }

    /// After a poll that was the last: the place for another run, if nobody else knows it.
    pub(super) fn reuse(mut self) -> Option<FirstPoll> {
        drop(std::mem::replace(&mut self.waker, Waker::noop().clone()));
        if Arc::strong_count(&self.parked) > 1 {
            self.parked.done();
            return None;
        }
        self.parked.state.store(POLLED, Ordering::SeqCst);
        self.waker = Waker::from(Arc::clone(&self.parked));
        Some(self)
    }

    /// After a poll that was not the last.
    pub(super) fn park(self, run: WaitingRun) {
        let scope = Arc::clone(&run.scope);
        scope.parked.insert(&self.parked);
        self.parked.wait(run);
        // `cancel` may have looked before it was there.
        if scope.is_cancelled() {
            self.parked.wake_by_ref();
        }
    }
}

/// The parked runs of a flow run: keeps those whose waker was lost, so that cancelling finds them.
#[derive(Default)]
pub(super) struct ParkedRuns(Mutex<HashMap<usize, Arc<Parked>>>);

impl ParkedRuns {
    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Arc<Parked>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, parked: &Arc<Parked>) {
        self.lock().insert(Arc::as_ptr(parked).addr(), Arc::clone(parked));
    }

    pub(super) fn remove(&self, parked: &Arc<Parked>) {
        self.lock().remove(&Arc::as_ptr(parked).addr());
    }

    pub(super) fn wake_all(&self) {
        let parked: Vec<_> = self.lock().values().cloned().collect();
        parked.iter().for_each(Wake::wake_by_ref);
    }
}
