//! A world around one scheduler: a runner that ends runs in any order, a clock without time, a journal. What must hold is looked at
//! after every step.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use taskhost_engine::scheduler::{Input, Output, WaitId};
use taskhost_engine::{Answerer, Replay, Scheduler};
use taskhost_flow::Plan;
use taskhost_flow::flow::RunnerChoice;
use taskhost_model::event::{TakenBack, Timed};
use taskhost_model::{
    Ending, FlowRunEnding, FlowRunId, Origin, RequestId, RunEvent, TaskRunOutcome, TaskRunReport, TaskRunRequest,
    TaskState, Value,
};

use crate::flows::{self, Dice, Facts, ending, pattern};

const ID: fn() -> FlowRunId = || FlowRunId::new(3, 4);

/// What all runs of one flow have in common.
pub(crate) struct Setting {
    pub(crate) plan: Plan,
    pub(crate) capacity: usize,
    pub(crate) facts: HashMap<String, Facts>,
    /// Decides how attempts end.
    pub(crate) salt: u64,
}

/// How attempts end.
#[derive(Clone, Copy)]
pub(crate) enum Luck<'s> {
    /// As the salt says.
    Salt(u64),
    /// Well.
    Good,
    /// As this knows, and well if it does not.
    Known(&'s Replay),
}

impl Luck<'_> {
    fn ending(self, request: &TaskRunRequest, index: u32) -> Ending {
        let known = |replay: &Replay| {
            let request = TaskRunRequest { indexes: index..index + 1, ..request.clone() };
            replay.answer(&request).reports.pop().map(|report| report.outcomes[0].ending.clone())
        };
        let good = || Ending::Returned(Value::ok(Some(Value::U32(index))));
        match self {
            Luck::Salt(salt) => ending(salt, &request.task, index, request.attempt),
            Luck::Good => good(),
            Luck::Known(replay) => known(replay).unwrap_or_else(good),
        }
    }
}

impl Setting {
    pub(crate) fn random(dice: &mut Dice) -> Setting {
        let flow = flows::random_flow(dice, 0);
        let capacity = if dice.one_in(3) { 700 } else { 1 + dice.below(5) as usize };
        let salt = u64::from(dice.below(u32::MAX));
        let plan = crate::support::plan(flow);
        Setting { facts: flows::facts(plan.flow()), plan, capacity, salt }
    }
}

/// A request whose outcomes have not all come.
struct Open {
    request: TaskRunRequest,
    runner: Option<RunnerChoice>,
    left: Vec<u32>,
    withdrawn: bool,
}

/// How a flow run ended, and every task in it.
#[derive(PartialEq, Debug)]
pub(crate) struct End {
    outputs: Vec<Option<Value>>,
    failed: Vec<Arc<str>>,
    states: BTreeMap<Arc<str>, TaskState>,
}

/// An answer from the journal that the scheduler has not got yet.
struct Known {
    report: TaskRunReport,
    task: Arc<str>,
    runner: Option<RunnerChoice>,
}

pub(crate) struct World<'s> {
    setting: &'s Setting,
    pub(crate) luck: Luck<'s>,
    scheduler: Scheduler,
    open: Vec<Open>,
    /// Answers from the journal.
    known: Vec<Known>,
    waits: Vec<WaitId>,
    in_flight: HashMap<Option<RunnerChoice>, usize>,
    tagged: Vec<u32>,
    asked: HashSet<(Arc<str>, u32, u32)>,
    /// Task runs that were over before this part of the flow run, by our own count.
    over_before: HashSet<(Arc<str>, u32)>,
    runs: HashMap<Arc<str>, (u32, u32)>,
    pub(crate) states: BTreeMap<Arc<str>, TaskState>,
    told: Vec<TaskRunReport>,
    stopping: bool,
    pub(crate) ending: Option<FlowRunEnding>,
    replay: Replay,
    /// What is durable: the events of the earlier part, and those that it did not have.
    pub(crate) journal: Vec<Timed<RunEvent>>,
    pub(crate) trace: Option<String>,
}

/// Counts `runs` more, or fewer, of a task.
fn count(setting: &Setting, tagged: &mut [u32], task: &str, change: impl Fn(&mut u32)) {
    for tag in setting.facts.get(&pattern(task)).into_iter().flat_map(|facts| &facts.tags) {
        change(&mut tagged[*tag]);
    }
}

impl<'s> World<'s> {
    /// A flow run after an earlier part of it, which may be empty.
    pub(crate) fn new(setting: &'s Setting, earlier: &[Timed<RunEvent>]) -> World<'s> {
        let capacity = setting.capacity;
        let mut scheduler = Scheduler::new(ID(), &setting.plan, Box::new(move |_| capacity));
        scheduler.keep_results();
        World {
            luck: Luck::Salt(setting.salt),
            scheduler,
            open: Vec::new(),
            known: Vec::new(),
            waits: Vec::new(),
            in_flight: HashMap::new(),
            tagged: vec![0; setting.plan.flow().tag_limits.len()],
            asked: HashSet::new(),
            over_before: over_before(earlier),
            runs: HashMap::new(),
            states: BTreeMap::new(),
            told: Vec::new(),
            stopping: false,
            ending: None,
            replay: flows::replay(earlier),
            journal: earlier.to_vec(),
            trace: None,
            setting,
        }
    }

    /// Plays it to its end. Who disturbs may also end it early.
    pub(crate) fn play(&mut self, dice: &mut Dice, disturb: bool) {
        self.step(Input::Start);
        while self.ending.is_none() {
            let input = self.next(dice, disturb);
            self.step(input);
        }
        self.is_complete();
    }

    fn next(&mut self, dice: &mut Dice, disturb: bool) -> Input {
        if disturb {
            match dice.below(240) {
                0 => {
                    self.stopping = true;
                    return Input::Cancel;
                }
                1..3 => {
                    self.stopping = true;
                    return Input::Drain;
                }
                3..30 if !self.told.is_empty() => return Input::Ended(self.told[dice.index_of(&self.told)].clone()),
                30..40 => return Input::Ended(foreign(dice)),
                40..50 => return Input::Elapsed(WaitId(u64::from(dice.below(9)))),
                _ => {}
            }
        }
        let (waits, known) = (self.waits.len() as u32, self.known.len() as u32);
        let at = dice.below(waits + known + self.open.len() as u32);
        if at < waits {
            return Input::Elapsed(self.waits.swap_remove(at as usize));
        }
        let report = if at < waits + known { self.answer(at - waits) } else { self.random_report(dice) };
        if disturb && self.told.len() < 20 {
            self.told.push(report.clone());
        }
        Input::Ended(report)
    }

    fn step(&mut self, input: Input) {
        // A stale number may be that of a wait that is there.
        if let Input::Elapsed(id) = input {
            self.waits.retain(|wait| *wait != id);
        }
        let mut out = Vec::new();
        self.scheduler.on(input, &mut out);
        for output in out {
            assert!(self.ending.is_none(), "something after the end: {output:?}");
            match output {
                Output::Start { runner, request } => self.starts(runner, request),
                Output::Wait { id, .. } => {
                    assert!(!self.stopping, "a wait after the stop");
                    self.waits.push(id);
                }
                Output::Withdraw { request, .. } => self.withdraws(request),
                Output::Record(event) => self.recorded(event),
                Output::Finish(ending) => self.ending = Some(ending),
            }
        }
        let in_flight: usize = self.in_flight.values().sum();
        assert_eq!(self.scheduler.in_flight(), in_flight);
        let waits = !self.waits.is_empty() && !self.stopping;
        assert!(self.ending.is_some() || in_flight > 0 || waits, "nothing runs and it is not over");
        assert!(self.ending.is_none() || in_flight == 0, "over while something runs");
        for (running, (tag, limit)) in self.tagged.iter().zip(&self.setting.plan.flow().tag_limits) {
            assert!(running <= limit, "{running} runs with the tag {tag}, of which {limit} may run");
        }
    }

    fn starts(&mut self, runner: Option<RunnerChoice>, request: TaskRunRequest) {
        assert!(!self.stopping, "a start after the stop");
        if let Some(trace) = &mut self.trace {
            writeln!(trace, "start {} {:?} {}", request.task, request.indexes, request.attempt).expect("a string");
        }
        assert!(!request.indexes.is_empty() && self.runs.contains_key(&request.task));
        for index in request.indexes.clone() {
            assert!(self.asked.insert((Arc::clone(&request.task), index, request.attempt)), "asked for twice");
        }
        let count_of = request.indexes.len();
        let in_flight = self.in_flight.entry(runner.clone()).or_default();
        *in_flight += count_of;
        assert!(*in_flight <= self.setting.capacity, "more in flight than there is room for");
        count(self.setting, &mut self.tagged, &request.task, |tagged| *tagged += count_of as u32);
        let answers = self.replay.answer(&request);
        let task = || Arc::clone(&request.task);
        self.known.extend(answers.reports.into_iter().map(|report| Known {
            report,
            task: task(),
            runner: runner.clone(),
        }));
        let left: Vec<u32> = answers.unknown.into_iter().flatten().collect();
        for index in &left {
            let run = (Arc::clone(&request.task), *index);
            assert!(!self.over_before.contains(&run), "{run:?} is over, and asked for again");
        }
        if !left.is_empty() {
            self.open.push(Open { request, runner, left, withdrawn: false });
        }
    }

    fn withdraws(&mut self, request: RequestId) {
        match self.open.iter_mut().find(|open| open.request.id == request) {
            Some(open) => open.withdrawn = true,
            None => assert!(self.known.iter().any(|known| known.report.request == request), "it is not open"),
        }
    }

    fn recorded(&mut self, event: RunEvent) {
        if let Some(trace) = &mut self.trace {
            writeln!(trace, "{event:?}").expect("a string");
        }
        match &event {
            RunEvent::TaskStarted { task, runs } => {
                let prefix = task.rfind('/').map_or("", |at| &task[..=at]);
                for need in self.setting.facts.get(&pattern(task)).into_iter().flat_map(|facts| &facts.needs) {
                    let is_over = self.states.contains_key(&*format!("{prefix}{need}"));
                    assert!(is_over, "{task} started before {prefix}{need} was over");
                }
                assert!(self.runs.insert(Arc::clone(task), (*runs, 0)).is_none(), "a task started twice");
            }
            RunEvent::TaskRefused { task, .. } => {
                assert!(self.runs.insert(Arc::clone(task), (0, 0)).is_none(), "a task started twice");
            }
            RunEvent::RunRetried { task, index, attempt, .. } => {
                assert!(self.asked.contains(&(Arc::clone(task), *index, *attempt)), "tried again before it was tried");
                assert!(!self.asked.contains(&(Arc::clone(task), *index, attempt + 1)), "tried again already");
            }
            RunEvent::TaskRunsEnded { task, count, failures, results, .. } => {
                let runs = self.runs.get_mut(task).expect("it was started");
                runs.1 += count;
                assert!(runs.1 <= runs.0 && failures.len() <= *count as usize, "a run was counted twice");
                assert!(results.is_empty() || results.len() == *count as usize, "results are missing");
            }
            RunEvent::TaskEnded { task, state } => {
                assert!(self.states.insert(Arc::clone(task), state.clone()).is_none(), "a task ended twice");
            }
            RunEvent::FlowRunEnded(_) => {}
            RunEvent::FlowRunResumed { .. } => panic!("no scheduler says so"),
        }
        if !self.replay.has(&event) {
            self.journal.push(Timed { at: Duration::ZERO, event });
        }
    }

    fn answered(&mut self, task: &str, runner: Option<RunnerChoice>, runs: usize) {
        *self.in_flight.get_mut(&runner).expect("it has runs") -= runs;
        count(self.setting, &mut self.tagged, task, |tagged| *tagged -= runs as u32);
    }

    /// An answer of the journal.
    fn answer(&mut self, at: u32) -> TaskRunReport {
        let Known { report, task, runner } = self.known.swap_remove(at as usize);
        self.answered(&task, runner, report.outcomes.len());
        report
    }

    /// Ends a random stretch of a random request.
    fn random_report(&mut self, dice: &mut Dice) -> TaskRunReport {
        let at = dice.index_of(&self.open);
        let Open { request, runner, left, withdrawn } = &mut self.open[at];
        let start = dice.index_of(left);
        let stretch = left[start..].windows(2).take_while(|pair| pair[0] + 1 == pair[1]).count() as u32 + 1;
        let count = 1 + dice.below(stretch) as usize;
        let indexes: Vec<u32> = left.drain(start..start + count).collect();
        let is_stopped = *withdrawn || self.stopping;
        let outcome = |index: &u32| match is_stopped && dice.one_in(2) {
            true => Ending::Cancelled,
            false => self.luck.ending(request, *index),
        };
        let outcomes = indexes.iter().map(outcome).map(TaskRunOutcome::without_usage).collect();
        let (flow_run, id) = (request.flow_run, request.id);
        let (task, runner) = (Arc::clone(&request.task), runner.clone());
        if left.is_empty() {
            self.open.swap_remove(at);
        }
        self.answered(&task, runner, count);
        TaskRunReport { flow_run, request: id, first: indexes[0], outcomes, origin: Origin::Run }
    }

    /// A flow run that is over has an end for everything.
    fn is_complete(&self) {
        for task in &self.setting.plan.flow().tasks {
            assert!(self.states.contains_key(&task.name), "task {} is missing", task.name);
        }
        for (task, (runs, ended)) in &self.runs {
            let state = self.states.get(task).unwrap_or_else(|| panic!("task {task} did not end"));
            assert!(*state != TaskState::Succeeded || runs == ended, "task {task} succeeded without all of its runs");
        }
        assert_eq!(matches!(self.ending, Some(FlowRunEnding::Cancelled)), self.stopping);
        assert!(self.scheduler.is_over());
    }

    /// How it ended, and every task in it, as far as that is no chance.
    pub(crate) fn end(&self) -> End {
        let loose = self.states.iter().filter(|(task, state)| {
            **state == TaskState::Failed && self.setting.facts.get(&pattern(task)).is_some_and(|facts| facts.is_loose)
        });
        let loose: Vec<String> = loose.map(|(task, _)| format!("{task}[")).collect();
        let is_firm = |task: &Arc<str>| !loose.iter().any(|prefix| task.starts_with(prefix));
        let (outputs, mut failed) = match self.ending.clone().expect("it is over") {
            FlowRunEnding::Succeeded(outputs) => (outputs, Vec::new()),
            FlowRunEnding::Failed(failed) => (Vec::new(), failed),
            FlowRunEnding::Cancelled => panic!("nobody stopped it"),
        };
        failed.retain(is_firm);
        failed.sort();
        let states = self.states.iter().filter(|(task, _)| is_firm(task));
        End { outputs, failed, states: states.map(|(task, state)| (Arc::clone(task), state.clone())).collect() }
    }
}

/// The task runs that are over, by our own count.
fn over_before(earlier: &[Timed<RunEvent>]) -> HashSet<(Arc<str>, u32)> {
    let (mut over, mut failed) = (HashSet::new(), HashSet::new());
    for event in earlier {
        match &event.event {
            RunEvent::TaskRunsEnded { task, first, count, failures, .. } => {
                over.extend((*first..first + count).map(|index| (Arc::clone(task), index)));
                failed.extend(failures.iter().map(|(index, _)| (Arc::clone(task), *index)));
            }
            RunEvent::FlowRunResumed { taken_back } => {
                for back in taken_back {
                    over.retain(|run| run.0 != back.task || !back.starts_anew && !failed.contains(run));
                    failed.retain(|run| run.0 != back.task);
                }
            }
            _ => {}
        }
    }
    over
}

/// What is taken back failed, did not run, or needs something that is taken back, or is in a subflow task that does.
pub(crate) fn is_justified(setting: &Setting, taken_back: &[TakenBack], states: &BTreeMap<Arc<str>, TaskState>) {
    let paths: HashSet<&str> = taken_back.iter().map(|back| &*back.task).collect();
    for back in taken_back {
        let task = &*back.task;
        let around = task.match_indices('/').map(|(at, _)| &task[..at]).chain([task]);
        let needs_one = around.into_iter().any(|path| {
            let path = path.strip_suffix(']').and_then(|path| path.rsplit_once('[')).map_or(path, |(task, _)| task);
            let prefix = path.rfind('/').map_or("", |at| &path[..=at]);
            let needs = setting.facts.get(&pattern(path)).into_iter().flat_map(|facts| &facts.needs);
            needs.into_iter().any(|need| paths.contains(&*format!("{prefix}{need}")))
        });
        let failed = states.get(task) == Some(&TaskState::Failed);
        assert!(needs_one || failed && back.ended == back.failed, "{back:?} is taken back for no reason");
    }
}

fn foreign(dice: &mut Dice) -> TaskRunReport {
    let (flow_run, request) = match dice.one_in(2) {
        true => (ID(), RequestId(u64::from(dice.below(50)) + 1_000_000)),
        false => (FlowRunId::new(9, 9), RequestId(0)),
    };
    let outcomes = vec![TaskRunOutcome::without_usage(Ending::Cancelled)];
    TaskRunReport { flow_run, request, first: u32::MAX, outcomes, origin: Origin::Run }
}
