//! The picture of a flow as a Mermaid flowchart, which many web pages for code show as a picture.

use std::fmt::Write as _;

use super::{EdgeKind, Node, NodeKind, Picture, State};

/// The picture as the text of a Mermaid file.
pub(crate) fn mermaid(picture: &Picture) -> String {
    let mut out = String::from("flowchart LR\n");
    for (at, node) in picture.nodes.iter().enumerate() {
        let (open, close) = brackets(node.kind);
        let _ = writeln!(out, "  n{at}{open}\"{}\"{close}", label(node));
    }
    for edge in &picture.edges {
        let arrow = if edge.kind == EdgeKind::Value { "-->" } else { "-.->" };
        let _ = writeln!(out, "  n{} {arrow} n{}", edge.from, edge.to);
    }
    out.push_str("  classDef parameter fill:#ddf4ff,stroke:#54aeff,color:#1f2328\n");
    out.push_str("  classDef output fill:#fbefff,stroke:#c297ff,color:#1f2328\n");
    out.push_str("  classDef succeeded fill:#dafbe1,stroke:#2da44e,color:#1f2328\n");
    out.push_str("  classDef failed fill:#ffebe9,stroke:#cf222e,color:#1f2328\n");
    out.push_str("  classDef running fill:#fff8c5,stroke:#bf8700,color:#1f2328\n");
    out.push_str("  classDef idle fill:#f6f8fa,stroke:#afb8c1,color:#57606a,stroke-dasharray:4 3\n");
    for (at, node) in picture.nodes.iter().enumerate() {
        if let Some(class) = class(node) {
            let _ = writeln!(out, "  class n{at} {class}");
        }
    }
    out
}

fn brackets(kind: NodeKind) -> (&'static str, &'static str) {
    match kind {
        NodeKind::Parameter | NodeKind::Output => ("([", "])"),
        NodeKind::Task { subflow: true, .. } => ("[[", "]]"),
        NodeKind::Task { mapped: true, .. } => ("@{ shape: st-rect, label: ", " }"),
        NodeKind::Task { .. } => ("(", ")"),
    }
}

fn class(node: &Node) -> Option<&'static str> {
    match (node.kind, node.status.as_ref().map(|status| status.state)) {
        (NodeKind::Parameter, _) => Some("parameter"),
        (NodeKind::Output, _) => Some("output"),
        (_, Some(State::Succeeded)) => Some("succeeded"),
        (_, Some(State::Failed)) => Some("failed"),
        (_, Some(State::Running)) => Some("running"),
        (_, Some(State::Idle)) => Some("idle"),
        (_, None) => None,
    }
}

fn label(node: &Node) -> String {
    let mut label = format!("<b>{}</b>", escape(&node.title));
    let status = node.status.as_ref().map(super::Status::line);
    for line in [Some(node.subtitle.clone()), status].into_iter().flatten().filter(|line| !line.is_empty()) {
        let _ = write!(label, "<br/>{}", escape(&line));
    }
    label
}

/// Inside quotes Mermaid reads HTML entities, written with `#`.
fn escape(text: &str) -> String {
    text.replace('#', "#35;")
        .replace('&', "#amp;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
        .replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::samples;

    #[test]
    fn mermaid_names_every_node_and_edge() {
        let text = mermaid(&samples::parallel());
        assert!(text.contains("  n0([\"<b>stop</b><br/>u32\"])\n"), "{text}");
        assert!(text.contains("  n1(\"<b>number-1</b><br/>numbers.random-num\")\n"), "{text}");
        assert!(text.contains("  n4 --> n5\n"), "{text}");
    }

    #[test]
    fn types_do_not_turn_into_tags() {
        assert_eq!(escape("list<u32> & \"#\""), "list#lt;u32#gt; #amp; #quot;#35;#quot;");
    }
}
