//! The compact binary form of what a journal keeps: values, events, and what running tasks say. Version 1.
//!
//! Everything can be read without the flow that it came from: a value bears its kinds and, where it is packed, its element type. Two
//! shapes are stored: one value by itself ([`encode_value`]), and a chunk of events or attachments ([`ChunkWriter`]), in which task paths and
//! element types are written once. Both begin with [`VERSION`]. Numbers are LEB128 varints, signed ones in zigzag, floats their bits, texts
//! and lists a count and then their content.
//!
//! Reading takes any bytes: it gives a value or a [`CodecError`] with the offset, never panics, never allocates more than the bytes that are
//! left could fill (times the size of an element), and never nests deeper than [`DEPTH_MAX`]. What it gives is some value, not
//! one of the type that somebody expects: ask [`Value::has_type`](crate::Value::has_type) before use.
//!
//! A value that is large may be kept elsewhere: [`Offload`] is shown what would be written and may give a [`ArtifactRef`](crate::ArtifactRef) instead; [`Resolve`] brings it back.

use std::fmt;

mod call;
mod chunk;
mod outcome;
mod read;
mod value;
mod write;

pub use chunk::{Attached, ChunkReader, ChunkWriter};
pub use read::{Coded, Reader};
pub use value::{
    Large, Offload, REFERENCE_BYTES_MIN, Resolve, ValueReader, ValueWriter, decode_artifact, decode_value,
    decode_value_or_reference, encode_value, encode_value_in_parts, encode_value_or_reference, keep_inline,
    resolve_nothing,
};
pub use write::{bytes as write_bytes, text as write_text, varint as write_number};

/// The first byte of all that is written.
pub const VERSION: u8 = 1;

/// Most levels of a value that is read. Types of components end at 100, so only damaged bytes nest deeper; each level costs stack.
pub const DEPTH_MAX: u32 = 128;

/// Bytes that are not what was expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodecError {
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// Where, in bytes from the beginning.
    pub offset: usize,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.message, self.offset)
    }
}

impl std::error::Error for CodecError {}
