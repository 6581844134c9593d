//! [`Board`]: what is known of the tasks in work. Holds no more than these, however many task runs a flow has.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskhost_model::Usage;

/// What is known of the tasks in work.
#[derive(Default)]
pub(crate) struct Board {
    /// Task runs known so far.
    pub runs: u64,
    /// Task runs that are over.
    pub runs_ended: u64,
    tasks: HashMap<Arc<str>, Entry>,
    /// By their order of start.
    in_work: BTreeMap<u64, Arc<str>>,
    next: u64,
}

/// What is known of one task.
#[derive(Clone, Default)]
pub(crate) struct Entry {
    /// Its task runs.
    pub runs: u64,
    /// Task runs that are over.
    pub runs_ended: u64,
    /// Task runs that failed.
    pub runs_failed: u64,
    /// What they used.
    pub usage: Usage,
    /// When it started, since the flow run's start; none if it did not.
    pub started_at: Option<Duration>,
    /// The same on this machine's clock.
    pub since: Option<Instant>,
    /// What a run of it last said about how far it is.
    pub progress: Option<(u32, u32, String)>,
    order: u64,
    counts: bool,
}

impl Board {
    /// A task started. `counts` is false for a subflow, whose own tasks do the work.
    pub(crate) fn started(&mut self, task: &Arc<str>, runs: u32, at: Duration, counts: bool) {
        self.next += 1;
        let entry = Entry {
            runs: u64::from(runs),
            started_at: Some(at),
            since: Some(Instant::now()),
            order: self.next,
            counts,
            ..Entry::default()
        };
        if counts {
            self.runs += entry.runs;
        }
        self.in_work.insert(self.next, task.clone());
        self.tasks.insert(task.clone(), entry);
    }

    /// Task runs ended.
    pub(crate) fn runs_over(&mut self, task: &Arc<str>, count: u32, usage: &Usage, failed: usize) {
        let Some(entry) = self.tasks.get_mut(task) else { return };
        entry.runs_ended += u64::from(count);
        entry.runs_failed += failed as u64;
        entry.usage.add(usage);
        if entry.counts {
            self.runs_ended += u64::from(count);
        }
    }

    /// A task is over: it leaves the board.
    pub(crate) fn over(&mut self, task: &Arc<str>) -> Entry {
        let entry = self.tasks.remove(task).unwrap_or_default();
        self.in_work.remove(&entry.order);
        entry
    }

    /// A task run says how far it is.
    pub(crate) fn progress(&mut self, task: &Arc<str>, done: u32, total: u32, message: &str) {
        if let Some(entry) = self.tasks.get_mut(task) {
            entry.progress = Some((done, total, message.to_owned()));
        }
    }

    /// Tasks in work, without subflows.
    pub(crate) fn working(&self) -> u64 {
        self.tasks.values().filter(|entry| entry.counts).count() as u64
    }

    /// The first tasks in work, by their order of start, and how many there are.
    pub(crate) fn in_work(&self, most: usize) -> (Vec<(&Arc<str>, &Entry)>, usize) {
        let first = self.in_work.values().take(most).filter_map(|task| self.tasks.get_key_value(task)).collect();
        (first, self.in_work.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn board_counts_task_runs_but_not_subflows_and_forgets_tasks_that_are_over() {
        let mut board = Board::default();
        let (months, clean): (Arc<str>, Arc<str>) = ("months".into(), "months[0]/clean".into());
        board.started(&months, 12, Duration::ZERO, false);
        board.started(&clean, 4, Duration::ZERO, true);
        board.runs_over(&clean, 3, &Usage::default(), 1);
        assert_eq!((board.runs, board.runs_ended), (4, 3));
        assert_eq!(board.in_work(1).1, 2);
        assert_eq!(board.over(&clean).runs_failed, 1);
        board.over(&months);
        assert_eq!(board.in_work(9).0.len(), 0);
    }
}
