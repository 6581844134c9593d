//! [`CliError`]: why a command ended early. Its kind picks the exit code, its help names the next step.

use std::path::Path;

use serde_json::{Value as Json, json};
use taskhost::HostError;
use taskhost_flow::{Diagnostics, PlanError};

use crate::output::{self, BAD, HELP, styled};
use crate::render;

/// How the process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Exit {
    /// All is well.
    Fine = 0,
    /// A bug of ours, or storage that does not work.
    Internal = 1,
    /// The command line, or a file that it names, is wrong.
    Usage = 2,
    /// The flow or component was rejected.
    Rejected = 3,
    /// The flow run failed.
    RunFailed = 4,
    /// Ctrl-C.
    Interrupted = 130,
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum CliError {
    /// One message.
    Message {
        /// Picks the exit code.
        exit: Exit,
        /// What is wrong, lower case, no full stop.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// Mistakes of a flow.
    Diagnostics(Diagnostics),
    /// Secrets that cannot be had, or where they come from is wrong: nothing ran.
    Secrets(HostError),
    /// Mistakes in the parameters of a flow, or the arguments of a function.
    Parameters(PlanError),
    /// Somebody stopped it.
    Interrupted,
}

impl CliError {
    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> CliError {
        CliError::Message { exit: Exit::Usage, message: message.into(), help: Some(help.into()) }
    }

    /// The flow or component is.
    pub(crate) fn rejected(message: impl Into<String>, help: Option<String>) -> CliError {
        CliError::Message { exit: Exit::Rejected, message: message.into(), help }
    }

    /// We are.
    pub(crate) fn internal(message: impl Into<String>) -> CliError {
        CliError::Message { exit: Exit::Internal, message: message.into(), help: None }
    }

    /// A file that was named on the command line cannot be read.
    pub(crate) fn reading(path: &Path, error: &std::io::Error) -> CliError {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "check the path; it is relative to the current folder",
            std::io::ErrorKind::IsADirectory => "name a file inside the folder",
            std::io::ErrorKind::PermissionDenied => "check the file's permissions",
            _ => "check the path",
        };
        CliError::usage(format!("could not read `{}`: {}", path.display(), reason(error)), help)
    }

    /// A file that was named on the command line cannot be written.
    pub(crate) fn writing(path: &Path, error: &std::io::Error) -> CliError {
        let help = "check that the folder exists and may be written to";
        CliError::usage(format!("could not write `{}`: {}", path.display(), reason(error)), help)
    }

    /// The same, but the command line is not to blame: storage is.
    pub(crate) fn by_storage(self) -> CliError {
        match self {
            CliError::Message { message, help, .. } => CliError::Message { exit: Exit::Internal, message, help },
            other => other,
        }
    }

    /// Why nothing ran, for programs; none if we are to blame.
    pub(crate) fn mistakes_json(&self) -> Option<Json> {
        let one = |code: Option<&str>, message: &str, help: &Option<String>| json!({ "code": code, "severity": "error", "message": message, "help": help });
        match self {
            CliError::Message { exit: Exit::Rejected | Exit::Usage, message, help } => {
                Some(json!([one(None, message, help)]))
            }
            CliError::Message { .. } | CliError::Interrupted => None,
            CliError::Secrets(HostError { message, help, parts, .. }) if parts.is_empty() => {
                Some(json!([one(Some("unusable-secret"), message, help)]))
            }
            CliError::Secrets(HostError { parts, .. }) => {
                let all = parts.iter();
                Some(all.map(|part| one(Some("unusable-secret"), &part.message, &Some(part.help.clone()))).collect())
            }
            CliError::Diagnostics(diagnostics) => Some(render::diagnostics::json(diagnostics)),
            CliError::Parameters(PlanError(errors)) => {
                Some(errors.iter().map(|error| one(Some(error.code), &error.message, &error.help)).collect())
            }
        }
    }

    /// Says it on stderr and gives the exit code.
    pub(crate) fn report(self) -> Exit {
        match self {
            CliError::Message { exit, message, help } => {
                output::stderr(&format!("{} {}\n", styled(BAD, "error:"), output::visible(&message)));
                if let Some(help) = help {
                    output::stderr(&format!("{} {}\n", styled(HELP, "help:"), output::visible(&help)));
                }
                exit
            }
            CliError::Secrets(HostError { parts, .. }) if !parts.is_empty() => {
                for part in parts {
                    CliError::usage(part.message, part.help).report();
                }
                Exit::Usage
            }
            CliError::Secrets(error) => CliError::from(error).report(),
            CliError::Interrupted => Exit::Interrupted,
            CliError::Diagnostics(diagnostics) => {
                output::stderr(&render::diagnostics::text(&diagnostics));
                output::stderr(&format!("{}\n", render::diagnostics::tally(&diagnostics)));
                Exit::Rejected
            }
            CliError::Parameters(PlanError(errors)) => {
                for error in errors {
                    let title = styled(BAD, format!("error[{}]:", error.code));
                    output::stderr(&format!("{title} {}\n", output::visible(&error.message)));
                    if let Some(help) = error.help {
                        output::stderr(&format!("{} {}\n", styled(HELP, "help:"), output::visible(&help)));
                    }
                }
                Exit::Rejected
            }
        }
    }
}

impl From<Diagnostics> for CliError {
    fn from(diagnostics: Diagnostics) -> CliError {
        CliError::Diagnostics(diagnostics)
    }
}

/// The parameters are wrong: each mistake, and what to do about it.
impl From<PlanError> for CliError {
    fn from(error: PlanError) -> CliError {
        CliError::Parameters(error)
    }
}

/// `no such file or directory`, without the operating system's number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_lowercase().chain(characters).collect())
}
