//! The seams: traits on which crates meet that know nothing else of each other.
//!
//! [`Catalog`] lets `flow` check types without wasmtime; [`Executor`] lets `engine`'s pool run guests without it; [`Runner`]
//! is *where* a task runs; [`Observer`] is told what happens.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use crate::artifact::ArtifactRef;
use crate::event::{Attachment, RunEvent, Timed};
use crate::signature::ComponentSignature;
use crate::task_run::{FlowRunId, RequestId, TaskCall, TaskFailure, TaskRunOutcome, TaskRunReport, TaskRunRequest};

/// What exists: answers the questions of the flow check.
pub trait Catalog {
    /// The signature of the component in the file at `path`.
    fn signature(&self, path: &Path) -> Result<Arc<ComponentSignature>, CatalogError>;
}

/// Why a component cannot be used. The message reads after "component `x` …".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatalogError {
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to do instead, if known.
    pub help: Option<String>,
}

/// Knows the values of secrets.
pub trait Vault: Send + Sync {
    /// The value of a secret; none if it is not known. It is to be told to guests that are granted it, and to nobody else.
    fn secret(&self, name: &str) -> Option<Arc<str>>;
}

/// Keeps blobs: bulk data that tasks hand on by reference.
pub trait Blobs: Send + Sync {
    /// Begins a blob, which is empty.
    fn create(&self) -> Result<Box<dyn BlobWriter>, BlobError>;

    /// The bytes of a blob; they are those of its digest. May take as long as fetching and reading all of it.
    fn open(&self, blob: &ArtifactRef) -> Result<Arc<dyn BlobReader>, BlobError>;
}

/// A blob that is being made. Dropping it leaves nothing behind.
pub trait BlobWriter: Send {
    /// Adds bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> Result<(), BlobError>;

    /// Completes it. An equal blob is kept once.
    fn finish(self: Box<Self>) -> Result<ArtifactRef, BlobError>;
}

/// A blob that is being read.
pub trait BlobReader: Send + Sync {
    /// Fills `into` with the bytes from `offset` on and gives their number, which is smaller than `into` only at the end.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, BlobError>;
}

/// Why a blob could not be kept or brought back. The message reads after "failed to keep a blob: ".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobError {
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to do instead, if known.
    pub help: Option<String>,
}

impl std::fmt::Display for BlobError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BlobError {}

/// Where task runs are reported to: a flow run's dispatcher.
pub trait Reports: Send + Sync {
    /// Task runs ended. Called on the runner's thread; does the scheduling that follows.
    fn ended(&self, report: TaskRunReport);

    /// A running task says something.
    fn attach(&self, task: &Arc<str>, index: u32, attachment: Attachment);
}

/// Where task runs happen. Always answers: each index of each request gets one outcome, and a lost worker is
/// [`TaskFailure::Lost`], so the scheduler has one path for every bad ending.
pub trait Runner: Send + Sync {
    /// Takes requests; returns at once.
    fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>);

    /// Stops all task runs of a flow run; each still gets its outcome. May be called again.
    fn cancel(&self, flow_run: FlowRunId);

    /// Does not start what it has not started yet of a request; each such index is answered with
    /// [`Ending::Cancelled`](crate::Ending::Cancelled). A runner may also carry it out all the same.
    fn withdraw(&self, _flow_run: FlowRunId, _request: RequestId) {}

    /// Whether a thread of it has nothing to do: all that it holds waits for something else.
    fn has_idle_threads(&self) -> bool {
        false
    }

    /// Most task runs that it wants to hold at once, waiting ones included; at least 1.
    fn capacity(&self) -> usize;
}

/// Carries out task runs, one at a time, for a pool of threads.
pub trait Executor: Send + Sync {
    /// Makes ready what all runs of a task share (the compiled component, the function). Cheap when asked again.
    fn prepare(&self, call: &Arc<TaskCall>) -> Result<Arc<dyn PreparedTask>, TaskFailure>;
}

/// A task that is ready to run.
pub trait PreparedTask: Send + Sync {
    /// Starts the run at `index` of `request`. A task that cannot wait ends in here, on the caller's thread.
    fn start(&self, request: &Arc<TaskRunRequest>, index: u32, scope: &RunScope) -> Started;
}

/// What a task run needs of its surroundings.
#[derive(Clone)]
pub struct RunScope {
    /// Whether the flow run was cancelled; looked at while the guest computes.
    pub cancelled: Arc<std::sync::atomic::AtomicBool>,
    /// Where the guest's log and progress go.
    pub reports: Arc<dyn Reports>,
}

/// A task run after its start.
pub enum Started {
    /// It is over.
    Ended(TaskRunOutcome),
    /// It may wait: poll it until it is over. Dropping it stops the guest.
    Waiting(Pin<Box<dyn Future<Output = TaskRunOutcome> + Send>>),
}

/// Remembers what happens in one flow run.
pub trait Journal: Send + Sync {
    /// Takes note of an event. Events become durable in their order, within milliseconds and without holding the caller up; it waits only
    /// if the journal has fallen far behind. What could not be written before is an error now, and from then on.
    fn append(&self, event: Timed<RunEvent>) -> Result<(), JournalError>;

    /// Takes note of what a running task says. May leave out what is too much.
    fn attach(&self, task: &Arc<str>, index: u32, attachment: &Attachment);

    /// Waits until everything is durable.
    fn flush(&self) -> Result<(), JournalError>;
}

/// Why a journal could not be written. The message reads after "failed to write the journal: ".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalError {
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to do instead, if known.
    pub help: Option<String>,
}

impl std::fmt::Display for JournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JournalError {}

/// Follows a flow run. Called in order, on whichever thread made the event happen, so it has to be quick.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Timed<RunEvent>);

    /// A running task said something.
    fn attachment(&self, task: &Arc<str>, index: u32, attachment: &Attachment);

    /// Another process asks to stop the flow run, for the first time or once more. What has to be done is done.
    fn asked_to_stop(&self, _times: u32) {}
}

/// An observer that looks away.
pub struct NoObserver;

impl Observer for NoObserver {
    fn event(&self, _event: &Timed<RunEvent>) {}
    fn attachment(&self, _task: &Arc<str>, _index: u32, _attachment: &Attachment) {}
}
