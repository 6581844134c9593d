//! [`Store`]: a folder of runs, open.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use taskhost_model::seams::Blobs;
use taskhost_model::{FlowRunEnding, FlowRunId, RunEvent};

use crate::artifacts::Artifacts;
use crate::blobs::StoreBlobs;
use crate::cache::ResultCache;
use crate::database;
use crate::elsewhere::Elsewhere;
use crate::error::{At, StoreError};
use crate::journal::RunJournal;
use crate::owner::{self, OwnerLock};
use crate::queue::Queue;
use crate::reading::{Events, LogLines, Reader, RunFilter, RunState, RunSummary};
use crate::record::RunRecord;
use crate::shared::SharedArtifacts;
use crate::writer::Writer;
use crate::writer::runs::RunShared;
use taskhost_model::fold::TaskReport;
use taskhost_model::task_pattern::TaskPattern;

/// How a store is opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreOptions {
    /// How long events are gathered before they are committed together. Longer is less work for the disk, and more that a crash may lose.
    pub gather: Duration,
    /// Most bytes of the database; beyond it, the disk counts as full. Artifacts do not count.
    pub bytes_max: Option<u64>,
    /// URL of a store of artifacts that several computers reach (`s3://bucket/prefix`, `gs://…`, `az://…`, `file:///…`): large values and
    /// blobs are put there before anything refers to them, and the folder holds copies. None keeps them in the folder alone.
    pub artifacts: Option<String>,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions { gather: Duration::from_millis(3), bytes_max: None, artifacts: None }
    }
}

/// A folder of runs. Dropping it writes what waits.
///
/// ```
/// use taskhost_model::seams::Journal;
/// use taskhost_model::{FlowRunId, RunEvent, FlowRunEnding, event::Timed};
/// use taskhost_store::{RunRecord, RunState, Store};
///
/// let folder = std::env::temp_dir().join(format!("taskhost-store-example-{}", std::process::id()));
/// let store = Store::open(&folder)?;
/// let id = FlowRunId::new(1_790_000_000_000, 7);
/// let record = RunRecord { flow: "hello".into(), ..RunRecord::empty(id, 1_790_000_000_000) };
/// let journal = store.create(record, || println!("somebody asks to cancel it"))?;
///
/// let ending = RunEvent::FlowRunEnded(FlowRunEnding::Succeeded(vec![]));
/// journal.append(Timed { at: std::time::Duration::from_millis(5), event: ending })?;
/// journal.flush()?;
/// assert_eq!(store.run(id)?.state, RunState::Succeeded);
/// assert_eq!(store.events(id)?.count(), 1);
/// # drop(store);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Store {
    pub(crate) reader: Arc<Reader>,
    queue: Option<Arc<Queue>>,
    thread: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens the store in `folder`; makes it if need be.
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        Store::open_with(folder, &StoreOptions::default())
    }

    /// Opens the store in `folder`, in another way than usual.
    pub fn open_with(folder: &Path, options: &StoreOptions) -> Result<Store, StoreError> {
        let reader = Store::reader(folder, options)?;
        make_private(&reader.locks)?;
        make_private(reader.artifacts.folder())?;
        let connection = database::open_for_writing(&reader.file, options.bytes_max)?;
        let writer = Writer::new(connection, reader.file.clone(), reader.artifacts.clone());
        let queue = Arc::new(Queue::default());
        let thread = writer.spawn(Arc::clone(&queue), options.gather)?;
        Ok(Store { reader, queue: Some(queue), thread: Some(thread) })
    }

    /// Opens the store in `folder` to look at it: works as long as the files can be read, and changes nothing.
    pub fn open_for_reading(folder: &Path) -> Result<Store, StoreError> {
        Store::open_for_reading_with(folder, &StoreOptions::default())
    }

    /// The same with artifacts that may have to be fetched from elsewhere: into the folder, which is the only change.
    pub fn open_for_reading_with(folder: &Path, options: &StoreOptions) -> Result<Store, StoreError> {
        let reader = Store::reader(folder, options)?;
        // What is wrong with the file is told now.
        reader.ask(|_| Ok(()))?;
        Ok(Store { reader, queue: None, thread: None })
    }

    fn reader(folder: &Path, options: &StoreOptions) -> Result<Arc<Reader>, StoreError> {
        let runs = folder.join("runs");
        let elsewhere = options.artifacts.as_deref().map(Elsewhere::new).transpose()?.map(Arc::new);
        let artifacts = Artifacts::new(folder.join("artifacts")).with_elsewhere(elsewhere);
        Ok(Arc::new(Reader::new(runs.join("journal.sqlite"), runs.join("locks"), artifacts)))
    }

    pub(crate) fn queue(&self) -> Result<&Arc<Queue>, StoreError> {
        self.queue.as_ref().ok_or_else(|| StoreError::ReadOnly(self.reader.file.clone()))
    }

    /// The file with the journals.
    pub fn file(&self) -> &Path {
        &self.reader.file
    }

    /// Begins a run, which this process carries out. `on_cancel` is called, on a thread of its own, each time that somebody asks to cancel it.
    pub fn create(
        &self,
        record: RunRecord,
        on_cancel: impl Fn() + Send + Sync + 'static,
    ) -> Result<Arc<RunJournal>, StoreError> {
        let queue = self.queue()?;
        let id = record.id;
        let lock = OwnerLock::take(&self.reader.locks, id)?;
        let shared = Arc::new(RunShared::default());
        let (given, on_cancel) = (Arc::clone(&shared), Arc::new(on_cancel));
        let number = queue.call(move |writer| writer.begin(&record, lock, given, on_cancel))?;
        Ok(Arc::new(RunJournal::new(id, number, Arc::clone(queue), shared, Duration::ZERO)))
    }

    /// Goes on with a run that was interrupted, failed or was cancelled; from now on this process carries it out. Its events so far are to be
    /// read, and not to be appended again.
    pub fn claim(
        &self,
        id: FlowRunId,
        on_cancel: impl Fn() + Send + Sync + 'static,
    ) -> Result<Arc<RunJournal>, StoreError> {
        let queue = self.queue()?;
        let lock = OwnerLock::take(&self.reader.locks, id)?;
        let shared = Arc::new(RunShared::default());
        let (given, on_cancel) = (Arc::clone(&shared), Arc::new(on_cancel));
        let (number, at) = queue.call(move |writer| writer.resume(id, lock, given, on_cancel))?;
        Ok(Arc::new(RunJournal::new(id, number, Arc::clone(queue), shared, at)))
    }

    /// Gives a claimed run back as it was, before anything was added to it.
    pub fn give_back(&self, was: &RunSummary) -> Result<(), StoreError> {
        let (id, state, ended) = (was.id, was.state, was.ended.and_then(|ended| i64::try_from(ended).ok()));
        if !matches!(state, RunState::Failed | RunState::Cancelled) {
            return Ok(());
        }
        self.queue()?.call(move |writer| writer.give_back(id, state, ended))
    }

    /// Asks whichever process carries the run out to cancel it; it notices within about a quarter of a second. Gives how often it was asked so far.
    pub fn request_cancel(&self, id: FlowRunId) -> Result<u32, StoreError> {
        self.reader.number(id)?;
        if !owner::is_held(&self.reader.locks, id) {
            return Err(StoreError::NotRunning(id));
        }
        self.queue()?.call(move |writer| writer.request_cancel(id))
    }

    /// Runs, newest first.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<RunSummary>, StoreError> {
        self.reader.runs(filter, Err)
    }

    /// Runs, newest first, and what is wrong with those that cannot be read: one that is damaged hides no other.
    pub fn readable_runs(&self, filter: &RunFilter) -> Result<(Vec<RunSummary>, Vec<StoreError>), StoreError> {
        let mut damaged = Vec::new();
        let runs = self.reader.runs(filter, |error| {
            damaged.push(error);
            Ok(())
        })?;
        Ok((runs, damaged))
    }

    /// The run whose printed id is `part`, or begins or ends with it.
    pub fn find(&self, part: &str) -> Result<FlowRunId, StoreError> {
        self.reader.find(part)
    }

    /// A run, without its tasks.
    pub fn run(&self, id: FlowRunId) -> Result<RunSummary, StoreError> {
        self.reader.run(id)
    }

    /// What a run was started with.
    pub fn record(&self, id: FlowRunId) -> Result<RunRecord, StoreError> {
        let reader = &self.reader;
        let mut failure = None;
        let mut resolve = |reference: &_| {
            reader.artifacts.value(reference).map_err(|error| {
                let message = error.to_string();
                failure = Some(error);
                message
            })
        };
        let record = reader.ask(|connection| RunRecord::read(id, connection, &reader.file, &mut resolve));
        record.map_err(|error| failure.unwrap_or(error))
    }

    /// The tasks of a run, in the order in which they were met.
    pub fn tasks(&self, id: FlowRunId) -> Result<Vec<TaskReport>, StoreError> {
        self.reader.tasks(id)
    }

    /// The events of a run, in order. Large values are fetched as their events are reached.
    pub fn events(&self, id: FlowRunId) -> Result<Events, StoreError> {
        Events::new(Arc::clone(&self.reader), id)
    }

    /// How a run ended, with its outputs; none if it has not. No other event is read, but for a few before it.
    pub fn ending(&self, id: FlowRunId) -> Result<Option<FlowRunEnding>, StoreError> {
        let mut ending = None;
        for event in self.events(id)?.last()? {
            ending = match event?.event {
                RunEvent::FlowRunEnded(end) => Some(end),
                _ => None,
            };
        }
        Ok(ending)
    }

    /// Lines of a run's log: those after `position` (0: from the first), of some task runs or of all.
    /// A call gives some thousands; ask again with the position that it gives, until it stays.
    pub fn logs(&self, id: FlowRunId, tasks: Option<&TaskPattern>, position: u64) -> Result<LogLines, StoreError> {
        self.reader.logs(id, tasks, position)
    }

    /// Results that may be used again.
    pub fn cache(&self) -> ResultCache {
        ResultCache { reader: Arc::clone(&self.reader), queue: self.queue.clone() }
    }

    /// Large values.
    pub fn artifacts(&self) -> &Artifacts {
        &self.reader.artifacts
    }

    /// The way to exchange artifacts with others; none without a place elsewhere.
    pub fn shared(&self) -> Option<SharedArtifacts> {
        SharedArtifacts::new(self.reader.artifacts.clone(), self.queue.clone())
    }

    /// Where the tasks of its runs keep blobs.
    pub fn blobs(&self) -> Arc<dyn Blobs> {
        Arc::new(StoreBlobs { artifacts: self.reader.artifacts.clone(), queue: self.queue.clone() })
    }

    /// Waits until all that was added is on the disk.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.queue()?.flush()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.close();
        }
        if let Some(thread) = self.thread.take() {
            // A panic of its own was told to whoever waited for it.
            let _ = thread.join();
        }
    }
}

/// A folder that only this user sees: values of runs are nobody else's business.
fn make_private(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).at(&place(folder))
}

/// The folder that could not be made: the nearest that is there is the one that cannot be written.
fn place(folder: &Path) -> PathBuf {
    folder.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(folder).to_owned()
}
