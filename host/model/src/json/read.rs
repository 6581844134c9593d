//! Reading values: one [`DeserializeSeed`] that is driven by the type and builds the value directly, so that a list of a million
//! numbers goes straight into its packed form.
//!
//! serde's errors are plain text without a place. So the first mistake is put down as a [`JsonError`] at the root of the
//! [`Place`], and serde's own error only unwinds.

use std::cell::RefCell;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::JsonError;
use crate::artifact::ArtifactRef;
use crate::list::List;
use crate::types::{Case, Field, ValueType};
use crate::value::Value;

/// Standard base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Characters of a text or type that are shown in a message.
const SHOWN_MAX: usize = 40;

/// Reads one value.
pub(super) fn value<'de, D>(deserializer: D, ty: &ValueType) -> Result<Value, JsonError>
where
    D: Deserializer<'de, Error = serde_json::Error>,
{
    let mistake = RefCell::new(None);
    let seed = Seed { ty, place: &Place::Top(&mistake) };
    seed.deserialize(deserializer).map_err(|error| mistake.take().unwrap_or_else(|| not_json(&error)))
}

/// The error for text that breaks JSON's own rules.
pub(super) fn not_json(error: &serde_json::Error) -> JsonError {
    JsonError { path: String::new(), message: format!("not valid JSON: {error}") }
}

/// Where the reader is: a list of steps on the stack, so that a path costs nothing until it is shown.
enum Place<'a> {
    Top(&'a RefCell<Option<JsonError>>),
    Name(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn fail<E: Error>(&self, message: String) -> E {
        let mut path = String::new();
        let mistake = self.write_path(&mut path);
        mistake.borrow_mut().get_or_insert(JsonError { path, message });
        E::custom("see the mistake at the top of the place")
    }

    fn write_path(&self, path: &mut String) -> &RefCell<Option<JsonError>> {
        match self {
            Place::Top(mistake) => mistake,
            Place::Name(outer, name) => {
                let mistake = outer.write_path(path);
                path.push('.');
                path.push_str(name);
                mistake
            }
            Place::Index(outer, index) => {
                let mistake = outer.write_path(path);
                path.push_str(&format!("[{index}]"));
                mistake
            }
        }
    }
}

/// Reads a value of type `ty`.
#[derive(Clone, Copy)]
struct Seed<'a> {
    ty: &'a ValueType,
    place: &'a Place<'a>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.ty {
            ValueType::Option(_) => deserializer.deserialize_option(self),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.ty)
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<Value, E> {
        match self.ty {
            ValueType::Bool => Ok(Value::Bool(v)),
            _ => Err(self.unexpected(v)),
        }
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Value, E> {
        self.integer(v.into())
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Value, E> {
        self.integer(v.into())
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<Value, E> {
        match self.ty {
            ValueType::F64 => Ok(Value::F64(v)),
            ValueType::F32 if (v as f32).is_finite() => Ok(Value::F32(v as f32)),
            ValueType::F32 => Err(self.place.fail(format!("{v:?} does not fit `f32` (-3.4e38 to 3.4e38)"))),
            ty => match integer_range(ty) {
                // Integers beyond 64 bits arrive here.
                Some((low, high)) if v.fract() == 0.0 && !(low..=high).contains(&(v as i128)) => {
                    Err(self.does_not_fit(format_args!("{v:?}"), low, high))
                }
                _ => Err(self.unexpected(format_args!("{v:?}"))),
            },
        }
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Value, E> {
        self.text(v)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Err(self.unexpected("null"))
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::NONE)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.ty {
            // `{"some": …}`: the map arrives at `visit_map`.
            ValueType::Option(inner) if matches!(**inner, ValueType::Option(_)) => deserializer.deserialize_any(self),
            ValueType::Option(inner) => self.with(inner).deserialize(deserializer).map(Value::some),
            _ => self.deserialize(deserializer),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        match self.ty {
            ValueType::List(element) => self.list(element, seq),
            ValueType::Tuple(types) => self.tuple(types, seq),
            ValueType::Flags(names) => self.flags(names.len(), seq),
            _ => Err(self.unexpected("an array")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        match self.ty {
            ValueType::Record(fields) => self.record(fields, map),
            ValueType::Variant(cases) => self.variant(cases, map),
            ValueType::Result { ok, err } => {
                let sides = [ok.as_deref(), err.as_deref()];
                self.only_entry(&["ok", "err"], map, |at| sides[at]).map(|(at, value)| match at {
                    0 => Value::ok(value),
                    _ => Value::err(value),
                })
            }
            ValueType::Option(inner) if matches!(**inner, ValueType::Option(_)) => self
                .only_entry(&["some"], map, |_| Some(inner))
                .map(|(_, value)| Value::some(value.unwrap_or(Value::NONE))),
            _ => Err(self.unexpected("an object")),
        }
    }
}

impl<'a> Seed<'a> {
    fn with(self, ty: &'a ValueType) -> Seed<'a> {
        Seed { ty, place: self.place }
    }

    fn unexpected<E: Error>(&self, found: impl fmt::Display) -> E {
        let form = match self.ty {
            ValueType::Option(inner) if matches!(**inner, ValueType::Option(_)) => " as null or {\"some\": …}",
            ValueType::Result { .. } => " as {\"ok\": …} or {\"err\": …}",
            ValueType::Blob => " as \"blob:DIGEST:LENGTH\"",
            _ => "",
        };
        self.place.fail(format!("wanted `{}`{form}, found {found}", shown(&self.ty.to_string())))
    }

    fn does_not_fit<E: Error>(&self, found: impl fmt::Display, low: i128, high: i128) -> E {
        self.place.fail(format!("{found} does not fit `{}` ({low} to {high})", self.ty))
    }

    fn integer<E: Error>(self, v: i128) -> Result<Value, E> {
        let value = match self.ty {
            ValueType::S8 => v.try_into().map(Value::S8).ok(),
            ValueType::U8 => v.try_into().map(Value::U8).ok(),
            ValueType::S16 => v.try_into().map(Value::S16).ok(),
            ValueType::U16 => v.try_into().map(Value::U16).ok(),
            ValueType::S32 => v.try_into().map(Value::S32).ok(),
            ValueType::U32 => v.try_into().map(Value::U32).ok(),
            ValueType::S64 => v.try_into().map(Value::S64).ok(),
            ValueType::U64 => v.try_into().map(Value::U64).ok(),
            ValueType::F32 => Some(Value::F32(v as f32)),
            ValueType::F64 => Some(Value::F64(v as f64)),
            _ => None,
        };
        value.ok_or_else(|| match integer_range(self.ty) {
            Some((low, high)) => self.does_not_fit(v, low, high),
            None => self.unexpected(v),
        })
    }

    fn text<E: Error>(self, v: &str) -> Result<Value, E> {
        match self.ty {
            ValueType::String => Ok(Value::string(v)),
            ValueType::Char => only_char(v).map(Value::Char).ok_or_else(|| self.unexpected_text(v)),
            ValueType::Enum(cases) => {
                self.position(v, cases.iter().map(|name| &**name)).map(|at| Value::Enum(at as u32))
            }
            ValueType::Variant(cases) => {
                let at = self.position(v, cases.iter().map(|case| &*case.name))?;
                match &cases[at].ty {
                    None => Ok(Value::Variant(at as u32, None)),
                    Some(ty) => {
                        let ty = ty.to_string();
                        Err(self.place.fail(format!("`{v}` carries a `{}`: write {{\"{v}\": …}}", shown(&ty))))
                    }
                }
            }
            ValueType::List(element) if **element == ValueType::U8 => match BASE64.decode(v) {
                Ok(bytes) => Ok(Value::List(List::bytes(bytes))),
                Err(_) => {
                    let found = shown(v);
                    Err(self.place.fail(format!("wanted `list<u8>` as base64 or an array, found the string {found:?}")))
                }
            },
            ValueType::S64 | ValueType::U64 => match v.parse::<i128>() {
                Ok(v) => self.integer(v),
                Err(_) => Err(self.unexpected_text(v)),
            },
            ValueType::Result { ok, err } => match v {
                "ok" if ok.is_none() => Ok(Value::ok(None)),
                "err" if err.is_none() => Ok(Value::err(None)),
                _ => Err(self.unexpected_text(v)),
            },
            ValueType::Blob => {
                v.parse().map(|blob: ArtifactRef| Value::Blob(blob.into())).map_err(|_| self.unexpected_text(v))
            }
            ValueType::F32 => non_finite(v).map(|v| Value::F32(v.0)).ok_or_else(|| self.unexpected_text(v)),
            ValueType::F64 => non_finite(v).map(|v| Value::F64(v.1)).ok_or_else(|| self.unexpected_text(v)),
            _ => Err(self.unexpected_text(v)),
        }
    }

    fn unexpected_text<E: Error>(&self, v: &str) -> E {
        self.unexpected(format_args!("the string {:?}", shown(v)))
    }

    fn list<'de, A: SeqAccess<'de>>(self, element: &ValueType, mut seq: A) -> Result<Value, A::Error> {
        let mut index = 0;
        let mut error = None;
        let values = std::iter::from_fn(|| {
            let place = Place::Index(self.place, index);
            index += 1;
            let next = seq.next_element_seed(Seed { ty: element, place: &place });
            next.map_err(|e| error = Some(e)).ok().flatten()
        });
        let list = List::from_values(element, values);
        error.map_or(Ok(Value::List(list)), Err)
    }

    fn tuple<'de, A: SeqAccess<'de>>(self, types: &[ValueType], mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::with_capacity(types.len());
        for (index, ty) in types.iter().enumerate() {
            let place = Place::Index(self.place, index);
            match seq.next_element_seed(Seed { ty, place: &place })? {
                Some(value) => values.push(value),
                None => return Err(self.unexpected(format_args!("an array of {index}"))),
            }
        }
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(Value::tuple(values)),
            Some(_) => Err(self.unexpected(format_args!("an array of more than {}", types.len()))),
        }
    }

    fn flags<'de, A: SeqAccess<'de>>(self, names: usize, mut seq: A) -> Result<Value, A::Error> {
        let mut bits = 0_u32;
        let mut index = 0;
        while let Some(at) = {
            let place = Place::Index(self.place, index);
            seq.next_element_seed(Name { seed: Seed { ty: self.ty, place: &place }, likely: names })?
        } {
            let bit = 1_u32.checked_shl(at as u32).unwrap_or(0);
            if bits & bit != 0 {
                let place = Place::Index(self.place, index);
                return Err(place.fail("the same name stands there twice".into()));
            }
            bits |= bit;
            index += 1;
        }
        Ok(Value::Flags(bits))
    }

    fn record<'de, A: MapAccess<'de>>(self, fields: &[Field], mut map: A) -> Result<Value, A::Error> {
        let mut values: Vec<Option<Value>> = vec![None; fields.len()];
        let mut likely = 0;
        while let Some(at) = map.next_key_seed(Name { seed: self, likely })? {
            let field = &fields[at];
            if values[at].is_some() {
                return Err(self.place.fail(format!("the field `{}` stands there twice", field.name)));
            }
            let place = Place::Name(self.place, &field.name);
            values[at] = Some(map.next_value_seed(Seed { ty: &field.ty, place: &place })?);
            likely = at + 1;
        }
        let values = values.into_iter().zip(fields).map(|(value, field)| match value {
            None if matches!(field.ty, ValueType::Option(_)) => Ok(Value::NONE),
            None => Err(self.place.fail(format!("the field `{}` is missing", field.name))),
            Some(value) => Ok(value),
        });
        Ok(Value::Record(values.collect::<Result<_, _>>()?))
    }

    fn variant<'de, A: MapAccess<'de>>(self, cases: &[Case], map: A) -> Result<Value, A::Error> {
        let names: Vec<&str> = cases.iter().map(|case| &*case.name).collect();
        let (at, value) = self.only_entry(&names, map, |at| cases[at].ty.as_ref())?;
        Ok(Value::Variant(at as u32, value.map(Into::into)))
    }

    /// The position of the name and the value of an object that has just one field; the value is null where there is no type.
    fn only_entry<'de, 't, A: MapAccess<'de>>(
        self,
        names: &[&str],
        mut map: A,
        ty: impl Fn(usize) -> Option<&'t ValueType>,
    ) -> Result<(usize, Option<Value>), A::Error> {
        let Some(at) = map.next_key_seed(Name { seed: self, likely: names.len() })? else {
            return Err(self.unexpected("an empty object"));
        };
        let place = Place::Name(self.place, names[at]);
        let value = match ty(at) {
            Some(ty) => Some(map.next_value_seed(Seed { ty, place: &place })?),
            None => {
                map.next_value::<()>().map_err(|_| place.fail("wanted null, since nothing is carried here".into()))?;
                None
            }
        };
        match map.next_key::<IgnoredAny>()? {
            None => Ok((at, value)),
            Some(_) => Err(self.unexpected("an object with several fields")),
        }
    }

    /// The position of `name` among the names of the type.
    fn position<'n, E: Error>(&self, name: &str, names: impl Iterator<Item = &'n str> + Clone) -> Result<usize, E> {
        names.clone().position(|known| known == name).ok_or_else(|| {
            let kind = match self.ty {
                ValueType::Record(_) => "field",
                ValueType::Flags(_) => "name",
                _ => "case",
            };
            let known = names.map(|known| (strsim::osa_distance(known, &shown(name)), known)).min();
            let help = match known {
                Some((distance, known)) if distance <= 1.max(known.len() / 3) => format!("; did you mean `{known}`?"),
                _ => format!(" in `{}`", shown(&self.ty.to_string())),
            };
            self.place.fail(format!("no {kind} named `{}`{help}", shown(name)))
        })
    }
}

/// Reads a field's or case's name; gives its position.
struct Name<'a> {
    seed: Seed<'a>,
    /// The position to try first: fields mostly come in the order of the type.
    likely: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Name<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<usize, E> {
        match self.seed.ty {
            ValueType::Record(fields) => match fields.get(self.likely) {
                Some(field) if *field.name == *v => Ok(self.likely),
                _ => self.seed.position(v, fields.iter().map(|field| &*field.name)),
            },
            ValueType::Variant(cases) => self.seed.position(v, cases.iter().map(|case| &*case.name)),
            ValueType::Flags(names) => self.seed.position(v, names.iter().map(|name| &**name)),
            ValueType::Result { .. } => self.seed.position(v, ["ok", "err"].into_iter()),
            _ => self.seed.position(v, ["some"].into_iter()),
        }
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<usize, E> {
        Err(self.unexpected(v))
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<usize, E> {
        Err(self.unexpected(v))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<usize, E> {
        Err(self.unexpected(v))
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<usize, E> {
        Err(self.unexpected(v))
    }

    fn visit_unit<E: Error>(self) -> Result<usize, E> {
        Err(self.unexpected("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _seq: A) -> Result<usize, A::Error> {
        Err(self.unexpected("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _map: A) -> Result<usize, A::Error> {
        Err(self.unexpected("an object"))
    }
}

impl Name<'_> {
    fn unexpected<E: Error>(&self, found: impl fmt::Display) -> E {
        self.seed.place.fail(format!("wanted a name of `{}`, found {found}", shown(&self.seed.ty.to_string())))
    }
}

fn integer_range(ty: &ValueType) -> Option<(i128, i128)> {
    Some(match ty {
        ValueType::S8 => (i8::MIN.into(), i8::MAX.into()),
        ValueType::U8 => (0, u8::MAX.into()),
        ValueType::S16 => (i16::MIN.into(), i16::MAX.into()),
        ValueType::U16 => (0, u16::MAX.into()),
        ValueType::S32 => (i32::MIN.into(), i32::MAX.into()),
        ValueType::U32 => (0, u32::MAX.into()),
        ValueType::S64 => (i64::MIN.into(), i64::MAX.into()),
        ValueType::U64 => (0, u64::MAX.into()),
        _ => return None,
    })
}

fn only_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// With the canonical NaNs: the only ones that a guest is given anyway.
fn non_finite(text: &str) -> Option<(f32, f64)> {
    match text {
        "NaN" => Some((f32::from_bits(0x7fc0_0000), f64::from_bits(0x7ff8_0000_0000_0000))),
        "Infinity" => Some((f32::INFINITY, f64::INFINITY)),
        "-Infinity" => Some((f32::NEG_INFINITY, f64::NEG_INFINITY)),
        _ => None,
    }
}

/// As much of a text as a message has room for.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
