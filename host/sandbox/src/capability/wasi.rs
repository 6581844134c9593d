//! WASI 0.2, and 0.3 for components with async functions: linked whole, granted nothing.
//!
//! Toolchains import files, the environment and sockets whether a task uses them or not, so all of it is there; what is not granted
//! answers with a permission error (see [`HostState`]'s `WasiView`).

use wasmtime::Result;
use wasmtime::component::Linker;

use super::Lane;
use crate::state::HostState;

pub(super) fn link(linker: &mut Linker<HostState>, lane: Lane) -> Result<()> {
    match lane {
        Lane::Direct => wasmtime_wasi::p2::add_to_linker_sync(linker),
        Lane::Waiting => wasmtime_wasi::p2::add_to_linker_async(linker),
        Lane::Concurrent => {
            wasmtime_wasi::p2::add_to_linker_async(linker)?;
            wasmtime_wasi::p3::add_to_linker(linker)
        }
    }
}

/// Whether an imported function can make a guest wait. Pollables come from clocks and sockets only: stdin is closed, stdout and stderr
/// never block, and no files are granted.
pub(crate) fn can_wait(interface: &str, function: &str) -> bool {
    let name = interface.split('@').next().unwrap_or(interface);
    match name {
        "wasi:clocks/monotonic-clock" => function.starts_with("subscribe") || function.starts_with("wait"),
        _ => name.starts_with("wasi:sockets/") || name.starts_with("wasi:http/"),
    }
}
