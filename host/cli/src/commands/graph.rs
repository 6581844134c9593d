//! `taskhost graph`: a flow as SVG, DOT or Mermaid; `run --graph` draws a run with it.

use std::path::Path;

use taskhost_engine::TaskReport;
use taskhost_model::TaskState;

use crate::args::GraphArgs;
use crate::commands::{self, read};
use crate::error::{CliError, Exit};
use crate::execute::Executed;
use crate::graph::{self, EFFORT_MAX, NODES_MAX, Picture, State, Status};
use crate::output;
use crate::progress::Voice;
use crate::render;

pub(crate) fn run(args: &GraphArgs) -> Result<Exit, CliError> {
    let format = args.output.as_deref().map_or(Ok(Format::Dot), Format::of)?;
    let file = read::flow_file(&args.flow)?;
    let host = commands::host_to_look(&args.host)?;
    let flow = commands::checked_flow(&host, file, Voice::Quiet)?.flow;
    let text = format.draw(&graph::picture(&flow))?;
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
    let reports = &executed.report.tasks;
    graph::paint(&mut picture, |name| reports.iter().find(|task| &*task.path == name).map(status));
    picture
}

fn status(task: &TaskReport) -> Status {
    let duration = task.started_at.zip(task.ended_at).map(|(start, end)| end.saturating_sub(start));
    let (state, note) = match &task.state {
        Some(TaskState::Succeeded) => (State::Succeeded, None),
        Some(TaskState::Failed) => (State::Failed, None),
        Some(TaskState::Skipped) => (State::Idle, Some("skipped")),
        Some(TaskState::NotRun(_)) | None => (State::Idle, Some("not run")),
        Some(TaskState::Cancelled) => (State::Idle, Some("stopped")),
    };
    let runs = match (task.runs_failed, task.runs) {
        (_, 0 | 1) => String::new(),
        (0, runs) => render::count(runs, "task run"),
        (failed, runs) => format!("{failed} of {} failed", render::count(runs, "task run")),
    };
    let duration = duration.filter(|_| state != State::Idle);
    Status { state, duration, note: note.map_or(runs, str::to_owned) }
}
