//! Arbitrary types and values for property tests, of this crate and of others (feature `arbitrary`).
//!
//! NaNs are the canonical ones: the Component Model lets a guest change the others, so no test may expect them back.

use std::sync::Arc;

mod event;

pub use event::{attachment, run_event, task_failure, task_state, timed_events, usage};

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::artifact::ArtifactRef;
use crate::list::List;
use crate::types::{Case, Field, ValueType};
use crate::value::Value;

/// Most levels of a type.
const DEPTH: u32 = 4;

/// Types of all kinds, up to a few levels deep.
pub fn value_type() -> impl Strategy<Value = ValueType> {
    prop_oneof![6 => plain(), 1 => enumeration(), 1 => flags()].prop_recursive(DEPTH, 24, 4, |inner| {
        let parts = || vec(inner.clone(), 0..4);
        let maybe = || proptest::option::of(inner.clone());
        prop_oneof![
            3 => inner.clone().prop_map(ValueType::list),
            3 => inner.clone().prop_map(ValueType::option),
            2 => parts().prop_map(ValueType::tuple),
            2 => (maybe(), maybe()).prop_map(|(ok, err)| ValueType::result(ok, err)),
            3 => (names(1..=4), vec(inner.clone(), 4)).prop_map(|(names, types)| {
                let fields = names.into_iter().zip(types);
                ValueType::Record(fields.map(|(name, ty)| Field { name, ty }).collect())
            }),
            2 => (names(1..=4), vec(maybe(), 4)).prop_map(|(names, types)| {
                let cases = names.into_iter().zip(types);
                ValueType::Variant(cases.map(|(name, ty)| Case { name, ty }).collect())
            }),
        ]
    })
}

fn plain() -> impl Strategy<Value = ValueType> {
    select(vec![
        ValueType::Bool,
        ValueType::S8,
        ValueType::U8,
        ValueType::S16,
        ValueType::U16,
        ValueType::S32,
        ValueType::U32,
        ValueType::S64,
        ValueType::U64,
        ValueType::F32,
        ValueType::F64,
        ValueType::Char,
        ValueType::String,
        ValueType::Blob,
    ])
}

fn enumeration() -> impl Strategy<Value = ValueType> {
    names(1..=5).prop_map(|names| ValueType::Enum(names.into()))
}

fn flags() -> impl Strategy<Value = ValueType> {
    names(1..=32).prop_map(|names| ValueType::Flags(names.into()))
}

fn names(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<Arc<str>>> {
    btree_set("[a-z][a-z0-9]{0,3}(-[a-z][a-z0-9]{0,2})?", count)
        .prop_map(|names| names.into_iter().map(Arc::from).collect::<Vec<_>>())
        .prop_shuffle()
}

/// Values of a type.
pub fn value_of(ty: ValueType) -> BoxedStrategy<Value> {
    match ty {
        ValueType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ValueType::S8 => any::<i8>().prop_map(Value::S8).boxed(),
        ValueType::U8 => any::<u8>().prop_map(Value::U8).boxed(),
        ValueType::S16 => any::<i16>().prop_map(Value::S16).boxed(),
        ValueType::U16 => any::<u16>().prop_map(Value::U16).boxed(),
        ValueType::S32 => any::<i32>().prop_map(Value::S32).boxed(),
        ValueType::U32 => any::<u32>().prop_map(Value::U32).boxed(),
        ValueType::S64 => any::<i64>().prop_map(Value::S64).boxed(),
        ValueType::U64 => any::<u64>().prop_map(Value::U64).boxed(),
        ValueType::F32 => any::<u32>().prop_map(|bits| Value::F32(canonical_f32(f32::from_bits(bits)))).boxed(),
        ValueType::F64 => {
            let special = select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 1e300]);
            let any = any::<u64>().prop_map(f64::from_bits);
            prop_oneof![1 => special, 4 => any].prop_map(|v| Value::F64(canonical_f64(v))).boxed()
        }
        ValueType::Char => any::<char>().prop_map(Value::Char).boxed(),
        ValueType::String => any::<String>().prop_map(Value::string).boxed(),
        ValueType::Blob => (any::<[u8; 32]>(), 0..1_u64 << 53)
            .prop_map(|(digest, length)| Value::Blob(Arc::new(ArtifactRef { digest, length })))
            .boxed(),
        ValueType::List(element) => vec(value_of((*element).clone()), 0..6)
            .prop_map(move |values| Value::List(List::from_values(&element, values)))
            .boxed(),
        ValueType::Record(fields) => {
            fields.iter().map(|field| value_of(field.ty.clone())).collect::<Vec<_>>().prop_map(Value::record).boxed()
        }
        ValueType::Tuple(types) => {
            types.iter().cloned().map(value_of).collect::<Vec<_>>().prop_map(Value::tuple).boxed()
        }
        ValueType::Variant(cases) => (0..cases.len())
            .prop_flat_map(move |at| {
                payload(cases[at].ty.as_ref()).prop_map(move |value| Value::Variant(at as u32, value.map(Into::into)))
            })
            .boxed(),
        ValueType::Enum(cases) => (0..cases.len() as u32).prop_map(Value::Enum).boxed(),
        ValueType::Option(inner) => proptest::option::of(value_of((*inner).clone()))
            .prop_map(|inner| Value::Option(inner.map(Into::into)))
            .boxed(),
        ValueType::Result { ok, err } => {
            prop_oneof![payload(ok.as_deref()).prop_map(Value::ok), payload(err.as_deref()).prop_map(Value::err)]
                .boxed()
        }
        ValueType::Flags(names) => {
            any::<u32>().prop_map(move |bits| Value::Flags(bits & (u32::MAX >> (32 - names.len())))).boxed()
        }
    }
}

/// Types, each with a value of it.
pub fn typed_value() -> impl Strategy<Value = (ValueType, Value)> {
    value_type().prop_flat_map(|ty| (Just(ty.clone()), value_of(ty)))
}

fn payload(ty: Option<&ValueType>) -> BoxedStrategy<Option<Value>> {
    match ty {
        None => Just(None).boxed(),
        Some(ty) => value_of(ty.clone()).prop_map(Some).boxed(),
    }
}

fn canonical_f32(v: f32) -> f32 {
    if v.is_nan() { f32::from_bits(0x7fc0_0000) } else { v }
}

fn canonical_f64(v: f64) -> f64 {
    if v.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { v }
}
