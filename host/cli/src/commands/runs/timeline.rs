//! `taskhost runs timeline`: a Gantt chart of a run, in the terminal or as SVG.

use taskhost_model::TaskState;
use taskhost_store::TaskReport;

use crate::args::runs::RunsTimelineArgs;
use crate::error::{CliError, Exit};
use crate::graph::State;
use crate::graph::timeline::{Bar, Timeline};
use crate::output;
use crate::render::{count, grouped};

pub(super) fn run(args: &RunsTimelineArgs) -> Result<Exit, CliError> {
    let (store, id) = super::find(&args.run)?;
    let run = store.run(id)?;
    let mut tasks = store.tasks(id)?;
    tasks.retain(|task| task.started_at.is_some());
    tasks.sort_by_key(|task| task.started_at);
    let last = tasks.iter().filter_map(|task| task.ended_at.or(task.started_at)).max().unwrap_or_default();
    let timeline = Timeline {
        title: format!("{} {}", run.flow, run.id),
        bars: tasks.iter().map(bar).collect(),
        whole: run.elapsed.max(last),
    };
    match &args.output {
        Some(path) if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) => {
            super::super::graph::write(path, &timeline.svg())?;
        }
        Some(path) => {
            let message = format!("`{}` has no ending that tells what to draw", path.display());
            return Err(CliError::usage(message, "name a file that ends in `.svg`"));
        }
        None => output::stdout(&timeline.text(output::terminal_width()))?,
    }
    Ok(Exit::Fine)
}

fn bar(task: &TaskReport) -> Bar {
    let note = match (task.runs, task.runs_failed) {
        (0 | 1, _) => String::new(),
        (runs, 0) => count(runs, "task run"),
        (runs, failed) => format!("{} of {} failed", grouped(failed), count(runs, "task run")),
    };
    Bar {
        name: task.path.to_string(),
        note,
        start: task.started_at.unwrap_or_default(),
        end: task.ended_at.filter(|_| task.state.is_some()),
        state: task.state.as_ref().map(|state| match state {
            TaskState::Succeeded => State::Succeeded,
            TaskState::Failed => State::Failed,
            TaskState::Skipped | TaskState::NotRun(_) | TaskState::Cancelled => State::Idle,
        }),
    }
}
