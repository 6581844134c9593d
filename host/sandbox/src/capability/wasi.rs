//! WASI 0.2, and 0.3 for components with async functions: linked whole. What needs a grant is replaced by its capability's own functions.

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

/// Whether an imported function can make a guest wait, whatever it is granted. Pollables come from clocks, sockets and HTTP, and a blob may have to be fetched: stdin is
/// closed, stdout and stderr never block, and files are judged by the grants ([`Lane::with_grants`]).
pub(crate) fn can_wait(interface: &str, function: &str) -> bool {
    let name = interface.split('@').next().unwrap_or(interface);
    match name {
        "wasi:clocks/monotonic-clock" => function.starts_with("subscribe") || function.starts_with("wait"),
        "taskhost:task/blobs" => super::blobs::can_wait(function),
        _ => name.starts_with("wasi:sockets/") || name.starts_with("wasi:http/"),
    }
}
