//! What the threads of a pool share: the requests that wait, the parked runs that may go on, and who sleeps.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use taskhost_model::seams::{Executor, Reports, RunScope};
use taskhost_model::{Ending, FlowRunId, Origin, TaskRunOutcome, TaskRunReport, TaskRunRequest};

use super::parked::{Parked, ParkedRuns};
use super::slice::{Pace, Slice};

/// A pool without its threads' handles.
pub(super) struct Shared {
    pub(super) executor: Arc<dyn Executor>,
    pub(super) workers: usize,
    pub(super) concurrency: usize,
    queue: Mutex<Queue>,
    work: Condvar,
    /// Where the relief thread sleeps; see `relief`.
    pub(super) relief: Condvar,
    /// What each thread is at, for idle ones to take from. Invariant: never held while taking the lock of `queue`.
    slices: Vec<Mutex<Option<Arc<Slice>>>>,
}

#[derive(Default)]
pub(super) struct Queue {
    requests: VecDeque<Queued>,
    pub(super) resumed: VecDeque<Arc<Parked>>,
    /// How many of these the workers have taken: the relief thread sees by it whether one of them looks after them.
    pub(super) served: u64,
    /// The relief thread sleeps until it is called.
    pub(super) relief_sleeps: bool,
    /// Task runs that may be started and not over: one for each busy thread and one for each parked run.
    permits: usize,
    sleeping: usize,
    /// Sleeping threads that were woken and have not got the lock yet.
    woken: usize,
    pub(super) stopped: bool,
    scopes: HashMap<FlowRunId, Vec<Arc<FlowScope>>>,
}

struct Queued {
    request: Arc<TaskRunRequest>,
    scope: Arc<FlowScope>,
    range: Range<u32>,
}

/// What the task runs of one flow run have in common, as far as they are reported to the same one.
pub(super) struct FlowScope {
    id: FlowRunId,
    pub(super) run: RunScope,
    /// Task runs that are held and not reported. Grows under the queue's lock only.
    held: AtomicUsize,
    pub(super) parked: ParkedRuns,
}

/// What a thread does next.
pub(super) enum Work {
    Slice(Arc<Slice>),
    Resume(Arc<Parked>),
}

impl Shared {
    pub(super) fn new(executor: Arc<dyn Executor>, workers: usize, concurrency: usize) -> Shared {
        let slices = (0..workers).map(|_| Mutex::default()).collect();
        Shared {
            executor,
            workers,
            concurrency,
            queue: Mutex::default(),
            work: Condvar::new(),
            relief: Condvar::new(),
            slices,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here panics half way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds requests. A caller that is about to take work itself wakes nobody: if there is more than it takes, it wakes others then.
    pub(super) fn add(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>, caller_takes: bool) {
        let mut queue = self.lock();
        for request in requests {
            let scope = queue.scope(request.flow_run, reports);
            scope.held.fetch_add(request.indexes.len(), Ordering::Relaxed);
            let range = request.indexes.clone();
            if !range.is_empty() {
                queue.requests.push_back(Queued { request: Arc::new(request), scope, range });
            }
        }
        if !caller_takes {
            self.wake_one(&mut queue);
        }
    }

    fn wake_one(&self, queue: &mut Queue) {
        if queue.sleeping > queue.woken {
            queue.woken += 1;
            self.work.notify_one();
        } else if queue.relief_sleeps && !queue.resumed.is_empty() {
            queue.relief_sleeps = false;
            self.relief.notify_one();
        }
    }

    /// Gives back permits of a thread that takes no work itself.
    pub(super) fn give_back(&self, permits: usize) {
        let mut queue = self.lock();
        queue.permits -= permits;
        if queue.has_work(self.concurrency) {
            self.wake_one(&mut queue);
        }
    }

    /// Gives back `permits`, then waits for work; none when the pool ends. What it gives holds a permit.
    pub(super) fn take(&self, worker: usize, permits: usize, pace: &Pace) -> Option<Work> {
        let mut queue = self.lock();
        queue.permits -= permits;
        loop {
            if queue.stopped {
                return None;
            }
            if let Some(work) = self.next(&mut queue, pace) {
                // Invariant: while there is work, a thread is awake that will take it.
                if !queue.resumed.is_empty() || (!queue.requests.is_empty() && queue.permits < self.concurrency) {
                    self.wake_one(&mut queue);
                }
                drop(queue);
                self.offer(worker, &work);
                return Some(work);
            }
            if queue.permits < self.concurrency && self.workers > 1 {
                queue.permits += 1;
                drop(queue);
                if let Some(slice) = self.steal(worker) {
                    let work = Work::Slice(Arc::new(slice));
                    self.offer(worker, &work);
                    return Some(work);
                }
                queue = self.lock();
                queue.permits -= 1;
                if queue.has_work(self.concurrency) || queue.stopped {
                    continue;
                }
            }
            queue.sleeping += 1;
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.sleeping -= 1;
            queue.woken = queue.woken.saturating_sub(1);
        }
    }

    fn next(&self, queue: &mut Queue, pace: &Pace) -> Option<Work> {
        if let Some(parked) = queue.resumed.pop_front() {
            queue.served += 1;
            return Some(Work::Resume(parked));
        }
        if queue.permits >= self.concurrency {
            return None;
        }
        let front = queue.requests.front_mut()?;
        // One after another means that each outcome is known before the next run starts: a failure stops a map right there.
        let one_by_one = self.concurrency == 1;
        let runs = if one_by_one { 1 } else { pace.runs(&front.request.call, front.range.len() as u32, self.workers) };
        let range = front.range.start..front.range.start + runs;
        front.range.start = range.end;
        let slice = Slice::new(Arc::clone(&front.request), Arc::clone(&front.scope), range);
        if front.range.is_empty() {
            queue.requests.pop_front();
        }
        queue.permits += 1;
        Some(Work::Slice(Arc::new(slice)))
    }

    /// Lets idle threads see a slice that has something to take.
    fn offer(&self, worker: usize, work: &Work) {
        if let Work::Slice(slice) = work
            && slice.is_shared()
        {
            *self.slot(worker) = Some(Arc::clone(slice));
        }
    }

    fn slot(&self, worker: usize) -> MutexGuard<'_, Option<Arc<Slice>>> {
        self.slices[worker].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn steal(&self, thief: usize) -> Option<Slice> {
        let others = (1..self.workers).map(|step| (thief + step) % self.workers);
        others.into_iter().find_map(|victim| {
            let slot = self.slot(victim);
            let slice = slot.as_ref()?;
            let range = slice.steal()?;
            Some(Slice::new(Arc::clone(&slice.request), Arc::clone(&slice.scope), range))
        })
    }

    /// The thread is through with its slice; what it leaves goes back to the front.
    pub(super) fn put_back(&self, worker: usize, slice: &Arc<Slice>) {
        if slice.is_shared() {
            *self.slot(worker) = None;
        }
        if let Some(range) = slice.drain() {
            let queued = Queued { request: Arc::clone(&slice.request), scope: Arc::clone(&slice.scope), range };
            let mut queue = self.lock();
            queue.requests.push_front(queued);
            self.wake_one(&mut queue);
        }
    }

    /// Whether a thread sleeps that nobody is about to wake, and another task run may start.
    pub(super) fn has_idle_threads(&self) -> bool {
        let queue = self.lock();
        queue.sleeping > queue.woken && queue.requests.is_empty() && queue.permits < self.concurrency
    }

    /// A thread whose run was parked with its permit asks for another.
    pub(super) fn another_permit(&self) -> bool {
        let mut queue = self.lock();
        // Runs that may go on come before new ones.
        let granted = queue.permits < self.concurrency && queue.resumed.is_empty();
        queue.permits += usize::from(granted);
        granted
    }

    /// A parked run may go on.
    pub(super) fn resume(&self, parked: Arc<Parked>) {
        let mut queue = self.lock();
        queue.resumed.push_back(parked);
        self.wake_one(&mut queue);
    }

    /// So many task runs of the flow run have been reported; forgets it with the last one.
    pub(super) fn reported(&self, scope: &Arc<FlowScope>, runs: usize) {
        if scope.held.fetch_sub(runs, Ordering::AcqRel) == runs {
            let mut queue = self.lock();
            // More may have come in between.
            if scope.held.load(Ordering::Acquire) == 0 {
                let forgotten = queue.forget(scope);
                drop(queue);
                // It may hold the last of a flow run, whose drop is not ours to judge: not under the lock.
                drop(forgotten);
            }
        }
    }

    /// Answers what has not started of the requests that `wanted` picks.
    pub(super) fn withdraw(&self, wanted: impl Fn(&TaskRunRequest) -> bool) {
        let mut taken = Vec::new();
        let mut queue = self.lock();
        queue.requests.retain_mut(|queued| {
            let keep = !wanted(&queued.request);
            if !keep {
                taken.push((Arc::clone(&queued.request), Arc::clone(&queued.scope), queued.range.clone()));
            }
            keep
        });
        drop(queue);
        for worker in 0..self.workers {
            if let Some(slice) = &*self.slot(worker)
                && wanted(&slice.request)
                && let Some(range) = slice.drain()
            {
                taken.push((Arc::clone(&slice.request), Arc::clone(&slice.scope), range));
            }
        }
        for (request, scope, range) in taken {
            self.report(&request, &scope, range.start, vec![cancelled(); range.len()]);
        }
    }

    pub(super) fn cancel(&self, flow_run: FlowRunId) {
        let scopes = self.lock().scopes.get(&flow_run).cloned().unwrap_or_default();
        scopes.iter().for_each(|scope| scope.run.cancelled.store(true, Ordering::SeqCst));
        self.withdraw(|request| request.flow_run == flow_run);
        scopes.iter().for_each(|scope| scope.parked.wake_all());
    }

    pub(super) fn report(
        &self,
        request: &TaskRunRequest,
        scope: &Arc<FlowScope>,
        first: u32,
        outcomes: Vec<TaskRunOutcome>,
    ) {
        let runs = outcomes.len();
        let report =
            TaskRunReport { flow_run: request.flow_run, request: request.id, first, outcomes, origin: Origin::Run };
        // A panic there is a bug of ours that ends its flow run; other flow runs still need this thread.
        let _ = catch_unwind(AssertUnwindSafe(|| scope.run.reports.ended(report)));
        self.reported(scope, runs);
    }

    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.work.notify_all();
        self.relief.notify_all();
    }
}

impl Queue {
    fn scope(&mut self, id: FlowRunId, reports: &Arc<dyn Reports>) -> Arc<FlowScope> {
        let address = |reports: &Arc<dyn Reports>| Arc::as_ptr(reports).cast::<()>();
        let scopes = self.scopes.entry(id).or_default();
        // Most often there is one; a scope keeps its reports, so that no other has their address.
        if let Some(scope) = scopes.iter().find(|scope| address(&scope.run.reports) == address(reports)) {
            return Arc::clone(scope);
        }
        let run = RunScope { cancelled: Arc::new(AtomicBool::new(false)), reports: Arc::clone(reports) };
        let scope = Arc::new(FlowScope { id, run, held: AtomicUsize::new(0), parked: ParkedRuns::default() });
        scopes.push(Arc::clone(&scope));
        scope
    }

    /// Forgets a scope, if it is not forgotten already.
    fn forget(&mut self, scope: &Arc<FlowScope>) -> Option<Arc<FlowScope>> {
        let scopes = self.scopes.get_mut(&scope.id)?;
        let at = scopes.iter().position(|known| Arc::ptr_eq(known, scope))?;
        let forgotten = scopes.swap_remove(at);
        if scopes.is_empty() {
            self.scopes.remove(&scope.id);
        }
        Some(forgotten)
    }

    fn has_work(&self, concurrency: usize) -> bool {
        !self.resumed.is_empty() || (!self.requests.is_empty() && self.permits < concurrency)
    }
}

impl FlowScope {
    pub(super) fn is_cancelled(&self) -> bool {
        self.run.cancelled.load(Ordering::SeqCst)
    }
}

pub(super) fn cancelled() -> TaskRunOutcome {
    TaskRunOutcome::without_usage(Ending::Cancelled)
}
