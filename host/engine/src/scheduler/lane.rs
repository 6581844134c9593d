//! A lane for each runner: the tasks that are ready for it, and the task runs that it holds.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Range;

use taskhost_flow::flow::RunnerChoice;
use taskhost_model::RequestId;

use super::instance::InstanceId;

/// Most task runs in one request: large enough that its own cost vanishes, small enough to be spread over threads.
pub(super) const REQUEST_RUNS_MAX: u32 = 512;

/// Below this much room a large map waits, so that its requests stay large.
const REFILL_MIN: usize = 128;

/// How many task runs a runner wants to hold.
pub type Capacity = Box<dyn FnMut(Option<RunnerChoice>) -> usize + Send>;

/// All lanes; few, so they are searched one by one.
pub(super) struct Lanes {
    capacity: Capacity,
    lanes: Vec<Lane>,
}

/// A runner as the scheduler sees it.
pub(super) struct Lane {
    pub(super) runner: Option<RunnerChoice>,
    capacity: usize,
    /// Invariant: at most `capacity`.
    pub(super) in_flight: usize,
    /// Tasks with runs to start.
    pub(super) ready: BinaryHeap<Ready>,
}

/// A task with runs to start. The greatest comes first: that of the highest priority, and of these the one that was ready first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) priority: i32,
    /// Invariant: each task has one of its own.
    pub(super) turn: u64,
    pub(super) instance: InstanceId,
    pub(super) task: usize,
}

impl Ord for Ready {
    fn cmp(&self, other: &Ready) -> Ordering {
        (self.priority, Reverse(self.turn)).cmp(&(other.priority, Reverse(other.turn)))
    }
}

impl PartialOrd for Ready {
    fn partial_cmp(&self, other: &Ready) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Lanes {
    pub(super) fn new(capacity: Capacity) -> Lanes {
        Lanes { capacity, lanes: Vec::new() }
    }

    pub(super) fn of(&mut self, runner: &Option<RunnerChoice>) -> &mut Lane {
        let at = self.lanes.iter().position(|lane| lane.runner == *runner).unwrap_or_else(|| {
            let capacity = (self.capacity)(runner.clone()).max(1);
            let runner = runner.clone();
            self.lanes.push(Lane { runner, capacity, in_flight: 0, ready: BinaryHeap::new() });
            self.lanes.len() - 1
        });
        &mut self.lanes[at]
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.len()
    }

    pub(super) fn at(&mut self, at: usize) -> &mut Lane {
        &mut self.lanes[at]
    }

    pub(super) fn in_flight(&self) -> usize {
        self.lanes.iter().map(|lane| lane.in_flight).sum()
    }

    pub(super) fn clear_ready(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.ready.clear());
    }
}

impl Lane {
    /// How many of a task's `left` runs to ask for now; 0 to wait for more room.
    pub(super) fn room_for(&self, left: u32) -> u32 {
        let room = self.capacity - self.in_flight;
        let wanted = (left.min(REQUEST_RUNS_MAX) as usize).min(self.capacity / 4).clamp(1, REFILL_MIN);
        if room < wanted { 0 } else { (room as u32).min(left).min(REQUEST_RUNS_MAX) }
    }
}

/// A request whose outcomes have not all come.
pub(super) struct Open {
    pub(super) instance: InstanceId,
    pub(super) task: usize,
    pub(super) runner: Option<RunnerChoice>,
    pub(super) indexes: Range<u32>,
    pub(super) attempt: u32,
    /// A bit for each outcome that came, so that a second one is not counted.
    came: [u64; REQUEST_RUNS_MAX as usize / 64],
    left: u32,
}

impl Open {
    /// Takes note of the outcome at `index`; false if it came before or was not asked for.
    pub(super) fn take(&mut self, index: u32) -> bool {
        if !self.indexes.contains(&index) {
            return false;
        }
        let at = index - self.indexes.start;
        let (word, bit) = (at as usize / 64, 1 << (at % 64));
        if self.came[word] & bit != 0 {
            return false;
        }
        self.came[word] |= bit;
        self.left -= 1;
        true
    }

    pub(super) fn is_answered(&self) -> bool {
        self.left == 0
    }
}

/// The requests that are open. As many as task runs are in flight at most.
#[derive(Default)]
pub(super) struct Requests {
    next: u64,
    pub(super) open: BTreeMap<RequestId, Open>,
}

impl Requests {
    pub(super) fn open(
        &mut self,
        instance: InstanceId,
        task: usize,
        runner: Option<RunnerChoice>,
        indexes: Range<u32>,
        attempt: u32,
    ) -> RequestId {
        let id = RequestId(self.next);
        self.next += 1;
        let left = indexes.end - indexes.start;
        self.open.insert(id, Open { instance, task, runner, indexes, attempt, came: [0; _], left });
        id
    }
}
