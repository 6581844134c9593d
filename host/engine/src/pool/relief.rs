//! The relief thread: looks after task runs that may go on while every worker computes.
//!
//! A run whose timeout passed, or that was cancelled, is only stopped when a thread polls it, and a guest that computes for a minute holds
//! its thread all that time. So there is one thread more, which takes such runs when no worker has taken one for [`NEGLECTED_AFTER`]. It
//! starts nothing new, so that no more guests compute than there are workers, but for a run that computes on after it waited.
//!
//! While nothing waits to go on it sleeps without a timer; workers call it only when they leave such a run behind and nobody else is idle.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::parked::Parked;
use super::queue::Shared;
use super::worker::poll_again;

/// Longer than a worker's slice takes, so that a pool that is busy with short runs looks after itself.
const NEGLECTED_AFTER: Duration = Duration::from_millis(2);

/// Runs the relief thread until the pool ends.
pub(super) fn run(shared: Arc<Shared>) {
    let mut neglected = None;
    while let Some(parked) = shared.take_neglected(&mut neglected) {
        if let Some(over) = poll_again(&parked) {
            over.report(&shared);
            shared.give_back(1);
        }
    }
}

impl Shared {
    /// Waits for a run that no worker looks after; none when the pool ends. `neglected` keeps what the workers had taken when one was found:
    /// as long as they take no other, those behind it are neglected as well.
    fn take_neglected(&self, neglected: &mut Option<u64>) -> Option<Arc<Parked>> {
        let mut queue = self.lock();
        loop {
            if queue.stopped {
                return None;
            }
            if queue.resumed.is_empty() {
                *neglected = None;
                queue.relief_sleeps = true;
                queue = self.relief.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.relief_sleeps = false;
                continue;
            }
            if *neglected == Some(queue.served) {
                return queue.resumed.pop_front();
            }
            let served = queue.served;
            queue = self.relief.wait_timeout(queue, NEGLECTED_AFTER).unwrap_or_else(PoisonError::into_inner).0;
            *neglected = (queue.served == served).then_some(served);
        }
    }
}
