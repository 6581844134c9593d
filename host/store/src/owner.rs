//! [`OwnerLock`]: which process carries a flow run out. A file that is held locked, so that a process that dies lets go of it at once. Its
//! time tells how long the run takes so far.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use taskhost_model::FlowRunId;

use crate::error::{At, StoreError};

/// How often the lock is tried before it counts as held: whoever only looks holds it for some microseconds.
const TRIES: u32 = 20;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// The sole right to carry out a flow run, until it is dropped.
#[derive(Debug)]
pub(crate) struct OwnerLock {
    file: File,
    path: PathBuf,
}

impl OwnerLock {
    /// Takes it; [`StoreError::Running`] if somebody has it.
    pub(crate) fn take(folder: &Path, id: FlowRunId) -> Result<OwnerLock, StoreError> {
        let path = folder.join(id.to_string());
        for attempt in 0..TRIES {
            if attempt > 0 {
                thread::sleep(PAUSE);
            }
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).at(&path)?;
            match file.try_lock() {
                // The holder before may have removed the file between our opening and locking it: then it is nobody's lock.
                Ok(()) if is_at(&file, &path) => return Ok(OwnerLock { file, path }),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(StoreError::io(&path, &error)),
            }
        }
        Err(StoreError::Running(id))
    }

    /// The run goes on from here, after so long.
    pub(crate) fn goes_on_after(&self, elapsed: Duration) {
        let began = SystemTime::now().checked_sub(elapsed);
        // Without it, only what is told of the run's time while it runs is wrong.
        let _ = began.map(|began| self.file.set_modified(began));
    }
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        // Before the lock is let go, so that nobody locks a file that is about to vanish without noticing.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a process carries the run out.
pub(crate) fn is_held(folder: &Path, id: FlowRunId) -> bool {
    held(folder, id).is_some()
}

/// How long a run takes so far that a process carries out, without pauses before it was resumed; none if no process does.
pub(crate) fn held(folder: &Path, id: FlowRunId) -> Option<Duration> {
    // Shared, so that two who look do not see each other; a file that cannot be opened is nobody's.
    let file = File::open(folder.join(id.to_string())).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| {
        let began = file.metadata().and_then(|metadata| metadata.modified()).ok();
        began.and_then(|began| began.elapsed().ok()).unwrap_or_default()
    })
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if of(&a) == of(&b))
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}
