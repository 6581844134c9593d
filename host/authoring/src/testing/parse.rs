//! `tests.toml` as it is written: every mistake of its shape at once.

use std::collections::HashMap;
use std::sync::Arc;

use taskhost_flow::written::{Expression, ExpressionKind, Spanned, Text};
use taskhost_flow::{FlowSource, Span, parse};
use toml::Spanned as TomlSpanned;
use toml::de::{DeTable, DeValue};

use super::{ExpectedWritten, Place, TestWritten, TestsFile};
use crate::error::Error;
use crate::toml_file::{Entry, TomlFile};

/// Keys that a test has from a flow's tasks.
const TASK_KEYS: [&str; 7] = ["call", "with", "allow", "limits", "timeout", "deterministic", "strict"];

/// Keys of its own.
const OWN_KEYS: [&str; 8] =
    ["name", "returns", "fails", "log", "returns-json", "returns-file", "with-json", "with-file"];

/// Keys of which a test has one at most.
const EXPECTING: [&str; 4] = ["returns", "returns-json", "returns-file", "fails"];

/// The task in the flow of a test.
pub(super) const TASK: &str = "the-test";

impl TestsFile {
    /// The tests in a text. An error if it is no TOML; smaller mistakes are told by [`TestsFile::check`], with its own.
    pub fn parse(source: &Arc<FlowSource>) -> Result<TestsFile, Error> {
        let table = parse::parse_table(source)?;
        let mut file = TomlFile::new(source);
        let mut tests = Vec::new();
        for entry in file.known("`tests.toml`", &["tests"], &table) {
            let Some(array) = entry.value.get_ref().as_array() else {
                file.shape("tests", "an array of tables", entry.value).help =
                    Some("begin each test with `[[tests]]`".to_owned());
                continue;
            };
            for value in array.iter() {
                match value.get_ref().as_table() {
                    Some(table) => tests.extend(test(&mut file, table, value.span().into())),
                    None => drop(file.shape("tests", "tables", value)),
                }
            }
        }
        names_are_different(&mut file, &tests);
        Ok(TestsFile { source: source.clone(), tests, mistakes: file.mistakes })
    }
}

fn test(file: &mut TomlFile, table: &DeTable<'_>, span: Span) -> Option<TestWritten> {
    let before = file.mistakes.len();
    // The usual ones first: of so many, help lists a few.
    let keys: Vec<&str> = ["name", "call", "with"].into_iter().chain(OWN_KEYS).chain(TASK_KEYS).collect();
    let (mut of_task, mut name) = (DeTable::new(), None);
    let (mut with_json, mut with_file, mut log) = (Vec::new(), Vec::new(), Vec::new());
    let mut expected: Vec<(Place, ExpectedWritten)> = Vec::new();
    let mut end = span.start;
    for entry in file.known("a test", &keys, table) {
        end = end_of(file, &entry).map_or(end, |entry| entry.max(end));
        match entry.key {
            "name" => name = file.text(&entry),
            "with-json" => with_json = texts(file, &entry),
            "with-file" => with_file = texts(file, &entry),
            "log" => log = lines(file, &entry),
            key if EXPECTING.contains(&key) => {
                let place = place_of(file, &entry);
                expected.extend(read_expected(file, &entry).map(|expected| (place, expected)));
                one_of(file, table, &entry);
            }
            _ => {
                let (key, value) = table.get_key_value(entry.key).expect("an entry of this table");
                of_task.insert(key.clone(), value.clone());
            }
        }
    }
    missing(file, table, span);
    let label: Text = name.clone().unwrap_or_else(|| Spanned::at("", span));
    let (mut task, mistakes) =
        parse::parse_task(&file.source, Spanned { value: TASK.into(), span: label.span }, of_task, span);
    // That there is nothing to call is told above, in the words of a test.
    file.mistakes.extend(mistakes.into_iter().filter(|mistake| mistake.code != "missing-key"));
    for (_, expression) in &mut task.with {
        refuse_references(file, expression);
    }
    arguments_are_different(file, &task.with, &[&with_json, &with_file]);
    let (written, expected) = match expected.into_iter().next() {
        Some((span, expected)) => (Some(span), expected),
        None => (None, ExpectedWritten::Success),
    };
    let is_inline = file.source.text()[span.start..].starts_with('{');
    let place = match written {
        Some(place) => place,
        None if is_inline => Place::After(end),
        None => Place::Below(end),
    };
    (file.mistakes.len() == before).then_some(TestWritten {
        name: label,
        task,
        with_json,
        with_file,
        expected,
        place,
        log,
    })
}

fn missing(file: &mut TomlFile, table: &DeTable<'_>, span: Span) {
    let helps = [
        ("name", "say in a few words what is promised: `name = \"an empty list has the sum 0\"`"),
        ("call", "name the function that it calls: `call = \"sum\"`"),
    ];
    for (key, help) in helps.into_iter().filter(|(key, _)| table.get(*key).is_none()) {
        file.error("missing-key", format!("a test has no `{key}`"), Some(span)).help = Some(help.to_owned());
    }
}

/// The end of an entry that stands in the test's own lines, and not in a table with a head of its own below them.
fn end_of(file: &TomlFile, entry: &Entry<'_>) -> Option<usize> {
    let text = file.source.text();
    let line_start = text[..entry.key_span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let has_head = text[line_start..].trim_start().starts_with('[');
    (!has_head).then(|| end_of_value(entry.value))
}

/// Where an expectation stands, if it is one key with one value.
fn place_of(file: &TomlFile, entry: &Entry<'_>) -> Place {
    let rest = file.source.text()[entry.key_span.end..].trim_start_matches(['"', '\'', ' ', '\t']);
    match rest.starts_with('=') {
        true => Place::At(Span { start: entry.key_span.start, end: entry.value_span().end }),
        false => Place::Scattered,
    }
}

/// A table by dotted keys has no place of its own that is of use: its values have.
fn end_of_value(value: &TomlSpanned<DeValue<'_>>) -> usize {
    let inner = value.get_ref().as_table().into_iter().flat_map(|table| table.values().map(end_of_value)).max();
    inner.unwrap_or_default().max(value.span().end)
}

fn read_expected(file: &mut TomlFile, entry: &Entry<'_>) -> Option<ExpectedWritten> {
    Some(match entry.key {
        "returns" => {
            let (mut expression, mistakes) = parse::parse_expression(&file.source, entry.value);
            file.mistakes.extend(mistakes);
            refuse_references(file, &mut expression);
            ExpectedWritten::Value(expression)
        }
        "returns-json" => ExpectedWritten::Json(file.text(entry)?),
        "returns-file" => ExpectedWritten::File(file.text(entry)?),
        _ => ExpectedWritten::Failure(file.text(entry)?),
    })
}

/// Tells each of them but the first.
fn one_of(file: &mut TomlFile, table: &DeTable<'_>, entry: &Entry<'_>) {
    let others = table.iter().filter(|(key, _)| EXPECTING.contains(&key.get_ref().as_ref()));
    let first = others.min_by_key(|(key, _)| key.span().start).map(|(key, _)| key.get_ref().as_ref().to_owned());
    if let Some(first) = first.filter(|first| first != entry.key) {
        let message = format!("a test has both `{first}` and `{}`", entry.key);
        file.error("two-expectations", message, Some(entry.key_span)).help = Some("keep one of them".to_owned());
    }
}

/// A table of texts.
fn texts(file: &mut TomlFile, entry: &Entry<'_>) -> Vec<(Text, Text)> {
    let Some(table) = file.table(entry) else { return Vec::new() };
    let entries = file.entries(table);
    entries.iter().filter_map(|entry| Some((Spanned::at(entry.key, entry.key_span), file.text(entry)?))).collect()
}

/// A text, or an array of them.
fn lines(file: &mut TomlFile, entry: &Entry<'_>) -> Vec<Text> {
    let wanted = "a string or an array of strings";
    let one =
        |value: &TomlSpanned<DeValue<'_>>| value.get_ref().as_str().map(|text| Spanned::at(text, value.span().into()));
    let read: Option<Vec<Text>> = match entry.value.get_ref().as_array() {
        Some(array) => array.iter().map(one).collect(),
        None => one(entry.value).map(|line| vec![line]),
    };
    if read.is_none() {
        file.shape(entry.key, wanted, entry.value);
    }
    read.unwrap_or_default()
}

/// There is nothing to refer to.
fn refuse_references(file: &mut TomlFile, expression: &mut Expression) {
    let span = expression.span;
    match &mut expression.kind {
        ExpressionKind::Reference(_) | ExpressionKind::Parts(_) => {
            let message = "a test has nothing to refer to";
            file.error("bad-reference", message, span).help = Some("write `$${` for a literal `${`".to_owned());
            expression.kind = ExpressionKind::Invalid;
        }
        ExpressionKind::Array(items) => items.iter_mut().for_each(|item| refuse_references(file, item)),
        ExpressionKind::Table(fields) => fields.iter_mut().for_each(|(_, field)| refuse_references(file, field)),
        _ => {}
    }
}

fn arguments_are_different(file: &mut TomlFile, with: &[(Text, Expression)], others: &[&Vec<(Text, Text)>]) {
    let mut seen: Vec<Arc<str>> = with.iter().map(|(name, _)| name.value.clone()).collect();
    for (name, _) in others.iter().copied().flatten() {
        if seen.contains(&name.value) {
            let message = format!("the argument `{}` is given twice", name.value);
            file.error("duplicate-key", message, name.span).help = Some("keep one of them".to_owned());
        }
        seen.push(name.value.clone());
    }
}

/// A name says which test it was.
fn names_are_different(file: &mut TomlFile, tests: &[TestWritten]) {
    let mut seen: HashMap<&str, Option<Span>> = HashMap::new();
    for test in tests {
        if let Some(first) = seen.insert(&test.name.value, test.name.span) {
            let message = format!("two tests are called `{}`", test.name.value);
            let mistake = taskhost_flow::Diagnostic::error("duplicate-name", message, &file.source, test.name.span);
            file.mistakes.push(mistake.with_help("rename one of them").with_related(first, "the first"));
        }
    }
}
