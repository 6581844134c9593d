//! [`Events`]: what happens in a flow run, as an iterator.
//!
//! The flow run never waits for its reader, and a reader that is slow or absent never fills the memory: runs of a
//! mapped task that ended one after another are told together, and of what tasks say while they run only the latest
//! [`ATTACHMENTS_MAX`] unread messages are kept.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskhost_model::event::Timed;
use taskhost_model::seams::Observer;
use taskhost_model::{Attachment, RunEvent, powers};

/// Unread log lines and progress messages that are kept: a task that prints in a loop must not fill the memory of a
/// host that does not look.
pub const ATTACHMENTS_MAX: usize = 10_000;

/// Something that a flow run tells.
#[derive(Clone, PartialEq, Debug)]
pub enum Happening {
    /// A fact about the flow run. The last one is [`RunEvent::FlowRunEnded`].
    Event(Timed<RunEvent>),
    /// A running task said something.
    Attachment {
        /// The task's path in the flow run.
        task: Arc<str>,
        /// Which of its runs, for a mapped task.
        index: u32,
        /// A line of its log, or its progress.
        attachment: Attachment,
    },
    /// So many older attachments were dropped, because nobody read them in time.
    Missed(u64),
}

/// Waits for what happens next; ends after the flow run's last event. Each happening is given to one reader only.
#[derive(Clone, Debug)]
pub struct Events(Arc<Feed>);

impl Events {
    pub(crate) fn new() -> Events {
        Events(Arc::default())
    }

    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        self.0.clone()
    }

    /// What happens next, if it happens within `timeout`. None also when the flow run is over and everything was read.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Happening> {
        let queue = self.0.lock();
        let waiting = |queue: &mut Queue| queue.is_waiting();
        let (mut queue, _) =
            self.0.changed.wait_timeout_while(queue, timeout, waiting).unwrap_or_else(PoisonError::into_inner);
        queue.pop()
    }
}

impl Iterator for Events {
    type Item = Happening;

    fn next(&mut self) -> Option<Happening> {
        let queue = self.0.lock();
        let mut queue =
            self.0.changed.wait_while(queue, |queue| queue.is_waiting()).unwrap_or_else(PoisonError::into_inner);
        queue.pop()
    }
}

#[derive(Default, Debug)]
struct Feed {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default, Debug)]
struct Queue {
    /// Each with its place in the order of all happenings.
    events: VecDeque<(u64, Timed<RunEvent>)>,
    attachments: VecDeque<(u64, Happening)>,
    next: u64,
    missed: u64,
    is_over: bool,
}

impl Feed {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn is_waiting(&self) -> bool {
        self.events.is_empty() && self.attachments.is_empty() && self.missed == 0 && !self.is_over
    }

    fn pop(&mut self) -> Option<Happening> {
        if self.missed > 0 {
            return Some(Happening::Missed(std::mem::take(&mut self.missed)));
        }
        let event = self.events.front().map_or(u64::MAX, |(order, _)| *order);
        let attachment = self.attachments.front().map_or(u64::MAX, |(order, _)| *order);
        if attachment < event {
            return self.attachments.pop_front().map(|(_, attachment)| attachment);
        }
        self.events.pop_front().map(|(_, event)| Happening::Event(event))
    }

    fn order(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn push_event(&mut self, event: &Timed<RunEvent>) {
        self.is_over |= matches!(event.event, RunEvent::FlowRunEnded(_));
        let order = self.order();
        if let Some((last_order, last)) = self.events.back_mut()
            && merge(last, event)
        {
            // The merged event moves behind what its runs said.
            *last_order = order;
            return;
        }
        let mut event = event.clone();
        // They may be large, and the outputs tell what matters.
        if let RunEvent::TaskRunsEnded { results, .. } = &mut event.event {
            *results = Vec::new();
        }
        self.events.push_back((order, event));
    }

    fn push_attachment(&mut self, task: &Arc<str>, index: u32, attachment: &Attachment) {
        let order = self.order();
        let said = Happening::Attachment { task: task.clone(), index, attachment: attachment.clone() };
        self.attachments.push_back((order, said));
        if self.attachments.len() > ATTACHMENTS_MAX {
            self.attachments.pop_front();
            self.missed += 1;
        }
    }
}

/// Runs of a task that ended right after each other are one event.
fn merge(last: &mut Timed<RunEvent>, next: &Timed<RunEvent>) -> bool {
    let (
        RunEvent::TaskRunsEnded { task, first, count, usage, failures, refusals, origin, .. },
        RunEvent::TaskRunsEnded {
            task: next_task,
            first: next_first,
            count: more,
            usage: used,
            failures: failed,
            refusals: refused,
            origin: next_origin,
            ..
        },
    ) = (&mut last.event, &next.event)
    else {
        return false;
    };
    if task != next_task || *first + *count != *next_first || origin != next_origin {
        return false;
    }
    *count += more;
    usage.add(used);
    failures.extend_from_slice(failed);
    powers::gather(refusals, refused);
    last.at = next.at;
    true
}

impl Observer for Feed {
    fn event(&self, event: &Timed<RunEvent>) {
        self.lock().push_event(event);
        self.changed.notify_all();
    }

    fn attachment(&self, task: &Arc<str>, index: u32, attachment: &Attachment) {
        self.lock().push_attachment(task, index, attachment);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use taskhost_model::{FlowRunEnding, LogSource, Origin, Usage};

    use super::*;

    fn event(event: RunEvent) -> Timed<RunEvent> {
        Timed { at: Duration::ZERO, event }
    }

    fn ended(first: u32, count: u32) -> Timed<RunEvent> {
        event(RunEvent::TaskRunsEnded {
            task: "t".into(),
            first,
            count,
            usage: Usage::default(),
            failures: Vec::new(),
            refusals: Vec::new(),
            results: Vec::new(),
            origin: Origin::Run,
        })
    }

    fn line(text: &str) -> Attachment {
        Attachment::Log { source: LogSource::Stdout, line: text.into() }
    }

    #[test]
    fn runs_that_end_after_each_other_are_told_together() {
        let mut events = Events::new();
        let observer = events.observer();
        for event in [ended(0, 2), ended(2, 3), ended(9, 1)] {
            observer.event(&event);
        }
        observer.event(&event(RunEvent::FlowRunEnded(FlowRunEnding::Cancelled)));
        assert_eq!(events.next(), Some(Happening::Event(ended(0, 5))));
        assert_eq!(events.next(), Some(Happening::Event(ended(9, 1))));
        assert_eq!(events.count(), 1);
    }

    #[test]
    fn a_reader_who_does_not_read_misses_old_lines_but_no_event() {
        let events = Events::new();
        let observer = events.observer();
        observer.event(&ended(0, 1));
        for number in 0..ATTACHMENTS_MAX + 3 {
            observer.attachment(&"t".into(), 0, &line(&number.to_string()));
        }
        observer.event(&event(RunEvent::FlowRunEnded(FlowRunEnding::Cancelled)));
        let all: Vec<Happening> = events.collect();
        assert_eq!(all[..2], [Happening::Missed(3), Happening::Event(ended(0, 1))]);
        assert_eq!(all[2], Happening::Attachment { task: "t".into(), index: 0, attachment: line("3") });
        assert_eq!(all.len(), ATTACHMENTS_MAX + 3);
    }

    #[test]
    fn waiting_for_what_happens_next_can_be_limited() {
        let mut events = Events::new();
        assert_eq!(events.next_timeout(Duration::ZERO), None);
        events.observer().event(&ended(0, 1));
        assert_eq!(events.next_timeout(Duration::ZERO), Some(Happening::Event(ended(0, 1))));
    }
}
