//! Moves the scheduler's inputs and outputs. Without a thread of its own: whoever reports a task run's end, a thread of a runner,
//! steps the scheduler and hands on what follows. What is decided is in [`crate::scheduler`].

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use taskhost_flow::Plan;
use taskhost_flow::flow::{Flow, RunnerChoice, TaskKind};
use taskhost_model::event::Timed;
use taskhost_model::seams::{Observer, Reports, Runner};
use taskhost_model::{Attachment, FlowRunEnding, FlowRunId, RequestId, RunEvent, TaskRunReport, TaskRunRequest, Usage};

use crate::scheduler::{Input, Output, Scheduler};
use crate::view::{FlowRunView, TaskReport};

/// Gives the runner for each choice. Asked once for each choice of a flow run.
pub trait Runners: Send + Sync {
    /// The runner for `choice`; the default one for none.
    fn runner(&self, choice: Option<RunnerChoice>) -> Arc<dyn Runner>;
}

impl<F: Fn(Option<RunnerChoice>) -> Arc<dyn Runner> + Send + Sync> Runners for F {
    fn runner(&self, choice: Option<RunnerChoice>) -> Arc<dyn Runner> {
        self(choice)
    }
}

/// The choices of a flow and its subflows, so that their runners can be made before the flow run starts.
pub fn runner_choices(flow: &Flow) -> Vec<Option<RunnerChoice>> {
    let mut choices = vec![flow.runner];
    let mut seen = Vec::new();
    collect_choices(flow, &mut choices, &mut seen);
    choices
}

fn collect_choices(flow: &Flow, choices: &mut Vec<Option<RunnerChoice>>, seen: &mut Vec<*const Flow>) {
    if seen.contains(&std::ptr::from_ref(flow)) {
        return;
    }
    seen.push(flow);
    let mut add = |choice: Option<RunnerChoice>| {
        if choice.is_some() && !choices.contains(&choice) {
            choices.push(choice);
        }
    };
    flow.tasks.iter().for_each(|task| add(task.runner));
    add(flow.runner);
    for task in &flow.tasks {
        if let TaskKind::Subflow(subflow) = &task.kind {
            collect_choices(subflow, choices, seen);
        }
    }
}

/// Starts a flow run.
pub fn start_flow_run(plan: &Plan, id: FlowRunId, runners: Arc<dyn Runners>, observer: Arc<dyn Observer>) -> FlowRun {
    let found: Arc<Mutex<FoundRunners>> = Arc::default();
    let capacity = {
        let found = Arc::clone(&found);
        Box::new(move |choice| {
            let runner = runners.runner(choice);
            let capacity = runner.capacity();
            lock(&found).insert(choice, runner);
            capacity
        })
    };
    let view = FlowRunView::new(plan.flow());
    let dispatch = Arc::new_cyclic(|me| Dispatch {
        me: me.clone(),
        id,
        started: Instant::now(),
        observer,
        cancelled: AtomicBool::new(false),
        found,
        state: Mutex::new(DispatchState { scheduler: Scheduler::new(id, plan, capacity), outputs: Vec::new(), view }),
        over: Condvar::new(),
    });
    dispatch.step(Input::Start);
    FlowRun { dispatch }
}

/// A flow run that was started. Dropping it does not stop the flow run.
pub struct FlowRun {
    dispatch: Arc<Dispatch>,
}

/// How a flow run ended, and what happened in it.
#[derive(Clone, Debug)]
pub struct FlowRunReport {
    /// Which flow run.
    pub id: FlowRunId,
    /// How it ended.
    pub ending: FlowRunEnding,
    /// Its tasks; those in mapped subflows together.
    pub tasks: Vec<TaskReport>,
    /// What all task runs used together.
    pub usage: Usage,
    /// From start to end.
    pub wall_time: Duration,
}

impl FlowRun {
    /// Names the flow run.
    pub fn id(&self) -> FlowRunId {
        self.dispatch.id
    }

    /// Waits until the flow run is over.
    pub fn wait(&self) -> FlowRunReport {
        let mut state = lock(&self.dispatch.state);
        loop {
            if let Some(report) = self.dispatch.report(&state) {
                return report;
            }
            state = self.dispatch.over.wait(state).expect(UNBROKEN);
        }
    }

    /// Waits until the flow run is over, but no longer than `timeout`.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<FlowRunReport> {
        let state = lock(&self.dispatch.state);
        let waited = self.dispatch.over.wait_timeout_while(state, timeout, |state| state.view.ending().is_none());
        self.dispatch.report(&waited.expect(UNBROKEN).0)
    }

    /// Stops the flow run: nothing new starts, and what runs is stopped. It is over when the runners have answered.
    pub fn cancel(&self) {
        self.dispatch.cancel();
    }

    /// What is known of it now.
    pub fn view(&self) -> FlowRunView {
        lock(&self.dispatch.state).view.clone()
    }
}

/// A panic in a step leaves a state that cannot be trusted; it is a bug of ours.
const UNBROKEN: &str = "no step of the scheduler panicked";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect(UNBROKEN)
}

type FoundRunners = HashMap<Option<RunnerChoice>, Arc<dyn Runner>>;

struct Dispatch {
    me: Weak<Dispatch>,
    id: FlowRunId,
    started: Instant,
    observer: Arc<dyn Observer>,
    cancelled: AtomicBool,
    /// Emptied at the end, so that nothing here keeps a runner alive.
    found: Arc<Mutex<FoundRunners>>,
    state: Mutex<DispatchState>,
    over: Condvar,
}

struct DispatchState {
    scheduler: Scheduler,
    outputs: Vec<Output>,
    view: FlowRunView,
}

/// What a step leaves to do once the lock is released.
#[derive(Default)]
struct Errands {
    starts: Vec<(Option<RunnerChoice>, Vec<TaskRunRequest>)>,
    withdrawals: Vec<(Option<RunnerChoice>, RequestId)>,
    over: bool,
}

impl Dispatch {
    fn step(&self, input: Input) {
        let errands = {
            let _wake = WakeOnPanic(&self.over);
            let mut state = lock(&self.state);
            self.step_locked(&mut state, input)
        };
        self.run(errands);
    }

    fn step_locked(&self, state: &mut DispatchState, input: Input) -> Errands {
        let mut errands = Errands::default();
        let mut outputs = std::mem::take(&mut state.outputs);
        state.scheduler.on(input, &mut outputs);
        let at = self.started.elapsed();
        for output in outputs.drain(..) {
            match output {
                Output::Record(event) => self.record(state, Timed { at, event }),
                Output::Start { runner, request } => {
                    match errands.starts.iter_mut().find(|(known, _)| *known == runner) {
                        Some((_, requests)) => requests.push(request),
                        None => errands.starts.push((runner, vec![request])),
                    }
                }
                Output::Withdraw { runner, request } => errands.withdrawals.push((runner, request)),
                Output::Finish(_) => {
                    errands.over = true;
                    self.over.notify_all();
                }
            }
        }
        state.outputs = outputs;
        errands
    }

    fn record(&self, state: &mut DispatchState, event: Timed<RunEvent>) {
        state.view.apply(&event);
        // An observer that panics is not told more than others: the flow run goes on.
        let _ = catch_unwind(AssertUnwindSafe(|| self.observer.event(&event)));
    }

    /// What a flow run that is over adds up to.
    fn report(&self, state: &DispatchState) -> Option<FlowRunReport> {
        let view = &state.view;
        Some(FlowRunReport {
            id: self.id,
            ending: view.ending()?.clone(),
            tasks: view.tasks().to_vec(),
            usage: *view.usage(),
            wall_time: view.ended_at()?,
        })
    }

    fn run(&self, errands: Errands) {
        for (choice, requests) in errands.starts {
            let (Some(runner), Some(me)) = (self.runner(choice), self.me.upgrade()) else { continue };
            let reports: Arc<dyn Reports> = me;
            runner.start(requests, &reports);
            // `cancel` may have passed between the step and this start.
            if self.cancelled.load(Ordering::SeqCst) {
                runner.cancel(self.id);
            }
        }
        for (choice, request) in errands.withdrawals {
            if let Some(runner) = self.runner(choice) {
                runner.withdraw(self.id, request);
            }
        }
        if errands.over {
            let runners = std::mem::take(&mut *lock(&self.found));
            drop(runners);
        }
    }

    fn runner(&self, choice: Option<RunnerChoice>) -> Option<Arc<dyn Runner>> {
        lock(&self.found).get(&choice).cloned()
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.step(Input::Cancel);
        let runners: Vec<_> = lock(&self.found).values().cloned().collect();
        for runner in runners {
            runner.cancel(self.id);
        }
    }
}

impl Reports for Dispatch {
    fn ended(&self, report: TaskRunReport) {
        self.step(Input::Ended(report));
    }

    fn attach(&self, task: &Arc<str>, index: u32, attachment: Attachment) {
        self.observer.attachment(task, index, &attachment);
    }
}

/// Lets those who wait see that a step panicked: the lock they get is poisoned.
struct WakeOnPanic<'a>(&'a Condvar);

impl Drop for WakeOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.notify_all();
        }
    }
}
