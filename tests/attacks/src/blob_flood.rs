//! Appends to a blob without end.
//! limits.blobs = "8 MiB"
//! limits.cpu = "5 s"
//! expect: wrote more than its 8 MiB of blobs
//! needs: limits.blobs

use taskhost_task::BlobWriter;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let (writer, piece) = (BlobWriter::new(), vec![1; 1 << 20]);
    while std::hint::black_box(true) {
        writer.append(&piece);
    }
    Ok("appended".to_owned())
}
