//! `deterministic`: clocks that only the guest's own waiting moves on, and random numbers made of what the task run is, so that equal task
//! runs give equal bytes.
//!
//! Both clocks begin at 0 (1970-01-01T00:00:00Z) and stand still while the guest computes; a wait takes its real time and moves them on by
//! exactly its length. Random numbers are the BLAKE3 output stream, keyed by component, function, arguments and grants.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use blake3::{Hasher, OutputReader};
use rand_core::TryRng;
use taskhost_model::{TaskCall, TaskRunRequest, Value, ValueType, json};
use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as MonotonicClock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder, async_trait};

use crate::state::HostState;

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
        add(format!("{:?}", call.grants).as_bytes());
        Seed(hasher)
    }

    /// The random numbers of a task run with these arguments.
    fn numbers(&self, request: &TaskRunRequest, index: u32) -> Numbers {
        let mut hasher = self.0.clone();
        let call = &request.call;
        for (at, (value, ty)) in request.arguments.iter().zip(&call.parameters).enumerate() {
            let text = match value {
                Value::List(list) if request.mapped.contains(&at) => {
                    list.get(index as usize).map(|item| text_of(&item, ty))
                }
                value => Some(text_of(value, ty)),
            };
            let text = text.unwrap_or_default();
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

/// Nanoseconds that the guest has waited.
#[derive(Clone, Default)]
pub(crate) struct VirtualClock(Arc<AtomicU64>);

impl VirtualClock {
    fn nanoseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn reach(&self, nanoseconds: u64) {
        self.0.fetch_max(nanoseconds, Ordering::Relaxed);
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
        Duration::from_nanos(self.nanoseconds())
    }
}

/// Sets up a deterministic task run; gives its clock.
pub(crate) fn set_up(wasi: &mut WasiCtxBuilder, seed: &Seed, request: &TaskRunRequest, index: u32) -> VirtualClock {
    let clock = VirtualClock::default();
    wasi.wall_clock(clock.clone()).monotonic_clock(clock.clone());
    let mut numbers = seed.numbers(request, index);
    let mut word = [0; 48];
    numbers.0.fill(&mut word);
    let stream = |key: &[u8]| Numbers(Hasher::new_derive_key(CONTEXT).update(key).finalize_xof());
    let mut half = [0; 16];
    half.copy_from_slice(&word[32..]);
    wasi.insecure_random_seed(u128::from_le_bytes(half)).insecure_random(stream(&word[..32])).secure_random(numbers);
    clock
}

/// A wait of a deterministic guest.
struct Wait {
    clock: VirtualClock,
    until: u64,
    length: Duration,
    sleep: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
}

#[async_trait]
impl Pollable for Wait {
    async fn ready(&mut self) {
        let length = self.length;
        self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(length))).as_mut().await;
        self.sleep = None;
        self.length = Duration::ZERO;
        self.clock.reach(self.until);
    }
}

impl HostState {
    /// WASI's context brings the clock of a deterministic run.
    fn make_clock(&mut self) {
        let _ = self.clocks();
    }

    /// A timer at `until` on the guest's clock.
    fn timer(&mut self, clock: VirtualClock, until: u64) -> Result<Resource<DynPollable>> {
        let length = Duration::from_nanos(until.saturating_sub(clock.nanoseconds()));
        let table = self.clocks().table;
        let wait = table.push(Wait { clock, until, length, sleep: None })?;
        subscribe(table, wait)
    }

    /// The guest's monotonic time, in nanoseconds.
    pub(super) fn guest_time(&mut self) -> u64 {
        self.make_clock();
        match &self.virtual_clock {
            Some(clock) => clock.nanoseconds(),
            None => MonotonicClock::now(&mut self.clocks()).unwrap_or_default(),
        }
    }

    /// A wait is over.
    pub(super) fn clock_reaches(&mut self, nanoseconds: u64) {
        if let Some(clock) = &self.virtual_clock {
            clock.reach(nanoseconds);
        }
    }

    fn subscribe_duration(&mut self, length: u64) -> Result<Resource<DynPollable>> {
        self.make_clock();
        match self.virtual_clock.clone() {
            None => MonotonicClock::subscribe_duration(&mut self.clocks(), length),
            Some(clock) => {
                let until = clock.nanoseconds().saturating_add(length);
                self.timer(clock, until)
            }
        }
    }

    fn subscribe_instant(&mut self, until: u64) -> Result<Resource<DynPollable>> {
        self.make_clock();
        match self.virtual_clock.clone() {
            None => MonotonicClock::subscribe_instant(&mut self.clocks(), until),
            Some(clock) => self.timer(clock, until),
        }
    }
}

/// Replaces the timers, which would else wait for a clock that stands still.
pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.12")?;
    clock.func_wrap("subscribe-duration", |mut store: StoreContextMut<'_, HostState>, (length,): (u64,)| {
        Ok((store.data_mut().subscribe_duration(length)?,))
    })?;
    clock.func_wrap("subscribe-instant", |mut store: StoreContextMut<'_, HostState>, (until,): (u64,)| {
        Ok((store.data_mut().subscribe_instant(until)?,))
    })
}
