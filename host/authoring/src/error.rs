//! [`Error`]: why a project could not be made, built or tested, by who can mend it.

use std::fmt;
use std::io;
use std::path::Path;

use taskhost_flow::Diagnostics;

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file of the project is wrong; each mistake has its place.
    Rejected(Diagnostics),
    /// A tool did not do its work: what it said is for the author.
    Tool(Box<ToolFailure>),
    /// Anything else, with the way out.
    Message {
        /// Who can mend it.
        kind: ErrorKind,
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// Somebody stopped it.
    Interrupted,
}

/// Who can mend an [`Error`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// Who typed the command: a name, a folder, a tool that is not there.
    Usage,
    /// The author of the project.
    Rejected,
    /// Nobody but us, or whoever looks after this machine.
    Internal,
}

/// A tool that ended with an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToolFailure {
    /// What it was to do, such as `compile with cargo`.
    pub doing: String,
    /// The command, as one would type it.
    pub command: String,
    /// How it ended, such as `exit code 101`.
    pub ending: String,
    /// What it said on stdout and stderr, in this order of arrival.
    pub output: String,
    /// What to do, where that is known.
    pub help: Option<String>,
}

impl Error {
    /// A mistake of who typed the command.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Error {
        Error::Message { kind: ErrorKind::Usage, message: message.into(), help: Some(help.into()) }
    }

    /// A mistake of the project's author that has no place in a TOML file.
    pub fn rejected(message: impl Into<String>, help: Option<String>) -> Error {
        Error::Message { kind: ErrorKind::Rejected, message: message.into(), help }
    }

    /// A bug of ours, or of what we embed.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::Message { kind: ErrorKind::Internal, message: message.into(), help: None }
    }

    /// A file that could not be read or written: `read`, `write`, `make the folder` …
    pub fn file(doing: &str, path: &Path, error: &io::Error) -> Error {
        let text = error.to_string();
        let reason = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
        let message = format!("failed to {doing} `{}`: {reason}", path.display());
        let kind = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => {
                ErrorKind::Usage
            }
            _ => ErrorKind::Internal,
        };
        Error::Message { kind, message, help: None }
    }

    /// Who can mend it; none for a project that somebody stopped.
    pub fn kind(&self) -> Option<ErrorKind> {
        match self {
            Error::Rejected(_) | Error::Tool(_) => Some(ErrorKind::Rejected),
            Error::Message { kind, .. } => Some(*kind),
            Error::Interrupted => None,
        }
    }
}

impl From<Diagnostics> for Error {
    fn from(diagnostics: Diagnostics) -> Error {
        Error::Rejected(diagnostics)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Rejected(diagnostics) => diagnostics.fmt(f),
            Error::Tool(failure) => failure.fmt(f),
            Error::Message { message, help: None, .. } => f.write_str(message),
            Error::Message { message, help: Some(help), .. } => write!(f, "{message}\nhelp: {help}"),
            Error::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl fmt::Display for ToolFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.output.is_empty() {
            writeln!(f, "{}", self.output.trim_end())?;
        }
        write!(f, "failed to {}: `{}` ended with {}", self.doing, self.command, self.ending)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
