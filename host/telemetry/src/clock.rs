//! [`Clock`]: what time it is in a flow run when a runner reports. Only events bear the flow run's own time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time of the flow run, since its start, between its events.
#[derive(Default)]
pub(crate) struct Clock {
    /// When the first event was told, and the time that it bore.
    first: OnceLock<(Instant, Duration)>,
    /// Nanoseconds of the last event: nothing that follows from it was before.
    last: AtomicU64,
}

impl Clock {
    /// An event bears the time `at`.
    pub(crate) fn told(&self, at: Duration) {
        self.first.get_or_init(|| (Instant::now(), at));
        self.last.fetch_max(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The time now; `zero` before the first event.
    pub(crate) fn now(&self, zero: Duration) -> Duration {
        let last = Duration::from_nanos(self.last.load(Ordering::Relaxed));
        self.first.get().map_or(zero, |(told, at)| *at + told.elapsed()).max(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_from_the_first_event_and_is_never_before_the_last_one() {
        let clock = Clock::default();
        assert_eq!(clock.now(Duration::from_secs(5)), Duration::from_secs(5));
        clock.told(Duration::from_secs(7));
        assert!(clock.now(Duration::ZERO) >= Duration::from_secs(7));
        assert!(clock.now(Duration::ZERO) < Duration::from_secs(60));
        clock.told(Duration::from_secs(1_000));
        clock.told(Duration::from_secs(900));
        assert_eq!(clock.now(Duration::ZERO), Duration::from_secs(1_000));
    }
}
