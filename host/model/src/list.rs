//! [`List`]: a list of values, packed where its elements allow it.
//!
//! A list of numbers, or of records of numbers, is one shared image of bytes that is laid out as in guest memory
//! ([`crate::layout`]): 64 MiB of `u8` are 64 MiB, and handing them to the next task is one copy. Other lists are one
//! [`Value`] for each element.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::artifact::ArtifactRef;
use crate::layout::{self, Layout};
use crate::types::ValueType;
use crate::value::Value;

/// A list of values of one type. Cheap to clone.
#[derive(Clone, Debug)]
pub struct List(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Packed(Arc<Packed>),
    Values(Arc<[Value]>),
}

/// Invariant: `image` is a whole number of valid elements: each `bool` is 0 or 1, each `char` a scalar value, each enum in
/// range, each unused flag and padding byte 0. So equal images are equal lists, and no stray byte of one guest reaches another.
#[derive(Debug)]
struct Packed {
    element: ValueType,
    element_size: usize,
    image: Bytes,
    /// The list's name as an artifact, once somebody knows it.
    artifact: OnceLock<ArtifactRef>,
}

impl Packed {
    fn repr(element: ValueType, element_size: usize, image: Bytes) -> Repr {
        Repr::Packed(Arc::new(Packed { element, element_size, image, artifact: OnceLock::new() }))
    }
}

/// Bytes that are no list of the wanted type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvalidImage(&'static str);

impl std::fmt::Display for InvalidImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidImage {}

impl List {
    /// A `list<u8>`.
    pub fn bytes(bytes: impl Into<Bytes>) -> List {
        List(Packed::repr(ValueType::U8, 1, bytes.into()))
    }

    /// A list of flat elements ([`layout::is_flat`]) from their bytes in guest memory. Bytes without meaning (padding, unused
    /// flags) are set to zero; bytes that are no value of the type are an error.
    pub fn from_image(element: &ValueType, mut image: Vec<u8>) -> Result<List, InvalidImage> {
        let element_size = Layout::of(element).size;
        if !layout::is_flat(element) || element_size == 0 || !image.len().is_multiple_of(element_size) {
            return Err(InvalidImage("its bytes are not a whole number of elements"));
        }
        if !layout::is_plain(element) {
            for bytes in image.chunks_exact_mut(element_size) {
                normalise(element, bytes)?;
            }
        }
        Ok(List(Packed::repr(element.clone(), element_size, image.into())))
    }

    /// As [`List::from_image`]; without a copy where no byte has to be changed.
    pub(crate) fn from_shared_image(element: &ValueType, image: Bytes) -> Result<List, InvalidImage> {
        let element_size = Layout::of(element).size;
        if !layout::is_plain(element) || element_size == 0 || !image.len().is_multiple_of(element_size) {
            return List::from_image(element, image.to_vec());
        }
        Ok(List(Packed::repr(element.clone(), element_size, image)))
    }

    /// A list of `element`s from values of that type; packed if the type allows it.
    pub fn from_values(element: &ValueType, values: impl IntoIterator<Item = Value>) -> List {
        if !is_packable(element) {
            return List(Repr::Values(values.into_iter().collect()));
        }
        let element_size = Layout::of(element).size;
        let mut image = Vec::new();
        for value in values {
            let start = image.len();
            image.resize(start + element_size, 0);
            write(element, &value, &mut image[start..]);
        }
        List(Packed::repr(element.clone(), element_size, image.into()))
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Packed(packed) => packed.image.len() / packed.element_size,
            Repr::Values(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<Value> {
        match &self.0 {
            Repr::Packed(packed) => {
                let start = index.checked_mul(packed.element_size)?;
                packed
                    .image
                    .get(start..start.checked_add(packed.element_size)?)
                    .map(|bytes| read(&packed.element, bytes))
            }
            Repr::Values(values) => values.get(index).cloned(),
        }
    }

    /// The elements in `range`, or as many of them as there are; a packed list shares its bytes.
    pub fn slice(&self, range: std::ops::Range<usize>) -> List {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        List(match &self.0 {
            Repr::Packed(packed) => {
                let Packed { element, element_size, image, .. } = &**packed;
                let image = image.slice(start * element_size..end * element_size);
                Packed::repr(element.clone(), *element_size, image)
            }
            Repr::Values(values) => Repr::Values(values[start..end].iter().cloned().collect()),
        })
    }

    /// The elements in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Value> + '_ {
        (0..self.len()).map(|index| self.get(index).expect("an index below the length"))
    }

    /// The bytes as in guest memory, if the list is packed.
    pub fn image(&self) -> Option<&Bytes> {
        match &self.0 {
            Repr::Packed(packed) => Some(&packed.image),
            Repr::Values(_) => None,
        }
    }

    /// The element type and the bytes as in guest memory, if the list is packed.
    pub(crate) fn packed(&self) -> Option<(&ValueType, &Bytes)> {
        match &self.0 {
            Repr::Packed(packed) => Some((&packed.element, &packed.image)),
            Repr::Values(_) => None,
        }
    }

    /// The name of a packed list as an artifact, from `compute` the first time.
    pub(crate) fn artifact(&self, compute: impl FnOnce() -> ArtifactRef) -> ArtifactRef {
        match &self.0 {
            Repr::Packed(packed) => *packed.artifact.get_or_init(compute),
            Repr::Values(_) => compute(),
        }
    }

    /// A list of values that do not allow to be packed.
    pub fn unpacked(values: Vec<Value>) -> List {
        List(Repr::Values(values.into()))
    }

    /// The bytes of a `list<u8>`.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Repr::Packed(packed) if packed.element == ValueType::U8 => Some(&packed.image),
            _ => None,
        }
    }

    /// The elements, if the list is not packed.
    pub fn values(&self) -> Option<&[Value]> {
        match &self.0 {
            Repr::Packed(_) => None,
            Repr::Values(values) => Some(values),
        }
    }

    /// Whether this is a list of `element`s, packed if they allow it.
    pub(crate) fn has_element_type(&self, element: &ValueType) -> bool {
        match &self.0 {
            Repr::Packed(packed) => packed.element == *element,
            Repr::Values(values) => !is_packable(element) && values.iter().all(|value| value.has_type(element)),
        }
    }

    /// Bytes kept in memory, roughly.
    pub fn size_bytes(&self) -> u64 {
        match &self.0 {
            Repr::Packed(packed) => packed.image.len() as u64,
            Repr::Values(values) => values.iter().map(Value::size_bytes).sum(),
        }
    }
}

impl PartialEq for List {
    fn eq(&self, other: &List) -> bool {
        match (&self.0, &other.0) {
            (Repr::Packed(a), Repr::Packed(b)) => a.element == b.element && a.image == b.image,
            (Repr::Values(a), Repr::Values(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for List {}

/// Collects the results of a map in any order, each at its place: a packed list costs no more than its bytes.
#[derive(Debug)]
pub struct ListBuilder {
    element: ValueType,
    slots: Slots,
}

#[derive(Debug)]
enum Slots {
    Packed { element_size: usize, image: Vec<u8> },
    Values(Vec<Value>),
}

impl ListBuilder {
    /// A list of `length` elements, each to be set.
    pub fn new(element: &ValueType, length: usize) -> ListBuilder {
        let slots = if is_packable(element) {
            let element_size = Layout::of(element).size;
            Slots::Packed { element_size, image: vec![0; length * element_size] }
        } else {
            Slots::Values(vec![Value::NONE; length])
        };
        ListBuilder { element: element.clone(), slots }
    }

    /// Puts `value`, which has the element type, at `index`, which is below the length.
    pub fn set(&mut self, index: usize, value: Value) {
        match &mut self.slots {
            Slots::Packed { element_size, image } => {
                let start = index * *element_size;
                write(&self.element, &value, &mut image[start..start + *element_size]);
            }
            Slots::Values(values) => values[index] = value,
        }
    }

    /// The list; elements never set are zero, or `none`.
    pub fn finish(self) -> List {
        match self.slots {
            Slots::Packed { element_size, image } => List(Packed::repr(self.element, element_size, image.into())),
            Slots::Values(values) => List(Repr::Values(values.into())),
        }
    }
}

/// An empty record has no bytes, so a packed list could not tell its length.
pub fn is_packable(element: &ValueType) -> bool {
    layout::is_flat(element) && Layout::of(element).size > 0
}

fn bytes_at<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *bytes.first_chunk().expect("Invariant: an image is a whole number of elements")
}

/// Calls `visit` with each part of a record or tuple and its bytes, and the padding before it.
fn parts<'a>(types: impl Iterator<Item = &'a ValueType>) -> impl Iterator<Item = (&'a ValueType, usize, usize)> {
    let mut offset = 0;
    types.map(move |ty| {
        let part = Layout::of(ty);
        let start = layout::align_to(offset, part.align);
        offset = start + part.size;
        (ty, start, offset)
    })
}

fn unsigned(bytes: &[u8], size: usize) -> u32 {
    match size {
        1 => u32::from(bytes[0]),
        2 => u32::from(u16::from_le_bytes(bytes_at(bytes))),
        _ => u32::from_le_bytes(bytes_at(bytes)),
    }
}

fn read(ty: &ValueType, bytes: &[u8]) -> Value {
    match ty {
        ValueType::Bool => Value::Bool(bytes[0] != 0),
        ValueType::S8 => Value::S8(i8::from_le_bytes(bytes_at(bytes))),
        ValueType::U8 => Value::U8(bytes[0]),
        ValueType::S16 => Value::S16(i16::from_le_bytes(bytes_at(bytes))),
        ValueType::U16 => Value::U16(u16::from_le_bytes(bytes_at(bytes))),
        ValueType::S32 => Value::S32(i32::from_le_bytes(bytes_at(bytes))),
        ValueType::U32 => Value::U32(u32::from_le_bytes(bytes_at(bytes))),
        ValueType::S64 => Value::S64(i64::from_le_bytes(bytes_at(bytes))),
        ValueType::U64 => Value::U64(u64::from_le_bytes(bytes_at(bytes))),
        ValueType::F32 => Value::F32(f32::from_le_bytes(bytes_at(bytes))),
        ValueType::F64 => Value::F64(f64::from_le_bytes(bytes_at(bytes))),
        ValueType::Char => Value::Char(
            char::from_u32(u32::from_le_bytes(bytes_at(bytes))).expect("Invariant: each char is a scalar value"),
        ),
        ValueType::Enum(cases) => Value::Enum(unsigned(bytes, layout::discriminant_size(cases.len()))),
        ValueType::Flags(names) => Value::Flags(unsigned(bytes, layout::flags_size(names.len()))),
        ValueType::Record(fields) => Value::Record(
            parts(fields.iter().map(|field| &field.ty)).map(|(ty, start, end)| read(ty, &bytes[start..end])).collect(),
        ),
        ValueType::Tuple(items) => {
            Value::Tuple(parts(items.iter()).map(|(ty, start, end)| read(ty, &bytes[start..end])).collect())
        }
        _ => unreachable!("Invariant: only flat types are packed"),
    }
}

/// `bytes` are zero before.
fn write(ty: &ValueType, value: &Value, bytes: &mut [u8]) {
    let size = bytes.len();
    match (ty, value) {
        (ValueType::Bool, Value::Bool(v)) => bytes[0] = u8::from(*v),
        (ValueType::S8, Value::S8(v)) => bytes.copy_from_slice(&v.to_le_bytes()),
        (ValueType::U8, Value::U8(v)) => bytes[0] = *v,
        (ValueType::S16, Value::S16(v)) => bytes.copy_from_slice(&v.to_le_bytes()),
        (ValueType::U16, Value::U16(v)) => bytes.copy_from_slice(&v.to_le_bytes()),
        (ValueType::S32, Value::S32(v)) => bytes.copy_from_slice(&v.to_le_bytes()),
        (ValueType::U32, Value::U32(v)) => bytes.copy_from_slice(&v.to_le_bytes()),
        (ValueType::S64, Value::S64(v)) => bytes.copy_from_slice(&v.to_le_bytes()),
        (ValueType::U64, Value::U64(v)) => bytes.copy_from_slice(&v.to_le_bytes()),
        (ValueType::F32, Value::F32(v)) => bytes.copy_from_slice(&v.to_le_bytes()),
        (ValueType::F64, Value::F64(v)) => bytes.copy_from_slice(&v.to_le_bytes()),
        (ValueType::Char, Value::Char(v)) => bytes.copy_from_slice(&u32::from(*v).to_le_bytes()),
        (ValueType::Enum(_), Value::Enum(v)) | (ValueType::Flags(_), Value::Flags(v)) => {
            bytes.copy_from_slice(&v.to_le_bytes()[..size]);
        }
        (ValueType::Record(fields), Value::Record(values)) => {
            for ((ty, start, end), value) in parts(fields.iter().map(|field| &field.ty)).zip(values.iter()) {
                write(ty, value, &mut bytes[start..end]);
            }
        }
        (ValueType::Tuple(items), Value::Tuple(values)) => {
            for ((ty, start, end), value) in parts(items.iter()).zip(values.iter()) {
                write(ty, value, &mut bytes[start..end]);
            }
        }
        _ => unreachable!("Invariant: a value in a list has the list's element type"),
    }
}

/// Checks one element and clears the bytes without meaning.
fn normalise(ty: &ValueType, bytes: &mut [u8]) -> Result<(), InvalidImage> {
    match ty {
        // The Canonical ABI reads every byte but 0 as true.
        ValueType::Bool => bytes[0] = u8::from(bytes[0] != 0),
        ValueType::Char => {
            char::from_u32(u32::from_le_bytes(bytes_at(bytes)))
                .ok_or(InvalidImage("a char is no Unicode scalar value"))?;
        }
        ValueType::Enum(cases) if unsigned(bytes, bytes.len()) as usize >= cases.len() => {
            return Err(InvalidImage("an enum has no such case"));
        }
        ValueType::Flags(names) => {
            let known = if names.len() >= 32 { u32::MAX } else { (1 << names.len()) - 1 };
            let size = bytes.len();
            let kept = unsigned(bytes, size) & known;
            bytes.copy_from_slice(&kept.to_le_bytes()[..size]);
        }
        ValueType::Record(fields) => normalise_parts(fields.iter().map(|field| &field.ty), bytes)?,
        ValueType::Tuple(items) => normalise_parts(items.iter(), bytes)?,
        _ => {}
    }
    Ok(())
}

fn normalise_parts<'a>(types: impl Iterator<Item = &'a ValueType>, bytes: &mut [u8]) -> Result<(), InvalidImage> {
    let mut used = 0;
    for (ty, start, end) in parts(types) {
        bytes[used..start].fill(0);
        normalise(ty, &mut bytes[start..end])?;
        used = end;
    }
    bytes[used..].fill(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(text: &str) -> ValueType {
        text.parse().expect("a type")
    }

    #[test]
    fn flat_records_are_packed_and_read_back_equal() {
        let element = ty("record { a: u8, b: f64, c: bool, d: char, e: enum { x, y }, f: flags { p, q } }");
        let record = Value::record([
            Value::U8(7),
            Value::F64(f64::NAN),
            Value::Bool(true),
            Value::Char('ß'),
            Value::Enum(1),
            Value::Flags(0b10),
        ]);
        let list = List::from_values(&element, [record.clone(), record.clone()]);
        assert!(list.image().is_some());
        assert_eq!(list.get(1), Some(record));
        assert_eq!(list.get(2), None);
    }

    #[test]
    fn padding_and_unused_bits_of_a_guest_are_cleared() {
        let element = ty("tuple<u8, bool, u32>");
        let list = List::from_image(&element, vec![1, 0xff, 0xaa, 0xbb, 2, 0, 0, 0]).expect("valid");
        assert_eq!(list.image().expect("packed").as_ref(), [1, 1, 0, 0, 2, 0, 0, 0]);
        let flags = List::from_image(&ty("flags { a, b }"), vec![0xff]).expect("valid");
        assert_eq!(flags.get(0), Some(Value::Flags(0b11)));
    }

    #[test]
    fn bytes_that_are_no_value_are_refused() {
        assert!(List::from_image(&ty("enum { a }"), vec![1]).is_err());
        assert!(List::from_image(&ty("char"), 0xd800_u32.to_le_bytes().to_vec()).is_err());
        assert!(List::from_image(&ty("u32"), vec![0; 5]).is_err());
        assert!(List::from_image(&ty("string"), vec![0; 8]).is_err());
    }

    #[test]
    fn builder_takes_elements_in_any_order() {
        for element in ["u64", "option<u64>"] {
            let element = ty(element);
            let value = |n| match element {
                ValueType::U64 => Value::U64(n),
                _ => Value::some(Value::U64(n)),
            };
            let mut builder = ListBuilder::new(&element, 3);
            for n in [2, 0, 1] {
                builder.set(n, value(n as u64));
            }
            assert_eq!(builder.finish().iter().collect::<Vec<_>>(), [value(0), value(1), value(2)]);
        }
    }

    #[test]
    fn a_list_of_empty_records_keeps_its_length() {
        let element = ValueType::record([]);
        assert_eq!(List::from_values(&element, [Value::record([]), Value::record([])]).len(), 2);
    }
}
