//! `deterministic`: clocks that only the guest's own waiting moves on, and random numbers made of what the task run is, so that equal task
//! runs give equal bytes.
//!
//! The clock on the wall begins at 1970-01-01T00:00:00Z, the monotonic one at 1 ns; both stand still while the guest computes; a wait takes its real time and moves them on by
//! exactly its length. What is ready when is decided on these clocks alone: of several timers the earliest, and none before files that the
//! guest waits for as well. Random numbers are the BLAKE3 output stream, keyed by component, function, arguments and grants. Files have no
//! times, folders are listed by name, and a file's identity is the order in which the guest met it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blake3::{Hasher, OutputReader};
use rand_core::TryRng;
use taskhost_model::{TaskCall, TaskRunRequest, Value, ValueType, json};
use tokio::sync::Notify;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as MonotonicClock;
use wasmtime_wasi::p2::bindings::io::poll::{Host as PollHost, HostPollable};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder, async_trait};

use super::Lane;
use crate::state::HostState;

/// Files that a deterministic task run may tell apart; the host remembers each.
const FILES_MAX: u64 = 1 << 16;

/// What makes random numbers of one name no others.
const CONTEXT: &str = "taskhost 2026-11 random numbers of a deterministic task run";

/// The part of a seed that all runs of a task share.
#[derive(Clone)]
pub(crate) struct Seed(Hasher);

impl Seed {
    pub(super) fn of_task(call: &TaskCall) -> Seed {
        let mut hasher = Hasher::new_derive_key(CONTEXT);
        let mut add = |part: &[u8]| {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        add(call.component.hex().as_bytes());
        add(call.interface.as_deref().unwrap_or_default().as_bytes());
        add(call.function.as_bytes());
        // Where a folder lies differs from machine to machine.
        let mut grants = (*call.grants).clone();
        grants.folders.iter_mut().for_each(|folder| folder.base = folder.base.take().map(|_| PathBuf::new()));
        add(format!("{grants:?}").as_bytes());
        Seed(hasher)
    }

    /// The random numbers of a task run with these arguments.
    fn numbers(&self, request: &TaskRunRequest, index: u32) -> Numbers {
        let mut hasher = self.0.clone();
        let call = &request.call;
        for (at, ty) in call.parameters.iter().enumerate() {
            let text = request.argument(at, index).map(|value| text_of(&value, ty)).unwrap_or_default();
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        Numbers(hasher.finalize_xof())
    }
}

fn text_of(value: &Value, ty: &ValueType) -> String {
    json::to_string(value, ty)
}

/// An endless stream of random bytes.
struct Numbers(OutputReader);

impl TryRng for Numbers {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

/// The monotonic clock when a task run begins, in nanoseconds. Not 0: that means "no time" to Go's runtime, which then stops.
const BEGIN: u64 = 1;

/// Nanoseconds that the guest has waited, and [`BEGIN`].
#[derive(Clone, Default)]
pub(crate) struct VirtualClock(Arc<Moments>);

struct Moments {
    now: AtomicU64,
    /// Waits of several async calls of the guest, in the order in which they have to end.
    waits: Mutex<BTreeSet<(u64, u64)>>,
    waits_made: AtomicU64,
    wait_ended: Notify,
}

impl Default for Moments {
    fn default() -> Moments {
        let now = AtomicU64::new(BEGIN);
        Moments { now, waits: Mutex::default(), waits_made: AtomicU64::default(), wait_ended: Notify::default() }
    }
}

impl VirtualClock {
    fn nanoseconds(&self) -> u64 {
        self.0.now.load(Ordering::Relaxed)
    }

    fn reach(&self, nanoseconds: u64) {
        self.0.now.fetch_max(nanoseconds, Ordering::Relaxed);
    }

    fn waits(&self) -> MutexGuard<'_, BTreeSet<(u64, u64)>> {
        self.0.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the clock says so, after every wait that ends before.
    pub(super) async fn wait(&self, until: u64) {
        let length = Duration::from_nanos(until.saturating_sub(self.nanoseconds()));
        let place = (until, self.0.waits_made.fetch_add(1, Ordering::Relaxed));
        self.waits().insert(place);
        let place = WaitPlace { clock: self, place };
        tokio::time::sleep(length).await;
        loop {
            let ended = self.0.wait_ended.notified();
            if self.waits().first() == Some(&place.place) {
                break;
            }
            ended.await;
        }
        self.reach(until);
    }
}

/// A wait's place among the others; given back also if the guest no longer waits.
struct WaitPlace<'a> {
    clock: &'a VirtualClock,
    place: (u64, u64),
}

impl Drop for WaitPlace<'_> {
    fn drop(&mut self) {
        self.clock.waits().remove(&self.place);
        self.clock.0.wait_ended.notify_waiters();
    }
}

impl HostMonotonicClock for VirtualClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.nanoseconds()
    }
}

impl HostWallClock for VirtualClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds().saturating_sub(BEGIN))
    }
}

/// What a deterministic task run has done so far.
#[derive(Default)]
pub(crate) struct Deterministic {
    clock: VirtualClock,
    /// When the timers that the guest holds are due.
    timers: HashMap<u32, u64>,
    /// Files in the order in which the guest met them, by what tells them apart on this machine.
    files: HashMap<(u64, u64), u64>,
}

impl Deterministic {
    /// Sets up a deterministic task run.
    pub(crate) fn set_up(
        wasi: &mut WasiCtxBuilder,
        seed: &Seed,
        request: &TaskRunRequest,
        index: u32,
    ) -> Deterministic {
        let made = Deterministic::default();
        wasi.wall_clock(made.clock.clone()).monotonic_clock(made.clock.clone());
        let mut numbers = seed.numbers(request, index);
        let mut word = [0; 48];
        numbers.0.fill(&mut word);
        let stream = |key: &[u8]| Numbers(Hasher::new_derive_key(CONTEXT).update(key).finalize_xof());
        let mut half = [0; 16];
        half.copy_from_slice(&word[32..]);
        wasi.insecure_random_seed(u128::from_le_bytes(half))
            .insecure_random(stream(&word[..32]))
            .secure_random(numbers);
        made
    }

    fn due(&self, pollable: u32) -> Option<u64> {
        self.timers.get(&pollable).copied()
    }

    /// What tells a file from others: its number. None if the guest has met too many.
    pub(super) fn number_of(&mut self, lower: u64, upper: u64) -> Option<u64> {
        let next = self.files.len() as u64 + 1;
        match self.files.entry((lower, upper)) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(_) if next > FILES_MAX => None,
            Entry::Vacant(new) => Some(*new.insert(next)),
        }
    }
}

/// A timer, whose readiness is looked up in [`Deterministic::timers`].
struct Timer;

#[async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {}
}

type Store<'a> = StoreContextMut<'a, HostState>;
type Held = Resource<DynPollable>;

fn again(pollable: &Held) -> Held {
    Resource::new_borrow(pollable.rep())
}

impl HostState {
    /// The clock of a deterministic task run; none for all others. WASI's context brings it.
    pub(super) fn virtual_clock(&mut self) -> Option<VirtualClock> {
        let _ = self.clocks();
        self.deterministic.as_ref().map(|run| run.clock.clone())
    }

    pub(crate) fn is_deterministic(&self) -> bool {
        self.capabilities.as_ref().is_some_and(|capabilities| capabilities.seed.is_some())
    }

    /// The guest's monotonic time, in nanoseconds.
    pub(super) fn guest_time(&mut self) -> u64 {
        match self.virtual_clock() {
            Some(clock) => clock.nanoseconds(),
            None => MonotonicClock::now(&mut self.clocks()).unwrap_or_default(),
        }
    }

    fn timer(&mut self, until: u64) -> Result<Held> {
        let table = self.clocks().table;
        let timer = table.push(Timer)?;
        let pollable = subscribe(table, timer)?;
        if let Some(run) = &mut self.deterministic {
            run.timers.insert(pollable.rep(), until);
        }
        Ok(pollable)
    }

    fn subscribe_duration(&mut self, length: u64) -> Result<Held> {
        match self.virtual_clock() {
            None => MonotonicClock::subscribe_duration(&mut self.clocks(), length),
            Some(clock) => self.timer(clock.nanoseconds().saturating_add(length)),
        }
    }

    fn subscribe_instant(&mut self, until: u64) -> Result<Held> {
        match self.virtual_clock() {
            None => MonotonicClock::subscribe_instant(&mut self.clocks(), until),
            Some(_) => self.timer(until),
        }
    }

    async fn block(&mut self, pollable: Held) -> Result<()> {
        match self.deterministic.as_ref().and_then(|run| Some((run.clock.clone(), run.due(pollable.rep())?))) {
            None => HostPollable::block(&mut self.table, pollable).await?,
            Some((clock, due)) => clock.wait(due).await,
        }
        Ok(())
    }

    async fn is_ready(&mut self, pollable: Held) -> Result<bool> {
        let Some(run) = &self.deterministic else { return HostPollable::ready(&mut self.table, pollable).await };
        if let Some(due) = run.due(pollable.rep()) {
            return Ok(due <= run.clock.nanoseconds());
        }
        // How far a file has come by now is a matter of real time.
        HostPollable::block(&mut self.table, pollable).await?;
        Ok(true)
    }

    async fn poll(&mut self, pollables: Vec<Held>) -> Result<Vec<u32>> {
        let Some(run) = self.deterministic.as_ref().filter(|_| !pollables.is_empty()) else {
            return PollHost::poll(&mut self.table, pollables).await;
        };
        let clock = run.clock.clone();
        let dues: Vec<Option<u64>> = pollables.iter().map(|pollable| run.due(pollable.rep())).collect();
        let others: Vec<Held> =
            pollables.iter().zip(&dues).filter(|(_, due)| due.is_none()).map(|(pollable, _)| again(pollable)).collect();
        match dues.iter().flatten().min() {
            Some(first) if others.is_empty() => clock.wait(*first).await,
            _ => {
                for other in others {
                    HostPollable::block(&mut self.table, other).await?;
                }
            }
        }
        let now = clock.nanoseconds();
        let ready = (0..).zip(&dues).filter(|(_, due)| due.is_none_or(|due| due <= now));
        Ok(ready.map(|(at, _)| at).collect())
    }

    fn drop_pollable(&mut self, rep: u32) -> Result<()> {
        if let Some(run) = &mut self.deterministic {
            run.timers.remove(&rep);
        }
        HostPollable::drop(&mut self.table, Resource::new_own(rep))
    }
}

/// Replaces the timers, which would else wait for a clock that stands still, and the waiting for them. A guest on the direct lane has none.
pub(super) fn link(linker: &mut Linker<HostState>, lane: Lane) -> Result<()> {
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.12")?;
    clock.func_wrap("subscribe-duration", |mut store: Store<'_>, (length,): (u64,)| {
        Ok((store.data_mut().subscribe_duration(length)?,))
    })?;
    clock.func_wrap("subscribe-instant", |mut store: Store<'_>, (until,): (u64,)| {
        Ok((store.data_mut().subscribe_instant(until)?,))
    })?;
    if lane == Lane::Direct {
        return Ok(());
    }
    let mut poll = linker.instance("wasi:io/poll@0.2.12")?;
    poll.resource("pollable", ResourceType::host::<DynPollable>(), |mut store, rep| {
        store.data_mut().drop_pollable(rep)
    })?;
    poll.func_wrap_async("poll", |mut store: Store<'_>, (pollables,): (Vec<Held>,)| {
        Box::new(async move { Ok((store.data_mut().poll(pollables).await?,)) })
    })?;
    poll.func_wrap_async("[method]pollable.block", |mut store: Store<'_>, (pollable,): (Held,)| {
        Box::new(async move { store.data_mut().block(pollable).await })
    })?;
    poll.func_wrap_async("[method]pollable.ready", |mut store: Store<'_>, (pollable,): (Held,)| {
        Box::new(async move { Ok((store.data_mut().is_ready(pollable).await?,)) })
    })
}
