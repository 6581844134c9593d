//! What a flow run that failed takes back when it is resumed: the tasks because of which it failed, and those that need them.
//!
//! A failure that somebody handled is a result like any other, and stays. Of a task that failed, the runs that succeeded stay. A task that
//! needs one that is run again starts anew: it did not run, or what it was given is not true any more.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use taskhost_flow::flow::{Flow, TaskKind};
use taskhost_model::event::{TakenBack, Timed};
use taskhost_model::{FlowRunEnding, RunEvent, TaskState};

use super::Replay;

/// From a task's path in a flow run to the task.
pub struct Paths<'a> {
    root: &'a Arc<Flow>,
    names: HashMap<*const Flow, HashMap<&'a str, usize>>,
}

impl<'a> Paths<'a> {
    /// Of runs of `root`.
    pub fn new(root: &'a Arc<Flow>) -> Paths<'a> {
        Paths { root, names: HashMap::new() }
    }

    /// The flow that the task is in, and its position there; none if there is no such task.
    pub fn find(&mut self, path: &str) -> Option<(&'a Arc<Flow>, usize)> {
        let mut flow = self.root;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let names = self
                .names
                .entry(Arc::as_ptr(flow))
                .or_insert_with(|| flow.tasks.iter().enumerate().map(|(at, task)| (&*task.name, at)).collect());
            let at = *names.get(part.split('[').next().unwrap_or(part))?;
            match (&flow.tasks[at].kind, parts.peek()) {
                (_, None) => return Some((flow, at)),
                (TaskKind::Subflow(inner), Some(_)) => flow = inner,
                (TaskKind::Call(_), Some(_)) => return None,
            }
        }
        None
    }
}

impl Replay {
    /// The event with which a run of `flow` goes on after its failure; none if it did not fail.
    pub fn resumed(&self, flow: &Arc<Flow>) -> Option<RunEvent> {
        let Some(FlowRunEnding::Failed(causes)) = &self.ending else { return None };
        let anew = needing(flow, causes);
        let mut taken_back: Vec<TakenBack> = if anew.is_empty() {
            let of = |path: &Arc<str>| self.tasks.get(path).map(|known| known.taken_back(path, known.runs.is_none()));
            causes.iter().collect::<HashSet<_>>().into_iter().filter_map(of).collect()
        } else {
            self.taken_back_with(causes, &anew)
        };
        taken_back.sort_by(|a, b| a.task.cmp(&b.task));
        Some(RunEvent::FlowRunResumed { taken_back })
    }

    /// The tasks that failed, and those that are to start anew.
    fn taken_back_with(&self, causes: &[Arc<str>], anew: &HashSet<String>) -> Vec<TakenBack> {
        let causes: HashSet<&str> = causes.iter().map(|cause| &**cause).collect();
        let taken = self.tasks.iter().filter_map(|(path, known)| {
            let is_changed = around(path).any(|path| anew.contains(path));
            let starts_anew = is_changed || known.runs.is_none();
            (is_changed || causes.contains(&**path)).then(|| known.taken_back(path, starts_anew))
        });
        taken.collect()
    }

    /// All that is known of the tasks whose paths are wanted, as the first events of another flow run.
    pub fn events(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Timed<RunEvent>> {
        let mut tasks: Vec<_> = self.tasks.iter().filter(|(path, _)| is_wanted(path)).collect();
        tasks.sort_by_key(|(path, known)| (known.started_at, *path));
        let mut events: Vec<_> = tasks.into_iter().flat_map(|(path, known)| known.events(path)).collect();
        events.sort_by_key(|event| event.at);
        events
    }

    /// How a task ended, if it did for good.
    pub fn state(&self, task: &str) -> Option<&TaskState> {
        self.tasks.get(task)?.ended.as_ref()
    }
}

/// The paths of the tasks that need one of these, directly or not, each in its own instance of a flow.
fn needing(flow: &Arc<Flow>, causes: &[Arc<str>]) -> HashSet<String> {
    let (mut paths, mut shapes, mut found) = (Paths::new(flow), HashMap::new(), HashSet::new());
    for cause in causes {
        // No task needs an output.
        let Some((flow, at)) = paths.find(cause) else { continue };
        let shape = shapes.entry(Arc::as_ptr(flow)).or_insert_with(|| Rc::new(dependents(flow)));
        let shape: Rc<Vec<Vec<usize>>> = Rc::clone(shape);
        let prefix = cause.rfind('/').map_or("", |end| &cause[..=end]);
        let mut next = vec![at];
        while let Some(at) = next.pop() {
            for dependent in &shape[at] {
                if found.insert(format!("{prefix}{}", flow.tasks[*dependent].name)) {
                    next.push(*dependent);
                }
            }
        }
    }
    found
}

/// For each task of a flow, those that need it.
fn dependents(flow: &Flow) -> Vec<Vec<usize>> {
    let mut dependents = vec![Vec::new(); flow.tasks.len()];
    for (at, task) in flow.tasks.iter().enumerate() {
        task.needs.iter().for_each(|need| dependents[*need].push(at));
    }
    dependents
}

/// The path of a task, and those of the subflow tasks around it: `months[3]/clean` and `months`.
fn around(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.map(|end| match path[..end].rsplit_once('[') {
        Some((task, _)) if path[..end].ends_with(']') => task,
        _ => &path[..end],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_in_the_subflow_tasks_around_it() {
        assert_eq!(
            around("years[7]/months[3]/clean").collect::<Vec<_>>(),
            ["years", "years[7]/months", "years[7]/months[3]/clean"]
        );
        assert_eq!(around("clean").collect::<Vec<_>>(), ["clean"]);
    }
}
