//! [`Remote`]: the workers of a host, behind NATS: connected to, or made on this machine, when the first flow run needs them.

use std::sync::{Arc, Mutex, PoisonError};

use taskhost_flow::RunnerChoice;
use taskhost_model::Digest;
use taskhost_model::seams::Runner;
use taskhost_nats::local::{LocalCluster, LocalOptions};
use taskhost_nats::{HostOptions, HostSite, NatsError, NatsSettings, SharedArtifacts, Workers};
use taskhost_sandbox::Sandbox;

use crate::blobs::HostBlobs;
use crate::error::{HostError, HostErrorKind};
use crate::shared::Shared;

/// Where workers are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemoteWorkers {
    /// Behind a NATS server that runs.
    At(NatsSettings),
    /// On this machine, made when they are needed and gone with the host.
    Local(LocalOptions),
}

/// See the top of the file.
pub(crate) struct Remote {
    sandbox: Arc<Sandbox>,
    blobs: Arc<HostBlobs>,
    place: Option<RemoteWorkers>,
    options: HostOptions,
    connected: Mutex<Option<Connected>>,
}

struct Connected {
    workers: Workers,
    /// After the connection, since fields are dropped in their order.
    _cluster: Option<LocalCluster>,
}

impl Remote {
    pub(crate) fn new(
        sandbox: Arc<Sandbox>,
        blobs: Arc<HostBlobs>,
        place: Option<RemoteWorkers>,
        options: HostOptions,
    ) -> Remote {
        Remote { sandbox, blobs, place, options, connected: Mutex::new(None) }
    }

    /// Whether its workers are made on this machine.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.place, Some(RemoteWorkers::Local(_)))
    }

    /// Connects, unless it is connected.
    pub(crate) fn connect(&self) -> Result<(), HostError> {
        self.with(|_| ())
    }

    /// A runner for one flow run.
    pub(crate) fn runner(&self, choice: RunnerChoice) -> Result<Arc<dyn Runner>, HostError> {
        let concurrency = choice.concurrency.map(|most| most as usize);
        self.with(|workers| workers.runner(choice.labels, concurrency))
    }

    /// Ends the connection; the next flow run that needs one makes another.
    pub(crate) fn disconnect(&self) {
        let connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(connected);
    }

    fn with<T>(&self, with: impl FnOnce(&Workers) -> T) -> Result<T, HostError> {
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connected) = &*connected {
            return Ok(with(&connected.workers));
        }
        let place = self.place.clone().ok_or_else(|| {
            HostError::new(HostErrorKind::Usage, "the runner `nats` needs the address of a NATS server")
                .with_help("set `HostOptions::remote`")
        })?;
        let (settings, cluster) = match place {
            RemoteWorkers::At(settings) => (settings, None),
            RemoteWorkers::Local(options) => {
                let cluster = LocalCluster::start(&options)?;
                (NatsSettings::new(&cluster.address), Some(cluster))
            }
        };
        let artifacts = Shared::of(self.blobs.shared()?);
        let site = Arc::new(Site { sandbox: self.sandbox.clone(), artifacts });
        let workers = Workers::connect(settings, site, self.blobs.clone(), self.options.clone())?;
        let new = connected.insert(Connected { workers, _cluster: cluster });
        Ok(with(&new.workers))
    }
}

struct Site {
    sandbox: Arc<Sandbox>,
    artifacts: Option<Arc<dyn SharedArtifacts>>,
}

impl HostSite for Site {
    fn component(&self, digest: &Digest) -> Result<Vec<u8>, String> {
        self.sandbox.component_bytes(digest).map_err(|error| format!("component {}", error.message))
    }

    fn artifacts(&self) -> Option<Arc<dyn SharedArtifacts>> {
        self.artifacts.clone()
    }
}

impl From<NatsError> for HostError {
    fn from(error: NatsError) -> HostError {
        let kind = if error.is_usage { HostErrorKind::Usage } else { HostErrorKind::Internal };
        HostError { kind, message: error.message, help: error.help, parts: Vec::new() }
    }
}
