//! `taskhost runs logs`: what tasks wrote, also while they still run.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use taskhost_model::event::LogLevel;
use taskhost_model::fold::shared_path;
use taskhost_model::task_pattern::{Meant, TaskPattern};
use taskhost_model::{FlowRunId, LogSource};
use taskhost_store::{LogLine, RunState, Store, TaskReport};

use crate::args::runs::RunsLogsArgs;
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, DIM, WARN, styled, visible};
use crate::render::{count, hints};

/// How often a run that goes on is looked at. A person reads it.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn run(args: &RunsLogsArgs) -> Result<Exit, CliError> {
    let (store, id) = super::find(&args.run)?;
    let wanted = args.task.as_deref().map(|text| named(text, &store, id)).transpose()?;
    let mut position = 0;
    loop {
        // Looked at first: what was written before the end is all there after it.
        let is_over = store.run(id)?.state != RunState::Running;
        let found = store.logs(id, wanted.as_ref(), position)?;
        let has_more = found.position > position;
        position = found.position;
        let text: String = if args.json {
            found.lines.iter().map(json_line).collect()
        } else {
            let mapped = if found.lines.is_empty() { HashSet::new() } else { mapped(&store.tasks(id)?) };
            found.lines.iter().map(|line| text_line(line, &mapped)).collect()
        };
        output::stdout(&text)?;
        if has_more {
            continue;
        }
        if is_over || !args.follow {
            if found.left_out > 0 {
                let left = count(found.left_out, "line");
                output::stderr(&format!("{} {left} more were written than are kept\n", styled(WARN, "warning:")));
            }
            return Ok(Exit::Fine);
        }
        std::thread::sleep(LOOK);
    }
}

/// The most names of tasks that are told.
const NAMES: usize = 8;

/// The task runs that `--task` names.
fn named(text: &str, store: &Store, id: FlowRunId) -> Result<TaskPattern, CliError> {
    let Some(pattern) = TaskPattern::parse(text) else {
        let help = "name one as `taskhost runs show` does: `clean`, `clean[3]`, `months[*]/clean`";
        return Err(CliError::usage(format!("`{}` names no task", visible(text)), help));
    };
    let (state, tasks, record) = (store.run(id)?.state, store.tasks(id)?, store.record(id)?);
    let met = tasks.iter().map(|task| &*task.path);
    let known: BTreeSet<&str> = met.chain(record.result_types.iter().map(|(path, _)| &**path)).collect();
    let is_there = known.iter().any(|path| pattern.of(path) != Meant::Nothing);
    // A record tells the tasks of a subflow that is used several times once: one of the others is known when it begins.
    if !is_there && (state != RunState::Running || pattern.parts().len() <= 2) {
        let help = near(text, known.iter().copied());
        return Err(CliError::usage(format!("flow run {id} has no task `{}`", visible(text)), help));
    }
    // Tasks that share a line have no more runs than all of them together.
    let of_index = tasks.iter().filter_map(|task| match pattern.of(&task.path) {
        Meant::Run(index) if state != RunState::Running => Some((index, task.runs)),
        _ => None,
    });
    let of_index: Vec<(u32, u64)> = of_index.collect();
    if let Some((_, runs)) = of_index.first()
        && of_index.iter().all(|(index, runs)| u64::from(*index) >= *runs)
    {
        let what = count(*runs, "task run");
        let help = format!("it has {what}, counted from 0");
        return Err(CliError::usage(format!("flow run {id} has no task run `{}`", visible(text)), help));
    }
    Ok(pattern)
}

/// The names that there are, the nearest first.
fn near<'a>(text: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let distance = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        strsim::osa_distance(text, path).min(strsim::osa_distance(text, name))
    };
    let mut names: Vec<&str> = known.clone().collect();
    names.sort_by_key(distance);
    let more = if names.len() > NAMES { ", …" } else { "" };
    names.truncate(NAMES);
    let meant = known.map(|path| path.rsplit('/').next().unwrap_or(path)).chain(names.iter().copied());
    match (hints::nearest(text, meant), names.split_first()) {
        (_, None) => "no task of it has begun".to_owned(),
        (Some(_), Some((first, []))) => format!("did you mean `{first}`?"),
        (Some(_), Some((first, others))) => {
            format!("did you mean `{first}`? it also has `{}`{more}", others.join("`, `"))
        }
        (None, Some(_)) => format!("it has `{}`{more}", names.join("`, `")),
    }
}

/// The tasks whose runs are told apart by their indexes.
fn mapped(tasks: &[TaskReport]) -> HashSet<Arc<str>> {
    tasks.iter().filter(|task| task.runs > task.tasks).map(|task| Arc::clone(&task.path)).collect()
}

fn is_mapped(line: &LogLine, mapped: &HashSet<Arc<str>>) -> bool {
    line.index > 0 || mapped.contains(&*shared_path(&line.task))
}

fn text_line(line: &LogLine, mapped: &HashSet<Arc<str>>) -> String {
    let level = match line.source {
        LogSource::Stdout | LogSource::Stderr | LogSource::Log(LogLevel::Info) => String::new(),
        LogSource::Runner => styled(WARN, "runner: "),
        LogSource::Log(LogLevel::Error) => styled(BAD, "error: "),
        LogSource::Log(LogLevel::Warn) => styled(WARN, "warning: "),
        LogSource::Log(LogLevel::Debug) => styled(DIM, "debug: "),
        LogSource::Log(LogLevel::Trace) => styled(DIM, "trace: "),
    };
    let index = if is_mapped(line, mapped) { format!("[{}]", line.index) } else { String::new() };
    let name = styled(DIM, format!("{:>9.3} {}{index} |", line.at.as_secs_f64(), line.task));
    format!("{name} {level}{}\n", visible(&line.line))
}

fn json_line(line: &LogLine) -> String {
    let source = match line.source {
        LogSource::Stdout => "stdout",
        LogSource::Stderr => "stderr",
        LogSource::Runner => "runner",
        LogSource::Log(LogLevel::Trace) => "trace",
        LogSource::Log(LogLevel::Debug) => "debug",
        LogSource::Log(LogLevel::Info) => "info",
        LogSource::Log(LogLevel::Warn) => "warn",
        LogSource::Log(LogLevel::Error) => "error",
    };
    let line = json!({
        "task": &*line.task,
        "index": line.index,
        "at-seconds": line.at.as_secs_f64(),
        "source": source,
        "line": line.line,
    });
    format!("{line}\n")
}
