//! Sending: the pump cuts what is queued into messages; each is sent by a task of its own, until the queue says that it has it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use taskhost_model::{Digest, Ending, FlowRunId, Labels, TaskFailure};
use tokio::sync::OwnedRwLockReadGuard;

use super::lane::Queued;
use super::state::Outgoing;
use super::{Found, Shared, receive, watch};
use crate::error::NatsError;
use crate::exchange::Exchange;
use crate::shared::Way;
use crate::wire::{LeftOut, MessageId, OFFLOAD_BYTES_MIN, tasks};
use crate::{names, streams};

/// How long few task runs wait for others while workers have enough to do.
const LINGER: Duration = Duration::from_millis(1);

/// Between two tries to send a message; doubled up to the longest.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// Bytes of a message that are not its payload: headers, subject.
const AROUND_BYTES: usize = 1024;

/// Sends what is queued, for as long as the process lives.
pub(super) async fn pump(shared: Arc<Shared>) {
    loop {
        shared.wake.notified().await;
        let mut has_lingered = false;
        loop {
            if shared.is_closed() {
                return;
            }
            let id = || MessageId::new(shared.process, shared.messages.fetch_add(1, Ordering::Relaxed));
            let (outgoing, lingers) = shared.lock().cut(has_lingered, id);
            for message in outgoing {
                tokio::spawn(send(Arc::clone(&shared), message));
            }
            if !lingers {
                break;
            }
            tokio::time::sleep(LINGER).await;
            has_lingered = true;
        }
    }
}

/// Why a message cannot be sent.
enum Unsent {
    /// It may go the next time.
    Passing(String),
    /// Its queue has no room for it.
    Full(String),
    /// It never will.
    Final(TaskFailure),
    /// Nobody waits for it any more.
    Unwanted,
}

impl From<NatsError> for Unsent {
    fn from(error: NatsError) -> Unsent {
        Unsent::Passing(error.message)
    }
}

async fn send(shared: Arc<Shared>, message: Outgoing) {
    let (mut pause, mut since) = (RETRY, Instant::now());
    loop {
        let (reason, is_full) = match send_once(&shared, &message).await {
            Ok(sequence) => return sent(&shared, &message, sequence),
            Err(Unsent::Final(failure)) => return unsent(&shared, &message, &Ending::Failed(failure)),
            Err(Unsent::Unwanted) => return unsent(&shared, &message, &Ending::Cancelled),
            Err(Unsent::Passing(reason)) => (reason, false),
            Err(Unsent::Full(reason)) => (reason, true),
        };
        tracing::warn!(target: "taskhost::nats", reason, "a message could not be sent");
        // What fills the queue is on its way to workers, so there will be room.
        if is_full && shared.lock().has_sent() {
            since = Instant::now();
        }
        let waited = shared.options.server_wait;
        if since.elapsed() > waited {
            let reason = format!("it could not be sent to a worker for {waited:?}: {reason}");
            return unsent(&shared, &message, &Ending::Failed(TaskFailure::Lost(reason)));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
        if shared.is_closed() {
            return;
        }
    }
}

fn sent(shared: &Shared, message: &Outgoing, sequence: u64) {
    let mut state = shared.lock();
    let run = state.runs.get_mut(&message.flow_run);
    if let Some(flight) = run.and_then(|run| run.flights.get_mut(&message.id)) {
        (flight.sequence, flight.since) = (Some(sequence), Instant::now());
    }
}

fn unsent(shared: &Shared, message: &Outgoing, ending: &Ending) {
    let mut state = shared.lock();
    let landed = state.runs.get_mut(&message.flow_run).map(|run| run.end(message.id, ending));
    drop(state);
    if let Some(landed) = landed {
        shared.report(landed);
    }
}

/// Through the gate of the flow run, unless nobody waits for the message any more.
async fn pass(shared: &Shared, message: &Outgoing) -> Result<OwnedRwLockReadGuard<()>, Unsent> {
    let gate = shared.lock().runs.get(&message.flow_run).map(|run| Arc::clone(&run.gate));
    let passed = gate.ok_or(Unsent::Unwanted)?.read_owned().await;
    let is_wanted = shared.lock().runs.get(&message.flow_run).is_some_and(|run| run.wants(message.id));
    if is_wanted { Ok(passed) } else { Err(Unsent::Unwanted) }
}

/// Gives the message's place in the stream.
async fn send_once(shared: &Arc<Shared>, message: &Outgoing) -> Result<u64, Unsent> {
    drop(pass(shared, message).await?);
    let found = shared.found().await?;
    ready(shared, &found, message.flow_run, &message.labels).await?;
    let (payload, left_out) = encode(message, shared.connection.client.max_payload())?;
    let exchange = &found.exchange;
    let mut way = shared.way(&message.labels);
    if way == Way::Shared
        && let Err(reason) = put(exchange, &left_out, way).await
    {
        tracing::warn!(target: "taskhost::nats", reason, "the store of artifacts takes nothing; values go by the queue");
        way = Way::Queue;
    }
    if way == Way::Queue {
        put(exchange, &left_out, way).await.map_err(Unsent::Passing)?;
    }
    let mut components: HashSet<Digest> = HashSet::new();
    for part in &message.parts {
        let digest = part.request.call.component;
        if components.insert(digest) {
            exchange.put_component(&digest, &shared.site).await.map_err(Unsent::Passing)?;
        }
    }
    let subject = names::tasks(&message.labels, message.flow_run);
    let mut outgoing = PublishMessage::build().payload(payload).message_id(message.id.to_string());
    if message.parts.iter().any(Queued::goes_alone) {
        outgoing = outgoing.header(names::ALONE_HEADER, "1");
    }
    if way == Way::Shared {
        outgoing = outgoing.header(names::SHARED_HEADER, "1");
    }
    let _passed = pass(shared, message).await?;
    let published = publish(shared, subject, outgoing).await;
    match published {
        Err(error) if error.kind() == PublishErrorKind::StreamNotFound => {
            shared.lose_streams().await;
            Err(Unsent::Passing("its stream is gone".to_owned()))
        }
        Err(error) if is_full(&error) => Err(Unsent::Full(error.to_string())),
        Err(error) => Err(Unsent::Passing(error.to_string())),
        Ok(sequence) => Ok(sequence),
    }
}

/// Puts what a message names.
async fn put(exchange: &Exchange, left_out: &LeftOut, way: Way) -> Result<(), String> {
    for (reference, value) in &left_out.values {
        exchange.put_value(reference, value, way).await?;
    }
    for blob in &left_out.blobs {
        exchange.put_blob(blob, way).await?;
    }
    Ok(())
}

/// Whether the stream, or the account, has no room.
fn is_full(error: &PublishError) -> bool {
    use async_nats::jetstream::{Error, ErrorCode};
    let reason = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
    reason.is_some_and(|reason| {
        matches!(
            reason.error_code(),
            ErrorCode::STREAM_STORE_FAILED
                | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
                | ErrorCode::INSUFFICIENT_RESOURCES
                | ErrorCode::STORAGE_RESOURCES_EXCEEDED
                | ErrorCode::MEMORY_RESOURCES_EXCEEDED
        )
    })
}

/// Should it go twice, because the first answer was late, the stream takes it once.
async fn publish(shared: &Shared, subject: String, message: PublishMessage) -> Result<u64, PublishError> {
    let acknowledged = shared.connection.jetstream.send_publish(subject, message).await?;
    Ok(acknowledged.await?.sequence)
}

fn encode(message: &Outgoing, payload_max: usize) -> Result<(Bytes, LeftOut), Unsent> {
    let bytes_max = payload_max.saturating_sub(AROUND_BYTES);
    let parts: Vec<_> = message.parts.iter().map(|part| (&*part.request, part.indexes.clone())).collect();
    let whole = tasks::encode(message.id, message.flow_run, &parts, OFFLOAD_BYTES_MIN.min(bytes_max / 4));
    if whole.0.len() <= bytes_max {
        return Ok(whole);
    }
    // Many arguments that are each just below what goes another way.
    let small = tasks::encode(message.id, message.flow_run, &parts, taskhost_model::codec::REFERENCE_BYTES_MIN);
    if small.0.len() <= bytes_max {
        return Ok(small);
    }
    let reason = format!("it takes a message of {} bytes, and the NATS server takes {payload_max}", small.0.len());
    Err(Unsent::Final(TaskFailure::BadArguments(reason)))
}

/// Makes the queues of a flow run, once: what receives its outcomes, and what workers with these labels take from.
async fn ready(
    shared: &Arc<Shared>,
    found: &Arc<Found>,
    flow_run: FlowRunId,
    labels: &Labels,
) -> Result<(), NatsError> {
    let mut made = found.made.lock().await;
    if !made.tasks.contains(labels) {
        streams::tasks_consumer(&found.streams.tasks, labels).await?;
        made.tasks.insert(labels.clone());
        watch::ask(shared, labels).await;
    }
    if made.results.contains(&flow_run) {
        return Ok(());
    }
    let is_received = || shared.lock().runs.get(&flow_run).is_none_or(|run| run.receiver.is_some());
    if !is_received() {
        // What an earlier host of this flow run has left: its task runs are sent again, with other ids.
        let _ = found.streams.tasks.purge().filter(names::tasks_for_all(flow_run)).await;
    }
    // Before anything is sent: without it answers would not be kept.
    let consumer = streams::results_consumer(&found.streams.results, flow_run).await?;
    made.results.insert(flow_run);
    if is_received() {
        return Ok(());
    }
    let receiver = tokio::spawn(receive::run(Arc::clone(shared), flow_run, consumer)).abort_handle();
    match shared.lock().runs.get_mut(&flow_run) {
        Some(run) => run.receiver = Some(receiver),
        None => receiver.abort(),
    }
    Ok(())
}
