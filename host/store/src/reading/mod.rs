//! Reading what is stored: runs and their tasks from the summaries, events and logs from the journal.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

mod events;
mod logs;
mod runs;

pub use events::Events;
pub use logs::{LogLine, LogLines};
pub use runs::{RunFilter, RunState, RunSummary};
pub(crate) use runs::{summary_of, tasks_of};

use crate::artifacts::Artifacts;
use crate::database::{self, Reading};
use crate::error::StoreError;

/// The reading side of a store.
pub(crate) struct Reader {
    pub(crate) file: PathBuf,
    pub(crate) locks: PathBuf,
    pub(crate) artifacts: Artifacts,
    /// Opened when it is first asked: a run that succeeds never reads.
    connection: Mutex<Option<Reading>>,
}

impl Reader {
    pub(crate) fn new(file: PathBuf, locks: PathBuf, artifacts: Artifacts) -> Reader {
        Reader { file, locks, artifacts, connection: Mutex::new(None) }
    }

    /// Asks the database, one after another.
    pub(crate) fn ask<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = match &mut *connection {
            Some(reading) => reading,
            none => none.insert(database::open_for_reading(&self.file)?),
        };
        ask(&reading.connection)
    }
}
