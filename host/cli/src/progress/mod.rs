//! [`Progress`]: what people see on stderr while a flow runs.
//!
//! ```text
//! number-1 | drew 3                  a line that a task prints or logs, at once
//! ✓ number-1      0.4 ms             a task that ended: each one in a small flow, those that took long in a large one
//! ⠹ clean         12 of 48  1.2 s    on a terminal: the tasks in work, once the flow has run for a moment
//! ```
//!
//! Called by whichever thread made an event happen, under the flow run's lock: a glance at the [`Board`], perhaps one write, nothing more.
//! The lines at the bottom are drawn by a thread of their own (`live`), which short flows never wake.

mod board;
mod live;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use taskhost_model::event::{LogLevel, Timed};
use taskhost_model::seams::Observer;
use taskhost_model::{Attachment, LogSource, RunEvent, TaskFailure, TaskState};

use crate::interrupt;
use crate::observe;
use crate::output::{self, BAD, DIM, GOOD, WARN, styled, visible};
use crate::render;
use crate::tasks::{self, Tasks};
use board::{Board, Entry};
use live::Live;

/// How much is said on stderr.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Voice {
    /// Errors and warnings only.
    Quiet,
    /// What reads well.
    Normal,
    /// Also each task that ended, debug messages, and what each task used.
    Verbose,
}

/// What lines begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Labels {
    /// The task's name.
    Tasks,
    /// Nothing: there is only one task.
    None,
}

/// In a flow of at most so many tasks, each task that ended leaves a line.
const SMALL_FLOW_TASKS: usize = 40;

/// A task that took so long leaves a line in any flow.
const LONG: Duration = Duration::from_secs(1);

/// Follows a flow run for people.
pub(crate) struct Progress {
    voice: Voice,
    labels: Labels,
    tasks: Arc<Tasks>,
    name_width: usize,
    /// Asked at each event, so looked up once: a flow may have 100,000 tasks.
    has_subflows: bool,
    shared: Arc<Mutex<Shared>>,
    live: Option<Live>,
}

/// What the observer and the drawing thread share.
struct Shared {
    board: Board,
    /// The lines at the bottom of the terminal, once there are any.
    bars: Option<indicatif::MultiProgress>,
}

impl Shared {
    /// Writes above the lines at the bottom.
    fn write(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| output::stderr(text)),
            None => output::stderr(text),
        }
    }
}

impl Progress {
    /// Before a flow run.
    pub(crate) fn new(tasks: Arc<Tasks>, voice: Voice, labels: Labels) -> Arc<Progress> {
        let shared = Arc::new(Mutex::new(Shared { board: Board::default(), bars: None }));
        let is_live = voice > Voice::Quiet && output::stderr_is_terminal() && !observe::has_logs();
        let names = tasks.flow().tasks.iter().map(|task| task.name.len());
        let name_width =
            if tasks.flow().tasks.len() <= SMALL_FLOW_TASKS { names.max().unwrap_or(0).min(30) } else { 0 };
        let live = is_live.then(|| Live::start(shared.clone()));
        let has_subflows = tasks.flow().tasks.iter().any(tasks::is_subflow);
        Arc::new(Progress { voice, labels, tasks, name_width, has_subflows, shared, live })
    }

    /// `12 of 100`: task runs that had ended, of those known.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let board = &self.lock().board;
        (board.runs_ended, board.runs)
    }

    /// Tasks that have runs to end.
    pub(crate) fn in_work(&self) -> u64 {
        self.lock().board.working()
    }

    /// Writes a message above the lines at the bottom.
    pub(crate) fn say(&self, text: &str) {
        self.lock().write(text);
    }

    /// Takes the lines at the bottom away; to be called once, after the flow run.
    pub(crate) fn finish(&self) {
        if let Some(live) = &self.live {
            live.stop();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_worth_a_line(&self, path: &str, took: Duration, state: &TaskState) -> bool {
        let is_small = self.tasks.flow().tasks.len() <= SMALL_FLOW_TASKS && !path.contains('/');
        match self.voice {
            Voice::Quiet => false,
            _ if self.labels == Labels::None => false,
            Voice::Verbose => true,
            Voice::Normal => is_small || took >= LONG || *state == TaskState::Failed,
        }
    }

    fn ended(&self, path: &str, entry: &Entry, at: Duration, state: &TaskState) -> Option<String> {
        let took = entry.started_at.map_or(Duration::ZERO, |started| at.saturating_sub(started));
        if !self.is_worth_a_line(path, took, state) {
            return None;
        }
        let sign = match state {
            TaskState::Succeeded => styled(GOOD, "✓"),
            TaskState::Failed => styled(BAD, "✗"),
            _ => styled(DIM, "–"),
        };
        let mut parts = vec![format!("{sign} {path:width$}", width = self.name_width)];
        match state {
            TaskState::Skipped => parts.push(styled(DIM, "skipped")),
            TaskState::NotRun(cause) => parts.push(styled(DIM, format!("not run: {cause} failed"))),
            TaskState::Cancelled => parts.push(styled(DIM, "stopped")),
            TaskState::Succeeded | TaskState::Failed => {
                parts.push(format!("{:>7}", render::duration(took)));
                parts.extend(self.runs(path, entry).map(|text| styled(DIM, text)));
            }
        }
        Some(parts.join("  ") + "\n")
    }

    /// `48 task runs`, for a mapped task.
    fn runs(&self, path: &str, entry: &Entry) -> Option<String> {
        let is_mapped = entry.runs != 1 || self.tasks.find(path).is_some_and(taskhost_flow::Task::is_mapped);
        let runs = || match entry.runs_failed {
            0 => render::count(entry.runs, "task run"),
            failed => format!("{failed} of {} failed", render::count(entry.runs, "task run")),
        };
        is_mapped.then(runs)
    }

    fn retried(&self, task: &Arc<str>, index: u32, attempt: u32, failure: &TaskFailure, delay: Duration) {
        if self.voice == Voice::Quiet || self.labels == Labels::None {
            return;
        }
        let name = self.tasks.run_name(task, index);
        let text = failure.to_string();
        let first_line = visible(text.lines().next().unwrap_or_default());
        let again = format!("attempt {attempt} failed, again in {}: {first_line}", render::duration(delay));
        self.lock().write(&format!("{} {name}  {again}\n", styled(WARN, "↻")));
    }

    fn is_subflow(&self, path: &str) -> bool {
        self.tasks.find(path).is_some_and(tasks::is_subflow)
    }

    fn log(&self, task: &Arc<str>, index: u32, source: LogSource, line: &str) {
        let level = match source {
            LogSource::Stdout | LogSource::Stderr => String::new(),
            LogSource::Log(level) if level < LogLevel::Info && self.voice < Voice::Verbose => return,
            LogSource::Log(LogLevel::Error) => styled(BAD, "error: "),
            LogSource::Log(LogLevel::Warn) => styled(WARN, "warning: "),
            LogSource::Log(LogLevel::Info) => String::new(),
            LogSource::Runner => styled(WARN, "runner: "),
            LogSource::Log(LogLevel::Debug) => styled(DIM, "debug: "),
            LogSource::Log(LogLevel::Trace) => styled(DIM, "trace: "),
        };
        let name = match self.labels {
            Labels::None => String::new(),
            Labels::Tasks => {
                let name = self.tasks.run_name(task, index);
                styled(colour(&name), format!("{name} |")) + " "
            }
        };
        self.lock().write(&format!("{name}{level}{}\n", visible(line)));
    }
}

impl Observer for Progress {
    fn event(&self, event: &Timed<RunEvent>) {
        match &event.event {
            RunEvent::TaskStarted { task, runs } => {
                let is_subflow = task.contains('/') || self.has_subflows;
                let counts = !(is_subflow && self.is_subflow(task));
                self.lock().board.started(task, *runs, event.at, counts);
            }
            RunEvent::TaskRefused { task, .. } => self.lock().board.started(task, 0, event.at, false),
            RunEvent::TaskRunsEnded { task, count, usage, failures, .. } => {
                self.lock().board.runs_over(task, *count, usage, failures.len());
            }
            RunEvent::TaskEnded { task, state } => {
                let mut shared = self.lock();
                let entry = shared.board.over(task);
                if let Some(line) = self.ended(task, &entry, event.at, state) {
                    shared.write(&line);
                }
            }
            RunEvent::RunRetried { task, index, attempt, failure, delay, .. } => {
                self.retried(task, *index, *attempt, failure, *delay);
            }
            RunEvent::FlowRunEnded(_) | RunEvent::FlowRunResumed { .. } => {}
        }
    }

    fn attachment(&self, task: &Arc<str>, index: u32, attachment: &Attachment) {
        match attachment {
            _ if self.voice == Voice::Quiet => {}
            Attachment::Log { source, line } => self.log(task, index, *source, line),
            Attachment::Progress { done, total, message } => {
                self.lock().board.progress(task, *done, *total, message);
            }
        }
    }

    fn asked_to_stop(&self, times: u32) {
        interrupt::asked_by_command(times);
    }
}

/// A colour that tells task runs apart, the same for each line of one.
fn colour(name: &str) -> Style {
    const COLOURS: [AnsiColor; 6] = [
        AnsiColor::Cyan,
        AnsiColor::Yellow,
        AnsiColor::Magenta,
        AnsiColor::Green,
        AnsiColor::Blue,
        AnsiColor::BrightRed,
    ];
    let sum = name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    COLOURS[sum % COLOURS.len()].on_default()
}
