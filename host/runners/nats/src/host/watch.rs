//! Watching: who is there, what was lost, and what waits for too long.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use taskhost_model::event::LogSource;
use taskhost_model::{Attachment, Ending, FlowRunId, Labels, TaskFailure};

use super::{Found, Shared};
use crate::error::NatsError;
use crate::hello::{self, Question, WorkerHello};
use crate::names::{self, PROTOCOL};
use crate::streams;
use crate::wire::MessageId;

/// How often it looks.
const ROUND: Duration = Duration::from_millis(500);

/// How often workers are asked while anything is under way.
const ASK_ROUNDS: u32 = 4;

/// Task runs without a worker are told to whoever looks on after this.
const TELL_AFTER: Duration = Duration::from_secs(2);

/// A message without an answer is looked for in its stream after this.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// An answer that has not come after this never will.
const ANSWER_MAX: Duration = streams::ANSWER_ACK_WAIT.saturating_mul(3);

/// Messages that are looked for in one round: the oldest.
const LOOKS_MAX: usize = 50;

/// Asks who takes task runs with these labels; the answers come to [`listen`].
pub(super) async fn ask(shared: &Shared, labels: &Labels) {
    let question = Question {
        version: shared.options.version.clone(),
        protocol: PROTOCOL,
        labels: labels.iter().map(str::to_owned).collect(),
        probe: shared.probe.get().cloned(),
    };
    let client = &shared.connection.client;
    let reply = answers(shared);
    let _ = client.publish_with_reply(names::WORKERS_SUBJECT, reply, hello::encode(&question)).await;
}

/// Puts what workers look for that may reach the host's store of artifacts, if it has one.
pub(super) async fn probe(shared: Arc<Shared>) {
    let Some(artifacts) = shared.site.artifacts() else { return };
    match tokio::task::spawn_blocking(move || artifacts.put_probe()).await {
        Ok(Ok(probe)) => {
            let _ = shared.probe.set(probe.to_string());
            ask(&shared, &Labels::default()).await;
        }
        // The store is told when it is needed; until then values go by the queue.
        Ok(Err(reason)) => tracing::warn!(target: "taskhost::nats", reason, "the store of artifacts takes no probe"),
        Err(_) => {}
    }
}

fn answers(shared: &Shared) -> String {
    format!("{}.workers.{:016x}", names::HOST_INBOX, shared.process)
}

/// Takes the answers of workers.
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
    ask(shared, &Labels::default()).await;
    Ok(())
}

/// Looks after flow runs, for as long as the process lives.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut silent_since: Option<Instant> = None;
    let mut round = 0_u32;
    loop {
        tokio::time::sleep(ROUND).await;
        if shared.is_closed() {
            return;
        }
        round = round.wrapping_add(1);
        let began = Instant::now();
        if shared.connection.is_up() && look(&shared, round).await {
            silent_since = None;
            continue;
        }
        let since = *silent_since.get_or_insert(began);
        if since.elapsed() > shared.options.server_wait {
            let (address, waited) = (shared.settings.shown(), shared.options.server_wait);
            shared.end_all(&format!("NATS at `{address}` has not answered for {waited:?}"));
        }
    }
}

/// Looks for messages and for workers; false if the server did not answer, from which nothing follows for either.
async fn look(shared: &Arc<Shared>, round: u32) -> bool {
    let Ok(found) = shared.found().await else { return false };
    if !look_for_messages(shared, &found).await {
        return false;
    }
    let wanted: HashSet<Labels> = {
        let state = shared.lock();
        let flights = state.runs.values().flat_map(|run| run.flights.values());
        flights.map(|flight| flight.labels.clone()).collect()
    };
    for labels in wanted {
        let is_forsaken = shared.lock().workers.slots(&labels) == 0;
        if is_forsaken && !answers_at_all(&found).await {
            return false;
        }
        if is_forsaken || round.is_multiple_of(ASK_ROUNDS) {
            ask(shared, &labels).await;
        }
        look_for_workers(shared, &labels);
    }
    true
}

/// Whether workers could be heard, if there were any.
async fn answers_at_all(found: &Found) -> bool {
    use async_nats::jetstream::context::RequestErrorKind as Kind;
    match found.streams.tasks.get_info().await {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), Kind::TimedOut | Kind::NoResponders),
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
            let ending =
                Ending::Failed(TaskFailure::Lost(format!("{reason}; waited {:?}", shared.options.worker_wait)));
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

/// Sends again what a queue has lost: with its server, or by somebody who emptied it. False if the queue does not answer.
async fn look_for_messages(shared: &Arc<Shared>, found: &Arc<Found>) -> bool {
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
            // Not known, so nothing is concluded from it; nor is the next one asked for, which would take as long.
            Err(_) => return false,
        };
        let Some(missed_since) = note(shared, flow_run, id, is_there) else { continue };
        // Its answer may be on its way, or be lost on it and sent again.
        let may_come = missed_since.elapsed() < ANSWER_MAX
            && streams::has_answers(&found.streams.results, flow_run).await != Some(false);
        let mut state = shared.lock();
        if let Some(run) = state.runs.get_mut(&flow_run).filter(|_| !may_come) {
            tracing::warn!(target: "taskhost::nats", %flow_run, "a message was lost by its queue; it is sent again");
            let landed = run.send_again(id);
            drop(state);
            shared.report(landed);
        }
    }
    true
}

/// Notes whether a message was there; gives since when it was not, if it was not there the last time either.
fn note(shared: &Shared, flow_run: FlowRunId, id: MessageId, is_there: bool) -> Option<Instant> {
    let mut state = shared.lock();
    let flight = state.runs.get_mut(&flow_run)?.flights.get_mut(&id)?;
    // It is looked for again later.
    flight.since = Instant::now();
    let missed_since = flight.missed_since.take();
    if !is_there {
        flight.missed_since = missed_since.or(Some(flight.since));
    }
    missed_since.filter(|_| !is_there)
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
