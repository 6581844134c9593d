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

use crate::limiter::Limiter;
use crate::outcome::Stop;
use crate::output::{Output, Printer};
use crate::turn::Turn;

/// Handles that a guest may hold at once: streams, pollables, clocks. A table without bound would be our memory.
const HANDLES_MAX: usize = 10_000;

/// What the host keeps for one guest.
pub(crate) struct HostState {
    pub(crate) request: Arc<TaskRunRequest>,
    pub(crate) index: u32,
    pub(crate) scope: RunScope,
    pub(crate) limiter: Limiter,
    pub(crate) started: Instant,
    output: Option<Arc<Output>>,
    wasi: Option<WasiCtx>,
    table: ResourceTable,
}

impl HostState {
    pub(crate) fn new(request: &Arc<TaskRunRequest>, index: u32, scope: &RunScope, started: Instant) -> HostState {
        let limits = &request.call.limits;
        HostState {
            request: Arc::clone(request),
            index,
            scope: scope.clone(),
            limiter: Limiter::new(limits.memory_bytes_max),
            started,
            output: None,
            wasi: None,
            table: ResourceTable::new(),
        }
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
        let HostState { request, index, scope, output, .. } = self;
        output.get_or_insert_with(|| {
            Output::new(&request.task, *index, &scope.reports, request.call.limits.output_bytes_max)
        })
    }

    /// Looked at every few milliseconds while the guest computes.
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

/// Nothing is granted: no arguments, environment, files or sockets; stdin is closed; stdout and stderr are the task's log.
/// Clocks and random numbers are real.
impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        if self.wasi.is_none() {
            let output = Arc::clone(self.open_output());
            self.table.set_max_capacity(HANDLES_MAX);
            let mut wasi = WasiCtxBuilder::new();
            wasi.stdout(Printer { output: Arc::clone(&output), source: LogSource::Stdout });
            wasi.stderr(Printer { output, source: LogSource::Stderr });
            wasi.allow_tcp(false).allow_udp(false);
            self.wasi = Some(wasi.build());
        }
        let ctx = self.wasi.as_mut().expect("made just above");
        WasiCtxView { ctx, table: &mut self.table }
    }
}
