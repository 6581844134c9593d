//! The picture of a flow: [`Picture`] says what there is to draw, `svg`, `dot` and `mermaid` draw it.
//!
//! A picture knows nothing of flows' rules; `of_flow` makes one from a checked flow and, after a run, its report.

mod dot;
mod layout;
mod mermaid;
mod of_flow;
mod svg;
pub(crate) mod timeline;

use std::time::Duration;

pub(crate) use dot::dot;
pub(crate) use layout::{EFFORT_MAX, effort};
pub(crate) use mermaid::mermaid;
pub(crate) use of_flow::{paint, picture};
pub(crate) use svg::{NODES_MAX, svg};

/// What there is to draw.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    /// Name of the flow.
    pub title: String,
    /// In the order of the flow: parameters, tasks, outputs.
    pub nodes: Vec<Node>,
    /// Each pair of nodes at most once.
    pub edges: Vec<Edge>,
}

/// A box or pill.
#[derive(Debug)]
pub(crate) struct Node {
    /// What it stands for.
    pub kind: NodeKind,
    /// Its name.
    pub title: String,
    /// A task's function, a parameter's or output's type.
    pub subtitle: String,
    /// What it says when pointed at; may be empty.
    pub tooltip: String,
    /// How the task ended, if this is a picture of a run.
    pub status: Option<Status>,
}

/// What a node stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NodeKind {
    /// A parameter of the flow.
    Parameter,
    /// A task.
    Task {
        /// Drawn as a stack.
        mapped: bool,
        /// Drawn with a double border.
        subflow: bool,
    },
    /// An output of the flow.
    Output,
}

/// An arrow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Edge {
    /// Position of the node that has to be over first.
    pub from: usize,
    /// Position of the node that waits for it.
    pub to: usize,
    /// Why it waits.
    pub kind: EdgeKind,
}

/// Why a node waits for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EdgeKind {
    /// It takes the value.
    Value,
    /// It only decides whether to run (`when`).
    Condition,
    /// Only the order (`after`).
    Order,
}

/// How a task ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Status {
    /// Decides the colour.
    pub state: State,
    /// The state in words: not everybody sees colours.
    pub word: &'static str,
    /// From its start to its end; none if it did not start.
    pub duration: Option<Duration>,
    /// What is added to the duration, such as `48 task runs`; may be empty.
    pub note: String,
}

/// The states that have a colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Every task run succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It runs.
    Running,
    /// Waiting, skipped, not run, or cancelled.
    Idle,
}

impl Status {
    /// One line for people: `✓ succeeded · 12 ms · 48 task runs`.
    pub(crate) fn line(&self) -> String {
        let sign = match self.state {
            State::Succeeded => "✓",
            State::Failed => "✗",
            State::Running => "⋯",
            State::Idle => "–",
        };
        let duration = self.duration.map(crate::render::duration);
        let note = (!self.note.is_empty()).then(|| self.note.clone());
        let parts = [Some(self.word.to_owned()), duration, note].into_iter().flatten();
        format!("{sign} {}", parts.collect::<Vec<_>>().join(" · "))
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! Pictures of the shapes that flows have, for the tests of all drawings.

    use super::*;

    pub(crate) fn task(title: &str, subtitle: &str) -> Node {
        node(NodeKind::Task { mapped: false, subflow: false }, title, subtitle)
    }

    pub(crate) fn node(kind: NodeKind, title: &str, subtitle: &str) -> Node {
        Node { kind, title: title.into(), subtitle: subtitle.into(), tooltip: String::new(), status: None }
    }

    fn edges(pairs: &[(usize, usize)]) -> Vec<Edge> {
        pairs.iter().map(|&(from, to)| Edge { from, to, kind: EdgeKind::Value }).collect()
    }

    /// Three tasks of one parameter, and their sum.
    pub(crate) fn parallel() -> Picture {
        let mut nodes = vec![node(NodeKind::Parameter, "stop", "u32")];
        nodes.extend((1..=3).map(|n| task(&format!("number-{n}"), "numbers.random-num")));
        nodes.push(task("sum-numbers", "numbers.sum"));
        nodes.push(node(NodeKind::Output, "total", "u64"));
        let edges = edges(&[(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4), (4, 5)]);
        Picture { title: "parallel-execution".into(), nodes, edges }
    }

    /// An ETL of 12 tasks with maps, a subflow, an order and a condition, after a run.
    pub(crate) fn etl() -> Picture {
        let mapped = NodeKind::Task { mapped: true, subflow: false };
        let subflow = NodeKind::Task { mapped: false, subflow: true };
        let mut nodes = vec![
            node(NodeKind::Parameter, "csv", "string"),
            node(NodeKind::Parameter, "year", "option<u32>"),
            task("read", "weather.read"),
            task("clean", "weather.clean"),
            task("split-months", "weather.split-by-month"),
            node(mapped, "monthly-means", "weather.mean"),
            node(mapped, "monthly-records", "weather.records"),
            node(mapped, "outliers", "weather.find-outliers"),
            node(subflow, "quality", "quality.flow.toml"),
            task("rank-months", "stats.rank"),
            task("trend", "stats.linear-regression"),
            task("table", "report.table"),
            task("notify", "report.notify"),
            task("report-with-a-rather-long-name-that-does-not-fit", "report.write"),
            node(NodeKind::Output, "report", "string"),
            node(NodeKind::Output, "records", "list<record { month: string, maximum: f64, minimum: f64 }>"),
        ];
        for (at, node) in nodes.iter_mut().enumerate().filter(|(_, node)| matches!(node.kind, NodeKind::Task { .. })) {
            let (state, word) = match at {
                0..=9 => (State::Succeeded, "succeeded"),
                10 => (State::Running, "running"),
                11 => (State::Failed, "failed"),
                _ => (State::Idle, "not run"),
            };
            let duration = (state != State::Idle).then(|| Duration::from_micros(at as u64 * 1234));
            let mapped = matches!(node.kind, NodeKind::Task { mapped: true, .. });
            let note = if mapped && state != State::Idle { "48 task runs" } else { "" };
            node.status = Some(Status { state, word, duration, note: note.into() });
        }
        let mut edges = edges(&[
            (0, 2),
            (1, 3),
            (2, 3),
            (3, 4),
            (4, 5),
            (4, 6),
            (4, 7),
            (3, 8),
            (5, 9),
            (5, 10),
            (9, 11),
            (6, 11),
            (10, 13),
            (11, 13),
            (7, 13),
            (13, 14),
            (6, 15),
        ]);
        edges.push(Edge { from: 8, to: 13, kind: EdgeKind::Condition });
        edges.push(Edge { from: 11, to: 12, kind: EdgeKind::Order });
        Picture { title: "seattle-weather".into(), nodes, edges }
    }

    /// One task, `width` after it, one that joins them.
    pub(crate) fn fan_out(width: usize) -> Picture {
        let mut nodes = vec![task("source", "work.source")];
        nodes.extend((0..width).map(|n| task(&format!("part-{n}"), "work.part")));
        nodes.push(task("join", "work.join"));
        let pairs: Vec<_> = (1..=width).flat_map(|n| [(0, n), (n, width + 1)]).collect();
        Picture { title: "fan-out".into(), nodes, edges: edges(&pairs) }
    }

    /// One after another.
    pub(crate) fn chain(length: usize) -> Picture {
        let nodes = (0..length).map(|n| task(&format!("step-{n}"), "work.add-one")).collect();
        let pairs: Vec<_> = (1..length).map(|n| (n - 1, n)).collect();
        Picture { title: "chain".into(), nodes, edges: edges(&pairs) }
    }
}
