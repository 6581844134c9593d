//! The picture of a flow as SVG: one file without scripts, fonts or references, readable on light and dark screens.
//!
//! Every text of a flow goes through [`escape`]. Colours stand in the `<style>` only.

use std::fmt::Write as _;

use super::layout::{Direction, Layout, Point, layout};
use super::{EdgeKind, Node, NodeKind, Picture, State};

/// Most nodes that are drawn: more are no picture, and their layout takes minutes.
pub(crate) const NODES_MAX: usize = 1_000;

const MARGIN: f64 = 24.0;
const TASK_TEXT_MAX: usize = 30;
/// How far the sheets of a mapped task's stack stand out, each.
const STACK_STEP: f64 = 4.0;

const STYLE: &str = "
  text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif; font-size: 11px; fill: #57606a; text-anchor: middle }
  .name { font-size: 13px; font-weight: 600; fill: #1f2328 }
  .code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 10.5px }
  .paper { fill: #ffffff }
  .box { fill: #f6f8fa; stroke: #8c959f; stroke-width: 1.2 }
  .inner { fill: none }
  .parameter { fill: #ddf4ff; stroke: #54aeff }
  .output { fill: #fbefff; stroke: #c297ff }
  .succeeded { fill: #dafbe1; stroke: #2da44e }
  .failed { fill: #ffebe9; stroke: #cf222e }
  .running { fill: #fff8c5; stroke: #bf8700 }
  .idle { fill: #f6f8fa; stroke: #afb8c1; stroke-dasharray: 4 3 }
  .edge { fill: none; stroke: #8c959f; stroke-width: 1.4 }
  .condition { stroke-dasharray: 2 3 }
  .order { stroke-dasharray: 6 4 }
  .head { fill: #8c959f; stroke: none }
  .status-succeeded { fill: #1a7f37 }
  .status-failed { fill: #cf222e; font-weight: 600 }
  .status-running { fill: #7d4e00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 }
    .name { fill: #f0f6fc }
    .paper { fill: #0d1117 }
    .box { fill: #1c2129; stroke: #656c76 }
    .inner { fill: none }
    .parameter { fill: #0c2d6b; stroke: #1f6feb }
    .output { fill: #341a56; stroke: #8957e5 }
    .succeeded { fill: #0f2d1a; stroke: #2ea043 }
    .failed { fill: #3d1416; stroke: #f85149 }
    .running { fill: #3b2d08; stroke: #d29922 }
    .idle { fill: #151b23; stroke: #3d444d }
    .edge { stroke: #656c76 }
    .head { fill: #656c76 }
    .status-succeeded { fill: #3fb950 }
    .status-failed { fill: #f85149 }
    .status-running { fill: #d29922 }
  }
";

/// The picture as the text of an SVG file.
pub(crate) fn svg(picture: &Picture) -> String {
    let sizes: Vec<(f64, f64)> = picture.nodes.iter().map(size).collect();
    let layout = layout(picture, &sizes);
    let (width, height) = (layout.width + 2.0 * MARGIN, layout.height + 2.0 * MARGIN);
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} \
         {height:.0}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" \
         height=\"100%\" rx=\"8\"/>\n<g transform=\"translate({MARGIN} {MARGIN})\">\n",
        escape(&picture.title)
    );
    let ends = ends(picture, &layout, &sizes);
    for (at, edge) in picture.edges.iter().enumerate() {
        draw_edge(&mut out, &ends[at], &layout.edges[at], edge.kind, layout.direction);
    }
    for (at, node) in picture.nodes.iter().enumerate() {
        draw_node(&mut out, node, layout.nodes[at], sizes[at]);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Width and height of a node, the sheets of its stack included.
fn size(node: &Node) -> (f64, f64) {
    let title = text_width(&shorten(&node.title), 13.0) * 1.06;
    let subtitle =
        text_width(&shorten(&node.subtitle), 10.5).max(shorten(&node.subtitle).chars().count() as f64 * 6.35);
    match node.kind {
        NodeKind::Parameter | NodeKind::Output => (title.max(subtitle) + 40.0, 40.0),
        NodeKind::Task { mapped, .. } => {
            let status = node.status.as_ref().map_or(0.0, |status| text_width(&status.line(), 11.0));
            let stack = if mapped { 2.0 * STACK_STEP } else { 0.0 };
            let height = if node.status.is_some() { 62.0 } else { 46.0 };
            (title.max(subtitle).max(status).max(70.0) + 30.0 + stack, height + stack)
        }
    }
}

fn draw_node(out: &mut String, node: &Node, middle: Point, (width, height): (f64, f64)) {
    out.push_str("<g>");
    let tooltip = [&*node.title, &*node.subtitle, &*node.tooltip].into_iter().filter(|line| !line.is_empty());
    let _ = write!(out, "<title>{}</title>", escape(&tooltip.collect::<Vec<_>>().join("\n")));
    let (left, top) = (middle.x - width / 2.0, middle.y - height / 2.0);
    match node.kind {
        NodeKind::Parameter => draw_pill(out, node, "parameter", (left, top), (width, height)),
        NodeKind::Output => draw_pill(out, node, "output", (left, top), (width, height)),
        NodeKind::Task { mapped, subflow } => {
            draw_task(out, node, (left, top), (width, height), Frame { mapped, subflow });
        }
    }
    out.push_str("</g>\n");
}

fn draw_pill(out: &mut String, node: &Node, class: &str, (left, top): (f64, f64), (width, height): (f64, f64)) {
    draw_box(out, &format!("box {class}"), (left, top), (width, height), height / 2.0);
    draw_texts(out, node, (left + width / 2.0, top + height / 2.0));
}

/// What is special about a task's border.
struct Frame {
    mapped: bool,
    subflow: bool,
}

fn draw_task(out: &mut String, node: &Node, (left, top): (f64, f64), (width, height): (f64, f64), frame: Frame) {
    let state = node.status.as_ref().map_or("", |status| class(status.state));
    let class = format!("box {state}");
    let stack = if frame.mapped { 2.0 * STACK_STEP } else { 0.0 };
    let (width, height) = (width - stack, height - stack);
    // The sheets behind come first; the front one is at the lower left.
    for sheet in if frame.mapped { vec![2.0, 1.0] } else { vec![] } {
        let offset = sheet * STACK_STEP;
        draw_box(out, &class, (left + offset, top + stack - offset), (width, height), 7.0);
    }
    let top = top + stack;
    draw_box(out, &class, (left, top), (width, height), 7.0);
    if frame.subflow {
        draw_box(out, &format!("box {state} inner"), (left + 3.5, top + 3.5), (width - 7.0, height - 7.0), 4.5);
    }
    draw_texts(out, node, (left + width / 2.0, top + height / 2.0));
}

fn draw_box(out: &mut String, class: &str, (left, top): (f64, f64), (width, height): (f64, f64), radius: f64) {
    let _ = write!(
        out,
        "<rect class=\"{}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius:.1}\"/>",
        class.trim_end()
    );
}

/// Name, function and status below each other around the middle.
fn draw_texts(out: &mut String, node: &Node, (x, y): (f64, f64)) {
    let status = node.status.as_ref();
    let mut lines = vec![("name", shorten(&node.title), 13.0)];
    if !node.subtitle.is_empty() {
        lines.push(("code", shorten(&node.subtitle), 11.0));
    }
    let status_class = status.map(|status| format!("status-{}", class(status.state)));
    if let (Some(status), Some(class)) = (status, &status_class) {
        lines.push((class, status.line(), 11.0));
    }
    const STEP: f64 = 15.5;
    let first = y - (lines.len() as f64 - 1.0) * STEP / 2.0;
    for (at, (class, text, font)) in lines.iter().enumerate() {
        // The base line of a text lies about a third of its size below its middle.
        let base = first + at as f64 * STEP + font * 0.34;
        let _ = write!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{base:.1}\">{}</text>", escape(text));
    }
}

/// Where an edge starts and ends: on the sides that face each other.
struct Ends {
    from: Point,
    to: Point,
}

/// Arrows into one node stand side by side as far as there is room, in the order in which they come in.
fn ends(picture: &Picture, layout: &Layout, sizes: &[(f64, f64)]) -> Vec<Ends> {
    let right = layout.direction == Direction::Right;
    let across = |point: Point| if right { point.y } else { point.x };
    let mut incoming = vec![Vec::new(); sizes.len()];
    for (at, edge) in picture.edges.iter().enumerate() {
        let last = layout.edges[at].last().copied().unwrap_or(layout.nodes[edge.from]);
        incoming[edge.to].push((across(last), at));
    }
    let mut shifts = vec![0.0; picture.edges.len()];
    for (node, edges) in incoming.iter_mut().enumerate() {
        edges.sort_by(|a, b| a.0.total_cmp(&b.0));
        let room = if right { sizes[node].1 - 18.0 } else { sizes[node].0 - 30.0 };
        let gaps = edges.len().saturating_sub(1) as f64;
        // Too many arrows for the side: they meet in one.
        let step = Some((room / gaps.max(1.0)).min(11.0)).filter(|step| *step >= 5.0).unwrap_or(0.0);
        for (place, (_, at)) in edges.iter().enumerate() {
            shifts[*at] = (place as f64 - gaps / 2.0) * step;
        }
    }
    let sides = picture.edges.iter().zip(shifts).map(|(edge, shift)| {
        let (from, to) = (layout.nodes[edge.from], layout.nodes[edge.to]);
        let (from_size, to_size) = (sizes[edge.from], sizes[edge.to]);
        match right {
            true => Ends {
                from: Point { x: from.x + from_size.0 / 2.0, y: from.y },
                to: Point { x: to.x - to_size.0 / 2.0, y: to.y + shift },
            },
            false => Ends {
                from: Point { x: from.x, y: from.y + from_size.1 / 2.0 },
                to: Point { x: to.x + shift, y: to.y - to_size.1 / 2.0 },
            },
        }
    });
    sides.collect()
}

const HEAD: f64 = 7.0;

fn draw_edge(out: &mut String, ends: &Ends, between: &[Point], kind: EdgeKind, direction: Direction) {
    // Drawn as if to the right; `place` turns it.
    let turn = |point: Point| if direction == Direction::Right { point } else { Point { x: point.y, y: point.x } };
    let tip = turn(ends.to);
    let stop = Point { x: tip.x - HEAD + 0.5, y: tip.y };
    let points: Vec<Point> =
        [turn(ends.from)].into_iter().chain(between.iter().map(|&point| turn(point))).chain([stop]).collect();
    let place = |point: Point| {
        let point = turn(point);
        format!("{:.1} {:.1}", point.x, point.y)
    };
    let mut path = format!("M{}", place(points[0]));
    for curve in curves(&points) {
        let _ = write!(path, "C{} {} {}", place(curve[0]), place(curve[1]), place(curve[2]));
    }
    let class = match kind {
        EdgeKind::Value => "",
        EdgeKind::Condition => " condition",
        EdgeKind::Order => " order",
    };
    let wing = |side: f64| place(Point { x: tip.x - HEAD, y: tip.y + side * HEAD * 0.52 });
    let _ = writeln!(
        out,
        "<path class=\"edge{class}\" d=\"{path}\"/><path class=\"head\" d=\"M{}L{}L{}Z\"/>",
        place(tip),
        wing(1.0),
        wing(-1.0)
    );
}

/// Cubic curves through points whose x grows: level at both ends, and never swinging out beyond two neighbours (Fritsch-Carlson, as
/// d3's `curveMonotoneX`).
fn curves(points: &[Point]) -> Vec<[Point; 3]> {
    let slope = |at: usize| {
        let (a, b) = (points[at], points[at + 1]);
        if b.x - a.x > 0.1 { (b.y - a.y) / (b.x - a.x) } else { 0.0 }
    };
    let tangent = |at: usize| {
        if at == 0 || at + 1 == points.len() {
            return 0.0;
        }
        let (before, after) = (slope(at - 1), slope(at));
        if before * after <= 0.0 { 0.0 } else { 2.0 * before * after / (before + after) }
    };
    (0..points.len() - 1)
        .map(|at| {
            let (a, b) = (points[at], points[at + 1]);
            let reach = (b.x - a.x) / 2.0;
            [
                Point { x: a.x + reach, y: a.y + reach * tangent(at) },
                Point { x: b.x - reach, y: b.y - reach * tangent(at + 1) },
                b,
            ]
        })
        .collect()
}

fn class(state: State) -> &'static str {
    match state {
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::Running => "running",
        State::Idle => "idle",
    }
}

/// At most so many characters as fit in a box; the whole is in the tooltip.
pub(super) fn shorten(text: &str) -> String {
    if text.chars().count() <= TASK_TEXT_MAX {
        return text.to_owned();
    }
    text.chars().take(TASK_TEXT_MAX - 1).chain(['…']).collect()
}

/// Width in common sans-serif fonts, on the wide side: fonts differ, and a text must not leave its box.
fn text_width(text: &str, size: f64) -> f64 {
    let em = |character: char| match character {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.31,
        'f' | 't' | 'r' | '-' | '(' | ')' | '[' | ']' | ' ' | '·' => 0.40,
        'm' | 'w' | 'M' | 'W' | '✓' | '✗' | '…' | '⋯' => 0.92,
        'A'..='Z' => 0.72,
        '\u{1100}'.. => 1.0,
        _ => 0.60,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// Text that may stand in XML; characters that XML forbids are replaced.
pub(super) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, character| {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            character if character.is_control() => out.push('\u{fffd}'),
            character => out.push(character),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::samples;

    #[test]
    fn every_node_and_edge_is_drawn_once() {
        let picture = samples::parallel();
        let text = svg(&picture);
        assert_eq!(text.matches("class=\"name\"").count(), picture.nodes.len());
        assert_eq!(text.matches("class=\"edge\"").count(), picture.edges.len());
    }

    #[test]
    fn names_cannot_break_out_of_the_text() {
        let mut picture = samples::parallel();
        picture.title = "</title><script>alert(1)</script>".into();
        picture.nodes[1].title = "a\" onload=\"x\u{1b}[0m<b>&".into();
        let text = svg(&picture);
        assert!(!text.contains("<script") && !text.contains("<b>") && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_picture_of_nothing_is_a_picture() {
        assert!(svg(&Picture::default()).ends_with("</svg>\n"));
    }

    #[test]
    fn an_edge_that_passes_points_stays_between_them() {
        let points: Vec<Point> =
            [(0.0, 0.0), (10.0, 5.0), (20.0, 5.0), (30.0, 40.0)].map(|(x, y)| Point { x, y }).into();
        for (at, curve) in curves(&points).iter().enumerate() {
            let (low, high) = (points[at].y.min(points[at + 1].y), points[at].y.max(points[at + 1].y));
            assert!(curve.iter().all(|point| (low - 1e-9..=high + 1e-9).contains(&point.y)), "{curve:?}");
        }
    }

    /// Writes the samples as files, to be looked at: `TASKHOST_PICTURES=folder cargo test -p taskhost-cli pictures`.
    #[test]
    fn pictures_for_the_eye() {
        let Some(folder) = std::env::var_os("TASKHOST_PICTURES") else { return };
        for picture in [samples::parallel(), samples::etl(), samples::fan_out(30), samples::chain(12)] {
            let path = std::path::Path::new(&folder).join(format!("{}.svg", picture.title));
            std::fs::write(path, svg(&picture)).expect("a folder that can be written");
        }
    }
}
