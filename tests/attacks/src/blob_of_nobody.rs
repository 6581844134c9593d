//! Reads a blob by a handle that nobody gave it.
//! expect: unknown handle index

use taskhost_task::Blob;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    // SAFETY: unsound for this guest itself; the host must not mind.
    let blob = unsafe { Blob::from_handle(7) };
    Ok(format!("read {} bytes", blob.read(0.0, 1000).len()))
}
