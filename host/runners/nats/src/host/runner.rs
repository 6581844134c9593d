//! [`NatsRunner`]: the seam to the dispatcher. One for a flow run and its labels; it queues, and others send.

use std::sync::{Arc, Mutex};

use taskhost_model::seams::{Reports, Runner};
use taskhost_model::{Ending, FlowRunId, Labels, RequestId, TaskFailure, TaskRunRequest};

use super::lane::Queued;
use super::state::ended;
use super::{Shared, leave, lock};

/// Task runs that it wants to hold: enough for large messages to some hundred threads. The rest waits in the plan.
const CAPACITY: usize = 16_384;

/// See the top of the file.
pub(super) struct NatsRunner {
    shared: Arc<Shared>,
    labels: Labels,
    capacity: usize,
    /// The flow run that it has started something of.
    flow_run: Mutex<Option<FlowRunId>>,
}

impl NatsRunner {
    pub(super) fn new(shared: Arc<Shared>, labels: Labels, concurrency: Option<usize>) -> NatsRunner {
        let capacity = concurrency.unwrap_or(CAPACITY).clamp(1, CAPACITY);
        NatsRunner { shared, labels, capacity, flow_run: Mutex::new(None) }
    }
}

impl Runner for NatsRunner {
    fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>) {
        let Some(first) = requests.first() else { return };
        let flow_run = first.flow_run;
        let queued = requests.into_iter().filter(|request| !request.indexes.is_empty()).map(|request| Queued {
            indexes: request.indexes.clone(),
            request: Arc::new(request),
            reports: Arc::clone(reports),
            losses: 0,
        });
        if self.shared.is_closed() {
            let ending = Ending::Failed(TaskFailure::Lost("the connection to NATS was closed".to_owned()));
            return queued.for_each(|queued| reports.ended(ended(&queued, &ending)));
        }
        let is_new = lock(&self.flow_run).replace(flow_run).is_none();
        let mut state = self.shared.lock();
        let run = state.runs.entry(flow_run).or_default();
        run.runners += usize::from(is_new);
        if run.is_cancelled {
            drop(state);
            return queued.for_each(|queued| reports.ended(ended(&queued, &Ending::Cancelled)));
        }
        let lane = run.lanes.entry(self.labels.clone()).or_default();
        queued.for_each(|queued| lane.push(queued));
        drop(state);
        self.shared.wake.notify_one();
    }

    fn cancel(&self, flow_run: FlowRunId) {
        leave::cancel(&self.shared, flow_run);
    }

    fn withdraw(&self, flow_run: FlowRunId, request: RequestId) {
        let mut state = self.shared.lock();
        let Some(run) = state.runs.get_mut(&flow_run) else { return };
        let landed = run.withdraw(None, Some(request), &Ending::Cancelled);
        drop(state);
        self.shared.report(landed);
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

impl Drop for NatsRunner {
    fn drop(&mut self) {
        if let Some(flow_run) = lock(&self.flow_run).take() {
            leave::leave(&self.shared, flow_run);
        }
    }
}
