//! A guest that reads and writes blobs.

use std::io::{Read, Write};

use exports::test::blobs::tasks::{Either, Guest, Named};
use taskhost_task::{Blob, BlobWriter};
use wasi::config::store;

taskhost_task::world!({ world: "test:blobs/blobs", path: ["../../../wit", "wit"], generate_all });

const MIB: usize = 1 << 20;

struct Blobs;

fn written(bytes: &[u8]) -> Blob {
    let mut writer = BlobWriter::new();
    writer.write_all(bytes).expect("it is appended or the guest ends");
    BlobWriter::finish(writer)
}

fn pieces(data: &Blob, mut take: impl FnMut(&mut [u8])) {
    let (mut reader, mut piece) = (data.reader(), vec![0; MIB]);
    loop {
        match reader.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(length) => take(&mut piece[..length]),
        }
    }
}

impl Guest for Blobs {
    fn make(mib: u32, seed: u32) -> Blob {
        let writer = BlobWriter::new();
        let mut state = seed | 1;
        let mut piece = vec![0; MIB];
        for _ in 0..mib {
            for word in piece.chunks_exact_mut(4) {
                // xorshift32 (Marsaglia, 2003).
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                word.copy_from_slice(&state.to_le_bytes());
            }
            writer.append(&piece);
        }
        BlobWriter::finish(writer)
    }

    fn step(data: Blob) -> Result<Blob, String> {
        let writer = BlobWriter::new();
        pieces(&data, |piece| {
            piece.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
            writer.append(piece);
        });
        Ok(BlobWriter::finish(writer))
    }

    fn sum(data: &Blob) -> u64 {
        let mut sum = 0;
        pieces(data, |piece| sum += piece.iter().map(|byte| u64::from(*byte)).sum::<u64>());
        sum
    }

    fn from_text(text: String) -> Blob {
        written(text.as_bytes())
    }

    fn text(data: Blob) -> Result<String, String> {
        let mut text = String::new();
        data.reader().read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    fn same(data: Blob) -> Blob {
        data
    }

    fn split(data: Blob, parts: u32) -> Vec<Blob> {
        let mut bytes = Vec::new();
        pieces(&data, |piece| bytes.extend_from_slice(piece));
        bytes.chunks(bytes.len().div_ceil(parts.max(1) as usize).max(1)).map(written).collect()
    }

    fn join(parts: Vec<Blob>) -> Blob {
        let writer = BlobWriter::new();
        for part in &parts {
            pieces(part, |piece| writer.append(piece));
        }
        BlobWriter::finish(writer)
    }

    fn length(data: &Blob) -> f64 {
        data.length()
    }

    fn read(data: &Blob, offset: f64, most: u32) -> Vec<u8> {
        data.read(offset, most)
    }

    fn wrap(name: String, content: Option<Blob>) -> Named {
        Named { name, content }
    }

    fn unwrap(named: Named) -> Option<Blob> {
        named.content
    }

    fn lengths(either: Either, (first, more): (u8, Option<Vec<Blob>>)) -> Vec<f64> {
        let either = match either {
            Either::Number(number) => f64::from(number),
            Either::Bytes(blob) => blob.length(),
        };
        let more = more.iter().flatten().map(Blob::length);
        [either, f64::from(first)].into_iter().chain(more).collect()
    }

    fn drop_writers(count: u32) -> u32 {
        (0..count).for_each(|_| BlobWriter::new().append(b"x"));
        count
    }

    fn hold_writers(count: u32) -> u32 {
        let held: Vec<BlobWriter> = (0..count).map(|_| BlobWriter::new()).collect();
        held.len() as u32
    }

    fn waste(mib: u32) -> u32 {
        let (writer, piece) = (BlobWriter::new(), vec![7; MIB]);
        (0..mib).for_each(|_| writer.append(&piece));
        mib
    }

    fn forge(handle: u32) -> Blob {
        // SAFETY: not sound for this guest; what the host makes of it is the question.
        unsafe { Blob::from_handle(handle) }
    }

    fn twice(data: Blob) -> Vec<Blob> {
        let handle = data.take_handle();
        // SAFETY: as above.
        unsafe { vec![Blob::from_handle(handle), Blob::from_handle(handle)] }
    }

    fn writer_as_blob() -> Blob {
        let writer = BlobWriter::new();
        // SAFETY: as above.
        unsafe { Blob::from_handle(writer.take_handle()) }
    }

    fn in_pieces(text: String, size: u32) -> Blob {
        let writer = BlobWriter::new();
        text.as_bytes().chunks(size.max(1) as usize).for_each(|piece| writer.append(piece));
        BlobWriter::finish(writer)
    }

    fn setting(key: String, size: u32) -> Result<Blob, String> {
        let value = store::get(&key).map_err(|error| format!("{error:?}"))?.ok_or("no such setting")?;
        Ok(Blobs::in_pieces(format!("before {value} after"), size))
    }
}

export!(Blobs);
