//! [`Metrics`](crate::metrics::Metrics) as text, in version 0.0.4 of Prometheus' format.

use std::fmt::Write as _;

use crate::metrics::{BYTES, FlowSeries, Histogram, Registry, SECONDS, TaskSeries};

/// All numbers, with what each means.
pub(crate) fn text(registry: &Registry, spans_lost: Option<u64>) -> String {
    let mut out = Text(String::new());
    out.family("taskhost_build_info", "gauge", "The version that runs; always 1.");
    out.line("taskhost_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    flows(&mut out, &registry.flows());
    tasks(&mut out, &registry.tasks());
    if let Some(lost) = spans_lost {
        out.family("taskhost_spans_lost_total", "counter", "Spans that could not be sent.");
        out.line("taskhost_spans_lost_total", &[], lost as f64);
    }
    out.0
}

fn flows(out: &mut Text, flows: &[(&str, &FlowSeries)]) {
    let name = "taskhost_flow_runs_total";
    out.family(name, "counter", "Flow runs that ended.");
    for (flow, series) in flows {
        for (state, count) in
            [("succeeded", series.succeeded), ("failed", series.failed), ("cancelled", series.cancelled)]
        {
            out.line(name, &[("flow", flow), ("state", state)], count as f64);
        }
    }
    out.family("taskhost_flow_runs_running", "gauge", "Flow runs that have not ended.");
    for (flow, series) in flows {
        out.line("taskhost_flow_runs_running", &[("flow", flow)], series.running as f64);
    }
    let name = "taskhost_flow_run_duration_seconds";
    out.family(name, "histogram", "From the start of a flow run to its end; if it was resumed, all parts together.");
    for (flow, series) in flows {
        out.histogram(name, &[("flow", flow)], &SECONDS, &series.durations);
    }
}

/// A number of a task: its name, its kind, what it means, and where it is.
type Number = (&'static str, &'static str, &'static str, fn(&TaskSeries) -> f64);

const NUMBERS: [Number; 6] = [
    ("taskhost_task_runs_cached_total", "counter", "Task runs whose result was in the cache.", |it| it.cached as f64),
    ("taskhost_task_attempts_total", "counter", "Attempts of task runs that were carried out.", |it| {
        it.attempts as f64
    }),
    ("taskhost_task_retries_total", "counter", "Attempts that began because the one before failed.", |it| {
        it.retries as f64
    }),
    ("taskhost_task_cpu_seconds_total", "counter", "Time that task runs computed.", |it| it.cpu_seconds),
    ("taskhost_task_runs_running", "gauge", "Task runs that their runner has, those that it queues included.", |it| {
        it.running as f64
    }),
    ("taskhost_task_runs_waiting", "gauge", "Task runs that could start and wait for room or another attempt.", |it| {
        it.waiting as f64
    }),
];

fn tasks(out: &mut Text, tasks: &[(&str, &str, &TaskSeries)]) {
    let name = "taskhost_task_runs_total";
    out.family(name, "counter", "Task runs that ended, after all their attempts, or by the cache.");
    for (flow, task, series) in tasks {
        for (state, count) in [("succeeded", series.succeeded), ("failed", series.failed)] {
            out.line(name, &[("flow", flow), ("task", task), ("state", state)], count as f64);
        }
    }
    for (name, kind, help, number) in NUMBERS {
        out.family(name, kind, help);
        for (flow, task, series) in tasks {
            out.line(name, &[("flow", flow), ("task", task)], number(series));
        }
    }
    let name = "taskhost_task_duration_seconds";
    out.family(name, "histogram", "From the start of an attempt to its end.");
    for (flow, task, series) in tasks {
        out.histogram(name, &[("flow", flow), ("task", task)], &SECONDS, &series.durations);
    }
    let name = "taskhost_task_memory_peak_bytes";
    out.family(name, "histogram", "The most memory that an attempt had at one time.");
    for (flow, task, series) in tasks {
        out.histogram(name, &[("flow", flow), ("task", task)], &BYTES, &series.memory);
    }
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", escaped(value));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{after} {value}");
    }

    fn histogram<const N: usize>(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        bounds: &[f64; N],
        histogram: &Histogram<N>,
    ) {
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (bound, count) in bounds.iter().zip(histogram.counts) {
            below += count;
            let bound = bound.to_string();
            self.line(&bucket, &[labels, &[("le", &bound)]].concat(), below as f64);
        }
        self.line(&bucket, &[labels, &[("le", "+Inf")]].concat(), histogram.count as f64);
        self.line(&format!("{name}_sum"), labels, histogram.sum);
        self.line(&format!("{name}_count"), labels, histogram.count as f64);
    }
}

/// A label's value, as it stands between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use taskhost_model::Usage;

    use super::*;

    #[test]
    fn numbers_are_lines_with_labels_and_buckets_add_up() {
        let mut registry = Registry::default();
        let flow: Arc<str> = "a \"b\"\\".into();
        let label = registry.label(&flow, &"months/clean".into());
        for ms in [1, 1, 700] {
            registry.task(label).attempted(&Usage { wall_time: Duration::from_millis(ms), ..Usage::default() });
        }
        registry.task(label).succeeded = 3;
        registry.flow(&flow).running = 1;
        let text = text(&registry, Some(2));
        for line in [
            "# TYPE taskhost_task_runs_total counter",
            "taskhost_task_runs_total{flow=\"a \\\"b\\\"\\\\\",task=\"months/clean\",state=\"succeeded\"} 3",
            "taskhost_task_duration_seconds_bucket{flow=\"a \\\"b\\\"\\\\\",task=\"months/clean\",le=\"0.001\"} 2",
            "taskhost_task_duration_seconds_bucket{flow=\"a \\\"b\\\"\\\\\",task=\"months/clean\",le=\"1\"} 3",
            "taskhost_task_duration_seconds_bucket{flow=\"a \\\"b\\\"\\\\\",task=\"months/clean\",le=\"+Inf\"} 3",
            "taskhost_task_duration_seconds_count{flow=\"a \\\"b\\\"\\\\\",task=\"months/clean\"} 3",
            "taskhost_flow_runs_running{flow=\"a \\\"b\\\"\\\\\"} 1",
            "taskhost_spans_lost_total 2",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        // Each name is introduced once.
        let mut names: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
