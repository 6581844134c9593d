//! [`Turn`]: what this thread is doing for a guest right now.
//!
//! A guest that waits leaves its thread and may go on on another, so each turn says anew whose time runs and what the call
//! returns. Thread-local, because wasmtime's `Lift` and epoch callback have no other way to be told.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskhost_model::Limit;

use crate::convert::Shape;

thread_local! {
    static CURRENT: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

/// A stretch of time in which one guest computes on this thread.
#[derive(Clone)]
pub(crate) struct Turn {
    /// What the guest's function returns.
    pub(crate) result: Arc<Shape>,
    /// Bytes that the result may take.
    pub(crate) result_bytes_max: u64,
    /// How long it may compute.
    pub(crate) cpu_time_max: Duration,
    /// When the turn began.
    pub(crate) began: Instant,
    /// Time that the guest computed in earlier turns.
    pub(crate) computed: Duration,
}

impl Turn {
    /// Runs `body` as this turn.
    pub(crate) fn take<R>(self, body: impl FnOnce() -> R) -> R {
        /// Ends the turn even if the guest's future panics.
        struct End;
        impl Drop for End {
            fn drop(&mut self) {
                CURRENT.with(|current| current.borrow_mut().take());
            }
        }
        CURRENT.with(|current| current.borrow_mut().replace(self));
        let _end = End;
        body()
    }

    /// The shape of the result and the bytes that it may take.
    pub(crate) fn result() -> Option<(Arc<Shape>, u64)> {
        CURRENT.with(|current| current.borrow().as_ref().map(|turn| (Arc::clone(&turn.result), turn.result_bytes_max)))
    }

    /// The limit, if the guest on this thread has computed longer than it may.
    pub(crate) fn cpu_limit_passed() -> Option<Limit> {
        CURRENT.with(|current| {
            let current = current.borrow();
            let turn = current.as_ref()?;
            (turn.computed + turn.began.elapsed() > turn.cpu_time_max).then_some(Limit::Cpu(turn.cpu_time_max))
        })
    }

    /// Time that the guest on this thread has computed, up to `now`.
    pub(crate) fn computed_until(now: Instant) -> Duration {
        CURRENT.with(|current| {
            current
                .borrow()
                .as_ref()
                .map_or(Duration::ZERO, |turn| turn.computed + now.saturating_duration_since(turn.began))
        })
    }
}
