//! [`Sandbox::run_command`]: a whole program (`wasi:cli/run`) in the same sandbox that tasks run in, with the streams of this process.
//!
//! Not a task: it prints as it likes and ends with an exit code. For programs that measure the host, such as WASI's test suites.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use taskhost_model::seams::{CatalogError, Reports, RunScope};
use taskhost_model::{
    Attachment, Ending, FlowRunId, Limits, Refusal, RequestId, TaskCall, TaskFailure, TaskRunReport, TaskRunRequest,
};
use wasmtime::component::{Component, InstancePre};
use wasmtime::{Engine, Result, Store, Trap, UpdateDeadline, format_err};
use wasmtime_wasi::{I32Exit, WasiCtxBuilder};

use crate::capability::{Capabilities, Folder, Lane, Settings, network};
use crate::convert::Shape;
use crate::execute::bounded;
use crate::outcome;
use crate::sandbox::{Loaded, Sandbox};
use crate::state::HostState;
use crate::turn::Turn;

/// What a program is given.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its command line, without its name.
    pub arguments: Vec<String>,
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// Folders of the host that it may read and write, and where it sees them.
    pub folders: Vec<(PathBuf, String)>,
    /// Whether it may use the network as this process may.
    pub network: bool,
    /// The most that it may use. What it prints and returns is not limited.
    pub limits: Limits,
}

impl Command {
    /// A program may take what a user's own program may take, but not run away with the machine.
    pub const LIMITS: Limits = Limits {
        memory_bytes_max: 4 << 30,
        cpu_time_max: Duration::from_secs(24 * 3600),
        wall_time_max: Duration::from_secs(24 * 3600),
        output_bytes_max: u64::MAX,
        result_bytes_max: 1 << 20,
        blob_bytes_max: u64::MAX,
        log_lines_max: u32::MAX,
        files_max: 1_024,
        sockets_max: 1_024,
        handles_max: 1_000_000,
    };
}

/// How a program ended.
#[derive(Debug)]
pub struct CommandOutcome {
    /// Its exit code, or why it has none: a trap or a limit.
    pub ending: Result<i32, TaskFailure>,
    /// What it tried and was not given.
    pub refusals: Vec<Refusal>,
}

impl Sandbox {
    /// Runs the program in the file at `path` to its end, on this thread. An error if it cannot be run at all.
    pub fn run_command(&self, path: &Path, command: Command) -> Result<CommandOutcome, CatalogError> {
        let loaded = self.loaded_file(path)?;
        let Some(export) = run_export(&loaded.engine, &loaded.component) else {
            return Err(CatalogError {
                message: "is no command: it does not export `wasi:cli/run`".to_owned(),
                help: Some("to call one of its functions leave out `--command`".to_owned()),
            });
        };
        // A program may always wait.
        let lane = if loaded.lane == Lane::Concurrent { Lane::Concurrent } else { Lane::Waiting };
        let (_, pre) = self.linked(&loaded, lane)?;
        let limits = command.limits;
        let state = state_of(path, &loaded, command)?;
        let refused = state.refused.clone();
        let ended = self.block_on(in_turns(run(&loaded, &pre, &export, state), limits.cpu_time_max));
        let ending = match ended {
            Ok(Ok(())) => Ok(0),
            Ok(Err(())) => Ok(1),
            Err(error) => match error.downcast_ref::<I32Exit>() {
                Some(exit) => Ok(exit.0),
                None => Err(failure_of(&error, &limits)),
            },
        };
        Ok(CommandOutcome { ending, refusals: refused.take() })
    }
}

/// Its last words, if it had any, are on stderr already.
fn failure_of(error: &wasmtime::Error, limits: &Limits) -> TaskFailure {
    match outcome::ending_of(error, "", limits) {
        Ending::Failed(TaskFailure::Trapped { backtrace, .. })
            if error.downcast_ref() == Some(&Trap::UnreachableCodeReached) =>
        {
            let message = "stopped itself (wasm `unreachable`: an abort or a failed assertion)".to_owned();
            TaskFailure::Trapped { message, backtrace }
        }
        Ending::Failed(failure) => failure,
        // Nobody cancels a program.
        _ => TaskFailure::Lost("it was stopped".to_owned()),
    }
}

/// Counts the time that the program computes.
async fn in_turns<T>(guest: impl Future<Output = T>, cpu_time_max: Duration) -> T {
    let (mut guest, mut computed) = (pin!(guest), Duration::ZERO);
    let nothing = Arc::new(Shape::of_parameters(&[]));
    poll_fn(|context| {
        let began = Instant::now();
        let turn = Turn { result: Arc::clone(&nothing), result_bytes_max: 0, cpu_time_max, began, computed };
        let polled = turn.take(|| guest.as_mut().poll(context));
        computed += began.elapsed();
        polled
    })
    .await
}

async fn run(loaded: &Loaded, pre: &InstancePre<HostState>, export: &str, state: HostState) -> Result<Result<(), ()>> {
    let wall_time_max = state.limits().wall_time_max;
    let (cancelled, until) = (Arc::clone(&state.scope.cancelled), state.started + wall_time_max);
    let mut store = Store::new(&loaded.engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_max_component_handles(store.data().limits().handles_max as usize);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        store.data_mut().tick()?;
        Ok(UpdateDeadline::Yield(1))
    });
    let call = async {
        let instance = pre.instantiate_async(&mut store).await?;
        let interface = instance.get_export_index(&mut store, None, export);
        let function = interface.and_then(|interface| instance.get_export_index(&mut store, Some(&interface), "run"));
        let function = function.ok_or_else(|| format_err!("`{export}` has no function `run`"))?;
        let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut store, &function)?;
        Ok(run.call_async(&mut store, ()).await?.0)
    };
    bounded(call, &cancelled, until, wall_time_max).await
}

/// The name of the exported interface that runs a program.
fn run_export(engine: &Engine, component: &Component) -> Option<String> {
    newest_run(component.component_type().exports(engine).map(|(name, _)| name)).map(str::to_owned)
}

/// Of several versions the newest. A program for WASI 0.3 that was built with a toolchain for 0.2 has both, and what it exports for 0.2 is
/// the toolchain's.
fn newest_run<'n>(exports: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let versions = exports.filter_map(|name| {
        let version = name.strip_prefix("wasi:cli/run@")?;
        let mut numbers = version.split(['.', '-', '+']).map(|number| number.parse::<u32>().unwrap_or_default());
        let version: [u32; 3] = std::array::from_fn(|_| numbers.next().unwrap_or_default());
        Some((version, name))
    });
    versions.max().map(|(_, name)| name)
}

fn state_of(path: &Path, loaded: &Loaded, command: Command) -> Result<HostState, CatalogError> {
    let name: Arc<str> = path.file_name().unwrap_or_default().to_string_lossy().into();
    let folders = command.folders.iter().map(|(host, guest)| {
        Folder::whole(host, guest).map_err(|error| CatalogError {
            message: format!("cannot be given the folder `{}`: {error}", host.display()),
            help: None,
        })
    });
    let capabilities = Capabilities {
        folders: folders.collect::<Result<_, _>>()?,
        environment: Vec::new(),
        settings: Settings::default(),
        seed: None,
    };
    let mut wasi = WasiCtxBuilder::new();
    wasi.inherit_stdio().arg(&name).args(&command.arguments).envs(&command.environment);
    let scope = RunScope { cancelled: Arc::new(AtomicBool::new(false)), reports: Arc::new(Nobody) };
    let request = Arc::new(request(loaded, &name, command.limits));
    let state = HostState::new(&request, 0, &scope, Some(&Arc::new(capabilities)), false, Instant::now());
    if command.network {
        wasi.inherit_network().allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
    } else {
        network::set_up(&mut wasi, &state.network, &request.call, &state.refused);
    }
    Ok(state.for_program(wasi.build(), command.network))
}

/// A program is no task run; this one stands for it.
fn request(loaded: &Loaded, name: &Arc<str>, limits: Limits) -> TaskRunRequest {
    let call = TaskCall {
        component: loaded.signature.digest,
        component_name: Arc::clone(name),
        interface: None,
        function: "run".into(),
        parameters: Vec::new(),
        result: None,
        limits,
        grants: Arc::default(),
        deterministic: false,
        cache: None,
    };
    TaskRunRequest {
        flow_run: FlowRunId::new(0, 0),
        id: RequestId(0),
        task: Arc::clone(name),
        call: Arc::new(call),
        arguments: Arc::new([]),
        mapped: Arc::new([]),
        elements_from: 0,
        indexes: 0..1,
        attempt: 1,
    }
}

/// Nobody reads the log of a program: it prints by itself.
struct Nobody;

impl Reports for Nobody {
    fn ended(&self, _: TaskRunReport) {}
    fn attach(&self, _: &Arc<str>, _: u32, _: Attachment) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_versions_of_run_the_newest_is_called() {
        let newest = |names: &[&'static str]| newest_run(names.iter().copied());
        assert_eq!(newest(&["wasi:cli/run@0.2.12", "wasi:cli/run@0.3.0"]), Some("wasi:cli/run@0.3.0"));
        assert_eq!(newest(&["wasi:cli/run@0.2.12", "wasi:cli/run@0.2.9"]), Some("wasi:cli/run@0.2.12"));
        assert_eq!(newest(&["wasi:cli/runs@0.3.0", "run"]), None);
    }
}
