//! [`Turns`]: what may be the end of its worker is carried out alone, so that it takes nobody with it.
//!
//! Task runs that are lost with a worker are sent again, first in company. What is lost once more may be what ends workers, or may only have
//! been beside it; alone it shows. Meanwhile its worker takes nothing else, but not for long: most of what ends a worker does so soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::Message;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::Shared;
use crate::names;

/// How long the others may take to end. After that it is carried out beside them.
const WAIT: Duration = Duration::from_secs(60);

/// How long nobody is beside it. After that it has shown that it does no harm.
const ALONE: Duration = Duration::from_secs(60);

/// See the top of the file.
#[derive(Default)]
pub(super) struct Turns {
    running: Arc<RwLock<()>>,
    has_alone: AtomicBool,
}

/// While it is held, a message is carried out.
pub(super) enum Turn<'a> {
    /// Beside others.
    Among(#[expect(dead_code, reason = "it is held, not looked at")] OwnedRwLockReadGuard<()>),
    /// By itself.
    Alone(Alone<'a>),
}

/// The turn of a message that is alone.
pub(super) struct Alone<'a> {
    shared: &'a Shared,
    others: Option<OwnedRwLockWriteGuard<()>>,
}

impl Turns {
    /// Whether something is alone, or is about to be, so that nothing else is taken.
    pub(super) fn has_alone(&self) -> bool {
        self.has_alone.load(Ordering::SeqCst)
    }
}

/// The turn of a message; none if it is better off with another worker.
pub(super) async fn turn<'a>(shared: &'a Shared, message: &Message) -> Option<Turn<'a>> {
    let turns = &shared.turns;
    let goes_alone = message.headers.as_ref().is_some_and(|headers| headers.get(names::ALONE_HEADER).is_some());
    if !goes_alone {
        let is_free = !turns.has_alone();
        return is_free.then(|| Arc::clone(&turns.running).try_read_owned().ok()).flatten().map(Turn::Among);
    }
    if turns.has_alone.swap(true, Ordering::SeqCst) {
        return None;
    }
    // From here on its drop gives the worker free, also if it is not waited for to the end.
    let mut alone = Alone { shared, others: None };
    alone.others = tokio::time::timeout(WAIT, Arc::clone(&turns.running).write_owned()).await.ok();
    Some(Turn::Alone(alone))
}

impl Turn<'_> {
    /// Does `work`, alone at most as long as it takes to be trusted.
    pub(super) async fn hold<T>(self, work: impl Future<Output = T>) -> T {
        let Turn::Alone(alone) = self else { return work.await };
        let mut work = std::pin::pin!(work);
        if let Ok(done) = tokio::time::timeout(ALONE, &mut work).await {
            return done;
        }
        drop(alone);
        work.await
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        drop(self.others.take());
        self.shared.turns.has_alone.store(false, Ordering::SeqCst);
        self.shared.changed.notify_waiters();
    }
}
