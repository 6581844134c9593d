//! Arbitrary events of flow runs, and what running tasks say.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::typed_value;
use crate::event::{Attachment, FlowRunEnding, LogLevel, LogSource, Origin, RunEvent, TakenBack, TaskState, Timed};
use crate::powers::Refusal;
use crate::task_run::{Limit, TaskFailure, Usage};
use crate::value::Value;

/// Events of one flow run, legal or not, at any times.
pub fn timed_events() -> impl Strategy<Value = Vec<Timed<RunEvent>>> {
    vec((duration(), run_event()).prop_map(|(at, event)| Timed { at, event }), 0..8)
}

/// An event.
pub fn run_event() -> impl Strategy<Value = RunEvent> {
    prop_oneof![
        (path(), any::<u32>()).prop_map(|(task, runs)| RunEvent::TaskStarted { task, runs }),
        (path(), task_failure()).prop_map(|(task, failure)| RunEvent::TaskRefused { task, failure }),
        task_runs_ended(),
        (path(), any::<u32>(), any::<u32>(), task_failure(), usage(), duration()).prop_map(
            |(task, index, attempt, failure, usage, delay)| RunEvent::RunRetried {
                task,
                index,
                attempt,
                failure,
                usage,
                delay
            }
        ),
        (path(), task_state()).prop_map(|(task, state)| RunEvent::TaskEnded { task, state }),
        ending().prop_map(RunEvent::FlowRunEnded),
        vec(taken_back(), 0..3).prop_map(|taken_back| RunEvent::FlowRunResumed { taken_back }),
    ]
}

fn taken_back() -> impl Strategy<Value = TakenBack> {
    (path(), any::<bool>(), any::<[u32; 4]>()).prop_map(|(task, starts_anew, [runs, ended, failed, cached])| {
        TakenBack { task, starts_anew, runs, ended, failed, cached }
    })
}

fn task_runs_ended() -> impl Strategy<Value = RunEvent> {
    let head = (path(), any::<u32>(), any::<u32>(), usage());
    let failures = vec((any::<u32>(), task_failure()), 0..3);
    let origin = select(vec![Origin::Run, Origin::Cache, Origin::Journal]);
    (head, failures, vec(refusal(), 0..3), values(), origin).prop_map(
        |((task, first, count, usage), failures, refusals, results, origin)| RunEvent::TaskRunsEnded {
            task,
            first,
            count,
            usage,
            failures,
            refusals,
            results,
            origin,
        },
    )
}

/// Few different paths, so that some meet.
fn path() -> impl Strategy<Value = Arc<str>> {
    "[a-c](\\[[0-9]\\]/[a-b])?".prop_map(Arc::from)
}

fn values() -> impl Strategy<Value = Vec<Option<Value>>> {
    vec(option::of(typed_value().prop_map(|(_, value)| value)), 0..4)
}

fn ending() -> impl Strategy<Value = FlowRunEnding> {
    prop_oneof![
        values().prop_map(FlowRunEnding::Succeeded),
        vec(path(), 0..3).prop_map(FlowRunEnding::Failed),
        Just(FlowRunEnding::Cancelled),
    ]
}

/// How a task ended.
pub fn task_state() -> impl Strategy<Value = TaskState> {
    prop_oneof![
        select(vec![TaskState::Succeeded, TaskState::Failed, TaskState::Skipped, TaskState::Cancelled]),
        path().prop_map(TaskState::NotRun),
    ]
}

/// A failure of any kind.
pub fn task_failure() -> impl Strategy<Value = TaskFailure> {
    prop_oneof![
        any::<String>().prop_map(TaskFailure::Returned),
        any::<(String, String)>().prop_map(|(message, backtrace)| TaskFailure::Trapped { message, backtrace }),
        any::<i32>().prop_map(TaskFailure::Exited),
        limit().prop_map(TaskFailure::LimitReached),
        any::<String>().prop_map(TaskFailure::Lost),
        any::<String>().prop_map(TaskFailure::Unusable),
        any::<String>().prop_map(TaskFailure::Ungrantable),
        any::<String>().prop_map(TaskFailure::BadArguments),
        any::<String>().prop_map(TaskFailure::Withheld),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![
        any::<u64>().prop_map(Limit::Memory),
        duration().prop_map(Limit::Cpu),
        duration().prop_map(Limit::Timeout),
        any::<u64>().prop_map(Limit::Output),
        any::<u64>().prop_map(Limit::Result),
        any::<u64>().prop_map(Limit::Blobs),
        any::<u32>().prop_map(Limit::LogLines),
        any::<u32>().prop_map(Limit::Files),
        any::<u32>().prop_map(Limit::Sockets),
        any::<u32>().prop_map(Limit::Handles),
    ]
}

fn refusal() -> impl Strategy<Value = Refusal> {
    any::<(String, String)>().prop_map(|(attempt, grant)| Refusal { attempt, grant })
}

/// What some task runs used.
pub fn usage() -> impl Strategy<Value = Usage> {
    (duration(), duration(), any::<[u64; 5]>()).prop_map(|(wall_time, cpu_time, numbers)| Usage {
        wall_time,
        cpu_time,
        memory_bytes_peak: numbers[0],
        output_bytes: numbers[1],
        bytes_in: numbers[2],
        bytes_out: numbers[3],
        host_calls: numbers[4],
    })
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        6 => any::<u32>().prop_map(|nanos| Duration::from_nanos(nanos.into())),
        2 => any::<Duration>(),
        1 => select(vec![Duration::ZERO, Duration::MAX, Duration::from_nanos(u64::MAX)]),
    ]
}

/// What a running task says.
pub fn attachment() -> impl Strategy<Value = Attachment> {
    let source = select(vec![
        LogSource::Stdout,
        LogSource::Stderr,
        LogSource::Log(LogLevel::Trace),
        LogSource::Log(LogLevel::Debug),
        LogSource::Log(LogLevel::Info),
        LogSource::Log(LogLevel::Warn),
        LogSource::Log(LogLevel::Error),
    ]);
    prop_oneof![
        (source, any::<String>()).prop_map(|(source, line)| Attachment::Log { source, line }),
        any::<(u32, u32, String)>().prop_map(|(done, total, message)| Attachment::Progress { done, total, message }),
    ]
}
