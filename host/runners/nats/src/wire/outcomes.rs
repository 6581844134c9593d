//! A message from a worker: how task runs of one of its messages ended, and what they said meanwhile.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use taskhost_model::codec::{ChunkReader, ChunkWriter, CodecError, Coded, Reader, Resolve, ValueReader, ValueWriter};
use taskhost_model::codec::{write_bytes, write_number, write_text};
use taskhost_model::{Attachment, Ending, Refusal, Refusals, TaskFailure, TaskRunOutcome, Usage};

use super::{LeftOut, MessageId, VERSION, version};

/// Kinds of endings.
mod tag {
    pub(super) const RETURNED: u8 = 0;
    pub(super) const FAILED: u8 = 1;
    pub(super) const CANCELLED: u8 = 2;
    /// Added to a kind: what it used follows.
    pub(super) const USAGE: u8 = 0x10;
    /// Added to a kind: refusals follow.
    pub(super) const REFUSALS: u8 = 0x20;
}

/// What became of a stretch of task runs.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Fate {
    /// They ended.
    Ended(Vec<TaskRunOutcome>),
    /// They were not started, and are to be sent again.
    GivenBack(u32),
}

impl Fate {
    fn runs(&self) -> u32 {
        match self {
            Fate::Ended(outcomes) => outcomes.len() as u32,
            Fate::GivenBack(runs) => *runs,
        }
    }
}

/// A stretch of task runs of one part of a message.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Stretch {
    /// Which part of the message, from 0 on.
    pub(crate) part: u32,
    /// The index of the first run.
    pub(crate) first: u32,
    /// What became of them.
    pub(crate) fate: Fate,
}

impl Stretch {
    /// The indexes of its runs.
    pub(crate) fn indexes(&self) -> Range<u32> {
        self.first..self.first.saturating_add(self.fate.runs())
    }
}

/// What a task run said: its task's path, its index, and the words.
pub(crate) type Said = (Arc<str>, u32, Attachment);

/// A message as a host reads it.
#[derive(Debug, Default)]
pub(crate) struct OutcomeMessage {
    /// The message whose task runs these are; of no meaning if there are no stretches and it is not the last.
    pub(crate) id: Option<MessageId>,
    /// The worker's name.
    pub(crate) worker: String,
    /// Nothing more follows to this message.
    pub(crate) is_last: bool,
    /// A worker was lost while it had the message, whose task runs are to be sent again, each by itself: so that only the one that did it
    /// is lost again. Without a look into the message, which may be what did it.
    pub(crate) is_suspected: bool,
    /// Why the message could not be read, or not be carried out at all.
    pub(crate) refused: Option<String>,
    /// What was said, in order.
    pub(crate) said: Vec<Said>,
    /// What became of task runs.
    pub(crate) stretches: Vec<Stretch>,
}

/// Writes a message. Values of `offload_bytes_min` and more are left out.
pub(crate) fn encode(message: &OutcomeMessage, offload_bytes_min: usize) -> (Bytes, LeftOut) {
    let (mut out, mut left_out) = (Vec::with_capacity(256), LeftOut::default());
    out.push(VERSION);
    out.extend_from_slice(&message.id.unwrap_or(MessageId([0; 16])).0);
    write_text(&mut out, &message.worker);
    out.push(u8::from(message.is_last) | u8::from(message.is_suspected) << 1);
    write_text(&mut out, message.refused.as_deref().unwrap_or_default());
    let mut chunk = Vec::new();
    if !message.said.is_empty() {
        let mut writer = ChunkWriter::default();
        writer.start(&mut chunk);
        for (task, index, attachment) in &message.said {
            writer.attachment(Duration::ZERO, task, *index, attachment, &mut chunk);
        }
    }
    write_bytes(&mut out, &chunk);
    write_number(&mut out, message.stretches.len() as u64);
    let mut values = ValueWriter::default();
    for stretch in &message.stretches {
        write_number(&mut out, u64::from(stretch.part));
        write_number(&mut out, u64::from(stretch.first));
        match &stretch.fate {
            Fate::Ended(outcomes) => {
                out.push(0);
                write_number(&mut out, outcomes.len() as u64);
                for outcome in outcomes {
                    encode_outcome(outcome, &mut values, &mut out, &mut left_out, offload_bytes_min);
                }
            }
            Fate::GivenBack(runs) => {
                out.push(1);
                write_number(&mut out, u64::from(*runs));
            }
        }
    }
    left_out.blobs = values.take_blobs();
    (out.into(), left_out)
}

fn encode_outcome(
    outcome: &TaskRunOutcome,
    values: &mut ValueWriter,
    out: &mut Vec<u8>,
    left_out: &mut LeftOut,
    offload_bytes_min: usize,
) {
    let has_usage = outcome.usage != Usage::default();
    let refusals = outcome.refusals.as_slice();
    let more = if has_usage { tag::USAGE } else { 0 } | if refusals.is_empty() { 0 } else { tag::REFUSALS };
    match &outcome.ending {
        Ending::Returned(value) => {
            out.push(tag::RETURNED | more);
            values.write(Some(value), out, &mut |large| left_out.take(large, offload_bytes_min));
        }
        Ending::Failed(failure) => {
            out.push(tag::FAILED | more);
            failure.encode(out);
        }
        Ending::Cancelled => out.push(tag::CANCELLED | more),
    }
    if has_usage {
        outcome.usage.encode(out);
    }
    if !refusals.is_empty() {
        write_number(out, refusals.len() as u64);
        refusals.iter().for_each(|refusal| refusal.encode(out));
    }
}

/// Reads a message. Whether its values have the types that are expected is for the caller to ask.
pub(crate) fn decode(bytes: &[u8], resolve: &mut Resolve<'_>) -> Result<OutcomeMessage, CodecError> {
    let mut reader = Reader::new(bytes);
    version(&mut reader)?;
    let id = Some(MessageId(reader.array()?));
    let worker = reader.text()?.to_owned();
    let flags = reader.byte()?;
    let (is_last, is_suspected) = (flags & 1 != 0, flags & 2 != 0);
    let refused = Some(reader.text()?.to_owned()).filter(|reason| !reason.is_empty());
    let said = read_said(reader.bytes()?)?;
    let mut values = ValueReader::default();
    let stretches = reader.list(|reader| {
        let (part, first) = (reader.number()?, reader.number()?);
        let fate = match reader.byte()? {
            0 => Fate::Ended(reader.list(|reader| decode_outcome(reader, &mut values, resolve))?),
            1 => Fate::GivenBack(reader.number()?),
            other => return Err(reader.error(format!("{other} is nothing that becomes of task runs"))),
        };
        Ok(Stretch { part, first, fate })
    })?;
    reader.end()?;
    Ok(OutcomeMessage { id, worker, is_last, is_suspected, refused, said, stretches })
}

fn read_said(chunk: &[u8]) -> Result<Vec<Said>, CodecError> {
    let mut said = Vec::new();
    if chunk.is_empty() {
        return Ok(said);
    }
    let mut reader = ChunkReader::new(chunk.to_vec())?;
    while let Some(entry) = reader.attachment()? {
        said.push((entry.task, entry.index, entry.attachment));
    }
    Ok(said)
}

fn decode_outcome(
    reader: &mut Reader<'_>,
    values: &mut ValueReader,
    resolve: &mut Resolve<'_>,
) -> Result<TaskRunOutcome, CodecError> {
    let kind = reader.byte()?;
    let ending = match kind & !(tag::USAGE | tag::REFUSALS) {
        tag::RETURNED => {
            Ending::Returned(values.read(reader, resolve)?.ok_or_else(|| reader.error("a result without a value"))?)
        }
        tag::FAILED => Ending::Failed(TaskFailure::decode(reader)?),
        tag::CANCELLED => Ending::Cancelled,
        other => return Err(reader.error(format!("{other} is no way to end"))),
    };
    let usage = if kind & tag::USAGE == 0 { Usage::default() } else { Usage::decode(reader)? };
    let refusals = if kind & tag::REFUSALS == 0 { Vec::new() } else { reader.list(Refusal::decode)? };
    Ok(TaskRunOutcome { ending, usage, refusals: Refusals::new(refusals) })
}

#[cfg(test)]
mod tests {
    use taskhost_model::codec::resolve_nothing;
    use taskhost_model::{LogSource, Value};

    use super::*;

    fn message() -> OutcomeMessage {
        let outcome = |ending| TaskRunOutcome::without_usage(ending);
        let usage = Usage { wall_time: Duration::from_micros(7), ..Usage::default() };
        let refusal = Refusal { attempt: "read `a`".into(), grant: "read = [\"a\"]".into() };
        let refused = TaskRunOutcome { ending: Ending::Cancelled, usage, refusals: Refusals::new(vec![refusal]) };
        OutcomeMessage {
            id: Some(MessageId::new(7, 9)),
            worker: "w".into(),
            is_last: true,
            is_suspected: true,
            refused: None,
            said: vec![("a".into(), 3, Attachment::Log { source: LogSource::Stdout, line: "hello".into() })],
            stretches: vec![
                Stretch {
                    part: 0,
                    first: 4,
                    fate: Fate::Ended(vec![
                        outcome(Ending::Returned(Value::string("x"))),
                        outcome(Ending::Failed(TaskFailure::Exited(1))),
                        refused,
                    ]),
                },
                Stretch { part: 1, first: 0, fate: Fate::GivenBack(9) },
            ],
        }
    }

    #[test]
    fn outcomes_are_read_as_they_were_written() {
        let wanted = message();
        let (bytes, left_out) = encode(&wanted, usize::MAX);
        assert!(left_out.values.is_empty() && left_out.blobs.is_empty());
        let read = decode(&bytes, &mut resolve_nothing).expect("what was written");
        assert_eq!((read.id, read.is_last, read.is_suspected, &read.worker), (wanted.id, true, true, &wanted.worker));
        assert_eq!((read.said, read.stretches), (wanted.said, wanted.stretches));
    }

    #[test]
    fn damaged_outcomes_are_errors() {
        let (bytes, _) = encode(&message(), usize::MAX);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length], &mut resolve_nothing).is_err(), "{length}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0xff;
            let _ = decode(&damaged, &mut resolve_nothing);
        }
    }

    #[test]
    fn a_large_result_is_left_out_of_its_message() {
        let large = Value::string("x".repeat(100_000));
        let stretch = Stretch {
            part: 0,
            first: 0,
            fate: Fate::Ended(vec![TaskRunOutcome::without_usage(Ending::Returned(large.clone()))]),
        };
        let message = OutcomeMessage { stretches: vec![stretch.clone()], ..message() };
        let (bytes, left_out) = encode(&message, 64 << 10);
        assert!(bytes.len() < 1000, "{}", bytes.len());
        let mut resolve = |wanted: &taskhost_model::ArtifactRef| {
            let (reference, value) = &left_out.values[0];
            assert_eq!(reference, wanted);
            Ok(value.clone())
        };
        assert_eq!(decode(&bytes, &mut resolve).expect("whole").stretches, [stretch]);
    }
}
