//! [`Fold`]: what the events of a run add up to, for listings that do not read journals. Bounded: the runs of a mapped subflow share one
//! line, `months[*]/clean`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use taskhost_model::codec::{CodecError, Coded, Reader, write_number, write_text};
use taskhost_model::event::Timed;
use taskhost_model::{FlowRunEnding, Origin, RunEvent, TaskFailure, TaskState, Usage};

/// Most failures that are kept for a task: enough to see what is wrong.
const FAILURES_MAX: usize = 10;

/// Most bytes of a run's failure in a listing.
const FAILURE_BYTES_MAX: usize = 2_000;

/// What is known of a task, or of the same task in all runs of a mapped subflow.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskSummary {
    /// The path in the flow run; indexes of mapped subflows are `*`.
    pub path: Arc<str>,
    /// How it ended; the worst, if several share the path. None while it runs.
    pub state: Option<TaskState>,
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
    /// Attempts that failed and were followed by another one.
    pub retries: u64,
    /// What its runs used together.
    pub usage: Usage,
    /// When its arguments were complete, since the run's start.
    pub started_at: Option<Duration>,
    /// When the last one was over.
    pub ended_at: Option<Duration>,
    /// The first few failures.
    pub failures: Vec<FailedRun>,
    /// How far it said to be, the last time.
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

/// Sums over all tasks.
#[derive(Clone, PartialEq, Default, Debug)]
pub(crate) struct Totals {
    pub(crate) runs: u64,
    pub(crate) runs_ended: u64,
    pub(crate) runs_failed: u64,
    pub(crate) runs_cached: u64,
    pub(crate) retries: u64,
    pub(crate) usage: Usage,
    /// The first failure, in words.
    pub(crate) failure: Option<String>,
}

/// The sums of a run, and which of them changed.
#[derive(Default)]
pub(crate) struct Fold {
    tasks: Vec<TaskSummary>,
    by_path: HashMap<Arc<str>, usize>,
    /// Whose event was the last: the next one is often of the same task.
    last: Option<(Arc<str>, usize)>,
    changed: Vec<usize>,
    is_changed: Vec<bool>,
    pub(crate) totals: Totals,
    /// Time of the last event.
    pub(crate) at: Duration,
    /// How the run ended.
    pub(crate) ending: Option<&'static str>,
}

impl Fold {
    /// Of a run that goes on.
    pub(crate) fn resumed(tasks: Vec<TaskSummary>, totals: Totals, at: Duration) -> Fold {
        let mut tasks = tasks;
        // One that was stopped goes on.
        for task in tasks.iter_mut().filter(|task| task.state == Some(TaskState::Cancelled)) {
            task.state = None;
            task.ended_at = None;
            task.tasks_ended = task.tasks_ended.min(task.tasks.saturating_sub(1));
        }
        let by_path = tasks.iter().enumerate().map(|(at, task)| (Arc::clone(&task.path), at)).collect();
        Fold { is_changed: vec![false; tasks.len()], tasks, by_path, totals, at, ..Fold::default() }
    }

    /// Adds an event.
    pub(crate) fn apply(&mut self, event: &Timed<RunEvent>) {
        self.at = self.at.max(event.at);
        match &event.event {
            RunEvent::TaskStarted { task, runs } => {
                let line = self.line(task);
                line.tasks += 1;
                line.runs += u64::from(*runs);
                line.started_at.get_or_insert(event.at);
                self.totals.runs += u64::from(*runs);
            }
            RunEvent::TaskRefused { task, failure } => {
                let line = self.line(task);
                line.tasks += 1;
                line.started_at.get_or_insert(event.at);
                self.failed(task, None, failure);
            }
            RunEvent::TaskRunsEnded { task, count, usage, failures, origin, .. } => {
                let (count, failed) = (u64::from(*count), failures.len() as u64);
                let cached = if *origin == Origin::Cache { count } else { 0 };
                let line = self.line(task);
                line.runs_ended += count;
                line.runs_failed += failed;
                line.runs_cached += cached;
                line.usage.add(usage);
                self.totals.runs_ended += count;
                self.totals.runs_failed += failed;
                self.totals.runs_cached += cached;
                self.totals.usage.add(usage);
                let kept = failures.iter().take(FAILURES_MAX);
                kept.for_each(|(index, failure)| self.failed(task, Some(*index), failure));
            }
            RunEvent::RunRetried { task, usage, .. } => {
                let line = self.line(task);
                line.retries += 1;
                line.usage.add(usage);
                self.totals.retries += 1;
                self.totals.usage.add(usage);
            }
            RunEvent::TaskEnded { task, state } => self.line(task).over(state, event.at),
            RunEvent::FlowRunEnded(ending) => {
                self.ending = Some(match ending {
                    FlowRunEnding::Succeeded(_) => "succeeded",
                    FlowRunEnding::Failed(_) => "failed",
                    FlowRunEnding::Cancelled => "cancelled",
                });
            }
        }
    }

    /// Keeps what a task said last.
    pub(crate) fn progress(&mut self, task: &Arc<str>, progress: LastProgress) {
        self.line(task).progress = Some(progress);
    }

    /// The tasks that changed since the last time, with their positions.
    pub(crate) fn take_changed(&mut self) -> impl Iterator<Item = (usize, &TaskSummary)> {
        let (tasks, is_changed) = (&self.tasks, &mut self.is_changed);
        self.changed.drain(..).map(|at| {
            is_changed[at] = false;
            (at, &tasks[at])
        })
    }

    fn failed(&mut self, task: &Arc<str>, index: Option<u32>, failure: &TaskFailure) {
        let line = self.line(task);
        if line.failures.len() < FAILURES_MAX {
            line.failures.push(FailedRun { task: Arc::clone(task), index, failure: failure.clone() });
        }
        if self.totals.failure.is_none() {
            let mut text = format!("`{task}` {failure}");
            text.truncate(text.floor_char_boundary(FAILURE_BYTES_MAX));
            self.totals.failure = Some(text);
        }
    }

    fn line(&mut self, task: &Arc<str>) -> &mut TaskSummary {
        let at = match &self.last {
            Some((last, at)) if Arc::ptr_eq(last, task) => *at,
            _ => {
                let at = match task.contains('[') {
                    false => self.find(task, |_| Arc::clone(task)),
                    true => self.find(&shared_path(task), |path| path.into()),
                };
                self.last = Some((Arc::clone(task), at));
                at
            }
        };
        if !self.is_changed[at] {
            self.is_changed[at] = true;
            self.changed.push(at);
        }
        &mut self.tasks[at]
    }

    fn find(&mut self, path: &str, own: impl FnOnce(&str) -> Arc<str>) -> usize {
        if let Some(at) = self.by_path.get(path) {
            return *at;
        }
        let path = own(path);
        self.tasks.push(TaskSummary::new(Arc::clone(&path)));
        self.is_changed.push(false);
        self.by_path.insert(path, self.tasks.len() - 1);
        self.tasks.len() - 1
    }
}

/// `months[3]/clean` → `months[*]/clean`.
pub(crate) fn shared_path(path: &str) -> String {
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

impl TaskSummary {
    pub(crate) fn new(path: Arc<str>) -> TaskSummary {
        TaskSummary {
            path,
            state: None,
            tasks: 0,
            tasks_ended: 0,
            runs: 0,
            runs_ended: 0,
            runs_failed: 0,
            runs_cached: 0,
            retries: 0,
            usage: Usage::default(),
            started_at: None,
            ended_at: None,
            failures: Vec::new(),
            progress: None,
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

impl Coded for FailedRun {
    fn encode(&self, out: &mut Vec<u8>) {
        write_text(out, &self.task);
        write_number(out, self.index.map_or(0, |index| u64::from(index) + 1));
        self.failure.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<FailedRun, CodecError> {
        let task = reader.text()?.into();
        let index = match reader.varint()?.checked_sub(1) {
            None => None,
            Some(index) => Some(u32::try_from(index).map_err(|_| reader.error("an index is too large"))?),
        };
        Ok(FailedRun { task, index, failure: TaskFailure::decode(reader)? })
    }
}

impl Coded for LastProgress {
    fn encode(&self, out: &mut Vec<u8>) {
        [self.index, self.done, self.total].iter().for_each(|number| write_number(out, u64::from(*number)));
        write_text(out, &self.message);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<LastProgress, CodecError> {
        Ok(LastProgress {
            index: reader.number()?,
            done: reader.number()?,
            total: reader.number()?,
            message: reader.text()?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(event: RunEvent) -> Timed<RunEvent> {
        Timed { at: Duration::from_millis(1), event }
    }

    #[test]
    fn runs_of_a_mapped_subflow_share_a_line_and_the_worst_end_is_told() {
        let mut fold = Fold::default();
        for (month, state) in [TaskState::Skipped, TaskState::Failed, TaskState::Succeeded].into_iter().enumerate() {
            let task: Arc<str> = format!("years[7]/months[{month}]/clean").into();
            fold.apply(&timed(RunEvent::TaskStarted { task: Arc::clone(&task), runs: 2 }));
            fold.apply(&timed(RunEvent::TaskEnded { task, state }));
        }
        let lines: Vec<(usize, TaskSummary)> = fold.take_changed().map(|(at, task)| (at, task.clone())).collect();
        let [(0, line)] = &lines[..] else { panic!("one line: {lines:?}") };
        assert_eq!(&*line.path, "years[*]/months[*]/clean");
        assert_eq!((line.tasks, line.tasks_ended, line.runs), (3, 3, 6));
        assert_eq!(line.state, Some(TaskState::Failed));
        assert_eq!(fold.take_changed().count(), 0, "nothing has changed since");
    }

    #[test]
    fn the_first_failure_is_told_and_a_few_are_kept() {
        let mut fold = Fold::default();
        let task: Arc<str> = "t".into();
        let failures = (0..100).map(|index| (index, TaskFailure::Returned("ß".repeat(5_000)))).collect();
        fold.apply(&timed(RunEvent::TaskRunsEnded {
            task,
            first: 0,
            count: 100,
            usage: Usage::default(),
            failures,
            refusals: vec![],
            results: vec![],
            origin: Origin::Run,
        }));
        assert_eq!(fold.totals.runs_failed, 100);
        assert!(fold.totals.failure.as_ref().is_some_and(|text| text.len() <= FAILURE_BYTES_MAX));
        let (_, line) = fold.take_changed().next().expect("a line");
        assert_eq!(line.failures.len(), FAILURES_MAX);
    }
}
