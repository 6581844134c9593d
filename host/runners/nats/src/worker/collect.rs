//! [`Collector`]: gathers what the task runs of one flow run say and how they end, each outcome for the message that it came with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use taskhost_model::seams::Reports;
use taskhost_model::{Attachment, Ending, RequestId, TaskRunReport};
use tokio::sync::Notify;

use super::lock;
use crate::wire::outcomes::{Fate, Said, Stretch};

/// Bytes of what was said that wait for a message: far beyond what a network that works lets come together. What is more is left out.
const SAID_BYTES_MAX: usize = 8 << 20;

/// See the top of the file.
#[derive(Default)]
pub(super) struct Collector {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// For each request the message that it is of, and its part there.
    parts: HashMap<RequestId, (Arc<Gathered>, u32)>,
    said: Vec<Said>,
    said_bytes: usize,
    /// Lines that were left out.
    unsaid: u64,
}

/// What became of a message's task runs so far.
#[derive(Default)]
pub(super) struct Gathered {
    inner: Mutex<Inner>,
    /// All have ended.
    pub(super) complete: Notify,
}

#[derive(Default)]
struct Inner {
    stretches: Vec<Stretch>,
    left: usize,
}

impl Gathered {
    pub(super) fn new(runs: usize) -> Arc<Gathered> {
        Arc::new(Gathered { inner: Mutex::new(Inner { stretches: Vec::new(), left: runs }), complete: Notify::new() })
    }

    /// What has ended since the last call, and whether that is the last of it.
    pub(super) fn take(&self) -> (Vec<Stretch>, bool) {
        let mut inner = lock(&self.inner);
        (std::mem::take(&mut inner.stretches), inner.left == 0)
    }

    /// Ends a part in another way than by its runner.
    pub(super) fn add(&self, stretch: Stretch) {
        let mut inner = lock(&self.inner);
        inner.left = inner.left.saturating_sub(stretch.indexes().len());
        match inner.stretches.last_mut() {
            Some(Stretch { part, first, fate: Fate::Ended(outcomes) })
                if *part == stretch.part
                    && *first + outcomes.len() as u32 == stretch.first
                    && matches!(stretch.fate, Fate::Ended(_)) =>
            {
                if let Fate::Ended(more) = stretch.fate {
                    outcomes.extend(more);
                }
            }
            _ => inner.stretches.push(stretch),
        }
        if inner.left == 0 {
            self.complete.notify_one();
        }
    }
}

impl Collector {
    /// From now on the outcomes of `request` belong to a part of a message.
    pub(super) fn expect(&self, request: RequestId, gathered: &Arc<Gathered>, part: u32) {
        lock(&self.state).parts.insert(request, (Arc::clone(gathered), part));
    }

    /// The message with this request is answered.
    pub(super) fn forget(&self, request: RequestId) {
        lock(&self.state).parts.remove(&request);
    }

    /// What was said since the last call.
    pub(super) fn take_said(&self) -> Vec<Said> {
        let mut state = lock(&self.state);
        (state.said_bytes, state.unsaid) = (0, 0);
        std::mem::take(&mut state.said)
    }

    /// Whether no message of the flow run is here.
    pub(super) fn is_idle(&self) -> bool {
        let state = lock(&self.state);
        state.parts.is_empty() && state.said.is_empty()
    }
}

impl Reports for Collector {
    fn ended(&self, report: TaskRunReport) {
        let found = lock(&self.state).parts.get(&report.request).cloned();
        let Some((gathered, part)) = found else { return };
        gathered.add(Stretch { part, first: report.first, fate: Fate::Ended(report.outcomes) });
    }

    fn attach(&self, task: &Arc<str>, index: u32, attachment: Attachment) {
        let bytes = task.len()
            + match &attachment {
                Attachment::Log { line, .. } => line.len(),
                Attachment::Progress { message, .. } => message.len(),
            };
        let mut state = lock(&self.state);
        if state.said_bytes + bytes > SAID_BYTES_MAX {
            state.unsaid += 1;
            return;
        }
        state.said_bytes += bytes;
        state.said.push((Arc::clone(task), index, attachment));
    }
}

/// Task runs that were taken back before they began, from a flow run that goes on: they are given back.
pub(super) fn give_back(stretches: Vec<Stretch>) -> Vec<Stretch> {
    let mut told = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        let Fate::Ended(outcomes) = stretch.fate else {
            told.push(stretch);
            continue;
        };
        let mut first = stretch.first;
        for outcomes in outcomes.chunk_by(|one, other| is_cancelled(one) == is_cancelled(other)) {
            let runs = outcomes.len() as u32;
            let fate = if is_cancelled(&outcomes[0]) { Fate::GivenBack(runs) } else { Fate::Ended(outcomes.to_vec()) };
            told.push(Stretch { part: stretch.part, first, fate });
            first += runs;
        }
    }
    told
}

fn is_cancelled(outcome: &taskhost_model::TaskRunOutcome) -> bool {
    outcome.ending == Ending::Cancelled
}
