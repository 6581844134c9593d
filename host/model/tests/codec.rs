//! The binary form: what is written is read back, stored bytes stay readable, and damaged ones are errors.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use taskhost_model::arbitrary::{attachment, task_failure, task_state, timed_events, typed_value, usage};
use taskhost_model::codec::{
    Attached, ChunkReader, ChunkWriter, Coded, DEPTH_MAX, REFERENCE_BYTES_MIN, Reader, VERSION, decode_artifact,
    decode_value, decode_value_or_reference, encode_value, encode_value_in_parts, encode_value_or_reference,
    keep_inline, resolve_nothing,
};
use taskhost_model::event::{TakenBack, Timed};
use taskhost_model::{
    ArtifactRef, Attachment, FlowRunEnding, List, LogSource, Origin, Refusal, RunEvent, TaskFailure, TaskState, Usage,
    Value, ValueType,
};

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_value(value, &mut bytes);
    bytes
}

fn chunk(events: &[Timed<RunEvent>]) -> Vec<u8> {
    let (mut writer, mut bytes) = (ChunkWriter::default(), Vec::new());
    writer.start(&mut bytes);
    events.iter().for_each(|event| writer.event(event, &mut bytes, &mut keep_inline));
    bytes
}

fn events(bytes: &[u8]) -> Result<Vec<Timed<RunEvent>>, String> {
    let mut reader = ChunkReader::new(bytes.to_vec()).map_err(|error| error.to_string())?;
    let mut events = Vec::new();
    while let Some(event) = reader.event(&mut resolve_nothing).map_err(|error| error.to_string())? {
        events.push(event);
    }
    Ok(events)
}

fn attachments(bytes: &[u8]) -> Result<Vec<Attached>, String> {
    let mut reader = ChunkReader::new(bytes.to_vec()).map_err(|error| error.to_string())?;
    let mut attachments = Vec::new();
    while let Some(attached) = reader.attachment().map_err(|error| error.to_string())? {
        attachments.push(attached);
    }
    Ok(attachments)
}

fn again<T: Coded>(value: &T) -> T {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    let mut reader = Reader::new(&bytes);
    let read = T::decode(&mut reader).expect("just written");
    reader.end().expect("nothing more");
    read
}

proptest! {
    #[test]
    fn a_value_is_read_back((_, value) in typed_value()) {
        prop_assert_eq!(decode_value(&encoded(&value)), Ok(value));
    }

    #[test]
    fn events_are_read_back(written in timed_events()) {
        prop_assert_eq!(events(&chunk(&written)), Ok(written));
    }

    #[test]
    fn a_writer_begins_each_chunk_anew(first in timed_events(), second in timed_events()) {
        let mut writer = ChunkWriter::default();
        for written in [first, second] {
            let mut bytes = Vec::new();
            writer.start(&mut bytes);
            written.iter().for_each(|event| writer.event(event, &mut bytes, &mut keep_inline));
            prop_assert_eq!(events(&bytes), Ok(written));
        }
    }

    #[test]
    fn attachments_are_read_back(written in vec((any::<u32>(), any::<u32>(), attachment()), 0..8)) {
        let (mut writer, mut bytes) = (ChunkWriter::default(), Vec::new());
        writer.start(&mut bytes);
        let written: Vec<Attached> = written
            .into_iter()
            .map(|(at, index, attachment)| {
                let task = format!("task-{}", index % 3).into();
                Attached { at: Duration::from_micros(at.into()), task, index, attachment }
            })
            .collect();
        for entry in &written {
            writer.attachment(entry.at, &entry.task, entry.index, &entry.attachment, &mut bytes);
        }
        prop_assert_eq!(attachments(&bytes), Ok(written));
    }

    #[test]
    fn outcomes_are_read_back(failure in task_failure(), state in task_state(), usage in usage()) {
        prop_assert_eq!(again(&failure), failure);
        prop_assert_eq!(again(&state), state);
        prop_assert_eq!(again(&usage), usage);
    }

    #[test]
    fn any_bytes_are_read_or_an_error_within_them(mut bytes in vec(any::<u8>(), 0..200), begins_well in any::<bool>()) {
        if let Some(first) = bytes.first_mut().filter(|_| begins_well) {
            *first = VERSION;
        }
        if let Err(error) = decode_value(&bytes) {
            prop_assert!(error.offset <= bytes.len());
        }
        let _ = (events(&bytes), attachments(&bytes));
    }

    #[test]
    fn a_chunk_that_was_cut_or_changed_is_read_or_an_error(
        written in timed_events(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut bytes = chunk(&written);
        let at = at.index(bytes.len());
        if let Ok(read) = events(&bytes[..at]) {
            prop_assert_eq!(&read[..], &written[..read.len()], "what is read of a cut chunk is its beginning");
        }
        bytes[at] = byte;
        let _ = events(&bytes);
    }

    #[test]
    fn large_values_are_kept_elsewhere_by_the_name_of_their_bytes_and_come_back((ty, value) in typed_value(), times in 0_usize..400, as_list in any::<bool>()) {
        let values = vec![value; times];
        let value = if as_list { Value::List(List::from_values(&ty, values)) } else { Value::tuple(values) };
        let mut kept: HashMap<ArtifactRef, Bytes> = HashMap::new();
        let mut bytes = Vec::new();
        encode_value_or_reference(&value, &mut bytes, &mut |large| {
            assert_eq!((large.value(), large.length()), (&value, encoded(&value).len()));
            kept.insert(large.artifact(), large.parts().concat().into());
            Some(large.artifact())
        });
        prop_assert_eq!(kept.len(), usize::from(encoded(&value).len() >= REFERENCE_BYTES_MIN));
        for (artifact, bytes) in &kept {
            prop_assert_eq!(*artifact, ArtifactRef::of(&[bytes]));
            prop_assert_eq!(&encoded(&value), bytes);
            let (head, image) = encode_value_in_parts(&value);
            prop_assert_eq!(&[&head[..], &image].concat(), bytes);
        }
        let read = decode_value_or_reference(&bytes, &mut |reference| {
            decode_artifact(reference, &kept[reference]).map_err(|error| error.to_string())
        });
        prop_assert_eq!(read, Ok(value));
    }
}

/// One of everything; what the bytes below were made of.
fn sample() -> Vec<Timed<RunEvent>> {
    let at = Duration::from_micros;
    let (clean, sum): (Arc<str>, Arc<str>) = ("months[3]/clean".into(), "sum".into());
    let usage = Usage {
        wall_time: at(1500),
        cpu_time: at(900),
        memory_bytes_peak: 1 << 20,
        output_bytes: 7,
        bytes_in: 300,
        bytes_out: 4,
        host_calls: 2,
    };
    let record: ValueType = "record { id: u32, ok: bool }".parse().expect("a type");
    let rows = List::from_values(&record, [Value::record([Value::U32(9), Value::Bool(true)])]);
    let results = vec![
        Some(Value::ok(Some(Value::tuple([Value::U8(255), Value::S16(-2), Value::F64(0.5), Value::Char('ß')])))),
        Some(Value::err(Some(Value::string("too cold")))),
        None,
        Some(Value::record([Value::List(rows.clone()), Value::List(rows), Value::NONE, Value::some(Value::Enum(3))])),
        Some(Value::Variant(1, Some(Arc::new(Value::Flags(5))))),
        Some(Value::List(List::from_values(&ValueType::String, [Value::string("a"), Value::string("b")]))),
    ];
    let failures = vec![
        (1, TaskFailure::Returned("too cold".into())),
        (2, TaskFailure::LimitReached(taskhost_model::Limit::Timeout(Duration::from_secs(2)))),
    ];
    let refusals = vec![Refusal { attempt: "open `/etc/passwd`".into(), grant: "read = [\"/etc\"]".into() }];
    let trap = TaskFailure::Trapped { message: "unreachable".into(), backtrace: "0: f".into() };
    let events = [
        RunEvent::TaskStarted { task: Arc::clone(&clean), runs: 6 },
        RunEvent::RunRetried { task: Arc::clone(&clean), index: 4, attempt: 1, failure: trap, usage, delay: at(250) },
        RunEvent::TaskRunsEnded {
            task: Arc::clone(&clean),
            first: 0,
            count: 6,
            usage,
            failures,
            refusals,
            results,
            origin: Origin::Cache,
        },
        RunEvent::TaskEnded { task: Arc::clone(&clean), state: TaskState::Failed },
        RunEvent::TaskRefused { task: Arc::clone(&sum), failure: TaskFailure::BadArguments("unequal".into()) },
        RunEvent::TaskEnded { task: sum, state: TaskState::NotRun(Arc::clone(&clean)) },
        RunEvent::FlowRunEnded(FlowRunEnding::Failed(vec![clean])),
        RunEvent::FlowRunEnded(FlowRunEnding::Succeeded(vec![Some(Value::U64(u64::MAX)), None])),
        RunEvent::FlowRunEnded(FlowRunEnding::Cancelled),
    ];
    events.into_iter().enumerate().map(|(n, event)| Timed { at: at(100 * n as u64), event }).collect()
}

/// Stored when version 1 was made. If this test fails, journals on people's disks are no longer readable: make version 2 instead.
const SAMPLE: &str = include_str!("codec_version_1.hex");

#[test]
fn a_stored_chunk_of_version_1_stays_readable() {
    let bytes: Vec<u8> = SAMPLE
        .split_whitespace()
        .flat_map(|line| (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).expect("hex")))
        .collect();
    assert_eq!(events(&bytes), Ok(sample()));
}

#[test]
fn a_chunk_of_today_is_that_of_version_1() {
    let hex: Vec<String> = chunk(&sample()).iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<String> = hex.chunks(64).map(|line| line.concat()).collect();
    assert_eq!(lines, SAMPLE.lines().collect::<Vec<_>>(), "\n{}", lines.join("\n"));
}

/// A kind of event that came later, with a number of its own: what it is stored as never changes either.
#[test]
fn a_flow_run_that_was_resumed_is_stored_as_it_always_was() {
    let back =
        |starts_anew, runs, ended| TakenBack { task: "a".into(), starts_anew, runs, ended, failed: 1, cached: 0 };
    let event = RunEvent::FlowRunResumed { taken_back: vec![back(false, 0, 1), back(true, 300, 2)] };
    let written = [Timed { at: Duration::from_nanos(5), event }];
    // The path is written once, and is number 1 from then on; 300 takes two bytes.
    let bytes = [1, 9, 5, 2, 0, 1, b'a', 0, 0, 1, 1, 0, 1, 1, 0xac, 2, 2, 1, 0];
    assert_eq!(chunk(&written), bytes);
    assert_eq!(events(&bytes), Ok(written.to_vec()));
}

#[test]
fn a_later_version_is_told_apart_from_damage() {
    let later = decode_value(&[VERSION + 1, 0]).expect_err("later");
    assert_eq!(later.to_string(), "was written in format 2 by a newer taskhost; update this one at byte 0");
    let damaged = ChunkReader::new(vec![0]).expect_err("damaged");
    assert_eq!(damaged.to_string(), "begins with 0, which is no format at byte 0");
}

#[test]
fn a_value_nests_only_so_deep() {
    let nested = |levels| (1..levels).fold(Value::NONE, |value, _| Value::some(value));
    let deepest = nested(DEPTH_MAX + 1);
    assert_eq!(decode_value(&encoded(&deepest)), Ok(deepest));
    let error = decode_value(&encoded(&nested(DEPTH_MAX + 2))).expect_err("too deep");
    assert_eq!(error.message, "nests deeper than 128 levels");
    // Nor do bytes that go on like that for long.
    let bytes: Vec<u8> = std::iter::once(VERSION).chain(std::iter::repeat_n(23, 1_000_000)).collect();
    assert!(decode_value(&bytes).is_err());
}

#[test]
fn a_count_beyond_the_bytes_allocates_nothing() {
    for tag in 14..=18 {
        let mut bytes = vec![VERSION, tag];
        bytes.extend([0xff; 8]);
        bytes.push(0x7f);
        assert!(decode_value(&bytes).is_err(), "{tag}");
    }
}

#[test]
fn a_small_result_takes_a_few_bytes_and_a_path_is_written_once() {
    let task: Arc<str> = "a-rather-long-name-of-a-mapped-task".into();
    let event = |first: u32| Timed {
        at: Duration::from_millis(first.into()),
        event: RunEvent::TaskRunsEnded {
            task: Arc::clone(&task),
            first,
            count: 256,
            usage: Usage::default(),
            failures: vec![],
            refusals: vec![],
            results: (0..256).map(|n| Some(Value::U32(n))).collect(),
            origin: Origin::Run,
        },
    };
    let (one, two) = (chunk(&[event(0)]).len(), chunk(&[event(0), event(256)]).len());
    assert!(one < 256 * 3 + task.len() + 16, "{one}");
    assert!(two - one < 256 * 3 + 24, "{two}");
}

#[test]
fn an_unusual_time_order_is_kept() {
    let at = |seconds| Timed {
        at: Duration::from_secs(seconds),
        event: RunEvent::TaskEnded { task: "a".into(), state: TaskState::Skipped },
    };
    let written = vec![at(5), at(3), at(u64::MAX), at(0)];
    assert_eq!(events(&chunk(&written)), Ok(written));
}

#[test]
fn an_attachment_is_no_event_and_the_other_way_round() {
    let (mut writer, mut bytes) = (ChunkWriter::default(), Vec::new());
    writer.start(&mut bytes);
    let line = Attachment::Log { source: LogSource::Stderr, line: "hello".into() };
    writer.attachment(Duration::ZERO, &"a".into(), 0, &line, &mut bytes);
    assert!(events(&bytes).is_err());
    assert!(attachments(&chunk(&sample())).is_err());
}
