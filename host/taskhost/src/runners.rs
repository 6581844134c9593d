//! [`Pools`]: the runners of this process, one pool of threads for each size that is asked for, made at its first use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use taskhost_engine::{Pool, PoolOptions};
use taskhost_flow::{RunnerChoice, RunnerKind};
use taskhost_model::seams::{Reports, Runner};
use taskhost_model::{Ending, FlowRunId, Origin, TaskFailure, TaskRunOutcome, TaskRunReport, TaskRunRequest, limits};
use taskhost_sandbox::Sandbox;

/// What makes two choices of a runner the same pool.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PoolSize {
    /// Threads that compute.
    pub(crate) workers: usize,
    /// Task runs in flight.
    pub(crate) concurrency: usize,
}

impl PoolSize {
    /// The size that a choice means; `self` is what it leaves open.
    fn of(self, choice: RunnerChoice) -> PoolSize {
        let or = |chosen: Option<u32>, default: usize| chosen.map_or(default, |number| number as usize).max(1);
        match choice.kind {
            RunnerKind::Sequential => PoolSize { workers: 1, concurrency: 1 },
            RunnerKind::Threads => {
                let workers = or(choice.workers, self.workers);
                let concurrency = or(choice.concurrency, self.concurrency).min(limits::CONCURRENCY_MAX);
                // A thread beyond the task runs in flight would have nothing to do.
                PoolSize { workers: workers.min(concurrency), concurrency }
            }
        }
    }
}

/// The pools of a host. Pools share the sandbox, whose instances bound all of them together.
pub(crate) struct Pools {
    sandbox: Arc<Sandbox>,
    default: PoolSize,
    made: Mutex<HashMap<PoolSize, Arc<Pool>>>,
}

impl Pools {
    pub(crate) fn new(sandbox: Arc<Sandbox>, default: PoolSize) -> Pools {
        Pools { sandbox, default, made: Mutex::default() }
    }

    /// The runner for a choice. If its threads cannot be started, a runner that says so for each task run.
    pub(crate) fn runner(&self, choice: RunnerChoice) -> Arc<dyn Runner> {
        let size = self.default.of(choice);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = made.get(&size) {
            return pool.clone();
        }
        match self.make(size) {
            Ok(pool) => {
                made.insert(size, pool.clone());
                pool
            }
            Err(error) => Arc::new(NoThreads(format!("no thread could be started for it: {error}"))),
        }
    }

    fn make(&self, size: PoolSize) -> std::io::Result<Arc<Pool>> {
        let sandbox = self.sandbox.clone();
        let mut options = PoolOptions::new(size.workers, size.concurrency);
        options.on_thread_start = Some(Arc::new(move || sandbox.enter_thread()));
        Pool::new(self.sandbox.clone(), options)
    }
}

/// A runner without threads: each task run is lost, for the reason that it holds.
struct NoThreads(String);

impl Runner for NoThreads {
    fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>) {
        for request in requests {
            let ending = Ending::Failed(TaskFailure::Lost(self.0.clone()));
            let outcome = TaskRunOutcome::without_usage(ending);
            reports.ended(TaskRunReport {
                flow_run: request.flow_run,
                request: request.id,
                first: request.indexes.start,
                outcomes: vec![outcome; request.indexes.len()],
                origin: Origin::Run,
            });
        }
    }

    fn cancel(&self, _flow_run: FlowRunId) {}

    fn capacity(&self) -> usize {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_fills_in_what_it_leaves_open() {
        let default = PoolSize { workers: 2, concurrency: 1024 };
        let size = |kind, workers, concurrency| default.of(RunnerChoice { kind, workers, concurrency });
        assert_eq!(size(RunnerKind::Threads, None, None), default);
        assert_eq!(size(RunnerKind::Threads, Some(4), None), PoolSize { workers: 4, concurrency: 1024 });
        assert_eq!(size(RunnerKind::Threads, Some(4), Some(3)), PoolSize { workers: 3, concurrency: 3 });
        assert_eq!(size(RunnerKind::Sequential, Some(4), None), PoolSize { workers: 1, concurrency: 1 });
        assert_eq!(size(RunnerKind::Threads, None, Some(u32::MAX)).concurrency, limits::CONCURRENCY_MAX);
    }
}
