//! [`Pool`]: the runner of this process. Threads compute; a task run that waits is parked and holds none.
//!
//! A thread takes a slice of a request's indexes, long enough that locks and reports cost little beside it (`slice`), runs it, and reports
//! it as one. Idle threads steal from slices that turn out long. What follows from a report is taken by the thread that reported, so a
//! chain does not cross threads (`worker`). Waiting task runs are polled again by whichever thread is free (`parked`), or by one more
//! when all of them compute (`relief`). The state that the threads share is in `queue`.

use std::any::Any;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use taskhost_model::seams::{Executor, Reports, Runner};
use taskhost_model::{FlowRunId, RequestId, TaskRunRequest};

mod parked;
mod queue;
mod relief;
mod slice;
mod worker;

use queue::Shared;

/// Task runs that are held ahead of what may run, for each thread: enough that no thread waits for the scheduler.
const AHEAD_PER_WORKER: usize = 256;

/// Called on each thread of a pool as it starts, such as to enter an async runtime; what it gives is kept as long as the thread lives.
pub type OnThreadStart = Arc<dyn Fn() -> Box<dyn Any> + Send + Sync>;

/// How a pool works.
#[derive(Clone)]
#[non_exhaustive]
pub struct PoolOptions {
    /// Threads that compute; at least one is made.
    pub workers: usize,
    /// Task runs started and not over, waiting ones included; at least 1.
    pub concurrency: usize,
    /// Called on each thread as it starts.
    pub on_thread_start: Option<OnThreadStart>,
}

impl PoolOptions {
    /// So many threads and so many task runs at once.
    pub fn new(workers: usize, concurrency: usize) -> PoolOptions {
        PoolOptions { workers, concurrency, on_thread_start: None }
    }
}

/// A runner on threads of this process. With one worker and a concurrency of one it is `sequential`.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Pool {
    /// Starts the threads. Fails if the system has not even one to give.
    pub fn new(executor: Arc<dyn Executor>, options: PoolOptions) -> io::Result<Arc<Pool>> {
        let workers = options.workers.max(1);
        let shared = Arc::new(Shared::new(executor, workers, options.concurrency.max(1)));
        let start = |name: String, work: Box<dyn FnOnce(Arc<Shared>) + Send>| {
            let (shared, on_start) = (Arc::clone(&shared), options.on_thread_start.clone());
            thread::Builder::new().name(name).spawn(move || {
                let _kept = on_start.map(|on_start| on_start());
                work(shared);
            })
        };
        let mut threads = Vec::new();
        for at in 0..workers {
            match start(format!("taskhost-{at}"), Box::new(move |shared| worker::run(shared, at))) {
                Ok(thread) => threads.push(thread),
                // Fewer threads are slower, no thread is an error.
                Err(_) if at > 0 => break,
                Err(error) => return Err(error),
            }
        }
        // One run at a time, and it has the only worker for itself. Without the thread, stopping may take longer.
        if shared.concurrency > 1 {
            threads.extend(start("taskhost-relief".to_owned(), Box::new(relief::run)));
        }
        Ok(Arc::new(Pool { shared, threads: Mutex::new(threads) }))
    }
}

impl Runner for Pool {
    fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>) {
        self.shared.add(requests, reports, worker::is_about_to_take(&self.shared));
    }

    fn cancel(&self, flow_run: FlowRunId) {
        self.shared.cancel(flow_run);
    }

    fn withdraw(&self, flow_run: FlowRunId, request: RequestId) {
        self.shared.withdraw(|queued| queued.flow_run == flow_run && queued.id == request);
    }

    fn has_idle_threads(&self) -> bool {
        self.shared.has_idle_threads()
    }

    fn capacity(&self) -> usize {
        self.shared.concurrency + self.shared.workers * AHEAD_PER_WORKER
    }
}

/// Ends the threads after what they are at, and waits for them, unless it happens on one of them.
impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if threads.iter().any(|thread| thread.thread().id() == thread::current().id()) {
            return;
        }
        for thread in threads {
            // A panic there was told when it happened.
            let _ = thread.join();
        }
    }
}
