//! From a checked flow, and perhaps the report of its run, to a [`Picture`].

use taskhost_flow::flow::{Input, Source, TextPart};
use taskhost_flow::{Flow, Task, TaskKind};

use super::{Edge, EdgeKind, Node, NodeKind, Picture, Status};

/// The picture of a flow that has not run.
pub(crate) fn picture(flow: &Flow) -> Picture {
    let places = Places { tasks: flow.parameters.len(), outputs: flow.parameters.len() + flow.tasks.len() };
    let parameters = flow
        .parameters
        .iter()
        .map(|parameter| pill(NodeKind::Parameter, &parameter.name, parameter.ty.to_string(), &parameter.description));
    let outputs = flow.outputs.iter().map(|output| pill(NodeKind::Output, &output.name, output.ty.to_string(), ""));
    let nodes = parameters.chain(flow.tasks.iter().map(task_node)).chain(outputs).collect();
    let mut edges = Edges { places, list: Vec::new() };
    for (at, task) in flow.tasks.iter().enumerate() {
        edges.of_task(at, task);
    }
    for (at, output) in flow.outputs.iter().enumerate() {
        edges.of_input(&output.input, edges.places.outputs + at, EdgeKind::Value);
    }
    Picture { title: flow.name.to_string(), nodes, edges: edges.list }
}

/// Adds how the tasks ended. `status` is asked with each task's name.
pub(crate) fn paint(picture: &mut Picture, status: impl Fn(&str) -> Option<Status>) {
    for node in &mut picture.nodes {
        if matches!(node.kind, NodeKind::Task { .. }) {
            node.status = status(&node.title);
        }
    }
}

fn pill(kind: NodeKind, name: &str, ty: String, description: &str) -> Node {
    Node { kind, title: name.to_owned(), subtitle: ty, tooltip: description.to_owned(), status: None }
}

fn task_node(task: &Task) -> Node {
    let (subtitle, subflow) = match &task.kind {
        TaskKind::Call(call) => (format!("{}.{}", call.component_name, call.function), false),
        TaskKind::Subflow(flow) => (format!("flow {}", flow.name), true),
    };
    let tooltip = format!("gives {}", task.result_type);
    let kind = NodeKind::Task { mapped: task.is_mapped(), subflow };
    Node { kind, title: task.name.to_string(), subtitle, tooltip, status: None }
}

/// Where the tasks and the outputs begin among the nodes; parameters begin at 0.
struct Places {
    tasks: usize,
    outputs: usize,
}

struct Edges {
    places: Places,
    list: Vec<Edge>,
}

impl Edges {
    fn of_task(&mut self, at: usize, task: &Task) {
        let first = self.list.len();
        let to = self.places.tasks + at;
        for input in &task.inputs {
            self.of_input(input, to, EdgeKind::Value);
        }
        if let Some(when) = &task.when {
            self.of_input(when, to, EdgeKind::Condition);
        }
        for &before in &task.after {
            self.list.push(Edge { from: self.places.tasks + before, to, kind: EdgeKind::Order });
        }
        // One arrow between two nodes is enough: the first reason is the strongest.
        let mut seen = std::collections::HashSet::new();
        let mut own = self.list.split_off(first);
        own.retain(|edge| seen.insert(edge.from));
        self.list.extend(own);
    }

    fn of_input(&mut self, input: &Input, to: usize, kind: EdgeKind) {
        match input {
            Input::Literal(_) => {}
            Input::Reference(reference) => self.add(reference.source, to, kind),
            Input::Text(parts) => {
                for part in parts {
                    if let TextPart::Reference(reference, _) = part {
                        self.add(reference.source, to, kind);
                    }
                }
            }
            Input::List { items, .. } | Input::Record(items) | Input::Tuple(items) => {
                items.iter().for_each(|item| self.of_input(item, to, kind));
            }
            Input::Some(inner) => self.of_input(inner, to, kind),
        }
    }

    fn add(&mut self, source: Source, to: usize, kind: EdgeKind) {
        let from = match source {
            Source::Parameter(at) => at,
            Source::Task(at) => self.places.tasks + at,
        };
        self.list.push(Edge { from, to, kind });
    }
}
