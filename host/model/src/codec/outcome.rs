//! Binary forms of what task runs leave: failures, limits, usage, refusals, states, and where a log line came from.
//!
//! The numbers of the cases are in stored journals: never change one, only add.

use std::time::Duration;

use super::read::{Coded, Reader};
use super::{CodecError, write};
use crate::event::{LogLevel, LogSource, TaskState};
use crate::fold::{FailedRun, LastProgress};
use crate::powers::Refusal;
use crate::task_run::{Limit, TaskFailure, Usage};

impl Coded for TaskFailure {
    fn encode(&self, out: &mut Vec<u8>) {
        let (tag, text) = match self {
            TaskFailure::Returned(error) => (0, error),
            TaskFailure::Trapped { message, backtrace } => {
                out.push(1);
                write::text(out, message);
                return write::text(out, backtrace);
            }
            TaskFailure::Exited(code) => {
                out.push(2);
                return write::signed(out, i64::from(*code));
            }
            TaskFailure::LimitReached(limit) => {
                out.push(3);
                return limit.encode(out);
            }
            TaskFailure::Lost(reason) => (4, reason),
            TaskFailure::Unusable(reason) => (5, reason),
            TaskFailure::Ungrantable(reason) => (6, reason),
            TaskFailure::BadArguments(reason) => (7, reason),
            TaskFailure::Withheld(reason) => (8, reason),
        };
        out.push(tag);
        write::text(out, text);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<TaskFailure, CodecError> {
        Ok(match reader.byte()? {
            0 => TaskFailure::Returned(reader.text()?.into()),
            1 => TaskFailure::Trapped { message: reader.text()?.into(), backtrace: reader.text()?.into() },
            2 => TaskFailure::Exited(reader.signed()?),
            3 => TaskFailure::LimitReached(Limit::decode(reader)?),
            4 => TaskFailure::Lost(reader.text()?.into()),
            5 => TaskFailure::Unusable(reader.text()?.into()),
            6 => TaskFailure::Ungrantable(reader.text()?.into()),
            7 => TaskFailure::BadArguments(reader.text()?.into()),
            8 => TaskFailure::Withheld(reader.text()?.into()),
            other => return Err(reader.error(format!("{other} is no kind of failure"))),
        })
    }
}

impl Coded for Limit {
    fn encode(&self, out: &mut Vec<u8>) {
        let (tag, number) = match self {
            Limit::Memory(bytes) => (0, *bytes),
            Limit::Cpu(time) => return time_limit(1, *time, out),
            Limit::Timeout(time) => return time_limit(2, *time, out),
            Limit::Output(bytes) => (3, *bytes),
            Limit::Result(bytes) => (4, *bytes),
            Limit::LogLines(count) => (5, u64::from(*count)),
            Limit::Files(count) => (6, u64::from(*count)),
            Limit::Sockets(count) => (7, u64::from(*count)),
            Limit::Handles(count) => (8, u64::from(*count)),
            Limit::Blobs(bytes) => (9, *bytes),
        };
        out.push(tag);
        write::varint(out, number);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Limit, CodecError> {
        Ok(match reader.byte()? {
            0 => Limit::Memory(reader.varint()?),
            1 => Limit::Cpu(reader.duration()?),
            2 => Limit::Timeout(reader.duration()?),
            3 => Limit::Output(reader.varint()?),
            4 => Limit::Result(reader.varint()?),
            5 => Limit::LogLines(reader.number()?),
            6 => Limit::Files(reader.number()?),
            7 => Limit::Sockets(reader.number()?),
            8 => Limit::Handles(reader.number()?),
            9 => Limit::Blobs(reader.varint()?),
            other => return Err(reader.error(format!("{other} is no kind of limit"))),
        })
    }
}

fn time_limit(tag: u8, time: Duration, out: &mut Vec<u8>) {
    out.push(tag);
    write::duration(out, time);
}

impl Coded for FailedRun {
    fn encode(&self, out: &mut Vec<u8>) {
        write::text(out, &self.task);
        write::varint(out, self.index.map_or(0, |index| u64::from(index) + 1));
        self.failure.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<FailedRun, CodecError> {
        let task = reader.text()?.into();
        let index = match reader.varint()?.checked_sub(1) {
            None => None,
            Some(index) => Some(u32::try_from(index).map_err(|_| reader.error("an index is too large"))?),
        };
        Ok(FailedRun { task, index, failure: TaskFailure::decode(reader)? })
    }
}

impl Coded for LastProgress {
    fn encode(&self, out: &mut Vec<u8>) {
        [self.index, self.done, self.total].iter().for_each(|number| write::varint(out, u64::from(*number)));
        write::text(out, &self.message);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<LastProgress, CodecError> {
        Ok(LastProgress {
            index: reader.number()?,
            done: reader.number()?,
            total: reader.number()?,
            message: reader.text()?.into(),
        })
    }
}

impl Coded for Usage {
    fn encode(&self, out: &mut Vec<u8>) {
        write::duration(out, self.wall_time);
        write::duration(out, self.cpu_time);
        for number in [self.memory_bytes_peak, self.output_bytes, self.bytes_in, self.bytes_out, self.host_calls] {
            write::varint(out, number);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Usage, CodecError> {
        Ok(Usage {
            wall_time: reader.duration()?,
            cpu_time: reader.duration()?,
            memory_bytes_peak: reader.varint()?,
            output_bytes: reader.varint()?,
            bytes_in: reader.varint()?,
            bytes_out: reader.varint()?,
            host_calls: reader.varint()?,
        })
    }
}

impl Coded for Refusal {
    fn encode(&self, out: &mut Vec<u8>) {
        write::text(out, &self.attempt);
        write::text(out, &self.grant);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Refusal, CodecError> {
        Ok(Refusal { attempt: reader.text()?.into(), grant: reader.text()?.into() })
    }
}

impl Coded for TaskState {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            TaskState::Succeeded => out.push(0),
            TaskState::Failed => out.push(1),
            TaskState::Skipped => out.push(2),
            TaskState::NotRun(needed) => {
                out.push(3);
                write::text(out, needed);
            }
            TaskState::Cancelled => out.push(4),
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<TaskState, CodecError> {
        Ok(match reader.byte()? {
            0 => TaskState::Succeeded,
            1 => TaskState::Failed,
            2 => TaskState::Skipped,
            3 => TaskState::NotRun(reader.text()?.into()),
            4 => TaskState::Cancelled,
            other => return Err(reader.error(format!("{other} is no state of a task"))),
        })
    }
}

/// Sources of log lines by number.
const LOG_SOURCES: [LogSource; 8] = [
    LogSource::Stdout,
    LogSource::Stderr,
    LogSource::Log(LogLevel::Trace),
    LogSource::Log(LogLevel::Debug),
    LogSource::Log(LogLevel::Info),
    LogSource::Log(LogLevel::Warn),
    LogSource::Log(LogLevel::Error),
    LogSource::Runner,
];

impl Coded for LogSource {
    fn encode(&self, out: &mut Vec<u8>) {
        let number = LOG_SOURCES.iter().position(|source| source == self).expect("Invariant: every source is listed");
        out.push(number as u8);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<LogSource, CodecError> {
        let number = reader.byte()?;
        let known = LOG_SOURCES.get(usize::from(number));
        known.copied().ok_or_else(|| reader.error(format!("{number} is no source of log lines")))
    }
}
