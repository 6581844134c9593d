//! [`RunEvent`]: a fact about a flow run, in the order in which it became true.
//!
//! The scheduler decides on events, the dispatcher hands them to an [`Observer`](crate::seams::Observer). A mapped task's
//! runs are told together as far as they ended together.

use std::sync::Arc;
use std::time::Duration;

use crate::powers::Refusal;
use crate::task_run::{TaskFailure, Usage};
use crate::value::Value;

/// A fact about a flow run.
#[derive(Clone, PartialEq, Debug)]
pub enum RunEvent {
    /// A task's arguments are complete and its runs will start as there is room.
    TaskStarted {
        /// Path in the flow run, such as `months[3]/clean`.
        task: Arc<str>,
        /// Task runs that it has: 1, or the length of the mapped lists.
        runs: u32,
    },
    /// A task cannot start: it has no task runs, and [`RunEvent::TaskEnded`] follows.
    TaskRefused {
        /// Path in the flow run.
        task: Arc<str>,
        /// Why, such as mapped lists of unequal length.
        failure: TaskFailure,
    },
    /// Some task runs ended.
    TaskRunsEnded {
        /// Path in the flow run.
        task: Arc<str>,
        /// Index of the first.
        first: u32,
        /// How many, from `first` on.
        count: u32,
        /// What they used together.
        usage: Usage,
        /// Those that failed, by index.
        failures: Vec<(u32, TaskFailure)>,
        /// What they tried and were not granted; few and different ones.
        refusals: Vec<Refusal>,
        /// What each of them returned, a `result` whole, in order; none for one that returned nothing because it failed otherwise. Empty
        /// if nobody keeps a journal.
        results: Vec<Option<Value>>,
        /// Where their outcomes come from.
        origin: Origin,
    },
    /// An attempt of a task run failed, and another one follows, unless its task or the flow run is stopped first. Whether one follows
    /// depends on the failure, the task and the attempt alone, so that a flow run that is resumed sees it the same way.
    RunRetried {
        /// Path in the flow run.
        task: Arc<str>,
        /// Its index.
        index: u32,
        /// The attempt that failed; the first is 1.
        attempt: u32,
        /// Why.
        failure: TaskFailure,
        /// What the attempt used.
        usage: Usage,
        /// How long until the next attempt may start.
        delay: Duration,
    },
    /// A task is over.
    TaskEnded {
        /// Path in the flow run.
        task: Arc<str>,
        /// How it ended.
        state: TaskState,
    },
    /// The flow run is over; the last event, unless it failed and is resumed.
    FlowRunEnded(FlowRunEnding),
    /// The flow run had failed and goes on: these tasks are back to waiting.
    FlowRunResumed {
        /// Those because of which it failed, and those that need them.
        taken_back: Vec<TakenBack>,
    },
}

/// A task that is back to waiting, since the flow run goes on after its failure, and what of it does not count any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakenBack {
    /// Path in the flow run.
    pub task: Arc<str>,
    /// Whether it begins again as if it had never started, because what it needs is run again, or because it had not started. Else the
    /// runs that succeeded stay.
    pub starts_anew: bool,
    /// Task runs that it had; 0 unless it starts anew.
    pub runs: u32,
    /// Task runs whose end does not count any more.
    pub ended: u32,
    /// Of these, those that failed.
    pub failed: u32,
    /// Of these, those whose result was in the cache.
    pub cached: u32,
}

/// Where the outcome of a task run comes from.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Origin {
    /// It was carried out.
    #[default]
    Run,
    /// An equal task run was carried out before: its result was in the cache.
    Cache,
    /// It was carried out before this flow run was resumed: its outcome was in the journal.
    Journal,
}

/// How a task ended.
#[derive(Clone, PartialEq, Debug)]
pub enum TaskState {
    /// Every task run succeeded (or `on-failure = "collect"` keeps the failures in its result).
    Succeeded,
    /// A task run failed; the event before says why.
    Failed,
    /// Its `when` was false, or a task that it needs was skipped.
    Skipped,
    /// A task that it needs failed; its name.
    NotRun(Arc<str>),
    /// The flow run was cancelled first.
    Cancelled,
}

/// How a flow run ended.
#[derive(Clone, PartialEq, Debug)]
pub enum FlowRunEnding {
    /// The outputs, in the order of the flow; none for one whose task was skipped.
    Succeeded(Vec<Option<Value>>),
    /// Paths of the tasks that failed, in the order in which they did.
    Failed(Vec<Arc<str>>),
    /// It was cancelled.
    Cancelled,
}

/// Where a line of a task's log came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogSource {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// `taskhost:task/log`, with its level.
    Log(LogLevel),
    /// Not the task: the runner has something to say of its task run.
    Runner,
}

/// Levels of `taskhost:task/log`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogLevel {
    /// Details for the author.
    Trace,
    /// Details for whoever looks for a mistake.
    Debug,
    /// What everybody may see.
    Info,
    /// Something to look at.
    Warn,
    /// Something went wrong.
    Error,
}

/// What a running task says, while it runs.
#[derive(Clone, PartialEq, Debug)]
pub enum Attachment {
    /// A line of its log, without the line end.
    Log {
        /// Where it came from.
        source: LogSource,
        /// The line; bytes that are no UTF-8 are replaced.
        line: String,
    },
    /// How far it is.
    Progress {
        /// Units done.
        done: u32,
        /// Units in all; 0 if unknown.
        total: u32,
        /// What it is doing; may be empty.
        message: String,
    },
}

/// When an event happened, since the flow run's start.
#[derive(Clone, PartialEq, Debug)]
pub struct Timed<T> {
    /// Since the flow run's start.
    pub at: Duration,
    /// What happened.
    pub event: T,
}
