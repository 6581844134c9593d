//! [`Records`]: the store of recorded flow runs, opened when it is first needed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use taskhost_store::Store;

use crate::error::{HostError, HostErrorKind};
use crate::host::not_recorded;

/// Where runs are recorded.
pub(crate) struct Records {
    folder: Option<PathBuf>,
    store: Mutex<Option<Arc<Store>>>,
}

impl Records {
    pub(crate) fn new(folder: Option<PathBuf>) -> Records {
        Records { folder, store: Mutex::default() }
    }

    pub(crate) fn store(&self) -> Result<Arc<Store>, HostError> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*store {
            return Ok(Arc::clone(store));
        }
        let folder = self.folder.as_deref().ok_or_else(|| {
            HostError::new(HostErrorKind::Internal, "the flow run cannot be recorded: this user has no data folder")
                .with_help("set TASKHOST_DATA_FOLDER or HOME, or do without a record: `--no-journal`")
        })?;
        let opened = Arc::new(Store::open(folder).map_err(|error| not_recorded(&error))?);
        Ok(Arc::clone(store.insert(opened)))
    }
}
