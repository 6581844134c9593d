//! Which type may feed which, and the conversion where they differ: only what loses nothing and surprises nobody.
//!
//! - A `T` feeds `option<T>`. Between options of unequal depth the value given is put inside (`some(…)`) until the depths agree, so an
//!   `option<T>` that feeds `option<option<T>>` arrives as `some(none)` or `some(some(…))`.
//! - An integer feeds a wider one that has all its values (`u8` → `s16`, `u32` → `s64`; never a float, and never `f32` → `f64`).
//! - A record feeds one with the same field names in any order; `option` fields may be missing. More fields are a mistake, not data to drop.
//! - Lists, tuples of equal length, options, results and variants with the same cases in the same order: if their parts do.
//! - Enums and flags: the same names in the same order.

use std::fmt;

use crate::types::{Case, Field, ValueType};
use crate::value::Value;

/// How a value fits that may be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// The types are equal.
    Same,
    /// The types differ: the value goes through [`convert`].
    Convert,
}

/// Why a type may not feed another. Displayed, it reads after "`sum` …" or "the parameter …".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// Where the types differ, such as `` field `b` ``, `` element, field `b` ``; empty if it is the whole.
    pub path: String,
    /// What is wanted there.
    pub wants: ValueType,
    /// What is given there.
    pub gives: ValueType,
    /// What differs, where that is hard to see: lower case, no full stop.
    pub reason: Option<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "its {} ", self.path)?;
        }
        write!(f, "wants `{}`, given `{}`", self.wants, self.gives)?;
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mismatch {}

/// Whether a value of type `from` may stand where `to` is wanted.
pub fn check(from: &ValueType, to: &ValueType) -> Result<Fit, Mismatch> {
    if from == to {
        return Ok(Fit::Same);
    }
    fits(from, to).map(|()| Fit::Convert)
}

fn fits(from: &ValueType, to: &ValueType) -> Result<(), Mismatch> {
    match (from, to) {
        (from, to) if from == to || widens(from, to) => Ok(()),
        (from, ValueType::Option(inner)) if option_depth(from) < option_depth(to) => match fits(from, inner) {
            // The reader wrote `option<T>`, so the message says so too.
            Err(mismatch) if mismatch.path.is_empty() => Err(Mismatch { wants: to.clone(), ..mismatch }),
            other => other,
        },
        (ValueType::Option(from), ValueType::Option(to)) => fits(from, to).map_err(|m| m.inside("value")),
        (ValueType::List(from), ValueType::List(to)) => fits(from, to).map_err(|m| m.inside("element")),
        (ValueType::Record(given), ValueType::Record(wanted)) => record_fits(from, to, given, wanted),
        (ValueType::Tuple(given), ValueType::Tuple(wanted)) if given.len() == wanted.len() => {
            let mut items = given.iter().zip(wanted.iter()).enumerate();
            items.try_for_each(|(at, (from, to))| fits(from, to).map_err(|m| m.inside(&format!("item {at}"))))
        }
        (ValueType::Variant(given), ValueType::Variant(wanted)) => variant_fits(from, to, given, wanted),
        (ValueType::Result { ok: ok_from, err: err_from }, ValueType::Result { ok: ok_to, err: err_to }) => {
            let sides = [("`ok`", ok_from, ok_to), ("`err`", err_from, err_to)];
            sides.into_iter().try_for_each(|(name, given, wanted)| match (given, wanted) {
                (None, None) => Ok(()),
                (Some(given), Some(wanted)) => fits(given, wanted).map_err(|m| m.inside(name)),
                _ => Err(mismatch(from, to, Some(format!("only one of them carries a value in {name}")))),
            })
        }
        _ => Err(mismatch(from, to, reason(from, to))),
    }
}

fn record_fits(from: &ValueType, to: &ValueType, given: &[Field], wanted: &[Field]) -> Result<(), Mismatch> {
    for field in wanted {
        match from.field(&field.name) {
            Some((_, ty)) => fits(ty, &field.ty).map_err(|m| m.inside(&format!("field `{}`", field.name)))?,
            None if matches!(field.ty, ValueType::Option(_)) => {}
            None => return Err(mismatch(from, to, Some(format!("the field `{}` is missing", field.name)))),
        }
    }
    match given.iter().find(|field| to.field(&field.name).is_none()) {
        None => Ok(()),
        Some(field) => Err(mismatch(from, to, Some(format!("the field `{}` is not wanted", field.name)))),
    }
}

fn variant_fits(from: &ValueType, to: &ValueType, given: &[Case], wanted: &[Case]) -> Result<(), Mismatch> {
    let same = |(given, wanted): (&Case, &Case)| given.name == wanted.name && given.ty.is_some() == wanted.ty.is_some();
    if given.len() != wanted.len() || !given.iter().zip(wanted).all(same) {
        return Err(mismatch(from, to, Some("the cases differ".into())));
    }
    given.iter().zip(wanted).try_for_each(|(given, wanted)| match (&given.ty, &wanted.ty) {
        (Some(from), Some(to)) => fits(from, to).map_err(|m| m.inside(&format!("case `{}`", given.name))),
        _ => Ok(()),
    })
}

fn mismatch(from: &ValueType, to: &ValueType, reason: Option<String>) -> Mismatch {
    Mismatch { path: String::new(), wants: to.clone(), gives: from.clone(), reason }
}

impl Mismatch {
    fn inside(mut self, step: &str) -> Mismatch {
        self.path = if self.path.is_empty() { step.to_owned() } else { format!("{step}, {}", self.path) };
        self
    }
}

fn reason(from: &ValueType, to: &ValueType) -> Option<String> {
    let text = match (from, to) {
        (ValueType::F32 | ValueType::F64, _) if integer(to).is_some() => "a float is never made an integer",
        (_, ValueType::F32 | ValueType::F64) if integer(from).is_some() => "an integer is never made a float",
        (ValueType::F32, ValueType::F64) => "0.1 as `f32` is not 0.1 as `f64`",
        (ValueType::Option(_), _) if !matches!(to, ValueType::Option(_)) => "the value may be missing",
        (ValueType::Enum(_), ValueType::Enum(_)) => "the cases differ",
        (ValueType::Flags(_), ValueType::Flags(_)) => "the names differ",
        _ if integer(from).is_some() && integer(to).is_some() => "not every value fits",
        _ => return None,
    };
    Some(text.into())
}

fn option_depth(ty: &ValueType) -> usize {
    match ty {
        ValueType::Option(inner) => 1 + option_depth(inner),
        _ => 0,
    }
}

/// Whether it is signed, and its bits.
fn integer(ty: &ValueType) -> Option<(bool, u32)> {
    Some(match ty {
        ValueType::S8 => (true, 8),
        ValueType::U8 => (false, 8),
        ValueType::S16 => (true, 16),
        ValueType::U16 => (false, 16),
        ValueType::S32 => (true, 32),
        ValueType::U32 => (false, 32),
        ValueType::S64 => (true, 64),
        ValueType::U64 => (false, 64),
        _ => return None,
    })
}

fn widens(from: &ValueType, to: &ValueType) -> bool {
    match (integer(from), integer(to)) {
        (Some((from_signed, from)), Some((to_signed, to))) => from < to && (to_signed || !from_signed),
        _ => false,
    }
}

/// A value of type `from` as one of type `to`; [`check`] has said that this can be done. Packed lists stay packed.
pub fn convert(value: &Value, from: &ValueType, to: &ValueType) -> Value {
    if from == to {
        return value.clone();
    }
    match (value, from, to) {
        (_, from, ValueType::Option(inner)) if option_depth(from) < option_depth(to) => {
            Value::some(convert(value, from, inner))
        }
        (Value::Option(inner), ValueType::Option(from), ValueType::Option(to)) => {
            Value::Option(inner.as_ref().map(|inner| convert(inner, from, to).into()))
        }
        (Value::List(list), ValueType::List(from), ValueType::List(to)) => {
            Value::List(crate::list::List::from_values(to, list.iter().map(|element| convert(&element, from, to))))
        }
        (Value::Record(values), ValueType::Record(_), ValueType::Record(wanted)) => {
            Value::record(wanted.iter().map(|field| match from.field(&field.name) {
                Some((at, ty)) => convert(&values[at], ty, &field.ty),
                None => Value::NONE,
            }))
        }
        (Value::Tuple(values), ValueType::Tuple(from), ValueType::Tuple(to)) => Value::tuple(
            values.iter().zip(from.iter().zip(to.iter())).map(|(value, (from, to))| convert(value, from, to)),
        ),
        (Value::Variant(case, Some(payload)), ValueType::Variant(from), ValueType::Variant(to)) => {
            let at = *case as usize;
            match (&from[at].ty, &to[at].ty) {
                (Some(from), Some(to)) => Value::Variant(*case, Some(convert(payload, from, to).into())),
                _ => value.clone(),
            }
        }
        (
            Value::Result(result),
            ValueType::Result { ok: ok_from, err: err_from },
            ValueType::Result { ok: ok_to, err: err_to },
        ) => match result {
            Ok(ok) => Value::ok(convert_side(ok.as_deref(), ok_from.as_deref(), ok_to.as_deref())),
            Err(err) => Value::err(convert_side(err.as_deref(), err_from.as_deref(), err_to.as_deref())),
        },
        _ => widen(value, to),
    }
}

fn convert_side(value: Option<&Value>, from: Option<&ValueType>, to: Option<&ValueType>) -> Option<Value> {
    Some(convert(value?, from?, to?))
}

fn widen(value: &Value, to: &ValueType) -> Value {
    let number: i128 = match value {
        Value::S8(v) => (*v).into(),
        Value::U8(v) => (*v).into(),
        Value::S16(v) => (*v).into(),
        Value::U16(v) => (*v).into(),
        Value::S32(v) => (*v).into(),
        Value::U32(v) => (*v).into(),
        // A variant's case without payload, whatever else differs.
        _ => return value.clone(),
    };
    match to {
        ValueType::S16 => Value::S16(number as i16),
        ValueType::U16 => Value::U16(number as u16),
        ValueType::S32 => Value::S32(number as i32),
        ValueType::U32 => Value::U32(number as u32),
        ValueType::S64 => Value::S64(number as i64),
        ValueType::U64 => Value::U64(number as u64),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn ty(text: &str) -> ValueType {
        text.parse().expect(text)
    }

    fn refused(from: &str, to: &str) -> String {
        check(&ty(from), &ty(to)).expect_err("a mismatch").to_string()
    }

    #[track_caller]
    fn converts(from: &str, to: &str, before: &str, after: &str) {
        let (from, to) = (ty(from), ty(to));
        assert_eq!(check(&from, &to), Ok(Fit::Convert));
        let value = convert(&json::from_str(before, &from).expect("a value"), &from, &to);
        assert!(value.has_type(&to));
        assert_eq!(json::to_string(&value, &to), after);
    }

    #[test]
    fn integers_widen_only_where_no_value_is_lost() {
        let all = ["s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64"];
        let wider = |from: &str| -> Vec<&str> {
            all.into_iter().filter(|to| check(&ty(from), &ty(to)) == Ok(Fit::Convert)).collect()
        };
        assert_eq!(wider("u8"), ["s16", "u16", "s32", "u32", "s64", "u64"]);
        assert_eq!(wider("s8"), ["s16", "s32", "s64"]);
        assert_eq!(wider("u32"), ["s64", "u64"]);
        assert_eq!(wider("s32"), ["s64"]);
        assert_eq!(wider("u64"), [""; 0]);
        assert_eq!(wider("f32"), [""; 0]);
    }

    #[test]
    fn conversions_keep_the_value() {
        converts("u8", "option<u16>", "7", "7");
        converts("list<u8>", "list<s64>", "[1, 255]", "[1,255]");
        converts("option<u8>", "option<option<u8>>", "null", r#"{"some":null}"#);
        converts("option<u8>", "option<u32>", "null", "null");
        converts(
            "record { b: u8, a: string }",
            "record { a: string, c: option<u8>, b: u64 }",
            r#"{"b": 1, "a": "x"}"#,
            r#"{"a":"x","c":null,"b":1}"#,
        );
        converts("result<u8, string>", "result<option<u8>, string>", r#"{"err": "x"}"#, r#"{"err":"x"}"#);
        converts("result<u8>", "result<u16>", r#"{"ok": 1}"#, r#"{"ok":1}"#);
        converts("tuple<u8, list<u8>>", "tuple<u16, option<list<u8>>>", r#"[1, "AQI="]"#, r#"[1,"AQI="]"#);
        converts("variant { a, b(s8) }", "variant { a, b(s64) }", r#"{"b": -1}"#, r#"{"b":-1}"#);
        converts("variant { a, b(s8) }", "variant { a, b(s64) }", r#""a""#, r#""a""#);
    }

    #[test]
    fn a_mismatch_says_what_is_wanted_given_and_where() {
        assert_eq!(refused("string", "list<u32>"), "wants `list<u32>`, given `string`");
        assert_eq!(refused("string", "option<u32>"), "wants `option<u32>`, given `string`");
        assert_eq!(refused("option<u32>", "u32"), "wants `u32`, given `option<u32>`: the value may be missing");
        assert_eq!(
            refused("list<record { b: string }>", "list<record { b: u8 }>"),
            "its element, field `b` wants `u8`, given `string`"
        );
        assert_eq!(refused("u64", "u32"), "wants `u32`, given `u64`: not every value fits");
        assert_eq!(refused("u8", "f64"), "wants `f64`, given `u8`: an integer is never made a float");
        assert!(refused("record { a: u8 }", "record { a: u8, b: u8 }").ends_with("the field `b` is missing"));
        assert!(refused("record { a: u8, b: u8 }", "record { a: u8 }").ends_with("the field `b` is not wanted"));
        assert!(refused("enum { a, b }", "enum { b, a }").ends_with("the cases differ"));
        assert_eq!(refused("tuple<u8>", "tuple<u8, u8>"), "wants `tuple<u8, u8>`, given `tuple<u8>`");
        assert!(refused("result<u8>", "result").ends_with("only one of them carries a value in `ok`"));
    }

    #[test]
    fn packed_lists_stay_packed() {
        let (from, to) = (ty("list<u8>"), ty("list<u32>"));
        let value = convert(&json::from_str("[1, 2]", &from).expect("bytes"), &from, &to);
        let Value::List(list) = value else { panic!("a list stays a list") };
        assert_eq!(list.image().expect("packed").as_ref(), [1, 0, 0, 0, 2, 0, 0, 0]);
    }
}
