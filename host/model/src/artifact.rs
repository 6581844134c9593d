//! [`ArtifactRef`]: bytes that are kept elsewhere, named by their digest.

use std::fmt;
use std::str::FromStr;

/// Names bytes that are kept in a store of artifacts: a large value in its binary form, or the bytes of a blob.
///
/// As text it is `blob:`, the digest in 64 hexadecimal digits, `:` and the length:
///
/// ```
/// use taskhost_model::ArtifactRef;
///
/// let empty = "blob:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262:0";
/// assert_eq!(empty.parse::<ArtifactRef>().map(|blob| blob.to_string()).as_deref(), Ok(empty));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ArtifactRef {
    /// BLAKE3 of the bytes.
    pub digest: [u8; 32],
    /// Their length in bytes.
    pub length: u64,
}

impl ArtifactRef {
    /// The name of these bytes, which are given in parts.
    pub fn of(parts: &[&[u8]]) -> ArtifactRef {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        ArtifactRef { digest: *hasher.finalize().as_bytes(), length: hasher.count() }
    }
}

impl fmt::Display for ArtifactRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("blob:")?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, ":{}", self.length)
    }
}

/// A text that names no bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoArtifactRef;

impl fmt::Display for NoArtifactRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not of the form `blob:DIGEST:LENGTH`")
    }
}

impl std::error::Error for NoArtifactRef {}

impl FromStr for ArtifactRef {
    type Err = NoArtifactRef;

    fn from_str(text: &str) -> Result<ArtifactRef, NoArtifactRef> {
        let (hex, length) = text.strip_prefix("blob:").and_then(|rest| rest.split_once(':')).ok_or(NoArtifactRef)?;
        let is_number = !length.is_empty() && length.bytes().all(|digit| digit.is_ascii_digit());
        let length = length.parse().ok().filter(|_| is_number).ok_or(NoArtifactRef)?;
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return Err(NoArtifactRef);
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| match digit {
                b'0'..=b'9' => Ok(digit - b'0'),
                b'a'..=b'f' => Ok(digit - b'a' + 10),
                _ => Err(NoArtifactRef),
            };
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(ArtifactRef { digest, length })
    }
}
