//! [`Fitting`]: a runner that starts only as many task runs at one time as fit into some memory by their limits.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use taskhost_model::seams::{Reports, Runner};
use taskhost_model::{Attachment, Ending, FlowRunId, Origin, RequestId, TaskRunOutcome, TaskRunReport, TaskRunRequest};

/// See the top of the file.
pub(crate) struct Fitting(Arc<Shared>);

struct Shared {
    inner: Arc<dyn Runner>,
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By their limits, of all task runs that the inner runner has.
    bytes: u64,
    waiting: VecDeque<Waiting>,
    /// Somebody starts what fits.
    is_served: bool,
}

struct Waiting {
    request: TaskRunRequest,
    left: Range<u32>,
    reports: Arc<dyn Reports>,
}

impl Fitting {
    /// Of `inner`, which is to have `bytes_max` at one time. A task run that needs more is started alone.
    pub(crate) fn new(inner: Arc<dyn Runner>, bytes_max: u64) -> Arc<Fitting> {
        Arc::new(Fitting(Arc::new(Shared { inner, bytes_max, state: Mutex::default() })))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts what fits.
    fn serve(self: &Arc<Self>) {
        if std::mem::replace(&mut self.lock().is_served, true) {
            return;
        }
        loop {
            let mut state = self.lock();
            let Some((request, reports)) = self.next(&mut state) else {
                state.is_served = false;
                return;
            };
            drop(state);
            self.inner.start(vec![request], &reports);
        }
    }

    fn next(self: &Arc<Self>, state: &mut State) -> Option<(TaskRunRequest, Arc<dyn Reports>)> {
        let front = state.waiting.front_mut()?;
        let each = front.request.call.limits.memory_bytes_max.max(1);
        let room = (self.bytes_max.saturating_sub(state.bytes) / each) as u32;
        let count = if state.bytes == 0 { room.max(1) } else { room }.min(front.left.len() as u32);
        if count == 0 {
            return None;
        }
        let indexes = front.left.start..front.left.start + count;
        front.left.start = indexes.end;
        let request = TaskRunRequest { indexes, ..front.request.clone() };
        let outer = Arc::clone(&front.reports);
        if front.left.is_empty() {
            state.waiting.pop_front();
        }
        state.bytes += each * u64::from(count);
        let counting = Counting { shared: Arc::clone(self), outer, bytes_each: each };
        Some((request, Arc::new(counting)))
    }

    /// Ends what waits and is wanted.
    fn withdraw(self: &Arc<Self>, wanted: impl Fn(&TaskRunRequest) -> bool) {
        let mut state = self.lock();
        let all = std::mem::take(&mut state.waiting);
        let (taken, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|waiting| wanted(&waiting.request));
        state.waiting = kept.into();
        drop(state);
        for Waiting { request, left, reports } in taken {
            reports.ended(TaskRunReport {
                flow_run: request.flow_run,
                request: request.id,
                first: left.start,
                outcomes: vec![TaskRunOutcome::without_usage(Ending::Cancelled); left.len()],
                origin: Origin::Run,
            });
        }
    }
}

impl Runner for Fitting {
    fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>) {
        let waiting = requests.into_iter().filter(|request| !request.indexes.is_empty()).map(|request| Waiting {
            left: request.indexes.clone(),
            request,
            reports: Arc::clone(reports),
        });
        self.0.lock().waiting.extend(waiting);
        self.0.serve();
    }

    fn cancel(&self, flow_run: FlowRunId) {
        self.0.withdraw(|request| request.flow_run == flow_run);
        self.0.inner.cancel(flow_run);
    }

    fn withdraw(&self, flow_run: FlowRunId, request: RequestId) {
        self.0.withdraw(|waiting| waiting.flow_run == flow_run && waiting.id == request);
        self.0.inner.withdraw(flow_run, request);
    }

    fn has_idle_threads(&self) -> bool {
        // What does not fit would only wait here.
        self.0.lock().waiting.is_empty() && self.0.inner.has_idle_threads()
    }

    fn capacity(&self) -> usize {
        self.0.inner.capacity()
    }
}

/// Gives back the memory of task runs that ended.
struct Counting {
    shared: Arc<Shared>,
    outer: Arc<dyn Reports>,
    bytes_each: u64,
}

impl Reports for Counting {
    fn ended(&self, report: TaskRunReport) {
        let bytes = self.bytes_each * report.outcomes.len() as u64;
        self.outer.ended(report);
        let mut state = self.shared.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
        drop(state);
        self.shared.serve();
    }

    fn attach(&self, task: &Arc<str>, index: u32, attachment: Attachment) {
        self.outer.attach(task, index, attachment);
    }
}

#[cfg(test)]
mod tests {
    use taskhost_model::{Digest, Grants, Limits, TaskCall};

    use super::*;

    /// Holds what it was given.
    #[derive(Default)]
    struct Held(Mutex<Vec<(TaskRunRequest, Arc<dyn Reports>)>>);

    impl Runner for Held {
        fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>) {
            let mut held = self.0.lock().expect("no panic");
            held.extend(requests.into_iter().map(|request| (request, Arc::clone(reports))));
        }

        fn cancel(&self, _flow_run: FlowRunId) {}

        fn capacity(&self) -> usize {
            1
        }
    }

    impl Held {
        /// Ends all that it holds; how many task runs that are.
        fn end(&self) -> usize {
            let held = std::mem::take(&mut *self.0.lock().expect("no panic"));
            let runs = held.iter().map(|(request, _)| request.indexes.len()).sum();
            for (request, reports) in held {
                reports.ended(TaskRunReport {
                    flow_run: request.flow_run,
                    request: request.id,
                    first: request.indexes.start,
                    outcomes: vec![TaskRunOutcome::without_usage(Ending::Cancelled); request.indexes.len()],
                    origin: Origin::Run,
                });
            }
            runs
        }
    }

    #[derive(Default)]
    struct Counted(Mutex<usize>);

    impl Reports for Counted {
        fn ended(&self, report: TaskRunReport) {
            *self.0.lock().expect("no panic") += report.outcomes.len();
        }

        fn attach(&self, _task: &Arc<str>, _index: u32, _attachment: Attachment) {}
    }

    fn request(id: u64, runs: u32, memory: u64) -> TaskRunRequest {
        let call = TaskCall {
            component: Digest::of(b""),
            component_name: "c".into(),
            interface: None,
            function: "f".into(),
            parameters: Vec::new(),
            result: None,
            limits: Limits { memory_bytes_max: memory, ..Limits::DEFAULT },
            grants: Arc::new(Grants::default()),
            deterministic: false,
            cache: None,
        };
        TaskRunRequest {
            flow_run: FlowRunId::new(1, 1),
            id: RequestId(id),
            task: "t".into(),
            call: Arc::new(call),
            arguments: Arc::new([]),
            mapped: Arc::new([]),
            elements_from: 0,
            indexes: 0..runs,
            attempt: 1,
        }
    }

    #[test]
    fn only_so_many_run_at_one_time_as_fit_by_their_limits() {
        let (held, counted) = (Arc::new(Held::default()), Arc::new(Counted::default()));
        let fitting = Fitting::new(held.clone(), 100);
        let reports: Arc<dyn Reports> = counted.clone();
        fitting.start(vec![request(1, 5, 40), request(2, 1, 10), request(3, 1, 500)], &reports);
        let rounds: Vec<usize> = std::iter::from_fn(|| Some(held.end()).filter(|runs| *runs > 0)).collect();
        assert_eq!(rounds, [2, 2, 2, 1]);
        assert_eq!(*counted.0.lock().expect("no panic"), 7);
    }

    #[test]
    fn what_waits_is_withdrawn_here() {
        let (held, counted) = (Arc::new(Held::default()), Arc::new(Counted::default()));
        let fitting = Fitting::new(held.clone(), 100);
        let reports: Arc<dyn Reports> = counted.clone();
        fitting.start(vec![request(1, 5, 100)], &reports);
        fitting.withdraw(FlowRunId::new(1, 1), RequestId(1));
        assert_eq!(*counted.0.lock().expect("no panic"), 4);
        assert_eq!(held.end(), 1);
    }
}
