//! Diagnostics as text in the style of rustc, and as JSON.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value as Json, json};
use taskhost_flow::{Diagnostic, Diagnostics, FlowSource, Severity};

use crate::output::visible;

/// Most that are shown as text: who sees fifty mistakes begins with the first.
const SHOWN_MAX: usize = 50;

/// All of them as text, an empty line after each. Colours are taken out on the way to anything but a terminal.
pub(crate) fn text(diagnostics: &Diagnostics) -> String {
    let renderer = renderer();
    let mut lines = LineTable::default();
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN_MAX) {
        out.push_str(&one(diagnostic, &renderer, &mut lines));
        out.push_str("\n\n");
    }
    if diagnostics.len() > SHOWN_MAX {
        out.push_str(&format!("… and {} more; `taskhost check --json` lists all\n\n", diagnostics.len() - SHOWN_MAX));
    }
    out
}

/// `rejected: 2 mistakes`.
pub(crate) fn tally(diagnostics: &Diagnostics) -> String {
    let mistakes = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    format!("rejected: {}", super::count(mistakes as u64, "mistake"))
}

fn renderer() -> Renderer {
    let width = if cfg!(test) { 100 } else { crate::output::terminal_width().clamp(60, 140) };
    Renderer::styled().term_width(width)
}

fn one(diagnostic: &Diagnostic, renderer: &Renderer, lines: &mut LineTable) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let path = diagnostic.source.path().display().to_string();
    let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.code));
    group = match diagnostic.span {
        Some(span) => group.element(snippet(diagnostic, span.range(), &path, lines)),
        None => group.element(Origin::path(path)),
    };
    let mut groups = vec![group];
    if let Some(help) = &diagnostic.help {
        groups.push(Group::with_title(Level::HELP.secondary_title(visible(help))));
    }
    renderer.render(&groups)
}

/// The lines from the first underlined place to the last; those far from any place are folded away.
fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    span: Range<usize>,
    path: &str,
    lines: &mut LineTable,
) -> Snippet<'a, Annotation<'a>> {
    let table = lines.of(&diagnostic.source);
    let text = &**diagnostic.source.text();
    let related = diagnostic.related.iter().map(|(span, label)| (span.range(), label));
    let first = related.clone().map(|(span, _)| span.start).chain([span.start]).min().unwrap_or(0);
    let last = related.clone().map(|(span, _)| span.end).chain([span.end]).max().unwrap_or(0);
    let (first_line, last_line) = (table.line(first), table.line(last.max(first)));
    let window = table.start(first_line)..table.end(last_line, text);
    let inside = |span: Range<usize>| {
        // A place that lies between the bytes of a character would make the renderer panic.
        let start = text.floor_char_boundary(span.start.clamp(window.start, window.end));
        let end = text.ceil_char_boundary(span.end.clamp(start, window.end));
        start - window.start..end - window.start
    };
    let primary = AnnotationKind::Primary.span(inside(span)).label(diagnostic.label.as_deref().map(visible));
    let context = related.map(|(span, label)| AnnotationKind::Context.span(inside(span)).label(visible(label)));
    Snippet::source(&text[window.clone()])
        .line_start(first_line + 1)
        .path(path.to_owned())
        .annotations([primary].into_iter().chain(context))
}

/// All of them for programs.
pub(crate) fn json(diagnostics: &Diagnostics) -> Json {
    let mut lines = LineTable::default();
    diagnostics.iter().map(|diagnostic| one_json(diagnostic, &mut lines)).collect()
}

fn one_json(diagnostic: &Diagnostic, lines: &mut LineTable) -> Json {
    let table = lines.of(&diagnostic.source);
    let text = &**diagnostic.source.text();
    let start = diagnostic.span.map(|span| table.place(span.start, text));
    let end = diagnostic.span.map(|span| table.place(span.end, text));
    json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity.name(),
        "message": diagnostic.message,
        "file": diagnostic.source.path().display().to_string(),
        "line": start.map(|place| place.0),
        "column": start.map(|place| place.1),
        "end": end.map(|place| json!({ "line": place.0, "column": place.1 })),
        "label": diagnostic.label,
        "help": diagnostic.help,
    })
}

/// Where the lines of the files in question begin: found once for each file, since a flow may have many mistakes.
#[derive(Default)]
struct LineTable(Vec<(Arc<FlowSource>, LineStarts)>);

struct LineStarts(Vec<usize>);

impl LineTable {
    fn of(&mut self, source: &Arc<FlowSource>) -> &LineStarts {
        let known = self.0.iter().position(|(known, _)| Arc::ptr_eq(known, source));
        let at = known.unwrap_or_else(|| {
            let ends = source.text().bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            self.0.push((source.clone(), LineStarts([0].into_iter().chain(ends.map(|(at, _)| at + 1)).collect())));
            self.0.len() - 1
        });
        &self.0[at].1
    }
}

impl LineStarts {
    /// The line, from 0, that holds a byte.
    fn line(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    fn start(&self, line: usize) -> usize {
        self.0[line]
    }

    /// The end of a line, without its line end.
    fn end(&self, line: usize, text: &str) -> usize {
        self.0.get(line + 1).map_or(text.len(), |next| next - 1)
    }

    /// Line and column as people count, in characters from 1.
    fn place(&self, byte: usize, text: &str) -> (usize, usize) {
        let byte = text.floor_char_boundary(byte);
        let line = self.line(byte);
        (line + 1, text[self.start(line)..byte].chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(diagnostic: Diagnostic) -> String {
        anstream::adapter::strip_str(&text(&diagnostic.into())).to_string()
    }

    fn source(text: &str) -> Arc<FlowSource> {
        Arc::new(FlowSource::new("flow.toml", text))
    }

    fn span(source: &FlowSource, part: &str) -> Option<taskhost_flow::Span> {
        let start = source.text().find(part).expect("a part of the text");
        Some((start..start + part.len()).into())
    }

    #[test]
    fn a_mistake_is_shown_with_its_place_and_the_way_out() {
        let source = source("name = \"f\"\n\n[tasks.a]\nafter = [\"claen\"]\n");
        let diagnostic =
            Diagnostic::error("unknown-task", "no task named `claen`", &source, span(&source, "\"claen\""))
                .with_help("did you mean `clean`?");
        assert_eq!(
            plain(diagnostic),
            "error[unknown-task]: no task named `claen`
 --> flow.toml:4:10
  |
4 | after = [\"claen\"]
  |          ^^^^^^^
  |
help: did you mean `clean`?

"
        );
    }

    #[test]
    fn a_mistake_without_a_place_names_the_file() {
        let diagnostic = Diagnostic::error("too-large", "the file is too large", &source(""), None);
        assert_eq!(plain(diagnostic), "error[too-large]: the file is too large\n--> flow.toml\n\n");
    }

    #[test]
    fn places_at_the_end_and_past_it_do_no_harm() {
        for text in ["", "a", "a\n", "ä"] {
            for place in [0..0, 0..1, 1..1, 2..9, 9..9] {
                let source = source(text);
                plain(Diagnostic::error("x", "x", &source, Some(place.into())));
                json(&Diagnostic::error("x", "x", &source, None).into());
            }
        }
    }

    #[test]
    fn escape_sequences_of_a_flow_do_not_reach_the_terminal() {
        let source = source("name = \"\u{1b}[2J\"");
        let place = span(&source, "\u{1b}[2J");
        let diagnostic = Diagnostic::error("x", "bad \u{1b}[2J name", &source, place).with_help("no \u{1b}[2J");
        assert!(!text(&diagnostic.into()).contains("\u{1b}[2J"));
    }

    #[test]
    fn json_names_the_place_in_numbers() {
        let source = source("a = 1\nbö = 2\n");
        let diagnostic = Diagnostic::error("x", "message", &source, span(&source, "2"));
        let json = json(&diagnostic.into());
        assert_eq!(json[0]["line"], 2);
        assert_eq!(json[0]["column"], 6);
        assert_eq!(json[0]["end"]["column"], 7);
    }
}
