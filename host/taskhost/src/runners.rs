//! [`Runners`]: the runners of a host. In this process one pool of threads for each size that is asked for, made at its first use; workers
//! elsewhere by [`Remote`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use taskhost_engine::{Pool, PoolOptions};
use taskhost_flow::{RunnerChoice, RunnerKind};
use taskhost_model::seams::{Reports, Runner};
use taskhost_model::{Ending, FlowRunId, Origin, TaskFailure, TaskRunOutcome, TaskRunReport, TaskRunRequest, limits};
use taskhost_sandbox::Sandbox;

use crate::error::HostError;
use crate::remote::Remote;

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
    fn of(self, choice: &RunnerChoice) -> PoolSize {
        let or = |chosen: Option<u32>, default: usize| chosen.map_or(default, |number| number as usize).max(1);
        match choice.kind {
            RunnerKind::Sequential => PoolSize { workers: 1, concurrency: 1 },
            RunnerKind::Threads | RunnerKind::Nats => {
                let workers = or(choice.workers, self.workers);
                let concurrency = or(choice.concurrency, self.concurrency).min(limits::CONCURRENCY_MAX);
                // A thread beyond the task runs in flight would have nothing to do.
                PoolSize { workers: workers.min(concurrency), concurrency }
            }
        }
    }
}

/// The runners of a host. Pools share the sandbox, whose instances bound all of them together.
pub(crate) struct Runners {
    sandbox: Arc<Sandbox>,
    default: PoolSize,
    made: Mutex<HashMap<PoolSize, Arc<Pool>>>,
    remote: Remote,
}

impl Runners {
    /// Whether the workers of `nats`, if there are any, are made on this machine.
    pub(crate) fn has_workers_of_its_own(&self) -> bool {
        self.remote.is_local()
    }

    pub(crate) fn new(sandbox: Arc<Sandbox>, default: PoolSize, remote: Remote) -> Runners {
        Runners { sandbox, default, made: Mutex::default(), remote }
    }

    /// Makes sure that the runners for these choices can be had.
    pub(crate) fn ready(&self, choices: impl IntoIterator<Item = RunnerKind>) -> Result<(), HostError> {
        if choices.into_iter().any(|kind| kind == RunnerKind::Nats) { self.remote.connect() } else { Ok(()) }
    }

    /// Ends the connection to workers.
    pub(crate) fn disconnect(&self) {
        self.remote.disconnect();
    }

    /// The runner for a choice, for one flow run. If it cannot be had, a runner that says so for each task run.
    pub(crate) fn runner(&self, choice: RunnerChoice) -> Arc<dyn Runner> {
        if choice.kind == RunnerKind::Nats {
            return self.remote.runner(choice).unwrap_or_else(|error| Arc::new(NoRunner(error.message)));
        }
        let size = self.default.of(&choice);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = made.get(&size) {
            return pool.clone();
        }
        match self.make(size) {
            Ok(pool) => {
                made.insert(size, pool.clone());
                pool
            }
            Err(error) => Arc::new(NoRunner(format!("no thread could be started for it: {error}"))),
        }
    }

    fn make(&self, size: PoolSize) -> std::io::Result<Arc<Pool>> {
        let sandbox = self.sandbox.clone();
        let mut options = PoolOptions::new(size.workers, size.concurrency);
        options.on_thread_start = Some(Arc::new(move || sandbox.enter_thread()));
        Pool::new(self.sandbox.clone(), options)
    }
}

/// In place of a runner that cannot be had: each task run is lost, for the reason that it holds.
struct NoRunner(String);

impl Runner for NoRunner {
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
        let size =
            |kind, workers, concurrency| default.of(&RunnerChoice { workers, concurrency, ..RunnerChoice::from(kind) });
        assert_eq!(size(RunnerKind::Threads, None, None), default);
        assert_eq!(size(RunnerKind::Threads, Some(4), None), PoolSize { workers: 4, concurrency: 1024 });
        assert_eq!(size(RunnerKind::Threads, Some(4), Some(3)), PoolSize { workers: 3, concurrency: 3 });
        assert_eq!(size(RunnerKind::Sequential, Some(4), None), PoolSize { workers: 1, concurrency: 1 });
        assert_eq!(size(RunnerKind::Threads, None, Some(u32::MAX)).concurrency, limits::CONCURRENCY_MAX);
    }
}
