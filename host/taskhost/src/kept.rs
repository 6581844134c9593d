//! What is kept of a flow run whose flow has changed since: the tasks that are the same, with all that they need.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use taskhost_flow::{Flow, Plan, TaskKind};
use taskhost_store::RunRecord;
use toml::de::{DeTable, DeValue};

/// Keys that decide where, when and how often something runs, but not what it gives.
const WITHOUT_MEANING: [&str; 8] = ["limits", "timeout", "retry", "priority", "tags", "cache", "runner", "description"];

/// The names of the top flow's tasks that give the same as they did. `before` is the record of the flow run, `now` what it would be today.
pub(crate) fn unchanged(before: &RunRecord, now: &RunRecord, plan: &Plan) -> HashSet<Arc<str>> {
    let flow = plan.flow();
    let text = |record: &RunRecord| {
        let file = record.files.iter().find(|file| file.path == record.file)?;
        Written::of(&file.text)
    };
    let (Some(old), Some(new)) = (text(before), text(now)) else { return HashSet::new() };
    if old.defaults != new.defaults || !has_same_parameters(before, now) || has_other_meanings(&old, &new, before, now)
    {
        return HashSet::new();
    }
    let same_elsewhere = has_same_subflows(before, now, flow);
    let is_same = |at: usize| {
        let task = &flow.tasks[at];
        let is_written_so = new.tasks.get(&*task.name).is_some_and(|text| old.tasks.get(&*task.name) == Some(text));
        is_written_so
            && match &task.kind {
                TaskKind::Call(call) => has_component(before, flow, &call.component_name, call.component),
                TaskKind::Subflow(_) => same_elsewhere,
            }
    };
    let mut same: Vec<bool> = (0..flow.tasks.len()).map(is_same).collect();
    // What needs something that changed has changed.
    while let Some(at) = (0..same.len()).find(|at| same[*at] && flow.tasks[*at].needs.iter().any(|need| !same[*need])) {
        same[at] = false;
    }
    flow.tasks.iter().zip(same).filter(|(_, same)| *same).map(|(task, _)| Arc::clone(&task.name)).collect()
}

/// Parameters that there were have their types and values.
fn has_same_parameters(before: &RunRecord, now: &RunRecord) -> bool {
    before.parameters.iter().all(|old| now.parameters.iter().all(|new| new.name != old.name || new == old))
}

/// Whether a name means a task in one of them and a parameter in the other: then equal text says nothing.
fn has_other_meanings(old: &Written, new: &Written, before: &RunRecord, now: &RunRecord) -> bool {
    let is_task_now = |record: &RunRecord, written: &Written| {
        record.parameters.iter().any(|parameter| written.tasks.contains_key(&parameter.name))
    };
    is_task_now(before, new) || is_task_now(now, old)
}

/// Whether the files of subflows, and the components that they use, are as they were.
fn has_same_subflows(before: &RunRecord, now: &RunRecord, flow: &Arc<Flow>) -> bool {
    let inner = |record: &RunRecord| -> Vec<_> {
        record.files.iter().filter(|file| file.path != record.file).cloned().collect()
    };
    let was = |path: &str, digest| before.components.iter().any(|old| old.path == path && old.digest == digest);
    let uses_same = |flow: &&Arc<Flow>| {
        flow.components.iter().all(|used| was(&crate::recording::absolute(&used.path), used.signature.digest))
    };
    inner(before) == inner(now) && subflows(flow).iter().all(uses_same)
}

/// The subflows of a flow, and theirs.
fn subflows(flow: &Arc<Flow>) -> Vec<&Arc<Flow>> {
    let mut found: Vec<&Arc<Flow>> = Vec::new();
    let mut at = flow;
    for next in 0.. {
        for task in &at.tasks {
            if let TaskKind::Subflow(inner) = &task.kind
                && !found.iter().any(|known| Arc::ptr_eq(known, inner))
            {
                found.push(inner);
            }
        }
        match found.get(next) {
            Some(inner) => at = inner,
            None => break,
        }
    }
    found
}

fn has_component(before: &RunRecord, flow: &Flow, name: &str, digest: taskhost_model::Digest) -> bool {
    let Some(used) = flow.components.iter().find(|used| &*used.name == name) else { return false };
    let path = crate::recording::absolute(&used.path);
    before.components.iter().any(|old| old.name == name && old.path == path && old.digest == digest)
}

/// What a flow's text says of what its tasks give, in one form.
struct Written {
    defaults: String,
    tasks: HashMap<String, String>,
}

impl Written {
    fn of(text: &str) -> Option<Written> {
        let document = DeTable::parse(text).ok()?;
        let document = document.get_ref();
        let table = |key: &str| match document.get(key).map(|value| value.get_ref()) {
            Some(DeValue::Table(table)) => Some(table),
            _ => None,
        };
        let mut written = Written { defaults: String::new(), tasks: HashMap::new() };
        if let Some(defaults) = table("defaults") {
            meaning(defaults, &mut written.defaults);
        }
        for (name, task) in table("tasks").into_iter().flatten() {
            let mut text = String::new();
            match task.get_ref() {
                DeValue::Table(task) => meaning(task, &mut text),
                other => write(other, &mut text),
            }
            written.tasks.insert(name.get_ref().to_string(), text);
        }
        Some(written)
    }
}

fn meaning(table: &DeTable<'_>, out: &mut String) {
    for (key, value) in table.iter().filter(|(key, _)| !WITHOUT_MEANING.contains(&&**key.get_ref())) {
        let _ = write!(out, "{:?}=", key.get_ref());
        write(value.get_ref(), out);
    }
}

fn write(value: &DeValue<'_>, out: &mut String) {
    match value {
        DeValue::Array(items) => {
            out.push('[');
            for item in items.iter() {
                write(item.get_ref(), out);
                out.push(',');
            }
            out.push(']');
        }
        DeValue::Table(table) => {
            out.push('{');
            for (key, value) in table.iter() {
                let _ = write!(out, "{:?}=", key.get_ref());
                write(value.get_ref(), out);
                out.push(',');
            }
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar:?};");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_may_use_is_not_what_it_gives() {
        let old = Written::of("[tasks.a]\ncall = \"m.f\"\nwith = { n = 1, m = 2 }\nretry = 3\n").expect("TOML");
        let new =
            Written::of("# moved\n[tasks.a]\nlimits.memory = \"1 GiB\"\ncall = 'm.f'\n[tasks.a.with]\nm = 2\nn = 1\n");
        assert_eq!(old.tasks, new.expect("TOML").tasks);
        let other = Written::of("[tasks.a]\ncall = \"m.f\"\nwith = { n = 2, m = 2 }\n").expect("TOML");
        assert_ne!(old.tasks, other.tasks);
    }
}
