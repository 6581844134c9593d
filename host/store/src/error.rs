//! [`StoreError`]: what can be wrong with stored runs, and the way out.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use taskhost_model::FlowRunId;
use taskhost_model::seams::{BlobError, JournalError};

/// Ids that are named when a part of one is not enough.
pub(crate) const CANDIDATES_MAX: usize = 5;

/// What is wrong. Its text is lower case, without a full stop; [`StoreError::help`] is the way out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreError {
    /// Nothing was ever recorded there.
    NoRuns(PathBuf),
    /// A newer taskhost wrote the file, in a form that this one does not know.
    Newer {
        /// The file.
        file: PathBuf,
        /// The version that it has.
        version: u32,
    },
    /// The file is no journal, or part of it is broken.
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found.
        detail: String,
    },
    /// It may not be written there.
    ReadOnly(PathBuf),
    /// The disk is full, or the store has reached its own limit.
    DiskFull(PathBuf),
    /// Other processes held the file for too long.
    Busy(PathBuf),
    /// The system refused for another reason.
    Io {
        /// Which file or folder.
        place: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// No run has this id, or an id that begins like this.
    UnknownRun(String),
    /// Several ids begin like this; the newest of them.
    SeveralRuns {
        /// What was asked for.
        part: String,
        /// Some that may be meant, the newest first.
        ids: Vec<FlowRunId>,
    },
    /// A process carries the run out.
    Running(FlowRunId),
    /// No process carries the run out.
    NotRunning(FlowRunId),
    /// The run succeeded: there is nothing to resume.
    Succeeded(FlowRunId),
    /// A stored value is gone.
    ArtifactMissing(PathBuf),
    /// A stored value is not what was stored.
    ArtifactDamaged(PathBuf),
    /// The store of artifacts elsewhere does not do what it is asked to.
    Elsewhere {
        /// Its URL.
        url: String,
        /// What it said, or why it said nothing.
        detail: String,
    },
    /// A URL that means no store of artifacts.
    BadPlace {
        /// The URL.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The store was closed, or its thread died.
    Closed,
}

impl StoreError {
    /// What to do, lower case, no full stop.
    pub fn help(&self) -> Option<String> {
        let file = |file: &Path| file.display().to_string();
        Some(match self {
            StoreError::NoRuns(_) => "`taskhost run` records the first".into(),
            StoreError::Newer { .. } => {
                "update taskhost, or name another folder with `TASKHOST_DATA_FOLDER` for this one".into()
            }
            StoreError::Damaged { file: path, .. } => format!(
                "what can be saved: `sqlite3 '{}' .recover`; or move the file away, and a new one is begun",
                file(path)
            ),
            StoreError::ReadOnly(_) => "make it writable, or name another folder with `TASKHOST_DATA_FOLDER`".into(),
            StoreError::DiskFull(_) => {
                "make room (`taskhost runs delete`, `taskhost cache clear`), or name a folder on another disk with \
                 `TASKHOST_DATA_FOLDER`"
                    .into()
            }
            StoreError::Busy(_) => "try again; if it stays so, look for a taskhost that hangs".into(),
            StoreError::UnknownRun(_) => "`taskhost runs list` shows those that there are".into(),
            StoreError::SeveralRuns { ids, .. } => {
                let named: Vec<String> = ids.iter().take(CANDIDATES_MAX).map(|id| format!("`{id}`")).collect();
                let more = if ids.len() > named.len() { " and more" } else { "" };
                format!("write more of it; there are {}{more}", named.join(", "))
            }
            StoreError::Running(id) => format!("wait for it, or `taskhost runs cancel {id}`"),
            StoreError::NotRunning(id) => format!("`taskhost runs show {id}` tells how it ended"),
            StoreError::Succeeded(id) => format!("`taskhost runs show {id}` tells its outputs"),
            StoreError::ArtifactMissing(_) | StoreError::ArtifactDamaged(_) => {
                "restore it from a backup, or run the flow again".into()
            }
            StoreError::Elsewhere { .. } => {
                "check the network, the name, and the credentials (AWS_ACCESS_KEY_ID and the like); without `TASKHOST_ARTIFACTS` values \
                 are kept on this computer only"
                    .into()
            }
            StoreError::BadPlace { .. } => {
                "set `TASKHOST_ARTIFACTS` to `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `file:///FOLDER`, or unset it"
                    .into()
            }
            StoreError::Io { .. } | StoreError::Closed => return None,
        })
    }

    /// What SQLite says about `file`.
    pub(crate) fn sqlite(file: &Path, error: &rusqlite::Error) -> StoreError {
        let place = file.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                StoreError::Damaged { file: place, detail: error.to_string() }
            }
            Some(ErrorCode::DiskFull) => StoreError::DiskFull(place),
            Some(ErrorCode::ReadOnly) => StoreError::ReadOnly(place),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(place),
            // A table or column that is not there: somebody else's file, or one that was changed by hand.
            Some(ErrorCode::Unknown) => StoreError::Damaged { file: place, detail: error.to_string() },
            _ => StoreError::Io { place, detail: error.to_string() },
        }
    }

    /// What the system says about `place`.
    pub(crate) fn io(place: &Path, error: &io::Error) -> StoreError {
        let place = place.to_owned();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                StoreError::DiskFull(place)
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly(place),
            _ => StoreError::Io { place, detail: error.to_string() },
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::NoRuns(file) => write!(f, "no runs are recorded: `{}` is not there, or empty", file.display()),
            StoreError::Newer { file, version } => write!(
                f,
                "`{}` was written by a newer taskhost (format {version}, this one knows {})",
                file.display(),
                crate::database::VERSION
            ),
            StoreError::Damaged { file, detail } => write!(f, "`{}` is damaged: {detail}", file.display()),
            StoreError::ReadOnly(place) => write!(f, "`{}` cannot be written", place.display()),
            StoreError::DiskFull(place) => write!(f, "there is no room left for `{}`", place.display()),
            StoreError::Busy(file) => write!(f, "other processes hold `{}`", file.display()),
            StoreError::Io { place, detail } => write!(f, "`{}`: {detail}", place.display()),
            StoreError::UnknownRun(text) => write!(f, "there is no run `{text}`"),
            StoreError::SeveralRuns { part, .. } => write!(f, "several runs have ids that begin or end with `{part}`"),
            StoreError::Running(id) => write!(f, "the run `{id}` is being carried out"),
            StoreError::NotRunning(id) => write!(f, "the run `{id}` is not being carried out"),
            StoreError::Succeeded(id) => write!(f, "the run `{id}` has succeeded"),
            StoreError::ArtifactMissing(path) => write!(f, "a stored value is gone: `{}`", path.display()),
            StoreError::ArtifactDamaged(path) => {
                write!(f, "a stored value is damaged: the content of `{}` has another digest", path.display())
            }
            StoreError::Elsewhere { url, detail } => {
                write!(f, "the store of artifacts `{url}` does not do what it is asked to: {detail}")
            }
            StoreError::BadPlace { url, detail } => write!(f, "`{url}` is no store of artifacts: {detail}"),
            StoreError::Closed => f.write_str("the store is closed"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> JournalError {
        JournalError { message: error.to_string(), help: error.help() }
    }
}

impl From<StoreError> for BlobError {
    fn from(error: StoreError) -> BlobError {
        BlobError { message: error.to_string(), help: error.help() }
    }
}

/// Puts the place to an error.
pub(crate) trait At<T> {
    /// The error is about `place`.
    fn at(self, place: &Path) -> Result<T, StoreError>;
}

impl<T> At<T> for Result<T, rusqlite::Error> {
    fn at(self, place: &Path) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::sqlite(place, &error))
    }
}

impl<T> At<T> for io::Result<T> {
    fn at(self, place: &Path) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::io(place, &error))
    }
}
