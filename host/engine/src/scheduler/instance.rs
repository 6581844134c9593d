//! An instance: one use of a flow within a flow run. The flow itself is the first; each run of a subflow task makes another.

use std::collections::HashMap;
use std::sync::Arc;

use taskhost_flow::flow::{Flow, Input, RunnerChoice, Source, Task, TaskKind, TextPart};
use taskhost_model::{TaskFailure, Value, ValueType};

use super::active::Active;
use crate::input::{Blocked, Known, Values, evaluate, evaluate_all};

/// Names an instance; an id whose instance is over finds nothing, though its place may be in use again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct InstanceId {
    slot: u32,
    generation: u32,
}

/// The instances that are alive.
#[derive(Default)]
pub(super) struct Instances {
    slots: Vec<(u32, Option<Instance>)>,
    free: Vec<u32>,
}

impl Instances {
    pub(super) fn insert(&mut self, instance: Instance) -> InstanceId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            (self.slots.len() - 1) as u32
        });
        let entry = &mut self.slots[slot as usize];
        entry.1 = Some(instance);
        InstanceId { slot, generation: entry.0 }
    }

    pub(super) fn get(&self, id: InstanceId) -> Option<&Instance> {
        self.slots.get(id.slot as usize).filter(|entry| entry.0 == id.generation)?.1.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: InstanceId) -> Option<&mut Instance> {
        self.slots.get_mut(id.slot as usize).filter(|entry| entry.0 == id.generation)?.1.as_mut()
    }

    pub(super) fn remove(&mut self, id: InstanceId) -> Option<Instance> {
        let entry = self.slots.get_mut(id.slot as usize).filter(|entry| entry.0 == id.generation)?;
        entry.0 = entry.0.wrapping_add(1);
        self.free.push(id.slot);
        entry.1.take()
    }

    /// All that are alive, in a fixed order.
    pub(super) fn ids(&self) -> Vec<InstanceId> {
        let alive = self.slots.iter().enumerate().filter(|(_, entry)| entry.1.is_some());
        alive.map(|(slot, entry)| InstanceId { slot: slot as u32, generation: entry.0 }).collect()
    }
}

/// What the instances of one flow share: who waits for whom.
pub(super) struct Shape {
    /// For each task, those that need it.
    pub(super) dependents: Vec<Vec<u32>>,
    /// For each task, how many look at its result: dependents, and the outputs together once.
    uses: Vec<u32>,
}

impl Shape {
    fn of(flow: &Flow) -> Shape {
        let mut dependents = vec![Vec::new(); flow.tasks.len()];
        for (at, task) in flow.tasks.iter().enumerate() {
            for need in &task.needs {
                dependents[*need].push(at as u32);
            }
        }
        let mut uses: Vec<u32> = dependents.iter().map(|dependents| dependents.len() as u32).collect();
        let mut in_outputs = vec![false; flow.tasks.len()];
        for output in &flow.outputs {
            for_each_task(&output.input, &mut |task| in_outputs[task] = true);
        }
        for (uses, in_outputs) in uses.iter_mut().zip(in_outputs) {
            *uses += u32::from(in_outputs);
        }
        Shape { dependents, uses }
    }
}

fn for_each_task(input: &Input, visit: &mut impl FnMut(usize)) {
    let mut source = |source: &Source| {
        if let Source::Task(task) = source {
            visit(*task);
        }
    };
    match input {
        Input::Literal(_) => {}
        Input::Reference(reference) => source(&reference.source),
        Input::Text(parts) => parts.iter().for_each(|part| match part {
            TextPart::Literal(_) => {}
            TextPart::Reference(reference, _) => source(&reference.source),
        }),
        Input::List { items, .. } | Input::Record(items) | Input::Tuple(items) => {
            items.iter().for_each(|item| for_each_task(item, visit));
        }
        Input::Some(inner) => for_each_task(inner, visit),
    }
}

/// The shapes of the flows met so far, by the address of the flow, which the first one's tree keeps alive.
#[derive(Default)]
pub(super) struct Shapes(HashMap<usize, Arc<Shape>>);

impl Shapes {
    pub(super) fn of(&mut self, flow: &Arc<Flow>) -> Arc<Shape> {
        Arc::clone(self.0.entry(Arc::as_ptr(flow).addr()).or_insert_with(|| Arc::new(Shape::of(flow))))
    }
}

/// The task run that an instance is.
#[derive(Clone, Copy)]
pub(super) struct Parent {
    pub(super) instance: InstanceId,
    pub(super) task: usize,
    pub(super) index: u32,
}

/// One use of a flow.
pub(super) struct Instance {
    pub(super) flow: Arc<Flow>,
    pub(super) shape: Arc<Shape>,
    pub(super) parameters: Vec<Value>,
    /// Added to the priorities of its tasks: that of the subflow tasks around it.
    pub(super) priority: i32,
    /// The limited tags of the subflow tasks around it.
    pub(super) tags: Arc<[u32]>,
    /// Goes before the names of its tasks: empty, or such as `months[3]/`.
    pub(super) prefix: String,
    pub(super) parent: Option<Parent>,
    /// For tasks that do not choose a runner themselves.
    pub(super) runner: Option<RunnerChoice>,
    pub(super) slots: Vec<Slot>,
    /// Tasks that are not over.
    pub(super) open: usize,
    /// Paths of tasks whose failure nobody handled, in the order in which they failed.
    pub(super) failures: Vec<Arc<str>>,
    /// One of them, in words: that of the first task in the order of the flow, since which one fails first is chance.
    pub(super) first_failure: Option<(usize, String)>,
}

/// A task of an instance.
pub(super) struct Slot {
    /// Needed tasks that are not over.
    pub(super) waiting_for: u32,
    /// Consumers that have not looked at its result yet.
    uses: u32,
    pub(super) state: State,
}

pub(super) enum State {
    Waiting,
    Active(Box<Active>),
    Over(Done),
}

/// How a task ended, with what its consumers need.
pub(super) enum Done {
    /// The result; none once every consumer has had it.
    Succeeded(Option<Value>),
    Failed(FailedTask),
    Skipped,
    /// The task at this position failed.
    NotRun(usize),
    Cancelled,
}

pub(super) struct FailedTask {
    /// What a consumer of the whole `result` gets, if its type can tell this failure.
    pub(super) whole: Option<Value>,
    /// Whether it stands among the instance's failures.
    pub(super) counted: bool,
    /// For a subflow: what failed in it, until it is counted.
    pub(super) inside: Vec<Arc<str>>,
}

/// What a task is to run with.
pub(super) struct Arguments {
    pub(super) values: Arc<[Value]>,
    /// Number of task runs.
    pub(super) runs: u32,
}

impl Instance {
    pub(super) fn new(flow: Arc<Flow>, shape: Arc<Shape>, parameters: Vec<Value>) -> Instance {
        let slot = |(task, uses): (&Task, &u32)| Slot {
            waiting_for: task.needs.len() as u32,
            uses: *uses,
            state: State::Waiting,
        };
        Instance {
            slots: flow.tasks.iter().zip(&shape.uses).map(slot).collect(),
            open: flow.tasks.len(),
            runner: flow.runner.clone(),
            flow,
            shape,
            parameters,
            priority: 0,
            tags: Arc::new([]),
            prefix: String::new(),
            parent: None,
            failures: Vec::new(),
            first_failure: None,
        }
    }

    pub(super) fn path(&self, task: usize) -> Arc<str> {
        let name = &self.flow.tasks[task].name;
        if self.prefix.is_empty() { Arc::clone(name) } else { format!("{}{name}", self.prefix).into() }
    }

    pub(super) fn active(&mut self, task: usize) -> Option<&mut Active> {
        match &mut self.slots[task].state {
            State::Active(active) => Some(active),
            _ => None,
        }
    }

    /// Whether and with what a task is to run, now that all it needs is over.
    pub(super) fn arguments(&self, task: usize) -> Result<Arguments, Blocked> {
        let task = &self.flow.tasks[task];
        let mut blocked = None;
        match task.when.as_ref().map(|when| evaluate(when, self)) {
            None | Some(Ok(Value::Bool(true))) => {}
            Some(Ok(_)) => return Err(Blocked::Skipped),
            Some(Err(reason)) => blocked = Some(reason),
        }
        for before in &task.after {
            blocked = blocked.max(match self.task(*before) {
                Known::Value(_) => None,
                Known::Failed(_) => Some(Blocked::NotRun(*before)),
                Known::Skipped => Some(Blocked::Skipped),
                Known::NotRun(cause) => Some(Blocked::NotRun(cause)),
            });
        }
        match (evaluate_all(&task.inputs, self), blocked) {
            (Ok(values), None) => Ok(Arguments { runs: runs(task, &values)?, values: values.into() }),
            (Ok(_), Some(reason)) => Err(reason),
            (Err(reason), blocked) => Err(blocked.max(Some(reason)).expect("one of two reasons")),
        }
    }

    /// A consumer has looked at the results of the tasks that it needs; those with no other consumer are dropped.
    pub(super) fn release_needs(&mut self, task: usize) {
        for need in &self.flow.tasks[task].needs {
            let slot = &mut self.slots[*need];
            slot.uses -= 1;
            if slot.uses == 0 {
                slot.forget();
            }
        }
    }

    /// Marks a task as over; the tasks that may be decided now are handed to `decide`, in the order of the flow.
    pub(super) fn over(&mut self, task: usize, done: Done, mut decide: impl FnMut(usize)) {
        let slot = &mut self.slots[task];
        slot.state = State::Over(done);
        if slot.uses == 0 {
            slot.forget();
        }
        self.open -= 1;
        for dependent in &self.shape.dependents[task] {
            let slot = &mut self.slots[*dependent as usize];
            slot.waiting_for -= 1;
            if slot.waiting_for == 0 && matches!(slot.state, State::Waiting) {
                decide(*dependent as usize);
            }
        }
    }

    /// A task fails, for this reason, and nobody handles it.
    pub(super) fn keep_failure(&mut self, task: usize, text: impl FnOnce() -> String) {
        if self.first_failure.as_ref().is_none_or(|(known, _)| task < *known) {
            self.first_failure = Some((task, text()));
        }
    }

    /// The failure of a task turns out to be one that nobody handles.
    pub(super) fn count_failure(&mut self, task: usize) {
        let path = self.path(task);
        if let State::Over(Done::Failed(failed)) = &mut self.slots[task].state
            && !failed.counted
        {
            failed.counted = true;
            self.failures.append(&mut failed.inside);
            self.failures.push(path);
        }
    }
}

impl Slot {
    fn forget(&mut self) {
        match &mut self.state {
            State::Over(Done::Succeeded(value)) => *value = None,
            State::Over(Done::Failed(failed)) => failed.whole = None,
            _ => {}
        }
    }
}

impl Values for Instance {
    fn flow(&self) -> &Flow {
        &self.flow
    }

    fn parameter(&self, at: usize) -> &Value {
        &self.parameters[at]
    }

    fn task(&self, at: usize) -> Known<'_> {
        match &self.slots[at].state {
            State::Over(Done::Succeeded(Some(value))) => Known::Value(value),
            State::Over(Done::Failed(failed)) => Known::Failed(failed.whole.clone()),
            State::Over(Done::Skipped) => Known::Skipped,
            State::Over(Done::NotRun(cause)) => Known::NotRun(*cause),
            State::Over(Done::Succeeded(None) | Done::Cancelled) | State::Waiting | State::Active(_) => {
                unreachable!("Invariant: a task is decided only after every task it needs is over")
            }
        }
    }

    fn whole_success(&self, at: usize, value: &Value) -> Value {
        let bare = match &self.flow.tasks[at].kind {
            TaskKind::Call(call) => matches!(call.result, None | Some(ValueType::Result { ok: None, .. })),
            TaskKind::Subflow(_) => false,
        };
        Value::ok((!bare).then(|| value.clone()))
    }
}

/// Number of task runs: the length of the mapped lists.
fn runs(task: &Task, values: &[Value]) -> Result<u32, Blocked> {
    let mut first: Option<(usize, usize)> = None;
    for at in task.mapped.iter() {
        let Value::List(list) = &values[*at] else {
            return Err(Blocked::BadArguments(format!("{} is mapped and is no list", parameter(task, *at))));
        };
        match first {
            None => first = Some((*at, list.len())),
            Some((_, length)) if length == list.len() => {}
            Some((other, length)) => {
                let (a, b) = (parameter(task, other), parameter(task, *at));
                let message = format!(
                    "mapped lists must be equally long; {a} has {}, {b} has {}",
                    elements(length),
                    elements(list.len())
                );
                return Err(Blocked::BadArguments(message));
            }
        }
    }
    let Some((at, length)) = first else { return Ok(1) };
    u32::try_from(length).map_err(|_| {
        let name = parameter(task, at);
        Blocked::BadArguments(format!("{name} has {length} elements; a task can be mapped over {} at most", u32::MAX))
    })
}

fn elements(length: usize) -> String {
    format!("{length} element{}", if length == 1 { "" } else { "s" })
}

fn parameter(task: &Task, at: usize) -> String {
    let name = task.mapped.iter().position(|mapped| *mapped == at).and_then(|place| task.mapped_names.get(place));
    name.map_or_else(|| format!("argument {}", at + 1), |name| format!("`{name}`"))
}

/// The message of a failure for a consumer that handles it: the task's own words where it returned an error.
pub(super) fn message(failure: &TaskFailure) -> String {
    match failure {
        TaskFailure::Returned(text) => text.clone(),
        other => other.to_string(),
    }
}
