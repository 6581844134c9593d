//! [`Lane`]: task runs of one flow run that want the same workers, and how they are cut into messages. Pure: no clock, no I/O.
//!
//! A lone task run goes out at once, by itself. Under load a message holds so many that each thread of a worker has a few messages ahead of it,
//! at most [`RUNS_MAX`](crate::wire::tasks::RUNS_MAX) and about [`WORK_MAX`] of work: longer ones would leave some workers idle while
//! others still have much to do. What is not sent waits here, where it can be withdrawn.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use taskhost_model::seams::Reports;
use taskhost_model::{RequestId, TaskCall, TaskRunRequest, Value};

use crate::wire::tasks::RUNS_MAX;

/// Work in a message, as far as it is known.
const WORK_MAX: Duration = Duration::from_millis(50);

/// Task runs of a message while it is not known how long one takes.
const UNKNOWN_RUNS_MAX: u32 = 32;

/// Messages ahead of each thread of the workers; besides them some for workers that nobody knows yet.
const MESSAGES_PER_SLOT: u32 = 4;

/// Bytes of arguments in a message, if it holds more than one task run.
const BYTES_MAX: u64 = 256 << 10;

/// How many workers are lost with a task run, one after another, before it is taken for the reason.
pub(super) const LOSSES_MAX: u32 = 3;

/// Calls whose pace is remembered.
const PACES_MAX: usize = 1024;

/// A stretch of task runs that is to be sent.
#[derive(Clone)]
pub(super) struct Queued {
    pub(super) request: Arc<TaskRunRequest>,
    pub(super) indexes: Range<u32>,
    pub(super) reports: Arc<dyn Reports>,
    /// Workers that were lost with it, one after another. After the first each run goes by itself: one of them may be the end of its worker.
    pub(super) losses: u32,
}

impl Queued {
    /// One of its runs may be the end of its worker.
    fn is_suspect(&self) -> bool {
        self.losses > 0
    }

    /// A worker is to carry it out while it has nothing else: twice it was lost in company, so that it is not known who did it.
    pub(super) fn goes_alone(&self) -> bool {
        self.losses + 1 >= LOSSES_MAX
    }
}

/// What a lane has for its sender.
pub(super) enum Next {
    /// A message.
    Send(Vec<Queued>),
    /// Not enough yet for a message while workers have enough to do: ask again in a moment.
    Linger,
    Nothing,
}

/// See the top of the file.
#[derive(Default)]
pub(super) struct Lane {
    queue: VecDeque<Queued>,
    queued: u64,
    /// Task runs that were sent and not answered.
    in_flight: u64,
    /// Messages that were sent and not answered.
    messages: u32,
    /// Seconds that a run of a call computes, by the call's address; the call is kept, so that no other has it.
    paces: HashMap<usize, (Arc<TaskCall>, f64)>,
}

impl Lane {
    pub(super) fn push(&mut self, queued: Queued) {
        self.queued += queued.indexes.len() as u64;
        self.queue.push_back(queued);
    }

    /// What had its turn already goes before others.
    pub(super) fn push_again(&mut self, queued: Queued) {
        self.queued += queued.indexes.len() as u64;
        self.queue.push_front(queued);
    }

    /// Whether nothing waits here and nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.queued == 0 && self.messages == 0
    }

    /// The next message for workers that have `slots` threads together. `has_lingered`: what there is goes now.
    pub(super) fn next(&mut self, slots: u32, has_lingered: bool) -> Next {
        let slots = slots.max(1);
        if self.queued == 0 || self.messages >= slots.saturating_add(1).saturating_mul(MESSAGES_PER_SLOT) {
            return Next::Nothing;
        }
        let shares = u64::from(slots.saturating_mul(MESSAGES_PER_SLOT));
        let target = ((self.queued + self.in_flight) / shares).clamp(1, u64::from(RUNS_MAX));
        if self.messages >= slots.saturating_mul(2) && self.queued < target && !has_lingered {
            return Next::Linger;
        }
        let parts = self.cut(target as u32);
        let runs: u64 = parts.iter().map(|part| part.indexes.len() as u64).sum();
        (self.queued, self.in_flight, self.messages) = (self.queued - runs, self.in_flight + runs, self.messages + 1);
        Next::Send(parts)
    }

    /// Takes up to `target` runs from the front.
    fn cut(&mut self, target: u32) -> Vec<Queued> {
        let (mut parts, mut runs, mut work, mut bytes) = (Vec::new(), 0, 0.0, 0);
        while let Some(front) = self.queue.front_mut() {
            let pace = self.paces.get(&address(&front.request.call)).map(|(_, pace)| *pace);
            let by_pace = match pace {
                Some(pace) => ((WORK_MAX.as_secs_f64() - work) / pace.max(1e-9)).ceil() as u32,
                None => UNKNOWN_RUNS_MAX.saturating_sub(runs),
            };
            let each = bytes_of_a_run(&front.request);
            let shared = bytes_of_shared(&front.request);
            let by_bytes = ((BYTES_MAX - bytes.min(BYTES_MAX)).saturating_sub(shared) / each.max(1)) as u32;
            let room = by_pace.min(by_bytes).min(target - runs);
            let count = match parts.is_empty() {
                true if front.is_suspect() => 1,
                true => room.max(1),
                false if front.is_suspect() => 0,
                false => room,
            };
            let count = count.min(front.indexes.len() as u32);
            if count == 0 {
                break;
            }
            runs += count;
            work += pace.unwrap_or(0.0) * f64::from(count);
            bytes += shared + each * u64::from(count);
            let end = front.indexes.start + count;
            let part = Queued { indexes: front.indexes.start..end, ..front.clone() };
            front.indexes.start = end;
            let is_alone = front.is_suspect();
            if front.indexes.is_empty() {
                self.queue.pop_front();
            }
            parts.push(part);
            if runs >= target || is_alone {
                break;
            }
        }
        parts
    }

    /// A message was answered whole, or is given up; it held so many runs that do not count any more.
    pub(super) fn landed(&mut self, runs: u64) {
        self.in_flight = self.in_flight.saturating_sub(runs);
        self.messages = self.messages.saturating_sub(1);
    }

    /// Some runs of a message were answered.
    pub(super) fn answered(&mut self, runs: u64) {
        self.in_flight = self.in_flight.saturating_sub(runs);
    }

    /// So many runs of a call computed so long together.
    pub(super) fn learn(&mut self, call: &Arc<TaskCall>, runs: u64, computed: Duration) {
        if runs == 0 {
            return;
        }
        if self.paces.len() >= PACES_MAX {
            self.paces.clear();
        }
        let seen = computed.as_secs_f64() / runs as f64;
        let (_, pace) = self.paces.entry(address(call)).or_insert_with(|| (Arc::clone(call), seen));
        *pace += (seen - *pace) * 0.3;
    }

    /// Takes out what was not sent: all of it, or what belongs to a request.
    pub(super) fn withdraw(&mut self, request: Option<RequestId>) -> Vec<Queued> {
        let (taken, kept): (Vec<_>, Vec<_>) =
            self.queue.drain(..).partition(|queued| request.is_none_or(|wanted| queued.request.id == wanted));
        self.queue = kept.into();
        self.queued -= taken.iter().map(|queued| queued.indexes.len() as u64).sum::<u64>();
        taken
    }
}

fn address(call: &Arc<TaskCall>) -> usize {
    Arc::as_ptr(call).addr()
}

/// Bytes of the mapped arguments of one run, on average.
fn bytes_of_a_run(request: &TaskRunRequest) -> u64 {
    let of_one = |at: &usize| match request.arguments.get(*at) {
        Some(Value::List(list)) => list.size_bytes() / (list.len() as u64).max(1),
        _ => 0,
    };
    request.mapped.iter().map(of_one).sum::<u64>() + 1
}

/// Bytes of the arguments that all runs share; those of large ones go another way.
fn bytes_of_shared(request: &TaskRunRequest) -> u64 {
    let shared = request.arguments.iter().enumerate().filter(|(at, _)| !request.mapped.contains(at));
    shared.map(|(_, value)| value.size_bytes().min(crate::wire::OFFLOAD_BYTES_MIN as u64)).sum::<u64>() + 64
}

#[cfg(test)]
mod tests {
    use taskhost_model::{Attachment, Digest, FlowRunId, Grants, Limits, List, TaskRunReport, ValueType};

    use super::*;

    struct Nobody;

    impl Reports for Nobody {
        fn ended(&self, _report: TaskRunReport) {}
        fn attach(&self, _task: &Arc<str>, _index: u32, _attachment: Attachment) {}
    }

    fn queued(runs: u32, bytes_each: usize) -> Queued {
        let call = TaskCall {
            component: Digest::of(b""),
            component_name: "c".into(),
            interface: None,
            function: "f".into(),
            parameters: vec![ValueType::String],
            result: None,
            limits: Limits::DEFAULT,
            grants: Arc::new(Grants::default()),
            deterministic: false,
            cache: None,
        };
        let element = Value::string("x".repeat(bytes_each));
        let list = List::from_values(&ValueType::String, (0..runs).map(|_| element.clone()));
        let request = TaskRunRequest {
            flow_run: FlowRunId::new(1, 1),
            id: RequestId(1),
            task: "t".into(),
            call: Arc::new(call),
            arguments: Arc::new([Value::List(list)]),
            mapped: Arc::new([0]),
            elements_from: 0,
            indexes: 0..runs,
            attempt: 1,
        };
        Queued { indexes: 0..runs, request: Arc::new(request), reports: Arc::new(Nobody), losses: 0 }
    }

    fn runs(next: Next) -> Option<u32> {
        match next {
            Next::Send(parts) => Some(parts.iter().map(|part| part.indexes.len() as u32).sum()),
            Next::Linger | Next::Nothing => None,
        }
    }

    #[test]
    fn a_lone_task_run_goes_at_once() {
        let mut lane = Lane::default();
        lane.push(queued(1, 4));
        assert_eq!(runs(lane.next(8, false)), Some(1));
        assert!(matches!(lane.next(8, false), Next::Nothing));
    }

    #[test]
    fn a_long_queue_of_quick_runs_goes_in_large_messages() {
        let mut lane = Lane::default();
        let all = queued(100_000, 4);
        lane.learn(&all.request.call, 1, Duration::from_micros(10));
        lane.push(all);
        assert_eq!(runs(lane.next(2, false)), Some(RUNS_MAX));
    }

    #[test]
    fn messages_hold_little_until_it_is_known_how_long_a_run_takes() {
        let mut lane = Lane::default();
        let all = queued(100_000, 4);
        let call = Arc::clone(&all.request.call);
        lane.push(all);
        assert_eq!(runs(lane.next(2, false)), Some(UNKNOWN_RUNS_MAX));
        lane.learn(&call, 1, Duration::from_secs(10));
        assert_eq!(runs(lane.next(2, false)), Some(1));
    }

    #[test]
    fn a_message_of_several_runs_holds_few_bytes() {
        let mut lane = Lane::default();
        let all = queued(1000, 100_000);
        lane.learn(&all.request.call, 1, Duration::from_micros(10));
        lane.push(all);
        assert_eq!(runs(lane.next(1, false)), Some(2));
    }

    #[test]
    fn what_workers_have_enough_of_waits_here_and_can_be_withdrawn() {
        let mut lane = Lane::default();
        lane.push(queued(100_000, 4));
        let sent = std::iter::from_fn(|| runs(lane.next(2, true))).count();
        assert_eq!(sent as u32, 2 * MESSAGES_PER_SLOT + MESSAGES_PER_SLOT);
        let left: usize = lane.withdraw(None).iter().map(|queued| queued.indexes.len()).sum();
        assert_eq!(left, 100_000 - sent * UNKNOWN_RUNS_MAX as usize);
    }

    #[test]
    fn few_runs_wait_a_moment_for_others_while_workers_are_busy() {
        let mut lane = Lane::default();
        lane.push(queued(1000, 4));
        while runs(lane.next(1, true)).is_some() {}
        lane.withdraw(None);
        lane.landed(0);
        lane.push(queued(2, 4));
        assert!(matches!(lane.next(1, false), Next::Linger));
        assert_eq!(runs(lane.next(1, true)), Some(2));
    }

    #[test]
    fn suspects_go_one_by_one() {
        let mut lane = Lane::default();
        let all = Queued { losses: 1, ..queued(3, 4) };
        lane.learn(&all.request.call, 1, Duration::from_micros(10));
        lane.push(all);
        lane.push(queued(50, 4));
        let sent: Vec<_> = std::iter::from_fn(|| runs(lane.next(1, true))).take(3).collect();
        assert_eq!(sent, [1, 1, 1]);
    }
}
