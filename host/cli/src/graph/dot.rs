//! The picture of a flow in Graphviz's DOT language.

use std::fmt::Write as _;

use super::{EdgeKind, Node, NodeKind, Picture, State};

/// The picture as the text of a DOT file.
pub(crate) fn dot(picture: &Picture) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "digraph {} {{", quote(&picture.title));
    out.push_str("  rankdir=LR; bgcolor=\"transparent\";\n");
    out.push_str("  node [fontname=\"Helvetica\", fontsize=11, style=\"filled,rounded\", shape=box, fillcolor=\"#f6f8fa\", color=\"#8c959f\"];\n");
    out.push_str("  edge [color=\"#8c959f\", arrowsize=0.7];\n");
    for (at, node) in picture.nodes.iter().enumerate() {
        let _ = writeln!(out, "  n{at} [label={}{}];", quote(&label(node)), attributes(node));
    }
    for edge in &picture.edges {
        let style = match edge.kind {
            EdgeKind::Value => "",
            EdgeKind::Condition => " [style=dotted]",
            EdgeKind::Order => " [style=dashed]",
        };
        let _ = writeln!(out, "  n{} -> n{}{style};", edge.from, edge.to);
    }
    out.push_str("}\n");
    out
}

fn label(node: &Node) -> String {
    let status = node.status.as_ref().map(super::Status::line);
    let lines = [Some(node.title.clone()), Some(node.subtitle.clone()), status].into_iter().flatten();
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn attributes(node: &Node) -> String {
    let shape = match node.kind {
        NodeKind::Parameter => ", shape=oval, style=filled, fillcolor=\"#ddf4ff\", color=\"#54aeff\"",
        NodeKind::Output => ", shape=oval, style=filled, fillcolor=\"#fbefff\", color=\"#c297ff\"",
        NodeKind::Task { mapped: true, .. } => ", shape=box3d, style=filled",
        NodeKind::Task { subflow: true, .. } => ", peripheries=2",
        NodeKind::Task { .. } => "",
    };
    let colour = match node.status.as_ref().map(|status| status.state) {
        Some(State::Succeeded) => ", fillcolor=\"#dafbe1\", color=\"#2da44e\"",
        Some(State::Failed) => ", fillcolor=\"#ffebe9\", color=\"#cf222e\"",
        Some(State::Running) => ", fillcolor=\"#fff8c5\", color=\"#bf8700\"",
        Some(State::Idle) => ", style=\"filled,rounded,dashed\"",
        None => "",
    };
    format!("{shape}{colour}")
}

/// A quoted string, in which only the quote and the backslash mean something; a line end is `\n`.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::samples;

    #[test]
    fn dot_names_every_node_and_edge() {
        let picture = samples::parallel();
        let text = dot(&picture);
        assert!(text.contains("n1 [label=\"number-1\\nnumbers.random-num\"];"), "{text}");
        assert_eq!(text.matches(" -> ").count(), picture.edges.len());
    }

    #[test]
    fn names_cannot_break_out_of_their_quotes() {
        assert_eq!(quote("a\"];\\"), "\"a\\\"];\\\\\"");
    }
}
