//! [`Argument`]: what may stand where a flow wants a value, and [`IntoArgument`]: the Rust values that become one.
//!
//! Numbers, text and lists are literals of whatever type is wanted, as in a flow file: `5` fits a `u8` as well as a
//! `u64`. Bytes, and what [`value`] makes, keep their Rust type and are shared, so that bulk data is never one
//! literal per element.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use taskhost_flow::Given;
use taskhost_flow::written::StepWritten;
use taskhost_model::{Value, ValueType};

use super::handle::{ParameterHandle, TaskHandle};
use super::{FlowId, Position};
use crate::typed::IntoValue;

/// A value, a reference to one, or something made of both.
#[derive(Clone, Debug)]
pub struct Argument(pub(super) Form);

#[derive(Clone, Debug)]
pub(super) enum Form {
    Integer(i128),
    Float(f64),
    Bool(bool),
    Text(Arc<str>),
    Given(Value, ValueType),
    Array(Vec<Argument>),
    Record(Vec<(Arc<str>, Argument)>),
    Parts(Vec<Argument>),
    Reference(Reference),
    /// The argument, or field, is left out.
    Absent,
}

impl Argument {
    /// As the value of a parameter, from outside of any flow.
    pub(crate) fn given(self) -> Given {
        match self.0 {
            Form::Given(value, ty) => Given::Value(value, ty),
            form => Given::Json(json(form)),
        }
    }
}

/// A reference has no value outside of its flow: it becomes `null`, which fits an `option` only.
fn json(form: Form) -> serde_json::Value {
    match form {
        Form::Integer(number) => serde_json::Number::from_i128(number).map_or(serde_json::Value::Null, Into::into),
        Form::Float(number) => match serde_json::Number::from_f64(number) {
            Some(finite) => finite.into(),
            None if number.is_nan() => "NaN".into(),
            None => if number > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        },
        Form::Bool(value) => value.into(),
        Form::Text(text) => (*text).into(),
        Form::Given(value, ty) => taskhost_model::json::to_value(&value, &ty),
        Form::Array(items) => items.into_iter().map(|item| json(item.0)).collect(),
        Form::Record(fields) => fields
            .into_iter()
            .map(|(name, value)| (name.to_string(), json(value.0)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Form::Parts(parts) => parts.into_iter().map(|part| part_text(part.0)).collect::<String>().into(),
        Form::Reference(_) | Form::Absent => serde_json::Value::Null,
    }
}

fn part_text(form: Form) -> String {
    match json(form) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A parameter's value or a task's result, or a part of it.
#[derive(Clone, Debug)]
pub struct Reference {
    pub(super) to: Target,
    pub(super) path: Vec<StepWritten>,
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    Name(Arc<str>),
    Handle(FlowId, Position),
}

impl Reference {
    pub(super) fn handle(flow: FlowId, position: Position) -> Reference {
        Reference { to: Target::Handle(flow, position), path: Vec::new() }
    }

    /// A field of it, which is a record.
    #[must_use]
    pub fn field(mut self, name: &str) -> Reference {
        self.path.push(StepWritten::Field(name.into()));
        self
    }

    /// An element of it, which is a list or a tuple.
    #[must_use]
    pub fn index(mut self, index: usize) -> Reference {
        self.path.push(StepWritten::Index(index));
        self
    }
}

/// A parameter or task by its name: `${name}` of a flow file.
pub fn reference(name: &str) -> Reference {
    Reference { to: Target::Name(name.into()), path: Vec::new() }
}

/// Text with values put in: `text(("Hello, ", &name, "!"))`. Whatever is not text is put in as JSON.
pub fn text(parts: impl IntoArgument) -> Argument {
    match parts.into_argument().0 {
        Form::Array(parts) => Argument(Form::Parts(parts)),
        other => Argument(Form::Parts(vec![Argument(other)])),
    }
}

/// An empty record, to which fields are added.
pub fn record() -> Record {
    Record(Vec::new())
}

/// A record that is being put together: `record().field("name", "Ada").field("sum", &sum)`.
#[derive(Clone, Default, Debug)]
pub struct Record(Vec<(Arc<str>, Argument)>);

impl Record {
    /// With one more field.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl IntoArgument) -> Record {
        self.0.push((name.into(), value.into_argument()));
        self
    }
}

/// A value with its Rust type: for bulk data, which is then shared instead of copied, and where a literal would be
/// ambiguous.
pub fn value<T: IntoValue>(value: T) -> Argument {
    Argument(Form::Given(value.into_value(), T::value_type()))
}

/// What may be an argument: handles of parameters and tasks, [`Reference`], numbers, `bool`, `char`, text, [`Bytes`],
/// and `Vec`, `Option`, tuples and maps of these; `serde_json::Value`; and what [`text`], [`record`] and [`value`]
/// make.
pub trait IntoArgument: Sized {
    /// As an argument.
    fn into_argument(self) -> Argument;

    /// A list of such arguments. For `u8` it is one `list<u8>`.
    fn list_into_argument(items: Vec<Self>) -> Argument {
        Argument(Form::Array(items.into_iter().map(Self::into_argument).collect()))
    }
}

impl IntoArgument for Argument {
    fn into_argument(self) -> Argument {
        self
    }
}

impl IntoArgument for Reference {
    fn into_argument(self) -> Argument {
        Argument(Form::Reference(self))
    }
}

impl IntoArgument for Record {
    fn into_argument(self) -> Argument {
        Argument(Form::Record(self.0))
    }
}

impl IntoArgument for TaskHandle {
    fn into_argument(self) -> Argument {
        self.reference().into_argument()
    }
}

impl IntoArgument for ParameterHandle {
    fn into_argument(self) -> Argument {
        self.reference().into_argument()
    }
}

impl<T: IntoArgument + Clone> IntoArgument for &T {
    fn into_argument(self) -> Argument {
        self.clone().into_argument()
    }
}

macro_rules! literals {
    ($form:ident: $wide:ty, $($rust:ty),*) => {$(
        impl IntoArgument for $rust {
            fn into_argument(self) -> Argument {
                Argument(Form::$form(<$wide>::from(self)))
            }
        }
    )*};
}

literals!(Integer: i128, i8, i16, u16, i32, u32, i64, u64);
literals!(Float: f64, f32, f64);
literals!(Bool: bool, bool);
literals!(Text: Arc<str>, String, &str, Arc<str>);

impl IntoArgument for u8 {
    fn into_argument(self) -> Argument {
        Argument(Form::Integer(i128::from(self)))
    }

    fn list_into_argument(items: Vec<u8>) -> Argument {
        value(items)
    }
}

impl IntoArgument for usize {
    fn into_argument(self) -> Argument {
        Argument(Form::Integer(self as i128))
    }
}

impl IntoArgument for char {
    fn into_argument(self) -> Argument {
        String::from(self).into_argument()
    }
}

impl IntoArgument for Bytes {
    fn into_argument(self) -> Argument {
        value(self)
    }
}

impl<T: IntoArgument> IntoArgument for Vec<T> {
    fn into_argument(self) -> Argument {
        T::list_into_argument(self)
    }
}

impl<T: IntoArgument, const N: usize> IntoArgument for [T; N] {
    fn into_argument(self) -> Argument {
        T::list_into_argument(self.into())
    }
}

/// `None` leaves the argument, or the field of a record, out.
impl<T: IntoArgument> IntoArgument for Option<T> {
    fn into_argument(self) -> Argument {
        self.map_or(Argument(Form::Absent), T::into_argument)
    }
}

impl<T: IntoArgument> IntoArgument for BTreeMap<String, T> {
    fn into_argument(self) -> Argument {
        Argument(Form::Record(self.into_iter().map(|(name, value)| (name.into(), value.into_argument())).collect()))
    }
}

/// As the same literal in a flow file; `null` leaves an argument or field out.
impl IntoArgument for serde_json::Value {
    fn into_argument(self) -> Argument {
        match self {
            serde_json::Value::Null => Argument(Form::Absent),
            serde_json::Value::Bool(value) => value.into_argument(),
            serde_json::Value::Number(number) => match (number.as_i128(), number.as_f64()) {
                (Some(integer), _) => Argument(Form::Integer(integer)),
                (None, float) => Argument(Form::Float(float.unwrap_or(f64::NAN))),
            },
            serde_json::Value::String(text) => text.into_argument(),
            serde_json::Value::Array(items) => items.into_argument(),
            serde_json::Value::Object(fields) => Argument(Form::Record(
                fields.into_iter().map(|(name, value)| (name.into(), value.into_argument())).collect(),
            )),
        }
    }
}

macro_rules! tuples {
    ($(($($name:ident),+)),+) => {$(
        impl<$($name: IntoArgument),+> IntoArgument for ($($name,)+) {
            fn into_argument(self) -> Argument {
                #[expect(non_snake_case, reason = "one binding for each type parameter, with its name")]
                let ($($name,)+) = self;
                Argument(Form::Array(vec![$($name.into_argument()),+]))
            }
        }
    )+};
}

tuples!((A), (A, B), (A, B, C), (A, B, C, D), (A, B, C, D, E), (A, B, C, D, E, F), (A, B, C, D, E, F, G));
tuples!((A, B, C, D, E, F, G, H));
