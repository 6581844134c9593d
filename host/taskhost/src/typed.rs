//! Values of Rust for values of WIT, both ways: [`IntoValue`] and [`FromValue`], and [`TypedValue`] for what has no
//! Rust type.
//!
//! Types decide here as they do in a flow: an integer may become a wider one, a `T` may become an `Option<T>`, and
//! nothing else changes silently. Records, variants and enums are read by their names: field by field with
//! [`TypedValue::get_field`], or all at once into a type with `serde::Deserialize` with [`TypedValue::parse`].

use std::fmt;

use serde::de::DeserializeOwned;
use taskhost_model::{Value, ValueType, json};

mod from_value;
mod into_value;

pub use from_value::FromValue;
pub use into_value::IntoValue;

/// A value together with its type, which knows the names of fields and cases. Cheap to clone.
#[derive(Clone, PartialEq, Debug)]
pub struct TypedValue {
    value: Value,
    ty: ValueType,
}

impl TypedValue {
    /// `value` has to be of type `ty`.
    pub fn new(value: Value, ty: ValueType) -> TypedValue {
        TypedValue { value, ty }
    }

    /// The value alone.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Its WIT type.
    pub fn ty(&self) -> &ValueType {
        &self.ty
    }

    /// As a Rust value: a number, `String`, `Vec`, tuple, or your own type that implements [`FromValue`].
    pub fn get<T: FromValue>(&self) -> Result<T, TypeMismatch> {
        T::from_value(self)
    }

    /// A record's field.
    pub fn field(&self, name: &str) -> Result<TypedValue, TypeMismatch> {
        match (self.ty.field(name), &self.value) {
            (Some((at, ty)), Value::Record(values)) => Ok(TypedValue::new(values[at].clone(), ty.clone())),
            _ => Err(TypeMismatch::new(format!("a record with a field `{name}`"), &self.ty)),
        }
    }

    /// A record's field, as a Rust value.
    pub fn get_field<T: FromValue>(&self, name: &str) -> Result<T, TypeMismatch> {
        self.field(name)?.get().map_err(|mismatch| mismatch.within(&format!(".{name}")))
    }

    /// The elements of a list or the items of a tuple; none for any other value.
    pub fn items(&self) -> Vec<TypedValue> {
        match (&self.value, &self.ty) {
            (Value::List(list), ValueType::List(element)) => {
                list.iter().map(|value| TypedValue::new(value, (**element).clone())).collect()
            }
            (Value::Tuple(values), ValueType::Tuple(types)) => {
                values.iter().zip(types.iter()).map(|(value, ty)| TypedValue::new(value.clone(), ty.clone())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// As JSON, with the names of fields and cases: what `taskhost run --json` prints.
    pub fn to_json(&self) -> String {
        json::to_string(&self.value, &self.ty)
    }

    /// Into any type that `serde` can read from that JSON.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, TypeMismatch> {
        serde_json::from_str(&self.to_json())
            .map_err(|error| TypeMismatch::new(format!("a `{}` ({error})", std::any::type_name::<T>()), &self.ty))
    }
}

/// As JSON.
impl fmt::Display for TypedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

/// A value that is not of the type that was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeMismatch {
    /// Where inside the value, such as `.months[3]`; empty for the value itself.
    pub at: String,
    /// What the Rust side asked for.
    pub wanted: String,
    /// The WIT type that is there.
    pub found: String,
}

impl TypeMismatch {
    /// For your own [`FromValue`]: `wanted` reads after "is not".
    pub fn new(wanted: impl Into<String>, found: &ValueType) -> TypeMismatch {
        TypeMismatch { at: String::new(), wanted: wanted.into(), found: found.to_string() }
    }

    /// The same, seen from the value that holds it at `step`.
    pub fn within(mut self, step: &str) -> TypeMismatch {
        self.at.insert_str(0, step);
        self
    }
}

impl fmt::Display for TypeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.at.is_empty() {
            write!(f, "`{}`: ", self.at)?;
        }
        write!(f, "`{}` is not {}", self.found, self.wanted)
    }
}

impl std::error::Error for TypeMismatch {}
