//! What the host offers to guests: one file for each capability, linked once for each engine.
//!
//! `wasi` links all of WASI with nothing granted; `log`, `progress` and `context` are ours (`wit/task.wit`).

mod context;
mod log;
mod progress;
pub(crate) mod wasi;

use wasmtime::component::Linker;
use wasmtime::{Engine, Result};

use crate::state::HostState;

/// How the functions of a linker behave when a guest has to wait.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Lane {
    /// The guest cannot wait: its imports have nothing to wait for. The cheapest way to call it.
    Direct,
    /// The guest may wait; it holds no thread while it does.
    Waiting,
    /// The guest has async exports or imports (WASI 0.3).
    Concurrent,
}

impl Lane {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Lane::Direct => "direct (it has nothing to wait for)",
            Lane::Waiting => "waiting (it holds no thread while it waits)",
            Lane::Concurrent => "concurrent (it has async functions)",
        }
    }
}

/// A linker with everything that the host has.
pub(crate) fn linker(engine: &Engine, lane: Lane) -> Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    wasi::link(&mut linker, lane)?;
    log::link(&mut linker)?;
    progress::link(&mut linker)?;
    context::link(&mut linker)?;
    Ok(linker)
}
