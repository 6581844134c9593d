//! `taskhost graph`: a flow as SVG, DOT or Mermaid; with `--run`, and by `run --graph`, with what became of each task.

use std::collections::HashMap;
use std::path::Path;

use taskhost_model::TaskState;
use taskhost_model::fold::TaskReport;
use taskhost_store::RunState;

use crate::args::GraphArgs;
use crate::commands::{self, read, runs};
use crate::error::{CliError, Exit};
use crate::execute::Executed;
use crate::graph::{self, EFFORT_MAX, NODES_MAX, Picture, State, Status};
use crate::output::{self, visible};
use crate::progress::Voice;
use crate::render;

pub(crate) fn run(args: &GraphArgs) -> Result<Exit, CliError> {
    let format = args.output.as_deref().map_or(Ok(Format::Dot), Format::of)?;
    let picture = match (&args.run, &args.flow) {
        (Some(word), _) => picture_of_record(args, word)?,
        (None, Some(path)) => {
            let file = read::flow_file(path)?;
            let host = commands::host_to_look(&args.host)?;
            graph::picture(&commands::checked_flow(&host, file, Voice::Quiet)?.flow)
        }
        (None, None) => {
            return Err(CliError::usage("nothing says what to draw", "name a flow, or a run: `--run latest`"));
        }
    };
    let text = format.draw(&picture)?;
    match &args.output {
        Some(path) => write(path, &text)?,
        None => output::stdout(&text)?,
    }
    Ok(Exit::Fine)
}

/// How a picture is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// To look at.
    Svg,
    /// For Graphviz.
    Dot,
    /// For Mermaid.
    Mermaid,
}

impl Format {
    /// As the ending of a file's name says.
    pub(crate) fn of(path: &Path) -> Result<Format, CliError> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let help = "name a file that ends in .svg, .dot or .mmd";
        match ending.as_deref() {
            Some("svg") => Ok(Format::Svg),
            Some("dot" | "gv") => Ok(Format::Dot),
            Some("mmd" | "mermaid") => Ok(Format::Mermaid),
            Some(other) => Err(CliError::usage(format!("this version draws no `.{other}`"), help)),
            None => Err(CliError::usage(format!("`{}` does not say in which format to draw", path.display()), help)),
        }
    }

    /// Whether the picture can be drawn so. How its tasks ended makes no difference.
    pub(crate) fn check(self, picture: &Picture) -> Result<(), CliError> {
        if self != Format::Svg {
            return Ok(());
        }
        let what = match (picture.nodes.len(), graph::effort(picture)) {
            (nodes, _) if nodes > NODES_MAX => format!("{nodes} nodes, an SVG is drawn of at most {NODES_MAX}"),
            (_, effort) if effort > EFFORT_MAX => format!(
                "{} between {}, too many for an SVG (effort {effort} of at most {EFFORT_MAX})",
                render::count(picture.edges.len() as u64, "edge"),
                render::count(picture.nodes.len() as u64, "node")
            ),
            _ => return Ok(()),
        };
        Err(CliError::usage(format!("the flow has {what}"), "name a .dot file, which Graphviz's `sfdp` can draw"))
    }

    /// The text of the file.
    pub(crate) fn draw(self, picture: &Picture) -> Result<String, CliError> {
        self.check(picture)?;
        match self {
            Format::Svg => Ok(graph::svg(picture)),
            Format::Dot => Ok(graph::dot(picture)),
            Format::Mermaid => Ok(graph::mermaid(picture)),
        }
    }
}

/// Writes a picture.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text).map_err(|error| CliError::writing(path, &error))
}

/// The flow with the state and duration of each task.
pub(crate) fn picture_of_run(executed: &Executed) -> Picture {
    let mut picture = graph::picture(executed.tasks.flow());
    paint(&mut picture, &executed.report.tasks, false);
    picture
}

/// The same of a recorded run, which may still be carried out.
fn picture_of_record(args: &GraphArgs, word: &str) -> Result<Picture, CliError> {
    let (store, id) = runs::find(word)?;
    let (run, record, tasks) = (store.run(id)?, store.record(id)?, store.tasks(id)?);
    let host = commands::host_to_look(&args.host)?;
    let flow = match &args.flow {
        Some(path) => commands::checked_flow(&host, read::flow_file(path)?, Voice::Quiet)?.flow,
        None => host.check_recorded(&record)?.flow,
    };
    if *flow.name != *run.flow {
        let (other, name) = (visible(&run.flow), visible(&flow.name));
        let message = format!("flow run {id} is of flow `{other}`, not of `{name}`");
        return Err(CliError::usage(message, "leave the flow file out: the run has its own"));
    }
    let mut picture = graph::picture(&flow);
    paint(&mut picture, &tasks, run.state == RunState::Running);
    Ok(picture)
}

fn paint(picture: &mut Picture, tasks: &[TaskReport], is_running: bool) {
    let tasks: HashMap<&str, &TaskReport> = tasks.iter().map(|task| (&*task.path, task)).collect();
    graph::paint(picture, |name| Some(status(tasks.get(name).copied(), is_running)));
}

fn status(task: Option<&TaskReport>, is_running: bool) -> Status {
    let started = task.and_then(|task| task.started_at);
    let (state, word) = match task.and_then(|task| task.state.as_ref()) {
        Some(TaskState::Succeeded) => (State::Succeeded, "succeeded"),
        Some(TaskState::Failed) => (State::Failed, "failed"),
        Some(TaskState::Skipped) => (State::Idle, "skipped"),
        Some(TaskState::NotRun(_)) => (State::Idle, "not run"),
        Some(TaskState::Cancelled) => (State::Idle, "stopped"),
        None if started.is_some() && is_running => (State::Running, "running"),
        None if started.is_some() => (State::Idle, "interrupted"),
        None if is_running => (State::Idle, "waiting"),
        None => (State::Idle, "not run"),
    };
    let duration = started.zip(task.and_then(|task| task.ended_at)).map(|(start, end)| end.saturating_sub(start));
    Status {
        state,
        word,
        duration: duration.filter(|_| state != State::Idle),
        note: task.map_or(String::new(), runs_of),
    }
}

/// `48 task runs`, of which some may have failed or not ended.
fn runs_of(task: &TaskReport) -> String {
    let runs = render::count(task.runs, "task run");
    match task.runs {
        0 | 1 => String::new(),
        _ if task.runs_failed > 0 => format!("{} of {runs} failed", task.runs_failed),
        all if task.runs_ended < all => format!("{} of {runs}", render::grouped(task.runs_ended)),
        _ => runs,
    }
}
