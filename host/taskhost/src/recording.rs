//! What is written of a flow run when it begins: all that it takes to tell of it later, and to go on with it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use taskhost_engine::Stopper;
use taskhost_flow::{Flow, Plan, TaskKind};
use taskhost_model::FlowRunId;
use taskhost_model::codec::encode_value;
use taskhost_model::seams::Observer;
use taskhost_store::{RecordedComponent, RecordedFile, RecordedParameter, RunRecord};

/// The record of a flow run that begins.
pub(crate) fn record(id: FlowRunId, started: u64, plan: &Plan, labels: Vec<String>) -> RunRecord {
    let flow = plan.flow();
    let mut record = RunRecord::empty(id, started);
    record.flow = flow.name.to_string();
    record.labels = labels;
    record.taskhost = env!("CARGO_PKG_VERSION").to_owned();
    record.file = file_of(flow).map(|file| file.path).unwrap_or_default();
    record.parameters = parameters(plan);
    record.outputs = flow.outputs.iter().map(|output| (output.name.to_string(), output.ty.clone())).collect();
    gather(flow, "", &mut Seen::default(), &mut record);
    record
}

fn parameters(plan: &Plan) -> Vec<RecordedParameter> {
    let given = plan.flow().parameters.iter().zip(plan.parameters());
    given
        .map(|(parameter, value)| RecordedParameter {
            name: parameter.name.to_string(),
            ty: parameter.ty.clone(),
            value: value.clone(),
        })
        .collect()
}

/// A flow's text, if it stands in a file.
fn file_of(flow: &Flow) -> Option<RecordedFile> {
    let source = flow.source.as_ref()?;
    // From wherever it is resumed.
    let path = std::path::absolute(source.path()).ok()?;
    let is_file = path.is_file();
    is_file.then(|| RecordedFile { path: path.display().to_string(), text: source.text().to_string() })
}

/// The default files of a subflow, each by a digest of its content: those of the outermost flow are among the values of its parameters.
fn defaults_of(flow: &Flow) -> impl Iterator<Item = RecordedFile> {
    flow.parameters.iter().filter_map(|parameter| {
        let (path, default) = (parameter.default_file.as_ref()?, parameter.default.as_ref()?);
        let mut content = Vec::new();
        encode_value(default, &mut content);
        Some(RecordedFile { path: absolute(path), text: format!("{}\n", blake3::hash(&content)) })
    })
}

#[derive(Default)]
struct Seen(Vec<*const Flow>);

/// Files, components and result types of a flow and its subflows; each file once.
fn gather(flow: &Arc<Flow>, prefix: &str, seen: &mut Seen, record: &mut RunRecord) {
    let is_new = !seen.0.contains(&Arc::as_ptr(flow));
    if is_new {
        seen.0.push(Arc::as_ptr(flow));
        if !prefix.is_empty() {
            record.files.extend(defaults_of(flow));
        }
        record.files.extend(file_of(flow).filter(|file| record.files.iter().all(|known| known.path != file.path)));
        for used in &flow.components {
            let component = RecordedComponent {
                name: used.name.to_string(),
                path: absolute(&used.path),
                digest: used.signature.digest,
            };
            if !record.components.contains(&component) {
                record.components.push(component);
            }
        }
    }
    for task in &flow.tasks {
        let path = format!("{prefix}{}", task.name);
        match &task.kind {
            TaskKind::Call(_) => record.result_types.push((path, task.success_type.clone())),
            // A flow that is used often is told once: its tasks give the same everywhere.
            TaskKind::Subflow(inner) if is_new => {
                let part = if task.is_mapped() { "[*]/" } else { "/" };
                gather(inner, &format!("{path}{part}"), seen, record);
            }
            TaskKind::Subflow(_) => {}
        }
    }
}

/// The same from everywhere.
pub(crate) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// What somebody who asks to cancel a recorded flow run stops: the first time it drains, the second time it is cancelled. The observer is told. It
/// keeps neither flow run nor observer alive.
#[derive(Clone)]
pub(crate) struct Stopping(Arc<Mutex<Asked>>, Weak<dyn Observer>);

#[derive(Default)]
struct Asked {
    times: u32,
    /// None until the flow run has started.
    stopper: Option<Stopper>,
}

impl Stopping {
    /// Before the flow run.
    pub(crate) fn new(observer: &Arc<dyn Observer>) -> Stopping {
        Stopping(Arc::default(), Arc::downgrade(observer))
    }

    /// What is called each time that somebody asks.
    pub(crate) fn on_request(&self) -> impl Fn() + Send + Sync + 'static {
        let stopping = self.clone();
        move || {
            let mut asked = stopping.0.lock().unwrap_or_else(PoisonError::into_inner);
            asked.times = asked.times.saturating_add(1);
            let (times, stopper) = (asked.times, asked.stopper.clone());
            drop(asked);
            if let Some(observer) = stopping.1.upgrade() {
                observer.asked_to_stop(times);
            }
            stop(stopper, times);
        }
    }

    /// The flow run has started.
    pub(crate) fn of(&self, stopper: Stopper) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.stopper = Some(stopper.clone());
        let times = asked.times;
        drop(asked);
        stop(Some(stopper), times);
    }
}

fn stop(stopper: Option<Stopper>, times: u32) {
    match (stopper, times) {
        (None, _) | (_, 0) => {}
        (Some(stopper), 1) => stopper.drain(),
        (Some(stopper), _) => stopper.cancel(),
    }
}
