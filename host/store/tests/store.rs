//! What a store keeps, it gives back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use taskhost_model::event::LogLevel;
use taskhost_model::seams::Journal;
use taskhost_model::task_pattern::TaskPattern;
use taskhost_model::{
    Attachment, Digest, FlowRunEnding, LogSource, Origin, RunEvent, TaskFailure, TaskState, Usage, Value, ValueType,
};
use taskhost_store::{
    CacheEntry, LOG_LINES_MAX, LastProgress, RecordedComponent, RecordedFile, RecordedParameter, Retention, RunFilter,
    RunRecord, RunState, StoreError,
};

mod support;
use support::{Scratch, at, ended, events, id, numbers, record, started, succeeded, task_over, wait_for};

#[test]
fn events_come_back_in_order_also_from_a_store_opened_anew() {
    let scratch = Scratch::new();
    let task: Arc<str> = "squares".into();
    let mut written = vec![at(0, started("squares", 2_000))];
    for first in 0..2_000 {
        // A value of 4 KiB and more now and then: it is kept elsewhere.
        let value = if first % 100 == 0 { numbers(first, 2_000) } else { Value::U32(first) };
        written.push(at(first.into(), ended(&task, first, vec![value])));
    }
    written.push(at(2_000, task_over("squares", TaskState::Succeeded)));
    written.push(at(2_001, succeeded()));
    let store = scratch.open();
    let journal = store.create(record(1, "numbers"), || {}).expect("a run");
    for event in &written {
        journal.append(event.clone()).expect("appended");
    }
    journal.flush().expect("durable");
    assert_eq!(events(&store, id(1)), written);
    assert_eq!(store.artifacts().sizes().expect("sizes").count, 20);
    drop((journal, store));
    let store = scratch.open();
    assert_eq!(events(&store, id(1)), written);
    let outputs = vec![Some(Value::U32(7)), None];
    assert_eq!(store.ending(id(1)), Ok(Some(FlowRunEnding::Succeeded(outputs))));
    let lean: Vec<_> =
        store.events(id(1)).expect("a run").without_results().collect::<Result<_, _>>().expect("readable");
    assert_eq!(lean.len(), written.len());
    assert!(matches!(&lean[1].event, RunEvent::TaskRunsEnded { results, count: 1, .. } if results.is_empty()));
}

#[test]
fn the_record_of_a_run_comes_back() {
    let scratch = Scratch::new();
    let rows: ValueType = "list<record { id: u32, name: string }>".parse().expect("a type");
    let record = RunRecord {
        labels: vec!["nightly".into()],
        file: "flows/flow.toml".into(),
        files: vec![
            RecordedFile { path: "flow.toml".into(), text: "name = \"x\"".into() },
            RecordedFile { path: "inner.toml".into(), text: "# long\n".repeat(10_000) },
        ],
        components: vec![RecordedComponent { name: "n".into(), path: "n.wasm".into(), digest: Digest::of(b"n") }],
        parameters: vec![
            RecordedParameter { name: "stop".into(), ty: ValueType::U32, value: Value::U32(5) },
            RecordedParameter { name: "csv".into(), ty: ValueType::list(ValueType::U32), value: numbers(0, 100_000) },
        ],
        from: Some(id(3)),
        options: serde_json::json!({ "runner": "threads", "workers": 4 }),
        taskhost: "0.1.0".into(),
        result_types: vec![("months[*]/clean".into(), rows)],
        ..record(1, "x")
    };
    let store = scratch.open();
    let journal = store.create(record.clone(), || {}).expect("a run");
    assert_eq!(store.record(id(1)).expect("the record"), record);
    assert_eq!(store.artifacts().sizes().expect("sizes").count, 2, "the long text and the long list");
    drop(journal);
    assert_eq!(store.record(id(2)), Err(StoreError::UnknownRun(id(2).to_string())));
}

#[test]
fn summaries_tell_what_the_events_add_up_to() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let journal = store.create(record(1, "x"), || {}).expect("a run");
    let (a, b): (Arc<str>, Arc<str>) = ("months[0]/a".into(), "months[1]/a".into());
    let usage = Usage { cpu_time: Duration::from_millis(2), ..Usage::default() };
    let failure = TaskFailure::Returned("too cold".into());
    let append = |milliseconds, event| journal.append(at(milliseconds, event)).expect("appended");
    append(1, started(&a, 3));
    append(
        2,
        RunEvent::RunRetried {
            task: a.clone(),
            index: 0,
            attempt: 1,
            failure: failure.clone(),
            usage,
            delay: Duration::ZERO,
        },
    );
    append(3, ended(&a, 0, vec![Value::U32(1), Value::U32(2)]));
    append(
        4,
        RunEvent::TaskRunsEnded {
            task: a.clone(),
            first: 2,
            count: 1,
            usage,
            failures: vec![(2, failure.clone())],
            refusals: vec![],
            results: vec![None],
            origin: Origin::Cache,
        },
    );
    append(5, task_over(&a, TaskState::Failed));
    append(6, started(&b, 1));
    append(7, task_over(&b, TaskState::NotRun("x".into())));
    journal.attach(&b, 3, &Attachment::Progress { done: 1, total: 2, message: "half".into() });
    append(8, RunEvent::FlowRunEnded(FlowRunEnding::Failed(vec![a])));
    journal.flush().expect("durable");

    let run = store.run(id(1)).expect("a run");
    assert_eq!((run.state, run.flow.as_str(), run.elapsed), (RunState::Failed, "x", Duration::from_millis(8)));
    assert_eq!((run.runs, run.runs_ended, run.runs_failed, run.runs_cached, run.retries), (4, 3, 1, 1, 1));
    assert_eq!(run.usage.cpu_time, Duration::from_millis(4));
    assert_eq!(run.failure.as_deref(), Some("`months[0]/a` returned an error: too cold"));
    assert!(run.ended.is_some());
    let tasks = store.tasks(id(1)).expect("tasks");
    let [task] = &tasks[..] else { panic!("they share a line: {tasks:?}") };
    assert_eq!((&*task.path, task.state.clone()), ("months[*]/a", Some(TaskState::Failed)));
    assert_eq!((task.tasks, task.tasks_ended, task.runs, task.runs_ended, task.retries), (2, 2, 4, 3, 1));
    assert_eq!((task.started_at, task.ended_at), (Some(Duration::from_millis(1)), Some(Duration::from_millis(7))));
    assert_eq!((task.failures[0].index, &task.failures[0].failure), (Some(2), &failure));
    assert_eq!(task.progress, Some(LastProgress { index: 3, done: 1, total: 2, message: "half".into() }));
}

#[test]
fn runs_are_listed_newest_first_by_state_flow_time_and_number() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut alive = Vec::new();
    for number in 0..6 {
        let journal = store.create(record(number, if number < 4 { "even" } else { "odd" }), || {}).expect("a run");
        let ending = match number {
            0 => FlowRunEnding::Succeeded(vec![]),
            1 => FlowRunEnding::Failed(vec![]),
            2 => FlowRunEnding::Cancelled,
            5 => {
                alive.push(journal);
                continue;
            }
            _ => continue,
        };
        journal.append(at(1, RunEvent::FlowRunEnded(ending))).expect("appended");
    }
    store.flush().expect("durable");
    let list = |filter: RunFilter| -> Vec<_> {
        store.runs(&filter).expect("runs").iter().map(|run| (run.id, run.state)).collect()
    };
    let states = [
        RunState::Running,
        RunState::Interrupted,
        RunState::Interrupted,
        RunState::Cancelled,
        RunState::Failed,
        RunState::Succeeded,
    ];
    let all: Vec<_> = (0..6).rev().map(id).zip(states).collect();
    assert_eq!(list(RunFilter::default()), all);
    assert_eq!(list(RunFilter { limit: Some(2), ..RunFilter::default() }), all[..2]);
    assert_eq!(list(RunFilter { flow: Some("odd".into()), ..RunFilter::default() }), all[..2]);
    assert_eq!(list(RunFilter { since: Some(1_790_000_000_003), ..RunFilter::default() }), all[..3]);
    assert_eq!(list(RunFilter { state: Some(RunState::Interrupted), ..RunFilter::default() }), all[1..3]);
    assert_eq!(list(RunFilter { state: Some(RunState::Running), ..RunFilter::default() }), all[..1]);
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_id() {
    let scratch = Scratch::new();
    let store = scratch.open();
    for number in [1, 2] {
        store.create(record(number, "x"), || {}).expect("a run");
    }
    let text = id(1).to_string();
    assert_eq!(store.find(&text), Ok(id(1)));
    assert_eq!(store.find(&text.to_uppercase()), Ok(id(1)));
    let common = (0..16).rev().find(|at| id(2).to_string().starts_with(&text[..*at])).expect("they share some");
    assert_eq!(store.find(&text[..=common]), Ok(id(1)));
    let several = StoreError::SeveralRuns { part: text[..common].into(), ids: vec![id(2), id(1)] };
    assert_eq!(store.find(&text[..common]), Err(several.clone()));
    assert!(several.help().expect("help").contains(&text));
    // Ids of one day begin alike: their ends tell them apart.
    assert_eq!(store.find(&text[10..]), Ok(id(1)));
    assert_eq!(store.find(&id(2).to_string()[12..]), Ok(id(2)));
    for unknown in ["", "*", "zzz", "%", "' OR 1=1", "ß"] {
        assert_eq!(store.find(unknown), Err(StoreError::UnknownRun(unknown.into())));
    }
}

#[test]
fn lines_of_the_log_are_kept_by_task_up_to_a_limit() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let journal = store.create(record(1, "x"), || {}).expect("a run");
    let line = |line: &str| Attachment::Log { source: LogSource::Log(LogLevel::Warn), line: line.into() };
    let (a, b): (Arc<str>, Arc<str>) = ("months[0]/a".into(), "b".into());
    journal.attach(&a, 7, &line("hello"));
    journal.flush().expect("durable");
    journal.attach(&b, 0, &line("other"));
    journal.flush().expect("durable");
    let all = store.logs(id(1), None, 0).expect("lines");
    assert_eq!(
        all.lines.iter().map(|line| (line.position, line.line.as_str(), line.index)).collect::<Vec<_>>(),
        [(1, "hello", 7), (2, "other", 0)]
    );
    assert_eq!(all.lines[0].source, LogSource::Log(LogLevel::Warn));
    for (pattern, count) in [("months[*]/a", 1), ("months[1]/a", 0), ("months[0]/a[7]", 1), ("a[6]", 0), ("months", 1)]
    {
        let tasks = TaskPattern::parse(pattern);
        assert_eq!(store.logs(id(1), tasks.as_ref(), 0).expect("lines").lines.len(), count, "{pattern}");
    }
    assert_eq!(store.logs(id(1), None, 1).expect("lines").lines.len(), 1);
    let end = store.logs(id(1), None, 2).expect("lines");
    assert_eq!((end.lines.len(), end.position), (0, 2));

    for number in 2..LOG_LINES_MAX + 50 {
        journal.attach(&b, 0, &line(&number.to_string()));
    }
    journal.append(at(1, succeeded())).expect("appended");
    journal.flush().expect("durable");
    let (mut position, mut count) = (0, 0);
    loop {
        let some = store.logs(id(1), None, position).expect("lines");
        if some.position == position {
            assert_eq!(some.left_out, 50);
            break;
        }
        count += some.lines.len() as u64;
        position = some.position;
    }
    assert_eq!((count, position), (LOG_LINES_MAX, LOG_LINES_MAX));
    let run = store.run(id(1)).expect("a run");
    assert_eq!((run.log_lines, run.log_lines_left_out), (LOG_LINES_MAX, 50));
}

#[test]
fn a_claimed_run_goes_on_where_it_was() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let journal = store.create(record(1, "x"), || {}).expect("a run");
    let task: Arc<str> = "t".into();
    journal.append(at(5, started("t", 2))).expect("appended");
    journal.append(at(9, ended(&task, 0, vec![Value::U32(1)]))).expect("appended");
    assert_eq!(store.claim(id(1), || {}).err(), Some(StoreError::Running(id(1))));
    drop(journal);
    wait_for("it is let go", || store.run(id(1)).expect("a run").state == RunState::Interrupted);
    let journal = store.claim(id(1), || {}).expect("claimed");
    assert_eq!(journal.resumed_at(), Duration::from_millis(9));
    journal.append(at(12, ended(&task, 1, vec![Value::U32(2)]))).expect("appended");
    journal.append(at(13, task_over("t", TaskState::Succeeded))).expect("appended");
    journal.append(at(14, succeeded())).expect("appended");
    journal.flush().expect("durable");
    drop(journal);
    assert_eq!(events(&store, id(1)).len(), 5);
    let (run, tasks) = (store.run(id(1)).expect("a run"), store.tasks(id(1)).expect("tasks"));
    assert_eq!((run.state, run.resumed, run.runs, run.runs_ended), (RunState::Succeeded, 1, 2, 2));
    assert_eq!((tasks.len(), tasks[0].tasks, tasks[0].runs_ended), (1, 1, 2));
    store.flush().expect("closed");
    assert_eq!(store.claim(id(1), || {}).err(), Some(StoreError::Succeeded(id(1))));
    assert_eq!(store.claim(id(9), || {}).err(), Some(StoreError::UnknownRun(id(9).to_string())));
}

#[test]
fn each_request_to_cancel_is_noticed_once() {
    let scratch = Scratch::new();
    let (owner, other) = (scratch.open(), scratch.open());
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let journal = owner
        .create(record(1, "x"), move || {
            counter.fetch_add(1, Ordering::SeqCst);
        })
        .expect("a run");
    assert_eq!(other.request_cancel(id(1)), Ok(1));
    wait_for("it is noticed", || asked.load(Ordering::SeqCst) == 1);
    assert_eq!(owner.request_cancel(id(1)), Ok(2));
    wait_for("it is noticed", || asked.load(Ordering::SeqCst) == 2);
    journal.append(at(1, RunEvent::FlowRunEnded(FlowRunEnding::Cancelled))).expect("appended");
    drop(journal);
    owner.flush().expect("closed");
    assert_eq!(other.request_cancel(id(1)), Err(StoreError::NotRunning(id(1))));
    assert_eq!(other.request_cancel(id(2)), Err(StoreError::UnknownRun(id(2).to_string())));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn deleted_runs_and_what_only_they_needed_are_gone() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let task: Arc<str> = "t".into();
    for number in 0..4 {
        let journal = store.create(record(number, "x"), || {}).expect("a run");
        journal.append(at(1, ended(&task, 0, vec![numbers(0, 5_000), numbers(number, 5_000)]))).expect("appended");
    }
    let alive = store.create(record(7, "x"), || {}).expect("a run");
    store.flush().expect("durable");
    assert_eq!(store.artifacts().sizes().expect("sizes").count, 4, "what several use is there once");
    assert_eq!(store.delete(&[id(0), id(7)]), Err(StoreError::Running(id(7))));
    assert_eq!(store.delete(&[id(0), id(9)]), Err(StoreError::UnknownRun(id(9).to_string())));
    assert_eq!(store.runs(&RunFilter::default()).expect("runs").len(), 5, "all or nothing");

    store.delete(&[id(3), id(3)]).expect("deleted");
    assert_eq!(store.collect_artifacts(Duration::from_secs(600)).expect("collected").files, 0, "too young");
    assert_eq!(store.collect_artifacts(Duration::ZERO).expect("collected").files, 1);
    assert_eq!(events(&store, id(1)).len(), 1);

    let kept = Retention { runs_max: Some(2), age_max: None };
    assert_eq!(store.retain(&kept).expect("retained"), [id(1), id(0)]);
    let old = Retention { runs_max: None, age_max: Some(Duration::ZERO) };
    // Those that are of the future, as far as this clock knows, are not old.
    let deleted = store.retain(&old).expect("retained");
    assert!(!deleted.contains(&id(7)));
    drop(alive);
}

#[test]
fn a_damaged_or_missing_value_is_told_and_its_neighbours_are_read() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let task: Arc<str> = "t".into();
    let journal = store.create(record(1, "x"), || {}).expect("a run");
    journal.append(at(1, ended(&task, 0, vec![Value::U32(1)]))).expect("appended");
    journal.append(at(2, ended(&task, 1, vec![numbers(0, 5_000)]))).expect("appended");
    journal.flush().expect("durable");
    let folder =
        std::fs::read_dir(store.artifacts().folder()).expect("a folder").next().expect("one").expect("one").path();
    let path = std::fs::read_dir(folder).expect("a folder").next().expect("one").expect("one").path();
    let mut bytes = std::fs::read(&path).expect("a value");
    bytes[100] ^= 1;
    std::fs::write(&path, &bytes).expect("damaged");
    let read: Vec<_> = store.events(id(1)).expect("a run").collect();
    assert!(read[0].is_ok());
    assert_eq!(read[1], Err(StoreError::ArtifactDamaged(path.clone())));
    assert_eq!(read.len(), 2);
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(store.events(id(1)).expect("a run").nth(1), Some(Err(StoreError::ArtifactMissing(path))));
    assert_eq!(store.events(id(1)).expect("a run").without_results().filter(Result::is_ok).count(), 2);
}

#[test]
fn cached_results_are_found_until_they_are_too_old_or_cleared() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let cache = store.cache();
    let entry = |byte, value| CacheEntry {
        identity: [byte; 32],
        value,
        run: id(1),
        component: Digest::of(b"c"),
        function: "f".into(),
    };
    cache.put(entry(1, Value::ok(Some(Value::U32(5))))).expect("put");
    cache.put(entry(2, numbers(0, 5_000))).expect("put");
    store.flush().expect("written");
    assert_eq!(cache.get(&[1; 32], None), Ok(Some(Value::ok(Some(Value::U32(5))))));
    assert_eq!(cache.get(&[2; 32], Some(Duration::from_secs(3600))), Ok(Some(numbers(0, 5_000))));
    assert_eq!(cache.get(&[3; 32], None), Ok(None));
    let size = cache.size().expect("a size");
    assert!(size.entries == 2 && size.bytes > 20_000, "{size:?}");
    // What the cache needs is not collected; a value that is gone is one that is not cached.
    assert_eq!(store.collect_artifacts(Duration::ZERO).expect("collected").files, 0);
    std::fs::remove_dir_all(store.artifacts().folder()).expect("removed");
    assert_eq!(cache.get(&[2; 32], None), Ok(None));
    cache.put(entry(1, Value::U32(6))).expect("replaced");
    store.flush().expect("written");
    assert_eq!(cache.get(&[1; 32], None), Ok(Some(Value::U32(6))));
    wait_for("it is older than nothing", || cache.get(&[1; 32], Some(Duration::ZERO)) == Ok(None));
    assert_eq!(cache.clear().expect("cleared").entries, 2);
    assert_eq!(cache.get(&[1; 32], None), Ok(None));
}
