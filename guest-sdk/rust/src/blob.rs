//! Bulk data by reference, with the traits of `std::io`.
//!
//! A task whose WIT says `use taskhost:task/blobs@0.1.0.{blob};` takes and gives a [`Blob`]:
//!
//! ```ignore
//! use std::io::{BufRead, BufReader, Write};
//! use taskhost_task::{Blob, BlobWriter};
//!
//! fn upper_case(text: Blob) -> Blob {
//!     let mut upper = BlobWriter::new();
//!     for line in BufReader::new(text.reader()).lines() {
//!         writeln!(upper, "{}", line.unwrap().to_uppercase()).unwrap();
//!     }
//!     BlobWriter::finish(upper)
//! }
//! ```
//!
//! Writes smaller than some KiB are worth a [`std::io::BufWriter`]: each write is a call of the host.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::{Blob, BlobWriter};

/// Most bytes that one call takes or gives.
pub(crate) const PIECE_BYTES_MAX: usize = 4 << 20;

/// Reads a blob from its beginning to its end; made by [`Blob::reader`].
#[derive(Debug)]
pub struct BlobReader<'a> {
    blob: &'a Blob,
    at: u64,
}

impl Blob {
    /// Reads it from the beginning.
    pub fn reader(&self) -> BlobReader<'_> {
        BlobReader { blob: self, at: 0 }
    }
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(PIECE_BYTES_MAX);
        let bytes = self.blob.read(self.at as f64, most as u32);
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

impl Seek for BlobReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(offset) => (self.blob.length() as u64, offset),
            SeekFrom::Current(offset) => (self.at, offset),
        };
        let at = base.checked_add_signed(offset);
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a position before the beginning"))?;
        Ok(self.at)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(PIECE_BYTES_MAX);
        self.append(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
