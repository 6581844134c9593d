//! What tasks used: the largest in a line, all of them as a table, and for programs.

use std::time::Duration;

use serde_json::{Value as Json, json};
use taskhost_engine::TaskReport;
use taskhost_model::Usage;
use taskhost_model::task_run::Bytes;

use super::{count, duration, grouped};
use crate::output::{DIM, styled};

/// Less than this is not worth a word.
const CPU_TIME_WORTH_A_WORD: Duration = Duration::from_millis(100);
const MEMORY_WORTH_A_WORD: u64 = 16 << 20;

/// Most lines of the table: of a larger flow, those that used most CPU time.
const ROWS_MAX: usize = 60;

/// `cpu 1.2 s, memory 1.1 MiB, output 17 B`.
pub(crate) fn words(usage: &Usage) -> String {
    let mut text = format!("cpu {}, memory {}", duration(usage.cpu_time), Bytes(usage.memory_bytes_peak));
    if usage.output_bytes > 0 {
        text += &format!(", output {}", Bytes(usage.output_bytes));
    }
    text
}

/// `most CPU: sum 1.2 s · most memory: read 64 MiB`, with a line end; empty if nobody used much.
pub(crate) fn largest<'a>(tasks: impl Iterator<Item = &'a TaskReport> + Clone) -> String {
    let mut parts = Vec::new();
    if let Some(task) = tasks.clone().max_by_key(|task| task.usage.cpu_time)
        && task.usage.cpu_time >= CPU_TIME_WORTH_A_WORD
    {
        parts.push(format!("most CPU: {} {}", task.path, duration(task.usage.cpu_time)));
    }
    if let Some(task) = tasks.max_by_key(|task| task.usage.memory_bytes_peak)
        && task.usage.memory_bytes_peak >= MEMORY_WORTH_A_WORD
    {
        parts.push(format!("most memory: {} {}", task.path, Bytes(task.usage.memory_bytes_peak)));
    }
    if parts.is_empty() { String::new() } else { format!("{}\n", styled(DIM, parts.join(" · "))) }
}

/// A line for each task that ran.
pub(crate) fn table<'a>(tasks: impl Iterator<Item = &'a TaskReport>) -> String {
    let mut tasks: Vec<&TaskReport> = tasks.filter(|task| task.runs_ended > 0).collect();
    let left = tasks.len().saturating_sub(ROWS_MAX);
    if left > 0 {
        tasks.sort_by_key(|task| std::cmp::Reverse(task.usage.cpu_time));
        tasks.truncate(ROWS_MAX);
    }
    if tasks.is_empty() {
        return String::new();
    }
    let head = ["task", "runs", "cpu", "wall", "memory", "output", "in", "out", "host calls"].map(str::to_owned);
    let rows: Vec<[String; 9]> = std::iter::once(head).chain(tasks.into_iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 9] = std::array::from_fn(width);
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        out.push_str(&format!("{}\n", styled(DIM, line)));
    }
    if left > 0 {
        out.push_str(&format!("… and {} that used less; `--json` lists all\n", count(left as u64, "more task")));
    }
    out
}

fn row(task: &TaskReport) -> [String; 9] {
    let usage = &task.usage;
    [
        super::shortened(&task.path, 40),
        grouped(task.runs_ended),
        duration(usage.cpu_time),
        duration(usage.wall_time),
        Bytes(usage.memory_bytes_peak).to_string(),
        Bytes(usage.output_bytes).to_string(),
        Bytes(usage.bytes_in).to_string(),
        Bytes(usage.bytes_out).to_string(),
        grouped(usage.host_calls),
    ]
}

/// For programs: seconds, bytes and calls.
pub(crate) fn json(usage: &Usage) -> Json {
    json!({
        "wall-time-seconds": usage.wall_time.as_secs_f64(),
        "cpu-time-seconds": usage.cpu_time.as_secs_f64(),
        "memory-bytes-peak": usage.memory_bytes_peak,
        "output-bytes": usage.output_bytes,
        "bytes-in": usage.bytes_in,
        "bytes-out": usage.bytes_out,
        "host-calls": usage.host_calls,
    })
}

#[cfg(test)]
mod tests {
    use taskhost_engine::FlowRunView;
    use taskhost_model::event::Timed;
    use taskhost_model::{Origin, RunEvent};

    use super::*;

    /// A task that ran once and used so much.
    fn told(tasks: &[(&str, u64, u64)]) -> FlowRunView {
        let mut view = FlowRunView::default();
        for (name, milliseconds, mebibytes) in tasks {
            let usage = Usage {
                cpu_time: Duration::from_millis(*milliseconds),
                memory_bytes_peak: mebibytes << 20,
                ..Usage::default()
            };
            let (task, failures, refusals) = ((*name).into(), Vec::new(), Vec::new());
            let event = RunEvent::TaskRunsEnded {
                task,
                first: 0,
                count: 1,
                usage,
                failures,
                refusals,
                results: Vec::new(),
                origin: Origin::Run,
            };
            view.apply(&Timed { at: Duration::ZERO, event });
        }
        view
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn only_those_that_used_much_are_worth_a_word() {
        let view = told(&[("read", 20, 64), ("sum", 1240, 3)]);
        assert_eq!(plain(&largest(view.tasks().iter())), "most CPU: sum 1.2 s · most memory: read 64 MiB\n");
        let view = told(&[("read", 20, 1), ("sum", 99, 3)]);
        assert_eq!(largest(view.tasks().iter()), "");
    }

    #[test]
    fn the_table_has_a_line_for_each_task_that_ran() {
        let view = told(&[("read", 20, 64), ("sum", 1240, 3)]);
        assert_eq!(
            plain(&table(view.tasks().iter())),
            "task  runs    cpu  wall  memory  output   in  out  host calls\n\
             read     1  20 ms  0 µs  64 MiB     0 B  0 B  0 B           0\n\
             sum      1  1.2 s  0 µs   3 MiB     0 B  0 B  0 B           0\n"
        );
        assert_eq!(table([].into_iter()), "");
    }
}
