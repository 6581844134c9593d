//! The two wasmtime engines and their configuration.
//!
//! The [`general`](Engines::general) engine has no component-model concurrency: on it an instance costs a third (13.8 against
//! 34.8 µs for a call, measured). Components with async exports (WASI 0.3) need it, so they run on a second engine that is
//! made when the first such component comes.

use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result};

use crate::compile::EngineKind;

/// How late a deadline may be noticed while a guest computes.
const TICK: Duration = Duration::from_millis(4);

/// Stack of a guest: enough for deep recursion, well below the 2 MiB fiber that it may run on.
const GUEST_STACK_BYTES: usize = 512 << 10;

/// Address space of one memory: all that a 32-bit guest can address, so that no access needs a bounds check.
const MEMORY_BYTES_MAX: usize = 4 << 30;

/// Pages of an instance that stay mapped for the next one in its slot.
const KEEP_RESIDENT_BYTES: usize = 1 << 20;

/// An engine for components without async exports.
pub(crate) fn general(instances: usize) -> Result<Engine> {
    let config = running(EngineKind::General, instances, has_pagemap_scan());
    ticking(Engine::new(&config)?)
}

/// An engine for components with async exports.
pub(crate) fn concurrent(instances: usize) -> Result<Engine> {
    let config = running(EngineKind::Concurrent, instances, has_pagemap_scan());
    ticking(Engine::new(&config)?)
}

/// An engine that compiles for one of the others and runs nothing: it has their settings, but reserves no slots.
pub(crate) fn compiling(kind: EngineKind) -> Result<Engine> {
    Engine::new(&base(kind))
}

fn running(kind: EngineKind, instances: usize, pagemap_scan: bool) -> Config {
    let mut config = base(kind);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances, pagemap_scan)));
    config
}

/// Everything that compiled code depends on.
fn base(kind: EngineKind) -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    config.max_wasm_stack(GUEST_STACK_BYTES);
    match kind {
        EngineKind::General => config.concurrency_support(false),
        EngineKind::Concurrent => config.concurrency_support(true).wasm_component_model_async(true),
    };
    config
}

/// Parts that one component may have of each kind, so that the largest one fits in the smallest pool.
const PARTS: u32 = 64;

/// Most slots for memories: each takes 4 GiB of address space, of which there are 128 TiB.
const MEMORIES_MAX: u32 = 16 << 10;

/// Slots for so many instances. Components of several modules take several memories and tables, and calls of async functions several
/// stacks; when the slots run out, a task run waits for one.
fn pool(instances: usize, pagemap_scan: bool) -> PoolingAllocationConfig {
    let count = u32::try_from(instances).unwrap_or(u32::MAX).min(1 << 20);
    let several = 4 * count + PARTS;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(count)
        .total_core_instances(several)
        .total_memories(several.min(MEMORIES_MAX.max(count)))
        .total_tables(several)
        .total_stacks(several)
        .max_memory_size(MEMORY_BYTES_MAX)
        .max_unused_warm_slots(100);
    if pagemap_scan {
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(KEEP_RESIDENT_BYTES).table_keep_resident(64 << 10);
    } else {
        // Without the scan the whole kept part is cleared by hand after each run: 70 against 32 µs.
        pool.pagemap_scan(Enabled::No).linear_memory_keep_resident(0).table_keep_resident(0);
    }
    pool
}

/// Whether the kernel (Linux 6.7 or newer) can tell which pages a guest has touched.
fn has_pagemap_scan() -> bool {
    PoolingAllocationConfig::is_pagemap_scan_available()
}

/// A thread that moves the engine's epoch on, so that guests look at their deadlines. It ends with the engine. A thread of its
/// own, because a ticker among the guests would not tick under load.
fn ticking(engine: Engine) -> Result<Engine> {
    let weak = engine.weak();
    std::thread::Builder::new().name("taskhost-epoch".to_owned()).spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    })?;
    Ok(engine)
}

#[cfg(test)]
mod tests {
    use wasmtime::Store;
    use wasmtime::component::{Component, Linker};

    use super::*;

    /// What a file of the compile cache is named by, and what wasmtime compares when it loads compiled code.
    fn hash(engine: &Engine) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn what_is_compiled_elsewhere_fits_the_engine_that_runs_it() {
        let compiling = |kind| hash(&compiling(kind).expect("an engine"));
        assert_eq!(hash(&general(4).expect("an engine")), compiling(EngineKind::General));
        assert_eq!(hash(&concurrent(4).expect("an engine")), compiling(EngineKind::Concurrent));
        assert_ne!(compiling(EngineKind::General), compiling(EngineKind::Concurrent));
    }

    #[test]
    fn guests_run_on_a_kernel_with_and_without_pagemap_scan() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests/tiny/components/tiny.wasm");
        for pagemap_scan in [false, has_pagemap_scan()] {
            let config = running(EngineKind::General, 4, pagemap_scan);
            let engine = ticking(Engine::new(&config).expect("an engine")).expect("a ticker");
            let component = Component::from_file(&engine, path).expect("the guest; run `cargo xtask guests` first");
            // Twice through the same slot: it is made clean in between.
            for _ in 0..2 {
                let mut store = Store::new(&engine, ());
                store.set_epoch_deadline(1_000);
                Linker::new(&engine).instantiate(&mut store, &component).expect("an instance");
            }
        }
    }
}
