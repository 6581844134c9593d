//! Rows of a run that is being carried out: how they are written, and read again when it is resumed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};
use taskhost_model::codec::{Coded, encode_value_or_reference, write_number};
use taskhost_model::{ArtifactRef, FlowRunId, TaskState};

use super::Offloading;
use crate::cache::CacheEntry;
use crate::error::{At, StoreError};
use crate::reading::{summary_of, tasks_of};
use crate::record::RunRecord;
use crate::summary::Fold;
use taskhost_model::fold::{TaskReport, Totals};

/// The key of a row of `journal` or `logs`.
pub(crate) fn key(number: i64, position: i64) -> i64 {
    number << 32 | position
}

/// Numbers of a run that no fold tells.
pub(super) struct Counts {
    pub(super) chunks: i64,
    pub(super) log_lines: i64,
    pub(super) log_bytes: i64,
    pub(super) log_lines_left_out: i64,
}

/// A run as it is stored.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) number: i64,
    pub(super) has_succeeded: bool,
    pub(super) fold: Fold,
    pub(super) chunks: i64,
    pub(super) log_lines: i64,
    pub(super) log_bytes: i64,
    pub(super) log_lines_left_out: i64,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn encoded(value: &impl Coded) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

pub(super) fn insert_run(record: &RunRecord, connection: &Connection) -> rusqlite::Result<i64> {
    let labels = serde_json::to_string(&record.labels).expect("texts have a JSON form");
    let started = i64::try_from(record.started).unwrap_or(i64::MAX);
    connection.execute(
        "INSERT INTO runs (id, flow, state, labels, started_ms) VALUES (?, ?, 'running', ?, ?)",
        params![record.id.to_string(), record.flow, labels, started],
    )?;
    Ok(connection.last_insert_rowid())
}

pub(super) fn put_run(number: i64, fold: &Fold, counts: &Counts, connection: &Connection) -> rusqlite::Result<()> {
    let totals = fold.totals();
    let mut update = connection.prepare_cached(
        "UPDATE runs SET elapsed_ns = ?2, task_runs = ?3, task_runs_ended = ?4, task_runs_failed = ?5,
            task_runs_cached = ?6, retries = ?7, usage = ?8, failure = ?9, chunks = ?10, log_lines = ?11,
            log_bytes = ?12, log_lines_left_out = ?13
         WHERE number = ?1",
    )?;
    update.execute(params![
        number,
        nanos(fold.at()),
        totals.runs as i64,
        totals.runs_ended as i64,
        totals.runs_failed as i64,
        totals.runs_cached as i64,
        totals.retries as i64,
        encoded(&totals.usage),
        totals.failure,
        counts.chunks,
        counts.log_lines,
        counts.log_bytes,
        counts.log_lines_left_out,
    ])?;
    if let Some(ending) = fold.ending() {
        let mut end = connection
            .prepare_cached("UPDATE runs SET state = ?2, ended_ms = coalesce(ended_ms, ?3) WHERE number = ?1")?;
        end.execute(params![number, ending, now_ms()])?;
        connection.prepare_cached("DELETE FROM cancels WHERE run = ?")?.execute([number])?;
    }
    Ok(())
}

pub(super) fn put_task(
    number: i64,
    position: usize,
    task: &TaskReport,
    connection: &Connection,
) -> rusqlite::Result<()> {
    let (state, needed) = state_text(task.state.as_ref());
    let failures = (!task.failures.is_empty()).then(|| {
        let mut bytes = Vec::new();
        write_number(&mut bytes, task.failures.len() as u64);
        task.failures.iter().for_each(|failed| failed.encode(&mut bytes));
        bytes
    });
    // Not `INSERT OR REPLACE`, which deletes the row first.
    let mut put = connection.prepare_cached(
        "INSERT INTO tasks (run, position, path, state, needed, tasks, tasks_ended, task_runs, task_runs_ended,
            task_runs_failed, task_runs_cached, retries, usage, started_ns, ended_ns, failures, progress)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET state = excluded.state, needed = excluded.needed, tasks = excluded.tasks,
            tasks_ended = excluded.tasks_ended, task_runs = excluded.task_runs,
            task_runs_ended = excluded.task_runs_ended, task_runs_failed = excluded.task_runs_failed,
            task_runs_cached = excluded.task_runs_cached, retries = excluded.retries, usage = excluded.usage,
            started_ns = excluded.started_ns, ended_ns = excluded.ended_ns, failures = excluded.failures,
            progress = excluded.progress",
    )?;
    put.execute(params![
        number,
        position as i64,
        task.path,
        state,
        needed,
        task.tasks as i64,
        task.tasks_ended as i64,
        task.runs as i64,
        task.runs_ended as i64,
        task.runs_failed as i64,
        task.runs_cached as i64,
        task.retries as i64,
        encoded(&task.usage),
        task.started_at.map(nanos),
        task.ended_at.map(nanos),
        failures,
        task.progress.as_ref().map(encoded),
    ])?;
    Ok(())
}

fn state_text(state: Option<&TaskState>) -> (&'static str, Option<&str>) {
    match state {
        None => ("running", None),
        Some(TaskState::Succeeded) => ("succeeded", None),
        Some(TaskState::Failed) => ("failed", None),
        Some(TaskState::Skipped) => ("skipped", None),
        Some(TaskState::NotRun(needed)) => ("not-run", Some(needed)),
        Some(TaskState::Cancelled) => ("cancelled", None),
    }
}

/// The inverse of what is written; none while it runs, or if the text is unknown.
pub(crate) fn state_from_text(state: &str, needed: Option<String>) -> Option<TaskState> {
    Some(match state {
        "succeeded" => TaskState::Succeeded,
        "failed" => TaskState::Failed,
        "skipped" => TaskState::Skipped,
        "not-run" => TaskState::NotRun(Arc::from(needed.unwrap_or_default())),
        "cancelled" => TaskState::Cancelled,
        _ => return None,
    })
}

pub(super) fn put_uses(number: i64, uses: &[ArtifactRef], connection: &Connection) -> rusqlite::Result<()> {
    if uses.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO artifact_uses (digest, run) VALUES (?, ?)")?;
    uses.iter().try_for_each(|used| insert.execute(params![used.digest, number]).map(drop))
}

/// A result for the cache, encoded.
pub(super) struct Cached {
    entry: CacheEntry,
    value: Vec<u8>,
    /// All of it, if it is large.
    artifact: Option<ArtifactRef>,
    /// Those that it names.
    blobs: Vec<ArtifactRef>,
}

impl Cached {
    pub(super) fn of(entry: CacheEntry, offloading: &mut Offloading) -> Cached {
        let (mut value, mut artifact) = (Vec::new(), None);
        let blobs = encode_value_or_reference(&entry.value, &mut value, &mut |large| {
            artifact = offloading.put(large);
            artifact
        });
        Cached { entry, value, artifact, blobs }
    }

    pub(super) fn uses(&self) -> impl Iterator<Item = &ArtifactRef> {
        self.artifact.iter().chain(&self.blobs)
    }
}

pub(super) fn put_cached(cached: &Cached, connection: &Connection) -> rusqlite::Result<()> {
    let Cached { entry, value, artifact, blobs } = cached;
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO cache
            (identity, value, artifact, artifact_bytes, created_ms, run, component, function)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    insert.execute(params![
        entry.identity,
        value,
        artifact.map(|used| used.digest),
        artifact.map_or(0, |used| used.length as i64),
        now_ms(),
        entry.run.to_string(),
        entry.component.to_string(),
        entry.function,
    ])?;
    connection.prepare_cached("DELETE FROM cache_uses WHERE identity = ?")?.execute([entry.identity])?;
    for blob in blobs {
        let sql = "INSERT OR IGNORE INTO cache_uses (identity, digest, bytes) VALUES (?, ?, ?)";
        let mut insert = connection.prepare_cached(sql)?;
        insert.execute(params![entry.identity, blob.digest, blob.length as i64])?;
    }
    Ok(())
}

/// A run that is to go on.
pub(super) fn stored(id: FlowRunId, connection: &Connection, file: &Path) -> Result<Stored, StoreError> {
    let row = connection
        .query_row(
            "SELECT number, chunks, log_lines, log_bytes, log_lines_left_out FROM runs WHERE id = ?",
            [id.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )
        .optional()
        .at(file)?;
    let (number, chunks, log_lines, log_bytes, log_lines_left_out) =
        row.ok_or_else(|| StoreError::UnknownRun(id.to_string()))?;
    let summary = summary_of(id, connection, file)?;
    let totals = Totals {
        runs: summary.runs,
        runs_ended: summary.runs_ended,
        runs_failed: summary.runs_failed,
        runs_cached: summary.runs_cached,
        retries: summary.retries,
        usage: summary.usage,
        failure: summary.failure,
    };
    Ok(Stored {
        number,
        has_succeeded: summary.state == crate::RunState::Succeeded,
        fold: Fold::resumed(tasks_of(number, connection, file)?, totals, summary.elapsed),
        chunks,
        log_lines,
        log_bytes,
        log_lines_left_out,
    })
}
