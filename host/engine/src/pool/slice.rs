//! A slice of a request: consecutive indexes that one thread claims one by one from the front, while idle threads may take from the back.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use taskhost_model::{TaskCall, TaskRunRequest};

use super::queue::FlowScope;

/// Work in a slice: a lock, a report and a step of the scheduler cost about 1 µs, so this makes them vanish; and a task run that becomes
/// ready to go on waits no longer than this for a thread.
const SLICE_WORK: Duration = Duration::from_micros(300);

/// Most task runs in a slice.
const SLICE_RUNS_MAX: u32 = 256;

/// Task runs that a thread works on.
pub(super) struct Slice {
    pub(super) request: Arc<TaskRunRequest>,
    pub(super) scope: Arc<FlowScope>,
    /// Task runs that it began with.
    pub(super) runs: usize,
    /// `next << 32 | end`, so that both change together.
    range: AtomicU64,
}

fn pack(range: &Range<u32>) -> u64 {
    u64::from(range.start) << 32 | u64::from(range.end)
}

fn unpack(range: u64) -> Range<u32> {
    (range >> 32) as u32..range as u32
}

impl Slice {
    pub(super) fn new(request: Arc<TaskRunRequest>, scope: Arc<FlowScope>, range: Range<u32>) -> Slice {
        Slice { request, scope, runs: range.len(), range: AtomicU64::new(pack(&range)) }
    }

    /// Whether idle threads may take from it: not from one that its thread claims whole at once.
    pub(super) fn is_shared(&self) -> bool {
        self.runs > 1
    }

    /// The next index to run.
    pub(super) fn claim(&self) -> Option<u32> {
        self.take(|range| (range.start + 1..range.end, range.start))
    }

    /// The upper half of what is left.
    pub(super) fn steal(&self) -> Option<Range<u32>> {
        self.take(|range| {
            let middle = range.start + (range.end - range.start) / 2;
            (range.start..middle, middle..range.end)
        })
    }

    /// All that is left.
    pub(super) fn drain(&self) -> Option<Range<u32>> {
        self.take(|range| (range.end..range.end, range))
    }

    fn take<T>(&self, split: impl Fn(Range<u32>) -> (Range<u32>, T)) -> Option<T> {
        let mut known = self.range.load(Ordering::Relaxed);
        loop {
            let range = unpack(known);
            if range.is_empty() {
                return None;
            }
            let (left, taken) = split(range);
            // Nothing but the numbers themselves is handed over here.
            match self.range.compare_exchange_weak(known, pack(&left), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(taken),
                Err(changed) => known = changed,
            }
        }
    }
}

/// What a thread learned about the cost of the task that it ran last.
#[derive(Default)]
pub(super) struct Pace {
    call: usize,
    per_run: Duration,
}

impl Pace {
    /// How many runs of `call` to take out of `left`, so that other threads find enough too.
    pub(super) fn runs(&self, call: &Arc<TaskCall>, left: u32, workers: usize) -> u32 {
        if Arc::as_ptr(call).addr() != self.call {
            return 1;
        }
        let wanted = SLICE_WORK.as_nanos() / self.per_run.as_nanos().max(1);
        let share = left.div_ceil(u32::try_from(workers).unwrap_or(u32::MAX));
        u32::try_from(wanted).unwrap_or(u32::MAX).clamp(1, SLICE_RUNS_MAX).min(share).max(1)
    }

    pub(super) fn learn(&mut self, call: &Arc<TaskCall>, runs: u32, took: Duration) {
        let per_run = took / runs.max(1);
        let call = Arc::as_ptr(call).addr();
        self.per_run = if self.call == call { (self.per_run + per_run) / 2 } else { per_run };
        self.call = call;
    }
}

/// Whether a slice has had its time.
pub(super) fn is_over_time(took: Duration) -> bool {
    took > 4 * SLICE_WORK
}
