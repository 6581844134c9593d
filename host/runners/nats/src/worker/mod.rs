//! The worker's side: [`Worker`] takes messages from the queues that fit its labels, hands their task runs to a [`Runner`] of this process, and
//! answers.
//!
//! ```text
//!  tasks stream ─► pull ─► job ─► Runner ─► collect ─► job ─► results stream
//!                  (pull)  (job)            (collect)  (answer)
//! ```
//!
//! A message is let go when its answer is kept by the queue: a worker that dies before leaves it to another. It takes no more than its threads
//! can begin soon, so that others get their share, and gives back what it could not begin within a second.

mod answer;
mod collect;
mod job;
mod pull;
mod turn;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use taskhost_model::seams::{Blobs, Runner};
use taskhost_model::{ArtifactRef, Digest, FlowRunId, Labels, TaskCall, TaskFailure};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::connect::{Connection, NatsSettings, Side, connect};
use crate::error::NatsError;
use crate::exchange::Exchange;
use crate::hello::{self, ALL_LABELS, Question, WorkerHello};
use crate::names::{self, PROTOCOL};
use crate::shared::SharedArtifacts;
use crate::streams::{self, Streams};
use crate::trouble::Trouble;
use crate::wire::MessageId;
use crate::wire::tasks::KnownCalls;

use collect::Collector;

/// Threads that send and receive.
const THREADS: usize = 2;

/// Between two looks for streams that no host has made yet.
const FIND_PAUSE: Duration = Duration::from_millis(100);

/// Large values that are kept after their use, in bytes together.
const RECENT_BYTES_MAX: u64 = 256 << 20;

/// Hosts whose probes are remembered.
const PROBES_MAX: usize = 1024;

/// Most bytes of a probe.
const PROBE_BYTES_MAX: u64 = 1024;

/// Flow runs that are over and remembered, so that what is left of them is not begun.
const OVER_MAX: usize = 1024;

/// How long they are remembered: what was on its way has arrived.
const OVER_AGE: Duration = Duration::from_secs(60);

/// What a worker has of its own: components, and rules on what may be done here. Called on threads that may wait.
pub trait WorkerSite: Send + Sync {
    /// Makes the call of a host one that can be carried out here, or says why it cannot: what it grants may be more than this worker gives.
    fn admit(&self, call: TaskCall) -> Result<TaskCall, TaskFailure>;

    /// Whether a component is ready.
    fn has(&self, component: &Digest) -> bool;

    /// Makes a component ready from what is kept here; false if it is not kept.
    fn load_kept(&self, component: &Digest) -> Result<bool, TaskFailure>;

    /// Makes a component ready, and keeps it. Its bytes are those of its digest.
    fn load(&self, component: &Digest, bytes: &[u8]) -> Result<(), TaskFailure>;

    /// A store of artifacts that hosts may reach, too.
    fn artifacts(&self) -> Option<Arc<dyn SharedArtifacts>> {
        None
    }
}

/// How a worker works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// Its name; different from those of other workers.
    pub name: String,
    /// What it has: it takes task runs that want no more than these.
    pub labels: Labels,
    /// It takes task runs whatever they want: for a host's own machine.
    pub takes_all_labels: bool,
    /// Threads that compute.
    pub threads: u32,
    /// Most task runs that it holds, those that wait included.
    pub runs_max: usize,
    /// This taskhost's version.
    pub version: String,
}

impl WorkerOptions {
    /// For a runner with so many threads and so many task runs at once.
    pub fn new(name: impl Into<String>, labels: Labels, threads: u32, runs_max: usize) -> WorkerOptions {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let (threads, runs_max) = (threads.max(1), runs_max.max(1));
        WorkerOptions { name: name.into(), labels, takes_all_labels: false, threads, runs_max, version }
    }
}

/// What a worker is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// Whether its server answers.
    pub is_connected: bool,
    /// Whether it listens to the queues: a host has made them.
    pub is_ready: bool,
    /// Whether it ends what it has and takes nothing more.
    pub is_draining: bool,
    /// Messages that it has.
    pub messages: usize,
    /// Task runs that it has.
    pub runs: usize,
    /// Task runs that it has answered since its start.
    pub runs_ended: u64,
    /// Of these, those that failed.
    pub runs_failed: u64,
    /// Task runs that it has given back.
    pub runs_given_back: u64,
}

/// Carries out task runs for hosts.
pub struct Worker {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

struct Shared {
    connection: Connection,
    trouble: Arc<Trouble>,
    options: WorkerOptions,
    site: Arc<dyn WorkerSite>,
    runner: Arc<dyn Runner>,
    blobs: Arc<dyn Blobs>,
    calls: KnownCalls,
    /// Calls that may be carried out here, by the address of what the host has sent, which is kept with them.
    admitted: Mutex<HashMap<usize, Admitted>>,
    found: tokio::sync::watch::Sender<Option<Arc<Found>>>,
    /// Probes of hosts that are in the store of artifacts, or not.
    probes: Mutex<HashMap<String, bool>>,
    /// Queues that it takes from.
    queues: Mutex<HashMap<Labels, tokio::task::AbortHandle>>,
    flow_runs: Mutex<FlowRuns>,
    /// Messages that it has.
    held: Mutex<HashSet<MessageId>>,
    turns: turn::Turns,
    /// Pulls that have not ended.
    pulls: AtomicUsize,
    /// Something has ended, or something has come: there may be room for more.
    changed: Notify,
    draining: AtomicBool,
    drained: Notify,
    runs: AtomicUsize,
    requests: AtomicU64,
    ended: AtomicU64,
    failed: AtomicU64,
    given_back: AtomicU64,
}

/// A call as a host has sent it, and as it is carried out here.
type Admitted = (Arc<TaskCall>, Arc<TaskCall>);

struct Found {
    streams: Streams,
    exchange: Exchange,
}

#[derive(Default)]
struct FlowRuns {
    open: HashMap<FlowRunId, Arc<Collector>>,
    /// Those that were cancelled, each with its host's process, as another may resume it, and with when.
    over: Vec<(FlowRunId, Vec<u8>, Instant)>,
}

impl Worker {
    /// Connects and begins to take task runs for `runner`. Blobs go to and come from `blobs`. `trouble` tells why it does not.
    pub fn start(
        settings: &NatsSettings,
        site: Arc<dyn WorkerSite>,
        runner: Arc<dyn Runner>,
        blobs: Arc<dyn Blobs>,
        options: WorkerOptions,
        trouble: Arc<Trouble>,
    ) -> Result<Worker, NatsError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("taskhost-nats")
            .enable_all()
            .build()
            .map_err(|error| NatsError::new(format!("no thread could be started: {error}")))?;
        let connection = runtime.block_on(connect(
            settings,
            Side::Worker,
            &format!("taskhost worker {}", options.name),
            &trouble,
        ))?;
        let shared = Arc::new(Shared {
            connection,
            trouble,
            options,
            site,
            runner,
            blobs,
            calls: KnownCalls::default(),
            admitted: Mutex::default(),
            found: tokio::sync::watch::Sender::new(None),
            probes: Mutex::default(),
            queues: Mutex::default(),
            flow_runs: Mutex::default(),
            held: Mutex::default(),
            turns: turn::Turns::default(),
            pulls: AtomicUsize::new(0),
            changed: Notify::new(),
            draining: AtomicBool::new(false),
            drained: Notify::new(),
            runs: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            given_back: AtomicU64::new(0),
        });
        runtime.block_on(listen(&shared))?;
        runtime.spawn(find(Arc::clone(&shared)));
        Ok(Worker { shared, runtime: Some(runtime) })
    }

    /// What it is at.
    pub fn status(&self) -> WorkerStatus {
        let shared = &self.shared;
        WorkerStatus {
            is_connected: shared.connection.is_up(),
            is_ready: shared.found.borrow().is_some() && !lock(&shared.queues).is_empty(),
            is_draining: shared.is_draining(),
            messages: lock(&shared.held).len(),
            runs: shared.runs.load(Ordering::Relaxed),
            runs_ended: shared.ended.load(Ordering::Relaxed),
            runs_failed: shared.failed.load(Ordering::Relaxed),
            runs_given_back: shared.given_back.load(Ordering::Relaxed),
        }
    }

    /// Why it cannot work at the moment, although its server answers.
    pub fn trouble(&self) -> Option<String> {
        let forbidden = self.shared.connection.forbidden();
        let forbidden = forbidden.map(|words| format!("this user may not do what a worker does: {words}"));
        forbidden.or_else(|| self.shared.trouble.now())
    }

    /// Takes nothing more; what runs goes on to its end, what was not begun is given back.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::SeqCst);
        self.shared.changed.notify_waiters();
        self.shared.drained.notify_waiters();
    }

    /// Waits until a worker that drains has nothing left, but no longer than `timeout`; whether it has nothing left.
    pub fn wait_drained(&self, timeout: Duration) -> bool {
        let Some(runtime) = &self.runtime else { return true };
        let shared = &self.shared;
        runtime.block_on(async {
            let empty = async {
                while shared.pulls.load(Ordering::SeqCst) > 0 || !lock(&shared.held).is_empty() {
                    let _ = tokio::time::timeout(Duration::from_millis(20), shared.changed.notified()).await;
                }
            };
            tokio::time::timeout(timeout, empty).await.is_ok()
        })
    }
}

/// Ends at once. What it has is given to another worker, after a while.
impl Drop for Worker {
    fn drop(&mut self) {
        let open: Vec<FlowRunId> = lock(&self.shared.flow_runs).open.keys().copied().collect();
        open.into_iter().for_each(|flow_run| self.shared.runner.cancel(flow_run));
        if let Some(runtime) = self.runtime.take() {
            if tokio::runtime::Handle::try_current().is_err() {
                let client = self.shared.connection.client.clone();
                let _ =
                    runtime.block_on(async { tokio::time::timeout(Duration::from_millis(500), client.flush()).await });
            }
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    fn hello(&self, probe: Option<&str>) -> WorkerHello {
        let options = &self.options;
        WorkerHello {
            name: options.name.clone(),
            version: options.version.clone(),
            protocol: PROTOCOL,
            labels: if options.takes_all_labels { ALL_LABELS.to_owned() } else { options.labels.to_string() },
            threads: options.threads,
            draining: self.is_draining(),
            found: probe.filter(|probe| lock(&self.probes).get(*probe) == Some(&true)).map(str::to_owned),
        }
    }

    /// What gathers the outcomes of a flow run.
    fn collector(self: &Arc<Self>, flow_run: FlowRunId) -> Arc<Collector> {
        let mut flow_runs = lock(&self.flow_runs);
        Arc::clone(flow_runs.open.entry(flow_run).or_default())
    }

    /// The flow run has nothing here any more.
    fn close(&self, flow_run: FlowRunId) {
        let mut flow_runs = lock(&self.flow_runs);
        if flow_runs.open.get(&flow_run).is_some_and(|collector| collector.is_idle()) {
            flow_runs.open.remove(&flow_run);
        }
    }

    /// Whether nobody waits for the answer to this message any more.
    fn is_over(&self, flow_run: FlowRunId, id: MessageId) -> bool {
        let flow_runs = lock(&self.flow_runs);
        flow_runs.over.iter().any(|(over, process, _)| *over == flow_run && *process == id.process())
    }

    /// The host of this process does not wait for this flow run any more.
    fn cancel(&self, flow_run: FlowRunId, process: &[u8]) {
        {
            let over = &mut lock(&self.flow_runs).over;
            over.retain(|(_, _, since)| since.elapsed() < OVER_AGE);
            if over.len() < OVER_MAX && process.len() == size_of::<u64>() {
                over.push((flow_run, process.to_owned(), Instant::now()));
            }
        }
        self.runner.cancel(flow_run);
    }
}

/// Hears what is said to all workers.
async fn listen(shared: &Arc<Shared>) -> Result<(), NatsError> {
    let failed = |error: async_nats::SubscribeError| NatsError::new(format!("NATS lets us not listen: {error}"));
    let client = shared.connection.client.clone();
    let mut questions = client.subscribe(names::WORKERS_SUBJECT).await.map_err(failed)?;
    let own = Arc::clone(shared);
    tokio::spawn(async move {
        while let Some(message) = questions.next().await {
            let (Some(reply), Some(question)) = (message.reply, hello::decode::<Question>(&message.payload)) else {
                continue;
            };
            if question.protocol != PROTOCOL {
                tracing::warn!(
                    target: "taskhost::nats", host = question.version, host_protocol = question.protocol,
                    worker = own.options.version, worker_protocol = PROTOCOL,
                    "a host of a version that this worker does not understand"
                );
            } else if let Ok(labels) = Labels::new(&question.labels) {
                // Its queue may be new.
                pull::take_from(&own, labels);
            }
            let hello = own.hello(question.probe.as_deref());
            let _ = own.connection.client.publish(reply.clone(), hello::encode(&hello)).await;
            if let Some(probe) = question.probe {
                look_for(&own, probe, reply);
            }
        }
    });
    let mut cancelled = client.subscribe(names::CANCEL_SUBJECTS).await.map_err(failed)?;
    let own = Arc::clone(shared);
    tokio::spawn(async move {
        while let Some(message) = cancelled.next().await {
            if let Some(flow_run) = names::flow_run(&message.subject) {
                own.cancel(flow_run, &message.payload);
            }
        }
    });
    client.flush().await.map_err(|error| NatsError::new(format!("NATS does not answer: {error}")))
}

/// Looks for a host's probe, unless that was done, and tells the host if it is there.
fn look_for(shared: &Arc<Shared>, probe: String, reply: async_nats::Subject) {
    let (Some(artifacts), Ok(artifact)) = (shared.site.artifacts(), probe.parse::<ArtifactRef>()) else { return };
    {
        let mut probes = lock(&shared.probes);
        if probes.contains_key(&probe) || artifact.length > PROBE_BYTES_MAX {
            return;
        }
        if probes.len() >= PROBES_MAX {
            probes.clear();
        }
        probes.insert(probe.clone(), false);
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let found = tokio::task::spawn_blocking(move || artifacts.get(&artifact)).await;
        if let Ok(Ok(_)) = found {
            lock(&shared.probes).insert(probe.clone(), true);
            let _ = shared.connection.client.publish(reply, hello::encode(&shared.hello(Some(&probe)))).await;
        }
    });
}

/// Waits for the streams, and takes from all queues that fit.
async fn find(shared: Arc<Shared>) {
    loop {
        match streams::find(&shared.connection.jetstream).await {
            Ok(Some(streams)) => {
                let exchange = Exchange::new(
                    streams.artifacts.clone(),
                    shared.site.artifacts(),
                    Arc::clone(&shared.blobs),
                    shared.connection.client.max_payload(),
                    RECENT_BYTES_MAX,
                );
                let queues: Vec<Labels> = queues(&streams).await;
                shared.found.send_replace(Some(Arc::new(Found { streams, exchange })));
                shared.trouble.is(None);
                queues.into_iter().for_each(|labels| pull::take_from(&shared, labels));
                return;
            }
            // No host has been here yet.
            Ok(None) => shared.trouble.is(None),
            Err(error) => {
                tracing::warn!(target: "taskhost::nats", %error, "the queues cannot be looked at");
                shared.trouble.is(Some(error.to_string()));
            }
        }
        tokio::time::sleep(FIND_PAUSE).await;
    }
}

/// The labels of all queues.
async fn queues(streams: &Streams) -> Vec<Labels> {
    let mut names = streams.tasks.consumer_names();
    let mut queues = Vec::new();
    while let Some(Ok(name)) = names.next().await {
        queues.extend(name.strip_prefix("tasks-").and_then(Labels::of_token));
    }
    queues
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks panics half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
