//! From text to a [`FlowFile`]: every mistake of syntax, or else every mistake of shape, at once.
//!
//! Mistakes of shape inside a task, parameter or component are kept in the [`FlowFile`], so that the check can go on with the rest.
//!
//! What a key means is [`check`](crate::check())'s work; which keys there are stands in [`keys`](crate::keys).
//! Values are read in `parse/values.rs`, `allow` in `parse/grants.rs`, `retry` and `cache` in `parse/repeats.rs`, strings with references
//! in `parse/text.rs`, sizes and durations in `parse/units.rs`.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics};
use taskhost_model::Labels;

use crate::flow::{OnFailure, RunnerChoice, RunnerKind};
use crate::keys::{RUNNERS_LATER, Table};
use crate::source::{FlowSource, Span};
use crate::written::{Action, ComponentWritten, FlowFile, LimitsWritten, ParameterWritten, Spanned, TaskWritten, Text};

mod elsewhere;
mod grants;
mod reader;
mod repeats;
mod text;
mod units;
mod values;

pub use elsewhere::{parse_expression, parse_table, parse_task};
use reader::{Entry, Reader};

/// Mistakes of syntax that are told: one often brings others, and the first ones are the true ones.
const SYNTAX_ERRORS_MAX: usize = 20;

/// Threads that a flow may ask for: more than any machine has, few enough that they can be started.
const WORKERS_MAX: u32 = 1024;

/// Lines of output that a task run may be allowed: each is an event.
const LOG_LINES_MAX: u32 = 100_000_000;

/// Handles that a task run may be allowed: each is memory of the host.
const HANDLES_MAX: u32 = 1_000_000;

/// Reads a flow as it is written. An error if it is no TOML, or if its outline is wrong; smaller mistakes are in
/// [`FlowFile::mistakes`].
pub fn parse(source: &Arc<FlowSource>) -> Result<FlowFile, Diagnostics> {
    let text = source.text().clone();
    let (document, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        return Err(syntax_errors(source, &errors));
    }
    let mut reader = Reader::new(source);
    let mut file = flow(&mut reader, document.get_ref());
    if reader.outline_is_wrong {
        return Err(Diagnostics::new(reader.diagnostics));
    }
    file.mistakes = reader.diagnostics;
    file.unreadable = reader.unreadable;
    Ok(file)
}

fn syntax_errors(source: &Arc<FlowSource>, errors: &[toml::de::Error]) -> Diagnostics {
    let mut all: Vec<Diagnostic> = Vec::new();
    for error in errors {
        let diagnostic = syntax_error(source, error.message(), error.span().map(|range| clamp(source, range)));
        if !all.last().is_some_and(|before| follows(&diagnostic, before)) {
            all.push(diagnostic);
        }
        if all.len() == SYNTAX_ERRORS_MAX {
            break;
        }
    }
    Diagnostics::new(all)
}

/// Whether a mistake is there only because of the one before: on the same line, or in a table that stands twice.
fn follows(diagnostic: &Diagnostic, before: &Diagnostic) -> bool {
    let (Some(span), Some(first)) = (diagnostic.span, before.span) else { return false };
    let source = &diagnostic.source;
    let (place, first_place) = (source.line_column(span.start), source.line_column(first.start));
    let line_of_first = source.text()[..first.start].rfind('\n').map_or(0, |newline| newline + 1);
    let between = source.text().get(first.start..span.start).unwrap_or_default();
    let in_table = source.text()[line_of_first..].trim_start().starts_with('[') && !between.contains("\n[");
    place.line == first_place.line || (before.code == "duplicate-key" && diagnostic.code == before.code && in_table)
}

fn syntax_error(source: &Arc<FlowSource>, message: &str, span: Option<Span>) -> Diagnostic {
    if message == "duplicate key" {
        let name = span.map_or("a key", |span| source.text()[span.range()].trim_matches(['"', '\'']));
        return Diagnostic::error("duplicate-key", format!("`{name}` is defined twice"), source, span)
            .with_help("remove or rename one of them");
    }
    Diagnostic::error("syntax", format!("not valid TOML: {message}"), source, span)
}

/// A span inside the text, on character boundaries, whatever the TOML parser says.
fn clamp(source: &FlowSource, range: std::ops::Range<usize>) -> Span {
    let text = source.text();
    let start = text.floor_char_boundary(range.start);
    Span { start, end: text.ceil_char_boundary(range.end.min(text.len())).max(start) }
}

fn flow(reader: &mut Reader<'_>, table: &DeTable<'_>) -> FlowFile {
    let mut file = FlowFile::new(reader.source.clone());
    let entries = reader.known_entries(Table::Flow, table);
    // Whatever is meant by a key like no other, its names are no unknown ones.
    let strange = std::mem::take(&mut reader.strange);
    reader.unreadable.extend(strange.into_iter().flatten().flatten());
    for entry in entries {
        match entry.key {
            "name" => file.name = reader.text(&entry),
            "description" => file.description = reader.text(&entry).map(|text| text.value),
            "parameters" => file.parameters.extend(reader.named(&entry, parameter)),
            "components" => file.components.extend(reader.named(&entry, component)),
            "tasks" => file.tasks.extend(reader.named(&entry, task)),
            "defaults" => defaults(reader, &entry, &mut file),
            "strict" => file.strict = reader.bool(&entry),
            "limits" => file.tag_limits = repeats::flow_limits(reader, &entry),
            "runner" => file.runner = runner(reader, &entry),
            "outputs" => file.outputs.extend(reader.expressions(&entry)),
            _ => reader.unread(&entry),
        }
    }
    file
}

fn parameter(reader: &mut Reader<'_>, name: Text, entry: &Entry<'_>) -> Option<ParameterWritten> {
    let mut parameter = ParameterWritten::new(name);
    let Some(table) = reader.table(entry) else {
        reader.unreadable.push(parameter.name.value.clone());
        return Some(parameter);
    };
    let mut has_type = false;
    for entry in reader.known_entries(Table::Parameter, table) {
        match entry.key {
            "type" => {
                has_type = true;
                parameter.ty = reader.value_type(&entry);
            }
            "default" => parameter.default = Some(reader.expression(entry.value)),
            "default-file" => parameter.default_file = reader.text(&entry),
            "description" => parameter.description = reader.text(&entry).map(|text| text.value),
            _ => reader.unread(&entry),
        }
    }
    if let (Some(_), Some(file)) = (&parameter.default, &parameter.default_file) {
        let message = format!("parameter `{}` has both `default` and `default-file`", parameter.name.value);
        reader.error("two-defaults", message, file.span).help = Some("keep one of them".to_owned());
    }
    if has_type && parameter.ty.is_none() {
        reader.unreadable.push(parameter.name.value.clone());
    }
    Some(parameter)
}

fn component(reader: &mut Reader<'_>, name: Text, entry: &Entry<'_>) -> Option<ComponentWritten> {
    let path = match entry.value.get_ref() {
        DeValue::Table(table) => component_table(reader, &name, table),
        _ => reader.text(entry),
    };
    if path.is_none() {
        reader.unreadable.push(name.value.clone());
    }
    let path = path.unwrap_or_else(|| "".into());
    Some(ComponentWritten { name, path: Spanned { value: (&*path.value).into(), span: path.span } })
}

fn component_table(reader: &mut Reader<'_>, name: &Text, table: &DeTable<'_>) -> Option<Text> {
    let mut path = None;
    let before = reader.diagnostics.len();
    for entry in reader.known_entries(Table::Component, table) {
        match entry.key {
            "path" => path = reader.text(&entry),
            _ => reader.unread(&entry),
        }
    }
    if path.is_none() && reader.diagnostics.len() == before {
        let message = format!("component `{}` has no `path`", name.value);
        reader.error("missing-key", message, name.span).help =
            Some("name its file: `path = \"components/name.wasm\"`".to_owned());
    }
    path
}

fn task(reader: &mut Reader<'_>, name: Text, entry: &Entry<'_>) -> Option<TaskWritten> {
    let mut task = TaskWritten::new(name, Action::Invalid);
    let Some(table) = reader.table(entry) else { return Some(task) };
    let (mut call, mut flow) = (None, None);
    let entries = reader.known_entries(Table::Task, table);
    let is_strange = !reader.strange.is_empty();
    if reader.strange.iter().any(Option::is_some) && !entries.iter().any(|entry| entry.key == "with") {
        task.unread.push("with".into());
    }
    for entry in entries {
        let before = reader.diagnostics.len();
        match entry.key {
            "call" => call = reader.text(&entry),
            "flow" => flow = reader.text(&entry),
            "with" => task.with = reader.expressions(&entry),
            "map" => task.map = reader.names(&entry),
            "after" => task.after = reader.names(&entry),
            "when" => task.when = Some(reader.expression(entry.value)),
            "timeout" | "limits" => limit_key(reader, &entry, &mut task.limits),
            "allow" | "strict" | "deterministic" => grants::key(reader, &entry, &mut task.grants),
            "runner" => task.runner = runner(reader, &entry),
            "on-failure" => task.on_failure = on_failure(reader, &entry),
            "retry" => task.retry = repeats::retry(reader, &entry),
            "cache" => task.cache = repeats::cache(reader, &entry),
            "priority" => task.priority = repeats::priority(reader, &entry),
            "tags" => task.tags = reader.names(&entry),
            "description" => task.description = reader.text(&entry).map(|text| text.value),
            _ => reader.unread(&entry),
        }
        if reader.lost_since(before) {
            task.unread.push(entry.key.into());
        }
    }
    let is_open = is_strange || task.unread.iter().any(|key| ["call", "flow"].contains(&&**key));
    task.action = action(reader, &task.name, call, flow, is_open);
    Some(task)
}

/// `is_open`: what it runs may stand where it could not be read.
fn action(reader: &mut Reader<'_>, name: &Text, call: Option<Text>, flow: Option<Text>, is_open: bool) -> Action {
    match (call, flow) {
        (Some(call), None) => Action::Call(call),
        (None, Some(flow)) => Action::Flow(flow),
        (Some(_), Some(flow)) => {
            let message = format!("task `{}` has both `call` and `flow`", name.value);
            reader.error("call-and-flow", message, flow.span).help = Some("keep one of them".to_owned());
            Action::Invalid
        }
        (None, None) => {
            if !is_open {
                let message = format!("task `{}` has neither `call` nor `flow`", name.value);
                reader.error("missing-key", message, name.span).help =
                    Some("say what it runs: `call = \"component.function\"`, or `flow = \"other.toml\"`".to_owned());
            }
            Action::Invalid
        }
    }
}

fn on_failure(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Spanned<OnFailure>> {
    let text = reader.text(entry)?;
    let value = match &*text.value {
        "stop" => OnFailure::Stop,
        "collect" => OnFailure::Collect,
        other => {
            let message = format!("`on-failure` cannot be `{other}`");
            reader.error("bad-value", message, text.span).help = Some("it is `stop` or `collect`".to_owned());
            return None;
        }
    };
    Some(Spanned { value, span: text.span })
}

fn defaults(reader: &mut Reader<'_>, entry: &Entry<'_>, file: &mut FlowFile) {
    let Some(table) = reader.table(entry) else { return };
    for entry in reader.known_entries(Table::Defaults, table) {
        match entry.key {
            "timeout" | "limits" => limit_key(reader, &entry, &mut file.defaults),
            "allow" | "strict" | "deterministic" => grants::key(reader, &entry, &mut file.default_grants),
            "retry" => file.default_retry = repeats::retry(reader, &entry),
            "cache" => file.default_cache = repeats::cache(reader, &entry),
            _ => reader.unread(&entry),
        }
    }
}

/// `timeout` or `limits`.
fn limit_key(reader: &mut Reader<'_>, entry: &Entry<'_>, limits: &mut LimitsWritten) {
    limits.span = limits.span.or(Some(entry.key_span));
    if entry.key == "timeout" {
        limits.timeout = reader.duration(entry);
        return;
    }
    let Some(table) = reader.table(entry) else { return };
    for entry in reader.known_entries(Table::Limits, table) {
        match entry.key {
            "memory" => limits.memory = reader.size(&entry),
            "cpu" => limits.cpu = reader.duration(&entry),
            "output" => limits.output = reader.size(&entry),
            "result" => limits.result = reader.size(&entry),
            "blobs" => limits.blobs = reader.size(&entry),
            "log-lines" => limits.log_lines = reader.count(&entry, LOG_LINES_MAX),
            "files" => limits.files = reader.count(&entry, HANDLES_MAX),
            "sockets" => limits.sockets = reader.count(&entry, HANDLES_MAX),
            "handles" => limits.handles = reader.count(&entry, HANDLES_MAX),
            _ => reader.unread(&entry),
        }
    }
}

fn runner(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<RunnerChoice> {
    let DeValue::Table(table) = entry.value.get_ref() else {
        let kind = runner_kind(reader, entry)?;
        return Some(kind.into());
    };
    let (mut kind, mut workers, mut concurrency) = (None, None, None);
    let (mut labels, mut labels_span) = (Labels::default(), None);
    let before = reader.diagnostics.len();
    for entry in reader.known_entries(Table::Runner, table) {
        match entry.key {
            "kind" => kind = runner_kind(reader, &entry),
            "workers" => workers = reader.count(&entry, WORKERS_MAX).zip(Some(entry.key_span)),
            "concurrency" => {
                let most = u32::try_from(taskhost_model::limits::CONCURRENCY_MAX).unwrap_or(u32::MAX);
                concurrency = reader.count(&entry, most).zip(Some(entry.key_span));
            }
            "labels" => {
                let words = reader.names(&entry);
                labels_span = Some(entry.key_span);
                match Labels::new(words.iter().map(|word| &*word.value)) {
                    Ok(read) => labels = read,
                    Err(bad) => {
                        reader.error("bad-value", bad.0, Some(entry.value_span())).help =
                            Some("a label is a word of lower-case letters, digits and `-`, such as `gpu`".to_owned());
                    }
                }
            }
            _ => reader.unread(&entry),
        }
    }
    if kind.is_none() && reader.diagnostics.len() == before {
        reader.error("missing-key", "`runner` has no `kind`", Some(entry.key_span)).help =
            Some("add `kind = \"threads\"` or `kind = \"sequential\"`".to_owned());
    }
    let useless = [("workers", workers), ("concurrency", concurrency)];
    for (key, (count, span)) in useless.into_iter().filter_map(|(key, given)| Some((key, given?))) {
        if kind == Some(RunnerKind::Sequential) && count > 1 {
            let message = format!("`{key} = {count}` does not go with `sequential`, which runs one task at a time");
            reader.error("bad-value", message, Some(span)).help = Some("use `kind = \"threads\"`".to_owned());
        }
    }
    let with_workers = kind == Some(RunnerKind::Nats);
    if let Some(span) = labels_span.filter(|_| kind.is_some() && !with_workers) {
        let message = "`labels` is what a worker needs to have, and this runner has no workers".to_owned();
        reader.error("bad-value", message, Some(span)).help = Some("use `kind = \"nats\"`".to_owned());
    }
    let [workers, concurrency] = [workers, concurrency].map(|given| given.map(|(count, _)| count));
    Some(RunnerChoice { kind: kind?, workers, concurrency, labels })
}

fn runner_kind(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<RunnerKind> {
    let text = reader.text(entry)?;
    let name = &*text.value;
    if let Some((kind, _)) = RunnerKind::ALL.iter().find(|(_, known)| *known == name) {
        return Some(*kind);
    }
    let help = reader.suggestions.help(name, RunnerKind::ALL.iter().map(|(_, name)| *name));
    let message = match RUNNERS_LATER.contains(&name) {
        true => format!("runner `{name}` is not available in this version"),
        false => format!("no runner named `{name}`"),
    };
    reader.error("unknown-runner", message, text.span).help = help;
    None
}
