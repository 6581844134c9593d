//! Expressions: what stands where a value is wanted.

use super::reader::{Entry, Reader, places};
use super::text;
use crate::source::Span;
use crate::written::{Expression, ExpressionKind, Spanned, Text};
use toml::Spanned as TomlSpanned;
use toml::de::{DeInteger, DeValue};

impl Reader<'_> {
    /// A table of expressions by free names.
    pub(super) fn expressions(&mut self, entry: &Entry<'_>) -> Vec<(Text, Expression)> {
        let Some(table) = self.table(entry) else { return Vec::new() };
        let entries = self.entries(table);
        entries.iter().map(|entry| (Spanned::at(entry.key, entry.key_span), self.expression(entry.value))).collect()
    }

    pub(super) fn expression(&mut self, value: &TomlSpanned<DeValue<'_>>) -> Expression {
        let span = value.span().into();
        let kind = match value.get_ref() {
            DeValue::String(text) => self.string(text, span),
            DeValue::Integer(number) => self.integer(number, span),
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => ExpressionKind::Float(number),
                Err(_) => self.invalid("bad-literal", format!("`{number}` is no number"), span),
            },
            DeValue::Boolean(value) => ExpressionKind::Bool(*value),
            DeValue::Datetime(value) => ExpressionKind::Datetime(value.to_string().into()),
            DeValue::Array(items) => ExpressionKind::Array(items.iter().map(|item| self.expression(item)).collect()),
            DeValue::Table(table) => {
                let entries = self.entries(table);
                let field = |entry: &Entry<'_>| (Spanned::at(entry.key, entry.key_span), self.expression(entry.value));
                ExpressionKind::Table(entries.iter().map(field).collect())
            }
        };
        Expression { kind, span: Some(span) }
    }

    /// A string, with its references.
    pub(super) fn string(&mut self, string: &str, span: Span) -> ExpressionKind {
        let source = self.source;
        match text::parse(string, places(source, span, string)) {
            Ok(kind) => kind,
            Err(errors) => {
                for error in errors {
                    let place = self.inside(span, string, error.start, error.end);
                    self.error("bad-reference", error.message, Some(place)).help = Some(error.help);
                }
                ExpressionKind::Invalid
            }
        }
    }

    fn integer(&mut self, number: &DeInteger<'_>, span: Span) -> ExpressionKind {
        match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => ExpressionKind::Integer(number),
            Err(_) => self.invalid("bad-literal", format!("`{number}` is larger than any integer type"), span),
        }
    }

    fn invalid(&mut self, code: &'static str, message: String, span: Span) -> ExpressionKind {
        self.error(code, message, Some(span));
        ExpressionKind::Invalid
    }
}
