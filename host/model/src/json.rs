//! Values as JSON, at the edges: parameters, literals, arguments and outputs.
//!
//! The type decides how a value is written; nothing is guessed, and each value has one form:
//!
//! | type | JSON |
//! |---|---|
//! | `bool` | `true`, `false` |
//! | integers | a number, exact up to 64 bits; for `s64` and `u64` a string of digits is read too |
//! | `f32`, `f64` | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `char`, `string` | a string |
//! | `list<u8>` | base64 text; an array of numbers is read too |
//! | `list<T>`, `tuple<…>` | an array |
//! | `record` | an object; fields of type `option` may be left out |
//! | `variant` | `"case"`, or `{"case": value}` if the case carries one |
//! | `enum` | `"case"` |
//! | `flags` | an array of the names that are set |
//! | `option<T>` | `null`, or the value |
//! | `option<option<T>>` | `null`, or `{"some": …}` around the form of the inner option, so that `some(none)` is `{"some": null}` |
//! | `result<T, E>` | `{"ok": value}`, `{"err": value}`, with `null` for a side that carries nothing |
//! | `blob` | `"blob:DIGEST:LENGTH"`, a name for its bytes |
//!
//! Reading builds values without an intermediate tree (`json/read.rs`), writing makes no copy (`json/write.rs`).

use std::fmt;
use std::io;

use crate::types::ValueType;
use crate::value::Value;

mod read;
mod write;

pub use write::Json;

/// JSON that is no value of the wanted type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonError {
    /// Where, such as `.rows[3].name`; empty at the top.
    pub path: String,
    /// What is wrong there, lower case, no full stop.
    pub message: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at `{}`: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for JsonError {}

/// Reads a value of type `ty` from JSON text.
pub fn from_str(text: &str, ty: &ValueType) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = read::value(&mut deserializer, ty)?;
    deserializer.end().map_err(|error| read::not_json(&error))?;
    Ok(value)
}

/// Reads a value of type `ty` from parsed JSON.
pub fn from_value(json: &serde_json::Value, ty: &ValueType) -> Result<Value, JsonError> {
    read::value(json, ty)
}

/// Reads what a command line gives for a parameter of type `ty`.
///
/// A `string` takes the text as it is, quotes, `5` and `null` included: what is typed is what the task gets. So does an
/// `option<string>`, but that `null` alone means none. Any other type reads JSON; a text that is no JSON of the type is tried as a
/// JSON string, so that cases of an `enum`, a `char` or base64 need no quotes.
pub fn from_argument(text: &str, ty: &ValueType) -> Result<Value, JsonError> {
    match ty {
        ValueType::String => return Ok(Value::string(text)),
        ValueType::Option(inner) if **inner == ValueType::String && text != "null" => {
            return Ok(Value::some(Value::string(text)));
        }
        _ => {}
    }
    from_str(text, ty).or_else(|as_json| {
        from_value(&serde_json::Value::from(text), ty).map_err(|as_string| {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            if is_json || text.trim_start().starts_with(['{', '[', '"']) { as_json } else { as_string }
        })
    })
}

/// Writes a value of type `ty` as compact JSON.
pub fn write(value: &Value, ty: &ValueType, out: &mut impl io::Write) -> io::Result<()> {
    Ok(serde_json::to_writer(out, &Json(value, ty))?)
}

/// A value of type `ty` as compact JSON.
pub fn to_string(value: &Value, ty: &ValueType) -> String {
    serde_json::to_string(&Json(value, ty)).expect("Invariant: a value is held together with its own type")
}

/// A value of type `ty` as a JSON tree.
pub fn to_value(value: &Value, ty: &ValueType) -> serde_json::Value {
    serde_json::to_value(Json(value, ty)).expect("Invariant: a value is held together with its own type")
}

/// A value of type `ty` as text for people: a `string` as it is, anything else as compact JSON.
pub fn to_text(value: &Value, ty: &ValueType) -> String {
    match value {
        Value::String(text) => text.to_string(),
        _ => to_string(value, ty),
    }
}
