//! Pulling: asks a queue for as many messages as its threads can begin soon.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::StatusCode;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::BatchConfig;
use futures_util::StreamExt;
use taskhost_model::Labels;

use super::{Shared, job, lock};
use crate::names;
use crate::streams::ACK_WAIT;

/// Messages beyond one for each thread: the next one is here when a thread is free.
const AHEAD: usize = 1;

/// Most messages at one time. Beyond a few only guests that wait leave threads idle.
const MESSAGES_MAX: usize = 512;

/// Most messages that are asked for at once beyond those for idle threads: fewer at first, so that others get their share.
const STEP_MAX: usize = 8;

/// How long a pull lasts. Less than a message waits for word of its worker: one that has stopped is not given it once more.
const PULL: Duration = ACK_WAIT.checked_sub(Duration::from_secs(2)).expect("workers have longer for a message");

/// A pull that hears nothing for twice this time has lost its server.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How often it is looked for room while guests may only wait.
const LOOK: Duration = Duration::from_millis(2);

/// Before a queue that does not answer is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Takes from the queue for `labels` from now on, if they fit and there is such a queue.
pub(super) fn take_from(shared: &Arc<Shared>, labels: Labels) {
    let options = &shared.options;
    if !(options.takes_all_labels || options.labels.have(&labels)) || shared.is_draining() {
        return;
    }
    let mut queues = lock(&shared.queues);
    if queues.get(&labels).is_some_and(|queue| !queue.is_finished()) {
        return;
    }
    let task = tokio::spawn(take(Arc::clone(shared), labels.clone()));
    queues.insert(labels, task.abort_handle());
}

async fn take(shared: Arc<Shared>, labels: Labels) {
    let mut found = shared.found.subscribe();
    let Ok(found) = found.wait_for(Option::is_some).await.map(|found| found.clone()) else { return };
    let Some(found) = found else { return };
    let name = names::tasks_consumer(&labels);
    while !shared.is_draining() {
        match found.streams.tasks.get_consumer::<async_nats::jetstream::consumer::pull::Config>(&name).await {
            Ok(consumer) => pull(&shared, &consumer).await,
            // A host makes it. One that does so again asks who is there.
            Err(error) => tracing::debug!(target: "taskhost::nats", name, %error, "a queue is not there"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Pulls until the queue does not answer any more.
async fn pull(shared: &Arc<Shared>, consumer: &PullConsumer) {
    let (failed, mut failure) = tokio::sync::mpsc::channel::<()>(1);
    // Messages that were asked for and have not come. Several pulls may wait side by side.
    let asked = Arc::new(AtomicUsize::new(0));
    loop {
        // Listens before it looks, so that no change is missed.
        let mut changed = pin!(shared.changed.notified());
        changed.as_mut().enable();
        if shared.is_draining() {
            return;
        }
        let wanted = wanted(shared, asked.load(Ordering::SeqCst));
        if wanted > 0 {
            asked.fetch_add(wanted, Ordering::SeqCst);
            shared.pulls.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(ask(Arc::clone(shared), consumer.clone(), wanted, Arc::clone(&asked), failed.clone()));
        }
        tokio::select! {
            () = changed => {}
            _ = failure.recv() => return,
            () = tokio::time::sleep(LOOK), if may_only_wait(shared, asked.load(Ordering::SeqCst)) => {}
        }
    }
}

/// Whether there is room that nobody tells of: the guests that it has may all be waiting.
fn may_only_wait(shared: &Shared, asked: usize) -> bool {
    let held = lock(&shared.held).len();
    let full = shared.options.threads as usize + AHEAD;
    asked == 0 && held >= full && held < MESSAGES_MAX
}

/// Messages to ask for.
fn wanted(shared: &Shared, asked: usize) -> usize {
    let held = lock(&shared.held).len();
    if shared.runs.load(Ordering::SeqCst) >= shared.options.runs_max || shared.turns.has_alone() {
        return 0;
    }
    let full = shared.options.threads as usize + AHEAD;
    if held + asked < full {
        return full - held - asked;
    }
    // All that it has waits: there is time for more.
    if asked == 0 && held < MESSAGES_MAX && shared.runner.has_idle_threads() {
        (held / 4).clamp(1, STEP_MAX)
    } else {
        0
    }
}

async fn ask(
    shared: Arc<Shared>,
    consumer: PullConsumer,
    wanted: usize,
    asked: Arc<AtomicUsize>,
    failed: tokio::sync::mpsc::Sender<()>,
) {
    let mut left = wanted;
    let is_whole = begin_with_each(&shared, &consumer, &mut left, &asked).await;
    asked.fetch_sub(left, Ordering::SeqCst);
    shared.pulls.fetch_sub(1, Ordering::SeqCst);
    shared.changed.notify_waiters();
    if !is_whole {
        let _ = failed.try_send(());
    }
}

/// Begins with `left` messages as they come; false if the queue has stopped to answer. Not by the client's own batches: those do not wake up
/// for a message that comes after a heartbeat.
async fn begin_with_each(shared: &Arc<Shared>, consumer: &PullConsumer, left: &mut usize, asked: &AtomicUsize) -> bool {
    let mut drained = pin!(shared.drained.notified());
    drained.as_mut().enable();
    let mut reconnected = pin!(shared.connection.reconnected());
    let inbox = shared.connection.client.new_inbox();
    let Ok(mut messages) = shared.connection.client.subscribe(inbox.clone()).await else { return false };
    let wanted = BatchConfig { batch: *left, expires: Some(PULL), idle_heartbeat: HEARTBEAT, ..BatchConfig::default() };
    if consumer.request_batch(wanted, inbox.into()).await.is_err() {
        return false;
    }
    let mut ending = None;
    while *left > 0 {
        let message = tokio::select! {
            message = tokio::time::timeout(HEARTBEAT * 2, messages.next()) => message,
            // This server does not remember what another, or its former self, was asked.
            () = &mut reconnected, if ending.is_none() => {
                ending = Some(false);
                let _ = messages.drain().await;
                continue;
            }
            () = &mut drained, if ending.is_none() => {
                ending = Some(true);
                // What is on its way still comes, and is given back.
                let _ = messages.drain().await;
                continue;
            }
        };
        let Ok(Some(message)) = message else { return ending.unwrap_or(false) };
        match message.status {
            None | Some(StatusCode::OK) => {
                *left -= 1;
                job::begin(shared, Message { message, context: shared.connection.jetstream.clone() });
                asked.fetch_sub(1, Ordering::SeqCst);
                shared.changed.notify_waiters();
            }
            Some(StatusCode::IDLE_HEARTBEAT) => {}
            Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => return true,
            Some(_) => return false,
        }
    }
    true
}
