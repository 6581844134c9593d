//! The timeline of a flow run, a Gantt chart: a bar for each task from its start to its end, for the terminal and as SVG.

use std::fmt::Write as _;
use std::time::Duration;

use super::State;
use super::svg::{escape, shorten};
use crate::output::{BAD, DIM, GOOD, STRONG, styled};
use crate::render::{self, shortened};

/// A task in time.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// The task's path.
    pub name: String,
    /// What stands beside the duration, such as `48 task runs`; may be empty.
    pub note: String,
    /// Since the flow run's start.
    pub start: Duration,
    /// None if it still runs, or was never told to be over.
    pub end: Option<Duration>,
    /// Decides the colour; none while it runs.
    pub state: Option<State>,
}

/// All bars, with the time that the whole takes.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    /// Name of the flow.
    pub title: String,
    /// In the order in which they started.
    pub bars: Vec<Bar>,
    /// From the start of the flow run to its end, or to now.
    pub whole: Duration,
}

/// Columns of the longest name in the terminal.
const NAME_MAX: usize = 32;

/// Eighths of a column, from the left.
const BLOCKS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

impl Bar {
    fn end_or(&self, whole: Duration) -> Duration {
        self.end.unwrap_or(whole).max(self.start)
    }

    fn told(&self, whole: Duration) -> String {
        let took = render::duration(self.end_or(whole).saturating_sub(self.start));
        let running = if self.end.is_none() && self.state.is_none() { ", running" } else { "" };
        let note = if self.note.is_empty() { String::new() } else { format!(" · {}", self.note) };
        format!("{took}{running}{note}")
    }
}

impl Timeline {
    /// Where a moment lies, from 0 to 1.
    fn place(&self, at: Duration) -> f64 {
        let whole = self.whole.as_secs_f64();
        if whole > 0.0 { (at.as_secs_f64() / whole).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// As lines of text, `columns` wide.
    pub(crate) fn text(&self, columns: usize) -> String {
        let name = |bar: &Bar| shortened(&bar.name, NAME_MAX).chars().count();
        let names = self.bars.iter().map(name).max().unwrap_or(0);
        let told = self.bars.iter().map(|bar| bar.told(self.whole).chars().count()).max().unwrap_or(0);
        let room = columns.saturating_sub(names + told + 4).clamp(10, 120);
        let mut out = format!("{}  {}\n", styled(STRONG, &self.title), render::duration(self.whole));
        for bar in &self.bars {
            let style = match bar.state {
                Some(State::Succeeded) => GOOD,
                Some(State::Failed) => BAD,
                Some(State::Idle | State::Running) | None => DIM,
            };
            let (before, drawn) = self.columns(bar, room);
            let after = " ".repeat(room.saturating_sub(before + drawn.chars().count()));
            let _ = writeln!(
                out,
                "{:names$}  {}{}{after}  {}",
                shortened(&bar.name, NAME_MAX),
                " ".repeat(before),
                styled(style, drawn),
                styled(DIM, bar.told(self.whole))
            );
        }
        out
    }

    /// Empty columns before a bar, and the bar in eighths of a column; never nothing.
    fn columns(&self, bar: &Bar, room: usize) -> (usize, String) {
        let eighths = |at: Duration| (self.place(at) * (room * 8) as f64).round() as usize;
        let before = (eighths(bar.start) / 8).min(room - 1);
        let length = eighths(bar.end_or(self.whole)).saturating_sub(before * 8).max(1);
        (before, "█".repeat(length / 8) + BLOCKS[length % 8])
    }

    /// As the text of an SVG file.
    pub(crate) fn svg(&self) -> String {
        const ROW: f64 = 24.0;
        const LEFT: f64 = 230.0;
        const WIDE: f64 = 640.0;
        const TOP: f64 = 64.0;
        let height = TOP + ROW * self.bars.len() as f64 + 24.0;
        let width = LEFT + WIDE + 230.0;
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} \
             {height:.0}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" \
             height=\"100%\" rx=\"8\"/>\n<text class=\"name\" x=\"24\" y=\"32\">{title}</text>\n",
            title = escape(&self.title)
        );
        for tick in ticks(self.whole) {
            let x = LEFT + WIDE * self.place(tick);
            let _ = writeln!(
                out,
                "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.0}\"/><text class=\"time\" x=\"{x:.1}\" \
                 y=\"{:.0}\">{}</text>",
                height - 24.0,
                TOP - 8.0,
                render::duration(tick)
            );
        }
        for (at, bar) in self.bars.iter().enumerate() {
            let top = TOP + ROW * at as f64;
            let (from, to) = (self.place(bar.start), self.place(bar.end_or(self.whole)));
            let class = match bar.state {
                Some(State::Succeeded) => "succeeded",
                Some(State::Failed) => "failed",
                Some(State::Idle | State::Running) => "idle",
                None => "running",
            };
            let told = escape(&bar.told(self.whole));
            let _ = writeln!(
                out,
                "<g><title>{full}\n{told}</title><text class=\"name\" x=\"{:.0}\" y=\"{base:.0}\" text-anchor=\"end\">{name}</text>\
                 <rect class=\"bar {class}\" x=\"{x:.1}\" y=\"{:.0}\" width=\"{:.1}\" height=\"16\" rx=\"3\"/>\
                 <text x=\"{:.1}\" y=\"{base:.0}\">{told}</text></g>",
                LEFT - 12.0,
                top + 4.0,
                (WIDE * (to - from)).max(1.5),
                LEFT + WIDE * to + 8.0,
                base = top + 16.0,
                full = escape(&bar.name),
                name = escape(&shorten(&bar.name)),
                x = LEFT + WIDE * from,
            );
        }
        out.push_str("</svg>\n");
        out
    }
}

const STYLE: &str = "
  text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif; font-size: 11px; fill: #57606a }
  .name { font-size: 12px; font-weight: 600; fill: #1f2328 }
  .time { text-anchor: middle }
  .paper { fill: #ffffff }
  .tick { stroke: #d0d7de }
  .bar { fill: #8c959f }
  .succeeded { fill: #2da44e }
  .failed { fill: #cf222e }
  .running { fill: #54aeff }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 }
    .name { fill: #f0f6fc }
    .paper { fill: #0d1117 }
    .tick { stroke: #3d444d }
    .succeeded { fill: #2ea043 }
    .failed { fill: #f85149 }
  }
";

/// About five round moments from 0 to `whole`.
fn ticks(whole: Duration) -> Vec<Duration> {
    let seconds = whole.as_secs_f64();
    if seconds <= 0.0 {
        return vec![Duration::ZERO];
    }
    let rough = seconds / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    (0..=5).map(|at| f64::from(at) * step).filter(|at| *at <= seconds).map(Duration::from_secs_f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Timeline {
        let bar = |name: &str, start: u64, end: Option<u64>, state: Option<State>| Bar {
            name: name.into(),
            note: String::new(),
            start: Duration::from_millis(start),
            end: end.map(Duration::from_millis),
            state,
        };
        Timeline {
            title: "etl".into(),
            bars: vec![
                bar("read", 0, Some(250), Some(State::Succeeded)),
                bar("clean", 250, Some(1000), Some(State::Failed)),
                bar("report", 990, None, None),
            ],
            whole: Duration::from_secs(1),
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn each_bar_begins_and_ends_in_its_place() {
        let text = plain(&sample().text(60));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        let bar = |line: &str| {
            let from = line.chars().position(|c| "█▏▎▍▌▋▊▉".contains(c)).expect("a bar");
            (from, line.chars().filter(|c| "█▏▎▍▌▋▊▉".contains(*c)).count())
        };
        let (read, clean, report) = (bar(lines[1]), bar(lines[2]), bar(lines[3]));
        assert!(read.0 < clean.0 && clean.0 < report.0, "{text}");
        assert!(clean.1 >= 2 * read.1, "{text}");
        assert!(report.1 >= 1 && lines[3].contains("running"), "{text}");
    }

    #[test]
    fn names_cannot_break_out_of_the_picture() {
        let mut timeline = sample();
        timeline.bars[0].name = "</text><script>".into();
        let svg = timeline.svg();
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
        assert_eq!(svg.matches("class=\"bar").count(), 3);
    }

    #[test]
    fn a_timeline_of_nothing_is_drawn() {
        let empty = Timeline { title: "none".into(), bars: Vec::new(), whole: Duration::ZERO };
        assert!(empty.svg().ends_with("</svg>\n"));
        assert_eq!(plain(&empty.text(80)).lines().count(), 1);
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (whole, last) in [(1_000, 1_000), (7_300, 6_000), (90, 80)] {
            let ticks = ticks(Duration::from_millis(whole));
            assert!((2..=6).contains(&ticks.len()), "{ticks:?}");
            assert_eq!(ticks.last().map(Duration::as_millis), Some(last), "{ticks:?}");
        }
    }
}
