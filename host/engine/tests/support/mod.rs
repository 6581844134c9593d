//! Flows for tests, and the one place where tests touch how they are made.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::Arc;

use taskhost_flow::Plan;
use taskhost_flow::flow::{Flow, Input, OnFailure, Output, Reference, Source, Task, TaskKind};
use taskhost_model::{Digest, Limits, List, TaskCall, Value, ValueType};

/// A call of a function `func(…) -> result<u32, string>`.
pub(crate) fn call() -> TaskKind {
    TaskKind::Call(Arc::new(TaskCall {
        component: Digest::of(b"a component"),
        component_name: "component".into(),
        interface: None,
        function: "function".into(),
        parameters: vec![ValueType::U32],
        result: Some(ValueType::result(Some(ValueType::U32), Some(ValueType::String))),
        limits: Limits::DEFAULT,
        grants: Arc::default(),
        deterministic: false,
        cache: None,
    }))
}

/// A task that calls a function and has no inputs.
pub(crate) fn task(name: &str) -> Task {
    Task::unchecked(name, call(), ValueType::U32)
}

/// A task that runs a subflow, whose result is a record of `u32`s.
pub(crate) fn subflow_task(name: &str, flow: Flow) -> Task {
    let fields: Vec<_> = flow.outputs.iter().map(|output| (output.name.to_string(), ValueType::U32)).collect();
    let ty = ValueType::record(fields.iter().map(|(name, ty)| (name.as_str(), ty.clone())));
    Task::unchecked(name, TaskKind::Subflow(Arc::new(flow)), ty)
}

/// The value of the task at a position.
pub(crate) fn result_of(task: usize) -> Reference {
    Reference {
        source: Source::Task(task),
        path: vec![],
        conversion: None,
        whole_result: false,
        none_if_skipped: false,
    }
}

/// A literal `list<u32>` of so many elements.
pub(crate) fn numbers(length: u32) -> Input {
    Input::Literal(Value::List(List::from_values(&ValueType::U32, (0..length).map(Value::U32))))
}

/// Adds an input that is mapped over.
pub(crate) fn map_over(task: &mut Task, input: Input) {
    task.mapped = task.mapped.iter().copied().chain([task.inputs.len()]).collect();
    task.inputs.push(input);
    task.result_type = ValueType::list(task.success_type.clone());
}

/// Sets `on-failure = "collect"` of a mapped task.
pub(crate) fn collect(task: &mut Task) {
    task.on_failure = OnFailure::Collect;
    let element = ValueType::result(Some(task.success_type.clone()), Some(ValueType::String));
    task.result_type = ValueType::list(element);
}

/// A flow of tasks by name, each with an input from each of those that it needs.
pub(crate) fn flow(tasks: &[(&str, &[&str])]) -> Flow {
    let mut flow = Flow::unchecked("test");
    for (name, needs) in tasks {
        let mut task = task(name);
        for need in *needs {
            task.inputs.push(Input::Reference(result_of(position(&flow, need))));
        }
        flow.tasks.push(task);
    }
    set_needs(&mut flow);
    flow
}

/// The position of the task with this name.
pub(crate) fn position(flow: &Flow, name: &str) -> usize {
    flow.tasks.iter().position(|task| &*task.name == name).expect("a task of this name")
}

/// Adds an output that is a task's value.
pub(crate) fn output(flow: &mut Flow, name: &str, reference: Reference) {
    flow.outputs.push(Output::unchecked(name, Input::Reference(reference), ValueType::U32));
}

/// Derives `needs` from the inputs, `when` and `after`.
pub(crate) fn set_needs(flow: &mut Flow) {
    for task in &mut flow.tasks {
        let inputs = task.inputs.iter().chain(&task.when).filter_map(|input| match input {
            Input::Reference(Reference { source: Source::Task(at), .. }) => Some(*at),
            _ => None,
        });
        let mut needs: Vec<usize> = inputs.chain(task.after.iter().copied()).collect();
        needs.sort_unstable();
        needs.dedup();
        task.needs = needs;
    }
}

/// A plan without parameters.
pub(crate) fn plan(mut flow: Flow) -> Plan {
    set_needs(&mut flow);
    Plan::for_subflow(Arc::new(flow), vec![])
}
