//! `--watch`: waits until something has changed that a build or a test reads.
//!
//! Looks at times and sizes a few times a second: that works on every file system, in containers and over networks too, and a project has
//! some hundred files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::error::Error;
use crate::fresh;
use crate::progress::Progress;
use crate::project::Project;
use crate::testing;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(300);

/// How often it is asked whether somebody wants it to stop.
const ASK: Duration = Duration::from_millis(50);

/// How long all is to be quiet after a change: an editor writes several files, and a file in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// A project's files as they were at some time.
#[derive(PartialEq, Eq, Debug)]
pub struct Snapshot(BTreeMap<PathBuf, Option<(u64, SystemTime)>>);

impl Snapshot {
    /// As they are now. Taken before a build, so that what changes meanwhile is seen afterwards.
    pub fn of(project: &Project) -> Snapshot {
        let mut paths = fresh::inputs(project);
        paths.push(project.folder.join(testing::FILE));
        Snapshot(paths.into_iter().map(|path| (path.clone(), mark(&path))).collect())
    }

    /// Waits until they are different, and gives the first file that is.
    pub fn changed(&self, project: &Project, progress: &dyn Progress) -> Result<PathBuf, Error> {
        let mut looked = Instant::now();
        loop {
            if progress.is_interrupted() {
                return Err(Error::Interrupted);
            }
            thread::sleep(ASK);
            if looked.elapsed() < LOOK {
                continue;
            }
            looked = Instant::now();
            if let Some(path) = self.first_difference(&Snapshot::of(project)) {
                settle(project);
                return Ok(path);
            }
        }
    }

    fn first_difference(&self, now: &Snapshot) -> Option<PathBuf> {
        let gone_or_changed = self.0.iter().find(|(path, mark)| now.0.get(*path) != Some(mark));
        let new = || now.0.iter().find(|(path, _)| !self.0.contains_key(*path));
        gone_or_changed.or_else(new).map(|(path, _)| path.clone())
    }
}

/// Waits until nothing changes any more; not for ever, if something does all the time.
fn settle(project: &Project) {
    let mut before = Snapshot::of(project);
    for _ in 0..20 {
        thread::sleep(QUIET);
        let now = Snapshot::of(project);
        if now == before {
            return;
        }
        before = now;
    }
}

fn mark(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}
