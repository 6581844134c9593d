//! [`Events`]: the events of a run in order, read as they are asked for.

use std::collections::VecDeque;
use std::sync::Arc;

use rusqlite::params;
use taskhost_model::codec::ChunkReader;
use taskhost_model::event::Timed;
use taskhost_model::{ArtifactRef, FlowRunEnding, FlowRunId, RunEvent, Value};

use super::Reader;
use crate::error::StoreError;
use crate::writer::table::key;

/// Rows that are fetched at once, so that no statement stays open between two events.
const ROWS: i64 = 16;

/// The events of a run, up to those that were committed when the end is reached. After an error there are no more.
pub struct Events {
    reader: Arc<Reader>,
    id: FlowRunId,
    /// Key of the next row, and the key that is no longer one of this run.
    next: i64,
    end: i64,
    rows: VecDeque<(i64, Vec<u8>)>,
    chunk: Option<(i64, ChunkReader)>,
    with_results: bool,
}

impl Events {
    pub(crate) fn new(reader: Arc<Reader>, id: FlowRunId) -> Result<Events, StoreError> {
        let number = reader.number(id)?;
        Ok(Events {
            reader,
            id,
            next: key(number, 0),
            end: key(number + 1, 0),
            rows: VecDeque::new(),
            chunk: None,
            with_results: true,
        })
    }

    /// Only the last that were committed together, among them the end of a run that has one.
    pub(crate) fn last(mut self) -> Result<Events, StoreError> {
        let last: Option<i64> = self.reader.with(|connection| {
            let sql = "SELECT max(key) FROM journal WHERE key >= ? AND key < ?";
            connection.prepare_cached(sql)?.query_row(params![self.next, self.end], |row| row.get(0))
        })?;
        self.next = last.unwrap_or(self.end);
        Ok(self)
    }

    /// The same without results and outputs: no large value is fetched.
    pub fn without_results(mut self) -> Events {
        self.with_results = false;
        self
    }

    fn advance(&mut self) -> Result<Option<Timed<RunEvent>>, StoreError> {
        loop {
            if let Some((row, chunk)) = &mut self.chunk {
                let row = *row;
                match next_event(chunk, &self.reader, self.with_results) {
                    Ok(Some(event)) => return Ok(Some(event)),
                    Ok(None) => self.chunk = None,
                    Err(Broken::Value(error)) => return Err(error),
                    Err(Broken::Chunk(detail)) => return Err(self.damaged(row, &detail)),
                }
            }
            if self.rows.is_empty() && !self.fetch()? {
                return Ok(None);
            }
            if let Some((row, bytes)) = self.rows.pop_front() {
                let chunk = ChunkReader::new(bytes).map_err(|error| self.damaged(row, &error.to_string()))?;
                self.chunk = Some((row, chunk));
            }
        }
    }

    fn fetch(&mut self) -> Result<bool, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = self.reader.with(|connection| {
            let sql = "SELECT key, chunk FROM journal WHERE key >= ? AND key < ? ORDER BY key LIMIT ?";
            let mut select = connection.prepare_cached(sql)?;
            let rows = select.query_map(params![self.next, self.end, ROWS], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })?;
        for (row, bytes) in rows {
            // What follows on a gap did not follow on what is before it.
            if row != self.next {
                return Err(self.damaged(self.next, "it is missing"));
            }
            self.next = row + 1;
            self.rows.push_back((row, bytes));
        }
        Ok(!self.rows.is_empty())
    }

    fn damaged(&self, row: i64, detail: &str) -> StoreError {
        let position = row & 0xffff_ffff;
        let detail = format!("the journal of run `{}`, row {position}: {detail}", self.id);
        StoreError::Damaged { file: self.reader.file.clone(), detail }
    }
}

enum Broken {
    Value(StoreError),
    Chunk(String),
}

fn next_event(chunk: &mut ChunkReader, reader: &Reader, with_results: bool) -> Result<Option<Timed<RunEvent>>, Broken> {
    let mut failure = None;
    let read = chunk.event(&mut |reference: &ArtifactRef| {
        if !with_results {
            return Ok(Value::NONE);
        }
        reader.artifacts.value(reference).map_err(|error| {
            let message = error.to_string();
            failure = Some(error);
            message
        })
    });
    let mut event = read.map_err(|error| failure.map_or(Broken::Chunk(error.to_string()), Broken::Value))?;
    if let Some(event) = event.as_mut().filter(|_| !with_results) {
        match &mut event.event {
            RunEvent::TaskRunsEnded { results, .. } => results.clear(),
            RunEvent::FlowRunEnded(FlowRunEnding::Succeeded(outputs)) => outputs.clear(),
            _ => {}
        }
    }
    Ok(event)
}

impl Iterator for Events {
    type Item = Result<Timed<RunEvent>, StoreError>;

    fn next(&mut self) -> Option<Result<Timed<RunEvent>, StoreError>> {
        let next = self.advance().transpose();
        if matches!(next, Some(Err(_))) {
            (self.next, self.chunk) = (self.end, None);
            self.rows.clear();
        }
        next
    }
}
