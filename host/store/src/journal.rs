//! [`RunJournal`]: the journal of one flow run, for whoever carries it out.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use taskhost_model::codec::Attached;
use taskhost_model::event::{TakenBack, Timed};
use taskhost_model::seams::{Journal, JournalError};
use taskhost_model::{Attachment, FlowRunEnding, FlowRunId, RunEvent, TaskFailure, Value};

use crate::error::StoreError;
use crate::queue::{Item, Queue};
use crate::writer::runs::RunShared;
use taskhost_model::fold::LastProgress;

/// Lines of logs that are kept of a run. A task that never stops talking shall not fill the disk.
pub const LOG_LINES_MAX: u64 = 100_000;

/// Their bytes.
pub const LOG_BYTES_MAX: u64 = 64 << 20;

/// What an item takes, beside the values in it.
const ITEM_BYTES: usize = size_of::<Item>() + 64;

/// Takes the events of a run. While it lives the run is being carried out, by this process and by no other.
pub struct RunJournal {
    id: FlowRunId,
    number: i64,
    queue: Arc<Queue>,
    shared: Arc<RunShared>,
    /// Time of the last event before the run was resumed.
    resumed_at: Duration,
    /// When the run began, or would have if it had never been interrupted.
    origin: OnceLock<Instant>,
}

impl RunJournal {
    pub(crate) fn new(
        id: FlowRunId,
        number: i64,
        queue: Arc<Queue>,
        shared: Arc<RunShared>,
        resumed_at: Duration,
    ) -> RunJournal {
        RunJournal { id, number, queue, shared, resumed_at, origin: OnceLock::new() }
    }

    /// The run.
    pub fn id(&self) -> FlowRunId {
        self.id
    }

    /// The time of the last event that was there when it was resumed; zero for a new run. Times of further events go on from there.
    pub fn resumed_at(&self) -> Duration {
        self.resumed_at
    }

    /// What went wrong so far.
    pub fn failure(&self) -> Option<StoreError> {
        self.shared.failure.get().cloned()
    }

    fn check(&self) -> Result<(), StoreError> {
        self.shared.failure.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// The first event tells when the run began, as its own clock sees it.
    fn origin(&self, at: Duration) -> Instant {
        let now = Instant::now();
        *self.origin.get_or_init(|| now.checked_sub(at).unwrap_or(now))
    }

    fn log(&self, task: &Arc<str>, index: u32, attachment: &Attachment, bytes: u64) {
        let shared = &self.shared;
        let has_room = shared.log_lines.fetch_add(1, Ordering::Relaxed) < LOG_LINES_MAX
            && shared.log_bytes.fetch_add(bytes, Ordering::Relaxed) < LOG_BYTES_MAX;
        if has_room {
            let at = self.origin(self.resumed_at).elapsed();
            let line = Attached { at, task: Arc::clone(task), index, attachment: attachment.clone() };
            if self.queue.offer(Item::Line(self.number, line), ITEM_BYTES + bytes as usize) {
                return;
            }
        }
        shared.log_lines_left_out.fetch_add(1, Ordering::Relaxed);
    }
}

impl Journal for RunJournal {
    fn append(&self, event: Timed<RunEvent>) -> Result<(), JournalError> {
        self.check()?;
        self.origin(event.at);
        let bytes = event_bytes(&event.event);
        Ok(self.queue.add(Item::Event(self.number, event), bytes)?)
    }

    fn attach(&self, task: &Arc<str>, index: u32, attachment: &Attachment) {
        match attachment {
            Attachment::Log { line, .. } => self.log(task, index, attachment, line.len() as u64),
            Attachment::Progress { done, total, message } => {
                let progress = LastProgress { index, done: *done, total: *total, message: message.clone() };
                let mut last = self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner);
                // The writer is not woken for it: it looks when it writes, and a few times in a second.
                last.insert(Arc::clone(task), progress);
            }
        }
    }

    fn flush(&self) -> Result<(), JournalError> {
        self.queue.flush()?;
        Ok(self.check()?)
    }
}

impl Drop for RunJournal {
    fn drop(&mut self) {
        // If the store is closed, its runs are, too.
        let _ = self.queue.add_small(Item::Close(self.number));
    }
}

/// Bytes that an event keeps in memory, roughly.
fn event_bytes(event: &RunEvent) -> usize {
    let values = |values: &[Option<Value>]| {
        values.iter().map(|value| value.as_ref().map_or(0, Value::size_bytes) as usize).sum::<usize>()
    };
    let inside = match event {
        RunEvent::TaskRunsEnded { results, failures, .. } => {
            values(results) + failures.iter().map(|(_, failure)| failure_bytes(failure)).sum::<usize>()
        }
        RunEvent::TaskRefused { failure, .. } | RunEvent::RunRetried { failure, .. } => failure_bytes(failure),
        RunEvent::FlowRunEnded(FlowRunEnding::Succeeded(outputs)) => values(outputs),
        RunEvent::FlowRunResumed { taken_back } => taken_back.len() * size_of::<TakenBack>(),
        _ => 0,
    };
    ITEM_BYTES + inside
}

fn failure_bytes(failure: &TaskFailure) -> usize {
    let text = match failure {
        TaskFailure::Returned(text)
        | TaskFailure::Lost(text)
        | TaskFailure::Withheld(text)
        | TaskFailure::Unusable(text)
        | TaskFailure::Ungrantable(text)
        | TaskFailure::BadArguments(text) => text.len(),
        TaskFailure::Trapped { message, backtrace } => message.len() + backtrace.len(),
        TaskFailure::Exited(_) | TaskFailure::LimitReached(_) => 0,
    };
    size_of::<TaskFailure>() + text
}
