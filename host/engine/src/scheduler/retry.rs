//! Attempts that failed and are followed by another one: which these are, when, and how they come back.

use std::collections::BTreeMap;

use taskhost_flow::flow::{RunnerChoice, Task};
use taskhost_model::{FlowRunId, TaskFailure};

use super::instance::InstanceId;
use super::{Scheduler, WaitId};

/// Task runs whose next attempt may not start yet. Some are of tasks that were stopped meanwhile.
#[derive(Default)]
pub(super) struct Waits {
    next: u64,
    waits: BTreeMap<WaitId, Wait>,
}

/// A task run between two attempts.
pub(super) struct Wait {
    pub(super) instance: InstanceId,
    pub(super) task: usize,
    pub(super) runner: Option<RunnerChoice>,
    pub(super) index: u32,
    /// The next one.
    pub(super) attempt: u32,
}

impl Waits {
    pub(super) fn add(&mut self, wait: Wait) -> WaitId {
        let id = WaitId(self.next);
        self.next += 1;
        self.waits.insert(id, wait);
        id
    }

    pub(super) fn clear(&mut self) {
        self.waits.clear();
    }
}

impl Scheduler {
    /// A wait is over: the run is ready again, in its task's old place in the queue.
    pub(super) fn elapsed(&mut self, id: WaitId) {
        let Some(wait) = self.waits.waits.remove(&id) else { return };
        let Some(instance) = self.instances.get_mut(wait.instance) else { return };
        let Some(active) = instance.active(wait.task) else { return };
        if active.stopped {
            return;
        }
        active.waiting -= 1;
        active.retries.push_back((wait.index, wait.attempt));
        if !active.queued {
            active.queued = true;
            self.lanes.of(&wait.runner).ready.push(active.ready(wait.instance, wait.task));
        }
    }
}

/// Whether another attempt follows one that failed. A pure function of these, so that it is the same when a flow run is resumed: whether
/// the task was stopped meanwhile plays no part.
pub(super) fn follows(task: &Task, attempt: u32, failure: &TaskFailure) -> bool {
    let may_change = match failure {
        TaskFailure::Returned(_)
        | TaskFailure::Trapped { .. }
        | TaskFailure::Exited(_)
        | TaskFailure::LimitReached(_)
        | TaskFailure::Withheld(_)
        | TaskFailure::Lost(_) => true,
        TaskFailure::Unusable(_) | TaskFailure::Ungrantable(_) | TaskFailure::BadArguments(_) => false,
    };
    may_change && task.retry.follows(attempt)
}

/// What decides the jitter: differs from run to run and attempt to attempt, and is the same whenever it is asked for.
pub(super) fn dice(flow_run: FlowRunId, path: &str, index: u32, attempt: u32) -> u32 {
    let id = flow_run.to_string();
    let bytes = id.bytes().chain(path.bytes()).chain(index.to_le_bytes()).chain(attempt.to_le_bytes());
    // FNV-1a, and the end of MurmurHash3, without which the last bytes would hardly reach the upper bits.
    let mut hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    ((hash ^ (hash >> 33)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_of_runs_and_attempts_are_spread_evenly_and_always_the_same() {
        let id = FlowRunId::new(7, 7);
        let throws: Vec<u32> =
            (0..1000).flat_map(|index| [1, 2].map(|attempt| dice(id, "a/b", index, attempt))).collect();
        for quarter in 0..4_u32 {
            let count = throws.iter().filter(|dice| **dice >> 30 == quarter).count();
            assert!((400..600).contains(&count), "{count} of 2000 in quarter {quarter}");
        }
        assert_eq!(dice(id, "a/b", 3, 2), throws[7]);
        assert_ne!(dice(FlowRunId::new(7, 8), "a/b", 3, 2), throws[7]);
    }
}
