//! [`Records`]: the store of recorded flow runs, opened when it is first needed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use taskhost_store::{Store, StoreOptions};

use crate::error::{HostError, HostErrorKind};
use crate::host::{HostOptions, not_recorded};
use crate::retention;

/// Where runs are recorded.
pub(crate) struct Records {
    folder: Option<PathBuf>,
    options: StoreOptions,
    keep_for: Option<Duration>,
    store: Mutex<Option<Arc<Store>>>,
}

impl Records {
    pub(crate) fn new(options: &HostOptions) -> Records {
        Records {
            folder: options.data_folder_in_use(),
            options: options.store_options(),
            keep_for: options.keep_runs_for,
            store: Mutex::default(),
        }
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
        let opened = Store::open_with(folder, &self.options).map_err(|error| not_recorded(&error))?;
        Ok(Arc::clone(store.insert(Arc::new(opened))))
    }

    /// Forgets what is too old, beside a flow run that begins. Not beside one that is resumed: that may be as old itself.
    pub(crate) fn retain(&self) {
        if let (Some(folder), Some(age)) = (&self.folder, self.keep_for) {
            retention::begin(folder, &self.options, age);
        }
    }
}
