//! [`FlowRunView`]: what is known of a flow run while it runs: the fold of its events, with all tasks of its flow from the start.

use std::time::Duration;

use taskhost_flow::flow::Flow;
use taskhost_model::event::Timed;
use taskhost_model::fold::RunFold;
use taskhost_model::{FlowRunEnding, RunEvent, Usage};

pub use taskhost_model::fold::{FailedRun, TaskReport};

/// What is known of a flow run.
#[derive(Clone, Debug, Default)]
pub struct FlowRunView(RunFold);

impl FlowRunView {
    /// Before the first event: the tasks of `flow` in the order of its file. Those of subflows follow as they are met.
    pub fn new(flow: &Flow) -> FlowRunView {
        let mut fold = RunFold::default();
        for task in &flow.tasks {
            fold.position(&task.name);
        }
        FlowRunView(fold)
    }

    /// Adds an event.
    pub fn apply(&mut self, event: &Timed<RunEvent>) {
        self.0.apply(event);
    }

    /// The tasks, in the order of the flow; those of subflows in the order in which they were met.
    pub fn tasks(&self) -> &[TaskReport] {
        self.0.tasks()
    }

    /// What all task runs used together.
    pub fn usage(&self) -> &Usage {
        &self.0.totals().usage
    }

    /// How the flow run ended, if it did.
    pub fn ending(&self) -> Option<&FlowRunEnding> {
        self.0.ending()
    }

    /// When it ended, if it did.
    pub fn ended_at(&self) -> Option<Duration> {
        self.0.ending().map(|_| self.0.at())
    }
}
