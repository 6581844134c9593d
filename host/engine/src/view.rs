//! [`FlowRunView`]: what the events of a flow run add up to. A fold, and bounded: the runs of a mapped subflow share one line, `months[*]/clean`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use taskhost_flow::flow::Flow;
use taskhost_model::event::Timed;
use taskhost_model::{FlowRunEnding, Origin, Refusal, RunEvent, TaskFailure, TaskState, Usage, powers};

/// Most failures that are kept for a task: enough to see what is wrong.
const FAILURES_MAX: usize = 10;

/// What is known of a flow run.
#[derive(Clone, Debug, Default)]
pub struct FlowRunView {
    tasks: Vec<TaskReport>,
    by_path: HashMap<Arc<str>, usize>,
    /// Whose event was the last: the next one is often of the same task.
    last: Option<(Arc<str>, usize)>,
    usage: Usage,
    ending: Option<FlowRunEnding>,
    ended_at: Option<Duration>,
}

/// What is known of a task, or of the same task in all runs of a mapped subflow.
#[derive(Clone, Debug)]
pub struct TaskReport {
    /// The path in the flow run; indexes of mapped subflows are `*`.
    pub path: Arc<str>,
    /// How it ended; the worst, if several share the path. None while it waits or runs.
    pub state: Option<TaskState>,
    /// Whether the flow run failed because of it: nobody handled its failure.
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
    /// The first few of these.
    pub failures: Vec<FailedRun>,
    /// Attempts that failed and were followed by another one.
    pub retries: u64,
    /// Task runs whose result was in the cache.
    pub runs_cached: u64,
    /// What its runs tried and were not granted; the first few different ones.
    pub refusals: Vec<Refusal>,
    /// For each of these, the own path of the task that tried it first.
    pub refused: Vec<Arc<str>>,
    /// What its runs used together.
    pub usage: Usage,
    /// When its arguments were complete.
    pub started_at: Option<Duration>,
    /// When the last one was over.
    pub ended_at: Option<Duration>,
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

impl FlowRunView {
    /// Before the first event: the tasks of `flow` in the order of its file. Those of subflows follow as they are met.
    pub fn new(flow: &Flow) -> FlowRunView {
        let mut view = FlowRunView::default();
        for task in &flow.tasks {
            view.at(&task.name);
        }
        view
    }

    /// Adds an event.
    pub fn apply(&mut self, event: &Timed<RunEvent>) {
        match &event.event {
            RunEvent::TaskStarted { task, runs } => {
                let report = self.at(task);
                report.tasks += 1;
                report.runs += u64::from(*runs);
                report.started_at.get_or_insert(event.at);
            }
            RunEvent::TaskRefused { task, failure } => {
                let report = self.at(task);
                report.tasks += 1;
                report.started_at.get_or_insert(event.at);
                report.keep(task, None, failure);
            }
            RunEvent::TaskRunsEnded { task, count, usage, failures, refusals, origin, .. } => {
                let report = self.at(task);
                report.runs_cached += if *origin == Origin::Cache { u64::from(*count) } else { 0 };
                report.runs_over(task, *count, usage, failures);
                powers::gather(&mut report.refusals, refusals);
                report.refused.resize_with(report.refusals.len(), || Arc::clone(task));
                self.usage.add(usage);
            }
            RunEvent::RunRetried { task, usage, .. } => {
                let report = self.at(task);
                report.retries += 1;
                report.usage.add(usage);
                self.usage.add(usage);
            }
            RunEvent::TaskEnded { task, state } => self.at(task).over(state, event.at),
            RunEvent::FlowRunEnded(ending) => {
                if let FlowRunEnding::Failed(causes) = ending {
                    causes.iter().for_each(|task| self.at(task).is_cause = true);
                }
                self.ending = Some(ending.clone());
                self.ended_at = Some(event.at);
            }
        }
    }

    /// The tasks, in the order of the flow; those of subflows in the order in which they were met.
    pub fn tasks(&self) -> &[TaskReport] {
        &self.tasks
    }

    /// What all task runs used together.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// How the flow run ended, if it did.
    pub fn ending(&self) -> Option<&FlowRunEnding> {
        self.ending.as_ref()
    }

    /// When it ended, if it did.
    pub fn ended_at(&self) -> Option<Duration> {
        self.ended_at
    }

    fn at(&mut self, task: &Arc<str>) -> &mut TaskReport {
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
        &mut self.tasks[at]
    }

    fn find(&mut self, path: &str, own: impl FnOnce(&str) -> Arc<str>) -> usize {
        if let Some(at) = self.by_path.get(path) {
            return *at;
        }
        let path = own(path);
        self.tasks.push(TaskReport::new(Arc::clone(&path)));
        self.by_path.insert(path, self.tasks.len() - 1);
        self.tasks.len() - 1
    }
}

/// `months[3]/clean` → `months[*]/clean`.
fn shared_path(path: &str) -> String {
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
    fn new(path: Arc<str>) -> TaskReport {
        TaskReport {
            path,
            state: None,
            is_cause: false,
            tasks: 0,
            tasks_ended: 0,
            runs: 0,
            runs_ended: 0,
            runs_failed: 0,
            failures: Vec::new(),
            retries: 0,
            runs_cached: 0,
            refusals: Vec::new(),
            refused: Vec::new(),
            usage: Usage::default(),
            started_at: None,
            ended_at: None,
        }
    }

    fn runs_over(&mut self, task: &Arc<str>, count: u32, usage: &Usage, failures: &[(u32, TaskFailure)]) {
        self.runs_ended += u64::from(count);
        self.runs_failed += failures.len() as u64;
        self.usage.add(usage);
        failures.iter().take(FAILURES_MAX).for_each(|(index, failure)| self.keep(task, Some(*index), failure));
    }

    fn keep(&mut self, task: &Arc<str>, index: Option<u32>, failure: &TaskFailure) {
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(FailedRun { task: Arc::clone(task), index, failure: failure.clone() });
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

    #[test]
    fn runs_of_a_mapped_subflow_share_a_line() {
        let mut view = FlowRunView::default();
        for month in 0..100_000 {
            let task: Arc<str> = format!("years[7]/months[{month}]/clean").into();
            let failures = vec![(0, TaskFailure::Exited(1))];
            let usage = Usage::default();
            for event in [
                RunEvent::TaskStarted { task: Arc::clone(&task), runs: 1 },
                RunEvent::TaskRunsEnded {
                    task: Arc::clone(&task),
                    first: 0,
                    count: 1,
                    usage,
                    failures,
                    // As if each month tried something of its own.
                    refusals: vec![Refusal { attempt: format!("open `{month}`"), grant: String::new() }],
                    results: Vec::new(),
                    origin: Origin::Run,
                },
                RunEvent::TaskEnded { task, state: TaskState::Failed },
            ] {
                view.apply(&Timed { at: Duration::from_millis(month), event });
            }
        }
        let [report] = view.tasks() else { panic!("one line") };
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
}
