//! One task run: a fresh instance, one call, and everything of it dropped.
//!
//! [`Prepared`] is what all runs of a task share. A component that has nothing to wait for is called directly; any other
//! becomes a future ([`Run`]) that a pool's threads poll, each poll a [`Turn`].

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use taskhost_model::seams::{PreparedTask, RunScope, Started};
use taskhost_model::{Ending, Limit, Refusals, TaskCall, TaskFailure, TaskRunOutcome, TaskRunRequest, Usage, Value};
use tokio::time::Sleep;
use wasmtime::component::{ComponentExportIndex, Instance, InstancePre, TypedFunc};
use wasmtime::{CallHook, PoolConcurrencyLimitError, Result, Store, UpdateDeadline, format_err};

use crate::capability::{BlobsOfRun, Capabilities, Lane};
use crate::convert::{Arguments, Returned, Shape};
use crate::limiter::Limiter;
use crate::outcome::Stop;
use crate::sandbox::Loaded;
use crate::state::HostState;
use crate::turn::Turn;
use crate::{inspect, outcome};

/// Bytes that a guest may hand to one host call (a write, a log message): far more than any WASI call takes.
const HOST_CALL_BYTES_MAX: usize = 16 << 20;

/// How long a task run waits before it asks again for a slot of the instance pool.
const SLOT_RETRY: Duration = Duration::from_millis(2);

/// What all runs of a task share.
pub(crate) struct Prepared(Arc<Shared>);

struct Shared {
    loaded: Arc<Loaded>,
    /// As linked for the lane on which the task runs.
    pre: InstancePre<HostState>,
    lane: Lane,
    capabilities: Option<Arc<Capabilities>>,
    function: ComponentExportIndex,
    parameters: Arc<Shape>,
    result: Arc<Shape>,
    /// An async function hands its result over otherwise.
    is_async: bool,
}

impl Prepared {
    pub(crate) fn new(
        loaded: Arc<Loaded>,
        (lane, pre): (Lane, InstancePre<HostState>),
        call: &TaskCall,
        capabilities: Option<Arc<Capabilities>>,
    ) -> Result<Prepared, TaskFailure> {
        let missing = || {
            TaskFailure::Unusable(format!("component `{}` has no function `{}`", call.component_name, call.function))
        };
        // The types decide how bytes are read, so they are the component's own, whatever the caller believes.
        let known = loaded
            .signature
            .tasks
            .iter()
            .find(|task| task.interface == call.interface && task.function == call.function);
        let task = known.ok_or_else(missing)?;
        let types: Vec<_> = task.parameters.iter().map(|(_, ty)| ty.clone()).collect();
        if types != call.parameters || task.result != call.result {
            return Err(TaskFailure::Unusable(format!(
                "`{}` has other types than the flow was checked with",
                call.function
            )));
        }
        let component = &loaded.component;
        let interface = match &call.interface {
            Some(name) => Some(component.get_export_index(None, &**name).ok_or_else(missing)?),
            None => None,
        };
        let function = component.get_export_index(interface.as_ref(), &*call.function).ok_or_else(missing)?;
        let parameters = Arc::new(Shape::of_parameters(&types));
        let result = Arc::new(task.result.as_ref().map_or_else(|| Shape::of_parameters(&[]), Shape::of));
        let is_async = inspect::is_async_function(&loaded.engine, component, call.interface.as_deref(), &call.function);
        Ok(Prepared(Arc::new(Shared { loaded, pre, lane, capabilities, function, parameters, result, is_async })))
    }
}

impl PreparedTask for Prepared {
    fn start(&self, request: &Arc<TaskRunRequest>, index: u32, scope: &RunScope) -> Started {
        let started = Instant::now();
        let arguments = match arguments(request, index) {
            Ok(arguments) => Arguments { shape: Arc::clone(&self.0.parameters), values: arguments },
            Err(failure) => {
                return Started::Ended(TaskRunOutcome::without_usage(Ending::Failed(failure)));
            }
        };
        let (capabilities, has_network) = (self.0.capabilities.as_ref(), self.0.loaded.has_network);
        let mut state = HostState::new(request, index, scope, capabilities, has_network, started);
        state.blobs = BlobsOfRun::new(self.0.loaded.blobs.as_ref());
        state.bytes_in = arguments.values.iter().map(Value::size_bytes).sum();
        if self.0.lane == Lane::Direct {
            return Started::Ended(self.0.run_directly(state, arguments));
        }
        let (result, limits) = (Arc::clone(&self.0.result), request.call.limits);
        let shared = Arc::clone(&self.0);
        Started::Waiting(Box::pin(Run {
            guest: Box::pin(async move { shared.run_waiting(state, arguments).await }),
            result,
            result_bytes_max: limits.result_bytes_max,
            cpu_time_max: limits.cpu_time_max,
            started,
            computed: Duration::ZERO,
        }))
    }
}

/// The arguments of the run at `index`: of each mapped list its element.
fn arguments(request: &TaskRunRequest, index: u32) -> Result<Vec<Value>, TaskFailure> {
    let mut values = request.arguments.to_vec();
    for at in request.mapped.iter() {
        match (values.get_mut(*at), request.argument(*at, index)) {
            (Some(slot), Some(element)) => *slot = element,
            _ => return Err(TaskFailure::BadArguments(format!("a mapped list has no element {index}"))),
        }
    }
    Ok(values)
}

/// A guest that is over.
struct Finished {
    ending: Ending,
    memory_bytes_peak: u64,
    output_bytes: u64,
    bytes_in: u64,
    bytes_out: u64,
    host_calls: u64,
    refusals: Refusals,
}

impl Shared {
    fn store(&self, state: HostState) -> Store<HostState> {
        let mut store = Store::new(&self.loaded.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(HOST_CALL_BYTES_MAX);
        store.set_max_component_handles(store.data().limits().handles_max as usize);
        store.set_epoch_deadline(1);
        store.call_hook(|mut store, hook| {
            store.data_mut().host_calls += u64::from(matches!(hook, CallHook::CallingHost));
            Ok(())
        });
        store
    }

    fn run_directly(&self, state: HostState, arguments: Arguments) -> TaskRunOutcome {
        let (began, limits) = (state.started, *state.limits());
        let turn = Turn {
            result: Arc::clone(&self.result),
            result_bytes_max: limits.result_bytes_max,
            cpu_time_max: limits.cpu_time_max,
            began,
            computed: Duration::ZERO,
        };
        let (store, result) = turn.take(|| self.call_directly(state, arguments));
        let finished = finish(store, result);
        let wall_time = began.elapsed();
        outcome_of(finished, wall_time, wall_time)
    }

    fn call_directly(&self, mut state: HostState, arguments: Arguments) -> (Store<HostState>, Result<Value>) {
        loop {
            let mut store = self.store(state);
            store.epoch_deadline_callback(|mut store| {
                store.data_mut().tick()?;
                Ok(UpdateDeadline::Continue(1))
            });
            match self.pre.instantiate(&mut store) {
                // A store counts what was tried in it, so each try has its own.
                Err(error) if error.is::<PoolConcurrencyLimitError>() => {
                    if let Err(stop) = store.data().check_deadlines() {
                        return (store, Err(stop.into()));
                    }
                    state = again(store);
                    std::thread::sleep(SLOT_RETRY);
                }
                Err(error) => return (store, Err(error)),
                Ok(instance) => {
                    let result = self.blobs_in(&mut store, arguments);
                    let result = result.and_then(|arguments| self.call_instance(&mut store, instance, arguments));
                    let result = result.and_then(|value| self.blobs_out(&mut store, value));
                    return (store, result);
                }
            }
        }
    }

    fn blobs_in(&self, store: &mut Store<HostState>, arguments: Arguments) -> Result<Arguments> {
        if arguments.shape.has_blobs() { store.data_mut().blobs_in(arguments) } else { Ok(arguments) }
    }

    fn blobs_out(&self, store: &mut Store<HostState>, result: Value) -> Result<Value> {
        if self.result.has_blobs() { store.data_mut().blobs_out(&self.result, &result) } else { Ok(result) }
    }

    fn call_instance(&self, store: &mut Store<HostState>, instance: Instance, arguments: Arguments) -> Result<Value> {
        if self.result.flat_count() == 0 {
            Ok(self.function::<0>(store, &instance)?.call(store, arguments)?.0)
        } else {
            Ok(self.function::<1>(store, &instance)?.call(store, arguments)?.0)
        }
    }

    async fn run_waiting(&self, state: HostState, arguments: Arguments) -> Finished {
        let wall_time_max = state.limits().wall_time_max;
        let (cancelled, until) = (Arc::clone(&state.scope.cancelled), state.started + wall_time_max);
        let mut state = state;
        loop {
            let mut store = self.store(state);
            store.epoch_deadline_callback(|mut store| {
                store.data_mut().tick()?;
                // Others of this pool get their turn.
                Ok(UpdateDeadline::Yield(1))
            });
            let instance = bounded(self.pre.instantiate_async(&mut store), &cancelled, until, wall_time_max).await;
            let result = match instance {
                // A store counts what was tried in it, so each try has its own.
                Err(error) if error.is::<PoolConcurrencyLimitError>() => {
                    if let Err(stop) = store.data().check_deadlines() {
                        return finish(store, Err(stop.into()));
                    }
                    state = again(store);
                    tokio::time::sleep(SLOT_RETRY).await;
                    continue;
                }
                Err(error) => Err(error),
                Ok(instance) => match self.blobs_in(&mut store, arguments) {
                    Ok(arguments) => {
                        let call = self.call_waiting(&mut store, instance, arguments);
                        let result = bounded(call, &cancelled, until, wall_time_max).await;
                        result.and_then(|value| self.blobs_out(&mut store, value))
                    }
                    Err(error) => Err(error),
                },
            };
            return finish(store, result);
        }
    }

    async fn call_waiting(
        &self,
        store: &mut Store<HostState>,
        instance: Instance,
        arguments: Arguments,
    ) -> Result<Value> {
        // An async export hands over up to 16 core values, any other one at most.
        macro_rules! call {
            ($($count:literal)*) => {
                match self.core_results() {
                    $($count => Ok(self.function::<$count>(store, &instance)?.call_async(&mut *store, arguments).await?.0),)*
                    count => Err(format_err!("a result of {count} core values")),
                }
            };
        }
        call!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    }

    /// How many core values the function returns, after the Canonical ABI has replaced too many by a pointer.
    fn core_results(&self) -> usize {
        let direct_max = if self.is_async { 16 } else { 1 };
        if self.result.flat_count() > direct_max { 1 } else { self.result.flat_count() }
    }

    #[expect(unsafe_code, reason = "the types are checked at run time; see the argument inside")]
    fn function<const N: usize>(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
    ) -> Result<TypedFunc<Arguments, Returned<N>>> {
        let function =
            instance.get_func(&mut *store, self.function).ok_or_else(|| format_err!("the function is gone"))?;
        // SAFETY: the function must take `Arguments` and return `Returned<N>`: their shapes were made from the component's own
        // types for this very function in `Prepared::new`, and `N` is its number of core results. `convert/lift_lower.rs`
        // argues why a wrong shape could not touch the host's memory.
        Ok(unsafe { TypedFunc::new_unchecked(function) })
    }
}

/// The state of a guest that found no slot, for its next try.
fn again(store: Store<HostState>) -> HostState {
    let mut state = store.into_data();
    state.limiter = Limiter::new(state.limits().memory_bytes_max);
    state
}

/// The call of a guest that may wait, ended at its timeout and when its flow run is cancelled, also while it waits.
pub(crate) async fn bounded<T>(
    call: impl Future<Output = Result<T>>,
    cancelled: &AtomicBool,
    until: Instant,
    wall_time_max: Duration,
) -> Result<T> {
    let mut call = pin!(call);
    // Made when the guest first waits: most never do.
    let mut deadline: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        if cancelled.load(Ordering::Relaxed) {
            return Poll::Ready(Err(Stop::Cancelled.into()));
        }
        if let Poll::Ready(result) = call.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        let deadline = deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
        deadline.as_mut().poll(context).map(|()| Err(Stop::Limit(Limit::Timeout(wall_time_max)).into()))
    })
    .await
}

/// Ends a guest: its log is completed, its usage read, and everything of it dropped with the store.
fn finish(store: Store<HostState>, result: Result<Value>) -> Finished {
    let state = store.data();
    let (stderr, output_bytes, printed) = match state.output() {
        Some(output) => (output.finish(), output.bytes(), output.printed()),
        None => (String::new(), 0, 0),
    };
    let (ending, result_bytes) = match result {
        Ok(value) => {
            let bytes = value.size_bytes();
            (Ending::Returned(value), bytes)
        }
        Err(error) => (outcome::ending_of(&error, &stderr, state.limits()), 0),
    };
    let mut refusals = state.refused.take();
    let ending = match state.masks() {
        Some(masks) => outcome::without_secrets(ending, &mut refusals, masks),
        None => ending,
    };
    Finished {
        ending,
        memory_bytes_peak: state.limiter.peak(),
        output_bytes,
        bytes_in: state.bytes_in + state.traffic.read,
        bytes_out: result_bytes + output_bytes + state.traffic.written.saturating_sub(printed),
        host_calls: state.host_calls,
        refusals: Refusals::new(refusals),
    }
}

fn outcome_of(finished: Finished, wall_time: Duration, cpu_time: Duration) -> TaskRunOutcome {
    let Finished { ending, memory_bytes_peak, output_bytes, bytes_in, bytes_out, host_calls, refusals } = finished;
    let usage = Usage { wall_time, cpu_time, memory_bytes_peak, output_bytes, bytes_in, bytes_out, host_calls };
    TaskRunOutcome { ending, usage, refusals }
}

/// A task run that may wait.
struct Run {
    guest: Pin<Box<dyn Future<Output = Finished> + Send>>,
    result: Arc<Shape>,
    result_bytes_max: u64,
    cpu_time_max: Duration,
    started: Instant,
    computed: Duration,
}

impl Future for Run {
    type Output = TaskRunOutcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TaskRunOutcome> {
        let run = &mut *self;
        let began = Instant::now();
        let turn = Turn {
            result: Arc::clone(&run.result),
            result_bytes_max: run.result_bytes_max,
            cpu_time_max: run.cpu_time_max,
            began,
            computed: run.computed,
        };
        let polled = turn.take(|| run.guest.as_mut().poll(context));
        run.computed += began.elapsed();
        polled.map(|finished| outcome_of(finished, run.started.elapsed(), run.computed))
    }
}
