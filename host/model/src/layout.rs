//! Sizes and alignments of the Canonical ABI for a 32-bit guest memory.
//!
//! Source: the component model's `CanonicalABI.md`, sections "Alignment" and "Element Size". Used for packed
//! lists ([`crate::list`]), whose bytes are exactly what a guest's memory holds, and by the sandbox's lift and lower.

use crate::types::ValueType;

/// How a value lies in guest memory, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Size including the padding at the end.
    pub size: usize,
    /// A power of two, at most 8.
    pub align: usize,
}

/// `offset` rounded up to a multiple of `align`, a power of two.
pub const fn align_to(offset: usize, align: usize) -> usize {
    (offset + align - 1) & !(align - 1)
}

impl Layout {
    const fn scalar(size: usize) -> Layout {
        Layout { size, align: size }
    }

    /// The layout of a value of type `ty`.
    pub fn of(ty: &ValueType) -> Layout {
        match ty {
            ValueType::Bool | ValueType::S8 | ValueType::U8 => Layout::scalar(1),
            ValueType::S16 | ValueType::U16 => Layout::scalar(2),
            // A blob is a handle.
            ValueType::S32 | ValueType::U32 | ValueType::F32 | ValueType::Char | ValueType::Blob => Layout::scalar(4),
            ValueType::S64 | ValueType::U64 | ValueType::F64 => Layout::scalar(8),
            // A pointer and a length.
            ValueType::String | ValueType::List(_) => Layout { size: 8, align: 4 },
            ValueType::Record(fields) => Layout::sequence(fields.iter().map(|field| &field.ty)),
            ValueType::Tuple(items) => Layout::sequence(items.iter()),
            ValueType::Enum(cases) => Layout::scalar(discriminant_size(cases.len())),
            ValueType::Flags(names) => Layout::scalar(flags_size(names.len())),
            ValueType::Variant(cases) => Layout::variant(cases.len(), cases.iter().map(|case| case.ty.as_ref())),
            ValueType::Option(inner) => Layout::variant(2, [None, Some(&**inner)].into_iter()),
            ValueType::Result { ok, err } => Layout::variant(2, [ok.as_deref(), err.as_deref()].into_iter()),
        }
    }

    fn sequence<'a>(types: impl Iterator<Item = &'a ValueType>) -> Layout {
        let mut whole = Layout { size: 0, align: 1 };
        for ty in types {
            let part = Layout::of(ty);
            whole.size = align_to(whole.size, part.align) + part.size;
            whole.align = whole.align.max(part.align);
        }
        whole.size = align_to(whole.size, whole.align);
        whole
    }

    fn variant<'a>(cases: usize, payloads: impl Iterator<Item = Option<&'a ValueType>>) -> Layout {
        let tag = discriminant_size(cases);
        let (mut size, mut align) = (0, 1);
        for part in payloads.flatten().map(Layout::of) {
            size = size.max(part.size);
            align = align.max(part.align);
        }
        let whole = tag.max(align);
        Layout { size: align_to(align_to(tag, align) + size, whole), align: whole }
    }
}

/// Bytes of the discriminant of a variant or enum with so many cases: 1, 2 or 4.
pub const fn discriminant_size(cases: usize) -> usize {
    match cases {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

/// Bytes of a flags value with so many names: 1, 2 or 4.
pub const fn flags_size(names: usize) -> usize {
    match names {
        0..=8 => 1,
        9..=16 => 2,
        _ => 4,
    }
}

/// Whether values of this type have no pointers and a fixed set of valid bytes, so that a list of them can be kept packed:
/// numbers, `bool`, `char`, enums, flags, and records and tuples of these.
pub fn is_flat(ty: &ValueType) -> bool {
    match ty {
        ValueType::Bool
        | ValueType::S8
        | ValueType::U8
        | ValueType::S16
        | ValueType::U16
        | ValueType::S32
        | ValueType::U32
        | ValueType::S64
        | ValueType::U64
        | ValueType::F32
        | ValueType::F64
        | ValueType::Char
        | ValueType::Enum(_)
        | ValueType::Flags(_) => true,
        ValueType::Record(fields) => fields.iter().all(|field| is_flat(&field.ty)),
        ValueType::Tuple(items) => items.iter().all(is_flat),
        ValueType::String
        | ValueType::Blob
        | ValueType::List(_)
        | ValueType::Variant(_)
        | ValueType::Option(_)
        | ValueType::Result { .. } => false,
    }
}

/// Whether every bit pattern of so many bytes is a valid value without padding: lists of such need no check when they are copied.
pub fn is_plain(ty: &ValueType) -> bool {
    match ty {
        ValueType::S8
        | ValueType::U8
        | ValueType::S16
        | ValueType::U16
        | ValueType::S32
        | ValueType::U32
        | ValueType::S64
        | ValueType::U64
        | ValueType::F32
        | ValueType::F64 => true,
        ValueType::Record(fields) => is_gapless(ty, fields.iter().map(|field| &field.ty)),
        ValueType::Tuple(items) => is_gapless(ty, items.iter()),
        _ => false,
    }
}

fn is_gapless<'a>(whole: &ValueType, parts: impl Iterator<Item = &'a ValueType> + Clone) -> bool {
    parts.clone().all(is_plain) && parts.map(|part| Layout::of(part).size).sum::<usize>() == Layout::of(whole).size
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str) -> (usize, usize) {
        let layout = Layout::of(&text.parse().expect("a type"));
        (layout.size, layout.align)
    }

    #[test]
    fn layouts_follow_the_canonical_abi() {
        assert_eq!(layout("u8"), (1, 1));
        assert_eq!(layout("string"), (8, 4));
        assert_eq!(layout("tuple<u8, u32, u8>"), (12, 4));
        assert_eq!(layout("record { a: u8, b: u64 }"), (16, 8));
        assert_eq!(layout("option<u8>"), (2, 1));
        assert_eq!(layout("option<u64>"), (16, 8));
        assert_eq!(layout("result<u8, string>"), (12, 4));
        assert_eq!(layout("result"), (1, 1));
        assert_eq!(layout("variant { a, b(u16), c(tuple<u8, u32>) }"), (12, 4));
        assert_eq!(layout("enum { a, b }"), (1, 1));
        assert_eq!(layout("flags { a, b, c, d, e, f, g, h, i }"), (2, 2));
    }

    #[test]
    fn plain_means_no_padding_and_no_invalid_bytes() {
        for (text, plain) in [("u8", true), ("f64", true), ("bool", false), ("char", false), ("tuple<u32, u32>", true)]
        {
            assert_eq!(is_plain(&text.parse().expect("a type")), plain, "{text}");
        }
        assert!(!is_plain(&"tuple<u8, u32>".parse().expect("a type")));
    }
}
