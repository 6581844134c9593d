//! [`Shape`]: a value type made ready for lifting and lowering: offsets, sizes and numbers of core values, worked out once.
//!
//! Source: the component model's `CanonicalABI.md` ("Flattening", "Element Size", "Alignment").

use taskhost_model::ValueType;
use taskhost_model::layout::{self, Layout};
use taskhost_model::list::is_packable;

/// A value type made ready for crossing into and out of a guest.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(super) kind: Kind,
    pub(super) size: usize,
    pub(super) align: usize,
    /// How many core values it takes when it travels as parameters or results of a core function. Their types do not matter to the
    /// host: each is a slot of 64 bits, narrower ones zero-extended, which is also how the cases of a variant share a slot.
    pub(super) flat_count: usize,
    /// Whether a value may hold blobs.
    pub(super) has_blobs: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    /// A list kept as one image of bytes.
    Packed {
        element: ValueType,
        element_size: usize,
        element_align: usize,
    },
    List {
        element_type: ValueType,
        element: Box<Shape>,
    },
    Record(Vec<Part>),
    Tuple(Vec<Part>),
    Enum {
        cases: u32,
    },
    Flags {
        known: u32,
    },
    Variant(Cases),
    Option(Cases),
    Result(Cases),
    /// A handle.
    Blob,
}

/// A field of a record, an item of a tuple.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) offset: usize,
    pub(super) shape: Shape,
}

/// The cases of a variant, option (none, some) or result (ok, err).
#[derive(Debug)]
pub(super) struct Cases {
    pub(super) tag_size: usize,
    pub(super) payload_offset: usize,
    pub(super) payloads: Vec<Option<Shape>>,
}

impl Shape {
    /// The shape of `ty`.
    pub(crate) fn of(ty: &ValueType) -> Shape {
        let Layout { size, align } = Layout::of(ty);
        let (kind, flat_count) = kind_of(ty);
        Shape { kind, size, align, flat_count, has_blobs: ty.has_blobs() }
    }

    /// The shape of a function's parameters together: a tuple.
    pub(crate) fn of_parameters(types: &[ValueType]) -> Shape {
        Shape::of(&ValueType::tuple(types.iter().cloned()))
    }

    /// Whether a value may hold blobs.
    pub(crate) fn has_blobs(&self) -> bool {
        self.has_blobs
    }

    /// How many core values it takes.
    pub(crate) fn flat_count(&self) -> usize {
        self.flat_count
    }
}

fn kind_of(ty: &ValueType) -> (Kind, usize) {
    match ty {
        ValueType::Bool => (Kind::Bool, 1),
        ValueType::S8 => (Kind::S8, 1),
        ValueType::U8 => (Kind::U8, 1),
        ValueType::S16 => (Kind::S16, 1),
        ValueType::U16 => (Kind::U16, 1),
        ValueType::S32 => (Kind::S32, 1),
        ValueType::U32 => (Kind::U32, 1),
        ValueType::S64 => (Kind::S64, 1),
        ValueType::U64 => (Kind::U64, 1),
        ValueType::F32 => (Kind::F32, 1),
        ValueType::F64 => (Kind::F64, 1),
        ValueType::Char => (Kind::Char, 1),
        ValueType::String => (Kind::String, 2),
        ValueType::Blob => (Kind::Blob, 1),
        ValueType::List(element) => (list_kind(element), 2),
        ValueType::Record(fields) => {
            let (parts, flat) = parts_of(fields.iter().map(|field| &field.ty));
            (Kind::Record(parts), flat)
        }
        ValueType::Tuple(items) => {
            let (parts, flat) = parts_of(items.iter());
            (Kind::Tuple(parts), flat)
        }
        ValueType::Enum(cases) => (Kind::Enum { cases: cases.len() as u32 }, 1),
        ValueType::Flags(names) => {
            let known = if names.len() >= 32 { u32::MAX } else { (1 << names.len()) - 1 };
            (Kind::Flags { known }, 1)
        }
        ValueType::Variant(cases) => {
            let (cases, flat) = cases_of(cases.iter().map(|case| case.ty.as_ref()));
            (Kind::Variant(cases), flat)
        }
        ValueType::Option(inner) => {
            let (cases, flat) = cases_of([None, Some(&**inner)].into_iter());
            (Kind::Option(cases), flat)
        }
        ValueType::Result { ok, err } => {
            let (cases, flat) = cases_of([ok.as_deref(), err.as_deref()].into_iter());
            (Kind::Result(cases), flat)
        }
    }
}

fn list_kind(element: &ValueType) -> Kind {
    if is_packable(element) {
        let Layout { size, align } = Layout::of(element);
        Kind::Packed { element: element.clone(), element_size: size, element_align: align }
    } else {
        Kind::List { element_type: element.clone(), element: Box::new(Shape::of(element)) }
    }
}

fn parts_of<'a>(types: impl Iterator<Item = &'a ValueType>) -> (Vec<Part>, usize) {
    let (mut parts, mut flat_count, mut end) = (Vec::new(), 0, 0);
    for ty in types {
        let shape = Shape::of(ty);
        let offset = layout::align_to(end, shape.align);
        end = offset + shape.size;
        flat_count += shape.flat_count;
        parts.push(Part { offset, shape });
    }
    (parts, flat_count)
}

fn cases_of<'a>(types: impl Iterator<Item = Option<&'a ValueType>>) -> (Cases, usize) {
    let payloads: Vec<Option<Shape>> = types.map(|ty| ty.map(Shape::of)).collect();
    let flat_count = 1 + payloads.iter().flatten().map(|shape| shape.flat_count).max().unwrap_or(0);
    let tag_size = layout::discriminant_size(payloads.len());
    let payload_align = payloads.iter().flatten().map(|shape| shape.align).max().unwrap_or(1);
    let payload_offset = layout::align_to(tag_size, payload_align);
    (Cases { tag_size, payload_offset, payloads }, flat_count)
}
