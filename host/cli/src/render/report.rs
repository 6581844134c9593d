//! The report of a flow run: failures and a summary for people, one JSON object for programs.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use taskhost_engine::{FailedRun, FlowRunReport, TaskReport};
use taskhost_flow::FlowFile;
use taskhost_flow::flow::OnFailure;
use taskhost_flow::written::LimitsWritten;
use taskhost_model::{FlowRunEnding, Limit, TaskFailure, TaskState, json as values};

use super::refusal::{self, Place};
use super::{count, duration, failure, usage};
use crate::error::Exit;
use crate::output::{BAD, DIM, GOOD, WARN, styled, visible_line};
use crate::progress::Voice;
use crate::tasks::{self, Tasks};

/// Most characters of the message of a failure that was handled.
const MESSAGE_MAX: usize = 200;

/// Most tasks whose failures are told, and most runs of each.
const TOLD_MAX: (usize, usize) = (8, 3);

/// A report with what it takes to word it.
pub(crate) struct Report<'a> {
    /// What happened.
    pub run: &'a FlowRunReport,
    /// To whom.
    pub tasks: &'a Tasks,
    /// The file of the flow; none for a single call.
    pub file: Option<&'a str>,
    /// What the flow says of limits; none for a single call.
    pub written: Option<&'a Written>,
}

/// Where a flow's limits are written: the check keeps what they are, not where they stood.
#[derive(Default)]
pub(crate) struct Written {
    defaults: LimitsWritten,
    tasks: HashMap<Arc<str>, LimitsWritten>,
}

impl Written {
    /// As in this file.
    pub(crate) fn of(file: &FlowFile) -> Written {
        let own = file.tasks.iter().filter(|task| task.limits != LimitsWritten::default());
        let tasks = own.map(|task| (task.name.value.clone(), task.limits.clone())).collect();
        Written { defaults: file.defaults.clone(), tasks }
    }

    /// Whether the limit of a task stands in `[defaults]`.
    fn is_by_default(&self, task: &str, limit: &Limit) -> bool {
        // What a subflow's file says is not known here.
        let own = self.tasks.get(task);
        !task.contains('/') && is_written(&self.defaults, limit) && !own.is_some_and(|own| is_written(own, limit))
    }
}

fn is_written(limits: &LimitsWritten, limit: &Limit) -> bool {
    match limit {
        Limit::Memory(_) => limits.memory.is_some(),
        Limit::Cpu(_) => limits.cpu.is_some(),
        Limit::Timeout(_) => limits.timeout.is_some(),
        Limit::Output(_) => limits.output.is_some(),
        Limit::Result(_) => limits.result.is_some(),
        Limit::Blobs(_) => limits.blobs.is_some(),
        Limit::LogLines(_) => limits.log_lines.is_some(),
        Limit::Files(_) => limits.files.is_some(),
        Limit::Sockets(_) => limits.sockets.is_some(),
        Limit::Handles(_) => limits.handles.is_some(),
    }
}

impl Report<'_> {
    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self.run.ending {
            _ if self.run.journal_error.is_some() => Exit::Internal,
            FlowRunEnding::Succeeded(_) => Exit::Fine,
            FlowRunEnding::Failed(_) => Exit::RunFailed,
            FlowRunEnding::Cancelled => Exit::Interrupted,
        }
    }

    /// What failed and who can fix it, an empty line after each task; empty if nothing did.
    pub(crate) fn failures(&self, voice: Voice) -> String {
        if !matches!(self.run.ending, FlowRunEnding::Failed(_)) {
            return String::new();
        }
        let failed = self.failed_tasks();
        let mut out = String::new();
        for task in failed.iter().take(TOLD_MAX.0) {
            out.push_str(&self.failures_of(task, voice));
            out.push('\n');
        }
        if failed.len() > TOLD_MAX.0 {
            let _ = writeln!(
                out,
                "… and {} that failed; `--json` lists all\n",
                count((failed.len() - TOLD_MAX.0) as u64, "more task")
            );
        }
        let not_run: Vec<&str> =
            self.with_state(|state| matches!(state, TaskState::NotRun(_))).map(|task| &*task.path).collect();
        if !not_run.is_empty() {
            let shown: Vec<String> = not_run.iter().take(10).map(|task| format!("`{task}`")).collect();
            let more = if not_run.len() > shown.len() {
                format!(" and {} more", not_run.len() - shown.len())
            } else {
                String::new()
            };
            let _ = writeln!(out, "not run because of that: {}{more}\n", shown.join(", "));
        }
        out
    }

    fn failures_of(&self, task: &TaskReport, voice: Voice) -> String {
        let mut out = String::new();
        // What was refused comes first: it says what to write, and is often the reason for the rest.
        let refusals = task.refusals.iter().zip(&task.refused);
        let mut helps: Vec<String> =
            refusals.map(|(refused, path)| refusal::help(&self.who(task, path), refused, &self.place(task))).collect();
        for failed in task.failures.iter().take(TOLD_MAX.1) {
            let words = self.failed(&failed.task, failed.index, &failed.failure);
            out.push_str(&failure::text(&words, &failed.failure, voice == Voice::Verbose));
            let help = failure::help(&words, &failed.failure, voice == Voice::Verbose);
            // What a task says of itself is no news beside what it was refused.
            let is_news = task.refusals.is_empty() || !matches!(failed.failure, TaskFailure::Returned(_));
            if is_news && !helps.contains(&help) {
                helps.push(help);
            }
        }
        let told = task.failures.len().min(TOLD_MAX.1) as u64;
        if task.runs_failed > told {
            let _ =
                writeln!(out, "… and {} of `{}` failed", count(task.runs_failed - told, "more task run"), task.path);
        }
        helps.iter().for_each(|help| out.push_str(&failure::help_line(help)));
        out
    }

    /// Who was refused something, of the several that may have failed.
    fn who(&self, task: &TaskReport, path: &str) -> String {
        match self.tasks.find(path).is_some_and(taskhost_flow::Task::is_mapped) {
            _ if task.runs <= 1 => "it".to_owned(),
            true => format!("a run of `{path}`"),
            false => format!("`{path}`"),
        }
    }

    /// Where a grant for a task would stand.
    fn place<'t>(&'t self, task: &'t TaskReport) -> Place<'t> {
        let name = task.path.rsplit('/').next().unwrap_or(&task.path);
        match self.file {
            None => Place::CommandLine,
            Some(_) => Place::Flow(name, self.subflow(&task.path)),
        }
    }

    /// The file of the subflow that a task is in; none for a task of the flow itself.
    fn subflow(&self, path: &str) -> Option<&str> {
        let (around, _) = path.rsplit_once('/')?;
        let file = self.tasks.find(around).and_then(tasks::subflow).and_then(|flow| flow.path.to_str());
        Some(file.filter(|file| !file.is_empty()).unwrap_or("the subflow's file"))
    }

    /// Tasks that went on after a refusal: a line for each.
    pub(crate) fn warnings(&self) -> String {
        let is_told = |task: &TaskReport| {
            matches!(self.run.ending, FlowRunEnding::Failed(_))
                && self.failed_tasks().iter().take(TOLD_MAX.0).any(|told| told.path == task.path)
        };
        let refused: Vec<&TaskReport> =
            self.run.tasks.iter().filter(|task| !task.refusals.is_empty() && !is_told(task)).collect();
        let mut out = String::new();
        for task in refused.iter().take(TOLD_MAX.0) {
            let [first, others @ ..] = &*task.refusals else { continue };
            let name = self.name(task);
            let _ =
                write!(out, "{} `{name}` {}, which is not allowed", styled(WARN, "warning:"), refusal::attempt(first));
            out.push_str(&refusal::way_out(first, &self.place(task)));
            if !others.is_empty() {
                let _ = write!(out, " (and {}; `--json` lists them)", count(others.len() as u64, "more attempt"));
            }
            out.push('\n');
        }
        if refused.len() > TOLD_MAX.0 {
            let more = count((refused.len() - TOLD_MAX.0) as u64, "more task");
            let _ = writeln!(out, "… and {more} tried what is not allowed; `--json` lists all");
        }
        out
    }

    /// The task for people; in a call without a flow, its function.
    fn name<'t>(&'t self, task: &'t TaskReport) -> &'t str {
        if self.file.is_some() { &task.path } else { called(self.tasks.find(&task.path)).unwrap_or(&task.path) }
    }

    /// Failures that the flow went on with, dimmed: a consumer took the `result`, or a mapped task collects them.
    pub(crate) fn handled(&self) -> String {
        let handled: Vec<&TaskReport> =
            self.run.tasks.iter().filter(|task| !task.failures.is_empty() && self.is_handled(task)).collect();
        let mut out = String::new();
        for task in handled.iter().take(TOLD_MAX.0) {
            let Some(first) = task.failures.first() else { continue };
            let run =
                first.index.map_or_else(|| first.task.to_string(), |index| self.tasks.run_name(&first.task, index));
            let message = super::shortened(&visible_line(first.failure.to_string().trim_end()), MESSAGE_MAX);
            let more = match task.runs_failed {
                0 | 1 => String::new(),
                failed => format!(" (and {})", count(failed - 1, "more task run")),
            };
            let _ = writeln!(out, "{}", styled(DIM, format!("`{run}` failed, and the flow went on{more}: {message}")));
        }
        if handled.len() > TOLD_MAX.0 {
            let more = count((handled.len() - TOLD_MAX.0) as u64, "more task");
            let _ = writeln!(out, "{}", styled(DIM, format!("… and {more} that failed so; `--json` lists all")));
        }
        out
    }

    /// Whether the flow was made to go on when this task, or the subflow around it, fails.
    fn is_handled(&self, task: &TaskReport) -> bool {
        let ends = task.path.match_indices('/').map(|(at, _)| at).chain([task.path.len()]);
        ends.into_iter().any(|end| {
            self.tasks
                .find(&task.path[..end])
                .is_some_and(|task| task.failure_handled || task.on_failure == OnFailure::Collect)
        })
    }

    fn failed<'a>(&'a self, path: &'a str, index: Option<u32>, failure: &TaskFailure) -> failure::Failed<'a> {
        let task = self.tasks.find(path);
        let name = path.rsplit('/').next().unwrap_or(path);
        let run = match (self.file, index) {
            (Some(_), Some(index)) => self.tasks.run_name(path, index),
            (Some(_), None) => path.to_owned(),
            (None, _) => called(task).unwrap_or(path).to_owned(),
        };
        failure::Failed {
            run,
            task: name.split('[').next().unwrap_or(name),
            component: task.and_then(tasks::component).filter(|_| self.file.is_some()),
            is_subflow: task.is_some_and(tasks::is_subflow),
            is_limit_by_default: match (failure, self.written) {
                (TaskFailure::LimitReached(limit), Some(written)) => written.is_by_default(path, limit),
                _ => false,
            },
            flow: self.subflow(path).or(self.file),
        }
    }

    /// Tasks because of which the flow run failed, without the subflows that failed because of a task inside.
    fn failed_tasks(&self) -> Vec<&TaskReport> {
        let failed: Vec<&TaskReport> = self.run.tasks.iter().filter(|task| task.is_cause).collect();
        let is_inside = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/') || rest.starts_with("[*]/"))
        };
        let is_cause = |task: &&TaskReport| !failed.iter().any(|other| is_inside(&other.path, &task.path));
        failed.iter().copied().filter(is_cause).collect()
    }

    fn with_state(&self, is_wanted: impl Fn(&TaskState) -> bool) -> impl Iterator<Item = &TaskReport> {
        self.run.tasks.iter().filter(move |task| task.state.as_ref().is_some_and(&is_wanted))
    }

    /// Tasks that call functions: what a subflow used is what its own tasks did.
    fn leaves(&self) -> impl Iterator<Item = &TaskReport> + Clone {
        self.run.tasks.iter().filter(|task| !self.tasks.find(&task.path).is_some_and(tasks::is_subflow))
    }

    /// What tasks used: the largest, or with `--verbose` all.
    pub(crate) fn usage(&self, voice: Voice) -> String {
        match voice {
            Voice::Verbose => usage::table(self.leaves()),
            _ => usage::largest(self.leaves()),
        }
    }

    /// Task runs that ended and all that are known, those of subflows' own tasks only.
    fn runs(&self) -> (u64, u64) {
        self.leaves().fold((0, 0), |sum, task| (sum.0 + task.runs_ended, sum.1 + task.runs))
    }

    /// `flow run 01… succeeded in 12 ms: 4 task runs`, with a line end.
    pub(crate) fn summary(&self, voice: Voice) -> String {
        let (ended, all) = self.runs();
        let time = duration(self.run.wall_time);
        let id = styled(DIM, self.run.id);
        let mut line = match &self.run.ending {
            FlowRunEnding::Succeeded(_) => {
                format!("flow run {id} {} in {time}: {}", styled(GOOD, "succeeded"), count(ended, "task run"))
            }
            FlowRunEnding::Failed(_) => {
                let failed = self.failed_tasks().len() as u64;
                let not_run = self.with_state(|state| matches!(state, TaskState::NotRun(_))).count();
                let not_run = if not_run > 0 { format!(", {not_run} not run") } else { String::new() };
                let what = format!("{} failed{not_run}, {}", count(failed, "task"), count(ended, "task run"));
                format!("flow run {id} {} after {time}: {what}", styled(BAD, "failed"))
            }
            FlowRunEnding::Cancelled => {
                let what = format!("{} of {} had ended", super::grouped(ended), count(all, "task run"));
                format!("flow run {id} {} after {time}: {what}", styled(WARN, "cancelled"))
            }
        };
        let before = self.leaves().map(|task| task.runs_before).sum::<u64>();
        if before > 0 {
            let _ = write!(line, ", {} from before", super::grouped(before));
        }
        let cached = self.leaves().map(|task| task.runs_cached).sum::<u64>();
        if cached > 0 {
            let _ = write!(line, ", {} from the cache", super::grouped(cached));
        }
        match self.leaves().map(|task| task.retries).sum::<u64>() {
            0 => {}
            1 => line.push_str(", 1 retry"),
            retries => {
                let _ = write!(line, ", {} retries", super::grouped(retries));
            }
        }
        if voice == Voice::Verbose {
            let _ = write!(line, " ({})", usage::words(&self.run.usage));
        }
        line + "\n"
    }

    /// What is not in its journal, and what to do when it was stopped; empty if there is nothing to say.
    pub(crate) fn record(&self, is_recorded: bool) -> String {
        if let Some(error) = &self.run.journal_error {
            let help = error.help.as_ref().map_or(String::new(), |help| super::failure::help_line(help));
            return format!("{} the flow run could not be recorded to its end: {error}\n{help}", styled(BAD, "error:"));
        }
        match self.run.ending {
            FlowRunEnding::Cancelled if is_recorded => {
                super::failure::help_line(&format!("`taskhost runs resume {}` goes on with it", self.run.id))
            }
            _ => String::new(),
        }
    }

    /// The outputs for people; empty if there are none.
    pub(crate) fn outputs(&self) -> String {
        let FlowRunEnding::Succeeded(outputs) = &self.run.ending else { return String::new() };
        let declared = self.tasks.flow().outputs.iter();
        declared
            .zip(outputs)
            .map(|(output, value)| super::values::output(&output.name, value.as_ref(), &output.ty))
            .collect()
    }

    /// Everything for programs, as JSON text. Outputs keep the order of the flow and of their fields.
    pub(crate) fn json(&self) -> String {
        let tasks: Vec<Json> = self.run.tasks.iter().map(|task| self.task_json(task)).collect();
        let state = state_name(&self.run.ending);
        let parts = [
            ("outputs", self.outputs_json()),
            ("state", json!(state).to_string()),
            ("run", json!(self.run.id.to_string()).to_string()),
            ("tasks", Json::from(tasks).to_string()),
            ("usage", usage::json(&self.run.usage).to_string()),
            ("wall-time-seconds", json!(self.run.wall_time.as_secs_f64()).to_string()),
        ];
        object(parts.into_iter().map(|(key, json)| (key.to_owned(), json)))
    }

    fn outputs_json(&self) -> String {
        let FlowRunEnding::Succeeded(outputs) = &self.run.ending else { return "{}".to_owned() };
        let declared = self.tasks.flow().outputs.iter().zip(outputs);
        object(declared.map(|(output, value)| {
            let json = value.as_ref().map_or("null".to_owned(), |value| values::to_string(value, &output.ty));
            (output.name.to_string(), json)
        }))
    }

    /// The kind of a failure, what happened, and the way out.
    pub(crate) fn failure_for_programs(&self, failed: &FailedRun) -> (&'static str, String, String) {
        let words = self.failed(&failed.task, failed.index, &failed.failure);
        let help = failure::help(&words, &failed.failure, true);
        (failed.failure.kind(), failed.failure.to_string(), help)
    }

    fn task_json(&self, task: &TaskReport) -> Json {
        let failures: Vec<Json> = task
            .failures
            .iter()
            .map(|failed| {
                let (kind, message, help) = self.failure_for_programs(failed);
                json!({
                    "task": &*failed.task,
                    "index": failed.index,
                    "kind": kind,
                    "message": message,
                    "help": help,
                })
            })
            .collect();
        let refusals = task
            .refusals
            .iter()
            .zip(&task.refused)
            .map(|(refused, path)| json!({ "task": &**path, "attempt": refused.attempt, "grant": refused.grant }));
        json!({
            "task": &*task.path,
            "state": task.state.as_ref().map(task_state_name),
            "runs": {
                "all": task.runs,
                "ended": task.runs_ended,
                "failed": task.runs_failed,
                "cached": task.runs_cached,
                "before": task.runs_before,
            },
            "retries": task.retries,
            "failures": failures,
            "refusals": refusals.collect::<Vec<Json>>(),
            "usage": usage::json(&task.usage),
            "started-at-seconds": task.started_at.map(|time| time.as_secs_f64()),
            "ended-at-seconds": task.ended_at.map(|time| time.as_secs_f64()),
        })
    }
}

/// The function that a task calls.
fn called(task: Option<&taskhost_flow::Task>) -> Option<&str> {
    match &task?.kind {
        taskhost_flow::TaskKind::Call(call) => Some(&call.function),
        taskhost_flow::TaskKind::Subflow(_) => None,
    }
}

/// For programs.
pub(crate) fn state_name(ending: &FlowRunEnding) -> &'static str {
    match ending {
        FlowRunEnding::Succeeded(_) => "succeeded",
        FlowRunEnding::Failed(_) => "failed",
        FlowRunEnding::Cancelled => "cancelled",
    }
}

pub(crate) fn task_state_name(state: &TaskState) -> &'static str {
    match state {
        TaskState::Succeeded => "succeeded",
        TaskState::Failed => "failed",
        TaskState::Skipped => "skipped",
        TaskState::NotRun(_) => "not-run",
        TaskState::Cancelled => "cancelled",
    }
}

/// A JSON object of texts that are JSON already, in this order.
pub(crate) fn object(parts: impl Iterator<Item = (String, String)>) -> String {
    let parts: Vec<String> = parts.map(|(key, value)| format!("{}:{value}", json!(key))).collect();
    format!("{{{}}}", parts.join(","))
}
