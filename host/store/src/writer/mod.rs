//! [`Writer`]: the one thread of a store that writes. It takes what waits, encodes it, and commits: one row for each run.
//!
//! A commit in WAL mode with `synchronous = NORMAL` survives the death of the process, but not that of the machine; `FULL` survives both and costs
//! a wait for the disk of some milliseconds. The end of a run is `FULL`, and so is whatever somebody flushes. The start of a run becomes so when
//! the writer next looks around, a quarter of a second later at most: a run that is over before has waited for the disk only once.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use taskhost_model::ArtifactRef;
use taskhost_model::codec::Large;

pub(crate) mod runs;
pub(crate) mod sent;
pub(crate) mod table;

use runs::RunWriter;

use crate::artifacts::Artifacts;
use crate::error::{At, StoreError};
use crate::queue::{Batch, Item, Queue};

/// While it owns runs, how often it looks for requests of other processes. SQLite tells nobody of another process's commit, so somebody has to
/// look; `PRAGMA data_version` is a look at a number in shared memory, and only if it has changed a table is read.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A commit that takes so long is told to operators: the disk is what everybody waits for.
const SLOW: Duration = Duration::from_secs(1);

/// Where values go that are too large for a row, and what became of them since the last commit.
pub(crate) struct Offloading {
    pub(crate) artifacts: Artifacts,
    /// Why one could not be kept.
    failure: Option<StoreError>,
}

impl Offloading {
    /// Keeps a value elsewhere; if that fails it stays where it is, and the next commit tells why.
    pub(crate) fn put(&mut self, large: &Large<'_>) -> Option<ArtifactRef> {
        match self.artifacts.put(large.artifact(), &large.parts()) {
            Ok(reference) => Some(reference),
            Err(error) => {
                self.failure.get_or_insert(error);
                None
            }
        }
    }
}

/// What the thread works with.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) file: PathBuf,
    pub(crate) offloading: Offloading,
    /// Those that are carried out by way of this store, by number.
    runs: HashMap<i64, RunWriter>,
    cache: Vec<table::Cached>,
    /// Whether something is committed that may not be on the disk.
    is_behind: bool,
    is_full: bool,
    /// Whether a run has begun, and that is not on the disk for sure.
    has_begun: bool,
    data_version: i64,
    looked: Instant,
}

/// How sure a commit has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    /// Survives the process.
    Normal,
    /// Survives the machine.
    Full,
}

impl Writer {
    pub(crate) fn new(connection: Connection, file: PathBuf, artifacts: Artifacts) -> Writer {
        Writer {
            connection,
            file,
            offloading: Offloading { artifacts, failure: None },
            runs: HashMap::new(),
            cache: Vec::new(),
            is_behind: false,
            is_full: false,
            has_begun: false,
            data_version: 0,
            looked: Instant::now(),
        }
    }

    /// Starts the thread.
    pub(crate) fn spawn(mut self, queue: Arc<Queue>, gather: Duration) -> Result<thread::JoinHandle<()>, StoreError> {
        let file = self.file.clone();
        let work = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| self.work(&queue, gather)));
            let place = self.file.clone();
            // Before the queue tells that nothing is written any more: whoever hears it may open the file anew.
            drop(self);
            queue.die(match ended {
                Ok(()) => StoreError::Closed,
                Err(_) => StoreError::Io { place, detail: "its writer panicked, which is a bug of taskhost".into() },
            });
        };
        thread::Builder::new().name("taskhost-store".into()).spawn(work).at(&file)
    }

    fn work(&mut self, queue: &Queue, gather: Duration) {
        loop {
            let tick = (!self.runs.is_empty()).then(|| LOOK_EVERY.saturating_sub(self.looked.elapsed()));
            let mut batch = queue.take(tick, gather);
            let last = batch.last;
            self.write(&mut batch);
            // With `flush` and nothing to write, what was committed before becomes durable.
            let durable = if batch.flush || last { self.catch_up() } else { !self.is_behind };
            queue.written(&batch, durable);
            if last {
                return;
            }
            if self.looked.elapsed() >= LOOK_EVERY {
                self.look();
            }
        }
    }

    fn write(&mut self, batch: &mut Batch) {
        for item in batch.items.drain(..) {
            match item {
                Item::Event(run, event) => {
                    if let Some(run) = self.runs.get_mut(&run) {
                        run.event(&event, &mut self.offloading);
                    }
                }
                Item::Line(run, line) => {
                    if let Some(run) = self.runs.get_mut(&run) {
                        run.line(&line);
                    }
                }
                Item::Cache(entry) => self.cache.push(table::Cached::of(entry, &mut self.offloading)),
                Item::Call(work) => {
                    self.commit(Durability::Normal);
                    work(self);
                }
                Item::Close(run) => {
                    self.commit(Durability::Normal);
                    // Its lock goes with it: only now may somebody else go on with the run.
                    self.runs.remove(&run);
                }
            }
        }
        self.commit(if batch.flush { Durability::Full } else { Durability::Normal });
    }

    /// Commits what is encoded. If that fails, the runs that are concerned are told so, and take nothing more.
    fn commit(&mut self, wanted: Durability) {
        let changed: Vec<i64> = self.runs.iter().filter(|(_, run)| run.has_changed()).map(|(n, _)| *n).collect();
        let cache = std::mem::take(&mut self.cache);
        if changed.is_empty() && cache.is_empty() {
            return;
        }
        let ends = changed.iter().any(|number| self.runs[number].has_ended());
        let durability = if ends { Durability::Full } else { wanted };
        let uses = changed.iter().flat_map(|number| self.runs[number].uses());
        let named: Vec<ArtifactRef> = uses.chain(cache.iter().flat_map(table::Cached::uses)).copied().collect();
        let result = self.send(&named).and_then(|()| {
            let mut runs = std::mem::take(&mut self.runs);
            let result = self.transaction(durability, |connection| {
                for number in &changed {
                    if let Some(run) = runs.get_mut(number) {
                        run.write(*number, connection)?;
                    }
                }
                cache.iter().try_for_each(|entry| table::put_cached(entry, connection))
            });
            self.runs = runs;
            result
        });
        self.offloading.artifacts.unpin(&named);
        for number in changed {
            if let Some(run) = self.runs.get_mut(&number) {
                run.committed(&result);
            }
        }
    }

    /// Carries out writes in a transaction of their own.
    pub(crate) fn transaction<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let full = durability == Durability::Full;
        if let Some(failure) = self.offloading.failure.take() {
            return Err(failure);
        }
        if full {
            // Invariant: a value or blob is on the disk before the row that refers to it is durable. Whoever names one has placed it before.
            self.offloading.artifacts.sync()?;
        }
        if self.is_full != full {
            let level = if full { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level).at(&self.file)?;
            self.is_full = full;
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&self.file)?;
        let value = work(&transaction).at(&self.file)?;
        let began = Instant::now();
        transaction.commit().at(&self.file)?;
        if began.elapsed() >= SLOW {
            let milliseconds = began.elapsed().as_secs_f64() * 1e3;
            tracing::warn!(target: "taskhost_store", milliseconds, durable = full, "a commit took long: the disk is slow");
        }
        self.is_behind = !full;
        self.has_begun &= !full;
        Ok(value)
    }

    /// Makes durable what is committed; gives whether it is.
    fn catch_up(&mut self) -> bool {
        if self.is_behind {
            let result = self.transaction(Durability::Full, |connection| {
                let sql = "INSERT INTO durable VALUES (1, 1) ON CONFLICT DO UPDATE SET times = times + 1";
                connection.execute(sql, [])
            });
            if let Err(error) = result {
                self.runs.values_mut().for_each(|run| run.committed(&Err(error.clone())));
            }
        }
        // Also if it failed: the runs were told, and nobody shall wait for ever.
        true
    }

    /// Looks for requests of other processes, and for what tasks said last.
    fn look(&mut self) {
        self.looked = Instant::now();
        self.offloading.artifacts.renew_pins();
        self.commit(Durability::Normal);
        if self.has_begun {
            self.catch_up();
        }
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0));
        if version.as_ref() != Ok(&self.data_version) {
            self.data_version = version.unwrap_or_default();
            self.notice_cancels();
        }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}
