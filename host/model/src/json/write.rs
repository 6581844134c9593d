//! Writing values with any serde serialiser: [`Json`] is a value beside its type.

use std::fmt;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error, Serialize, SerializeMap, Serializer};

use crate::list::List;
use crate::types::ValueType;
use crate::value::Value;

/// A value beside its type, to be written with `serde_json` in whatever way its user likes.
///
/// Fields keep the order of the type. A value that is not of the type is an error.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a>(pub &'a Value, pub &'a ValueType);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match (self.1, self.0) {
            (ValueType::Bool, Value::Bool(v)) => out.serialize_bool(*v),
            (ValueType::S8, Value::S8(v)) => out.serialize_i8(*v),
            (ValueType::U8, Value::U8(v)) => out.serialize_u8(*v),
            (ValueType::S16, Value::S16(v)) => out.serialize_i16(*v),
            (ValueType::U16, Value::U16(v)) => out.serialize_u16(*v),
            (ValueType::S32, Value::S32(v)) => out.serialize_i32(*v),
            (ValueType::U32, Value::U32(v)) => out.serialize_u32(*v),
            (ValueType::S64, Value::S64(v)) => out.serialize_i64(*v),
            (ValueType::U64, Value::U64(v)) => out.serialize_u64(*v),
            (ValueType::F32, Value::F32(v)) => float(widened(*v), out),
            (ValueType::F64, Value::F64(v)) => float(*v, out),
            (ValueType::Char, Value::Char(v)) => out.serialize_char(*v),
            (ValueType::String, Value::String(v)) => out.serialize_str(v),
            (ValueType::List(element), Value::List(list)) => self::list(element, list, out),
            (ValueType::Record(fields), Value::Record(values)) if fields.len() == values.len() => {
                out.collect_map(fields.iter().zip(values.iter()).map(|(field, v)| (&*field.name, Json(v, &field.ty))))
            }
            (ValueType::Tuple(types), Value::Tuple(values)) if types.len() == values.len() => {
                out.collect_seq(types.iter().zip(values.iter()).map(|(ty, v)| Json(v, ty)))
            }
            (ValueType::Variant(cases), Value::Variant(case, payload)) => {
                match (cases.get(*case as usize), payload.as_deref()) {
                    (Some(case), payload) if case.ty.is_some() == payload.is_some() => match (&case.ty, payload) {
                        (Some(ty), Some(payload)) => entry(&case.name, Some((payload, ty)), out),
                        _ => out.serialize_str(&case.name),
                    },
                    _ => Err(self.mismatch()),
                }
            }
            (ValueType::Enum(cases), Value::Enum(case)) => match cases.get(*case as usize) {
                Some(case) => out.serialize_str(case),
                None => Err(self.mismatch()),
            },
            (ValueType::Option(_), Value::Option(None)) => out.serialize_unit(),
            (ValueType::Option(inner), Value::Option(Some(v))) => match **inner {
                ValueType::Option(_) => entry("some", Some((v, inner)), out),
                _ => Json(v, inner).serialize(out),
            },
            (ValueType::Result { ok, err }, Value::Result(v)) => {
                let (name, ty, value) = match v {
                    Ok(v) => ("ok", ok, v),
                    Err(v) => ("err", err, v),
                };
                match (ty, value) {
                    (Some(ty), Some(value)) => entry(name, Some((value, ty)), out),
                    (None, None) => entry(name, None, out),
                    _ => Err(self.mismatch()),
                }
            }
            (ValueType::Flags(names), Value::Flags(bits)) => {
                let set =
                    names.iter().enumerate().filter(|(bit, _)| bits.checked_shr(*bit as u32).unwrap_or(0) & 1 == 1);
                out.collect_seq(set.map(|(_, name)| &**name))
            }
            (ValueType::Blob, Value::Blob(blob)) => out.collect_str(blob),
            _ => Err(self.mismatch()),
        }
    }
}

impl Json<'_> {
    fn mismatch<E: Error>(&self) -> E {
        E::custom(format_args!("the value is no `{}`", self.1))
    }
}

/// `{"name": value}`, or `{"name": null}` without a value.
fn entry<S: Serializer>(name: &str, value: Option<(&Value, &ValueType)>, out: S) -> Result<S::Ok, S::Error> {
    let mut map = out.serialize_map(Some(1))?;
    map.serialize_entry(name, &value.map(|(value, ty)| Json(value, ty)))?;
    map.end()
}

fn list<S: Serializer>(element: &ValueType, list: &List, out: S) -> Result<S::Ok, S::Error> {
    match list.as_bytes() {
        Some(bytes) => out.collect_str(&Base64Display::new(bytes, &STANDARD)),
        None => match list.values() {
            Some(values) => out.collect_seq(values.iter().map(|value| Json(value, element))),
            None => out.collect_seq(list.iter().map(|value| Owned(value, element))),
        },
    }
}

/// An element that was just read out of a packed list.
struct Owned<'a>(Value, &'a ValueType);

impl Serialize for Owned<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        Json(&self.0, self.1).serialize(out)
    }
}

fn float<S: Serializer>(v: f64, out: S) -> Result<S::Ok, S::Error> {
    if v.is_finite() { out.serialize_f64(v) } else { out.serialize_str(non_finite(v)) }
}

/// JSON has no numbers for these.
fn non_finite(v: f64) -> &'static str {
    if v.is_nan() {
        "NaN"
    } else if v > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// The `f64` that is written with the fewest digits that mean this `f32` (`0.1`, not `0.10000000149011612`) and reads back as it.
///
/// Readers of JSON go through `f64`, and rounding twice may miss: where it does, the exact value is written.
fn widened(v: f32) -> f64 {
    let mut digits = Digits::default();
    let shortest = fmt::write(&mut digits, format_args!("{v:e}")).ok().and_then(|()| digits.as_str().parse().ok());
    match shortest {
        Some(wide) if wide as f32 == v => wide,
        _ => f64::from(v),
    }
}

/// Room for the digits of an `f32`, which has at most 9, without an allocation for each number.
#[derive(Default)]
struct Digits {
    bytes: [u8; 24],
    length: usize,
}

impl Digits {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.length..self.length + text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}
