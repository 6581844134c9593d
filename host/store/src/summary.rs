//! [`Fold`]: what the events of a run add up to, for listings that do not read journals, and what of it is to be written.

use std::sync::Arc;
use std::time::Duration;

use taskhost_model::event::Timed;
use taskhost_model::fold::{LastProgress, RunFold, TaskReport, Totals};
use taskhost_model::{FlowRunEnding, RunEvent};

/// The fold of a run, and which of its tasks changed.
#[derive(Default)]
pub(crate) struct Fold {
    fold: RunFold,
    changed: Vec<usize>,
    is_changed: Vec<bool>,
}

impl Fold {
    /// Of a run that goes on.
    pub(crate) fn resumed(tasks: Vec<TaskReport>, totals: Totals, at: Duration) -> Fold {
        let is_changed = vec![false; tasks.len()];
        Fold { fold: RunFold::resumed(tasks, totals, at), is_changed, changed: Vec::new() }
    }

    /// Adds an event.
    pub(crate) fn apply(&mut self, event: &Timed<RunEvent>) {
        if let Some(at) = self.fold.apply(event) {
            self.change(at);
        }
        if let RunEvent::FlowRunResumed { taken_back } = &event.event {
            for back in taken_back {
                let at = self.fold.position(&back.task);
                self.change(at);
            }
        }
    }

    /// Keeps what a task said last.
    pub(crate) fn progress(&mut self, task: &Arc<str>, progress: LastProgress) {
        let at = self.fold.progress(task, progress);
        self.change(at);
    }

    /// The tasks that changed since the last time, with their positions.
    pub(crate) fn take_changed(&mut self) -> impl Iterator<Item = (usize, &TaskReport)> {
        let (tasks, is_changed) = (self.fold.tasks(), &mut self.is_changed);
        self.changed.drain(..).map(|at| {
            is_changed[at] = false;
            (at, &tasks[at])
        })
    }

    pub(crate) fn totals(&self) -> &Totals {
        self.fold.totals()
    }

    /// Time of the last event.
    pub(crate) fn at(&self) -> Duration {
        self.fold.at()
    }

    /// How the run ended.
    pub(crate) fn ending(&self) -> Option<&'static str> {
        self.fold.ending().map(|ending| match ending {
            FlowRunEnding::Succeeded(_) => "succeeded",
            FlowRunEnding::Failed(_) => "failed",
            FlowRunEnding::Cancelled => "cancelled",
        })
    }

    fn change(&mut self, at: usize) {
        if self.is_changed.len() <= at {
            self.is_changed.resize(at + 1, false);
        }
        if !self.is_changed[at] {
            self.is_changed[at] = true;
            self.changed.push(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tasks_that_changed_are_written_again() {
        let mut fold = Fold::default();
        let started = |task: &str| Timed {
            at: Duration::from_millis(1),
            event: RunEvent::TaskStarted { task: task.into(), runs: 2 },
        };
        let changed = |fold: &mut Fold| fold.take_changed().map(|(at, task)| (at, task.runs)).collect::<Vec<_>>();
        ["a", "m[0]/b", "m[1]/b"].iter().for_each(|task| fold.apply(&started(task)));
        assert_eq!(changed(&mut fold), [(0, 2), (1, 4)]);
        fold.apply(&started("m[2]/b"));
        assert_eq!(changed(&mut fold), [(1, 6)]);
        assert_eq!(changed(&mut fold), []);
    }
}
