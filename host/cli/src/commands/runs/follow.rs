//! `taskhost runs show --follow`: a run while another process carries it out. In place on a terminal, else a line for each change.
//!
//! The process that carries it out writes what its tasks say four times in a second, and what ends within milliseconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskhost_model::FlowRunId;
use taskhost_model::fold::TaskReport;
use taskhost_store::{RunState, RunSummary, Store};

use super::show::{runs, said, so_far, state_of, table};
use super::{list, moment};
use crate::error::CliError;
use crate::output::{self, DIM, STRONG, styled, visible, visible_line};
use crate::render::duration;

/// How often the run is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// A task that goes on has a line no more often; one that ends has one at once.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// Follows a run to its end, or until its process is gone.
pub(super) fn follow(store: &Store, id: FlowRunId) -> Result<(), CliError> {
    let mut lines = Lines::default();
    let mut drawn = 0;
    loop {
        let run = store.run(id)?;
        let tasks = store.tasks(id)?;
        let is_over = run.state != RunState::Running;
        match output::stdout_size() {
            // What follows tells all of it.
            Some(_) if is_over => output::stdout_redrawn(drawn, "")?,
            Some((_, rows)) => {
                let text = screen(&run, &tasks, rows);
                output::stdout_redrawn(drawn, &text)?;
                drawn = text.lines().count();
            }
            None => output::stdout(&lines.of(&run, &tasks))?,
        }
        if is_over {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
}

/// The run on one screen: if not all of its tasks have room, those that matter now.
fn screen(run: &RunSummary, tasks: &[TaskReport], rows: usize) -> String {
    let mut out = format!("{}  {}  {}\n", styled(STRONG, visible(&run.flow)), list::state(run.state, 0), run.id);
    out.push_str(&format!("started {}, task runs: {}\n\n", moment(run.started), list::task_runs(run)));
    // The head of the run and of the table, an empty line after it, and where the cursor stands.
    let room = rows.saturating_sub(7).max(1);
    let mut shown: Vec<TaskReport> = tasks.to_vec();
    if shown.len() > room {
        shown.sort_by_key(|task| (task.state.is_some(), task.runs_failed == 0, std::cmp::Reverse(task.ended_at)));
        shown.truncate(room);
    }
    out.push_str(table(&shown, so_far(run)).trim_end_matches('\n'));
    out.push('\n');
    if tasks.len() > shown.len() {
        out.push_str(&styled(DIM, format!("  … and {} more\n", tasks.len() - shown.len())));
    }
    out
}

/// What was told of each task.
#[derive(Default)]
struct Lines {
    told: HashMap<Arc<str>, (String, &'static str, Instant)>,
}

impl Lines {
    /// A line for each task of which there is news.
    fn of(&mut self, run: &RunSummary, tasks: &[TaskReport]) -> String {
        let mut out = String::new();
        for task in tasks {
            let (sign, word) = state_of(task, run.state == RunState::Running);
            let time = task.ended_at.filter(|_| task.state.is_some()).or(task.started_at).unwrap_or(run.elapsed);
            let news = format!("{sign} {}  {word}  {}{}", visible_line(&task.path), runs(task), said(task));
            let is_due = self.told.get(&task.path).is_none_or(|(before, word_before, at)| {
                *word_before != word || *before != news && at.elapsed() >= BETWEEN_LINES
            });
            if is_due {
                out.push_str(&format!("{:>11}  {news}\n", duration(time)));
                self.told.insert(Arc::clone(&task.path), (news, word, Instant::now()));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use taskhost_model::TaskState;

    use super::*;

    fn run() -> RunSummary {
        RunSummary {
            id: FlowRunId::new(7, 7),
            flow: "months".into(),
            state: RunState::Running,
            labels: vec![],
            started: 0,
            ended: None,
            elapsed: Duration::from_secs(2),
            resumed: 0,
            runs: 3,
            runs_ended: 1,
            runs_failed: 0,
            runs_cached: 0,
            retries: 0,
            usage: Default::default(),
            failure: None,
            log_lines: 0,
            log_lines_left_out: 0,
        }
    }

    fn task(name: &str, ended: u64) -> TaskReport {
        TaskReport { runs: 3, runs_ended: ended, started_at: Some(Duration::ZERO), ..TaskReport::new(name.into()) }
    }

    #[test]
    fn a_line_is_written_for_news_only_and_for_an_end_at_once() {
        let mut lines = Lines::default();
        assert_eq!(lines.of(&run(), &[task("clean", 1)]).lines().count(), 1);
        assert_eq!(lines.of(&run(), &[task("clean", 1)]), "");
        assert_eq!(lines.of(&run(), &[task("clean", 2)]), "", "too soon");
        let over = TaskReport { state: Some(TaskState::Succeeded), ..task("clean", 3) };
        assert!(lines.of(&run(), &[over]).contains("clean  succeeded  3"));
    }

    #[test]
    fn what_runs_is_on_the_screen_however_many_tasks_have_ended() {
        let over = |at: u64| TaskReport {
            state: Some(TaskState::Succeeded),
            ended_at: Some(Duration::from_secs(at)),
            ..task(&format!("over-{at}"), 3)
        };
        let tasks: Vec<TaskReport> = (0..100).map(over).chain([task("clean", 1)]).collect();
        let text = screen(&run(), &tasks, 20);
        assert!(text.lines().count() < 20 && text.contains("clean") && text.contains("over-99"), "{text}");
        assert!(text.contains("… and 88 more"), "{text}");
    }
}
