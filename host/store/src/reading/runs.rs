//! Runs and their tasks, from the summaries beside the journal.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use taskhost_model::codec::{Coded, Reader as Bytes};
use taskhost_model::{FlowRunId, Usage};

use super::Reader;
use crate::error::{At, CANDIDATES_MAX, StoreError};
use crate::owner;
use crate::writer::table::state_from_text;
use taskhost_model::fold::{FailedRun, LastProgress, TaskReport};

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RunState {
    /// A process carries it out.
    Running,
    /// It has all its outputs.
    Succeeded,
    /// A task failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// Its process died: it can be resumed.
    Interrupted,
}

impl RunState {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Succeeded => "succeeded",
            RunState::Failed => "failed",
            RunState::Cancelled => "cancelled",
            RunState::Interrupted => "interrupted",
        }
    }
}

impl std::fmt::Display for RunState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// A run, without its tasks.
#[derive(Clone, PartialEq, Debug)]
pub struct RunSummary {
    /// The run.
    pub id: FlowRunId,
    /// Name of its flow.
    pub flow: String,
    /// How far it is.
    pub state: RunState,
    /// Words that the user gave it.
    pub labels: Vec<String>,
    /// When it was started, in milliseconds since 1970.
    pub started: u64,
    /// When it ended, in milliseconds since 1970.
    pub ended: Option<u64>,
    /// From its start to its last event; of one that is running, to now. Pauses before it was resumed do not count.
    pub elapsed: Duration,
    /// How often it was resumed.
    pub resumed: u32,
    /// Task runs, as far as they are known.
    pub runs: u64,
    /// Task runs that are over.
    pub runs_ended: u64,
    /// Task runs that failed.
    pub runs_failed: u64,
    /// Task runs whose result was in the cache.
    pub runs_cached: u64,
    /// Attempts that failed and were followed by another one.
    pub retries: u64,
    /// What its task runs used together.
    pub usage: Usage,
    /// The first failure, in words.
    pub failure: Option<String>,
    /// Lines of its log that are kept.
    pub log_lines: u64,
    /// Lines of its log that were too many.
    pub log_lines_left_out: u64,
}

/// Which runs to list, newest first. The default is all.
#[derive(Clone, Default, Debug)]
pub struct RunFilter {
    /// Only in this state.
    pub state: Option<RunState>,
    /// Only of this flow.
    pub flow: Option<String>,
    /// Only with this label.
    pub label: Option<String>,
    /// Only started at this time or later, in milliseconds since 1970.
    pub since: Option<u64>,
    /// No more than this.
    pub limit: Option<usize>,
}

const COLUMNS: &str = "number, id, flow, state, labels, started_ms, ended_ms, elapsed_ns, resumed, task_runs, \
     task_runs_ended, task_runs_failed, task_runs_cached, retries, usage, failure, log_lines, log_lines_left_out";

impl Reader {
    /// What cannot be read of a run goes to `damaged`, which may give it back as the error of all.
    pub(crate) fn runs(
        &self,
        filter: &RunFilter,
        mut damaged: impl FnMut(StoreError) -> Result<(), StoreError>,
    ) -> Result<Vec<RunSummary>, StoreError> {
        let mut sql = format!("SELECT {COLUMNS} FROM runs WHERE true");
        let mut values = Vec::new();
        if let Some(state) = filter.state {
            // Nobody writes that a run is interrupted: it is one that runs and has no process.
            let stored = if state == RunState::Interrupted { RunState::Running } else { state };
            sql.push_str(" AND state = ?");
            values.push(Sql::Text(stored.word().into()));
        }
        if let Some(flow) = &filter.flow {
            sql.push_str(" AND flow = ?");
            values.push(Sql::Text(flow.clone()));
        }
        if let Some(since) = filter.since {
            sql.push_str(" AND started_ms >= ?");
            values.push(Sql::Integer(i64::try_from(since).unwrap_or(i64::MAX)));
        }
        sql.push_str(" ORDER BY id DESC");
        let limit = filter.limit.unwrap_or(usize::MAX);
        self.ask(|connection| {
            let mut select = connection.prepare_cached(&sql).at(&self.file)?;
            let mut rows = select.query(params_from_iter(values)).at(&self.file)?;
            let mut runs = Vec::new();
            while runs.len() < limit
                && let Some(row) = rows.next().at(&self.file)?
            {
                let run = match summary(row, &self.file) {
                    Ok(run) => self.living(run),
                    Err(error) => {
                        damaged(of_run(row, error))?;
                        continue;
                    }
                };
                let has_label = filter.label.as_ref().is_none_or(|label| run.labels.contains(label));
                if has_label && filter.state.is_none_or(|state| state == run.state) {
                    runs.push(run);
                }
            }
            Ok(runs)
        })
    }

    pub(crate) fn run(&self, id: FlowRunId) -> Result<RunSummary, StoreError> {
        self.ask(|connection| summary_of(id, connection, &self.file)).map(|run| self.living(run))
    }

    pub(crate) fn find(&self, part: &str) -> Result<FlowRunId, StoreError> {
        let unknown = || StoreError::UnknownRun(part.to_owned());
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(unknown());
        }
        let part_of_id = part.to_ascii_lowercase();
        let ids: Vec<String> = self.with(|connection| {
            // Digits and letters mean nothing but themselves in a pattern.
            let sql = "SELECT id FROM runs WHERE id GLOB ?1 || '*' OR id GLOB '*' || ?1 ORDER BY id DESC LIMIT ?2";
            let mut select = connection.prepare_cached(sql)?;
            let rows = select.query_map(params![part_of_id, CANDIDATES_MAX as i64 + 1], |row| row.get(0))?;
            rows.collect()
        })?;
        let ids: Vec<FlowRunId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        match ids[..] {
            [] => Err(unknown()),
            [id] => Ok(id),
            _ => Err(StoreError::SeveralRuns { part: part.to_owned(), ids }),
        }
    }

    pub(crate) fn number(&self, id: FlowRunId) -> Result<i64, StoreError> {
        let number = self.with(|connection| {
            let mut select = connection.prepare_cached("SELECT number FROM runs WHERE id = ?")?;
            select.query_row([id.to_string()], |row| row.get(0)).optional()
        })?;
        number.ok_or_else(|| StoreError::UnknownRun(id.to_string()))
    }

    pub(crate) fn tasks(&self, id: FlowRunId) -> Result<Vec<TaskReport>, StoreError> {
        let number = self.number(id)?;
        self.ask(|connection| tasks_of(number, connection, &self.file))
    }

    fn living(&self, mut run: RunSummary) -> RunSummary {
        if run.state == RunState::Running {
            match owner::held(&self.locks, run.id) {
                Some(so_far) => run.elapsed = run.elapsed.max(so_far),
                None => run.state = RunState::Interrupted,
            }
        }
        run
    }
}

/// A run, as it is stored: one that is interrupted says that it runs.
pub(crate) fn summary_of(id: FlowRunId, connection: &Connection, file: &Path) -> Result<RunSummary, StoreError> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM runs WHERE id = ?")).at(file)?;
    let mut rows = select.query([id.to_string()]).at(file)?;
    let row = rows.next().at(file)?.ok_or_else(|| StoreError::UnknownRun(id.to_string()))?;
    summary(row, file)
}

fn summary(row: &Row<'_>, file: &Path) -> Result<RunSummary, StoreError> {
    let id: String = row.get(1).at(file)?;
    let damaged = |detail: String| StoreError::Damaged {
        file: file.to_owned(),
        detail: format!("the summary of run `{id}`: {detail}"),
    };
    let state: String = row.get(3).at(file)?;
    let state = match state.as_str() {
        "running" => RunState::Running,
        "succeeded" => RunState::Succeeded,
        "failed" => RunState::Failed,
        "cancelled" => RunState::Cancelled,
        other => return Err(damaged(format!("`{other}` is no state"))),
    };
    let labels: String = row.get(4).at(file)?;
    let usage: Option<Vec<u8>> = row.get(14).at(file)?;
    let ended: Option<i64> = row.get(6).at(file)?;
    Ok(RunSummary {
        flow: row.get(2).at(file)?,
        state,
        labels: serde_json::from_str(&labels).map_err(|error| damaged(error.to_string()))?,
        started: number(row, 5).at(file)?,
        ended: ended.map(|ended| ended.max(0) as u64),
        elapsed: Duration::from_nanos(number(row, 7).at(file)?),
        resumed: row.get(8).at(file)?,
        runs: number(row, 9).at(file)?,
        runs_ended: number(row, 10).at(file)?,
        runs_failed: number(row, 11).at(file)?,
        runs_cached: number(row, 12).at(file)?,
        retries: number(row, 13).at(file)?,
        usage: usage.map_or(Ok(Usage::default()), |bytes| decoded(&bytes)).map_err(damaged)?,
        failure: row.get(15).at(file)?,
        log_lines: number(row, 16).at(file)?,
        log_lines_left_out: number(row, 17).at(file)?,
        id: id.parse().map_err(|_| damaged("it is no id".into()))?,
    })
}

/// An error about one column, with the run that it is about.
fn of_run(row: &Row<'_>, error: StoreError) -> StoreError {
    let StoreError::Io { place, detail } = error else { return error };
    let id = row.get(1).unwrap_or_else(|_| "?".to_owned());
    StoreError::Damaged { file: place, detail: format!("the summary of run `{id}`: {detail}") }
}

/// The tasks of a run, in the order in which they were met.
pub(crate) fn tasks_of(number: i64, connection: &Connection, file: &Path) -> Result<Vec<TaskReport>, StoreError> {
    let mut select = connection
        .prepare_cached(
            "SELECT path, state, needed, tasks, tasks_ended, task_runs, task_runs_ended, task_runs_failed,
                task_runs_cached, retries, usage, started_ns, ended_ns, failures, progress
             FROM tasks WHERE run = ? ORDER BY position",
        )
        .at(file)?;
    let mut rows = select.query([number]).at(file)?;
    let mut tasks = Vec::new();
    while let Some(row) = rows.next().at(file)? {
        tasks.push(task(row, file)?);
    }
    Ok(tasks)
}

fn task(row: &Row<'_>, file: &Path) -> Result<TaskReport, StoreError> {
    let path: Arc<str> = row.get(0).at(file)?;
    let damaged = |detail: String| StoreError::Damaged {
        file: file.to_owned(),
        detail: format!("the summary of task `{path}`: {detail}"),
    };
    let state: String = row.get(1).at(file)?;
    let usage: Vec<u8> = row.get(10).at(file)?;
    let (failures, progress): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(13).at(file)?, row.get(14).at(file)?);
    let time = |at| Ok(row.get::<_, Option<i64>>(at).at(file)?.map(|nanos| Duration::from_nanos(nanos.max(0) as u64)));
    Ok(TaskReport {
        state: state_from_text(&state, row.get(2).at(file)?),
        tasks: self::number(row, 3).at(file)?,
        tasks_ended: self::number(row, 4).at(file)?,
        runs: self::number(row, 5).at(file)?,
        runs_ended: self::number(row, 6).at(file)?,
        runs_failed: self::number(row, 7).at(file)?,
        runs_cached: self::number(row, 8).at(file)?,
        retries: self::number(row, 9).at(file)?,
        usage: decoded(&usage).map_err(damaged)?,
        started_at: time(11)?,
        ended_at: time(12)?,
        failures: failures.map_or(Ok(Vec::new()), |bytes| failed_runs(&bytes)).map_err(damaged)?,
        progress: progress.map(|bytes| decoded::<LastProgress>(&bytes)).transpose().map_err(damaged)?,
        ..TaskReport::new(path.clone())
    })
}

fn number(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(at)?.max(0) as u64)
}

fn decoded<T: Coded>(bytes: &[u8]) -> Result<T, String> {
    let mut reader = Bytes::new(bytes);
    let value = T::decode(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| error.to_string())
}

fn failed_runs(bytes: &[u8]) -> Result<Vec<FailedRun>, String> {
    Bytes::new(bytes).list(FailedRun::decode).map_err(|error| error.to_string())
}
