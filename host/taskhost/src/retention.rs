//! Runs that are kept for some time only: those that ended longer ago are deleted, beside a run that begins, at most once an hour.
//!
//! On a thread of its own with a store of its own: the run does not wait for it, neither when it begins nor when it ends. If the process ends
//! before it is done, the next run goes on.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use taskhost_store::{Retention, Store, StoreError, StoreOptions};

/// How often.
const EVERY: Duration = Duration::from_secs(3_600);

/// Values and blobs that nobody has used for so long are collected, if no run needs them.
const UNUSED: Duration = Duration::from_secs(15 * 60);

/// Begins to delete what ended longer than `age` ago, unless that was done within the last hour or is being done.
pub(crate) fn begin(folder: &Path, options: &StoreOptions, age: Duration) {
    let (folder, options) = (folder.to_owned(), options.clone());
    // Without a thread it is done beside a later run.
    let _ = thread::Builder::new().name("taskhost-retention".into()).spawn(move || {
        // What went wrong is tried again in an hour; nobody is there to be told.
        if let Ok(Some(turn)) = Turn::take(&folder) {
            let _ = delete(&folder, &options, age);
            turn.done();
        }
    });
}

fn delete(folder: &Path, options: &StoreOptions, age: Duration) -> Result<(), StoreError> {
    let store = Store::open_with(folder, options)?;
    store.retain(&Retention { age_max: Some(age), runs_max: None })?;
    store.collect_artifacts(UNUSED)?;
    store.collect_elsewhere().map(drop)
}

/// The right to do it now: a locked file, whose time of change is when it was done.
struct Turn(File);

impl Turn {
    fn take(folder: &Path) -> io::Result<Option<Turn>> {
        let path: PathBuf = folder.join("runs").join("retained");
        let is_new = !path.exists();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        if is_new {
            // It counts as done only once it is.
            file.set_modified(SystemTime::UNIX_EPOCH)?;
        }
        let age = SystemTime::now().duration_since(file.metadata()?.modified()?).unwrap_or_default();
        Ok((age >= EVERY).then_some(Turn(file)))
    }

    fn done(self) {
        // If it cannot be noted it is done again, which does no harm.
        let _ = self.0.set_modified(SystemTime::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_done_once_in_an_hour_and_by_one_at_a_time() {
        let folder = std::env::temp_dir().join(format!("taskhost-retention-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("runs")).expect("a folder");
        let take = || Turn::take(&folder).expect("a file");
        drop(take().expect("the first, which dies"));
        let turn = take().expect("the second");
        assert!(take().is_none(), "somebody does it");
        turn.done();
        assert!(take().is_none(), "it is done");
        let file = File::options().write(true).open(folder.join("runs/retained")).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_secs(3_601)).expect("a time");
        drop(file);
        assert!(take().is_some(), "an hour has passed");
        let _ = std::fs::remove_dir_all(folder);
    }
}
