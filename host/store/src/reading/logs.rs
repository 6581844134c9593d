//! Lines of a run's log.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::params;
use taskhost_model::codec::{Attached, ChunkReader};
use taskhost_model::task_pattern::TaskPattern;
use taskhost_model::{Attachment, FlowRunId, LogSource};

use super::Reader;
use crate::error::StoreError;
use crate::writer::table::key;

/// A line of a run's log.
#[derive(Clone, PartialEq, Debug)]
pub struct LogLine {
    /// Its number in the run, from 1.
    pub position: u64,
    /// Since the run's start.
    pub at: Duration,
    /// The task's path.
    pub task: Arc<str>,
    /// The task run's index.
    pub index: u32,
    /// Where it came from.
    pub source: LogSource,
    /// The line.
    pub line: String,
}

/// Some lines of a run's log.
#[derive(Clone, PartialEq, Debug)]
pub struct LogLines {
    /// In order.
    pub lines: Vec<LogLine>,
    /// The position of the last one that was looked at: ask for those after it.
    pub position: u64,
    /// Lines that were too many and are not kept.
    pub left_out: u64,
}

/// Lines that are looked at in one call.
const LINES_MAX: usize = 10_000;

impl Reader {
    /// Lines after `position` (0: all), of some task runs or of all.
    pub(crate) fn logs(
        &self,
        id: FlowRunId,
        tasks: Option<&TaskPattern>,
        position: u64,
    ) -> Result<LogLines, StoreError> {
        let number = self.number(id)?;
        let left_out: i64 = self.with(|connection| {
            let mut select = connection.prepare_cached("SELECT log_lines_left_out FROM runs WHERE number = ?")?;
            select.query_row([number], |row| row.get(0))
        })?;
        let mut found = LogLines { lines: Vec::new(), position, left_out: left_out.max(0) as u64 };
        let wanted = |line: &Attached| tasks.is_none_or(|tasks| tasks.of(&line.task).has(line.index));
        while found.lines.len() < LINES_MAX {
            let Some((first, bytes)) = self.log_chunk(number, found.position)? else { break };
            let before = found.position;
            let lines = lines(bytes).map_err(|detail| StoreError::Damaged {
                file: self.file.clone(),
                detail: format!("the log of run `{id}`, line {first}: {detail}"),
            })?;
            for (at, attached) in lines.into_iter().enumerate() {
                let position = first + at as u64 + 1;
                if position <= before {
                    continue;
                }
                found.position = position;
                if !wanted(&attached) {
                    continue;
                }
                if let Attachment::Log { source, line } = attached.attachment {
                    let Attached { at, task, index, .. } = attached;
                    found.lines.push(LogLine { position, at, task, index, source, line });
                }
            }
            if found.position == before {
                break;
            }
        }
        Ok(found)
    }

    /// The row with the line after `position`, and how many lines are before the row.
    fn log_chunk(&self, number: i64, position: u64) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let position = i64::try_from(position).unwrap_or(i64::MAX).min(u32::MAX.into());
        let row: Option<(i64, Vec<u8>)> = self.with(|connection| {
            let sql = "SELECT key, chunk FROM logs WHERE key >= ? AND key <= ? ORDER BY key DESC LIMIT 1";
            let mut select = connection.prepare_cached(sql)?;
            let mut rows = select.query(params![key(number, 0), key(number, position)])?;
            rows.next()?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
        })?;
        Ok(row.map(|(row, bytes)| ((row & 0xffff_ffff) as u64, bytes)))
    }
}

fn lines(bytes: Vec<u8>) -> Result<Vec<Attached>, String> {
    let mut chunk = ChunkReader::new(bytes).map_err(|error| error.to_string())?;
    std::iter::from_fn(|| chunk.attachment().transpose()).map(|line| line.map_err(|error| error.to_string())).collect()
}
