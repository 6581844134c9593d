//! What do operators see? Traces, metrics and logs of flow runs, for the tools that they have already.
//!
//! ```text
//!                 ┌─ events (Observer) ──► Watch ─┬─► queue ─► a thread ─► OTLP collector       spans
//!  flow run ──────┤                               ├─► Metrics ─► /metrics, or a file at the end
//!                 └─ reports (Runner) ──► Followed┘─► tracing ─► LogSubscriber ─► lines          logs
//! ```
//!
//! Nothing here is on unless a [`Settings`] says so, and a flow run that is not followed knows nothing of this crate. A flow run that is waits for
//! nobody: spans without room are counted and lost. What is told holds names, states, times and what was used; never an argument, a
//! result, or a line of a task's log.
//!
//! Start reading at [`Watch`]; spans become bytes in `otlp`.

mod clock;
mod followed;
mod logs;
mod metrics;
mod otlp;
mod paths;
mod post;
mod prometheus;
mod queue;
mod run_log;
mod sender;
mod serve;
mod settings;
mod spans;
#[cfg(test)]
mod testing;
mod trace;
mod watch;
mod whole_file;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use taskhost_flow::Flow;
use taskhost_model::FlowRunId;
use taskhost_model::seams::Observer;

pub use logs::{LogFormat, LogSettings, Sink, install_logs};
pub use settings::{MetricsTarget, SettingError, Settings, TraceSettings};
pub use trace::Parent;
pub use watch::Watch;

use metrics::Metrics;
use queue::Queue;
use spans::Told;
use trace::Trace;

/// Follows the flow runs of a process.
pub struct Telemetry {
    spans: Option<Spans>,
    metrics: Option<Arc<Metrics>>,
    /// Where metrics are written at the end.
    file: Option<PathBuf>,
}

struct Spans {
    queue: Arc<Queue>,
    parent: Option<Parent>,
    timeout: Duration,
}

impl Telemetry {
    /// Starts what the settings ask for. What cannot be had is no reason not to run: it is told, to be warned of.
    pub fn start(settings: Settings) -> (Arc<Telemetry>, Vec<String>) {
        let mut warnings = Vec::new();
        let spans = settings.traces.and_then(|traces| {
            let queue = Arc::new(Queue::default());
            let spans = Spans { queue: Arc::clone(&queue), parent: traces.parent.clone(), timeout: traces.timeout };
            let started = sender::start(traces, queue);
            started.map_err(|error| warnings.push(format!("there are no traces: {error}"))).ok().map(|()| spans)
        });
        let metrics = settings.metrics.is_some().then(Arc::<Metrics>::default);
        let mut file = None;
        match (settings.metrics, &metrics) {
            (Some(MetricsTarget::Address(address)), Some(metrics)) => {
                let (metrics, queue) = (Arc::clone(metrics), spans.as_ref().map(|spans| Arc::clone(&spans.queue)));
                let answer = move || prometheus::text(&metrics.lock(), queue.as_ref().map(|queue| queue.lost()));
                match serve::start(address, Arc::new(answer)) {
                    Ok(address) => tracing::info!(target: "taskhost_telemetry", %address, "metrics can be had"),
                    Err(error) => warnings.push(format!("metrics cannot be had at {address}: {}", told(&error))),
                }
            }
            (Some(MetricsTarget::File(path)), _) => file = Some(path),
            (Some(MetricsTarget::Address(_)), None) | (None, _) => {}
        }
        (Arc::new(Telemetry { spans, metrics, file }), warnings)
    }

    /// Follows a flow run that starts now, or goes on after an earlier part of it took `before`. Events go on to `observer`.
    pub fn follow(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        id: FlowRunId,
        before: Option<Duration>,
        observer: Arc<dyn Observer>,
    ) -> Arc<Watch> {
        Watch::new(Arc::clone(self), flow, id, before, observer)
    }

    /// Writes the file of metrics, if there is to be one; gives what is to be warned of. [`Telemetry::finish`] does so, too; this takes no time.
    pub fn write_metrics(&self) -> Option<String> {
        let (file, metrics) = (self.file.as_ref()?, self.metrics.as_ref()?);
        let lost = self.spans.as_ref().map(|spans| spans.queue.lost());
        let error = whole_file::write(file, &prometheus::text(&metrics.lock(), lost)).err()?;
        Some(format!("metrics could not be written to `{}`: {}", file.display(), told(&error)))
    }

    /// Sends and writes what is left, within the time for a post; gives what is to be warned of. To be called once, at the end.
    pub fn finish(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(spans) = &self.spans {
            warnings.extend(spans.queue.close(spans.timeout));
        }
        // Only now it is known which spans were lost.
        warnings.extend(self.write_metrics());
        warnings
    }

    fn trace(&self, flow: &Arc<str>, id: FlowRunId, before: Duration) -> Option<Arc<Trace>> {
        let spans = self.spans.as_ref()?;
        Some(Trace::new(flow, id, before, spans.parent.as_ref()))
    }

    fn push(&self, told: Told) {
        if let Some(spans) = &self.spans {
            spans.queue.push(told);
        }
    }
}

fn told(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
