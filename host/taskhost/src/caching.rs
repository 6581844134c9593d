//! Results that are used again: a task run with `cache` whose equal was carried out before is answered from the store.
//!
//! What makes task runs equal is their identity: the component, the function, the arguments, the grants with the values of granted environment
//! variables (as a digest, like all else of it), and whether it is deterministic.
//! Limits are not part of it: they say how much a task run may use, not what it gives.

use std::sync::Arc;

use blake3::Hasher;
use taskhost_engine::{Answered, Answerer, Answers};
use taskhost_flow::{Flow, TaskKind};
use taskhost_model::codec::encode_value;
use taskhost_model::seams::{Reports, Runner};
use taskhost_model::task_pattern::{Meant, TaskPattern};
use taskhost_model::{
    Attachment, Ending, FlowRunId, Grants, Origin, RequestId, Reuse, TaskCall, TaskRunOutcome, TaskRunReport,
    TaskRunRequest, Value,
};
use taskhost_store::{CacheEntry, ResultCache};

/// What makes identities no other digests; changed whenever they are made of something else.
const CONTEXT: &str = "taskhost 2026-11-22 identity of a task run";

/// Whether results of a task are used again. Those of one with secrets are not: its identity does not hold their values.
fn is_kept(call: &TaskCall) -> bool {
    call.cache.is_some() && call.grants.secrets.is_empty()
}

/// Whether any task of a flow or of its subflows wants results to be used again.
pub(crate) fn is_wanted(flow: &Arc<Flow>) -> bool {
    let mut flows = vec![flow];
    let mut at = 0;
    while let Some(flow) = flows.get(at).copied() {
        for task in &flow.tasks {
            match &task.kind {
                TaskKind::Call(call) if is_kept(call) => return true,
                TaskKind::Subflow(inner) if !flows.iter().any(|known| Arc::ptr_eq(known, inner)) => flows.push(inner),
                TaskKind::Call(_) | TaskKind::Subflow(_) => {}
            }
        }
        at += 1;
    }
    false
}

/// A runner that takes results from a cache and puts others into it. `refresh` names tasks that are carried out anew.
pub(crate) fn with_results(runner: Arc<dyn Runner>, cache: &ResultCache, refresh: &[String]) -> Arc<dyn Runner> {
    let keeping = Arc::new(Keeping { inner: runner, cache: cache.clone() });
    let cached = Arc::new(Cached {
        cache: cache.clone(),
        refresh: refresh.iter().filter_map(|text| TaskPattern::parse(text)).collect(),
    });
    Arc::new(Answered::new(cached, keeping))
}

/// Grants that say the same wherever the process was started.
fn grants_from_anywhere(grants: &Grants) -> String {
    let mut grants = grants.clone();
    for folder in &mut grants.folders {
        folder.base = folder.base.take().map(|base| std::path::absolute(&base).unwrap_or(base));
    }
    format!("{grants:?}")
}

/// The identities of a request's task runs.
struct Identities<'a> {
    request: &'a TaskRunRequest,
    of_task: Hasher,
}

impl Identities<'_> {
    fn of(request: &TaskRunRequest) -> Identities<'_> {
        let mut of_task = Hasher::new_derive_key(CONTEXT);
        let call = &request.call;
        let mut add = |part: &[u8]| {
            of_task.update(&(part.len() as u64).to_le_bytes());
            of_task.update(part);
        };
        add(call.component.hex().as_bytes());
        add(call.interface.as_deref().unwrap_or_default().as_bytes());
        add(call.function.as_bytes());
        // What was stored is a value of this type.
        add(call.result.as_ref().map(ToString::to_string).unwrap_or_default().as_bytes());
        add(grants_from_anywhere(&call.grants).as_bytes());
        add(&[u8::from(call.deterministic)]);
        for name in &call.grants.env {
            match std::env::var_os(&**name) {
                Some(value) => add(&[b"=", value.as_encoded_bytes()].concat()),
                None => add(b""),
            }
        }
        Identities { request, of_task }
    }

    fn at(&self, index: u32) -> [u8; 32] {
        let mut hasher = self.of_task.clone();
        let mut bytes = Vec::new();
        for at in 0..self.request.arguments.len() {
            bytes.clear();
            let Some(value) = self.request.argument(at, index) else { continue };
            encode_value(&value, &mut bytes);
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(&bytes);
        }
        *hasher.finalize().as_bytes()
    }
}

/// Answers from the store.
struct Cached {
    cache: ResultCache,
    /// Tasks that are carried out anew.
    refresh: Vec<TaskPattern>,
}

impl Answerer for Cached {
    fn may_know(&self, request: &TaskRunRequest) -> bool {
        let is_refreshed = |tasks: &TaskPattern| tasks.of(&request.task) == Meant::All;
        is_kept(&request.call) && request.attempt == 1 && !self.refresh.iter().any(is_refreshed)
    }

    fn answer(&self, request: &TaskRunRequest) -> Answers {
        let mut answers = Answers::default();
        let identities = Identities::of(request);
        let age_max = match request.call.cache {
            Some(Reuse::Within(age)) => Some(age),
            Some(Reuse::Always) | None => None,
        };
        let refreshed: Vec<Meant> = self.refresh.iter().map(|tasks| tasks.of(&request.task)).collect();
        for index in request.indexes.clone() {
            if refreshed.iter().any(|meant| meant.has(index)) {
                answers.lack(index);
                continue;
            }
            // A cache that cannot be read is as good as none.
            let found = self.cache.get(&identities.at(index), age_max).ok().flatten();
            let fits = |value: &Value| match &request.call.result {
                Some(ty) => value.has_type(ty),
                None => *value == Value::tuple([]),
            };
            match found.filter(fits) {
                Some(value) => {
                    let outcome = TaskRunOutcome::without_usage(Ending::Returned(value));
                    answers.know(request, index, outcome, Origin::Cache);
                }
                None => answers.lack(index),
            }
        }
        answers
    }
}

/// Puts the results of task runs with `cache` into the store.
struct Keeping {
    inner: Arc<dyn Runner>,
    cache: ResultCache,
}

impl Runner for Keeping {
    fn start(&self, requests: Vec<TaskRunRequest>, reports: &Arc<dyn Reports>) {
        let (kept, others): (Vec<_>, Vec<_>) = requests.into_iter().partition(|request| is_kept(&request.call));
        if !others.is_empty() {
            self.inner.start(others, reports);
        }
        for request in kept {
            let keep = Keep { request: request.clone(), cache: self.cache.clone(), reports: Arc::clone(reports) };
            let keep: Arc<dyn Reports> = Arc::new(keep);
            self.inner.start(vec![request], &keep);
        }
    }

    fn cancel(&self, flow_run: FlowRunId) {
        self.inner.cancel(flow_run);
    }

    fn withdraw(&self, flow_run: FlowRunId, request: RequestId) {
        self.inner.withdraw(flow_run, request);
    }

    fn capacity(&self) -> usize {
        self.inner.capacity()
    }
}

/// The way of one request's outcomes.
struct Keep {
    request: TaskRunRequest,
    cache: ResultCache,
    reports: Arc<dyn Reports>,
}

impl Keep {
    fn keep(&self, report: &TaskRunReport) {
        let identities = Identities::of(&self.request);
        for (index, outcome) in (report.first..).zip(&report.outcomes) {
            let Ending::Returned(value) = &outcome.ending else { continue };
            if matches!(value, Value::Result(Err(_))) {
                continue;
            }
            // A cache that cannot be written loses nothing but time.
            let _ = self.cache.put(CacheEntry {
                identity: identities.at(index),
                value: value.clone(),
                run: self.request.flow_run,
                component: self.request.call.component,
                function: Arc::clone(&self.request.call.function),
            });
        }
    }
}

impl Reports for Keep {
    fn ended(&self, report: TaskRunReport) {
        self.keep(&report);
        self.reports.ended(report);
    }

    fn attach(&self, task: &Arc<str>, index: u32, attachment: Attachment) {
        self.reports.attach(task, index, attachment);
    }
}
