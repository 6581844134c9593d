//! [`Tasks`]: from a task's path in a flow run back to the task in its flow, for messages that name more than the path.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use taskhost_flow::{Flow, Task, TaskKind};

/// The tasks of a flow and its subflows.
pub(crate) struct Tasks {
    root: Arc<Flow>,
    /// Positions by name for each flow that was asked about; built when first needed, since most runs need none.
    names: Mutex<HashMap<usize, HashMap<Arc<str>, usize>>>,
}

impl Tasks {
    /// Of this flow.
    pub(crate) fn new(root: Arc<Flow>) -> Tasks {
        Tasks { root, names: Mutex::default() }
    }

    /// The flow itself.
    pub(crate) fn flow(&self) -> &Flow {
        &self.root
    }

    /// The task at a path such as `months[3]/clean`; none for what is no task, such as an output.
    pub(crate) fn find(&self, path: &str) -> Option<&Task> {
        let mut flow = &*self.root;
        let mut parts = path.split('/');
        let mut task = self.in_flow(flow, parts.next()?)?;
        for part in parts {
            let TaskKind::Subflow(inner) = &task.kind else { return None };
            flow = inner;
            task = self.in_flow(flow, part)?;
        }
        Some(task)
    }

    /// The task run for people: `clean`, or `clean[3]` for a mapped task.
    pub(crate) fn run_name(&self, path: &str, index: u32) -> String {
        let is_mapped = index > 0 || self.find(path).is_some_and(Task::is_mapped);
        if is_mapped { format!("{path}[{index}]") } else { path.to_owned() }
    }

    fn in_flow<'a>(&self, flow: &'a Flow, part: &str) -> Option<&'a Task> {
        let name = part.split('[').next().unwrap_or(part);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let of_flow = names
            .entry(std::ptr::from_ref(flow).addr())
            .or_insert_with(|| flow.tasks.iter().enumerate().map(|(at, task)| (task.name.clone(), at)).collect());
        of_flow.get(name).map(|at| &flow.tasks[*at])
    }
}

/// Whether a task runs a subflow, whose own tasks do the work.
pub(crate) fn is_subflow(task: &Task) -> bool {
    matches!(task.kind, TaskKind::Subflow(_))
}

/// The flow that a task runs.
pub(crate) fn subflow(task: &Task) -> Option<&Flow> {
    match &task.kind {
        TaskKind::Call(_) => None,
        TaskKind::Subflow(flow) => Some(flow),
    }
}

/// The component that a task calls, by its short name.
pub(crate) fn component(task: &Task) -> Option<&str> {
    match &task.kind {
        TaskKind::Call(call) => Some(&call.component_name),
        TaskKind::Subflow(_) => None,
    }
}
