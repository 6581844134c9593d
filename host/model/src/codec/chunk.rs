//! A chunk: events, or what running tasks say, of one flow run in order, readable by itself. Times are differences, and a task's path is
//! written once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::read::{Coded, Reader};
use super::value::{Offload, ReadTypes, Resolve, Slots};
use super::{CodecError, VERSION, write};
use crate::artifact::ArtifactRef;
use crate::event::{Attachment, FlowRunEnding, LogSource, Origin, RunEvent, TakenBack, TaskState, Timed};
use crate::powers::Refusal;
use crate::task_run::{TaskFailure, Usage};
use crate::value::Value;

/// Kinds of entries. Their numbers are in stored journals: never change one, only add.
mod tag {
    pub(super) const TASK_STARTED: u8 = 1;
    pub(super) const TASK_REFUSED: u8 = 2;
    pub(super) const TASK_RUNS_ENDED: u8 = 3;
    pub(super) const RUN_RETRIED: u8 = 4;
    pub(super) const TASK_ENDED: u8 = 5;
    pub(super) const FLOW_RUN_SUCCEEDED: u8 = 6;
    pub(super) const FLOW_RUN_FAILED: u8 = 7;
    pub(super) const FLOW_RUN_CANCELLED: u8 = 8;
    pub(super) const FLOW_RUN_RESUMED: u8 = 9;
    pub(super) const LOG: u8 = 16;
    pub(super) const PROGRESS: u8 = 17;
    /// Together with a kind: the time is the whole time, not the difference to the entry before.
    pub(super) const WHOLE_TIME: u8 = 0x80;
}

/// What a `TaskRunsEnded` has, beside its origin in the lowest two bits.
mod part {
    pub(super) const ORIGIN: u8 = 0b11;
    pub(super) const FAILURES: u8 = 1 << 2;
    pub(super) const REFUSALS: u8 = 1 << 3;
    pub(super) const RESULTS: u8 = 1 << 4;
}

const ORIGINS: [Origin; 3] = [Origin::Run, Origin::Cache, Origin::Journal];

/// Writes chunks, one after another, into buffers that the caller keeps.
#[derive(Default)]
pub struct ChunkWriter {
    paths: HashMap<Arc<str>, u64>,
    /// Whose entry was the last: the next one is often of the same task.
    last: Option<(Arc<str>, u64)>,
    at: Duration,
    slots: Slots,
}

impl ChunkWriter {
    /// Begins a chunk at the end of `out`, which is empty.
    pub fn start(&mut self, out: &mut Vec<u8>) {
        self.paths.clear();
        self.last = None;
        self.at = Duration::ZERO;
        self.slots.restart();
        out.push(VERSION);
    }

    /// Appends an event. Its large values may be kept elsewhere.
    pub fn event(&mut self, event: &Timed<RunEvent>, out: &mut Vec<u8>, offload: &mut Offload<'_>) {
        match &event.event {
            RunEvent::TaskStarted { task, runs } => {
                self.entry(tag::TASK_STARTED, event.at, task, out);
                write::varint(out, u64::from(*runs));
            }
            RunEvent::TaskRefused { task, failure } => {
                self.entry(tag::TASK_REFUSED, event.at, task, out);
                failure.encode(out);
            }
            RunEvent::TaskRunsEnded { task, first, count, usage, failures, refusals, results, origin } => {
                self.entry(tag::TASK_RUNS_ENDED, event.at, task, out);
                write::varint(out, u64::from(*first));
                write::varint(out, u64::from(*count));
                usage.encode(out);
                self.endings(failures, refusals, results, *origin, out, offload);
            }
            RunEvent::RunRetried { task, index, attempt, failure, usage, delay } => {
                self.entry(tag::RUN_RETRIED, event.at, task, out);
                write::varint(out, u64::from(*index));
                write::varint(out, u64::from(*attempt));
                failure.encode(out);
                usage.encode(out);
                write::duration(out, *delay);
            }
            RunEvent::TaskEnded { task, state } => {
                self.entry(tag::TASK_ENDED, event.at, task, out);
                state.encode(out);
            }
            RunEvent::FlowRunEnded(FlowRunEnding::Succeeded(outputs)) => {
                self.time(tag::FLOW_RUN_SUCCEEDED, event.at, out);
                self.values(outputs, out, offload);
            }
            RunEvent::FlowRunEnded(FlowRunEnding::Failed(causes)) => {
                self.time(tag::FLOW_RUN_FAILED, event.at, out);
                write::varint(out, causes.len() as u64);
                causes.iter().for_each(|task| self.path(task, out));
            }
            RunEvent::FlowRunEnded(FlowRunEnding::Cancelled) => self.time(tag::FLOW_RUN_CANCELLED, event.at, out),
            RunEvent::FlowRunResumed { taken_back } => {
                self.time(tag::FLOW_RUN_RESUMED, event.at, out);
                write::varint(out, taken_back.len() as u64);
                taken_back.iter().for_each(|back| self.taken_back(back, out));
            }
        }
    }

    /// The blobs that were named by events since the last call.
    pub fn take_blobs(&mut self) -> Vec<ArtifactRef> {
        self.slots.take_blobs()
    }

    /// Appends what a running task said.
    pub fn attachment(
        &mut self,
        at: Duration,
        task: &Arc<str>,
        index: u32,
        attachment: &Attachment,
        out: &mut Vec<u8>,
    ) {
        match attachment {
            Attachment::Log { source, line } => {
                self.entry(tag::LOG, at, task, out);
                write::varint(out, u64::from(index));
                source.encode(out);
                write::text(out, line);
            }
            Attachment::Progress { done, total, message } => {
                self.entry(tag::PROGRESS, at, task, out);
                for number in [index, *done, *total] {
                    write::varint(out, u64::from(number));
                }
                write::text(out, message);
            }
        }
    }

    fn taken_back(&mut self, back: &TakenBack, out: &mut Vec<u8>) {
        self.path(&back.task, out);
        out.push(u8::from(back.starts_anew));
        for number in [back.runs, back.ended, back.failed, back.cached] {
            write::varint(out, u64::from(number));
        }
    }

    fn endings(
        &mut self,
        failures: &[(u32, TaskFailure)],
        refusals: &[Refusal],
        results: &[Option<Value>],
        origin: Origin,
        out: &mut Vec<u8>,
        offload: &mut Offload<'_>,
    ) {
        let has = |is_empty: bool, part: u8| if is_empty { 0 } else { part };
        let origin = ORIGINS.iter().position(|known| *known == origin).expect("Invariant: every origin is listed");
        out.push(
            origin as u8
                | has(failures.is_empty(), part::FAILURES)
                | has(refusals.is_empty(), part::REFUSALS)
                | has(results.is_empty(), part::RESULTS),
        );
        if !failures.is_empty() {
            write::varint(out, failures.len() as u64);
            for (index, failure) in failures {
                write::varint(out, u64::from(*index));
                failure.encode(out);
            }
        }
        if !refusals.is_empty() {
            write::varint(out, refusals.len() as u64);
            refusals.iter().for_each(|refusal| refusal.encode(out));
        }
        if !results.is_empty() {
            self.values(results, out, offload);
        }
    }

    fn values(&mut self, values: &[Option<Value>], out: &mut Vec<u8>, offload: &mut Offload<'_>) {
        write::varint(out, values.len() as u64);
        out.reserve(values.len() * 4);
        for value in values {
            self.slots.write(value.as_ref(), out, offload);
        }
    }

    fn entry(&mut self, kind: u8, at: Duration, task: &Arc<str>, out: &mut Vec<u8>) {
        self.time(kind, at, out);
        self.path(task, out);
    }

    fn time(&mut self, kind: u8, at: Duration, out: &mut Vec<u8>) {
        match at.checked_sub(self.at) {
            Some(since) => {
                out.push(kind);
                write::duration(out, since);
            }
            None => {
                out.push(kind | tag::WHOLE_TIME);
                write::duration(out, at);
            }
        }
        self.at = at;
    }

    fn path(&mut self, task: &Arc<str>, out: &mut Vec<u8>) {
        if let Some((last, number)) = &self.last
            && (Arc::ptr_eq(last, task) || last == task)
        {
            return write::varint(out, *number);
        }
        let number = match self.paths.get(task) {
            Some(number) => {
                write::varint(out, *number);
                *number
            }
            None => {
                let number = self.paths.len() as u64 + 1;
                self.paths.insert(Arc::clone(task), number);
                write::varint(out, 0);
                write::text(out, task);
                number
            }
        };
        self.last = Some((Arc::clone(task), number));
    }
}

/// What a running task said, as it was kept.
#[derive(Clone, PartialEq, Debug)]
pub struct Attached {
    /// Since the flow run's start.
    pub at: Duration,
    /// The task's path.
    pub task: Arc<str>,
    /// The task run's index.
    pub index: u32,
    /// What it said.
    pub attachment: Attachment,
}

/// Reads a chunk, entry by entry. After an error there is nothing more.
#[derive(Debug)]
pub struct ChunkReader {
    bytes: Vec<u8>,
    offset: usize,
    paths: Vec<Arc<str>>,
    types: ReadTypes,
    at: Duration,
}

impl ChunkReader {
    /// At the beginning of a chunk.
    pub fn new(bytes: Vec<u8>) -> Result<ChunkReader, CodecError> {
        let mut reader = Reader::new(&bytes);
        reader.version()?;
        let offset = reader.offset();
        Ok(ChunkReader { bytes, offset, paths: Vec::new(), types: ReadTypes::default(), at: Duration::ZERO })
    }

    /// The next event of a chunk of events; none at its end.
    pub fn event(&mut self, resolve: &mut Resolve<'_>) -> Result<Option<Timed<RunEvent>>, CodecError> {
        self.next(|entry| {
            let (kind, at) = entry.time()?;
            Ok(Timed { at, event: entry.event(kind, resolve)? })
        })
    }

    /// The next entry of a chunk of attachments; none at its end.
    pub fn attachment(&mut self) -> Result<Option<Attached>, CodecError> {
        self.next(|entry| {
            let (kind, at) = entry.time()?;
            entry.attachment(kind, at)
        })
    }

    fn next<T>(&mut self, read: impl FnOnce(&mut Entry<'_>) -> Result<T, CodecError>) -> Result<Option<T>, CodecError> {
        if self.offset >= self.bytes.len() {
            return Ok(None);
        }
        let reader = Reader::continued(&self.bytes, self.offset);
        let mut entry = Entry { reader, paths: &mut self.paths, types: &mut self.types, at: &mut self.at };
        let result = read(&mut entry);
        self.offset = if result.is_ok() { entry.reader.offset() } else { self.bytes.len() };
        result.map(Some)
    }
}

/// One entry while it is read, with what the entries before have told.
struct Entry<'a> {
    reader: Reader<'a>,
    paths: &'a mut Vec<Arc<str>>,
    types: &'a mut ReadTypes,
    at: &'a mut Duration,
}

impl Entry<'_> {
    fn time(&mut self) -> Result<(u8, Duration), CodecError> {
        let kind = self.reader.byte()?;
        let time = self.reader.duration()?;
        *self.at = match kind & tag::WHOLE_TIME {
            0 => self.at.checked_add(time).ok_or_else(|| self.reader.error("a time past all times"))?,
            _ => time,
        };
        Ok((kind & !tag::WHOLE_TIME, *self.at))
    }

    fn event(&mut self, kind: u8, resolve: &mut Resolve<'_>) -> Result<RunEvent, CodecError> {
        Ok(match kind {
            tag::TASK_STARTED => RunEvent::TaskStarted { task: self.path()?, runs: self.reader.number()? },
            tag::TASK_REFUSED => {
                RunEvent::TaskRefused { task: self.path()?, failure: TaskFailure::decode(&mut self.reader)? }
            }
            tag::TASK_RUNS_ENDED => self.task_runs_ended(resolve)?,
            tag::RUN_RETRIED => RunEvent::RunRetried {
                task: self.path()?,
                index: self.reader.number()?,
                attempt: self.reader.number()?,
                failure: TaskFailure::decode(&mut self.reader)?,
                usage: Usage::decode(&mut self.reader)?,
                delay: self.reader.duration()?,
            },
            tag::TASK_ENDED => RunEvent::TaskEnded { task: self.path()?, state: TaskState::decode(&mut self.reader)? },
            tag::FLOW_RUN_SUCCEEDED => RunEvent::FlowRunEnded(FlowRunEnding::Succeeded(self.values(resolve)?)),
            tag::FLOW_RUN_FAILED => {
                let paths = &mut *self.paths;
                let causes = self.reader.list(|reader| path(reader, paths))?;
                RunEvent::FlowRunEnded(FlowRunEnding::Failed(causes))
            }
            tag::FLOW_RUN_CANCELLED => RunEvent::FlowRunEnded(FlowRunEnding::Cancelled),
            tag::FLOW_RUN_RESUMED => {
                let paths = &mut *self.paths;
                RunEvent::FlowRunResumed { taken_back: self.reader.list(|reader| taken_back(reader, paths))? }
            }
            other => return Err(self.reader.error(format!("{other} is no kind of event"))),
        })
    }

    fn task_runs_ended(&mut self, resolve: &mut Resolve<'_>) -> Result<RunEvent, CodecError> {
        let task = self.path()?;
        let (first, count) = (self.reader.number()?, self.reader.number()?);
        let usage = Usage::decode(&mut self.reader)?;
        let parts = self.reader.byte()?;
        let origin = ORIGINS.get(usize::from(parts & part::ORIGIN)).copied();
        let known = part::ORIGIN | part::FAILURES | part::REFUSALS | part::RESULTS;
        let Some(origin) = origin.filter(|_| parts & !known == 0) else {
            return Err(self.reader.error(format!("{parts} tells of parts that task runs do not have")));
        };
        let failure = |reader: &mut Reader<'_>| Ok((reader.number()?, TaskFailure::decode(reader)?));
        let failures = if parts & part::FAILURES == 0 { Vec::new() } else { self.reader.list(failure)? };
        let refusals = if parts & part::REFUSALS == 0 { Vec::new() } else { self.reader.list(Refusal::decode)? };
        let results = if parts & part::RESULTS == 0 { Vec::new() } else { self.values(resolve)? };
        Ok(RunEvent::TaskRunsEnded { task, first, count, usage, failures, refusals, results, origin })
    }

    fn attachment(&mut self, kind: u8, at: Duration) -> Result<Attached, CodecError> {
        let task = self.path()?;
        let index = self.reader.number()?;
        let attachment = match kind {
            tag::LOG => {
                Attachment::Log { source: LogSource::decode(&mut self.reader)?, line: self.reader.text()?.into() }
            }
            tag::PROGRESS => Attachment::Progress {
                done: self.reader.number()?,
                total: self.reader.number()?,
                message: self.reader.text()?.into(),
            },
            other => return Err(self.reader.error(format!("{other} is no kind of attachment"))),
        };
        Ok(Attached { at, task, index, attachment })
    }

    fn values(&mut self, resolve: &mut Resolve<'_>) -> Result<Vec<Option<Value>>, CodecError> {
        let types = &mut *self.types;
        self.reader.list(|reader| types.slot(reader, resolve))
    }

    fn path(&mut self) -> Result<Arc<str>, CodecError> {
        path(&mut self.reader, self.paths)
    }
}

fn taken_back(reader: &mut Reader<'_>, known: &mut Vec<Arc<str>>) -> Result<TakenBack, CodecError> {
    let task = path(reader, known)?;
    let starts_anew = reader.flag()?;
    let mut number = || reader.number();
    Ok(TakenBack { task, starts_anew, runs: number()?, ended: number()?, failed: number()?, cached: number()? })
}

fn path(reader: &mut Reader<'_>, known: &mut Vec<Arc<str>>) -> Result<Arc<str>, CodecError> {
    let number: usize = reader.number()?;
    if let Some(at) = number.checked_sub(1) {
        return known.get(at).cloned().ok_or_else(|| reader.error("names a task that was not written before"));
    }
    let path: Arc<str> = reader.text()?.into();
    known.push(Arc::clone(&path));
    Ok(path)
}
