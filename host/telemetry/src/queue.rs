//! [`Queue`]: from the threads that run tasks to the one that sends spans. It has a bound, and nobody ever waits for it: what finds no room is
//! counted, and told at the end.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::spans::Told;

/// Most spans that wait: a collector that is away must not fill the memory. About 300 bytes each, at worst 1.5 KiB.
pub(crate) const SPANS_MAX: usize = 32_768;

/// Most spans in one post: about 2 MB, where collectors take 20.
pub(crate) const BATCH_SPANS: usize = 4_096;

/// How long a span waits for others before they are sent.
const GATHER: Duration = Duration::from_secs(1);

/// How much longer the sender is waited for than it may take, so that it can say why it failed.
const GRACE: Duration = Duration::from_millis(250);

/// Spans that wait to be sent.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Told>,
    spans: usize,
    /// Spans that are being sent.
    in_hand: usize,
    /// When the first that waits came.
    since: Option<Instant>,
    lost: u64,
    /// Until when what is left may be sent; none while the process goes on.
    closed: Option<Instant>,
    /// The sender has ended.
    is_done: bool,
    warning: Option<String>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes something to be sent, if there is room.
    pub(crate) fn push(&self, told: Told) {
        let spans = told.spans();
        let mut state = self.lock();
        if spans == 0 {
            return;
        }
        if state.closed.is_some() || state.is_done || state.spans + spans > SPANS_MAX {
            state.lost += spans as u64;
            return;
        }
        state.spans += spans;
        state.waiting.push_back(told);
        let is_first = state.since.is_none();
        state.since.get_or_insert_with(Instant::now);
        // Else the sender looks by itself.
        if is_first || state.spans >= BATCH_SPANS {
            drop(state);
            self.changed.notify_all();
        }
    }

    /// What is to be sent next, when it is time to; none when there is nothing left and nothing will come.
    pub(crate) fn take(&self) -> Option<Vec<Told>> {
        let mut state = self.lock();
        state.in_hand = 0;
        loop {
            let age = state.since.map(|since| since.elapsed());
            let is_time = state.spans >= BATCH_SPANS || state.closed.is_some();
            match age {
                Some(age) if is_time || age >= GATHER => break,
                None if state.closed.is_some() => return None,
                Some(age) => {
                    let waited = self.changed.wait_timeout(state, GATHER.saturating_sub(age));
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
        let (mut batch, mut spans) = (Vec::new(), 0);
        while let Some(told) = state.waiting.pop_front() {
            spans += told.spans();
            batch.push(told);
            if spans >= BATCH_SPANS {
                break;
            }
        }
        state.spans -= spans;
        state.in_hand = spans;
        state.since = (!state.waiting.is_empty()).then(Instant::now);
        Some(batch)
    }

    /// Until when a post may take, which is `timeout` from now if nothing is over yet.
    pub(crate) fn deadline(&self, timeout: Duration) -> Instant {
        self.lock().closed.unwrap_or_else(|| Instant::now() + timeout)
    }

    /// Whether what is left is being sent.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed.is_some()
    }

    /// Waits before another try; not if the end comes first.
    pub(crate) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.lock();
        while state.closed.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// So many spans could not be sent.
    pub(crate) fn lose(&self, spans: usize, why: &str) {
        let mut state = self.lock();
        state.in_hand = 0;
        state.lost += spans as u64;
        state.warning = Some(why.to_owned());
    }

    /// How many were not sent.
    pub(crate) fn lost(&self) -> u64 {
        self.lock().lost
    }

    /// The sender has ended.
    pub(crate) fn done(&self) {
        self.lock().is_done = true;
        self.changed.notify_all();
    }

    /// Nothing comes any more. Waits until what is left was sent, but no longer than `time`; gives what is to be warned of.
    pub(crate) fn close(&self, time: Duration) -> Option<String> {
        let until = Instant::now() + time;
        let mut state = self.lock();
        state.closed.get_or_insert(until);
        self.changed.notify_all();
        while !state.is_done {
            let left = (until + GRACE).saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let why = state.warning.clone();
        match (state.is_done, state.lost) {
            (true, 0) => None,
            (true, lost) => {
                let why = why.unwrap_or_else(|| "they came faster than they could be sent".to_owned());
                Some(format!("{} could not be sent: {why}", spans(lost)))
            }
            (false, lost) => {
                let why = why.unwrap_or_else(|| "the collector takes too long".to_owned());
                let left = lost + (state.spans + state.in_hand) as u64;
                Some(format!("{} could not be sent within {time:?}: {why}", spans(left)))
            }
        }
    }
}

fn spans(count: u64) -> String {
    if count == 1 { "1 span".to_owned() } else { format!("{count} spans") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::spans;

    #[test]
    fn a_queue_without_a_sender_keeps_its_bound_and_counts_what_it_lost() {
        let queue = Queue::default();
        for _ in 0..SPANS_MAX / 1_000 + 3 {
            queue.push(spans(1_000));
        }
        let kept = SPANS_MAX / 1_000;
        assert_eq!(queue.lock().spans, kept * 1_000);
        assert_eq!(queue.lost(), 3_000);
        let warning = queue.close(Duration::ZERO).expect("a warning");
        assert!(
            warning.starts_with(&format!("{} spans could not be sent within", SPANS_MAX / 1_000 * 1_000 + 3_000)),
            "{warning}"
        );
    }

    #[test]
    fn what_waits_is_given_out_whole_when_the_queue_is_closed() {
        let queue = Queue::default();
        (0..5).for_each(|_| queue.push(spans(1_000)));
        queue.lock().closed = Some(Instant::now());
        assert_eq!(queue.take().map(|batch| batch.len()), Some(5));
        assert!(queue.take().is_none());
        queue.done();
        assert_eq!(queue.close(Duration::from_secs(1)), None);
    }

    #[test]
    fn a_full_batch_is_given_out_at_once() {
        let queue = Queue::default();
        (0..9).for_each(|_| queue.push(spans(1_000)));
        assert_eq!(queue.take().map(|batch| batch.len()), Some(5));
    }
}
