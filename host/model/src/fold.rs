//! [`RunFold`]: what the events of a flow run add up to. Bounded: the runs of a mapped subflow share one line, `months[*]/clean`.
//!
//! A flow run that is watched and the summaries of a journal are this same fold, so that they never tell different stories.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::event::{FlowRunEnding, Origin, RunEvent, TakenBack, TaskState, Timed};
use crate::powers::{self, Refusal};
use crate::task_run::{TaskFailure, Usage};

/// Most failures that are kept for a task: enough to see what is wrong.
pub const FAILURES_MAX: usize = 10;

/// Most bytes of a run's failure in a listing.
const FAILURE_BYTES_MAX: usize = 2_000;

/// What is known of a task, or of the same task in all runs of a mapped subflow.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskReport {
    /// The path in the flow run; indexes of mapped subflows are `*`.
    pub path: Arc<str>,
    /// How it ended; the worst, if several share the path. None while it waits or runs.
    pub state: Option<TaskState>,
    /// Whether the flow run failed because of it: nobody handled its failure. Not in the summaries of a journal.
    pub is_cause: bool,
    /// How many share the path and have started or ended.
    pub tasks: u64,
    /// How many of these are over.
    pub tasks_ended: u64,
    /// Task runs, as far as they are known.
    pub runs: u64,
    /// Task runs that are over.
    pub runs_ended: u64,
    /// Task runs that failed.
    pub runs_failed: u64,
    /// Task runs whose result was in the cache.
    pub runs_cached: u64,
    /// Task runs that had ended before the flow run was resumed; not those whose result was in the cache then.
    pub runs_before: u64,
    /// Attempts that failed and were followed by another one.
    pub retries: u64,
    /// The first few failures.
    pub failures: Vec<FailedRun>,
    /// What its runs tried and were not granted; the first few different ones. Not in the summaries of a journal.
    pub refusals: Vec<Refusal>,
    /// For each of these, the own path of the task that tried it first.
    pub refused: Vec<Arc<str>>,
    /// What its runs used together.
    pub usage: Usage,
    /// When its arguments were complete, since the flow run's start.
    pub started_at: Option<Duration>,
    /// When the last one was over.
    pub ended_at: Option<Duration>,
    /// How far it said to be, the last time; only in the summaries of a journal.
    pub progress: Option<LastProgress>,
}

/// A task run that failed, or a task that could not start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailedRun {
    /// The task's own path.
    pub task: Arc<str>,
    /// Its index; none if the task itself failed, before any run.
    pub index: Option<u32>,
    /// Why.
    pub failure: TaskFailure,
}

/// How far a task said to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastProgress {
    /// Which of its runs said so.
    pub index: u32,
    /// Units done.
    pub done: u32,
    /// Units in all; 0 if unknown.
    pub total: u32,
    /// What it was doing; may be empty.
    pub message: String,
}

/// Sums over all tasks; runs of subflows do not count, those of the tasks in them do.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Totals {
    /// Task runs, as far as they are known.
    pub runs: u64,
    /// Task runs that are over.
    pub runs_ended: u64,
    /// Task runs that failed.
    pub runs_failed: u64,
    /// Task runs whose result was in the cache.
    pub runs_cached: u64,
    /// Attempts that failed and were followed by another one.
    pub retries: u64,
    /// What they used together.
    pub usage: Usage,
    /// The first failure, in words.
    pub failure: Option<String>,
}

/// What the events so far add up to.
#[derive(Clone, Default, Debug)]
pub struct RunFold {
    tasks: Vec<TaskReport>,
    by_path: HashMap<Arc<str>, usize>,
    /// For each task whether it runs a subflow: known when the first of its tasks is met.
    is_subflow: Vec<bool>,
    /// Whose event was the last: the next one is often of the same task.
    last: Option<(Arc<str>, usize)>,
    totals: Totals,
    at: Duration,
    ending: Option<FlowRunEnding>,
}

impl RunFold {
    /// Of a flow run whose events so far add up to this.
    pub fn resumed(mut tasks: Vec<TaskReport>, totals: Totals, at: Duration) -> RunFold {
        // One that was stopped goes on.
        for task in tasks.iter_mut().filter(|task| task.state == Some(TaskState::Cancelled)) {
            task.state = None;
            task.ended_at = None;
            task.tasks_ended = task.tasks_ended.min(task.tasks.saturating_sub(1));
        }
        let by_path: HashMap<_, _> = tasks.iter().enumerate().map(|(at, task)| (Arc::clone(&task.path), at)).collect();
        let mut is_subflow = vec![false; tasks.len()];
        for around in tasks.iter().filter_map(|task| by_path.get(around(&task.path)?)) {
            is_subflow[*around] = true;
        }
        RunFold { tasks, by_path, is_subflow, totals, at, ..RunFold::default() }
    }

    /// Adds an event; gives the position of the task that it is of, if it is of a single one.
    pub fn apply(&mut self, event: &Timed<RunEvent>) -> Option<usize> {
        self.at = self.at.max(event.at);
        match &event.event {
            RunEvent::TaskStarted { task, runs } => {
                let at = self.position(task);
                let line = &mut self.tasks[at];
                line.tasks += 1;
                line.runs += u64::from(*runs);
                line.started_at.get_or_insert(event.at);
                if !self.is_subflow[at] {
                    self.totals.runs += u64::from(*runs);
                }
                Some(at)
            }
            RunEvent::TaskRefused { task, failure } => {
                let at = self.position(task);
                let line = &mut self.tasks[at];
                line.tasks += 1;
                line.started_at.get_or_insert(event.at);
                self.failed(at, task, None, failure);
                Some(at)
            }
            RunEvent::TaskRunsEnded { task, count, usage, failures, refusals, origin, .. } => {
                let at = self.position(task);
                self.runs_over(at, u64::from(*count), usage, failures.len() as u64, *origin);
                let line = &mut self.tasks[at];
                powers::gather(&mut line.refusals, refusals);
                line.refused.resize_with(line.refusals.len(), || Arc::clone(task));
                let kept = failures.iter().take(FAILURES_MAX);
                kept.for_each(|(index, failure)| self.failed(at, task, Some(*index), failure));
                Some(at)
            }
            RunEvent::RunRetried { task, usage, .. } => {
                let at = self.position(task);
                let line = &mut self.tasks[at];
                line.retries += 1;
                line.usage.add(usage);
                self.totals.retries += 1;
                self.totals.usage.add(usage);
                Some(at)
            }
            RunEvent::TaskEnded { task, state } => {
                let at = self.position(task);
                self.tasks[at].over(state, event.at);
                Some(at)
            }
            RunEvent::FlowRunEnded(ending) => {
                if let FlowRunEnding::Failed(causes) = ending {
                    for task in causes {
                        let at = self.position(task);
                        self.tasks[at].is_cause = true;
                    }
                }
                self.ending = Some(ending.clone());
                None
            }
            RunEvent::FlowRunResumed { taken_back } => {
                taken_back.iter().for_each(|back| self.take_back(back));
                self.tasks.iter_mut().for_each(|task| task.is_cause = false);
                self.ending = None;
                // Those that are left were handled.
                let first = self.tasks.iter().find_map(|task| task.failures.first());
                self.totals.failure = first.map(|failed| in_words(&failed.task, &failed.failure));
                None
            }
        }
    }

    /// The tasks, in the order in which they were met.
    pub fn tasks(&self) -> &[TaskReport] {
        &self.tasks
    }

    /// Sums over all tasks.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Time of the last event.
    pub fn at(&self) -> Duration {
        self.at
    }

    /// How the flow run ended, if it did.
    pub fn ending(&self) -> Option<&FlowRunEnding> {
        self.ending.as_ref()
    }

    /// Keeps what a task said last; gives its position.
    pub fn progress(&mut self, task: &Arc<str>, progress: LastProgress) -> usize {
        let at = self.position(task);
        self.tasks[at].progress = Some(progress);
        at
    }

    /// Where a task stands; at the end, if it is new.
    pub fn position(&mut self, task: &Arc<str>) -> usize {
        match &self.last {
            Some((last, at)) if Arc::ptr_eq(last, task) => *at,
            _ => {
                let at = match task.contains('[') {
                    false => self.find(task, |_| Arc::clone(task)),
                    true => self.find(&shared_path(task), |path| path.into()),
                };
                self.last = Some((Arc::clone(task), at));
                at
            }
        }
    }

    fn find(&mut self, path: &str, own: impl FnOnce(&str) -> Arc<str>) -> usize {
        if let Some(at) = self.by_path.get(path) {
            return *at;
        }
        if let Some(around) = around(path).and_then(|around| self.by_path.get(around).copied()) {
            self.runs_subflow(around);
        }
        let path = own(path);
        self.tasks.push(TaskReport::new(Arc::clone(&path)));
        self.is_subflow.push(false);
        self.by_path.insert(path, self.tasks.len() - 1);
        self.tasks.len() - 1
    }

    /// What was counted of a task so far were runs of a subflow.
    fn runs_subflow(&mut self, at: usize) {
        if !std::mem::replace(&mut self.is_subflow[at], true) {
            let (line, totals) = (&self.tasks[at], &mut self.totals);
            totals.runs = totals.runs.saturating_sub(line.runs);
            totals.runs_ended = totals.runs_ended.saturating_sub(line.runs_ended);
            totals.runs_failed = totals.runs_failed.saturating_sub(line.runs_failed);
        }
    }

    fn runs_over(&mut self, at: usize, count: u64, usage: &Usage, failed: u64, origin: Origin) {
        let line = &mut self.tasks[at];
        let cached = if origin == Origin::Cache { count } else { 0 };
        line.runs_ended += count;
        line.runs_failed += failed;
        line.runs_cached += cached;
        line.runs_before += if origin == Origin::Journal { count } else { 0 };
        line.usage.add(usage);
        self.totals.usage.add(usage);
        if !self.is_subflow[at] {
            self.totals.runs_ended += count;
            self.totals.runs_failed += failed;
            self.totals.runs_cached += cached;
        }
    }

    fn take_back(&mut self, back: &TakenBack) {
        let at = self.position(&back.task);
        self.tasks[at].take_back(back);
        if self.is_subflow[at] {
            return;
        }
        let totals = &mut self.totals;
        totals.runs = totals.runs.saturating_sub(back.runs.into());
        totals.runs_ended = totals.runs_ended.saturating_sub(back.ended.into());
        totals.runs_failed = totals.runs_failed.saturating_sub(back.failed.into());
        totals.runs_cached = totals.runs_cached.saturating_sub(back.cached.into());
    }

    fn failed(&mut self, at: usize, task: &Arc<str>, index: Option<u32>, failure: &TaskFailure) {
        let line = &mut self.tasks[at];
        if line.failures.len() < FAILURES_MAX {
            line.failures.push(FailedRun { task: Arc::clone(task), index, failure: failure.clone() });
        }
        if self.totals.failure.is_none() {
            self.totals.failure = Some(in_words(task, failure));
        }
    }
}

fn in_words(task: &str, failure: &TaskFailure) -> String {
    let mut text = format!("`{task}` {failure}");
    text.truncate(text.floor_char_boundary(FAILURE_BYTES_MAX));
    text
}

/// The task whose subflow the task at this path is in: `months[*]/clean` → `months`.
fn around(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(around, _)| around.strip_suffix("[*]").unwrap_or(around))
}

/// `months[3]/clean` → `months[*]/clean`.
pub fn shared_path(path: &str) -> String {
    let mut shared = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        shared.push_str(before);
        shared.push_str("[*");
        rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    shared.push_str(rest);
    shared
}

impl TaskReport {
    /// Of a task of which nothing is known.
    pub fn new(path: Arc<str>) -> TaskReport {
        TaskReport {
            path,
            state: None,
            is_cause: false,
            tasks: 0,
            tasks_ended: 0,
            runs: 0,
            runs_ended: 0,
            runs_failed: 0,
            runs_cached: 0,
            runs_before: 0,
            retries: 0,
            failures: Vec::new(),
            refusals: Vec::new(),
            refused: Vec::new(),
            usage: Usage::default(),
            started_at: None,
            ended_at: None,
            progress: None,
        }
    }

    /// One of those that share the line is back to waiting. What it used was used.
    fn take_back(&mut self, back: &TakenBack) {
        self.tasks_ended = self.tasks_ended.saturating_sub(1);
        self.tasks = self.tasks.saturating_sub(back.starts_anew.into());
        self.runs = self.runs.saturating_sub(back.runs.into());
        self.runs_ended = self.runs_ended.saturating_sub(back.ended.into());
        self.runs_failed = self.runs_failed.saturating_sub(back.failed.into());
        self.runs_cached = self.runs_cached.saturating_sub(back.cached.into());
        self.failures.retain(|failed| failed.task != back.task);
        self.state = (self.tasks_ended > 0).then_some(TaskState::Succeeded);
        self.ended_at = None;
        if self.tasks == 0 {
            (self.started_at, self.progress) = (None, None);
        }
    }

    fn over(&mut self, state: &TaskState, at: Duration) {
        self.tasks_ended += 1;
        self.tasks = self.tasks.max(self.tasks_ended);
        if self.state.as_ref().is_none_or(|known| severity(state) > severity(known)) {
            self.state = Some(state.clone());
        }
        self.ended_at = Some(at);
    }
}

fn severity(state: &TaskState) -> u8 {
    match state {
        TaskState::Skipped => 0,
        TaskState::Succeeded => 1,
        TaskState::NotRun(_) => 2,
        TaskState::Cancelled => 3,
        TaskState::Failed => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(event: RunEvent) -> Timed<RunEvent> {
        Timed { at: Duration::from_millis(1), event }
    }

    fn ended(task: &Arc<str>, failures: Vec<(u32, TaskFailure)>, refusals: Vec<Refusal>) -> RunEvent {
        RunEvent::TaskRunsEnded {
            task: Arc::clone(task),
            first: 0,
            count: failures.len() as u32,
            usage: Usage::default(),
            failures,
            refusals,
            results: vec![],
            origin: Origin::Run,
        }
    }

    #[test]
    fn runs_of_a_mapped_subflow_share_a_line() {
        let mut fold = RunFold::default();
        for month in 0..100_000 {
            let task: Arc<str> = format!("years[7]/months[{month}]/clean").into();
            // As if each month tried something of its own.
            let refusals = vec![Refusal { attempt: format!("open `{month}`"), grant: String::new() }];
            fold.apply(&timed(RunEvent::TaskStarted { task: Arc::clone(&task), runs: 1 }));
            fold.apply(&timed(ended(&task, vec![(0, TaskFailure::Exited(1))], refusals)));
            fold.apply(&timed(RunEvent::TaskEnded { task, state: TaskState::Failed }));
        }
        let [report] = fold.tasks() else { panic!("one line") };
        assert_eq!(&*report.path, "years[*]/months[*]/clean");
        assert_eq!((report.tasks, report.runs_ended, report.runs_failed), (100_000, 100_000, 100_000));
        assert_eq!(report.failures.len(), FAILURES_MAX);
        assert_eq!(&*report.failures[3].task, "years[7]/months[3]/clean");
        assert_eq!(report.state, Some(TaskState::Failed));
        assert_eq!((report.refusals.len(), report.refused.len()), (powers::REFUSALS_MAX, powers::REFUSALS_MAX));
        assert_eq!((&*report.refused[3], &*report.refusals[3].attempt), ("years[7]/months[3]/clean", "open `3`"));
    }

    #[test]
    fn the_worst_end_of_those_that_share_a_line_is_told() {
        let mut report = TaskReport::new("months[*]/clean".into());
        for state in [TaskState::Skipped, TaskState::Succeeded, TaskState::Cancelled, TaskState::Succeeded] {
            report.over(&state, Duration::ZERO);
        }
        assert_eq!(report.state, Some(TaskState::Cancelled));
    }

    #[test]
    fn a_flow_run_that_goes_on_after_a_failure_counts_what_failed_no_more() {
        let mut fold = RunFold::default();
        let (map, next): (Arc<str>, Arc<str>) = ("map".into(), "next".into());
        let mut apply = |event| fold.apply(&timed(event));
        apply(RunEvent::TaskStarted { task: Arc::clone(&map), runs: 3 });
        let failures = vec![(1, TaskFailure::Exited(1))];
        let mut some = ended(&map, failures, vec![]);
        if let RunEvent::TaskRunsEnded { count, .. } = &mut some {
            *count = 2;
        }
        apply(some);
        apply(RunEvent::TaskEnded { task: Arc::clone(&map), state: TaskState::Failed });
        apply(RunEvent::TaskEnded { task: Arc::clone(&next), state: TaskState::NotRun("map".into()) });
        apply(RunEvent::FlowRunEnded(FlowRunEnding::Failed(vec![Arc::clone(&map)])));
        let back = |task: &Arc<str>, starts_anew, ended| TakenBack {
            task: Arc::clone(task),
            starts_anew,
            runs: 0,
            ended,
            failed: ended,
            cached: 0,
        };
        apply(RunEvent::FlowRunResumed { taken_back: vec![back(&map, false, 1), back(&next, true, 0)] });
        let [map, next] = fold.tasks() else { panic!("two lines") };
        assert_eq!((map.state.as_ref(), map.tasks, map.tasks_ended), (None, 1, 0));
        assert_eq!((map.runs, map.runs_ended, map.runs_failed, map.failures.len()), (3, 1, 0, 0));
        assert!(!map.is_cause && map.started_at.is_some());
        assert_eq!((next.state.as_ref(), next.tasks, next.tasks_ended), (None, 0, 0));
        let totals = fold.totals();
        assert_eq!((totals.runs, totals.runs_ended, totals.runs_failed, &totals.failure), (3, 1, 0, &None));
        assert_eq!(fold.ending(), None);
    }

    #[test]
    fn runs_of_a_subflow_are_not_counted_beside_those_of_its_tasks_also_when_the_run_goes_on() {
        let started = |task: &str, runs| timed(RunEvent::TaskStarted { task: task.into(), runs });
        let mut fold = RunFold::default();
        for event in [started("alone", 1), started("subs", 2), started("subs[0]/in", 3)] {
            fold.apply(&event);
        }
        fold.apply(&timed(ended(&"subs[0]/in".into(), vec![(0, TaskFailure::Returned("no".into()))], vec![])));
        let (runs, failed) = (fold.totals().runs, fold.totals().runs_failed);
        assert_eq!((runs, failed, fold.tasks()[1].runs), (4, 1, 2));
        let mut again = RunFold::resumed(fold.tasks().to_vec(), fold.totals().clone(), fold.at());
        again.apply(&timed(ended(&"subs".into(), vec![(0, TaskFailure::Returned("no".into()))], vec![])));
        again.apply(&started("subs[1]/in", 3));
        assert_eq!((again.totals().runs, again.totals().runs_failed), (7, 1));
    }

    #[test]
    fn the_first_failure_is_told_and_a_few_are_kept() {
        let mut fold = RunFold::default();
        let failures = (0..100).map(|index| (index, TaskFailure::Returned("ß".repeat(5_000)))).collect();
        fold.apply(&timed(ended(&"t".into(), failures, vec![])));
        assert_eq!(fold.totals().runs_failed, 100);
        assert!(fold.totals().failure.as_ref().is_some_and(|text| text.len() <= FAILURE_BYTES_MAX));
        assert_eq!(fold.tasks()[0].failures.len(), FAILURES_MAX);
    }
}
