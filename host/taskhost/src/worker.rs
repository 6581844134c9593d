//! [`TaskWorker`]: a worker for hosts on other machines: a sandbox, a pool of threads, and what may be done here.

use std::sync::Arc;
use std::time::Duration;

use taskhost_engine::{Pool, PoolOptions};
use taskhost_model::seams::{Blobs, Runner};
use taskhost_model::{Digest, Grants, Labels, TaskCall, TaskFailure};
use taskhost_nats::{NatsSettings, SharedArtifacts, Trouble, Worker, WorkerOptions, WorkerSite, WorkerStatus};
use taskhost_sandbox::{Compiler, Sandbox, SandboxOptions};
use taskhost_store::{StoreError, TemporaryBlobs};

use crate::ceiling::Ceiling;
use crate::error::{HostError, HostErrorKind};
use crate::host::HostOptions;
use crate::kept_components::KeptComponents;
use crate::memory::Fitting;
use crate::secrets::Secrets;
use crate::shared::Shared;

/// Blobs that are kept on disk, in bytes: beyond them the oldest go, and are fetched again when they are wanted.
const BLOB_BYTES_MAX: u64 = 16 << 30;

/// A blob that is younger may still be waited for by a task run that is about to begin.
const BLOB_AGE_MIN: Duration = Duration::from_secs(600);

/// How often there is looked for room.
const ROOM_ROUND: Duration = Duration::from_secs(30);

/// How a worker is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct WorkerSettings {
    /// The queue.
    pub nats: NatsSettings,
    /// Its name; different from those of other workers.
    pub name: String,
    /// What it has.
    pub labels: Labels,
    /// It takes task runs whatever labels they want: for a host's own machine.
    pub takes_all_labels: bool,
    /// Bytes that guests may need together, by their limits; none for no such limit.
    pub memory_bytes_max: Option<u64>,
    /// What task runs may do here.
    pub ceiling: Ceiling,
    /// Caches, threads, secrets: as of a host.
    pub host: HostOptions,
}

impl WorkerSettings {
    /// A worker that grants nothing.
    pub fn new(nats: NatsSettings, name: impl Into<String>, host: HostOptions) -> WorkerSettings {
        let ceiling = Ceiling::Grants(Grants::default());
        let (name, labels) = (name.into(), Labels::default());
        WorkerSettings { nats, name, labels, takes_all_labels: false, memory_bytes_max: None, ceiling, host }
    }
}

/// Carries out task runs of other machines' flows. Dropping it ends it at once.
pub struct TaskWorker {
    // Dropped before what it uses.
    worker: Worker,
    blobs: Arc<TemporaryBlobs>,
    _pool: Arc<Pool>,
}

impl TaskWorker {
    /// Connects and begins to take task runs.
    pub fn start(settings: WorkerSettings) -> Result<TaskWorker, HostError> {
        TaskWorker::start_and_tell(settings, Arc::default())
    }

    /// The same; meanwhile `trouble` tells what it waits for.
    pub fn start_and_tell(settings: WorkerSettings, trouble: Arc<Trouble>) -> Result<TaskWorker, HostError> {
        let host = &settings.host;
        let secrets = Arc::new(Secrets::default());
        if let Ceiling::Grants(grants) = &settings.ceiling {
            secrets.fetch_names(grants.secrets.iter().map(|name| &**name), &host.secrets)?;
        }
        let blobs = Arc::new(match host.store_options().artifacts {
            Some(url) => TemporaryBlobs::with_artifacts(&url).map_err(|error| no_artifacts(&error))?,
            None => TemporaryBlobs::new(),
        });
        let cache_folder = host.cache_folder_in_use();
        let sandbox = Sandbox::new(SandboxOptions {
            cache_folder: cache_folder.clone(),
            data_folder: host.data_folder_in_use(),
            compiler: host.compiler.clone().map_or(Compiler::InProcess, |program| Compiler::Child { program }),
            instances: host.concurrency,
            blobs: Some(blobs.clone()),
            vault: Some(secrets.clone()),
        })?;
        let mut options = PoolOptions::new(host.workers, host.concurrency);
        let entered = sandbox.clone();
        options.on_thread_start = Some(Arc::new(move || entered.enter_thread()));
        let pool = Pool::new(sandbox.clone(), options).map_err(|error| HostError::no_thread(&error))?;
        let runner: Arc<dyn Runner> = match settings.memory_bytes_max {
            Some(bytes) => Fitting::new(pool.clone(), bytes),
            None => pool.clone(),
        };
        let site = Site {
            artifacts: Shared::of(blobs.shared().map_err(|error| no_artifacts(&error))?),
            sandbox,
            kept: cache_folder.map(KeptComponents::new),
            ceiling: settings.ceiling.clone(),
            memory_bytes_max: settings.memory_bytes_max,
            name: settings.name.clone(),
            secrets,
            sources: host.secrets.clone(),
        };
        let threads = u32::try_from(host.workers).unwrap_or(u32::MAX);
        let mut options = WorkerOptions::new(&settings.name, settings.labels.clone(), threads, host.concurrency);
        options.takes_all_labels = settings.takes_all_labels;
        let seen: Arc<dyn Blobs> = blobs.clone();
        let worker = Worker::start(&settings.nats, Arc::new(site), runner, seen, options, trouble)?;
        keep_room(&blobs);
        Ok(TaskWorker { worker, blobs, _pool: pool })
    }

    /// What it is at.
    pub fn status(&self) -> WorkerStatus {
        self.worker.status()
    }

    /// Why it cannot work at the moment, although its server answers.
    pub fn trouble(&self) -> Option<String> {
        self.worker.trouble()
    }

    /// Takes nothing more; what runs goes on to its end, what was not begun is given back.
    pub fn drain(&self) {
        self.worker.drain();
    }

    /// Waits until a worker that drains has nothing left, but no longer than `timeout`; whether it has nothing left.
    pub fn wait_drained(&self, timeout: Duration) -> bool {
        self.worker.wait_drained(timeout)
    }
}

fn no_artifacts(error: &StoreError) -> HostError {
    let help = error.help().unwrap_or_else(|| "correct TASKHOST_ARTIFACTS, or do without it".to_owned());
    HostError::new(HostErrorKind::Usage, format!("the store of artifacts cannot be used: {error}")).with_help(help)
}

impl Drop for TaskWorker {
    fn drop(&mut self) {
        self.blobs.close();
    }
}

/// Keeps the folder of blobs from filling the disk, as long as they are there.
fn keep_room(blobs: &Arc<TemporaryBlobs>) {
    let blobs = Arc::downgrade(blobs);
    let look = move || {
        while let Some(blobs) = blobs.upgrade() {
            // A folder that cannot be looked at shows when a blob is wanted.
            let _ = blobs.make_room(BLOB_BYTES_MAX, BLOB_AGE_MIN);
            drop(blobs);
            std::thread::sleep(ROOM_ROUND);
        }
    };
    // Without the thread more is kept.
    let _ = std::thread::Builder::new().name("taskhost-room".to_owned()).spawn(look);
}

/// What the worker has here.
struct Site {
    sandbox: Arc<Sandbox>,
    artifacts: Option<Arc<dyn SharedArtifacts>>,
    kept: Option<KeptComponents>,
    ceiling: Ceiling,
    memory_bytes_max: Option<u64>,
    name: String,
    secrets: Arc<Secrets>,
    sources: crate::secrets::SecretSources,
}

impl WorkerSite for Site {
    fn admit(&self, mut call: TaskCall) -> Result<TaskCall, TaskFailure> {
        if let Some(most) = self.memory_bytes_max
            && call.limits.memory_bytes_max > most
        {
            let bytes = taskhost_model::task_run::Bytes;
            return Err(TaskFailure::Ungrantable(format!(
                "its limit of memory is {}, and worker `{}` has {} (`--memory`)",
                bytes(call.limits.memory_bytes_max),
                self.name,
                bytes(most)
            )));
        }
        let Ceiling::Grants(ceiling) = &self.ceiling else {
            let names = call.grants.secrets.iter().map(|name| &**name);
            let fetched = self.secrets.fetch_names(names, &self.sources);
            fetched.map_err(|error| TaskFailure::Ungrantable(error.message))?;
            return Ok(call);
        };
        let beyond = ceiling.beyond(&call.grants);
        if !beyond.is_empty() {
            return Err(TaskFailure::Ungrantable(format!(
                "worker `{}` does not give `{}`; what it gives is its `taskhost worker --allow`",
                self.name,
                beyond.join("`, `")
            )));
        }
        let mut grants: Grants = (*call.grants).clone();
        for folder in &mut grants.folders {
            // The worker's folder of this name, not the host's.
            folder.base = ceiling.folder_for(folder).and_then(|own| own.base.clone());
        }
        call.grants = Arc::new(grants);
        Ok(call)
    }

    fn artifacts(&self) -> Option<Arc<dyn SharedArtifacts>> {
        self.artifacts.clone()
    }

    fn has(&self, component: &Digest) -> bool {
        self.sandbox.is_loaded(component)
    }

    fn load_kept(&self, component: &Digest) -> Result<bool, TaskFailure> {
        let Some(bytes) = self.kept.as_ref().and_then(|kept| kept.get(component)) else { return Ok(false) };
        self.sandbox.load_bytes(&bytes).map(|_| true).map_err(unusable)
    }

    fn load(&self, component: &Digest, bytes: &[u8]) -> Result<(), TaskFailure> {
        self.sandbox.load_bytes(bytes).map_err(unusable)?;
        if let Some(kept) = &self.kept {
            kept.put(component, bytes);
        }
        Ok(())
    }
}

fn unusable(error: taskhost_model::seams::CatalogError) -> TaskFailure {
    TaskFailure::Unusable(format!("its component {}", error.message))
}
