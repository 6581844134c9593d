//! [`ValueType`]: the type of a value between tasks, one variant for each WIT value type.
//!
//! Types are structural: two records with the same fields in the same order are the same type, whatever
//! name their WIT gave them (a component does not carry the names of its records anyway).
//! Reading a type from text is in `types/parse.rs`; sizes in memory are in [`crate::layout`].

use std::fmt;
use std::sync::Arc;

mod parse;

pub use parse::{TYPE_DEPTH_MAX, TypeParseError};

/// The WIT type of a value. Cheap to clone: nested parts are shared.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ValueType {
    /// `bool`
    Bool,
    /// `s8`
    S8,
    /// `u8`
    U8,
    /// `s16`
    S16,
    /// `u16`
    U16,
    /// `s32`
    S32,
    /// `u32`
    U32,
    /// `s64`
    S64,
    /// `u64`
    U64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `char`: a Unicode scalar value
    Char,
    /// `string`
    String,
    /// `list<T>`
    List(Arc<ValueType>),
    /// `record { name: T, … }`
    Record(Arc<[Field]>),
    /// `tuple<T, U, …>`
    Tuple(Arc<[ValueType]>),
    /// `variant { case, case(T), … }`
    Variant(Arc<[Case]>),
    /// `enum { case, … }`
    Enum(Arc<[Arc<str>]>),
    /// `option<T>`
    Option(Arc<ValueType>),
    /// `result<T, E>`; either side may be without a value
    Result {
        /// What `ok` carries.
        ok: Option<Arc<ValueType>>,
        /// What `err` carries.
        err: Option<Arc<ValueType>>,
    },
    /// `flags { name, … }`, at most 32
    Flags(Arc<[Arc<str>]>),
    /// `blob`: bulk data by reference, the resource of `taskhost:task/blobs`
    Blob,
}

/// A field of a record.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Field {
    /// Kebab-case, as in WIT.
    pub name: Arc<str>,
    /// The field's type.
    pub ty: ValueType,
}

/// A case of a variant.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Case {
    /// Kebab-case, as in WIT.
    pub name: Arc<str>,
    /// What the case carries, if anything.
    pub ty: Option<ValueType>,
}

impl ValueType {
    /// `list<element>`.
    pub fn list(element: ValueType) -> ValueType {
        ValueType::List(Arc::new(element))
    }

    /// `option<inner>`.
    pub fn option(inner: ValueType) -> ValueType {
        ValueType::Option(Arc::new(inner))
    }

    /// `result<ok, err>`.
    pub fn result(ok: Option<ValueType>, err: Option<ValueType>) -> ValueType {
        ValueType::Result { ok: ok.map(Arc::new), err: err.map(Arc::new) }
    }

    /// `record { … }` from names and types, in order.
    pub fn record<'a>(fields: impl IntoIterator<Item = (&'a str, ValueType)>) -> ValueType {
        ValueType::Record(fields.into_iter().map(|(name, ty)| Field { name: name.into(), ty }).collect())
    }

    /// `tuple<…>`.
    pub fn tuple(items: impl IntoIterator<Item = ValueType>) -> ValueType {
        ValueType::Tuple(items.into_iter().collect())
    }

    /// Whether a value of this type may hold a blob.
    pub fn has_blobs(&self) -> bool {
        let side = |ty: &Option<Arc<ValueType>>| ty.as_ref().is_some_and(|ty| ty.has_blobs());
        match self {
            ValueType::Blob => true,
            ValueType::List(inner) | ValueType::Option(inner) => inner.has_blobs(),
            ValueType::Record(fields) => fields.iter().any(|field| field.ty.has_blobs()),
            ValueType::Tuple(items) => items.iter().any(ValueType::has_blobs),
            ValueType::Variant(cases) => cases.iter().any(|case| case.ty.as_ref().is_some_and(ValueType::has_blobs)),
            ValueType::Result { ok, err } => side(ok) || side(err),
            _ => false,
        }
    }

    /// The position of a record's field, if this is a record that has it.
    pub fn field(&self, name: &str) -> Option<(usize, &ValueType)> {
        let ValueType::Record(fields) = self else { return None };
        fields.iter().enumerate().find(|(_, field)| &*field.name == name).map(|(at, field)| (at, &field.ty))
    }
}

/// WIT's own notation; records, variants, enums and flags are written out, since their names are not part of a type.
impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueType::Bool => f.write_str("bool"),
            ValueType::S8 => f.write_str("s8"),
            ValueType::U8 => f.write_str("u8"),
            ValueType::S16 => f.write_str("s16"),
            ValueType::U16 => f.write_str("u16"),
            ValueType::S32 => f.write_str("s32"),
            ValueType::U32 => f.write_str("u32"),
            ValueType::S64 => f.write_str("s64"),
            ValueType::U64 => f.write_str("u64"),
            ValueType::F32 => f.write_str("f32"),
            ValueType::F64 => f.write_str("f64"),
            ValueType::Char => f.write_str("char"),
            ValueType::String => f.write_str("string"),
            ValueType::Blob => f.write_str("blob"),
            ValueType::List(element) => write!(f, "list<{element}>"),
            ValueType::Option(inner) => write!(f, "option<{inner}>"),
            ValueType::Tuple(items) => {
                f.write_str("tuple<")?;
                separated(f, items.iter())?;
                f.write_str(">")
            }
            ValueType::Result { ok: None, err: None } => f.write_str("result"),
            ValueType::Result { ok: Some(ok), err: None } => write!(f, "result<{ok}>"),
            ValueType::Result { ok: None, err: Some(err) } => write!(f, "result<_, {err}>"),
            ValueType::Result { ok: Some(ok), err: Some(err) } => write!(f, "result<{ok}, {err}>"),
            ValueType::Record(fields) => {
                f.write_str("record { ")?;
                separated(f, fields.iter())?;
                f.write_str(" }")
            }
            ValueType::Variant(cases) => {
                f.write_str("variant { ")?;
                separated(f, cases.iter())?;
                f.write_str(" }")
            }
            ValueType::Enum(cases) => {
                f.write_str("enum { ")?;
                separated(f, cases.iter())?;
                f.write_str(" }")
            }
            ValueType::Flags(names) => {
                f.write_str("flags { ")?;
                separated(f, names.iter())?;
                f.write_str(" }")
            }
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.ty)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ty {
            Some(ty) => write!(f, "{}({ty})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

fn separated<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = T>) -> fmt::Result {
    for (at, item) in items.enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}
