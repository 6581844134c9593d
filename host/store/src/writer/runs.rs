//! [`RunWriter`]: what the writer keeps of a run that is being carried out, and the life of one: begun, resumed, asked to stop.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, params};
use taskhost_model::codec::{Attached, ChunkWriter};
use taskhost_model::event::Timed;
use taskhost_model::{ArtifactRef, FlowRunId, RunEvent};

use super::{Durability, Offloading, Writer, table};
use crate::error::{At, StoreError};
use crate::owner::OwnerLock;
use crate::reading::RunState;
use crate::record::RunRecord;
use crate::summary::Fold;
use taskhost_model::fold::LastProgress;

/// Called, on a thread of its own, each time somebody asks to cancel the run.
pub(crate) type OnCancel = Arc<dyn Fn() + Send + Sync>;

/// What the handle of a run and the writer share.
#[derive(Default)]
pub(crate) struct RunShared {
    /// Why nothing is written any more.
    pub(crate) failure: OnceLock<StoreError>,
    /// What tasks said last, until it is written.
    pub(crate) progress: Mutex<HashMap<Arc<str>, LastProgress>>,
    /// Lines of the log, and their bytes, as far as they are kept.
    pub(crate) log_lines: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    pub(crate) log_lines_left_out: AtomicU64,
}

/// A run that is being carried out.
pub(super) struct RunWriter {
    shared: Arc<RunShared>,
    on_cancel: OnCancel,
    cancels_noticed: i64,
    _lock: OwnerLock,
    fold: Fold,
    /// Rows of the journal that there are.
    chunks: i64,
    events: Chunk,
    lines: Chunk,
    /// Lines that are in the table.
    lines_written: i64,
    bytes_written: i64,
    left_out_written: u64,
    uses: Vec<ArtifactRef>,
}

/// A row that is being made.
#[derive(Default)]
struct Chunk {
    writer: ChunkWriter,
    bytes: Vec<u8>,
    entries: u32,
    text_bytes: usize,
}

/// A buffer larger than this is given back after it was used.
const BUFFER_BYTES_MAX: usize = 1 << 20;

impl Chunk {
    fn begin(&mut self) {
        if self.entries == 0 {
            self.bytes.clear();
            self.writer.start(&mut self.bytes);
        }
        self.entries += 1;
    }

    fn clear(&mut self) {
        (self.entries, self.text_bytes) = (0, 0);
        if self.bytes.capacity() > BUFFER_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }
}

impl RunWriter {
    fn new(shared: Arc<RunShared>, on_cancel: OnCancel, lock: OwnerLock, stored: table::Stored) -> RunWriter {
        shared.log_lines.store(stored.log_lines as u64, Ordering::Relaxed);
        shared.log_bytes.store(stored.log_bytes as u64, Ordering::Relaxed);
        shared.log_lines_left_out.store(stored.log_lines_left_out as u64, Ordering::Relaxed);
        RunWriter {
            shared,
            on_cancel,
            cancels_noticed: 0,
            _lock: lock,
            fold: stored.fold,
            chunks: stored.chunks,
            events: Chunk::default(),
            lines: Chunk::default(),
            lines_written: stored.log_lines,
            bytes_written: stored.log_bytes,
            left_out_written: stored.log_lines_left_out as u64,
            uses: Vec::new(),
        }
    }

    fn has_failed(&self) -> bool {
        self.shared.failure.get().is_some()
    }

    pub(super) fn event(&mut self, event: &Timed<RunEvent>, offloading: &mut Offloading) {
        // After a gap nothing may follow: what is read is a prefix of what happened.
        if self.has_failed() {
            return;
        }
        self.events.begin();
        let uses = &mut self.uses;
        self.events.writer.event(event, &mut self.events.bytes, &mut |large| {
            let reference = offloading.put(large)?;
            uses.push(reference);
            Some(reference)
        });
        self.uses.extend(self.events.writer.take_blobs());
        self.fold.apply(event);
    }

    pub(super) fn line(&mut self, line: &Attached) {
        if self.has_failed() {
            return;
        }
        self.lines.begin();
        if let taskhost_model::Attachment::Log { line, .. } = &line.attachment {
            self.lines.text_bytes += line.len();
        }
        self.lines.writer.attachment(line.at, &line.task, line.index, &line.attachment, &mut self.lines.bytes);
    }

    pub(super) fn has_changed(&self) -> bool {
        !self.has_failed() && (self.events.entries > 0 || self.lines.entries > 0 || self.has_news())
    }

    /// Whether there is something that came past the queue.
    fn has_news(&self) -> bool {
        self.shared.log_lines_left_out.load(Ordering::Relaxed) != self.left_out_written
            || !self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What the rows that are not written yet name.
    pub(super) fn uses(&self) -> &[ArtifactRef] {
        &self.uses
    }

    pub(super) fn has_ended(&self) -> bool {
        self.events.entries > 0 && self.fold.ending().is_some()
    }

    /// Writes the rows.
    pub(super) fn write(&mut self, number: i64, connection: &Connection) -> rusqlite::Result<()> {
        let progress = std::mem::take(&mut *self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner));
        progress.into_iter().for_each(|(task, progress)| self.fold.progress(&task, progress));
        if self.events.entries > 0 {
            let mut insert = connection.prepare_cached("INSERT INTO journal (key, chunk) VALUES (?, ?)")?;
            insert.execute(params![table::key(number, self.chunks), self.events.bytes])?;
            self.chunks += 1;
        }
        if self.lines.entries > 0 {
            let mut insert = connection.prepare_cached("INSERT INTO logs (key, chunk) VALUES (?, ?)")?;
            insert.execute(params![table::key(number, self.lines_written), self.lines.bytes])?;
            self.lines_written += i64::from(self.lines.entries);
            self.bytes_written += self.lines.text_bytes as i64;
        }
        table::put_uses(number, &self.uses, connection)?;
        for (position, task) in self.fold.take_changed() {
            table::put_task(number, position, task, connection)?;
        }
        self.left_out_written = self.shared.log_lines_left_out.load(Ordering::Relaxed);
        let counts = table::Counts {
            chunks: self.chunks,
            log_lines: self.lines_written,
            log_bytes: self.bytes_written,
            log_lines_left_out: self.left_out_written as i64,
        };
        table::put_run(number, &self.fold, &counts, connection)
    }

    /// The commit succeeded, or did not.
    pub(super) fn committed(&mut self, result: &Result<(), StoreError>) {
        self.events.clear();
        self.lines.clear();
        self.uses.clear();
        if let Err(error) = result {
            let _ = self.shared.failure.set(error.clone());
        }
    }

    fn notice_cancels(&mut self, requests: i64) {
        for _ in self.cancels_noticed..requests {
            let on_cancel = Arc::clone(&self.on_cancel);
            // Not on this thread: it may append events, and wait for this thread to make room for them.
            let spawned = thread::Builder::new().name("taskhost-cancel".into()).spawn(move || on_cancel());
            // Without a thread it is noticed the next time.
            if spawned.is_err() {
                return;
            }
            self.cancels_noticed += 1;
        }
    }
}

impl Writer {
    /// Begins a run; gives its number.
    pub(crate) fn begin(
        &mut self,
        record: &RunRecord,
        lock: OwnerLock,
        shared: Arc<RunShared>,
        on_cancel: OnCancel,
    ) -> Result<i64, StoreError> {
        let mut uses = Vec::new();
        let offloading = &mut self.offloading;
        let (given, blobs) = record.given(&mut |large| {
            let reference = offloading.put(large)?;
            uses.push(reference);
            Some(reference)
        });
        uses.extend(blobs);
        self.send(&uses)?;
        lock.goes_on_after(Duration::ZERO);
        let number = self.transaction(Durability::Normal, |connection| {
            let number = table::insert_run(record, connection)?;
            record.write(number, &given, connection)?;
            table::put_uses(number, &uses, connection)?;
            Ok(number)
        })?;
        self.offloading.artifacts.unpin(&uses);
        self.has_begun = true;
        self.runs.insert(number, RunWriter::new(shared, on_cancel, lock, table::Stored::default()));
        Ok(number)
    }

    /// Goes on with a run; gives its number, and the time of its last event.
    pub(crate) fn resume(
        &mut self,
        id: FlowRunId,
        lock: OwnerLock,
        shared: Arc<RunShared>,
        on_cancel: OnCancel,
    ) -> Result<(i64, Duration), StoreError> {
        let stored = table::stored(id, &self.connection, &self.file)?;
        if stored.has_succeeded {
            return Err(StoreError::Succeeded(id));
        }
        let (number, at) = (stored.number, stored.fold.at());
        lock.goes_on_after(at);
        self.transaction(Durability::Normal, |connection| {
            connection.execute("DELETE FROM cancels WHERE run = ?", [number])?;
            let sql = "UPDATE runs SET state = 'running', ended_ms = NULL, resumed = resumed + 1 WHERE number = ?";
            connection.execute(sql, [number])
        })?;
        self.has_begun = true;
        self.runs.insert(number, RunWriter::new(shared, on_cancel, lock, stored));
        Ok((number, at))
    }

    /// Nothing came of resuming a run.
    pub(crate) fn give_back(&mut self, id: FlowRunId, state: RunState, ended: Option<i64>) -> Result<(), StoreError> {
        self.transaction(Durability::Normal, |connection| {
            let sql = "UPDATE runs SET state = ?, ended_ms = ?, resumed = max(resumed - 1, 0) WHERE id = ?";
            connection.execute(sql, params![state.word(), ended, id.to_string()]).map(drop)
        })
    }

    /// Notes that somebody asks to cancel the run.
    pub(crate) fn request_cancel(&mut self, id: FlowRunId) -> Result<u32, StoreError> {
        let requests = self.transaction(Durability::Normal, |connection| {
            let sql = "INSERT INTO cancels SELECT number, 1 FROM runs WHERE id = ?
                       ON CONFLICT DO UPDATE SET requests = requests + 1 RETURNING requests";
            connection.query_row(sql, [id.to_string()], |row| row.get(0))
        })?;
        // Its own commits do not change the version that it looks at.
        self.notice_cancels();
        Ok(requests)
    }

    pub(super) fn notice_cancels(&mut self) {
        // An error here is one of the next commit, too, which has somebody to tell it to.
        let Ok(requests) = self.cancels() else { return };
        for (number, requests) in requests {
            if let Some(run) = self.runs.get_mut(&number) {
                run.notice_cancels(requests);
            }
        }
    }

    fn cancels(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT run, requests FROM cancels").at(self.file())?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).at(self.file())?;
        rows.collect::<rusqlite::Result<_>>().at(self.file())
    }
}
