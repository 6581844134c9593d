//! Watching: who is there, what was lost, and what waits for too long.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use taskhost_model::event::LogSource;
use taskhost_model::{Attachment, Ending, FlowRunId, Labels, TaskFailure};

use super::flight::Landed;
use super::{Found, Shared};
use crate::error::NatsError;
use crate::hello::{self, Question, WorkerHello};
use crate::names::{self, PROTOCOL};
use crate::wire::MessageId;

/// How often it looks.
const ROUND: Duration = Duration::from_millis(500);

/// How often workers are asked while anything is under way.
const ASK_ROUNDS: u32 = 8;

/// Task runs without a worker are told to whoever looks on after this.
const TELL_AFTER: Duration = Duration::from_secs(2);

/// A message without an answer is looked for in its stream after this.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// Messages that are looked for in one round: the oldest.
const LOOKS_MAX: usize = 50;

/// Asks who takes task runs with these labels; the answers come to [`listen`].
pub(super) async fn ask(shared: &Shared, labels: &Labels) {
    let question = Question {
        version: shared.options.version.clone(),
        protocol: PROTOCOL,
        labels: labels.iter().map(str::to_owned).collect(),
    };
    let client = &shared.connection.client;
    let reply = answers(shared);
    let _ = client.publish_with_reply(names::WORKERS_SUBJECT, reply, hello::encode(&question)).await;
}

fn answers(shared: &Shared) -> String {
    format!("{}.workers.{:016x}", names::HOST_INBOX, shared.process)
}

/// Takes the answers of workers, and word of messages that went to too many of them.
pub(super) async fn listen(shared: &Arc<Shared>) -> Result<(), NatsError> {
    let failed = |error: async_nats::SubscribeError| NatsError::new(format!("NATS lets us not listen: {error}"));
    let client = &shared.connection.client;
    let mut workers = client.subscribe(answers(shared)).await.map_err(failed)?;
    let own = Arc::clone(shared);
    tokio::spawn(async move {
        while let Some(message) = workers.next().await {
            if let Some(hello) = hello::decode::<WorkerHello>(&message.payload) {
                own.lock().workers.hear(hello);
                own.wake.notify_one();
            }
        }
    });
    let subject = format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{}.*", names::TASKS_STREAM);
    let mut poison = client.subscribe(subject).await.map_err(failed)?;
    let own = Arc::clone(shared);
    tokio::spawn(async move {
        while let Some(message) = poison.next().await {
            let advisory = serde_json::from_slice::<serde_json::Value>(&message.payload);
            if let Some(sequence) = advisory.ok().and_then(|advisory| advisory["stream_seq"].as_u64()) {
                deadly(&own, sequence).await;
            }
        }
    });
    ask(shared, &Labels::default()).await;
    Ok(())
}

/// The message at `sequence` was with as many workers as it may be, and none answered.
async fn deadly(shared: &Arc<Shared>, sequence: u64) {
    let mut landed = Landed::default();
    {
        let mut state = shared.lock();
        let mut all = state.runs.values_mut();
        let Some((run, id)) = all.find_map(|run| {
            let found = run.flights.iter().find(|(_, flight)| flight.sequence == Some(sequence));
            found.map(|(id, _)| *id).map(|id| (run, id))
        }) else {
            // Of another host of this account.
            return;
        };
        if run.flights.get(&id).is_some_and(|flight| flight.runs() > 1) {
            landed = run.send_again(id, true);
        } else {
            let count = crate::streams::DELIVERIES_MAX;
            let reason = format!("{count} workers took it, one after another, and none was heard of again: it may be what ends them");
            landed.reports = run.end(id, &Ending::Failed(TaskFailure::Lost(reason))).reports;
        }
    }
    if let Ok(found) = shared.found().await {
        let _ = found.streams.tasks.delete_message(sequence).await;
    }
    shared.report(landed);
}

/// Looks after flow runs, for as long as the process lives.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut down_since: Option<Instant> = None;
    let mut round = 0_u32;
    loop {
        tokio::time::sleep(ROUND).await;
        if shared.is_closed() {
            return;
        }
        round = round.wrapping_add(1);
        if !shared.connection.is_up() {
            let since = *down_since.get_or_insert_with(Instant::now);
            if since.elapsed() > shared.options.server_wait {
                let (address, waited) = (shared.settings.shown(), shared.options.server_wait);
                shared.end_all(&format!("NATS at `{address}` has not answered for {waited:?}"));
            }
            continue;
        }
        down_since = None;
        let wanted: HashSet<Labels> = {
            let state = shared.lock();
            let flights = state.runs.values().flat_map(|run| run.flights.values());
            flights.map(|flight| flight.labels.clone()).collect()
        };
        for labels in wanted {
            if round.is_multiple_of(ASK_ROUNDS) || shared.lock().workers.slots(&labels) == 0 {
                ask(&shared, &labels).await;
            }
            look_for_workers(&shared, &labels);
        }
        if let Ok(found) = shared.found().await {
            look_for_messages(&shared, &found).await;
        }
    }
}

/// Tells those who wait for workers that are not there, and gives them up in the end.
fn look_for_workers(shared: &Shared, labels: &Labels) {
    let (mut telling, mut ended) = (Vec::new(), Vec::new());
    let mut state = shared.lock();
    let is_there = state.workers.slots(labels) > 0;
    let known = state.workers.known();
    for run in state.runs.values_mut() {
        if is_there || !run.flights.values().any(|flight| flight.labels == *labels) {
            run.forsaken.remove(labels);
            run.told.remove(labels);
            continue;
        }
        let waited = run.forsaken.entry(labels.clone()).or_insert_with(Instant::now).elapsed();
        let reason = nobody(labels, &known, &shared.options.version);
        if waited > shared.options.worker_wait {
            let ending = Ending::Failed(TaskFailure::Lost(format!("{reason}; waited {:?}", shared.options.worker_wait)));
            ended.push(run.end_all(Some(labels), &ending));
        } else if waited > TELL_AFTER && run.told.insert(labels.clone()) {
            telling.extend(run.someone(labels).map(|someone| (someone, reason)));
        }
    }
    drop(state);
    for ((reports, task, index), reason) in telling {
        let line = format!("{reason}; it waits {:?} for one", shared.options.worker_wait);
        reports.attach(&task, index, Attachment::Log { source: LogSource::Runner, line });
    }
    ended.into_iter().for_each(|landed| shared.report(landed));
}

/// Why nobody takes task runs with these labels.
fn nobody(labels: &Labels, known: &[WorkerHello], version: &str) -> String {
    let of = if labels.is_empty() { String::new() } else { format!(" with the labels `{labels}`") };
    let other = known.iter().find(|hello| hello.protocol != PROTOCOL);
    if let Some(other) = other {
        return format!(
            "no worker{of} that this taskhost understands: `{}` is taskhost {} (protocol {}), this is {version} (protocol {PROTOCOL})",
            other.name, other.version, other.protocol
        );
    }
    match known.len() {
        0 => format!("no worker{of} is there"),
        1 => format!("no worker{of}; the one that is there {}", has(&known[0])),
        count => format!("no worker{of}; {count} others are there, `{}` {}", known[0].name, has(&known[0])),
    }
}

fn has(hello: &WorkerHello) -> String {
    match hello.labels.as_str() {
        _ if hello.draining => "takes nothing more".to_owned(),
        "" => "has none".to_owned(),
        labels => format!("has `{labels}`"),
    }
}

/// Sends again what a queue has lost: with its server, or by somebody who emptied it.
async fn look_for_messages(shared: &Arc<Shared>, found: &Arc<Found>) {
    let mut old: Vec<(Instant, FlowRunId, MessageId, u64)> = Vec::new();
    for (flow_run, run) in &shared.lock().runs {
        let flights = run.flights.iter().filter(|(_, flight)| flight.since.elapsed() > LOOK_AFTER);
        old.extend(flights.filter_map(|(id, flight)| Some((flight.since, *flow_run, *id, flight.sequence?))));
    }
    old.sort_unstable_by_key(|(since, ..)| *since);
    for (_, flow_run, id, sequence) in old.into_iter().take(LOOKS_MAX) {
        let is_there = match found.streams.tasks.get_raw_message(sequence).await {
            Ok(message) => crate::wire::tasks::id_of(&message.payload) == Some(id),
            Err(error) if is_missing(&error) => false,
            // Not known, so nothing is concluded from it.
            Err(_) => continue,
        };
        let mut state = shared.lock();
        let Some(run) = state.runs.get_mut(&flow_run) else { continue };
        let Some(flight) = run.flights.get_mut(&id) else { continue };
        // Those that are there are looked for again later.
        flight.since = Instant::now();
        let was_missed = std::mem::replace(&mut flight.is_missed, !is_there);
        // Once may be an answer that is on its way.
        if !is_there && was_missed {
            tracing::warn!(target: "taskhost::nats", %flow_run, "a message was lost by its queue; it is sent again");
            let landed = run.send_again(id, false);
            drop(state);
            shared.report(landed);
        }
    }
}

fn is_missing(error: &async_nats::jetstream::stream::RawMessageError) -> bool {
    use async_nats::jetstream::ErrorCode;
    use async_nats::jetstream::stream::LastRawMessageErrorKind as Kind;
    match error.kind() {
        Kind::NoMessageFound => true,
        Kind::JetStream(reason) => {
            matches!(reason.error_code(), ErrorCode::NO_MESSAGE_FOUND | ErrorCode::STREAM_NOT_FOUND)
        }
        _ => false,
    }
}
