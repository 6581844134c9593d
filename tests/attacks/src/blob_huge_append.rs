//! Appends more at once than a call may bring.
//! expect: at most 4 MiB are appended at once

use taskhost_task::BlobWriter;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    BlobWriter::new().append(&vec![1; 5 << 20]);
    Ok("appended".to_owned())
}
