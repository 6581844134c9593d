//! [`Paths`]: from a task's path in a flow run back to what it is in its flow.

use std::collections::HashMap;
use std::sync::Arc;

use taskhost_flow::{Flow, TaskKind};

/// The tasks of a flow and its subflows.
pub(crate) struct Paths {
    root: Arc<Flow>,
    /// Positions by name for each flow that was asked about, by its address: a flow may have 100,000 tasks.
    names: HashMap<usize, HashMap<Arc<str>, usize>>,
}

/// What is at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    /// The name of the flow that it runs; none for a task that calls a function.
    pub(crate) subflow: Option<Arc<str>>,
    pub(crate) is_mapped: bool,
}

impl Paths {
    pub(crate) fn new(root: Arc<Flow>) -> Paths {
        Paths { root, names: HashMap::new() }
    }

    /// What is at `path`; none for what is no task, such as an output.
    pub(crate) fn find(&mut self, path: &str) -> Option<Found> {
        let mut flow = Arc::clone(&self.root);
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let at = self.position(&flow, part.split('[').next().unwrap_or(part))?;
            let task = &flow.tasks[at];
            let next = match (&task.kind, parts.peek()) {
                (TaskKind::Call(_), None) => return Some(Found { subflow: None, is_mapped: task.is_mapped() }),
                (TaskKind::Subflow(inner), None) => {
                    return Some(Found { subflow: Some(Arc::clone(&inner.name)), is_mapped: task.is_mapped() });
                }
                (TaskKind::Subflow(inner), Some(_)) => Arc::clone(inner),
                (TaskKind::Call(_), Some(_)) => return None,
            };
            flow = next;
        }
        None
    }

    fn position(&mut self, flow: &Arc<Flow>, name: &str) -> Option<usize> {
        let names = self.names.entry(Arc::as_ptr(flow).addr());
        let names = names
            .or_insert_with(|| flow.tasks.iter().enumerate().map(|(at, task)| (Arc::clone(&task.name), at)).collect());
        names.get(name).copied()
    }
}

/// `months/clean`, of `months[3]/clean`.
pub(crate) fn without_indexes(path: &Arc<str>) -> Arc<str> {
    if !path.contains('[') {
        return Arc::clone(path);
    }
    let parts: Vec<&str> = path.split('/').map(|part| part.split('[').next().unwrap_or(part)).collect();
    parts.join("/").into()
}

#[cfg(test)]
mod tests {
    use taskhost_flow::Task;
    use taskhost_model::ValueType;

    use super::*;

    #[test]
    fn a_path_leads_through_subflows_and_indexes_to_a_task() {
        let call = || TaskKind::Call(Arc::new(crate::testing::call()));
        let mut inner = Flow::unchecked("inner");
        inner.tasks = vec![Task::unchecked("clean", call(), ValueType::U32)];
        let mut months = Task::unchecked("months", TaskKind::Subflow(Arc::new(inner)), ValueType::U32);
        months.mapped = Arc::new([0]);
        let mut flow = Flow::unchecked("outer");
        flow.tasks = vec![Task::unchecked("first", call(), ValueType::U32), months];
        let mut paths = Paths::new(Arc::new(flow));
        let mut is = |path| paths.find(path).map(|found| (found.subflow, found.is_mapped));
        assert_eq!(is("first"), Some((None, false)));
        assert_eq!(is("months"), Some((Some("inner".into()), true)));
        assert_eq!(is("months[12]/clean"), Some((None, false)));
        for nothing in ["", "outputs.total", "first/clean", "months[1]/dirty", "months[1]/clean/more"] {
            assert_eq!(is(nothing), None, "{nothing}");
        }
        assert_eq!(&*without_indexes(&"months[12]/clean".into()), "months/clean");
    }
}
