//! One thread for the whole process that keeps time for flow runs: started at the first wait, asleep until the next one is over.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Who waits.
pub(crate) trait Waiter: Send + Sync {
    /// Some of its waits are over.
    fn elapsed(&self, waits: Vec<u64>);
}

/// Tells `waiter` when `delay` is over, on another thread. What nobody holds any more is not told. False if the system has no thread to
/// give: then nobody will tell.
pub(crate) fn wait(waiter: Weak<dyn Waiter>, wait: u64, delay: Duration) -> bool {
    // A wait past what the clock can tell is as good as endless.
    let Some(until) = Instant::now().checked_add(delay) else { return true };
    let Some(timer) = timer() else { return false };
    let mut heap = lock(&timer.heap);
    heap.turns += 1;
    let due = Due { until, turn: heap.turns, wait, waiter };
    let is_first = heap.waits.peek().is_none_or(|Reverse(first)| due < *first);
    heap.waits.push(Reverse(due));
    drop(heap);
    if is_first {
        timer.changed.notify_one();
    }
    true
}

#[derive(Default)]
struct Timer {
    heap: Mutex<Heap>,
    changed: Condvar,
}

#[derive(Default)]
struct Heap {
    waits: BinaryHeap<Reverse<Due>>,
    turns: u64,
}

struct Due {
    until: Instant,
    turn: u64,
    wait: u64,
    waiter: Weak<dyn Waiter>,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        (self.until, self.turn) == (other.until, other.turn)
    }
}

impl Eq for Due {}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        (self.until, self.turn).cmp(&(other.until, other.turn))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn lock(heap: &Mutex<Heap>) -> MutexGuard<'_, Heap> {
    // Nothing panics while it is held.
    heap.lock().unwrap_or_else(PoisonError::into_inner)
}

fn timer() -> Option<&'static Timer> {
    static TIMER: OnceLock<Option<Arc<Timer>>> = OnceLock::new();
    let timer = TIMER.get_or_init(|| {
        let timer: Arc<Timer> = Arc::default();
        let of_thread = Arc::clone(&timer);
        let started = std::thread::Builder::new().name("taskhost-timer".to_owned()).spawn(move || of_thread.run());
        started.is_ok().then_some(timer)
    });
    timer.as_deref()
}

impl Timer {
    fn run(&self) {
        loop {
            for (waiter, waits) in self.due() {
                if let Some(waiter) = waiter.upgrade() {
                    // A panic is a bug of ours, and ends the flow run that it is in.
                    let tell = std::panic::AssertUnwindSafe(|| waiter.elapsed(waits));
                    let _ = std::panic::catch_unwind(tell);
                }
            }
        }
    }

    /// Sleeps until a wait is over; gives all that are, those of one waiter together.
    fn due(&self) -> Vec<(Weak<dyn Waiter>, Vec<u64>)> {
        let mut heap = lock(&self.heap);
        loop {
            let now = Instant::now();
            let mut all: Vec<(Weak<dyn Waiter>, Vec<u64>)> = Vec::new();
            while heap.waits.peek().is_some_and(|Reverse(next)| next.until <= now) {
                let Some(Reverse(due)) = heap.waits.pop() else { break };
                match all.last_mut().filter(|(waiter, _)| waiter.ptr_eq(&due.waiter)) {
                    Some((_, waits)) => waits.push(due.wait),
                    None => all.push((due.waiter, vec![due.wait])),
                }
            }
            if !all.is_empty() {
                return all;
            }
            heap = match heap.waits.peek() {
                None => self.changed.wait(heap).unwrap_or_else(PoisonError::into_inner),
                Some(Reverse(next)) => {
                    let rest = next.until.saturating_duration_since(now);
                    self.changed.wait_timeout(heap, rest).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
