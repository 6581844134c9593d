//! The binary form of a [`Value`]: a tag for each part, so that it can be read without its type. A packed list is its element type, as
//! text, and its image.

use std::sync::Arc;

use bytes::Bytes;

use super::read::Reader;
use super::{CodecError, DEPTH_MAX, VERSION, write};
use crate::artifact::ArtifactRef;
use crate::list::List;
use crate::types::ValueType;
use crate::value::Value;

/// A value of fewer bytes is always written in its place.
pub const REFERENCE_BYTES_MIN: usize = 4 << 10;

/// Element types that are remembered at once; further ones are written each time.
const TYPES_MAX: usize = 64;

/// Kinds of parts. Their numbers are in stored journals: never change one, only add.
mod tag {
    pub(super) const NOTHING: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    pub(super) const S8: u8 = 3;
    pub(super) const U8: u8 = 4;
    pub(super) const S16: u8 = 5;
    pub(super) const U16: u8 = 6;
    pub(super) const S32: u8 = 7;
    pub(super) const U32: u8 = 8;
    pub(super) const S64: u8 = 9;
    pub(super) const U64: u8 = 10;
    pub(super) const F32: u8 = 11;
    pub(super) const F64: u8 = 12;
    pub(super) const CHAR: u8 = 13;
    pub(super) const STRING: u8 = 14;
    pub(super) const PACKED: u8 = 15;
    pub(super) const LIST: u8 = 16;
    pub(super) const RECORD: u8 = 17;
    pub(super) const TUPLE: u8 = 18;
    pub(super) const CASE: u8 = 19;
    pub(super) const CASE_WITH: u8 = 20;
    pub(super) const ENUM: u8 = 21;
    pub(super) const NONE: u8 = 22;
    pub(super) const SOME: u8 = 23;
    pub(super) const OK: u8 = 24;
    pub(super) const OK_WITH: u8 = 25;
    pub(super) const ERR: u8 = 26;
    pub(super) const ERR_WITH: u8 = 27;
    pub(super) const FLAGS: u8 = 28;
    pub(super) const REFERENCE: u8 = 29;
    pub(super) const BLOB: u8 = 30;
}

/// Shown a value of at least [`REFERENCE_BYTES_MIN`]; keeps it and says where, or gives none to have it written in its place.
pub type Offload<'a> = dyn FnMut(&Large<'_>) -> Option<ArtifactRef> + 'a;

/// A large value, and its binary form as of [`encode_value`].
pub struct Large<'a> {
    value: &'a Value,
    head: &'a [u8],
    image: &'a [u8],
}

impl Large<'_> {
    /// The value.
    pub fn value(&self) -> &Value {
        self.value
    }

    /// Bytes of its binary form.
    pub fn length(&self) -> usize {
        self.head.len() + self.image.len()
    }

    /// Its binary form, in two parts.
    pub fn parts(&self) -> [&[u8]; 2] {
        [self.head, self.image]
    }

    /// Its name. That of a packed list is computed once, however often the list is written.
    pub fn artifact(&self) -> ArtifactRef {
        let compute = || ArtifactRef::of(&self.parts());
        match self.value {
            Value::List(list) => list.artifact(compute),
            _ => compute(),
        }
    }
}

/// Brings back what [`Offload`] kept. An error's text is lower case, no full stop.
pub type Resolve<'a> = dyn FnMut(&ArtifactRef) -> Result<Value, String> + 'a;

/// Offloads nothing.
pub fn keep_inline(_: &Large<'_>) -> Option<ArtifactRef> {
    None
}

/// Knows no other place.
pub fn resolve_nothing(_: &ArtifactRef) -> Result<Value, String> {
    Err("a reference where a value belongs".into())
}

/// Appends `value`, readable by itself.
pub fn encode_value(value: &Value, out: &mut Vec<u8>) {
    out.push(VERSION);
    Written::default().value(value, out);
}

/// As [`encode_value`], in two parts; the second one is shared with the value, if that is a packed list.
pub fn encode_value_in_parts(value: &Value) -> (Vec<u8>, Bytes) {
    let mut head = vec![VERSION];
    let image = Written::default().head(value, &mut head);
    (head, image.cloned().unwrap_or_default())
}

/// Reads what [`encode_value`] wrote, which is known to be the artifact of this name. A packed list shares the bytes, and knows its name.
pub fn decode_artifact(artifact: &ArtifactRef, bytes: &Bytes) -> Result<Value, CodecError> {
    let mut reader = Reader::new(bytes);
    reader.version()?;
    if bytes.get(reader.offset()) != Some(&tag::PACKED) {
        return decode_value(bytes);
    }
    reader.byte()?;
    let element = ReadTypes::default().element_type(&mut reader)?;
    let length = reader.bytes()?.len();
    reader.end()?;
    let image = bytes.slice(bytes.len() - length..);
    let list = List::from_shared_image(&element, image).map_err(|error| reader.error(error.to_string()))?;
    list.artifact(|| *artifact);
    Ok(Value::List(list))
}

/// Reads what [`encode_value`] wrote, all of it.
pub fn decode_value(bytes: &[u8]) -> Result<Value, CodecError> {
    decode_value_or_reference(bytes, &mut resolve_nothing)
}

/// As [`encode_value`], or where it is kept. Gives the blobs that the value names.
pub fn encode_value_or_reference(value: &Value, out: &mut Vec<u8>, offload: &mut Offload<'_>) -> Vec<ArtifactRef> {
    out.push(VERSION);
    let mut slots = Slots::default();
    slots.write(Some(value), out, offload);
    slots.take_blobs()
}

/// Reads what [`encode_value_or_reference`] wrote, all of it.
pub fn decode_value_or_reference(bytes: &[u8], resolve: &mut Resolve<'_>) -> Result<Value, CodecError> {
    let mut reader = Reader::new(bytes);
    reader.version()?;
    let value = ReadTypes::default().slot(&mut reader, resolve)?;
    reader.end()?;
    value.ok_or_else(|| reader.error("there is no value"))
}

/// Writes places that hold a value, a reference, or nothing.
#[derive(Default)]
pub(super) struct Slots {
    types: Written,
    /// For a value that may be offloaded.
    scratch: Vec<u8>,
}

impl Slots {
    /// Forgets all types: what follows is read by itself.
    pub(super) fn restart(&mut self) {
        self.types.types.clear();
    }

    /// The blobs that were named since the last call.
    pub(super) fn take_blobs(&mut self) -> Vec<ArtifactRef> {
        std::mem::take(&mut self.types.blobs)
    }

    #[inline]
    pub(super) fn write(&mut self, value: Option<&Value>, out: &mut Vec<u8>, offload: &mut Offload<'_>) {
        let Some(value) = value else { return out.push(tag::NOTHING) };
        if may_be_large(value)
            && let Some(reference) = self.offload(value, offload)
        {
            out.push(tag::REFERENCE);
            return artifact(&reference, out);
        }
        self.types.value(value, out);
    }

    fn offload(&mut self, value: &Value, offload: &mut Offload<'_>) -> Option<ArtifactRef> {
        self.scratch.clear();
        // What is kept elsewhere cannot lean on the types of its neighbours.
        self.scratch.push(VERSION);
        let mut written = Written::default();
        let image = written.head(value, &mut self.scratch);
        let large = Large { value, head: &self.scratch, image: image.map_or(&[], |image| image) };
        let reference = (large.length() >= REFERENCE_BYTES_MIN).then(|| offload(&large)).flatten();
        if reference.is_some() {
            self.types.blobs.append(&mut written.blobs);
        }
        if self.scratch.capacity() > 1 << 20 {
            self.scratch = Vec::new();
        }
        reference
    }
}

/// Whether it is worth a look at its bytes. A quick answer for the many values that are numbers.
#[inline]
fn may_be_large(value: &Value) -> bool {
    match value {
        Value::String(_) | Value::List(_) | Value::Record(_) | Value::Tuple(_) => {
            value.size_bytes() >= REFERENCE_BYTES_MIN as u64
        }
        Value::Variant(_, Some(inner))
        | Value::Option(Some(inner))
        | Value::Result(Ok(Some(inner)) | Err(Some(inner))) => may_be_large(inner),
        _ => false,
    }
}

/// Writes values one after another, for a [`ValueReader`]: an element type that occurs again is written once.
#[derive(Default)]
pub struct ValueWriter(Slots);

impl ValueWriter {
    /// Appends a value, or that there is none. A large one may be kept elsewhere.
    pub fn write(&mut self, value: Option<&Value>, out: &mut Vec<u8>, offload: &mut Offload<'_>) {
        self.0.write(value, out, offload);
    }

    /// The blobs that were named since the last call.
    pub fn take_blobs(&mut self) -> Vec<ArtifactRef> {
        self.0.take_blobs()
    }
}

/// Reads what a [`ValueWriter`] wrote.
#[derive(Default, Debug)]
pub struct ValueReader(ReadTypes);

impl ValueReader {
    /// The next value, brought back if it was kept elsewhere; or that there is none.
    pub fn read(&mut self, reader: &mut Reader<'_>, resolve: &mut Resolve<'_>) -> Result<Option<Value>, CodecError> {
        self.0.slot(reader, resolve)
    }
}

/// What was written.
#[derive(Default)]
struct Written {
    /// Element types, so that the next list of the same type names a number.
    types: Vec<ValueType>,
    blobs: Vec<ArtifactRef>,
}

impl Written {
    fn element_type(&mut self, element: &ValueType, out: &mut Vec<u8>) {
        if let Some(at) = self.types.iter().position(|known| known == element) {
            return write::varint(out, at as u64 + 1);
        }
        write::varint(out, 0);
        write::text(out, &element.to_string());
        if self.types.len() < TYPES_MAX {
            self.types.push(element.clone());
        }
    }

    fn value(&mut self, value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Bool(v) => out.push(if *v { tag::TRUE } else { tag::FALSE }),
            Value::S8(v) => out.extend([tag::S8, *v as u8]),
            Value::U8(v) => out.extend([tag::U8, *v]),
            Value::S16(v) => signed(tag::S16, i64::from(*v), out),
            Value::U16(v) => unsigned(tag::U16, u64::from(*v), out),
            Value::S32(v) => signed(tag::S32, i64::from(*v), out),
            Value::U32(v) => unsigned(tag::U32, u64::from(*v), out),
            Value::S64(v) => signed(tag::S64, *v, out),
            Value::U64(v) => unsigned(tag::U64, *v, out),
            Value::F32(v) => fixed(tag::F32, &v.to_bits().to_le_bytes(), out),
            Value::F64(v) => fixed(tag::F64, &v.to_bits().to_le_bytes(), out),
            Value::Char(v) => unsigned(tag::CHAR, u64::from(u32::from(*v)), out),
            Value::String(v) => {
                out.push(tag::STRING);
                write::text(out, v);
            }
            Value::List(v) => self.list(v, out),
            Value::Record(v) => self.values(tag::RECORD, v, out),
            Value::Tuple(v) => self.values(tag::TUPLE, v, out),
            Value::Variant(case, inner) => {
                let tag = if inner.is_some() { tag::CASE_WITH } else { tag::CASE };
                unsigned(tag, u64::from(*case), out);
                self.inner(inner.as_ref(), out);
            }
            Value::Enum(case) => unsigned(tag::ENUM, u64::from(*case), out),
            Value::Option(inner) => self.either(inner, tag::NONE, tag::SOME, out),
            Value::Result(Ok(inner)) => self.either(inner, tag::OK, tag::OK_WITH, out),
            Value::Result(Err(inner)) => self.either(inner, tag::ERR, tag::ERR_WITH, out),
            Value::Flags(bits) => unsigned(tag::FLAGS, u64::from(*bits), out),
            Value::Blob(blob) => {
                out.push(tag::BLOB);
                artifact(blob, out);
                self.blobs.push(**blob);
            }
        }
    }

    fn either(&mut self, inner: &Option<Arc<Value>>, without: u8, with: u8, out: &mut Vec<u8>) {
        out.push(if inner.is_some() { with } else { without });
        self.inner(inner.as_ref(), out);
    }

    fn inner(&mut self, inner: Option<&Arc<Value>>, out: &mut Vec<u8>) {
        if let Some(inner) = inner {
            self.value(inner, out);
        }
    }

    fn list(&mut self, list: &List, out: &mut Vec<u8>) {
        match (self.packed(list, out), list.values()) {
            (Some(image), _) => out.extend_from_slice(image),
            (None, values) => self.values(tag::LIST, values.unwrap_or_default(), out),
        }
    }

    /// Writes a packed list but for its bytes, which are to follow; nothing of another one.
    fn packed<'v>(&mut self, list: &'v List, out: &mut Vec<u8>) -> Option<&'v Bytes> {
        let (element, image) = list.packed()?;
        out.push(tag::PACKED);
        self.element_type(element, out);
        write::varint(out, image.len() as u64);
        Some(image)
    }

    /// Writes a value, but for the bytes of a packed list, which are to follow.
    fn head<'v>(&mut self, value: &'v Value, out: &mut Vec<u8>) -> Option<&'v Bytes> {
        if let Value::List(list) = value
            && let Some(image) = self.packed(list, out)
        {
            return Some(image);
        }
        self.value(value, out);
        None
    }

    fn values(&mut self, tag: u8, values: &[Value], out: &mut Vec<u8>) {
        unsigned(tag, values.len() as u64, out);
        for value in values {
            self.value(value, out);
        }
    }
}

#[inline]
fn unsigned(tag: u8, number: u64, out: &mut Vec<u8>) {
    out.push(tag);
    write::varint(out, number);
}

#[inline]
fn signed(tag: u8, number: i64, out: &mut Vec<u8>) {
    out.push(tag);
    write::signed(out, number);
}

fn artifact(reference: &ArtifactRef, out: &mut Vec<u8>) {
    out.extend_from_slice(&reference.digest);
    write::varint(out, reference.length);
}

fn read_artifact(reader: &mut Reader<'_>) -> Result<ArtifactRef, CodecError> {
    Ok(ArtifactRef { digest: reader.array()?, length: reader.varint()? })
}

fn fixed(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

/// Element types that were read.
#[derive(Default, Debug)]
pub(super) struct ReadTypes(Vec<ValueType>);

impl ReadTypes {
    /// A place: a value, a reference, or nothing.
    pub(super) fn slot(
        &mut self,
        reader: &mut Reader<'_>,
        resolve: &mut Resolve<'_>,
    ) -> Result<Option<Value>, CodecError> {
        let start = reader.offset();
        match reader.byte()? {
            tag::NOTHING => Ok(None),
            tag::REFERENCE => {
                let reference = read_artifact(reader)?;
                resolve(&reference).map(Some).map_err(|message| CodecError { message, offset: start })
            }
            tag => self.value(tag, reader, DEPTH_MAX).map(Some),
        }
    }

    fn nested(&mut self, reader: &mut Reader<'_>, depth: u32) -> Result<Value, CodecError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(reader.error(format!("nests deeper than {DEPTH_MAX} levels")));
        };
        let tag = reader.byte()?;
        self.value(tag, reader, depth)
    }

    fn value(&mut self, tag: u8, reader: &mut Reader<'_>, depth: u32) -> Result<Value, CodecError> {
        Ok(match tag {
            tag::FALSE => Value::Bool(false),
            tag::TRUE => Value::Bool(true),
            tag::S8 => Value::S8(reader.byte()? as i8),
            tag::U8 => Value::U8(reader.byte()?),
            tag::S16 => Value::S16(reader.signed()?),
            tag::U16 => Value::U16(reader.number()?),
            tag::S32 => Value::S32(reader.signed()?),
            tag::U32 => Value::U32(reader.number()?),
            tag::S64 => Value::S64(reader.signed()?),
            tag::U64 => Value::U64(reader.varint()?),
            tag::F32 => Value::F32(f32::from_bits(u32::from_le_bytes(reader.array()?))),
            tag::F64 => Value::F64(f64::from_bits(u64::from_le_bytes(reader.array()?))),
            tag::CHAR => {
                let number = reader.number()?;
                Value::Char(char::from_u32(number).ok_or_else(|| reader.error("a char is no Unicode scalar value"))?)
            }
            tag::STRING => Value::string(reader.text()?),
            tag::PACKED => Value::List(self.packed(reader)?),
            tag::LIST => Value::List(List::unpacked(self.values(reader, depth)?)),
            tag::RECORD => Value::Record(self.values(reader, depth)?.into()),
            tag::TUPLE => Value::Tuple(self.values(reader, depth)?.into()),
            tag::CASE => Value::Variant(reader.number()?, None),
            tag::CASE_WITH => Value::Variant(reader.number()?, Some(self.nested(reader, depth)?.into())),
            tag::ENUM => Value::Enum(reader.number()?),
            tag::NONE => Value::NONE,
            tag::SOME => Value::some(self.nested(reader, depth)?),
            tag::OK => Value::ok(None),
            tag::OK_WITH => Value::ok(Some(self.nested(reader, depth)?)),
            tag::ERR => Value::err(None),
            tag::ERR_WITH => Value::err(Some(self.nested(reader, depth)?)),
            tag::FLAGS => Value::Flags(reader.number()?),
            tag::BLOB => Value::Blob(read_artifact(reader)?.into()),
            other => return Err(reader.error(format!("{other} is no kind of value"))),
        })
    }

    fn values(&mut self, reader: &mut Reader<'_>, depth: u32) -> Result<Vec<Value>, CodecError> {
        reader.list(|reader| self.nested(reader, depth))
    }

    fn packed(&mut self, reader: &mut Reader<'_>) -> Result<List, CodecError> {
        let element = self.element_type(reader)?;
        let image = reader.bytes()?.to_vec();
        List::from_image(&element, image).map_err(|error| reader.error(error.to_string()))
    }

    fn element_type(&mut self, reader: &mut Reader<'_>) -> Result<ValueType, CodecError> {
        let number: usize = reader.number()?;
        if let Some(at) = number.checked_sub(1) {
            return self.0.get(at).cloned().ok_or_else(|| reader.error("names a type that was not written before"));
        }
        let text = reader.text()?;
        let element: ValueType = text.parse().map_err(|error| reader.error(format!("no element type: {error}")))?;
        if self.0.len() < TYPES_MAX {
            self.0.push(element.clone());
        }
        Ok(element)
    }
}
