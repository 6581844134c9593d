//! Receiving: the outcomes of a flow run, in their order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use futures_util::StreamExt;
use taskhost_model::codec::CodecError;
use taskhost_model::{ArtifactRef, Ending, FlowRunId, TaskFailure, Value};

use super::Shared;
use super::flight::Landed;
use crate::names;
use crate::shared::Way;
use crate::streams;
use crate::wire::outcomes;
use crate::wire::outcomes::{Fate, OutcomeMessage};

/// Outcomes that are asked for at once.
const BATCH: usize = 500;

/// A pull that hears nothing for twice this time has lost its server.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long a pull lasts.
const PULL: Duration = Duration::from_secs(30);

/// Before the consumer is looked for again.
const RETRY: Duration = Duration::from_millis(250);

/// Receives until the flow run is over.
pub(super) async fn run(shared: Arc<Shared>, flow_run: FlowRunId, consumer: PullConsumer) {
    let mut consumer = Some(consumer);
    loop {
        if let Some(consumer) = consumer.take() {
            let pull = consumer.stream().max_messages_per_batch(BATCH).heartbeat(HEARTBEAT).expires(PULL);
            if let Ok(mut messages) = pull.messages().await {
                while let Some(message) = messages.next().await {
                    let Ok(message) = message else { break };
                    take(&shared, flow_run, &message.payload, names::way(message.headers.as_ref())).await;
                    // Should this get lost, it comes again, and has no effect.
                    let _ = message.ack().await;
                }
            }
        }
        tokio::time::sleep(RETRY).await;
        if let Ok(found) = shared.found().await {
            match streams::results_consumer(&found.streams.results, flow_run).await {
                Ok(again) => consumer = Some(again),
                Err(_) => shared.lose_streams().await,
            }
        }
    }
}

async fn take(shared: &Arc<Shared>, flow_run: FlowRunId, bytes: &[u8], way: Way) {
    let is_wanted = |id| shared.lock().runs.get(&flow_run).is_some_and(|run| run.flights.contains_key(&id));
    if !crate::wire::tasks::id_of(bytes).is_some_and(is_wanted) {
        // It came before, or late: what it names is not fetched for nothing.
        return;
    }
    let message = match read(shared, bytes, way).await {
        Ok(message) => message,
        Err(reason) => {
            tracing::error!(target: "taskhost::nats", reason, "an answer of a worker cannot be used");
            // Without its answer the message goes again, and fails when nobody has a better one.
            return unusable(shared, flow_run, bytes, &reason);
        }
    };
    let reports = shared.lock().runs.get(&flow_run).and_then(|run| {
        let of_flight =
            |flight: &super::flight::Flight| flight.parts.first().map(|part| Arc::clone(&part.queued.reports));
        run.flights.values().find_map(of_flight)
    });
    if let Some(reports) = reports {
        for (task, index, attachment) in &message.said {
            reports.attach(task, *index, attachment.clone());
        }
    }
    let landed = shared.lock().land(flow_run, message);
    shared.report(landed);
}

/// Reads an answer, with all that it names.
async fn read(shared: &Shared, bytes: &[u8], way: Way) -> Result<OutcomeMessage, String> {
    let found = shared.found().await.map_err(|error| error.message)?;
    let mut values: HashMap<ArtifactRef, Value> = HashMap::new();
    let message = loop {
        let mut missing = Vec::new();
        let decoded = outcomes::decode(bytes, &mut |reference| match values.get(reference) {
            Some(value) => Ok(value.clone()),
            None => {
                missing.push(*reference);
                // Goes on, to see what else is missing; the value is never used.
                Ok(Value::Bool(false))
            }
        });
        let message = decoded.map_err(|CodecError { message, .. }| message)?;
        if missing.is_empty() {
            break message;
        }
        for reference in missing {
            values.insert(reference, found.exchange.value(&reference, way).await?);
        }
    };
    for blob in blobs(&message) {
        found.exchange.fetch_blob(&blob, way).await?;
    }
    Ok(message)
}

fn blobs(message: &OutcomeMessage) -> Vec<ArtifactRef> {
    let mut blobs = Vec::new();
    let outcomes = message.stretches.iter().filter_map(|stretch| match &stretch.fate {
        Fate::Ended(outcomes) => Some(outcomes),
        Fate::GivenBack(_) => None,
    });
    for outcome in outcomes.flatten() {
        if let Ending::Returned(value) = &outcome.ending {
            value.each_blob(&mut |blob| blobs.push(*blob));
        }
    }
    blobs
}

/// The task runs of an answer that cannot be read are lost: another attempt is their plan's choice.
fn unusable(shared: &Arc<Shared>, flow_run: FlowRunId, bytes: &[u8], reason: &str) {
    let Some(id) = crate::wire::tasks::id_of(bytes) else { return };
    let ending = Ending::Failed(TaskFailure::Lost(format!("its outcome cannot be used: {reason}")));
    let landed: Option<Landed> = shared.lock().runs.get_mut(&flow_run).map(|run| run.end(id, &ending));
    if let Some(landed) = landed {
        shared.report(landed);
    }
}
