//! The thread that sends spans: it takes what waits, makes bytes of it, and posts it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::otlp;
use crate::post::{PostError, Poster};
use crate::queue::Queue;
use crate::settings::TraceSettings;
use crate::spans::Told;

/// Pauses before another try, while the process goes on. At its end there is one, after the first.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Starts the thread. If there is none to be had, spans are lost and counted.
pub(crate) fn start(settings: TraceSettings, queue: Arc<Queue>) -> std::io::Result<()> {
    let work = move || {
        // A panic is a bug of ours, and the flow run has nothing to do with it.
        if catch_unwind(AssertUnwindSafe(|| send_all(&settings, &queue))).is_err() {
            queue.lose(0, "what sends them panicked, which is a bug of taskhost");
        }
        queue.done();
    };
    thread::Builder::new().name("taskhost-spans".into()).spawn(work).map(drop)
}

fn send_all(settings: &TraceSettings, queue: &Queue) {
    let mut poster = None;
    while let Some(batch) = queue.take() {
        let spans = batch.iter().map(Told::spans).sum();
        // Reading the system's certificates takes milliseconds: not before there is something to send.
        let poster = poster.get_or_insert_with(|| Poster::new(&settings.endpoint, &settings.headers));
        let body = otlp::request(&settings.resource, &batch);
        if let Err(error) = send(poster, &body, settings.timeout, queue) {
            tracing::warn!(target: "taskhost_telemetry", spans, reason = error.message, "spans could not be sent");
            queue.lose(spans, &error.message);
            if queue.is_closed() {
                // Nobody waits for a collector that is away.
                return lose_rest(queue, &error);
            }
        }
    }
}

fn send(poster: &Poster, body: &[u8], timeout: Duration, queue: &Queue) -> Result<(), PostError> {
    for pause in PAUSES {
        match poster.post(body, queue.deadline(timeout)) {
            Err(error) if error.is_busy || error.is_unreachable => {
                if queue.is_closed() {
                    return match error.is_busy {
                        true => again(poster, body, timeout, queue),
                        false => Err(error),
                    };
                }
                queue.pause(pause);
            }
            ended => return ended,
        }
    }
    poster.post(body, queue.deadline(timeout))
}

/// The last try at the end.
fn again(poster: &Poster, body: &[u8], timeout: Duration, queue: &Queue) -> Result<(), PostError> {
    thread::sleep(PAUSES[0]);
    poster.post(body, queue.deadline(timeout))
}

fn lose_rest(queue: &Queue, error: &PostError) {
    while let Some(batch) = queue.take() {
        queue.lose(batch.iter().map(Told::spans).sum(), &error.message);
    }
}
