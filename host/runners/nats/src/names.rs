//! Names in a NATS account: streams, subjects, consumers. One account is one tenant, so no name holds a tenant.
//!
//! ```text
//! taskhost-1-tasks      taskhost.1.tasks.<labels>.<flow run>     task runs to carry out; a work queue, a consumer for each set of labels
//! taskhost-1-results    taskhost.1.results.<flow run>            what became of them, for hosts that are there; a consumer for each flow run
//! taskhost-1-artifacts  (object store)                           components, large values, blobs, by digest
//!                       taskhost.1.cancel.<flow run>             this flow run is over; not kept
//!                       taskhost.workers                         who is there? not kept, and the same in every version
//! ```
//!
//! The number is [`PROTOCOL`]: hosts and workers of different protocols never meet in a queue, only at `taskhost.workers`, where they
//! tell each other their versions.

use taskhost_model::{FlowRunId, Labels};

use crate::shared::Way;

/// The version of what hosts and workers say to each other. Changed with each change that one side would not understand.
pub const PROTOCOL: u32 = 1;

/// The stream of task runs to carry out.
pub const TASKS_STREAM: &str = "taskhost-1-tasks";

/// The stream of outcomes.
pub const RESULTS_STREAM: &str = "taskhost-1-results";

/// The object store of components, large values and blobs. Its stream is `OBJ_` and this.
pub const ARTIFACTS_BUCKET: &str = "taskhost-1-artifacts";

/// The subjects of [`TASKS_STREAM`].
pub const TASKS_SUBJECTS: &str = "taskhost.1.tasks.*.*";

/// The subjects of [`RESULTS_STREAM`].
pub const RESULTS_SUBJECTS: &str = "taskhost.1.results.*";

/// Where workers hear that a flow run is over.
pub const CANCEL_SUBJECTS: &str = "taskhost.1.cancel.*";

/// Where workers are asked who is there; the same in every version.
pub const WORKERS_SUBJECT: &str = "taskhost.workers";

/// A header of a message to workers: it is carried out while its worker has nothing else.
pub(crate) const ALONE_HEADER: &str = "Taskhost-Alone";

/// A header of a message whose large values and blobs are in a store of artifacts that both sides reach.
pub(crate) const SHARED_HEADER: &str = "Taskhost-Artifacts";

/// Where answers to hosts go: apart from those to workers, so that neither can listen to the other's.
pub const HOST_INBOX: &str = "_INBOX_host";

/// Where answers to workers go.
pub const WORKER_INBOX: &str = "_INBOX_worker";

/// Where workers answer what they are asked at [`WORKERS_SUBJECT`]: the only part of a host's inbox that they may write to.
pub const WORKERS_ANSWERS: &str = "_INBOX_host.workers.*";

/// The prefix of JetStream's API in the account of a tenant's workers, which has no JetStream of its own: see
/// [`tenants`](crate::tenants).
pub const WORKERS_API: &str = "taskhost.api";

/// How the large values of a message with these headers have gone.
pub(crate) fn way(headers: Option<&async_nats::HeaderMap>) -> Way {
    let is_shared = headers.is_some_and(|headers| headers.get(SHARED_HEADER).is_some());
    if is_shared { Way::Shared } else { Way::Queue }
}

/// Where a flow run's messages for workers with `labels` go.
pub(crate) fn tasks(labels: &Labels, flow_run: FlowRunId) -> String {
    format!("taskhost.1.tasks.{}.{flow_run}", labels.token())
}

/// All messages for workers with `labels`.
pub(crate) fn tasks_of_all(labels: &Labels) -> String {
    format!("taskhost.1.tasks.{}.*", labels.token())
}

/// All messages of a flow run to workers.
pub(crate) fn tasks_for_all(flow_run: FlowRunId) -> String {
    format!("taskhost.1.tasks.*.{flow_run}")
}

/// The consumer that workers with `labels` share.
pub(crate) fn tasks_consumer(labels: &Labels) -> String {
    format!("tasks-{}", labels.token())
}

/// Where the outcomes of a flow run go.
pub(crate) fn results(flow_run: FlowRunId) -> String {
    format!("taskhost.1.results.{flow_run}")
}

/// The consumer of a flow run's host.
pub(crate) fn results_consumer(flow_run: FlowRunId) -> String {
    format!("results-{flow_run}")
}

/// Where workers hear that a flow run is over.
pub(crate) fn cancel(flow_run: FlowRunId) -> String {
    format!("taskhost.1.cancel.{flow_run}")
}

/// The flow run of a subject that ends with one.
pub(crate) fn flow_run(subject: &str) -> Option<FlowRunId> {
    subject.rsplit('.').next()?.parse().ok()
}
