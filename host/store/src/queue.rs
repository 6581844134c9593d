//! [`Queue`]: what waits for the writer thread. Whoever adds something goes on at once; only if too much waits it waits, too.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use taskhost_model::RunEvent;
use taskhost_model::codec::Attached;
use taskhost_model::event::Timed;

use crate::cache::CacheEntry;
use crate::error::StoreError;
use crate::writer::Writer;

/// Bytes, roughly, that may wait: a disk that is slower than the tasks shall slow them down, not fill the memory.
pub(crate) const BYTES_MAX: usize = 64 << 20;

/// When so much waits, it is written without waiting for more.
const BYTES_PROMPT: usize = 8 << 20;

/// Something to write.
pub(crate) enum Item {
    /// An event of the run with this number.
    Event(i64, Timed<RunEvent>),
    /// A line of its log.
    Line(i64, Attached),
    /// A result to use again.
    Cache(CacheEntry),
    /// Nobody adds to this run any more.
    Close(i64),
    /// Anything else, after what was added before it.
    Call(Box<dyn FnOnce(&mut Writer) + Send>),
}

/// What the writer takes at once.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    bytes: usize,
    /// Items added up to here, since the beginning.
    up_to: u64,
    /// Somebody waits until it is on the disk.
    pub(crate) flush: bool,
    /// There will be no further one.
    pub(crate) last: bool,
}

#[derive(Default)]
struct State {
    items: Vec<Item>,
    /// Of the items here, and of those that the writer has taken and not yet written.
    bytes: usize,
    /// Items added, since the beginning.
    added: u64,
    /// Items that are on the disk, or lost for a reason that their run was told.
    durable: u64,
    flush: bool,
    /// Do not wait for more.
    prompt: bool,
    closing: bool,
    /// The writer waits without an end.
    idle: bool,
    dead: Option<StoreError>,
}

/// From everybody to the writer thread.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    room: Condvar,
    durable: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two of its lines.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an item of roughly so many bytes; waits while too much waits.
    pub(crate) fn add(&self, item: Item, bytes: usize) -> Result<(), StoreError> {
        let mut state = self.lock();
        while state.bytes >= BYTES_MAX && state.dead.is_none() && !state.closing {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.push(state, item, bytes)
    }

    /// Adds an item unless too much waits; gives whether it did.
    pub(crate) fn offer(&self, item: Item, bytes: usize) -> bool {
        let state = self.lock();
        state.bytes < BYTES_MAX && self.push(state, item, bytes).is_ok()
    }

    /// Adds an item, however much waits.
    pub(crate) fn add_small(&self, item: Item) -> Result<(), StoreError> {
        self.push(self.lock(), item, 0)
    }

    fn push(&self, mut state: MutexGuard<'_, State>, item: Item, bytes: usize) -> Result<(), StoreError> {
        if let Some(error) = &state.dead {
            return Err(error.clone());
        }
        if state.closing {
            return Err(StoreError::Closed);
        }
        let prompt = matches!(item, Item::Call(_) | Item::Close(_));
        state.items.push(item);
        state.added += 1;
        state.bytes += bytes;
        let hurry = !state.prompt && (prompt || state.bytes >= BYTES_PROMPT);
        state.prompt |= hurry;
        // While the writer gathers or writes, it looks again by itself: a wake-up costs more than the rest of this.
        let wake = state.idle || hurry;
        state.idle = false;
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Carries something out on the writer thread, after all that was added before; waits for its answer.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.add_small(Item::Call(Box::new(move |writer| {
            // Whoever asked may not listen any more.
            let _ = sender.send(work(writer));
        })))?;
        receiver.recv().unwrap_or_else(|_| Err(self.lock().dead.clone().unwrap_or(StoreError::Closed)))
    }

    /// Waits until all that was added is on the disk.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        let up_to = state.added;
        while state.durable < up_to {
            if let Some(error) = &state.dead {
                return Err(error.clone());
            }
            if !state.flush {
                (state.flush, state.prompt, state.idle) = (true, true, false);
                self.work.notify_one();
            }
            state = self.durable.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// No more is added. What waits will be written.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        (state.closing, state.idle) = (true, false);
        drop(state);
        self.work.notify_one();
        self.room.notify_all();
    }

    /// The writer is gone: nothing is written any more.
    pub(crate) fn die(&self, error: StoreError) {
        let mut state = self.lock();
        state.dead.get_or_insert(error);
        let lost = std::mem::take(&mut state.items);
        drop(state);
        // A call that is dropped tells whoever waits for it, which looks at the state.
        drop(lost);
        self.room.notify_all();
        self.durable.notify_all();
    }

    /// Waits for work, then for as long as it takes to `gather` more; gives an empty batch after `tick` without work.
    pub(crate) fn take(&self, tick: Option<Duration>, gather: Duration) -> Batch {
        let mut state = self.wait_for_work(tick);
        if !state.items.is_empty() {
            let until = Instant::now() + gather;
            while !state.prompt && !state.closing {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        state.prompt = false;
        Batch {
            items: std::mem::take(&mut state.items),
            bytes: state.bytes,
            up_to: state.added,
            flush: std::mem::take(&mut state.flush),
            last: state.closing,
        }
    }

    fn wait_for_work(&self, tick: Option<Duration>) -> MutexGuard<'_, State> {
        let until = tick.map(|tick| Instant::now() + tick);
        let mut state = self.lock();
        while state.items.is_empty() && !state.flush && !state.closing {
            state.idle = true;
            state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break,
                Some(left) => self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        state.idle = false;
        state
    }

    /// The batch is written; `durable` if it is on the disk for sure.
    pub(crate) fn written(&self, batch: &Batch, durable: bool) {
        let mut state = self.lock();
        state.bytes -= batch.bytes;
        if durable {
            state.durable = batch.up_to;
        }
        drop(state);
        self.room.notify_all();
        if durable {
            self.durable.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn whoever_adds_too_much_waits_until_some_is_written() {
        let queue = Arc::new(Queue::default());
        queue.add(Item::Close(1), BYTES_MAX).expect("room");
        assert!(!queue.offer(Item::Close(2), 1), "what may be left out is left out");
        let other = Arc::clone(&queue);
        let adds = thread::spawn(move || other.add(Item::Close(3), 1));
        let batch = queue.take(None, Duration::ZERO);
        assert_eq!(batch.items.len(), 1, "the other one waits");
        queue.written(&batch, true);
        adds.join().expect("no panic").expect("room");
        assert!(queue.offer(Item::Close(4), 1));
    }

    #[test]
    fn nobody_waits_for_a_writer_that_is_gone() {
        let queue = Arc::new(Queue::default());
        queue.add(Item::Close(1), BYTES_MAX).expect("room");
        let waits: Vec<_> = (0..3)
            .map(|at| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || match at {
                    0 => queue.add(Item::Close(2), 1),
                    1 => queue.flush(),
                    _ => queue.call(|_| Ok(())),
                })
            })
            .collect();
        queue.die(StoreError::Closed);
        for wait in waits {
            assert_eq!(wait.join().expect("no panic"), Err(StoreError::Closed));
        }
    }
}
