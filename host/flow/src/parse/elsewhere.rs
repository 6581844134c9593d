//! Other TOML files than flows that speak their words: syntax, a task's keys, and values, with the same messages.

use std::sync::Arc;

use toml::Spanned as TomlSpanned;
use toml::de::{DeTable, DeValue};

use super::reader::{Entry, Reader};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FlowSource, Span};
use crate::written::{Expression, TaskWritten, Text};

/// The outermost table of a text, or its mistakes of syntax.
pub fn parse_table(source: &Arc<FlowSource>) -> Result<DeTable<'_>, Diagnostics> {
    let (document, errors) = DeTable::parse_recoverable(source.text());
    if errors.is_empty() { Ok(document.into_inner()) } else { Err(super::syntax_errors(source, &errors)) }
}

/// A table that stands at `span` and has the keys of a task, read as a task of that name; and what is wrong with it. The
/// mistakes have places in `source`.
pub fn parse_task(
    source: &Arc<FlowSource>,
    name: Text,
    table: DeTable<'_>,
    span: Span,
) -> (TaskWritten, Vec<Diagnostic>) {
    let mut reader = Reader::new(source);
    let value = TomlSpanned::new(span.range(), DeValue::Table(table));
    let key = name.value.clone();
    let entry = Entry { key: &key, key_span: name.span.unwrap_or(span), value: &value };
    let task = super::task(&mut reader, name, &entry).expect("a table always gives a task");
    (task, reader.diagnostics)
}

/// A value, as it may stand behind a key of `with`; and what is wrong with it.
pub fn parse_expression(source: &Arc<FlowSource>, value: &TomlSpanned<DeValue<'_>>) -> (Expression, Vec<Diagnostic>) {
    let mut reader = Reader::new(source);
    let expression = reader.expression(value);
    (expression, reader.diagnostics)
}
