//! Begins blobs and finishes none: each is a file of the host.
//! expect: had more than its 64 files open
//! needs: limits.files

use taskhost_task::BlobWriter;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut writers = Vec::new();
    while std::hint::black_box(true) {
        writers.push(BlobWriter::new());
    }
    Ok(writers.len().to_string())
}
