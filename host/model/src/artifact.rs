//! [`ArtifactRef`]: bytes that are kept elsewhere, named by their digest.

/// Names bytes that are kept in a store of artifacts: a large value in its binary form, or the bytes of a blob.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ArtifactRef {
    /// BLAKE3 of the bytes.
    pub digest: [u8; 32],
    /// Their length in bytes.
    pub length: u64,
}

impl ArtifactRef {
    /// The digest as 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        use std::fmt::Write as _;
        self.digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
