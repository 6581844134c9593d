//! Moves the scheduler's inputs and outputs. Without a thread of its own: whoever reports a task run's end, a thread of a runner,
//! steps the scheduler and hands on what follows. What is decided is in [`crate::scheduler`].
//!
//! With a journal each event goes there too, after the view and the observer; with a [`Replay`] in front of the runners, what the
//! journal has already is answered from it and not written again.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use taskhost_flow::Plan;
use taskhost_flow::flow::{Flow, RunnerChoice, TaskKind};
use taskhost_model::event::Timed;
use taskhost_model::seams::{Journal, JournalError, Observer, Reports, Runner};
use taskhost_model::{Attachment, FlowRunEnding, FlowRunId, RequestId, RunEvent, TaskRunReport, TaskRunRequest, Usage};

use crate::answered::{Answered, Answerer};
use crate::replay::Replay;
use crate::scheduler::{Input, Output, Scheduler, WaitId};
use crate::timer::{self, Waiter};
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
    let mut choices = vec![flow.runner.clone()];
    let mut seen = Vec::new();
    collect_choices(flow, &mut choices, &mut seen);
    choices
}

fn collect_choices(flow: &Flow, choices: &mut Vec<Option<RunnerChoice>>, seen: &mut Vec<*const Flow>) {
    if seen.contains(&std::ptr::from_ref(flow)) {
        return;
    }
    seen.push(flow);
    let mut add = |choice: &Option<RunnerChoice>| {
        if choice.is_some() && !choices.contains(choice) {
            choices.push(choice.clone());
        }
    };
    flow.tasks.iter().for_each(|task| add(&task.runner));
    add(&flow.runner);
    for task in &flow.tasks {
        if let TaskKind::Subflow(subflow) = &task.kind {
            collect_choices(subflow, choices, seen);
        }
    }
}

/// Who follows a flow run, and what is known of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct FlowRunOptions {
    /// Is told what happens.
    pub observer: Arc<dyn Observer>,
    /// Remembers what happens. If it fails, the flow run is cancelled.
    pub journal: Option<Arc<dyn Journal>>,
    /// What the journal knows of an earlier part of the flow run, which is then gone through again, without its task runs.
    pub replay: Option<Arc<Replay>>,
}

impl FlowRunOptions {
    /// An observer alone.
    pub fn new(observer: Arc<dyn Observer>) -> FlowRunOptions {
        FlowRunOptions { observer, journal: None, replay: None }
    }

    /// With a journal.
    #[must_use]
    pub fn journal(self, journal: Arc<dyn Journal>) -> FlowRunOptions {
        FlowRunOptions { journal: Some(journal), ..self }
    }

    /// With what is known of an earlier part.
    #[must_use]
    pub fn replay(self, replay: Replay) -> FlowRunOptions {
        FlowRunOptions { replay: Some(Arc::new(replay)), ..self }
    }
}

/// Starts a flow run. With a [`Replay`] it returns when what is known has been gone through.
pub fn start_flow_run(plan: &Plan, id: FlowRunId, runners: Arc<dyn Runners>, options: FlowRunOptions) -> FlowRun {
    let found: Arc<Mutex<FoundRunners>> = Arc::default();
    let FlowRunOptions { observer, journal, replay } = options;
    let capacity = {
        let (found, replay) = (Arc::clone(&found), replay.clone());
        Box::new(move |choice: Option<RunnerChoice>| {
            let mut runner = runners.runner(choice.clone());
            if let Some(replay) = &replay {
                let replay: Arc<dyn Answerer> = Arc::clone(replay) as _;
                runner = Arc::new(Answered::new(replay, runner));
            }
            let capacity = runner.capacity();
            lock(&found).insert(choice, runner);
            capacity
        })
    };
    let mut scheduler = Scheduler::new(id, plan, capacity);
    if journal.is_some() {
        scheduler.keep_results();
    }
    let view = FlowRunView::new(plan.flow());
    let dispatch = Arc::new_cyclic(|me| Dispatch {
        me: me.clone(),
        id,
        started: Instant::now(),
        before: replay.as_ref().map_or(Duration::ZERO, |replay| replay.elapsed()),
        observer,
        journal,
        replay,
        cancelled: AtomicBool::new(false),
        found,
        state: Mutex::new(DispatchState { scheduler, outputs: Vec::new(), view, journal_error: None, alive: None }),
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
    /// From start to end; with an earlier part, that is added.
    pub wall_time: Duration,
    /// Why its journal could not be written, if it could not: what happened after that is not remembered.
    pub journal_error: Option<JournalError>,
}

impl FlowRun {
    /// Names the flow run.
    pub fn id(&self) -> FlowRunId {
        self.dispatch.id
    }

    /// Waits until the flow run is over.
    pub fn wait(&self) -> FlowRunReport {
        let mut state = lock(&self.dispatch.state);
        let report = loop {
            if let Some(report) = self.dispatch.report(&state) {
                break report;
            }
            state = self.dispatch.over.wait(state).expect(UNBROKEN);
        };
        drop(state);
        self.durable(report)
    }

    /// Waits until the flow run is over, but no longer than `timeout`; when it is over, until its journal is written.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<FlowRunReport> {
        let state = lock(&self.dispatch.state);
        let waited = self.dispatch.over.wait_timeout_while(state, timeout, |state| state.view.ending().is_none());
        let report = self.dispatch.report(&waited.expect(UNBROKEN).0)?;
        Some(self.durable(report))
    }

    /// Waits until everything in a report is in the journal.
    fn durable(&self, mut report: FlowRunReport) -> FlowRunReport {
        if let (Some(journal), None) = (&self.dispatch.journal, &report.journal_error) {
            report.journal_error = journal.flush().err();
        }
        report
    }

    /// Lets the flow run come to an end: nothing new starts, retries neither, and what runs goes on to its end. Then it is over, and
    /// counts as cancelled.
    pub fn drain(&self) {
        self.dispatch.step(Input::Drain);
    }

    /// Stops the flow run: nothing new starts, and what runs is stopped. It is over when the runners have answered.
    pub fn cancel(&self) {
        self.dispatch.cancel();
    }

    /// What can stop it, without keeping it.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::downgrade(&self.dispatch))
    }

    /// What is known of it now.
    pub fn view(&self) -> FlowRunView {
        lock(&self.dispatch.state).view.clone()
    }
}

/// Stops a flow run, if it is still there.
#[derive(Clone)]
pub struct Stopper(Weak<Dispatch>);

impl Stopper {
    /// As [`FlowRun::drain`].
    pub fn drain(&self) {
        if let Some(dispatch) = self.0.upgrade() {
            dispatch.step(Input::Drain);
        }
    }

    /// As [`FlowRun::cancel`].
    pub fn cancel(&self) {
        if let Some(dispatch) = self.0.upgrade() {
            dispatch.cancel();
        }
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
    /// How long the earlier part took.
    before: Duration,
    observer: Arc<dyn Observer>,
    journal: Option<Arc<dyn Journal>>,
    replay: Option<Arc<Replay>>,
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
    journal_error: Option<JournalError>,
    /// Itself, once a task run waits for its next attempt: no runner holds it then. Let go at the end.
    alive: Option<Arc<Dispatch>>,
}

/// What a step leaves to do once the lock is released.
#[derive(Default)]
struct Errands {
    starts: Vec<(Option<RunnerChoice>, Vec<TaskRunRequest>)>,
    withdrawals: Vec<(Option<RunnerChoice>, RequestId)>,
    waits: Vec<(WaitId, Duration)>,
    /// The journal failed, so the runners are to stop.
    cancel: bool,
    /// Kept until the lock is released.
    over: Option<Option<Arc<Dispatch>>>,
}

impl Dispatch {
    fn step(&self, input: Input) {
        let errands = {
            let _wake = WakeOnPanic(&self.over);
            let mut state = lock(&self.state);
            let mut errands = Errands::default();
            self.step_locked(&mut state, input, &mut errands);
            errands
        };
        self.run(errands);
    }

    /// A step, and those that follow from it at once. A loop, not recursion: a run may have a thousand known attempts.
    fn step_locked(&self, state: &mut DispatchState, input: Input, errands: &mut Errands) {
        let mut next = Some(input);
        let mut known: Vec<WaitId> = Vec::new();
        while let Some(input) = next.take().or_else(|| known.pop().map(Input::Elapsed)) {
            let mut outputs = std::mem::take(&mut state.outputs);
            state.scheduler.on(input, &mut outputs);
            let at = self.before + self.started.elapsed();
            for output in outputs.drain(..) {
                match output {
                    Output::Record(event) => {
                        if !self.record(state, Timed { at, event }) {
                            (next, errands.cancel) = (Some(Input::Cancel), true);
                        }
                    }
                    Output::Start { runner, request } => errands.start(runner, request),
                    Output::Withdraw { runner, request } => errands.withdrawals.push((runner, request)),
                    Output::Wait { id, task, index, attempt, .. } if self.is_known(&task, index, attempt) => {
                        known.push(id)
                    }
                    Output::Wait { id, delay, .. } => {
                        errands.waits.push((id, delay));
                        state.alive = state.alive.take().or_else(|| self.me.upgrade());
                    }
                    Output::Finish(_) => {
                        errands.over = Some(state.alive.take());
                        self.over.notify_all();
                    }
                }
            }
            state.outputs = outputs;
        }
    }

    fn is_known(&self, task: &Arc<str>, index: u32, attempt: u32) -> bool {
        self.replay.as_ref().is_some_and(|replay| replay.knows(task, index, attempt))
    }

    /// False if the journal fails at this event.
    fn record(&self, state: &mut DispatchState, event: Timed<RunEvent>) -> bool {
        state.view.apply(&event);
        // An observer that panics is not told more than others: the flow run goes on.
        let _ = catch_unwind(AssertUnwindSafe(|| self.observer.event(&event)));
        let Some(journal) = &self.journal else { return true };
        let is_there = self.replay.as_ref().is_some_and(|replay| replay.has(&event.event));
        if is_there || state.journal_error.is_some() {
            return true;
        }
        state.journal_error = journal.append(event).err();
        state.journal_error.is_none()
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
            journal_error: state.journal_error.clone(),
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
        for (id, delay) in errands.waits {
            let waiter: Weak<dyn Waiter> = self.me.clone();
            if !timer::wait(waiter, id.0, delay) {
                // Nobody keeps time, so the next attempt starts at once.
                self.step(Input::Elapsed(id));
            }
        }
        if errands.cancel {
            self.cancel_runners();
        }
        if let Some(alive) = errands.over {
            let runners = std::mem::take(&mut *lock(&self.found));
            drop((runners, alive));
        }
    }

    fn runner(&self, choice: Option<RunnerChoice>) -> Option<Arc<dyn Runner>> {
        lock(&self.found).get(&choice).cloned()
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.step(Input::Cancel);
        self.cancel_runners();
    }

    fn cancel_runners(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
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
        if let Some(journal) = &self.journal {
            journal.attach(task, index, &attachment);
        }
    }
}

impl Waiter for Dispatch {
    fn elapsed(&self, waits: Vec<u64>) {
        let errands = {
            let _wake = WakeOnPanic(&self.over);
            let mut state = lock(&self.state);
            let mut errands = Errands::default();
            for id in waits {
                self.step_locked(&mut state, Input::Elapsed(WaitId(id)), &mut errands);
            }
            errands
        };
        self.run(errands);
    }
}

impl Errands {
    fn start(&mut self, runner: Option<RunnerChoice>, request: TaskRunRequest) {
        match self.starts.iter_mut().find(|(known, _)| *known == runner) {
            Some((_, requests)) => requests.push(request),
            None => self.starts.push((runner, vec![request])),
        }
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
