//! [`SandboxError`]: the sandbox itself could not be set up. What a guest does is never one of these.

use std::fmt;

/// Why the sandbox could not be set up.
#[derive(Debug)]
pub struct SandboxError {
    /// What failed, lower case, no full stop.
    pub message: String,
    /// What to do about it, if known.
    pub help: Option<String>,
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SandboxError {}
