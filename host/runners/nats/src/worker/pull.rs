//! Pulling: asks a queue for as many messages as its threads can begin soon.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use futures_util::StreamExt;
use taskhost_model::Labels;

use super::{Shared, job, lock};
use crate::names;

/// Messages beyond one for each thread: the next one is here when a thread is free.
const AHEAD: usize = 1;

/// Most messages at one time. Beyond a few only guests that wait leave threads idle.
const MESSAGES_MAX: usize = 512;

/// Messages that are asked for at once beyond those for idle threads.
const STEP: usize = 8;

/// How long a pull lasts.
const PULL: Duration = Duration::from_secs(20);

/// A pull that hears nothing for twice this time has lost its server.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How often it is looked for room while guests may only wait.
const LOOK: Duration = Duration::from_millis(2);

/// Before a queue that does not answer is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Takes from the queue for `labels` from now on, if they fit and there is such a queue.
pub(super) fn take_from(shared: &Arc<Shared>, labels: Labels) {
    if !shared.options.labels.have(&labels) || shared.is_draining() {
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
    if shared.runs.load(Ordering::SeqCst) >= shared.options.runs_max {
        return 0;
    }
    let full = shared.options.threads as usize + AHEAD;
    if held + asked < full {
        return full - held - asked;
    }
    // All that it has waits: there is time for more.
    if asked == 0 && held < MESSAGES_MAX && shared.runner.has_idle_threads() { STEP } else { 0 }
}

async fn ask(
    shared: Arc<Shared>,
    consumer: PullConsumer,
    wanted: usize,
    asked: Arc<AtomicUsize>,
    failed: tokio::sync::mpsc::Sender<()>,
) {
    let mut left = wanted;
    let pull = consumer.batch().max_messages(wanted).expires(PULL).heartbeat(HEARTBEAT).messages().await;
    let mut is_broken = pull.is_err();
    if let Ok(mut messages) = pull {
        while left > 0 {
            let draining = shared.drained.notified();
            let next = tokio::select! {
                next = messages.next() => next,
                () = draining => None,
            };
            match next {
                Some(Ok(message)) => {
                    left -= 1;
                    if shared.is_draining() {
                        let _ = message.ack_with(AckKind::Nak(None)).await;
                    } else {
                        job::begin(&shared, message);
                    }
                    asked.fetch_sub(1, Ordering::SeqCst);
                    shared.changed.notify_waiters();
                }
                Some(Err(_)) => {
                    is_broken = true;
                    break;
                }
                None => break,
            }
        }
    }
    asked.fetch_sub(left, Ordering::SeqCst);
    shared.changed.notify_waiters();
    if is_broken {
        let _ = failed.try_send(());
    }
}
