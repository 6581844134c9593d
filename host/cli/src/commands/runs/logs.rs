//! `taskhost runs logs`: what tasks wrote, also while they still run.

use std::time::Duration;

use serde_json::json;
use taskhost_model::LogSource;
use taskhost_model::event::LogLevel;
use taskhost_store::{LogLine, RunState};

use crate::args::RunsLogsArgs;
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, DIM, WARN, styled, visible};
use crate::render::count;

/// How often a run that goes on is looked at. A person reads it.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn run(args: &RunsLogsArgs) -> Result<Exit, CliError> {
    let (store, id) = super::find(&args.run)?;
    let mut position = 0;
    loop {
        // Looked at first: what was written before the end is all there after it.
        let is_over = store.run(id)?.state != RunState::Running;
        let found = store.logs(id, args.task.as_deref(), position)?;
        let has_more = found.position > position;
        position = found.position;
        let text: String =
            found.lines.iter().map(|line| if args.json { json_line(line) } else { text_line(line) }).collect();
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

fn text_line(line: &LogLine) -> String {
    let level = match line.source {
        LogSource::Stdout | LogSource::Stderr | LogSource::Log(LogLevel::Info) => String::new(),
        LogSource::Log(LogLevel::Error) => styled(BAD, "error: "),
        LogSource::Log(LogLevel::Warn) => styled(WARN, "warning: "),
        LogSource::Log(LogLevel::Debug) => styled(DIM, "debug: "),
        LogSource::Log(LogLevel::Trace) => styled(DIM, "trace: "),
    };
    let index = if line.index > 0 { format!("[{}]", line.index) } else { String::new() };
    let name = styled(DIM, format!("{:>9.3} {}{index} |", line.at.as_secs_f64(), line.task));
    format!("{name} {level}{}\n", visible(&line.line))
}

fn json_line(line: &LogLine) -> String {
    let source = match line.source {
        LogSource::Stdout => "stdout",
        LogSource::Stderr => "stderr",
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
