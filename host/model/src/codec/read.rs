//! [`Reader`]: bytes from front to back, every step of which may find that they are damaged.

use std::time::Duration;

use super::CodecError;
use super::write::LONG_DURATION;

/// What has a binary form that needs nothing around it.
pub trait Coded: Sized {
    /// Appends it to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads it.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError>;
}

/// Bytes, and how far they are read.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Elements that a list makes room for at once; it grows as further ones are really there.
const ROOM: usize = 1024;

impl<'a> Reader<'a> {
    /// At the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    /// After the first `at` bytes.
    pub(super) fn continued(bytes: &'a [u8], at: usize) -> Reader<'a> {
        Reader { bytes, at: at.min(bytes.len()) }
    }

    /// How many bytes are read.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Whether everything is read.
    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// An error if bytes are left.
    pub fn end(&self) -> Result<(), CodecError> {
        if self.is_at_end() { Ok(()) } else { Err(self.error("more bytes than expected")) }
    }

    /// An error at this place.
    pub fn error(&self, message: impl Into<String>) -> CodecError {
        CodecError { message: message.into(), offset: self.at }
    }

    fn error_at(&self, offset: usize, message: impl Into<String>) -> CodecError {
        CodecError { message: message.into(), offset }
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next byte.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, CodecError> {
        let byte = *self.bytes.get(self.at).ok_or_else(|| self.error("ends too early"))?;
        self.at += 1;
        Ok(byte)
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        if count > self.left() {
            return Err(self.error(format!("ends too early: wants {count} bytes, {} are left", self.left())));
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let bytes = self.take(N)?;
        Ok(*bytes.first_chunk().expect("as many as were taken"))
    }

    /// A byte that is 0 or 1.
    pub(super) fn flag(&mut self) -> Result<bool, CodecError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.error_at(self.at - 1, format!("{other} is neither yes nor no"))),
        }
    }

    /// An unsigned number.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, CodecError> {
        let start = self.at;
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.error_at(start, "a number of more than 64 bits"))
    }

    /// An unsigned number of a smaller type.
    pub fn number<T: TryFrom<u64>>(&mut self) -> Result<T, CodecError> {
        let start = self.at;
        let number = self.varint()?;
        T::try_from(number).map_err(|_| self.error_at(start, format!("the number {number} is too large")))
    }

    /// A signed number of some type.
    pub(super) fn signed<T: TryFrom<i64>>(&mut self) -> Result<T, CodecError> {
        let start = self.at;
        let number = self.varint()?;
        let number = (number >> 1) as i64 ^ -((number & 1) as i64);
        T::try_from(number).map_err(|_| self.error_at(start, format!("the number {number} is too large")))
    }

    /// A count of elements of which each has a byte at least, so that there cannot be more than bytes.
    fn count(&mut self) -> Result<usize, CodecError> {
        let start = self.at;
        let count = self.varint()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.left() => Ok(count),
            _ => Err(self.error_at(start, format!("wants {count} elements, {} bytes are left", self.left()))),
        }
    }

    /// A count and as many elements.
    pub fn list<T>(
        &mut self,
        mut element: impl FnMut(&mut Reader<'a>) -> Result<T, CodecError>,
    ) -> Result<Vec<T>, CodecError> {
        let count = self.count()?;
        let mut list = Vec::with_capacity(count.min(ROOM));
        for _ in 0..count {
            list.push(element(self)?);
        }
        Ok(list)
    }

    /// A length and bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let count = self.count()?;
        self.take(count)
    }

    /// A length and UTF-8.
    pub fn text(&mut self) -> Result<&'a str, CodecError> {
        let bytes = self.bytes()?;
        let start = self.at - bytes.len();
        std::str::from_utf8(bytes).map_err(|error| self.error_at(start + error.valid_up_to(), "no UTF-8"))
    }

    /// A duration.
    pub fn duration(&mut self) -> Result<Duration, CodecError> {
        let start = self.at;
        match self.varint()? {
            LONG_DURATION => {
                let (seconds, nanos) = (self.varint()?, self.number::<u32>()?);
                // More than a second of nanoseconds would carry over, and might overflow.
                if nanos >= 1_000_000_000 {
                    return Err(self.error_at(start, "a duration with more than a second of nanoseconds"));
                }
                Ok(Duration::new(seconds, nanos))
            }
            nanos => Ok(Duration::from_nanos(nanos)),
        }
    }

    /// The version byte; an error if this taskhost does not know it.
    pub(super) fn version(&mut self) -> Result<(), CodecError> {
        match self.byte()? {
            super::VERSION => Ok(()),
            newer if newer > super::VERSION => {
                Err(self.error_at(0, format!("was written in format {newer} by a newer taskhost; update this one")))
            }
            other => Err(self.error_at(0, format!("begins with {other}, which is no format"))),
        }
    }
}
