//! [`NatsError`]: why workers cannot be reached, or cannot work.

use std::fmt;

/// What went wrong between this process and NATS. Failures of task runs are no such errors: they are outcomes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NatsError {
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to do instead, if known.
    pub help: Option<String>,
    /// Whether whoever started the process has to mend it: a setting, a file, an address.
    pub is_usage: bool,
}

impl NatsError {
    /// Something that is not as it should be, at the other side or on the way.
    pub(crate) fn new(message: impl Into<String>) -> NatsError {
        NatsError { message: message.into(), help: None, is_usage: false }
    }

    /// A setting that is wrong.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> NatsError {
        NatsError { message: message.into(), help: Some(help.into()), is_usage: true }
    }

    /// With a way out.
    pub(crate) fn help(self, help: impl Into<String>) -> NatsError {
        NatsError { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for NatsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for NatsError {}
