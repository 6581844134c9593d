//! Expressions where a value of a known type is wanted: literals become values, references are followed.

use std::sync::Arc;

use serde_json::Value as Json;
use taskhost_model::assign::{self, Fit};
use taskhost_model::{Field, List, Value, ValueType, json};

use super::FileCheck;
use super::links::each_reference;
use super::reference::{Who, inner_reason};
use crate::flow::{Input, TextPart};
use crate::source::Span;
use crate::written::{Expression, ExpressionKind, PartWritten, Text};

impl FileCheck<'_, '_, '_> {
    /// Fits an expression to a type; none if that is a mistake, or if something in it has an unknown type.
    pub(super) fn fit(&mut self, written: &Expression, wanted: &ValueType, who: Who<'_>) -> Option<Input> {
        match (&written.kind, wanted) {
            (ExpressionKind::Invalid, _) => None,
            (ExpressionKind::Reference(reference), _) => {
                self.fit_reference(reference, written.span, wanted, who).map(Input::Reference)
            }
            (ExpressionKind::Given(value, ty), _) => self.fit_given(value, ty, written.span, wanted, who),
            (ExpressionKind::Parts(parts), ValueType::String) => self.text(parts, written.span),
            (_, ValueType::Option(inner)) if !matches!(**inner, ValueType::Option(_)) || has_references(written) => {
                Some(match self.fit(written, inner, who)? {
                    Input::Literal(value) => Input::Literal(Value::some(value)),
                    input => Input::Some(Box::new(input)),
                })
            }
            (ExpressionKind::Parts(_), _) => {
                let message = format!("{who} wants `{wanted}`, a text with references in it is a `string`");
                let help = "use a string that is exactly one reference, such as `\"${name}\"`";
                self.push(self.diagnostic("type-mismatch", message, written.span).with_help(help));
                None
            }
            (ExpressionKind::Array(items), ValueType::List(element)) => self.list(items, element, who),
            (ExpressionKind::Array(items), ValueType::Tuple(types)) => self.tuple(items, types, written.span, who),
            (ExpressionKind::Table(fields), ValueType::Record(types)) => self.record(fields, types, written.span, who),
            _ => self.literal(written, wanted, who).map(Input::Literal),
        }
    }

    fn fit_given(
        &mut self,
        value: &Value,
        ty: &ValueType,
        span: Option<Span>,
        wanted: &ValueType,
        who: Who<'_>,
    ) -> Option<Input> {
        match assign::check(ty, wanted) {
            Ok(Fit::Same) => Some(Input::Literal(value.clone())),
            Ok(Fit::Convert) => Some(Input::Literal(assign::convert(value, ty, wanted))),
            Err(mismatch) => {
                let message = format!("{who} wants `{wanted}`, the value given is `{ty}`");
                let diagnostic = self.diagnostic("type-mismatch", message, span);
                self.push(diagnostic.with_help_if(inner_reason(&mismatch)));
                None
            }
        }
    }

    /// A string with references inside.
    pub(super) fn text(&mut self, parts: &[PartWritten], span: Option<Span>) -> Option<Input> {
        let mut all = Some(Vec::with_capacity(parts.len()));
        for part in parts {
            let part = match part {
                PartWritten::Text(text) => Some(TextPart::Literal(text.clone())),
                PartWritten::Reference(written) => {
                    let span = written.span.or(span);
                    self.follow(written, span).map(|followed| {
                        let reference = crate::flow::Reference {
                            source: followed.source,
                            path: followed.path,
                            conversion: None,
                            whole_result: false,
                            none_if_skipped: false,
                        };
                        TextPart::Reference(reference, followed.ty)
                    })
                }
            };
            collect(&mut all, part);
        }
        all.map(Input::Text)
    }

    fn list(&mut self, items: &[Expression], element: &ValueType, who: Who<'_>) -> Option<Input> {
        let items = self.each(items.iter().map(|item| (item, element)), who)?;
        Some(match values(items) {
            Ok(values) => Input::Literal(Value::List(List::from_values(element, values))),
            Err(items) => Input::List { element: element.clone(), items },
        })
    }

    fn tuple(&mut self, items: &[Expression], types: &[ValueType], span: Option<Span>, who: Who<'_>) -> Option<Input> {
        if items.len() != types.len() {
            let wanted = ValueType::tuple(types.iter().cloned());
            let message = format!("{who} wants `{wanted}` with {} items, given {}", types.len(), items.len());
            self.push(self.diagnostic("bad-literal", message, span));
            return None;
        }
        let items = self.each(items.iter().zip(types), who)?;
        Some(match values(items) {
            Ok(values) => Input::Literal(Value::tuple(values)),
            Err(items) => Input::Tuple(items),
        })
    }

    fn each<'e>(
        &mut self,
        items: impl ExactSizeIterator<Item = (&'e Expression, &'e ValueType)>,
        who: Who<'_>,
    ) -> Option<Vec<Input>> {
        let mut all = Some(Vec::with_capacity(items.len()));
        for (item, ty) in items {
            let input = self.fit(item, ty, who);
            collect(&mut all, input);
        }
        all
    }

    fn record(
        &mut self,
        fields: &[(Text, Expression)],
        types: &[Field],
        span: Option<Span>,
        who: Who<'_>,
    ) -> Option<Input> {
        let (known, meant) = self.known_fields(fields, types, who);
        let mut all = known.then(Vec::new);
        for field in types {
            let given = fields.iter().find(|(name, _)| name.value == field.name);
            let input = match (given, &field.ty) {
                (Some((_, expression)), ty) => self.fit(expression, ty, who),
                (None, ValueType::Option(_)) => Some(Input::Literal(Value::NONE)),
                (None, _) if meant.contains(&&*field.name) => None,
                (None, ty) => {
                    let message = format!("{who} lacks the field `{}`, a `{ty}`", field.name);
                    self.push(self.diagnostic("missing-field", message, span));
                    None
                }
            };
            collect(&mut all, input);
        }
        Some(match values(all?) {
            Ok(values) => Input::Literal(Value::record(values)),
            Err(fields) => Input::Record(fields),
        })
    }

    /// Whether all fields exist; and those that a misspelt one probably means, which are not missing as well.
    fn known_fields<'t>(
        &mut self,
        fields: &[(Text, Expression)],
        types: &'t [Field],
        who: Who<'_>,
    ) -> (bool, Vec<&'t str>) {
        let (mut known, mut meant) = (true, Vec::new());
        for (name, _) in fields {
            if !types.iter().any(|field| field.name == name.value) {
                let names = types.iter().map(|field| &*field.name);
                meant.extend(self.session.suggestions.nearest(&name.value, names.clone()));
                let help = self.session.suggestions.help(&name.value, names);
                let message = format!("{who} has no field `{}`", name.value);
                self.push(self.diagnostic("unknown-field", message, name.span).with_help_if(help));
                known = false;
            }
        }
        (known, meant)
    }

    /// Anything else is read as JSON is.
    fn literal(&mut self, written: &Expression, wanted: &ValueType, who: Who<'_>) -> Option<Value> {
        let read = match has_references(written) {
            true => Err((format!("a reference cannot stand inside a `{}`", kind(wanted)), None)),
            false => to_json(written, wanted).and_then(|json| {
                let read = json::from_value(&json, wanted);
                read.map_err(|error| (format!("{}{}", place(&error.path), error.message), None))
            }),
        };
        match read {
            Ok(value) => Some(value),
            Err((reason, help)) => {
                let help = help.or_else(|| self.reference_meant(written));
                let message = format!("{who}: {reason}");
                self.push(self.diagnostic("bad-literal", message, written.span).with_help_if(help));
                None
            }
        }
    }

    /// A bare name where its value was probably meant.
    fn reference_meant(&self, written: &Expression) -> Option<String> {
        match &written.kind {
            ExpressionKind::Text(text) if self.names.contains_key(&**text) => {
                Some(format!("the value of `{text}` is written `\"${{{text}}}\"`"))
            }
            _ => None,
        }
    }
}

fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("at `{path}`: ") }
}

fn kind(ty: &ValueType) -> &'static str {
    match ty {
        ValueType::Variant(_) => "variant",
        ValueType::Result { .. } => "result",
        ValueType::Option(_) => "nested option",
        ValueType::List(_) => "list",
        ValueType::Record(_) => "record",
        ValueType::Tuple(_) => "tuple",
        ValueType::Flags(_) => "flags",
        _ => "single value",
    }
}

pub(super) fn has_references(expression: &Expression) -> bool {
    let mut any = false;
    each_reference(expression, &mut |_| any = true);
    any
}

fn collect<T>(all: &mut Option<Vec<T>>, item: Option<T>) {
    match (all.as_mut(), item) {
        (Some(all), Some(item)) => all.push(item),
        _ => *all = None,
    }
}

/// The values, if all of them are known.
fn values(inputs: Vec<Input>) -> Result<Vec<Value>, Vec<Input>> {
    if !inputs.iter().all(|input| matches!(input, Input::Literal(_))) {
        return Err(inputs);
    }
    let value = |input| match input {
        Input::Literal(value) => Some(value),
        _ => None,
    };
    Ok(inputs.into_iter().filter_map(value).collect())
}

/// A literal as JSON; else why it is none, and the way out.
fn to_json(written: &Expression, wanted: &ValueType) -> Result<Json, (String, Option<String>)> {
    Ok(match &written.kind {
        ExpressionKind::Text(text) => Json::String(text.as_ref().into()),
        ExpressionKind::Integer(number) => {
            integer(*number).ok_or((format!("{number} does not fit `{wanted}`"), None))?
        }
        ExpressionKind::Float(number) => float(*number),
        ExpressionKind::Bool(value) => Json::Bool(*value),
        ExpressionKind::Datetime(text) => {
            let help = format!("no type is a date or time; write it as a string: `\"{text}\"`");
            return Err((format!("wanted `{wanted}`, found the date or time {text}"), Some(help)));
        }
        ExpressionKind::Array(items) => {
            Json::Array(items.iter().map(|item| to_json(item, wanted)).collect::<Result<_, _>>()?)
        }
        ExpressionKind::Table(fields) => {
            let field =
                |(name, field): &(Text, Expression)| Ok((name.value.as_ref().to_owned(), to_json(field, wanted)?));
            Json::Object(fields.iter().map(field).collect::<Result<_, (String, Option<String>)>>()?)
        }
        ExpressionKind::Given(value, ty) => json::to_value(value, ty),
        ExpressionKind::Parts(_) | ExpressionKind::Reference(_) | ExpressionKind::Invalid => {
            return Err(("it is no literal".to_owned(), None));
        }
    })
}

fn integer(number: i128) -> Option<Json> {
    let unsigned = u64::try_from(number).ok().map(Json::from);
    unsigned.or_else(|| i64::try_from(number).ok().map(Json::from))
}

fn float(number: f64) -> Json {
    let special = match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    };
    serde_json::Number::from_f64(number).map_or_else(|| Json::String(special.to_owned()), Json::Number)
}

/// The empty text.
pub(super) fn empty_text() -> Arc<str> {
    Arc::from("")
}
