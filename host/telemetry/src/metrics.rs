//! [`Metrics`]: what flow runs add up to, by flow and task. Never by index or id, and by no more than [`LABELS_MAX`] pairs of names, so that it
//! stays small however long the process lives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskhost_model::Usage;

/// Most pairs of flow and task that are told apart; more of them are `other`.
pub(crate) const LABELS_MAX: usize = 1_000;

/// What is told for what was one too many.
const OTHER: &str = "other";

/// Upper bounds of durations, in seconds: a small task run takes 10 µs, a long one hours.
pub(crate) const SECONDS: [f64; 13] = [1e-5, 1e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 600.0];

/// Upper bounds of memory peaks, in bytes: a page of WebAssembly, up to 4 GiB.
pub(crate) const BYTES: [f64; 9] = [
    65_536.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
    2_147_483_648.0,
    4_294_967_296.0,
];

/// How often what was measured was no more than each bound.
#[derive(Clone, Debug)]
pub(crate) struct Histogram<const N: usize> {
    /// Between the bound before and its own.
    pub(crate) counts: [u64; N],
    pub(crate) sum: f64,
    pub(crate) count: u64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Histogram<N> {
        Histogram { counts: [0; N], sum: 0.0, count: 0 }
    }
}

impl<const N: usize> Histogram<N> {
    fn add(&mut self, bounds: &[f64; N], value: f64) {
        if let Some(at) = bounds.iter().position(|bound| value <= *bound) {
            self.counts[at] += 1;
        }
        self.sum += value;
        self.count += 1;
    }
}

/// Of the flow runs of one flow.
#[derive(Clone, Default, Debug)]
pub(crate) struct FlowSeries {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    pub(crate) running: i64,
    pub(crate) durations: Histogram<13>,
}

/// Of the task runs of one task.
#[derive(Clone, Default, Debug)]
pub(crate) struct TaskSeries {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) cached: u64,
    pub(crate) attempts: u64,
    pub(crate) retries: u64,
    pub(crate) cpu_seconds: f64,
    pub(crate) durations: Histogram<13>,
    pub(crate) memory: Histogram<9>,
    pub(crate) running: i64,
    pub(crate) waiting: i64,
}

/// Whose numbers: a position in [`Registry::tasks`].
pub(crate) type TaskLabel = usize;

/// All numbers of the process.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<Registry>);

#[derive(Default)]
pub(crate) struct Registry {
    flows: Vec<(Arc<str>, FlowSeries)>,
    tasks: Vec<(Arc<str>, Arc<str>, TaskSeries)>,
    by_flow: HashMap<Arc<str>, usize>,
    by_task: HashMap<(Arc<str>, Arc<str>), TaskLabel>,
}

impl Metrics {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// The numbers of a flow.
    pub(crate) fn flow(&mut self, name: &Arc<str>) -> &mut FlowSeries {
        let name = match self.by_flow.contains_key(name) || self.flows.len() < LABELS_MAX {
            true => Arc::clone(name),
            false => OTHER.into(),
        };
        let (flows, own) = (&mut self.flows, Arc::clone(&name));
        let at = *self.by_flow.entry(name).or_insert_with(|| {
            flows.push((own, FlowSeries::default()));
            flows.len() - 1
        });
        &mut self.flows[at].1
    }

    /// Where the numbers of a task are; its path has no indexes.
    pub(crate) fn label(&mut self, flow: &Arc<str>, task: &Arc<str>) -> TaskLabel {
        let key = (Arc::clone(flow), Arc::clone(task));
        let is_known = self.by_task.contains_key(&key) || self.tasks.len() < LABELS_MAX;
        let key = if is_known { key } else { (OTHER.into(), OTHER.into()) };
        let (tasks, (flow, task)) = (&mut self.tasks, key.clone());
        *self.by_task.entry(key).or_insert_with(|| {
            tasks.push((flow, task, TaskSeries::default()));
            tasks.len() - 1
        })
    }

    /// The numbers of a task.
    pub(crate) fn task(&mut self, label: TaskLabel) -> &mut TaskSeries {
        &mut self.tasks[label].2
    }

    pub(crate) fn flows(&self) -> Vec<(&str, &FlowSeries)> {
        let mut flows: Vec<_> = self.flows.iter().map(|(name, series)| (&**name, series)).collect();
        flows.sort_by_key(|(name, _)| *name);
        flows
    }

    pub(crate) fn tasks(&self) -> Vec<(&str, &str, &TaskSeries)> {
        let mut tasks: Vec<_> = self.tasks.iter().map(|(flow, task, series)| (&**flow, &**task, series)).collect();
        tasks.sort_by_key(|(flow, task, _)| (*flow, *task));
        tasks
    }
}

impl FlowSeries {
    pub(crate) fn took(&mut self, time: Duration) {
        self.durations.add(&SECONDS, time.as_secs_f64());
    }
}

impl TaskSeries {
    /// An attempt was carried out.
    pub(crate) fn attempted(&mut self, usage: &Usage) {
        self.attempts += 1;
        self.cpu_seconds += usage.cpu_time.as_secs_f64();
        self.durations.add(&SECONDS, usage.wall_time.as_secs_f64());
        self.memory.add(&BYTES, usage.memory_bytes_peak as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_tasks_are_told_apart_and_all_others_are_one() {
        let mut registry = Registry::default();
        let flow: Arc<str> = "f".into();
        for number in 0..5_000 {
            let label = registry.label(&flow, &format!("t-{number}").into());
            registry.task(label).succeeded += 1;
            registry.flow(&format!("f-{number}").into()).failed += 1;
        }
        let again = registry.label(&flow, &"t-7".into());
        registry.task(again).succeeded += 1;
        let tasks = registry.tasks();
        assert_eq!(tasks.len(), LABELS_MAX + 1);
        let of = |name: &str| tasks.iter().find(|(_, task, _)| *task == name).map(|(_, _, series)| series.succeeded);
        assert_eq!((of("t-7"), of("other"), of("t-4999")), (Some(2), Some(4_000), None));
        assert_eq!(registry.flows().len(), LABELS_MAX + 1);
    }

    #[test]
    fn a_histogram_counts_what_is_on_a_bound_and_what_is_above_all() {
        let mut histogram = Histogram::<13>::default();
        for seconds in [0.0, 1e-5, 2e-5, 600.0, 601.0] {
            histogram.add(&SECONDS, seconds);
        }
        assert_eq!((histogram.counts[0], histogram.counts[1], histogram.counts[12]), (2, 1, 1));
        assert_eq!(histogram.count, 5);
    }
}
