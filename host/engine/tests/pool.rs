//! What the pool promises, with an executor made of closures: no wasm, no sleeps. A hang fails by the timeout of `run`.

mod support;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use support::{flow, map_over, numbers, output, plan, result_of};
use taskhost_engine::{FlowRun, FlowRunOptions, FlowRunReport, Pool, PoolOptions, start_flow_run};
use taskhost_flow::flow::{Flow, RunnerChoice, RunnerKind, TaskKind};
use taskhost_model::event::Timed;
use taskhost_model::seams::{Executor, NoObserver, Observer, PreparedTask, Reports, RunScope, Runner, Started};
use taskhost_model::{
    Attachment, Ending, FlowRunEnding, FlowRunId, List, RequestId, RunEvent, TaskCall, TaskFailure, TaskRunOutcome,
    TaskRunReport, TaskRunRequest, Usage, Value, ValueType,
};

type Run = dyn Fn(&str, u32, &RunScope) -> Started + Send + Sync;

struct Closure(Arc<Run>);

impl Executor for Closure {
    fn prepare(&self, _call: &Arc<TaskCall>) -> Result<Arc<dyn PreparedTask>, TaskFailure> {
        Ok(Arc::new(Closure(Arc::clone(&self.0))))
    }
}

impl PreparedTask for Closure {
    fn start(&self, request: &Arc<TaskRunRequest>, index: u32, scope: &RunScope) -> Started {
        (self.0)(&request.task, index, scope)
    }
}

fn pool(
    workers: usize,
    concurrency: usize,
    run: impl Fn(&str, u32, &RunScope) -> Started + Send + Sync + 'static,
) -> Arc<Pool> {
    Pool::new(Arc::new(Closure(Arc::new(run))), PoolOptions::new(workers, concurrency)).expect("threads")
}

fn outcome(ending: Ending) -> TaskRunOutcome {
    TaskRunOutcome::without_usage(ending)
}

fn done(index: u32) -> TaskRunOutcome {
    outcome(Ending::Returned(Value::ok(Some(Value::U32(index)))))
}

fn start(flow: Flow, pool: &Arc<Pool>) -> FlowRun {
    let pool = Arc::clone(pool);
    let runners = Arc::new(move |_: Option<RunnerChoice>| Arc::clone(&pool) as Arc<dyn Runner>);
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let id = FlowRunId::new(NEXT.fetch_add(1, Ordering::Relaxed) as u64, 0);
    start_flow_run(&plan(flow), id, runners, FlowRunOptions::new(Arc::new(NoObserver)))
}

const LONG: Duration = Duration::from_secs(60);

fn run(flow: Flow, pool: &Arc<Pool>) -> FlowRunReport {
    start(flow, pool).wait_timeout(LONG).expect("the flow run ends")
}

fn mapped(runs: u32) -> Flow {
    let mut flow = flow(&[("m", &[])]);
    map_over(&mut flow.tasks[0], numbers(runs));
    output(&mut flow, "all", result_of(0));
    flow
}

fn in_order(runs: u32) -> FlowRunEnding {
    FlowRunEnding::Succeeded(vec![Some(Value::List(List::from_values(&ValueType::U32, (0..runs).map(Value::U32))))])
}

/// A door that task runs wait at until it is opened.
#[derive(Default)]
struct Door {
    state: Mutex<(bool, Vec<Waker>)>,
    arrived: Condvar,
}

impl Door {
    /// Waits until so many stand before it, then opens it.
    fn open_for(&self, count: usize) {
        let state = self.state.lock().expect("no panic");
        let (mut state, late) =
            self.arrived.wait_timeout_while(state, LONG, |state| state.1.len() < count).expect("no panic");
        assert!(!late.timed_out(), "only {} of {count} wait at once", state.1.len());
        state.0 = true;
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

struct Waiting {
    door: Arc<Door>,
    index: u32,
    counted: bool,
    dropped: Arc<AtomicUsize>,
    cancelled: Arc<AtomicBool>,
}

impl Future for Waiting {
    type Output = TaskRunOutcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TaskRunOutcome> {
        let door = Arc::clone(&self.door);
        let mut state = door.state.lock().expect("no panic");
        if state.0 {
            return Poll::Ready(done(self.index));
        }
        if self.cancelled.load(Ordering::SeqCst) {
            // Polled once more to say what it used; this one does not notice.
            return Poll::Pending;
        }
        assert!(!std::mem::replace(&mut self.counted, true), "polled again without being woken");
        state.1.push(context.waker().clone());
        door.arrived.notify_all();
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn waiting_pool(workers: usize, concurrency: usize) -> (Arc<Pool>, Arc<Door>, Arc<AtomicUsize>) {
    let (door, dropped) = (Arc::new(Door::default()), Arc::new(AtomicUsize::new(0)));
    let (at, count) = (Arc::clone(&door), Arc::clone(&dropped));
    let pool = pool(workers, concurrency, move |_, index, scope| {
        let (door, dropped, cancelled) = (Arc::clone(&at), Arc::clone(&count), Arc::clone(&scope.cancelled));
        Started::Waiting(Box::pin(Waiting { door, index, counted: false, dropped, cancelled }))
    });
    (pool, door, dropped)
}

#[test]
fn each_run_happens_once_and_results_are_in_order() {
    for workers in [1, 2, 4] {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let pool = pool(workers, 1024, move |_, index, _| {
            counter.fetch_add(1, Ordering::Relaxed);
            Started::Ended(done(index))
        });
        let report = run(mapped(20_000), &pool);
        assert_eq!(report.ending, in_order(20_000));
        assert_eq!(count.load(Ordering::Relaxed), 20_000);
        assert_eq!((report.tasks[0].runs, report.tasks[0].runs_ended), (20_000, 20_000));
    }
}

#[test]
fn one_worker_and_a_concurrency_of_one_run_everything_in_a_fixed_order() {
    let order = || {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let pool = pool(1, 1, move |task, index, _| {
            log.lock().expect("no panic").push(format!("{task}{index}"));
            Started::Ended(done(index))
        });
        let mut flow = flow(&[("a", &[]), ("b", &["a"]), ("m", &[]), ("c", &["a"]), ("d", &["m"])]);
        map_over(&mut flow.tasks[2], numbers(3));
        run(flow, &pool);
        seen.lock().expect("no panic").join(" ")
    };
    assert_eq!(order(), "a0 m0 m1 m2 b0 c0 d0");
    assert_eq!(order(), order());
}

#[test]
fn a_thousand_waiting_runs_hold_no_thread() {
    let (pool, door, _) = waiting_pool(2, 1000);
    let flow_run = start(mapped(1000), &pool);
    door.open_for(1000);
    assert_eq!(flow_run.wait_timeout(LONG).expect("ends").ending, in_order(1000));
}

#[test]
fn no_more_runs_are_started_than_the_concurrency() {
    for (workers, concurrency) in [(1, 1), (2, 3), (4, 2), (2, 50)] {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counter, peak) = (Arc::clone(&now), Arc::clone(&most));
        let pool = pool(workers, concurrency, move |_, index, _| {
            peak.fetch_max(counter.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let counter = Arc::clone(&counter);
            let mut polls = index % 4;
            Started::Waiting(Box::pin(std::future::poll_fn(move |context| {
                if polls == 0 {
                    counter.fetch_sub(1, Ordering::SeqCst);
                    return Poll::Ready(done(index));
                }
                polls -= 1;
                context.waker().wake_by_ref();
                Poll::Pending
            })))
        });
        assert_eq!(run(mapped(2_000), &pool).ending, in_order(2_000));
        let most = most.load(Ordering::SeqCst);
        assert!(most <= concurrency, "{most} of {concurrency}");
    }
}

#[test]
fn a_long_run_does_not_hold_up_those_behind_it() {
    const RUNS: u32 = 3_000;
    let gate = Arc::new((Mutex::new(0), Condvar::new()));
    let shared = Arc::clone(&gate);
    let pool = pool(2, 1024, move |_, index, _| {
        let (ended, changed) = &*shared;
        let mut ended = ended.lock().expect("no panic");
        if index == 1_500 {
            let waited = changed.wait_timeout_while(ended, LONG, |ended| *ended < RUNS - 1).expect("no panic");
            assert!(!waited.1.timed_out(), "others wait behind this run");
        } else {
            *ended += 1;
            changed.notify_all();
        }
        Started::Ended(done(index))
    });
    assert_eq!(run(mapped(RUNS), &pool).ending, in_order(RUNS));
}

#[test]
fn a_panic_of_the_executor_fails_its_run_and_nothing_else() {
    let pool = pool(2, 8, |task, index, _| match task {
        "starts" => panic!("at start"),
        "polls" => Started::Waiting(Box::pin(async { panic!("while polled") })),
        _ => Started::Ended(done(index)),
    });
    let report = run(flow(&[("starts", &[]), ("polls", &[]), ("fine", &[])]), &pool);
    let mut failures: Vec<_> =
        report.tasks.iter().flat_map(|task| &task.failures).map(|run| run.failure.to_string()).collect();
    failures.sort();
    assert_eq!(
        failures,
        [
            "was lost: the host panicked while it ran: at start",
            "was lost: the host panicked while it ran: while polled"
        ]
    );
    assert!(matches!(run(flow(&[("fine", &[])]), &pool).ending, FlowRunEnding::Succeeded(_)));
}

#[test]
fn cancelling_drops_what_waits_and_answers_for_what_has_not_started() {
    let (pool, door, dropped) = waiting_pool(2, 100);
    let flow_run = start(mapped(5_000), &pool);
    {
        let state = door.state.lock().expect("no panic");
        let waiting = door.arrived.wait_timeout_while(state, LONG, |state| state.1.len() < 100).expect("no panic");
        assert!(!waiting.1.timed_out());
    }
    flow_run.cancel();
    assert_eq!(flow_run.wait_timeout(LONG).expect("ends").ending, FlowRunEnding::Cancelled);
    assert_eq!(dropped.load(Ordering::SeqCst), 100);
    door.open_for(0);
    assert_eq!(run(mapped(10), &pool).ending, in_order(10), "the pool serves the next flow run");
}

/// A pool of one worker with a run that waits, `m[0]`, and a run that holds the worker until the door `held` opens, `block`.
fn busy_pool(wait: impl Fn(&RunScope) -> Started + Send + Sync + 'static) -> (Arc<Pool>, Arc<Door>) {
    let held = Arc::new(Door::default());
    let door = Arc::clone(&held);
    let pool = pool(1, 8, move |task, index, scope| {
        if task != "block" {
            return wait(scope);
        }
        let mut state = door.state.lock().expect("no panic");
        state.1.push(Waker::noop().clone());
        door.arrived.notify_all();
        let state = door.arrived.wait_timeout_while(state, LONG, |state| !state.0).expect("no panic");
        assert!(!state.1.timed_out(), "nobody opened the door");
        Started::Ended(done(index))
    });
    (pool, held)
}

/// Waits until so many stand before the door, without opening it.
fn wait_for(door: &Door, count: usize) {
    let state = door.state.lock().expect("no panic");
    let state = door.arrived.wait_timeout_while(state, LONG, |state| state.1.len() < count).expect("no panic");
    assert!(!state.1.timed_out());
}

/// Opens the door to a thread that stands before it.
fn let_go(door: &Door) {
    door.state.lock().expect("no panic").0 = true;
    door.arrived.notify_all();
}

#[test]
fn runs_that_wait_go_on_while_all_threads_compute() {
    let door = Arc::new(Door::default());
    let (at, dropped) = (Arc::clone(&door), Arc::default());
    let (pool, held) = busy_pool(move |scope| {
        let (door, dropped, cancelled) = (Arc::clone(&at), Arc::clone(&dropped), Arc::clone(&scope.cancelled));
        Started::Waiting(Box::pin(Waiting { door, index: 0, counted: false, dropped, cancelled }))
    });
    let waiting = [(); 3].map(|()| start(flow(&[("waits", &[])]), &pool));
    wait_for(&door, 3);
    let blocking = start(flow(&[("block", &[])]), &pool);
    wait_for(&held, 1);
    door.open_for(3);
    for flow_run in waiting {
        let report = flow_run.wait_timeout(LONG).expect("ends while the worker computes");
        assert!(matches!(report.ending, FlowRunEnding::Succeeded(_)));
    }
    let_go(&held);
    assert!(matches!(blocking.wait_timeout(LONG).expect("ends").ending, FlowRunEnding::Succeeded(_)));
    assert!(
        matches!(run(flow(&[("waits", &[])]), &pool).ending, FlowRunEnding::Succeeded(_)),
        "permits are given back"
    );
}

#[test]
fn runs_that_wait_are_cancelled_while_all_threads_compute_and_say_what_they_used() {
    let waits = Arc::new(Door::default());
    let door = Arc::clone(&waits);
    let (pool, held) = busy_pool(move |scope| {
        let (cancelled, door) = (Arc::clone(&scope.cancelled), Arc::clone(&door));
        Started::Waiting(Box::pin(std::future::poll_fn(move |_| {
            if cancelled.load(Ordering::SeqCst) {
                let usage = Usage { cpu_time: Duration::from_millis(7), ..Usage::default() };
                return Poll::Ready(TaskRunOutcome { usage, ..outcome(Ending::Cancelled) });
            }
            door.state.lock().expect("no panic").1.push(Waker::noop().clone());
            door.arrived.notify_all();
            Poll::Pending
        })))
    });
    let waiting = start(flow(&[("waits", &[])]), &pool);
    wait_for(&waits, 1);
    let blocking = start(flow(&[("block", &[])]), &pool);
    wait_for(&held, 1);
    waiting.cancel();
    let report = waiting.wait_timeout(LONG).expect("ends while the worker computes");
    assert_eq!(report.ending, FlowRunEnding::Cancelled);
    assert_eq!(report.usage.cpu_time, Duration::from_millis(7));
    assert_eq!(report.tasks[0].runs_ended, 0);
    let_go(&held);
    assert!(matches!(blocking.wait_timeout(LONG).expect("ends").ending, FlowRunEnding::Succeeded(_)));
}

#[test]
fn cancelling_reaches_runs_that_compute() {
    let started = Arc::new(Door::default());
    let door = Arc::clone(&started);
    let pool = pool(1, 1, move |_, _, scope| {
        door.state.lock().expect("no panic").1.push(Waker::noop().clone());
        door.arrived.notify_all();
        while !scope.cancelled.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
        Started::Ended(outcome(Ending::Cancelled))
    });
    let flow_run = start(mapped(100), &pool);
    started.open_for(1);
    flow_run.cancel();
    assert_eq!(flow_run.wait_timeout(LONG).expect("ends").ending, FlowRunEnding::Cancelled);
}

#[test]
fn a_failed_map_leaves_what_has_not_started() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let pool = pool(1, 1, move |_, _, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        Started::Ended(outcome(Ending::Failed(TaskFailure::Exited(1))))
    });
    let report = run(mapped(1_000), &pool);
    assert!(matches!(report.ending, FlowRunEnding::Failed(_)));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(report.tasks[0].runs_failed, 1);
}

#[test]
fn a_task_that_cannot_start_has_no_runs() {
    let pool = pool(1, 1, |_, index, _| Started::Ended(done(index)));
    let mut flow = flow(&[("m", &[]), ("n", &["m"])]);
    map_over(&mut flow.tasks[0], numbers(3));
    map_over(&mut flow.tasks[0], numbers(4));
    let report = run(flow, &pool);
    let m = &report.tasks[0];
    assert_eq!((m.runs, m.runs_ended, m.runs_failed, m.is_cause), (0, 0, 0, true));
    assert_eq!((m.failures.len(), m.failures[0].index), (1, None));
    assert!(!report.tasks[1].is_cause);
}

/// Where a report went, and of which request.
type Told = std::sync::mpsc::Sender<(&'static str, RequestId)>;

struct Teller(&'static str, Mutex<Told>);

impl Reports for Teller {
    fn ended(&self, report: TaskRunReport) {
        self.1.lock().expect("no panic").send((self.0, report.request)).expect("somebody listens");
    }

    fn attach(&self, _task: &Arc<str>, _index: u32, _attachment: Attachment) {}
}

#[test]
fn requests_of_one_flow_run_are_answered_to_those_who_asked() {
    let gate = Arc::new(Mutex::new(()));
    let (closed, inside) = (gate.lock().expect("no panic"), Arc::clone(&gate));
    let pool = pool(1, 8, move |_, index, _| {
        drop(inside.lock());
        Started::Ended(done(index))
    });
    let (sender, receiver) = std::sync::mpsc::channel();
    let TaskKind::Call(call) = support::call() else { panic!("a call") };
    let request = |id| TaskRunRequest {
        flow_run: FlowRunId::new(1, 1),
        id: RequestId(id),
        task: "t".into(),
        call: Arc::clone(&call),
        arguments: Arc::new([Value::U32(1)]),
        mapped: Arc::new([]),
        elements_from: 0,
        indexes: 0..1,
        attempt: 1,
    };
    for (id, name) in [(1, "one"), (2, "other")] {
        let reports: Arc<dyn Reports> = Arc::new(Teller(name, Mutex::new(sender.clone())));
        pool.start(vec![request(id)], &reports);
    }
    drop(closed);
    let mut told = [(); 2].map(|()| receiver.recv_timeout(LONG).expect("an answer"));
    told.sort();
    assert_eq!(told, [("one", RequestId(1)), ("other", RequestId(2))]);
}

#[test]
fn a_task_runs_on_the_runner_that_it_chooses() {
    let choice = RunnerChoice::from(RunnerKind::Sequential);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let make = |name: &'static str| {
        let log = Arc::clone(&seen);
        pool(1, 4, move |task, index, _| {
            log.lock().expect("no panic").push(format!("{task} on {name}"));
            Started::Ended(done(index))
        })
    };
    let (first, second) = (make("default"), make("sequential"));
    let mut flow = flow(&[("a", &[]), ("b", &["a"]), ("c", &["b"])]);
    flow.tasks[1].runner = Some(choice);
    let runners = move |choice: Option<RunnerChoice>| -> Arc<dyn Runner> {
        if choice.is_some() { Arc::<Pool>::clone(&second) } else { Arc::<Pool>::clone(&first) }
    };
    let flow_run =
        start_flow_run(&plan(flow), FlowRunId::new(2, 2), Arc::new(runners), FlowRunOptions::new(Arc::new(NoObserver)));
    flow_run.wait_timeout(LONG).expect("ends");
    assert_eq!(*seen.lock().expect("no panic"), ["a on default", "b on sequential", "c on default"]);
}

#[derive(Default)]
struct Log(Mutex<Vec<Timed<RunEvent>>>);

impl Observer for Log {
    fn event(&self, event: &Timed<RunEvent>) {
        self.0.lock().expect("no panic").push(event.clone());
    }

    fn attachment(&self, _task: &Arc<str>, _index: u32, _attachment: &Attachment) {}
}

#[test]
fn events_come_in_order_and_the_end_is_the_last() {
    let pool = pool(2, 64, |_, index, _| Started::Ended(done(index)));
    let log = Arc::new(Log::default());
    let shared = Arc::clone(&pool);
    let runners = Arc::new(move |_: Option<RunnerChoice>| Arc::clone(&shared) as Arc<dyn Runner>);
    let flow_run =
        start_flow_run(&plan(mapped(3_000)), FlowRunId::new(3, 3), runners, FlowRunOptions::new(Arc::clone(&log) as _));
    flow_run.wait_timeout(LONG).expect("ends");
    let events = log.0.lock().expect("no panic");
    assert!(events.is_sorted_by_key(|event| event.at));
    assert!(matches!(events.first().map(|event| &event.event), Some(RunEvent::TaskStarted { runs: 3_000, .. })));
    assert!(matches!(events.last().map(|event| &event.event), Some(RunEvent::FlowRunEnded(_))));
    let ended: u32 = events
        .iter()
        .map(|event| if let RunEvent::TaskRunsEnded { count, .. } = event.event { count } else { 0 })
        .sum();
    assert_eq!(ended, 3_000);
}

#[test]
fn threads_end_with_their_pool() {
    let alive = Arc::new(AtomicUsize::new(0));
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let counter = Arc::clone(&alive);
    let mut options = PoolOptions::new(3, 8);
    options.on_thread_start = Some(Arc::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Box::new(Guard(Arc::clone(&counter)))
    }));
    let executor = Closure(Arc::new(|_: &str, index, _: &RunScope| Started::Ended(done(index))));
    let pool = Pool::new(Arc::new(executor), options).expect("threads");
    assert_eq!(run(mapped(500), &pool).ending, in_order(500));
    let last = Arc::downgrade(&pool);
    drop(pool);
    // The flow run lets go of the pool right after it told its end.
    while last.strong_count() > 0 {
        std::thread::yield_now();
    }
    while alive.load(Ordering::SeqCst) > 0 {
        std::thread::yield_now();
    }
}
