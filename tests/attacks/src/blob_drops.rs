//! Appends to blobs without end, and drops each unfinished one: what was written counts all the same.
//! limits.blobs = "8 MiB"
//! limits.cpu = "5 s"
//! expect: wrote more than its 8 MiB of blobs
//! needs: limits.blobs

use taskhost_task::BlobWriter;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let piece = vec![1; 1 << 20];
    while std::hint::black_box(true) {
        BlobWriter::new().append(&piece);
    }
    Ok("appended".to_owned())
}
