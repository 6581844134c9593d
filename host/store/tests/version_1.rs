//! A store of version 1, as it was when there was no other, stays readable and can be gone on with.

use std::sync::Arc;
use std::time::Duration;

use taskhost_model::event::LogLevel;
use taskhost_model::seams::Journal;
use taskhost_model::{
    Attachment, Digest, FlowRunEnding, LogSource, RunEvent, TaskFailure, TaskState, Usage, Value, ValueType,
};
use taskhost_store::{CacheEntry, RecordedComponent, RecordedFile, RecordedParameter, RunRecord, RunState, Store};

mod support;
use support::{Scratch, at, ended, events, id, numbers, record, started, succeeded, task_over};

/// Made by [`fill`] and `VACUUM INTO`, with small pages.
const STORED: &[u8] = include_bytes!("version-1.sqlite");

fn written() -> Vec<taskhost_model::event::Timed<RunEvent>> {
    let (clean, sum): (Arc<str>, Arc<str>) = ("months[3]/clean".into(), "sum".into());
    let failure = TaskFailure::Returned("too cold".into());
    let usage = Usage { cpu_time: Duration::from_millis(2), ..Usage::default() };
    let retried = RunEvent::RunRetried {
        task: clean.clone(),
        index: 1,
        attempt: 1,
        failure: failure.clone(),
        usage,
        delay: Duration::from_secs(1),
    };
    vec![
        at(1, started(&clean, 2)),
        at(2, retried),
        at(3, ended(&clean, 0, vec![numbers(1, 3), Value::err(Some(Value::string("too cold")))])),
        at(4, task_over(&clean, TaskState::Succeeded)),
        at(5, RunEvent::TaskRefused { task: sum.clone(), failure }),
        at(6, task_over(&sum, TaskState::Failed)),
        at(7, RunEvent::FlowRunEnded(FlowRunEnding::Failed(vec![sum]))),
    ]
}

fn whole_record() -> RunRecord {
    RunRecord {
        labels: vec!["nightly".into()],
        file: "flow.toml".into(),
        files: vec![RecordedFile { path: "flow.toml".into(), text: "name = \"months\"".into() }],
        components: vec![RecordedComponent { name: "n".into(), path: "n.wasm".into(), digest: Digest::of(b"n") }],
        parameters: vec![RecordedParameter { name: "stop".into(), ty: ValueType::U32, value: Value::U32(5) }],
        options: serde_json::json!({ "runner": "threads" }),
        taskhost: "0.1.0".into(),
        result_types: vec![("months[*]/clean".into(), ValueType::list(ValueType::U32))],
        ..record(1, "months")
    }
}

fn line() -> Attachment {
    Attachment::Log { source: LogSource::Log(LogLevel::Info), line: "hello".into() }
}

/// What the stored file holds. The run is left without an end.
fn fill(store: &Store) {
    let journal = store.create(whole_record(), || {}).expect("a run");
    journal.attach(&"sum".into(), 0, &line());
    let progress = Attachment::Progress { done: 1, total: 2, message: "half".into() };
    journal.attach(&"months[3]/clean".into(), 1, &progress);
    for event in &written()[..6] {
        journal.append(event.clone()).expect("appended");
    }
    let (run, component) = (id(1), Digest::of(b"n"));
    let entry = CacheEntry { identity: [7; 32], value: Value::U32(7), run, component, function: "f".into() };
    store.cache().put(entry).expect("put");
    store.flush().expect("durable");
}

fn check(store: &Store) {
    assert_eq!(events(store, id(1)), written()[..6]);
    assert_eq!(store.record(id(1)), Ok(whole_record()));
    let run = store.run(id(1)).expect("a run");
    assert_eq!((run.state, run.runs_ended, run.retries), (RunState::Interrupted, 2, 1));
    let tasks = store.tasks(id(1)).expect("tasks");
    let paths: Vec<(&str, Option<TaskState>)> = tasks.iter().map(|task| (&*task.path, task.state.clone())).collect();
    assert_eq!(paths, [("months[*]/clean", Some(TaskState::Succeeded)), ("sum", Some(TaskState::Failed))]);
    assert_eq!(tasks[0].progress.as_ref().map(|progress| progress.message.as_str()), Some("half"));
    assert_eq!(tasks[1].failures.len(), 1);
    let log = store.logs(id(1), None, 0).expect("lines");
    assert_eq!(log.lines.iter().map(|line| line.line.as_str()).collect::<Vec<_>>(), ["hello"]);
    assert_eq!(store.cache().get(&[7; 32], None), Ok(Some(Value::U32(7))));
}

#[test]
fn a_stored_file_of_version_1_stays_readable_and_is_gone_on_with() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.0.join("runs")).expect("a folder");
    std::fs::write(scratch.file(), STORED).expect("written");
    let reading = Store::open_for_reading(&scratch.0).expect("readable");
    check(&reading);
    assert_eq!(reading.cache().size().expect("a size").entries, 1);
    let store = scratch.open();
    check(&store);
    let journal = store.claim(id(1), || {}).expect("claimed");
    assert_eq!(journal.resumed_at(), Duration::from_millis(6));
    journal.append(at(9, succeeded())).expect("appended");
    journal.flush().expect("durable");
    assert_eq!(store.run(id(1)).expect("a run").state, RunState::Succeeded);
}

#[test]
fn a_store_of_today_holds_the_same() {
    let scratch = Scratch::new();
    fill(&scratch.open());
    check(&scratch.open());
}
