//! Forgetting: runs by id or by age, and values that nobody needs any more.

use std::fs;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use taskhost_model::FlowRunId;

use crate::error::{At, StoreError};
use crate::owner::{self, OwnerLock};
use crate::reading::{RunFilter, RunState};
use crate::store::Store;
use crate::writer::table::{key, now_ms};
use crate::writer::{Durability, Writer, sent};

/// Which runs to keep. Those that are being carried out are always kept.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Retention {
    /// Runs that ended longer ago are deleted. One that was interrupted has not ended: it can be resumed.
    pub age_max: Option<Duration>,
    /// Beyond so many the oldest are deleted.
    pub runs_max: Option<usize>,
}

/// What was collected.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Collected {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A file that nobody writes any more: its writer died.
const UNFINISHED_MIN: Duration = Duration::from_secs(15 * 60);

/// What was named within the last day is not deleted elsewhere.
const ELSEWHERE_MIN_MS: i64 = 24 * 3_600 * 1_000;

/// Deleted elsewhere in one transaction, which others wait for.
const AT_ONCE_ELSEWHERE: usize = 64;

/// Artifacts that are looked at in one transaction, in which nobody else can begin to use them.
const AT_ONCE: usize = 256;

impl Store {
    /// Deletes runs. If one of them is being carried out or is not there, nothing is deleted.
    pub fn delete(&self, ids: &[FlowRunId]) -> Result<(), StoreError> {
        let mut ids = ids.to_vec();
        ids.sort();
        ids.dedup();
        // Held until they are gone, so that nobody resumes them meanwhile.
        let locks: Vec<OwnerLock> =
            ids.iter().map(|id| OwnerLock::take(&self.reader.locks, *id)).collect::<Result<_, _>>()?;
        self.queue()?.call(move |writer| delete(writer, &ids, locks))
    }

    /// Deletes the runs that are not to be kept; gives their ids.
    pub fn retain(&self, retention: &Retention) -> Result<Vec<FlowRunId>, StoreError> {
        let oldest =
            retention.age_max.map(|age| now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)));
        let runs = self.runs(&RunFilter::default())?;
        let is_beyond = |at: usize| retention.runs_max.is_some_and(|runs_max| at >= runs_max);
        let is_old = |ended: Option<u64>| {
            let ended = ended.and_then(|ended| i64::try_from(ended).ok());
            oldest.zip(ended).is_some_and(|(oldest, ended)| ended < oldest)
        };
        let mut deleted = Vec::new();
        for (at, run) in runs.iter().enumerate() {
            if run.state == RunState::Running || !(is_beyond(at) || is_old(run.ended)) {
                continue;
            }
            match self.delete(&[run.id]) {
                Ok(()) => deleted.push(run.id),
                // Somebody was quicker: resumed or deleted it.
                Err(StoreError::Running(_) | StoreError::UnknownRun(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deleted)
    }

    /// Deletes stored values and blobs that no run and no cached result needs, and that nobody has used for `age_min`. What is made or used by
    /// a process that has not committed yet what refers to it is not deleted, and neither is a file that was not finished within the last
    /// quarter of an hour.
    pub fn collect_artifacts(&self, age_min: Duration) -> Result<Collected, StoreError> {
        let queue = self.queue()?;
        let mut collected = Collected::default();
        let mut found = self.reader.artifacts.all()?.into_iter().peekable();
        while found.peek().is_some() {
            let some: Vec<_> = found.by_ref().take(AT_ONCE).collect();
            let part = queue.call(move |writer| {
                let mut part = Collected::default();
                let artifacts = writer.offloading.artifacts.clone();
                let _collecting = artifacts.collecting();
                writer.transaction(Durability::Normal, |connection| {
                    for file in some {
                        let is_used = file.digest.map_or(Ok(false), |digest| is_used(&digest, connection))?;
                        // Only now: it may have been taken into use since it was found.
                        let age_min = if file.digest.is_some() { age_min } else { age_min.max(UNFINISHED_MIN) };
                        let is_old = || file.age().is_some_and(|age| age >= age_min);
                        if !is_used && is_old() && fs::remove_file(&file.path).is_ok() {
                            part.files += 1;
                            part.bytes += file.bytes;
                        }
                    }
                    Ok(())
                })?;
                Ok(part)
            })?;
            collected.files += part.files;
            collected.bytes += part.bytes;
        }
        Ok(collected)
    }

    /// Deletes from the store elsewhere what was put there from here, was last named more than a day ago, and is needed by no run and no cached
    /// result any more; gives how many. What other computers put there is theirs to delete. Without such a store there is nothing to do.
    pub fn collect_elsewhere(&self) -> Result<u64, StoreError> {
        self.collect_elsewhere_before(now_ms().saturating_sub(ELSEWHERE_MIN_MS))
    }

    fn collect_elsewhere_before(&self, before_ms: i64) -> Result<u64, StoreError> {
        let queue = self.queue()?;
        let mut collected = 0;
        loop {
            let part = queue.call(move |writer| {
                let artifacts = writer.offloading.artifacts.clone();
                let Some(elsewhere) = artifacts.elsewhere() else { return Ok(0) };
                // Nobody else can begin to use them meanwhile.
                writer.transaction(Durability::Normal, |connection| {
                    let unused = sent::unused(elsewhere.url(), before_ms, AT_ONCE_ELSEWHERE, connection)?;
                    let deleted = elsewhere.delete_all(&unused);
                    if deleted.is_ok() {
                        sent::forget(elsewhere.url(), &unused, connection)?;
                    }
                    Ok(deleted.map(|()| unused.len()))
                })?
            })?;
            collected += part as u64;
            if part < AT_ONCE_ELSEWHERE {
                return Ok(collected);
            }
        }
    }

    /// Whether a process carries the run out.
    pub fn is_running(&self, id: FlowRunId) -> bool {
        owner::is_held(&self.reader.locks, id)
    }
}

fn is_used(digest: &[u8; 32], connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM artifact_uses WHERE digest = ?1)
                   OR EXISTS (SELECT 1 FROM cache WHERE artifact = ?1)
                   OR EXISTS (SELECT 1 FROM cache_uses WHERE digest = ?1)";
    connection.prepare_cached(sql)?.query_row([digest], |row| row.get(0))
}

fn delete(writer: &mut Writer, ids: &[FlowRunId], locks: Vec<OwnerLock>) -> Result<(), StoreError> {
    let mut numbers = Vec::new();
    for id in ids {
        let sql = "SELECT number FROM runs WHERE id = ?";
        let number = writer.connection.query_row(sql, [id.to_string()], |row| row.get(0)).optional();
        let number: Option<i64> = number.at(&writer.file)?;
        numbers.push(number.ok_or_else(|| StoreError::UnknownRun(id.to_string()))?);
    }
    writer.transaction(Durability::Normal, |connection| {
        numbers.iter().try_for_each(|number| delete_rows(*number, connection))
    })?;
    drop(locks);
    // Gives the pages back to the disk; it matters to nobody if that fails.
    let _ = writer.connection.execute_batch("PRAGMA incremental_vacuum");
    Ok(())
}

fn delete_rows(number: i64, connection: &Connection) -> rusqlite::Result<()> {
    let (first, end) = (key(number, 0), key(number + 1, 0));
    for table in ["journal", "logs"] {
        connection.execute(&format!("DELETE FROM {table} WHERE key >= ? AND key < ?"), params![first, end])?;
    }
    for table in ["records", "given", "tasks", "cancels", "artifact_uses"] {
        connection.execute(&format!("DELETE FROM {table} WHERE run = ?"), [number])?;
    }
    connection.execute("DELETE FROM runs WHERE number = ?", [number])?;
    Ok(())
}
