//! [`Value`]: one value between tasks, the same type from a parameter to the last output.
//!
//! Cheap to clone: text and aggregates are shared and never change. A value does not carry the names of its fields and cases;
//! they are in its [`ValueType`], which whoever holds a value also has. Lists of numbers and of flat
//! records are packed ([`crate::list`]).

use std::sync::Arc;

use crate::artifact::ArtifactRef;
use crate::list::List;
use crate::types::ValueType;

/// A value of any WIT type.
#[derive(Clone, Debug)]
pub enum Value {
    /// `bool`
    Bool(bool),
    /// `s8`
    S8(i8),
    /// `u8`
    U8(u8),
    /// `s16`
    S16(i16),
    /// `u16`
    U16(u16),
    /// `s32`
    S32(i32),
    /// `u32`
    U32(u32),
    /// `s64`
    S64(i64),
    /// `u64`
    U64(u64),
    /// `f32`
    F32(f32),
    /// `f64`
    F64(f64),
    /// `char`
    Char(char),
    /// `string`
    String(Arc<str>),
    /// `list<T>`
    List(List),
    /// `record`: its fields in the order of the type.
    Record(Arc<[Value]>),
    /// `tuple`
    Tuple(Arc<[Value]>),
    /// `variant`: the case's position in the type, and what it carries.
    Variant(u32, Option<Arc<Value>>),
    /// `enum`: the case's position in the type.
    Enum(u32),
    /// `option`
    Option(Option<Arc<Value>>),
    /// `result`
    Result(Result<Option<Arc<Value>>, Option<Arc<Value>>>),
    /// `flags`: bit `n` is the name at position `n` of the type.
    Flags(u32),
    /// `blob`: bulk data, by reference.
    Blob(Arc<ArtifactRef>),
}

impl Value {
    /// Looks at each blob that it names, in order, until one is an error.
    pub fn try_each_blob<E>(&self, look: &mut impl FnMut(&ArtifactRef) -> Result<(), E>) -> Result<(), E> {
        match self {
            Value::Blob(blob) => look(blob),
            Value::Record(items) | Value::Tuple(items) => items.iter().try_for_each(|item| item.try_each_blob(look)),
            Value::List(list) => list.values().unwrap_or_default().iter().try_for_each(|item| item.try_each_blob(look)),
            Value::Variant(_, Some(inner))
            | Value::Option(Some(inner))
            | Value::Result(Ok(Some(inner)) | Err(Some(inner))) => inner.try_each_blob(look),
            _ => Ok(()),
        }
    }

    /// Looks at each blob that it names, in order.
    pub fn each_blob(&self, look: &mut impl FnMut(&ArtifactRef)) {
        let Ok(()) = self.try_each_blob(&mut |blob| {
            look(blob);
            Ok::<(), std::convert::Infallible>(())
        });
    }

    /// A `string`.
    pub fn string(text: impl Into<Arc<str>>) -> Value {
        Value::String(text.into())
    }

    /// A `record`, its fields in the order of the type.
    pub fn record(fields: impl IntoIterator<Item = Value>) -> Value {
        Value::Record(fields.into_iter().collect())
    }

    /// A `tuple`.
    pub fn tuple(items: impl IntoIterator<Item = Value>) -> Value {
        Value::Tuple(items.into_iter().collect())
    }

    /// `some(value)`.
    pub fn some(value: Value) -> Value {
        Value::Option(Some(Arc::new(value)))
    }

    /// `none`.
    pub const NONE: Value = Value::Option(None);

    /// `ok(value)`, or `ok` without a value.
    pub fn ok(value: Option<Value>) -> Value {
        Value::Result(Ok(value.map(Arc::new)))
    }

    /// `err(value)`, or `err` without a value.
    pub fn err(value: Option<Value>) -> Value {
        Value::Result(Err(value.map(Arc::new)))
    }

    /// Whether this is a value of type `ty`, all its parts included.
    pub fn has_type(&self, ty: &ValueType) -> bool {
        let has = |value: &Option<Arc<Value>>, ty: Option<&ValueType>| match (value, ty) {
            (None, None) => true,
            (Some(value), Some(ty)) => value.has_type(ty),
            _ => false,
        };
        match (self, ty) {
            (Value::Bool(_), ValueType::Bool)
            | (Value::S8(_), ValueType::S8)
            | (Value::U8(_), ValueType::U8)
            | (Value::S16(_), ValueType::S16)
            | (Value::U16(_), ValueType::U16)
            | (Value::S32(_), ValueType::S32)
            | (Value::U32(_), ValueType::U32)
            | (Value::S64(_), ValueType::S64)
            | (Value::U64(_), ValueType::U64)
            | (Value::F32(_), ValueType::F32)
            | (Value::F64(_), ValueType::F64)
            | (Value::Char(_), ValueType::Char)
            | (Value::String(_), ValueType::String)
            | (Value::Blob(_), ValueType::Blob)
            | (Value::Option(None), ValueType::Option(_)) => true,
            (Value::List(list), ValueType::List(element)) => list.has_element_type(element),
            (Value::Record(values), ValueType::Record(fields)) => {
                values.len() == fields.len() && values.iter().zip(fields.iter()).all(|(v, field)| v.has_type(&field.ty))
            }
            (Value::Tuple(values), ValueType::Tuple(types)) => {
                values.len() == types.len() && values.iter().zip(types.iter()).all(|(v, ty)| v.has_type(ty))
            }
            (Value::Variant(case, value), ValueType::Variant(cases)) => {
                cases.get(*case as usize).is_some_and(|case| has(value, case.ty.as_ref()))
            }
            (Value::Enum(case), ValueType::Enum(cases)) => (*case as usize) < cases.len(),
            (Value::Option(Some(value)), ValueType::Option(inner)) => value.has_type(inner),
            (Value::Result(Ok(value)), ValueType::Result { ok, .. }) => has(value, ok.as_deref()),
            (Value::Result(Err(value)), ValueType::Result { err, .. }) => has(value, err.as_deref()),
            (Value::Flags(bits), ValueType::Flags(names)) => u64::from(*bits) >> names.len().min(32) == 0,
            _ => false,
        }
    }

    /// Bytes that this value keeps in memory, roughly: what a limit on results counts.
    pub fn size_bytes(&self) -> u64 {
        let inner = match self {
            Value::String(text) => text.len() as u64,
            Value::List(list) => list.size_bytes(),
            // Its name, not its bytes.
            Value::Blob(_) => size_of::<ArtifactRef>() as u64,
            Value::Record(items) | Value::Tuple(items) => items.iter().map(Value::size_bytes).sum(),
            Value::Variant(_, Some(inner))
            | Value::Option(Some(inner))
            | Value::Result(Ok(Some(inner)) | Err(Some(inner))) => inner.size_bytes(),
            _ => 0,
        };
        inner + size_of::<Value>() as u64
    }
}

/// Equal means the same bytes would reach a guest: floats are compared bit by bit, so a NaN equals itself and `0.0` differs from `-0.0`.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::S8(a), Value::S8(b)) => a == b,
            (Value::U8(a), Value::U8(b)) => a == b,
            (Value::S16(a), Value::S16(b)) => a == b,
            (Value::U16(a), Value::U16(b)) => a == b,
            (Value::S32(a), Value::S32(b)) => a == b,
            (Value::U32(a), Value::U32(b)) => a == b,
            (Value::S64(a), Value::S64(b)) => a == b,
            (Value::U64(a), Value::U64(b)) => a == b,
            (Value::F32(a), Value::F32(b)) => a.to_bits() == b.to_bits(),
            (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
            (Value::Char(a), Value::Char(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Record(a), Value::Record(b)) | (Value::Tuple(a), Value::Tuple(b)) => a == b,
            (Value::Variant(a, x), Value::Variant(b, y)) => a == b && x == y,
            (Value::Enum(a), Value::Enum(b)) | (Value::Flags(a), Value::Flags(b)) => a == b,
            (Value::Option(a), Value::Option(b)) => a == b,
            (Value::Result(a), Value::Result(b)) => a == b,
            (Value::Blob(a), Value::Blob(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}
