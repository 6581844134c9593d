//! Bare wasmtime doing the same calls with the same safety: a fresh instance for each call, a pool of instances, an epoch deadline, a
//! memory limit. The fastest configuration that we know of, written as its users would write it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Linker, Lower, ResourceTable,
};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store, StoreLimits,
    StoreLimitsBuilder, format_err,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// Bytes of memory that a guest may use.
const MEMORY_BYTES_MAX: usize = 256 << 20;

/// What the host keeps for a guest; the WASI context is made when the guest first asks.
struct State {
    limits: StoreLimits,
    wasi: Option<WasiCtx>,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| WasiCtx::builder().build());
        WasiCtxView { ctx, table: &mut self.table }
    }
}

/// Whether a call is stopped when it takes too much: what limits cost is the difference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Safety {
    /// An epoch deadline, a memory limit, a limit on what a host call may take.
    Limited,
    /// None of these.
    Unlimited,
}

/// An engine; with limits, a thread moves its epoch on every 10 ms.
pub(crate) fn engine(safety: Safety) -> Result<Engine> {
    let pagemap_scan = PoolingAllocationConfig::is_pagemap_scan_available();
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(64)
        .total_core_instances(256)
        .total_memories(64)
        .total_tables(128)
        .pagemap_scan(if pagemap_scan { Enabled::Yes } else { Enabled::No })
        .linear_memory_keep_resident(if pagemap_scan { 1 << 20 } else { 0 })
        .table_keep_resident(if pagemap_scan { 64 << 10 } else { 0 });
    let mut config = Config::new();
    config.concurrency_support(false);
    config.epoch_interruption(safety == Safety::Limited);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
    if safety == Safety::Unlimited {
        return Ok(engine);
    }
    let weak = engine.weak();
    thread::spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(Duration::from_millis(10));
        }
    });
    Ok(engine)
}

/// A function of a component, ready to be called in fresh instances.
pub(crate) struct Bare {
    engine: Engine,
    safety: Safety,
    pre: InstancePre<State>,
    function: ComponentExportIndex,
}

impl Bare {
    pub(crate) fn new(
        engine: &Engine,
        safety: Safety,
        component: &Path,
        interface: &str,
        function: &str,
    ) -> Result<Bare> {
        let component = Component::from_file(engine, component)?;
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        // Of ours, the guests of the benchmark call nothing.
        linker.define_unknown_imports_as_traps(&component)?;
        let interface = component.get_export_index(None, interface).ok_or_else(|| format_err!("no such interface"))?;
        let function =
            component.get_export_index(Some(&interface), function).ok_or_else(|| format_err!("no such function"))?;
        Ok(Bare { engine: engine.clone(), safety, pre: linker.instantiate_pre(&component)?, function })
    }

    /// One call in a fresh instance.
    pub(crate) fn call<P, R>(&self, parameters: P) -> Result<R>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let limits = StoreLimitsBuilder::new().memory_size(MEMORY_BYTES_MAX).build();
        let mut store = Store::new(&self.engine, State { limits, wasi: None, table: ResourceTable::new() });
        if self.safety == Safety::Limited {
            store.limiter(|state| &mut state.limits);
            store.set_hostcall_fuel(MEMORY_BYTES_MAX);
            store.set_epoch_deadline(6_000);
        }
        let instance = self.pre.instantiate(&mut store)?;
        let function = instance.get_typed_func::<P, R>(&mut store, self.function)?;
        function.call(&mut store, parameters)
    }

    /// `calls` calls on each of `threads` threads together; the wall time.
    pub(crate) fn time<P, R>(&self, threads: u32, calls: u32, parameters: impl Fn(u32) -> P + Sync) -> Result<Duration>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift + Send,
    {
        let started = Instant::now();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|thread| {
                    let parameters = &parameters;
                    scope.spawn(move || -> Result<()> {
                        for n in (thread..calls).step_by(threads as usize) {
                            std::hint::black_box(self.call::<P, R>(parameters(n))?);
                        }
                        Ok(())
                    })
                })
                .collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("a benchmark thread does not panic"))
        })?;
        Ok(started.elapsed())
    }
}
