//! `taskhost:task/context`: which task run this is.

use std::time::Instant;

use wasmtime::component::{ComponentType, Lift, Linker, Lower};
use wasmtime::{Result, StoreContextMut};

use crate::state::HostState;

/// `record context` of the interface.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Context {
    #[component(name = "flow-run")]
    flow_run: String,
    task: String,
    #[component(name = "task-run")]
    task_run: String,
    attempt: u32,
    mapped: bool,
    #[component(name = "map-index")]
    map_index: u32,
    #[component(name = "seconds-left")]
    seconds_left: f64,
}

pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    linker
        .instance("taskhost:task/context@0.1.0")?
        .func_wrap("get", |store: StoreContextMut<'_, HostState>, (): ()| Ok((Context::of(store.data()),)))
}

impl Context {
    fn of(state: &HostState) -> Context {
        let request = &state.request;
        let mapped = !request.mapped.is_empty();
        let place = if mapped { format!("[{}]", state.index) } else { String::new() };
        if request.call.deterministic {
            // What differs from run to run is not for a deterministic task to know.
            // A result that is used again is that of any task with this call.
            let is_shared = request.call.cache.is_some();
            let mapped = mapped && !is_shared;
            let task = if is_shared { String::new() } else { request.task.to_string() };
            let place = if mapped { state.index } else { 0 };
            let seconds_left = state.limits().wall_time_max.as_secs_f64();
            let (flow_run, task_run) = (String::new(), String::new());
            return Context { flow_run, task, task_run, attempt: 1, mapped, map_index: place, seconds_left };
        }
        let left = (state.started + state.limits().wall_time_max).saturating_duration_since(Instant::now());
        Context {
            flow_run: request.flow_run.to_string(),
            task: request.task.to_string(),
            task_run: format!("{}/{}{place}", request.flow_run, request.task),
            attempt: request.attempt,
            mapped,
            map_index: if mapped { state.index } else { 0 },
            seconds_left: left.as_secs_f64(),
        }
    }
}
