//! Where the nodes and edges of a picture go: a layered layout.
//!
//! By `dagre`, a port of dagre.js that is tested against its original, coordinate by coordinate. Compared with `rust-sugiyama` 0.4, which
//! gives coordinates of nodes only: dagre keeps node sizes of both axes, routes long edges around the nodes between, lays out left to right
//! itself, keeps parts that hang together in one picture, and brings no dependency that is not here anyway (`rust-sugiyama`: petgraph and its four).
//!
//! Both directions are tried, and the one that fits a screen better is taken: a chain goes down, a fan-out to the right.

use std::collections::BTreeMap;
use std::ops::Bound;

use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir};

use super::{EdgeKind, NodeKind, Picture};

/// Where layers follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    /// Left to right.
    Right,
    /// Top to bottom.
    Down,
}

/// A point of the picture.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// Where everything goes.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Where layers follow each other.
    pub direction: Direction,
    /// Of the whole picture, without margin.
    pub width: f64,
    /// Of the whole picture, without margin.
    pub height: f64,
    /// The middle of each node.
    pub nodes: Vec<Point>,
    /// For each edge the points between its two nodes; empty if nothing is in the way.
    pub edges: Vec<Vec<Point>>,
}

/// A screen that a picture should fit.
const SCREEN: (f64, f64) = (1400.0, 900.0);

/// Most effort of a picture that is laid out: more takes more than about two seconds, and no eye can follow it.
pub(crate) const EFFORT_MAX: usize = 4_500;

/// From here on only one direction is tried, since the layout's time grows with the square of the nodes.
const TRY_BOTH_MAX: usize = 150;

/// Lays out a picture whose nodes have these widths and heights.
pub(crate) fn layout(picture: &Picture, sizes: &[(f64, f64)]) -> Layout {
    let right = lay_out(picture, sizes, Direction::Right);
    if picture.nodes.len() > TRY_BOTH_MAX {
        return right;
    }
    let down = lay_out(picture, sizes, Direction::Down);
    if down.shrinking() < right.shrinking() { down } else { right }
}

/// About how much work the layout of a picture is. The layout holds a point for each node, and one for each layer that an edge goes
/// on to; an edge that is one of many at both ends crosses others, which takes time to untangle, while a wide fan does not.
pub(crate) fn effort(picture: &Picture) -> usize {
    let layers = layers(picture);
    let fans = fans(picture);
    let edges = picture.edges.iter();
    let points: usize = edges.clone().map(|edge| layers[edge.to].abs_diff(layers[edge.from]) as usize).sum();
    let tangle: usize = edges.map(|edge| (fans[edge.from][0].min(fans[edge.to][1]) - 1).min(3)).sum();
    // Measured: a hundred pairs of a node and a tangled edge take as long as a point.
    picture.nodes.len() + points + picture.nodes.len() * tangle / 100
}

impl Layout {
    /// How much it must shrink to fit a screen; 1 if it fits.
    fn shrinking(&self) -> f64 {
        (self.width / SCREEN.0).max(self.height / SCREEN.1).max(1.0)
    }
}

fn lay_out(picture: &Picture, sizes: &[(f64, f64)], direction: Direction) -> Layout {
    let layers = layers(picture);
    let mut graph = Graph::with_options(GraphOptions { directed: true, multigraph: false, compound: false });
    for (at, &(width, height)) in sizes.iter().enumerate() {
        graph.set_node(at.to_string(), Some(NodeLabel { width, height, ..NodeLabel::default() }));
    }
    for edge in &picture.edges {
        // What carries a value is kept straighter than what only orders.
        let weight = if edge.kind == EdgeKind::Value { 2 } else { 1 };
        // The shortest edges that keep this distance are exactly `layers`.
        let minlen = layers[edge.to] - layers[edge.from];
        let label = EdgeLabel { weight, minlen, ..EdgeLabel::default() };
        graph.set_edge(edge.from.to_string(), edge.to.to_string(), Some(label), None);
    }
    // Many edges out of one node need room to part.
    let spread = 3.0 * (fan_max(picture) as f64 - 4.0).clamp(0.0, 30.0);
    let (rankdir, nodesep, ranksep) = match direction {
        Direction::Right => (RankDir::LR, 20.0, 64.0 + spread),
        Direction::Down => (RankDir::TB, 32.0, 44.0 + spread),
    };
    dagre::layout(
        &mut graph,
        Some(LayoutOptions { rankdir, nodesep, ranksep, edgesep: 16.0, ..LayoutOptions::default() }),
    );
    read(picture, sizes, &layers, &graph, direction)
}

/// The layer of each node: a task stands as early as what it waits for allows, so that a layer holds what may run at the same time; a
/// parameter stands right before the first task that takes it.
fn layers(picture: &Picture) -> Vec<i32> {
    let mut layers = vec![0; picture.nodes.len()];
    let mut waits = vec![0_usize; picture.nodes.len()];
    let mut next = vec![Vec::new(); picture.nodes.len()];
    for edge in &picture.edges {
        waits[edge.to] += 1;
        next[edge.from].push(edge.to);
    }
    let mut ready: Vec<usize> = (0..waits.len()).filter(|&at| waits[at] == 0).collect();
    while let Some(at) = ready.pop() {
        for &to in &next[at] {
            layers[to] = layers[to].max(layers[at] + 1);
            waits[to] -= 1;
            if waits[to] == 0 {
                ready.push(to);
            }
        }
    }
    for at in (0..layers.len()).filter(|&at| picture.nodes[at].kind == NodeKind::Parameter) {
        layers[at] = next[at].iter().map(|&to| layers[to] - 1).min().unwrap_or(0);
    }
    layers
}

/// Most edges out of or into one node.
fn fan_max(picture: &Picture) -> usize {
    fans(picture).into_iter().flatten().max().unwrap_or(0)
}

/// How many edges go out of and into each node.
fn fans(picture: &Picture) -> Vec<[usize; 2]> {
    let mut fans = vec![[0_usize; 2]; picture.nodes.len()];
    for edge in &picture.edges {
        fans[edge.from][0] += 1;
        fans[edge.to][1] += 1;
    }
    fans
}

/// Reads what dagre placed, as if to the right: `x` follows the layers, `y` lies across.
fn read(
    picture: &Picture,
    sizes: &[(f64, f64)],
    layers: &[i32],
    graph: &Graph<NodeLabel, EdgeLabel>,
    direction: Direction,
) -> Layout {
    let turn = |point: Point| if direction == Direction::Right { point } else { Point { x: point.y, y: point.x } };
    let at = |x: Option<f64>, y: Option<f64>| turn(Point { x: x.unwrap_or(0.0), y: y.unwrap_or(0.0) });
    let mut nodes: Vec<Point> = (0..sizes.len())
        .map(|n| graph.node(&n.to_string()).map_or(at(None, None), |node| at(node.x, node.y)))
        .collect();
    let sizes: Vec<Point> = sizes.iter().map(|&(x, y)| turn(Point { x, y })).collect();
    let bands = Bands::of(&nodes, &sizes, layers);
    let mut edges: Vec<Vec<Point>> = picture
        .edges
        .iter()
        .map(|edge| {
            let label = graph.edge(&edge.from.to_string(), &edge.to.to_string(), None);
            let line: Vec<Point> =
                label.iter().flat_map(|label| &label.points).map(|p| at(Some(p.x), Some(p.y))).collect();
            bands.crossed(&line, layers[edge.from], layers[edge.to])
        })
        .collect();
    let deep = nodes.iter().zip(&sizes).map(|(node, size)| node.y + size.y / 2.0);
    let depth = deep.chain(edges.iter().flatten().map(|point| point.y)).fold(0.0, f64::max);
    let length = nodes.iter().zip(&sizes).map(|(node, size)| node.x + size.x / 2.0).fold(0.0, f64::max);
    if is_upside_down(&nodes, layers) {
        nodes.iter_mut().chain(edges.iter_mut().flatten()).for_each(|point| point.y = depth - point.y);
    }
    nodes.iter_mut().chain(edges.iter_mut().flatten()).for_each(|point| *point = turn(*point));
    let whole = turn(Point { x: length, y: depth });
    Layout { direction, width: whole.x, height: whole.y, nodes, edges }
}

/// Whether more neighbours of a layer stand against the order of the flow than with it: then the mirror image reads better.
fn is_upside_down(nodes: &[Point], layers: &[i32]) -> bool {
    let mut last = BTreeMap::new();
    let mut balance = 0;
    for (node, layer) in nodes.iter().zip(layers) {
        if let Some(before) = last.insert(*layer, node.y) {
            balance += if node.y < before { 1 } else { -1 };
        }
    }
    balance > 0
}

/// From where to where each layer reaches.
struct Bands(BTreeMap<i32, (f64, f64)>);

impl Bands {
    fn of(nodes: &[Point], sizes: &[Point], layers: &[i32]) -> Bands {
        let mut bands = BTreeMap::new();
        for ((node, size), layer) in nodes.iter().zip(sizes).zip(layers) {
            let band = bands.entry(*layer).or_insert((f64::MAX, f64::MIN));
            *band = (band.0.min(node.x - size.x / 2.0), band.1.max(node.x + size.x / 2.0));
        }
        Bands(bands)
    }

    /// Where an edge enters and leaves each layer between its ends: straight through the layer at the height that dagre
    /// reserved there, so that all bends lie in the gaps.
    fn crossed(&self, line: &[Point], from: i32, to: i32) -> Vec<Point> {
        let between = self.0.range((Bound::Excluded(from), Bound::Excluded(to.max(from + 1))));
        between
            .flat_map(|(_, &(start, end))| {
                let y = height_at(line, (start + end) / 2.0);
                [Point { x: start, y }, Point { x: end, y }]
            })
            .collect()
    }
}

/// The height of a line at `x`.
fn height_at(line: &[Point], x: f64) -> f64 {
    let part = line.windows(2).find(|part| part[0].x <= x && x <= part[1].x && part[0].x < part[1].x);
    match part {
        Some(part) => part[0].y + (part[1].y - part[0].y) * (x - part[0].x) / (part[1].x - part[0].x),
        None => line.last().map_or(0.0, |point| point.y),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Edge, samples};

    fn lay_out_equal(picture: &Picture) -> Layout {
        layout(picture, &vec![(140.0, 50.0); picture.nodes.len()])
    }

    #[test]
    fn a_chain_goes_down_and_a_fan_out_to_the_right() {
        assert_eq!(lay_out_equal(&samples::chain(12)).direction, Direction::Down);
        assert_eq!(lay_out_equal(&samples::fan_out(30)).direction, Direction::Right);
        assert_eq!(lay_out_equal(&samples::parallel()).direction, Direction::Right);
    }

    #[test]
    fn a_chain_and_a_fan_out_of_1000_can_be_laid_out_but_not_each_task_after_all_before() {
        assert!(effort(&samples::chain(1000)) < EFFORT_MAX);
        assert!(effort(&samples::fan_out(998)) < EFFORT_MAX);
        let mut dense = samples::chain(60);
        let pairs = (1..60).flat_map(|to| (0..to).map(move |from| (from, to)));
        dense.edges = pairs.map(|(from, to)| Edge { from, to, kind: EdgeKind::Order }).collect();
        assert!(effort(&dense) > EFFORT_MAX);
    }

    #[test]
    fn no_two_nodes_overlap() {
        for picture in [samples::parallel(), samples::etl(), samples::fan_out(30), samples::chain(12)] {
            let layout = lay_out_equal(&picture);
            for (at, a) in layout.nodes.iter().enumerate() {
                for b in &layout.nodes[..at] {
                    assert!((a.x - b.x).abs() >= 140.0 || (a.y - b.y).abs() >= 50.0, "{}: {a:?} {b:?}", picture.title);
                }
            }
        }
    }

    #[test]
    fn tasks_of_a_layer_stand_in_the_order_of_the_flow() {
        let layout = lay_out_equal(&samples::parallel());
        assert!(layout.nodes[1].y < layout.nodes[2].y && layout.nodes[2].y < layout.nodes[3].y, "{:?}", layout.nodes);
    }

    #[test]
    fn every_arrow_points_to_a_later_layer() {
        let picture = samples::etl();
        let layout = lay_out_equal(&picture);
        for edge in &picture.edges {
            let (from, to) = (layout.nodes[edge.from], layout.nodes[edge.to]);
            assert!(if layout.direction == Direction::Right { from.x < to.x } else { from.y < to.y }, "{edge:?}");
        }
    }
}
