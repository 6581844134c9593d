//! `taskhost runs show`: one run, task by task.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value as Json, json};
use taskhost_model::task_run::Bytes;
use taskhost_model::{FlowRunEnding, TaskState, json as values};
use taskhost_store::{RunRecord, RunState, RunSummary, Store, TaskReport};

use super::{follow, list, moment};
use crate::args::runs::RunsShowArgs;
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, DIM, GOOD, HELP, STRONG, styled, visible, visible_line};
use crate::render::report::object;
use crate::render::{self, count, duration, usage};

/// Failures that are told for each task.
const FAILURES: usize = 3;

pub(super) fn run(args: &RunsShowArgs) -> Result<Exit, CliError> {
    let (store, id) = super::find(&args.run)?;
    if args.follow {
        follow::follow(&store, id)?;
    }
    let (run, record, tasks) = (store.run(id)?, store.record(id)?, store.tasks(id)?);
    if args.json {
        output::stdout(&(render::values::pretty(&json_of(&store, &run, &record, &tasks)?) + "\n"))?;
        return Ok(Exit::Fine);
    }
    let mut out = heading(&run, &record);
    out.push_str(&table(&tasks, so_far(&run)));
    out.push_str(&failures(&tasks));
    for (name, value, ty) in outputs(&store, &run)?.iter().flatten() {
        out.push_str(&render::values::output(name, value.as_ref(), ty));
    }
    output::stdout(&out)?;
    way_on(&run);
    Ok(Exit::Fine)
}

/// What can be done with a run that is not complete.
fn way_on(run: &RunSummary) {
    let what = match run.state {
        RunState::Interrupted => "its process has died; ",
        RunState::Failed | RunState::Cancelled => "",
        RunState::Running | RunState::Succeeded => return,
    };
    let on = if run.state == RunState::Failed { "goes on with what failed" } else { "goes on with it" };
    output::stderr(&format!("{} {what}`taskhost runs resume {}` {on}\n", styled(HELP, "help:"), run.id));
}

fn heading(run: &RunSummary, record: &RunRecord) -> String {
    let mut out = format!("{}  {}  {}\n", styled(STRONG, visible(&run.flow)), list::state(run.state, 0), run.id);
    let resumed =
        if run.resumed > 0 { format!(", resumed {}", count(u64::from(run.resumed), "time")) } else { String::new() };
    let _ = writeln!(out, "started {}, {}{resumed}", moment(run.started), took(run));
    if let Some(from) = record.from {
        let _ = writeln!(out, "began with results of flow run {from}");
    }
    if !run.labels.is_empty() {
        let _ = writeln!(out, "labels: {}", list::labels(run));
    }
    let _ = writeln!(out, "task runs: {} · {}", list::task_runs(run), usage::words(&run.usage));
    if !record.file.is_empty() {
        let _ = writeln!(out, "flow {} · taskhost {}", visible(&record.file), visible(&record.taskhost));
    }
    for parameter in &record.parameters {
        let text = values::to_string(&parameter.value, &parameter.ty);
        let _ = writeln!(out, "parameter {} = {}", parameter.name, render::shortened(&visible_line(&text), 100));
    }
    out.push('\n');
    out
}

/// How long a run takes until now; none if no process carries it out.
pub(super) fn so_far(run: &RunSummary) -> Option<Duration> {
    (run.state == RunState::Running).then_some(run.elapsed)
}

/// A line for each task. `so_far` is the time of a run that a process carries out.
pub(super) fn table(tasks: &[TaskReport], so_far: Option<Duration>) -> String {
    let width = tasks.iter().map(|task| task.path.chars().count()).max().unwrap_or(0).clamp(4, 40);
    let head = format!("  {:width$}  {:11}  {:>11}  {:>9}  {:>9}  TASK RUNS", "TASK", "STATE", "TOOK", "CPU", "MEMORY");
    let mut out = styled(STRONG, head) + "\n";
    for task in tasks {
        let (sign, word) = state_of(task, so_far.is_some());
        let end = task.ended_at.filter(|_| task.state.is_some()).or(so_far).or(task.ended_at);
        let took = match (task.started_at, end) {
            (Some(start), Some(end)) => duration(end.saturating_sub(start)),
            _ => String::new(),
        };
        let used = |text: String| if task.runs_ended > 0 { text } else { String::new() };
        let _ = writeln!(
            out,
            "{sign} {:width$}  {word:11}  {took:>11}  {:>9}  {:>9}  {}{}",
            render::shortened(&visible_line(&task.path), 40),
            used(duration(task.usage.cpu_time)),
            used(Bytes(task.usage.memory_bytes_peak).to_string()),
            runs(task),
            said(task)
        );
    }
    out.push('\n');
    out
}

/// A task's state: a sign, and in words.
pub(super) fn state_of(task: &TaskReport, is_running: bool) -> (String, &'static str) {
    match &task.state {
        Some(TaskState::Succeeded) => (styled(GOOD, "✓"), "succeeded"),
        Some(TaskState::Failed) => (styled(BAD, "✗"), "failed"),
        Some(TaskState::Skipped) => (styled(DIM, "–"), "skipped"),
        Some(TaskState::NotRun(_)) => (styled(DIM, "–"), "not run"),
        Some(TaskState::Cancelled) => (styled(DIM, "–"), "stopped"),
        None if task.started_at.is_none() => (styled(DIM, "·"), "waiting"),
        None if is_running => (styled(STRONG, "·"), "running"),
        None => (styled(DIM, "·"), "interrupted"),
    }
}

/// What a task that runs said last of how far it is.
pub(super) fn said(task: &TaskReport) -> String {
    let Some(progress) = task.progress.as_ref().filter(|_| task.state.is_none()) else { return String::new() };
    let total = if progress.total > 0 { format!(" of {}", progress.total) } else { String::new() };
    format!("  {}{total} {}", progress.done, visible_line(&progress.message))
}

/// `12 of 48, 2 failed`.
pub(super) fn runs(task: &TaskReport) -> String {
    let mut parts = vec![match task.runs_ended == task.runs {
        true => render::grouped(task.runs),
        false => format!("{} of {}", render::grouped(task.runs_ended), render::grouped(task.runs)),
    }];
    parts.extend((task.runs_failed > 0).then(|| format!("{} failed", task.runs_failed)));
    parts.extend((task.runs_cached > 0).then(|| format!("{} from the cache", task.runs_cached)));
    parts.extend((task.retries > 0).then(|| format!("{} tried again", task.retries)));
    parts.join(", ")
}

fn failures(tasks: &[TaskReport]) -> String {
    let mut out = String::new();
    for task in tasks {
        for failed in task.failures.iter().take(FAILURES) {
            let index = failed.index.filter(|_| task.runs > 1).map_or(String::new(), |index| format!("[{index}]"));
            let text = failed.failure.to_string();
            let _ = writeln!(out, "{} {}{index} {}", styled(BAD, "✗"), failed.task, visible(&text));
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// `took 2 s`; of a run that is not over `running for 2 s`.
fn took(run: &RunSummary) -> String {
    let word = if run.state == RunState::Running { "running for" } else { "took" };
    format!("{word} {}", duration(run.elapsed))
}

type Output = (String, Option<taskhost_model::Value>, taskhost_model::ValueType);

/// The outputs of a run that succeeded.
fn outputs(store: &Store, run: &RunSummary) -> Result<Option<Vec<Output>>, CliError> {
    if run.state != RunState::Succeeded {
        return Ok(None);
    }
    let Some(FlowRunEnding::Succeeded(outputs)) = store.ending(run.id)? else { return Ok(None) };
    let declared = store.record(run.id)?.outputs;
    Ok(Some(declared.into_iter().zip(outputs).map(|((name, ty), value)| (name, value, ty)).collect()))
}

fn json_of(store: &Store, run: &RunSummary, record: &RunRecord, tasks: &[TaskReport]) -> Result<String, CliError> {
    let Json::Object(summary) = list::json_of(run) else { return Ok(String::new()) };
    let parameters =
        object(record.parameters.iter().map(|given| (given.name.clone(), values::to_string(&given.value, &given.ty))));
    let outputs = outputs(store, run)?.map_or("null".to_owned(), |outputs| {
        object(outputs.iter().map(|(name, value, ty)| {
            (name.clone(), value.as_ref().map_or("null".to_owned(), |value| values::to_string(value, ty)))
        }))
    });
    let files: Vec<&str> = record.files.iter().map(|file| &*file.path).collect();
    let components: Vec<Json> = record
        .components
        .iter()
        .map(|used| json!({ "name": used.name, "path": used.path, "digest": used.digest.to_string() }))
        .collect();
    let tasks: Vec<Json> = tasks.iter().map(task_json).collect();
    let rest = [
        ("parameters", parameters),
        ("outputs", outputs),
        ("from", json!(record.from.map(|id| id.to_string())).to_string()),
        ("file", json!(record.file).to_string()),
        ("files", json!(files).to_string()),
        ("components", Json::from(components).to_string()),
        ("taskhost", json!(record.taskhost).to_string()),
        ("tasks", Json::from(tasks).to_string()),
    ];
    let summary = summary.into_iter().map(|(key, value)| (key, value.to_string()));
    Ok(object(summary.chain(rest.into_iter().map(|(key, value)| (key.to_owned(), value)))))
}

fn task_json(task: &TaskReport) -> Json {
    let failures: Vec<Json> = task
        .failures
        .iter()
        .map(|failed| {
            json!({
                "task": &*failed.task,
                "index": failed.index,
                "kind": failed.failure.kind(),
                "message": failed.failure.to_string(),
            })
        })
        .collect();
    json!({
        "task": &*task.path,
        "state": task.state.as_ref().map(render::report::task_state_name),
        "runs": { "all": task.runs, "ended": task.runs_ended, "failed": task.runs_failed, "cached": task.runs_cached },
        "retries": task.retries,
        "failures": failures,
        "usage": usage::json(&task.usage),
        "started-at-seconds": task.started_at.map(|time| time.as_secs_f64()),
        "ended-at-seconds": task.ended_at.map(|time| time.as_secs_f64()),
    })
}
