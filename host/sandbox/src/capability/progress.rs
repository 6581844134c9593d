//! `taskhost:task/progress`: how far a task run is, shown live and never stored.

use taskhost_model::Attachment;
use wasmtime::component::{Linker, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::state::HostState;

/// Characters of a message that are shown; the rest would not fit a line anyway.
const MESSAGE_CHARS_MAX: usize = 200;

pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    linker.instance("taskhost:task/progress@0.1.0")?.func_wrap(
        "report",
        |store: StoreContextMut<'_, HostState>, (done, total, message): (u32, u32, WasmStr)| {
            let message: String = message.to_str(&store)?.into_owned();
            let state = store.data();
            let message = state.masks().map_or_else(|| message.clone(), |masks| masks.masked(message.clone()));
            let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
            state.scope.reports.attach(&state.request.task, state.index, Attachment::Progress { done, total, message });
            Ok(())
        },
    )
}
