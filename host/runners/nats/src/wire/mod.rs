//! What hosts and workers send each other through the queues: [`tasks`] one way, [`outcomes`] the other. Version 1.
//!
//! Built from the binary forms of [`taskhost_model::codec`]. Both sides read the other's bytes as they would a stranger's: any bytes give a
//! message or an error. Values of [`OFFLOAD_BYTES_MIN`] and more are not in a message; it names them by digest.

pub(crate) mod outcomes;
pub(crate) mod tasks;

use std::fmt;

use taskhost_model::codec::{CodecError, Large, Reader};
use taskhost_model::{ArtifactRef, Value};

/// The first byte of each message.
const VERSION: u8 = 1;

/// Values of so many bytes go by the object store.
pub(crate) const OFFLOAD_BYTES_MIN: usize = 64 << 10;

/// Names a message to workers: a random number of the host's process, and a count. What becomes of it bears the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct MessageId(pub(crate) [u8; 16]);

impl MessageId {
    pub(crate) fn new(process: u64, count: u64) -> MessageId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&process.to_be_bytes());
        id[8..].copy_from_slice(&count.to_be_bytes());
        MessageId(id)
    }

    /// Of the host's process.
    pub(crate) fn process(&self) -> &[u8] {
        &self.0[..8]
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Values that were left out of a message: to be put where the other side finds them before it is sent.
#[derive(Default)]
pub(crate) struct LeftOut {
    /// Large values.
    pub(crate) values: Vec<(ArtifactRef, Value)>,
    /// Blobs that are named.
    pub(crate) blobs: Vec<ArtifactRef>,
}

impl LeftOut {
    /// For a [`ValueWriter`](taskhost_model::codec::ValueWriter): leaves out values of `bytes_min` and more.
    fn take(&mut self, large: &Large<'_>, bytes_min: usize) -> Option<ArtifactRef> {
        if large.length() < bytes_min {
            return None;
        }
        let reference = large.artifact();
        if !self.values.iter().any(|(known, _)| *known == reference) {
            self.values.push((reference, large.value().clone()));
        }
        Some(reference)
    }
}

fn version(reader: &mut Reader<'_>) -> Result<(), CodecError> {
    match reader.byte()? {
        VERSION => Ok(()),
        other => Err(reader.error(format!("a message of version {other}; this taskhost reads {VERSION}"))),
    }
}
