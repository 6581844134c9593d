//! Flow runs with a journal: what is written, what happens when it cannot be, and how one goes on from it.

mod support;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::{flow, map_over, numbers, output, plan, result_of, subflow_task, task};
use taskhost_engine::{FlowRun, FlowRunOptions, FlowRunReport, Pool, PoolOptions, Replay, start_flow_run};
use taskhost_flow::Plan;
use taskhost_flow::flow::{Flow, Input, Reference, RunnerChoice};
use taskhost_model::event::{TakenBack, Timed};
use taskhost_model::seams::{Executor, Journal, JournalError, NoObserver, PreparedTask, RunScope, Runner, Started};
use taskhost_model::{
    Attachment, Ending, FlowRunEnding, FlowRunId, List, Origin, Retry, RunEvent, TaskCall, TaskFailure, TaskRunOutcome,
    TaskRunRequest, TaskState, Usage, Value, ValueType,
};

const LONG: Duration = Duration::from_secs(60);

type Run = dyn Fn(&TaskRunRequest, u32) -> Ending + Send + Sync;

struct Closure(Arc<Run>);

impl Executor for Closure {
    fn prepare(&self, _call: &Arc<TaskCall>) -> Result<Arc<dyn PreparedTask>, TaskFailure> {
        Ok(Arc::new(Closure(Arc::clone(&self.0))))
    }
}

impl PreparedTask for Closure {
    fn start(&self, request: &Arc<TaskRunRequest>, index: u32, _scope: &RunScope) -> Started {
        let usage = Usage { host_calls: 1, ..Usage::default() };
        Started::Ended(TaskRunOutcome { usage, ..TaskRunOutcome::without_usage((self.0)(request, index)) })
    }
}

fn ok(index: u32) -> Ending {
    Ending::Returned(Value::ok(Some(Value::U32(index))))
}

/// A journal in memory, which may be full.
#[derive(Default)]
struct Memory {
    events: Mutex<Vec<Timed<RunEvent>>>,
    room: Option<usize>,
    flushes: AtomicU32,
}

impl Journal for Memory {
    fn append(&self, event: Timed<RunEvent>) -> Result<(), JournalError> {
        let mut events = self.events.lock().expect("no panic");
        if self.room.is_some_and(|room| events.len() >= room) {
            return Err(JournalError { message: "the disk is full".to_owned(), help: None });
        }
        events.push(event);
        Ok(())
    }

    fn attach(&self, _task: &Arc<str>, _index: u32, _attachment: &Attachment) {}

    fn flush(&self) -> Result<(), JournalError> {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Memory {
    fn events(&self) -> Vec<Timed<RunEvent>> {
        self.events.lock().expect("no panic").clone()
    }
}

fn replay(events: &[Timed<RunEvent>]) -> Replay {
    let mut replay = Replay::new();
    events.iter().for_each(|event| replay.add(event.clone()).expect("a legal event"));
    replay
}

fn start(
    plan: &Plan,
    workers: usize,
    options: FlowRunOptions,
    run: impl Fn(&TaskRunRequest, u32) -> Ending + Send + Sync + 'static,
) -> FlowRun {
    let pool = Pool::new(Arc::new(Closure(Arc::new(run))), PoolOptions::new(workers, 64)).expect("threads");
    let runners = Arc::new(move |_: Option<RunnerChoice>| Arc::clone(&pool) as Arc<dyn Runner>);
    start_flow_run(plan, FlowRunId::new(5, 5), runners, options)
}

fn options() -> FlowRunOptions {
    FlowRunOptions::new(Arc::new(NoObserver))
}

fn end(flow_run: &FlowRun) -> FlowRunReport {
    flow_run.wait_timeout(LONG).expect("the flow run ends")
}

/// Two tasks of which one is tried again, a map and a subflow.
fn everything() -> Flow {
    let mut inner = flow(&[("c", &[])]);
    output(&mut inner, "value", result_of(0));
    let mut flow = flow(&[("a", &[]), ("b", &["a"]), ("m", &[])]);
    flow.tasks.push(subflow_task("sub", inner));
    map_over(&mut flow.tasks[2], numbers(1000));
    flow.tasks[1].retry = Retry { attempts: 3, delay: Duration::from_millis(1), ..Retry::NEVER };
    output(&mut flow, "b", result_of(1));
    output(&mut flow, "m", result_of(2));
    flow
}

/// `b` fails twice.
fn carried_out(request: &TaskRunRequest, index: u32) -> Ending {
    match &*request.task {
        "b" if request.attempt < 3 => Ending::Failed(TaskFailure::Exited(request.attempt as i32)),
        _ => ok(index),
    }
}

fn outputs() -> FlowRunEnding {
    let all = Value::List(List::from_values(&ValueType::U32, (0..1000).map(Value::U32)));
    FlowRunEnding::Succeeded(vec![Some(Value::U32(0)), Some(all)])
}

#[test]
fn a_journal_gets_every_event_with_results_and_is_durable_when_the_report_is_given() {
    let journal = Arc::new(Memory::default());
    let plan = plan(everything());
    let report = end(&start(&plan, 2, options().journal(Arc::clone(&journal) as _), carried_out));
    assert_eq!((report.ending, report.journal_error), (outputs(), None));
    assert_eq!(journal.flushes.load(Ordering::Relaxed), 1);
    let events = journal.events();
    assert!(events.is_sorted_by_key(|event| event.at));
    assert!(matches!(events.last().map(|event| &event.event), Some(RunEvent::FlowRunEnded(_))));
    let results: usize = events
        .iter()
        .map(|event| match &event.event {
            RunEvent::TaskRunsEnded { results, .. } => results.iter().flatten().count(),
            _ => 0,
        })
        .sum();
    assert_eq!(results, 1003, "one for each task run but that of the subflow");
    let b = report.tasks.iter().find(|task| &*task.path == "b").expect("a task");
    assert_eq!((b.retries, b.runs_ended, b.runs_failed, b.usage.host_calls), (2, 1, 0, 3));
}

#[test]
fn without_a_journal_no_results_are_kept_for_it() {
    struct NoResults;
    impl taskhost_model::seams::Observer for NoResults {
        fn event(&self, event: &Timed<RunEvent>) {
            if let RunEvent::TaskRunsEnded { results, .. } = &event.event {
                assert!(results.is_empty());
            }
        }
        fn attachment(&self, _task: &Arc<str>, _index: u32, _attachment: &Attachment) {}
    }
    let flow_run = start(&plan(everything()), 1, FlowRunOptions::new(Arc::new(NoResults)), carried_out);
    assert_eq!(end(&flow_run).ending, outputs());
}

#[test]
fn a_flow_run_goes_on_after_any_event_and_runs_nothing_that_was_over() {
    let plan = plan(everything());
    let journal = Arc::new(Memory::default());
    end(&start(&plan, 2, options().journal(Arc::clone(&journal) as _), carried_out));
    let events = journal.events();
    for length in 0..=events.len() {
        let known = Arc::new(replay(&events[..length]));
        let before = known.elapsed();
        let journal = Arc::new(Memory { events: Mutex::new(events[..length].to_vec()), ..Memory::default() });
        let options = options().journal(Arc::clone(&journal) as _).replay(replay(&events[..length]));
        let report = end(&start(&plan, 2, options, move |request, index| {
            assert!(!known.knows(&request.task, index, request.attempt), "{} {index} again", request.task);
            carried_out(request, index)
        }));
        assert_eq!(report.ending, outputs(), "after {length} events");
        assert!(report.wall_time >= before, "time goes on");
        assert_eq!(report.usage.host_calls, 1005, "what was used before counts");
        let all = journal.events();
        assert_eq!(replay(&all).ending(), Some(&outputs()), "the journal goes on as one");
        assert!(
            all.iter().all(|event| !matches!(event.event, RunEvent::TaskRunsEnded { origin: Origin::Journal, .. }))
        );
    }
}

#[test]
fn a_journal_that_cannot_be_written_stops_the_flow_run_and_is_told() {
    let mut flow = Flow::unchecked("chain");
    for at in 0..1000_usize {
        let mut next = task(&format!("t{at}"));
        next.after = at.checked_sub(1).into_iter().collect();
        flow.tasks.push(next);
    }
    let journal = Arc::new(Memory { room: Some(10), ..Memory::default() });
    let started = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&started);
    let flow_run = start(&plan(flow), 1, options().journal(Arc::clone(&journal) as _), move |_, index| {
        count.fetch_add(1, Ordering::Relaxed);
        ok(index)
    });
    let report = end(&flow_run);
    assert_eq!(report.ending, FlowRunEnding::Cancelled);
    assert_eq!(report.journal_error.map(|error| error.message).as_deref(), Some("the disk is full"));
    assert!(started.load(Ordering::Relaxed) < 10 && journal.events().len() == 10);
}

/// A flow run of `plan` that failed, and goes on; gives its report and the runs that were carried out again.
fn resumed_after_failure(
    plan: &Plan,
    first: impl Fn(&TaskRunRequest, u32) -> Ending + Send + Sync + 'static,
) -> (FlowRunReport, Vec<String>) {
    let journal = Arc::new(Memory::default());
    let report = end(&start(plan, 1, options().journal(Arc::clone(&journal) as _), first));
    assert!(matches!(report.ending, FlowRunEnding::Failed(_)));
    let mut known = replay(&journal.events());
    let event = Timed { at: known.elapsed(), event: known.resumed(plan.flow()).expect("it failed") };
    known.add(event.clone()).expect("legal");
    journal.append(event).expect("room");
    let runs: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&runs);
    let options = options().journal(Arc::clone(&journal) as _).replay(known);
    let report = end(&start(plan, 1, options, move |request, index| {
        told.lock().expect("no panic").push(format!("{}[{index}]", request.task));
        ok(index)
    }));
    assert_eq!(replay(&journal.events()).ending(), Some(&report.ending), "the journal goes on as one");
    let runs = std::mem::take(&mut *runs.lock().expect("no panic"));
    (report, runs)
}

#[test]
fn a_flow_run_that_failed_carries_out_only_the_runs_that_failed_and_what_did_not_run_because_of_them() {
    let mut flow = everything();
    let mut last = task("last");
    last.after = vec![2];
    flow.tasks.push(last);
    let (report, mut runs) = resumed_after_failure(&plan(flow), |request, index| match &*request.task {
        "m" if index % 400 == 399 => Ending::Failed(TaskFailure::Exited(1)),
        "sub/c" => Ending::Failed(TaskFailure::Exited(2)),
        _ => ok(index),
    });
    assert_eq!(report.ending, outputs());
    let m: Vec<String> = runs.iter().filter(|run| run.starts_with("m[")).cloned().collect();
    assert!(m.contains(&"m[399]".to_owned()) && !m.contains(&"m[398]".to_owned()), "{m:?}");
    runs.retain(|run| !run.starts_with("m["));
    runs.sort();
    assert_eq!(runs, ["last[0]", "sub/c[0]"]);
    let task = |path: &str| report.tasks.iter().find(|task| &*task.path == path).expect(path);
    let (m_before, m) = (1000 - m.len() as u64, task("m"));
    assert_eq!((m.runs, m.runs_ended, m.runs_failed, m.runs_before), (1000, 1000, 0, m_before));
    assert_eq!((task("a").runs_before, task("last").runs_before), (1, 0));
}

#[test]
fn a_task_that_took_the_failure_of_one_that_is_run_again_is_run_again_too_and_a_failure_that_was_a_result_stays() {
    let whole = |at| Input::Reference(Reference { whole_result: true, ..result_of(at) });
    let mut flow = flow(&[("a", &[]), ("taken", &[]), ("after", &[]), ("handled", &[]), ("takes", &[])]);
    // Somebody takes the failure of `a`, but it keeps `after` from running.
    flow.tasks[1].inputs.push(whole(0));
    flow.tasks[2].after = vec![0];
    flow.tasks[4].inputs.push(whole(3));
    flow.tasks[0].failure_handled = true;
    flow.tasks[3].failure_handled = true;
    let (report, mut runs) = resumed_after_failure(&plan(flow), |request, index| match &*request.task {
        "a" | "handled" => Ending::Failed(TaskFailure::Exited(1)),
        _ => ok(index),
    });
    runs.sort();
    assert_eq!(runs, ["a[0]", "after[0]", "taken[0]"]);
    assert_eq!(report.ending, FlowRunEnding::Succeeded(vec![]));
    assert_eq!(report.tasks[3].state, Some(TaskState::Failed));
}

#[test]
fn results_of_the_cache_are_counted_as_such_after_a_flow_run_was_resumed_too() {
    let journal = Arc::new(Memory::default());
    let plan = plan(everything());
    end(&start(&plan, 1, options().journal(Arc::clone(&journal) as _), carried_out));
    let mut events = journal.events();
    events.pop();
    for event in &mut events {
        if let RunEvent::TaskRunsEnded { task, origin, .. } = &mut event.event
            && &**task == "m"
        {
            *origin = Origin::Cache;
        }
    }
    let report = end(&start(&plan, 1, options().replay(replay(&events)), carried_out));
    let count = |path: &str| {
        let task = report.tasks.iter().find(|task| &*task.path == path).expect(path);
        (task.runs_ended, task.runs_before, task.runs_cached)
    };
    assert_eq!((count("m"), count("a")), ((1000, 0, 1000), (1, 1, 0)));
}

#[test]
fn a_flow_run_that_was_drained_goes_on_where_it_was() {
    let mut flow = flow(&[("a", &[]), ("b", &["a"])]);
    output(&mut flow, "b", result_of(1));
    let plan = plan(flow);
    let journal = Arc::new(Memory::default());
    let (entered, go) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(std::sync::Barrier::new(2)));
    let (inside, wait) = (Arc::clone(&entered), Arc::clone(&go));
    let flow_run = start(&plan, 1, options().journal(Arc::clone(&journal) as _), move |_, index| {
        inside.wait();
        wait.wait();
        ok(index)
    });
    entered.wait();
    flow_run.drain();
    go.wait();
    let report = end(&flow_run);
    assert_eq!(report.ending, FlowRunEnding::Cancelled);
    assert_eq!(report.tasks[0].state, Some(TaskState::Succeeded), "what ran went on to its end");
    let known = replay(&journal.events());
    assert!(known.ending().is_none(), "it can go on");
    let flow_run = start(&plan, 1, options().replay(known), |request, index| {
        assert_eq!(&*request.task, "b");
        ok(index)
    });
    assert_eq!(end(&flow_run).ending, FlowRunEnding::Succeeded(vec![Some(Value::U32(0))]));
}

#[test]
fn a_flow_run_that_waits_for_an_attempt_lives_without_its_handle_and_can_be_cancelled() {
    let with_delay = |delay| {
        let mut flow = flow(&[("a", &[])]);
        flow.tasks[0].retry = Retry { attempts: 2, delay, ..Retry::NEVER };
        plan(flow)
    };
    let (sender, receiver) = std::sync::mpsc::channel();
    let tell = move |request: &TaskRunRequest, index| {
        sender.send(request.attempt).expect("somebody listens");
        if request.attempt == 1 { Ending::Failed(TaskFailure::Exited(1)) } else { ok(index) }
    };
    drop(start(&with_delay(Duration::from_millis(5)), 1, options(), tell.clone()));
    assert_eq!(receiver.recv_timeout(LONG), Ok(1));
    assert_eq!(receiver.recv_timeout(LONG), Ok(2));
    let flow_run = start(&with_delay(Duration::from_secs(1_000_000_000_000)), 1, options(), tell);
    assert_eq!(receiver.recv_timeout(LONG), Ok(1));
    flow_run.cancel();
    assert_eq!(end(&flow_run).ending, FlowRunEnding::Cancelled);
}

fn ended(task: &str, first: u32, results: Vec<Option<Value>>) -> RunEvent {
    RunEvent::TaskRunsEnded {
        task: task.into(),
        first,
        count: results.len() as u32,
        usage: Usage::default(),
        failures: Vec::new(),
        refusals: Vec::new(),
        results,
        origin: Origin::Run,
    }
}

fn at_once(event: RunEvent) -> Timed<RunEvent> {
    Timed { at: Duration::from_secs(1), event }
}

#[test]
fn a_chain_of_a_hundred_thousand_known_tasks_is_gone_through_without_recursion() {
    let mut flow = Flow::unchecked("chain");
    let mut known = Replay::new();
    for at in 0..100_000_usize {
        let mut next = task(&format!("t{at}"));
        next.after = at.checked_sub(1).into_iter().collect();
        for event in [
            RunEvent::TaskStarted { task: Arc::clone(&next.name), runs: 1 },
            ended(&next.name, 0, vec![Some(Value::ok(Some(Value::U32(7))))]),
            RunEvent::TaskEnded { task: Arc::clone(&next.name), state: TaskState::Succeeded },
        ] {
            known.add(at_once(event)).expect("a legal event");
        }
        flow.tasks.push(next);
    }
    output(&mut flow, "last", result_of(99_999));
    let report = end(&start(&plan(flow), 1, options().replay(known), |_, _| panic!("nothing is run again")));
    assert_eq!(report.ending, FlowRunEnding::Succeeded(vec![Some(Value::U32(7))]));
}

#[test]
fn a_map_of_a_million_known_runs_is_gone_through_and_the_missing_ones_are_run() {
    const RUNS: u32 = 1_000_000;
    let mut flow = flow(&[("m", &[])]);
    map_over(&mut flow.tasks[0], numbers(RUNS));
    output(&mut flow, "all", result_of(0));
    let mut known = Replay::new();
    known.add(at_once(RunEvent::TaskStarted { task: "m".into(), runs: RUNS })).expect("a legal event");
    let missing = |index: u32| index % 100_000 == 99_999;
    for first in (0..RUNS).step_by(250) {
        let run = |index: u32| Some(Value::ok(Some(Value::U32(index))));
        // What is missing stands at the end of a stretch.
        let results = (first..first + 250).filter(|index| !missing(*index)).map(run).collect();
        known.add(at_once(ended("m", first, results))).expect("a legal event");
    }
    let started = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&started);
    let flow_run = start(&plan(flow), 2, options().replay(known), move |_, index| {
        count.fetch_add(1, Ordering::Relaxed);
        ok(index)
    });
    let report = end(&flow_run);
    let all = Value::List(List::from_values(&ValueType::U32, (0..RUNS).map(Value::U32)));
    assert!(report.ending == FlowRunEnding::Succeeded(vec![Some(all)]), "results in order");
    assert_eq!(started.load(Ordering::Relaxed), 10);
}

#[test]
fn a_journal_that_cannot_be_true_is_refused() {
    let started = || RunEvent::TaskStarted { task: "a".into(), runs: 2 };
    let run = |first| ended("a", first, vec![Some(Value::U32(0))]);
    let over = |state| RunEvent::TaskEnded { task: "a".into(), state };
    let retried = |attempt| RunEvent::RunRetried {
        task: "a".into(),
        index: 0,
        attempt,
        failure: TaskFailure::Exited(1),
        usage: Usage::default(),
        delay: Duration::ZERO,
    };
    let succeeded = || RunEvent::FlowRunEnded(FlowRunEnding::Succeeded(Vec::new()));
    let failed = || RunEvent::FlowRunEnded(FlowRunEnding::Failed(vec!["a".into()]));
    let resumed = |ended| {
        let back = TakenBack { task: "a".into(), starts_anew: false, runs: 0, ended, failed: ended, cached: 0 };
        RunEvent::FlowRunResumed { taken_back: vec![back] }
    };
    let cases: [(&[RunEvent], &str); 15] = [
        (&[run(0)], "runs of task `a` ended, which had not started"),
        (&[started(), started()], "task `a` started twice"),
        (&[started(), run(0), run(0)], "a run of task `a` ended twice"),
        (&[started(), run(2)], "run 2 of task `a` ended, which has 2 runs"),
        (&[started(), run(u32::MAX)], "run 4294967295 of task `a` ended, which has 2 runs"),
        (&[over(TaskState::Succeeded)], "task `a` ended, which had not started"),
        (&[started(), over(TaskState::Failed), run(0)], "a run of task `a` ended after the task"),
        (&[over(TaskState::Skipped), over(TaskState::Skipped)], "task `a` ended twice"),
        (&[started(), retried(2)], "attempt 2 of run 0 of task `a` follows attempt 0"),
        (&[started(), run(0), retried(1)], "run 0 of task `a` was tried again after its end"),
        (&[succeeded(), started()], "something happened after its end"),
        (&[succeeded(), resumed(0)], "it was resumed after a failure that it does not tell"),
        (&[started(), resumed(0)], "it was resumed after a failure that it does not tell"),
        (&[started(), failed(), resumed(0)], "task `a` was taken back, which was not over"),
        (
            &[started(), run(0), over(TaskState::Failed), failed(), resumed(1)],
            "more or less of task `a` was taken back than there was",
        ),
    ];
    for (events, message) in cases {
        let mut replay = Replay::new();
        let (last, before) = events.split_last().expect("an event");
        before.iter().for_each(|event| replay.add(at_once(event.clone())).expect("a legal event"));
        let illegal = replay.add(at_once(last.clone())).expect_err(message);
        assert_eq!(illegal.to_string(), format!("the journal cannot be true: {message}"));
    }
    let fine = [started(), retried(1), retried(2), run(0), over(TaskState::Cancelled), over(TaskState::Succeeded)];
    replay(&fine.map(at_once));
}
