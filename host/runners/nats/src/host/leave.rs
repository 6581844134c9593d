//! The end of a flow run, and its cancelling: what it has in the account is taken away.

use std::sync::Arc;
use std::time::Duration;

use taskhost_model::{Ending, FlowRunId};
use tokio::sync::RwLock;

use super::{Shared, lock};
use crate::names;

/// How long workers have to say how the task runs ended that were cancelled: a guest that computes stops within about 10 ms.
const CANCEL_WAIT: Duration = Duration::from_millis(1500);

/// How long messages that are being sent are waited for, before they are taken back.
const GATE_WAIT: Duration = Duration::from_secs(1);

/// How often a queue is asked to take them back.
const PURGES: u32 = 3;

/// Stops a flow run: what was not sent ends here, what was sent at the workers, and what nobody answers for after a moment.
pub(super) fn cancel(shared: &Arc<Shared>, flow_run: FlowRunId) {
    let mut state = shared.lock();
    let Some(run) = state.runs.get_mut(&flow_run) else { return };
    let is_first = !std::mem::replace(&mut run.is_cancelled, true);
    let landed = run.withdraw(None, None, &Ending::Cancelled);
    let gate = Arc::clone(&run.gate);
    let has_flights = !run.flights.is_empty();
    drop(state);
    shared.report(landed);
    if !is_first || !has_flights {
        return;
    }
    let shared = Arc::clone(shared);
    let handle = shared.handle.clone();
    handle.spawn(async move {
        empty(&shared, flow_run, &gate).await;
        tokio::time::sleep(CANCEL_WAIT).await;
        let landed = shared.lock().runs.get_mut(&flow_run).map(|run| run.end_all(None, &Ending::Cancelled));
        if let Some(landed) = landed {
            shared.report(landed);
        }
    });
}

/// Tells workers that nobody waits for this flow run any more, and takes its messages back, also those that are just being sent.
async fn empty(shared: &Shared, flow_run: FlowRunId, gate: &RwLock<()>) {
    let _closed = tokio::time::timeout(GATE_WAIT, gate.write()).await;
    let process = bytes::Bytes::copy_from_slice(&shared.process.to_be_bytes());
    let _ = shared.connection.client.publish(names::cancel(flow_run), process).await;
    let Ok(found) = shared.found().await else { return };
    for _ in 0..PURGES {
        if found.streams.tasks.purge().filter(names::tasks_for_all(flow_run)).await.is_ok() {
            return;
        }
    }
}

/// A runner of the flow run is dropped. With the last one the flow run is over.
pub(super) fn leave(shared: &Arc<Shared>, flow_run: FlowRunId) {
    let mut state = shared.lock();
    let Some(run) = state.runs.get_mut(&flow_run) else { return };
    run.runners -= 1;
    if run.runners == 0 {
        drop(state);
        over(shared, flow_run);
    }
}

/// The flow run is over, whether its runners have been dropped or are about to be.
pub(super) fn over(shared: &Arc<Shared>, flow_run: FlowRunId) {
    let Some(run) = shared.lock().runs.remove(&flow_run) else { return };
    let Some(receiver) = run.receiver else { return };
    receiver.abort();
    let has_messages = !run.flights.is_empty() || run.has_given_up;
    let gate = run.gate;
    let own = Arc::clone(shared);
    let leaving = shared.handle.spawn(async move {
        if has_messages {
            empty(&own, flow_run, &gate).await;
        }
        let Ok(found) = own.found().await else { return };
        found.made.lock().await.results.remove(&flow_run);
        // With it go the answers that it has not taken.
        let _ = found.streams.results.delete_consumer(&names::results_consumer(flow_run)).await;
    });
    let mut all = lock(&shared.leaving);
    all.retain(|leaving| !leaving.is_finished());
    all.push(leaving);
}
