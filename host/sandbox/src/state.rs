//! [`HostState`]: what the host keeps for one guest; one field for each capability.
//!
//! Everything that a task run may not need is made on first use: most task runs never touch WASI.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use taskhost_model::TaskRunRequest;
use taskhost_model::event::LogSource;
use taskhost_model::seams::RunScope;
use taskhost_model::{Limit, Limits};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::capability::{
    BlobsOfRun, Capabilities, Deterministic, HttpState, NetworkState, OpenFiles, network, refused::Refused,
    traffic::Traffic,
};
use crate::limiter::Limiter;
use crate::outcome::Stop;
use crate::output::{Output, Printer};
use crate::turn::Turn;

/// Random bytes that a guest may ask for at once: they are made in our memory first.
const RANDOM_BYTES_MAX: u64 = 16 << 20;

/// What the host keeps for one guest.
pub(crate) struct HostState {
    pub(crate) request: Arc<TaskRunRequest>,
    pub(crate) index: u32,
    pub(crate) scope: RunScope,
    pub(crate) limiter: Limiter,
    pub(crate) started: Instant,
    /// What the task is granted; none for most tasks.
    pub(crate) capabilities: Option<Arc<Capabilities>>,
    /// Whether its component imports sockets at all.
    has_network: bool,
    /// Whether this is no task run, but a program that finds just the folders that it was given.
    pub(crate) is_program: bool,
    /// Whether it may use the network as this process may, whatever is granted.
    pub(crate) is_network_open: bool,
    pub(crate) refused: Refused,
    pub(crate) open_files: OpenFiles,
    pub(crate) network: NetworkState,
    pub(crate) http: Option<Box<HttpState>>,
    /// Of a deterministic task run, as soon as it has asked WASI for something.
    pub(crate) deterministic: Option<Box<Deterministic>>,
    pub(crate) traffic: Traffic,
    pub(crate) blobs: BlobsOfRun,
    /// Bytes of its arguments.
    pub(crate) bytes_in: u64,
    /// Calls of the guest into the host.
    pub(crate) host_calls: u64,
    output: Option<Arc<Output>>,
    wasi: Option<WasiCtx>,
    pub(crate) table: ResourceTable,
}

impl HostState {
    pub(crate) fn new(
        request: &Arc<TaskRunRequest>,
        index: u32,
        scope: &RunScope,
        capabilities: Option<&Arc<Capabilities>>,
        has_network: bool,
        started: Instant,
    ) -> HostState {
        let limits = &request.call.limits;
        HostState {
            request: Arc::clone(request),
            index,
            scope: scope.clone(),
            limiter: Limiter::new(limits.memory_bytes_max),
            started,
            capabilities: capabilities.cloned(),
            has_network,
            is_program: false,
            is_network_open: false,
            refused: Refused::default(),
            open_files: OpenFiles::default(),
            network: NetworkState::default(),
            http: None,
            deterministic: None,
            traffic: Traffic::default(),
            blobs: BlobsOfRun::default(),
            bytes_in: 0,
            host_calls: 0,
            output: None,
            wasi: None,
            table: ResourceTable::new(),
        }
    }

    /// For a whole program, with a context of its own.
    pub(crate) fn for_program(mut self, wasi: WasiCtx, is_network_open: bool) -> HostState {
        self.table.set_max_capacity(self.limits().handles_max as usize);
        self.wasi = Some(wasi);
        self.is_program = true;
        self.is_network_open = is_network_open;
        self
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.request.call.limits
    }

    /// The task's log, if it has said anything or asked for a stream.
    pub(crate) fn output(&self) -> Option<&Arc<Output>> {
        self.output.as_ref()
    }

    /// The task's log.
    pub(crate) fn open_output(&mut self) -> &Arc<Output> {
        if self.output.is_none() {
            let masks = self.masks().cloned();
            let log = Output::new(&self.request.task, self.index, &self.scope.reports, self.limits(), masks);
            self.output = Some(log);
        }
        self.output.as_ref().expect("made just above")
    }

    /// WASI with what the task is granted; folders and settings are asked for where they are used.
    fn make_wasi(&mut self) -> WasiCtx {
        let output = Arc::clone(self.open_output());
        self.table.set_max_capacity(self.limits().handles_max as usize);
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(Printer { output: Arc::clone(&output), source: LogSource::Stdout });
        wasi.stderr(Printer { output, source: LogSource::Stderr });
        wasi.max_random_size(RANDOM_BYTES_MAX);
        if self.has_network {
            network::set_up(&mut wasi, &self.network, &self.request.call, &self.refused);
        }
        if let Some(capabilities) = &self.capabilities {
            wasi.envs(&capabilities.environment);
            if let Some(seed) = &capabilities.seed {
                let run = Deterministic::set_up(&mut wasi, seed, &self.request, self.index);
                self.deterministic = Some(Box::new(run));
            }
        }
        wasi.build()
    }

    /// Called every few milliseconds while the guest computes. The hook that counts calls into the host took it for one.
    pub(crate) fn tick(&mut self) -> Result<(), Stop> {
        self.host_calls = self.host_calls.saturating_sub(1);
        self.check_deadlines()
    }

    /// Whether the guest may go on.
    pub(crate) fn check_deadlines(&self) -> Result<(), Stop> {
        if self.scope.cancelled.load(Ordering::Relaxed) {
            return Err(Stop::Cancelled);
        }
        let (limits, now) = (self.limits(), Instant::now());
        if Turn::computed_until(now) > limits.cpu_time_max {
            return Err(Stop::Limit(Limit::Cpu(limits.cpu_time_max)));
        }
        if now.saturating_duration_since(self.started) > limits.wall_time_max {
            return Err(Stop::Limit(Limit::Timeout(limits.wall_time_max)));
        }
        Ok(())
    }
}

/// stdin is closed; stdout and stderr are the task's log.
impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        if self.wasi.is_none() {
            self.wasi = Some(self.make_wasi());
        }
        let ctx = self.wasi.as_mut().expect("made just above");
        WasiCtxView { ctx, table: &mut self.table }
    }
}
