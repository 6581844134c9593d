//! The host's side: [`Workers`] behind one NATS address, and the [`Runner`]s that send task runs to them.
//!
//! ```text
//!  start ─► lane ─► pump ─► send ──────────► tasks stream ─► a worker
//!           (lane)          (send)                              │
//!  ended ◄─ flight ◄──────── receive ◄───── results stream ◄────┘
//!           (flight)         (receive)
//!                   watch: who is there? what was lost?
//! ```
//!
//! The journal is the truth and the queue only the way: a message that is lost, with its server or otherwise, is noticed (`watch`) and its
//! task runs are sent again. Whatever arrives twice counts once (`flight`). The runner always answers: for each task run there is a time
//! after which it counts as lost.

mod flight;
mod lane;
mod leave;
mod receive;
mod runner;
mod send;
mod state;
mod watch;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use taskhost_model::seams::{Blobs, Runner};
use taskhost_model::{Digest, FlowRunId, Labels};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::connect::{Connection, NatsSettings, Side, connect};
use crate::error::NatsError;
use crate::exchange::Exchange;
use crate::shared::{SharedArtifacts, Way};
use crate::streams::{self, Streams};
use crate::trouble::Trouble;

use runner::NatsRunner;
use state::State;

/// Threads that send and receive.
const THREADS: usize = 2;

/// How long a cluster may take to have a leader, which takes it some seconds after one is lost.
const LEADER_WAIT: Duration = Duration::from_secs(15);

/// How long the end of a process waits until what its flow runs have left in the account is taken away; and how long when the server is not there.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
const CLOSE_WAIT_ALONE: Duration = Duration::from_secs(1);

/// What a host has that workers may ask for.
pub trait HostSite: Send + Sync {
    /// The bytes of a component that a flow was checked with. The error reads after "component … ".
    fn component(&self, digest: &Digest) -> Result<Vec<u8>, String>;

    /// A store of artifacts that workers may reach, too.
    fn artifacts(&self) -> Option<Arc<dyn SharedArtifacts>> {
        None
    }
}

/// How patient a host is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostOptions {
    /// How long task runs wait for a worker that has their labels. Default 2 min.
    pub worker_wait: Duration,
    /// How long task runs that are under way wait for a server that does not answer. Default 2 min.
    pub server_wait: Duration,
    /// This taskhost's version.
    pub version: String,
}

impl Default for HostOptions {
    fn default() -> HostOptions {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        HostOptions { worker_wait: Duration::from_secs(120), server_wait: Duration::from_secs(120), version }
    }
}

/// The workers behind one address. Dropping it ends the connection.
pub struct Workers {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

/// What the tasks of the runtime, and runners, share.
struct Shared {
    connection: Connection,
    settings: NatsSettings,
    options: HostOptions,
    site: Arc<dyn HostSite>,
    blobs: Arc<dyn Blobs>,
    handle: tokio::runtime::Handle,
    streams: tokio::sync::Mutex<Option<Arc<Found>>>,
    state: Mutex<State>,
    /// There may be something to send.
    wake: Notify,
    /// What workers look for that may reach the store of artifacts.
    probe: OnceLock<String>,
    process: u64,
    messages: AtomicU64,
    closed: AtomicBool,
    leaving: Mutex<Vec<JoinHandle<()>>>,
}

/// The streams of the account, once they were looked for.
struct Found {
    streams: Streams,
    exchange: Exchange,
    /// What was made in them.
    made: tokio::sync::Mutex<Made>,
}

/// Consumers of streams.
#[derive(Default)]
struct Made {
    tasks: HashSet<Labels>,
    results: HashSet<FlowRunId>,
}

impl Workers {
    /// Connects, and finds or makes the streams. Blobs come from and go to `blobs`.
    pub fn connect(
        settings: NatsSettings,
        site: Arc<dyn HostSite>,
        blobs: Arc<dyn Blobs>,
        options: HostOptions,
    ) -> Result<Workers, NatsError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("taskhost-nats")
            .enable_all()
            .build()
            .map_err(|error| NatsError::new(format!("no thread could be started: {error}")))?;
        let connection = runtime.block_on(connect(&settings, Side::Host, "taskhost host", &Trouble::default()))?;
        let shared = Arc::new(Shared {
            connection,
            settings,
            options,
            site,
            blobs,
            handle: runtime.handle().clone(),
            streams: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            wake: Notify::new(),
            probe: OnceLock::new(),
            process: random(),
            messages: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            leaving: Mutex::default(),
        });
        // A mistake in the account is told before anything runs.
        runtime.block_on(shared.first_found())?;
        runtime.spawn(send::pump(Arc::clone(&shared)));
        runtime.spawn(watch::run(Arc::clone(&shared)));
        runtime.block_on(watch::listen(&shared))?;
        runtime.spawn(watch::probe(Arc::clone(&shared)));
        Ok(Workers { shared, runtime: Some(runtime) })
    }

    /// A runner for one flow run whose task runs want `labels`; it holds at most `concurrency` of them at one time.
    pub fn runner(&self, labels: Labels, concurrency: Option<usize>) -> Arc<dyn Runner> {
        Arc::new(NatsRunner::new(Arc::clone(&self.shared), labels, concurrency))
    }

    /// Workers that answered lately.
    pub fn known(&self) -> Vec<crate::hello::WorkerHello> {
        self.shared.lock().workers.known()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.end_all("the host has closed its connection");
        let left: Vec<FlowRunId> = self.shared.lock().runs.keys().copied().collect();
        left.into_iter().for_each(|flow_run| leave::over(&self.shared, flow_run));
        let Some(runtime) = self.runtime.take() else { return };
        // Not where waiting would be a panic: then the account forgets what is left by itself.
        if tokio::runtime::Handle::try_current().is_err() {
            let wait = if self.shared.connection.is_up() { CLOSE_WAIT } else { CLOSE_WAIT_ALONE };
            let until = Instant::now() + wait;
            for leaving in std::mem::take(&mut *lock(&self.shared.leaving)) {
                let left = until.saturating_duration_since(Instant::now());
                let _ = runtime.block_on(async { tokio::time::timeout(left, leaving).await });
            }
        }
        runtime.shutdown_background();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// The streams; looked for once, and again after [`Shared::lose_streams`].
    async fn found(&self) -> Result<Arc<Found>, NatsError> {
        let mut found = self.streams.lock().await;
        if let Some(found) = &*found {
            return Ok(Arc::clone(found));
        }
        let streams = streams::ensure(&self.connection.jetstream, self.settings.replicas).await?;
        let exchange = Exchange::new(
            streams.artifacts.clone(),
            self.site.artifacts(),
            Arc::clone(&self.blobs),
            self.connection.client.max_payload(),
            0,
        );
        let new = Arc::new(Found { streams, exchange, made: tokio::sync::Mutex::default() });
        *found = Some(Arc::clone(&new));
        Ok(new)
    }

    /// The streams, for which a cluster may first need a leader.
    async fn first_found(&self) -> Result<Arc<Found>, NatsError> {
        let until = Instant::now() + LEADER_WAIT.min(self.options.server_wait);
        loop {
            let found = self.found().await;
            if let (Err(error), Some(words)) = (&found, self.connection.forbidden()) {
                let message = format!("this user may not do what a host does: {words} ({error})");
                return Err(NatsError::usage(
                    message,
                    "give the credentials of a host, such as `host.nk` of `taskhost nats-config`",
                ));
            }
            match found {
                Err(error) if !error.is_usage && Instant::now() < until => {
                    tracing::warn!(target: "taskhost::nats", %error, "the queues are not there yet");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                found => return found,
            }
        }
    }

    /// How the large values of task runs with these labels travel: past the queue, while all workers that take them can be reached so.
    fn way(&self, labels: &Labels) -> Way {
        let all = self.probe.get().is_some_and(|probe| self.lock().workers.have_all_found(probe, labels));
        if all { Way::Shared } else { Way::Queue }
    }

    /// A stream is not there any more, so all are looked for again.
    async fn lose_streams(&self) {
        *self.streams.lock().await = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks panics half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the messages of this process from those of others: the standard library's hash keys are random.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
