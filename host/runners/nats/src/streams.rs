//! The streams, consumers and the object store of an account, made by the first host that needs them.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, PullConsumer};
use async_nats::jetstream::object_store::{self, ObjectStore};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use taskhost_model::{FlowRunId, Labels};

use crate::error::NatsError;
use crate::names;

/// How long a message may be with a worker that does not say that it is still at it. A worker that died is noticed after this.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(10);

/// How long an answer may be with its host before it is sent to it again, since it may have been lost on its way.
pub(crate) const ANSWER_ACK_WAIT: Duration = Duration::from_secs(15);

/// How long what nobody takes is kept. Longer than any host waits for it.
const AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long the outcomes of a flow run wait for a host that is gone.
const HOST_ABSENCE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Messages that may be with workers at one time, for each set of labels.
const WITH_WORKERS_MAX: i64 = 65_536;

/// Pulls of workers that may wait at one time, for each set of labels.
const PULLS_MAX: i64 = 8_192;

/// What an account has.
#[derive(Clone)]
pub(crate) struct Streams {
    pub(crate) tasks: Stream,
    pub(crate) results: Stream,
    pub(crate) artifacts: ObjectStore,
}

/// Finds the streams, or makes them.
pub(crate) async fn ensure(jetstream: &Context, wanted: Option<usize>) -> Result<Streams, NatsError> {
    let replicas = wanted.unwrap_or(1);
    let queue = |name: &str, subjects: &str, retention, description: &str| stream::Config {
        name: name.to_owned(),
        subjects: vec![subjects.to_owned()],
        description: Some(description.to_owned()),
        retention,
        // A full queue says so to whoever sends; it never drops what it has.
        discard: DiscardPolicy::New,
        max_age: AGE_MAX,
        num_replicas: replicas,
        ..stream::Config::default()
    };
    let (work, interest) = (RetentionPolicy::WorkQueue, RetentionPolicy::Interest);
    let tasks = queue(names::TASKS_STREAM, names::TASKS_SUBJECTS, work, "taskhost: task runs to carry out");
    // Answers that are late, for a host that has gone, are not kept.
    let results = queue(names::RESULTS_STREAM, names::RESULTS_SUBJECTS, interest, "taskhost: what became of task runs");
    let tasks = stream(jetstream, tasks).await?;
    if let Some(wanted) = wanted {
        are_kept_on(wanted, &tasks)?;
    }
    let results = stream(jetstream, results).await?;
    Ok(Streams { tasks, results, artifacts: bucket(jetstream, replicas).await? })
}

/// Another host may have made them otherwise.
fn are_kept_on(wanted: usize, tasks: &Stream) -> Result<(), NatsError> {
    let config = &tasks.cached_info().config;
    if config.num_replicas == wanted {
        return Ok(());
    }
    let message =
        format!("stream `{}` is there, kept on {} and not on {wanted} servers", config.name, config.num_replicas);
    let help = "leave `--replicas` out to use it as it is; to change it: `nats stream edit`, for each of the streams of this account";
    Err(NatsError::usage(message, help))
}

/// Finds what a host has made; none if none was there yet.
pub(crate) async fn find(jetstream: &Context) -> Result<Option<Streams>, NatsError> {
    let (Some(tasks), Some(results)) =
        (existing(jetstream, names::TASKS_STREAM).await?, existing(jetstream, names::RESULTS_STREAM).await?)
    else {
        return Ok(None);
    };
    match jetstream.get_object_store(names::ARTIFACTS_BUCKET).await {
        Ok(artifacts) => Ok(Some(Streams { tasks, results, artifacts })),
        Err(_) => Ok(None),
    }
}

async fn stream(jetstream: &Context, config: stream::Config) -> Result<Stream, NatsError> {
    if let Some(stream) = existing(jetstream, &config.name).await? {
        return Ok(stream);
    }
    let name = config.name.clone();
    match jetstream.create_stream(config).await {
        Ok(stream) => Ok(stream),
        // Another host was quicker.
        Err(error) => match existing(jetstream, &name).await? {
            Some(stream) => Ok(stream),
            None => Err(not_made(&format!("stream `{name}`"), &error)),
        },
    }
}

async fn existing(jetstream: &Context, name: &str) -> Result<Option<Stream>, NatsError> {
    use async_nats::jetstream::context::GetStreamErrorKind as Kind;
    match jetstream.get_stream(name).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            Kind::JetStream(reason) if reason.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            Kind::JetStream(reason)
                if reason.error_code() == ErrorCode::JETSTREAM_NOT_ENABLED
                    || reason.error_code() == ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT =>
            {
                Err(no_jetstream(&reason))
            }
            Kind::JetStream(reason) => Err(NatsError::new(format!("stream `{name}` cannot be looked at: {reason}"))),
            _ => Err(NatsError::new(format!("stream `{name}` cannot be looked at: {error}"))
                .help("see that the server has JetStream (`nats-server -js`), and that this user may use it")),
        },
    }
}

fn no_jetstream(reason: &impl std::fmt::Display) -> NatsError {
    NatsError { is_usage: true, ..NatsError::new(format!("the NATS server has no JetStream for us: {reason}")) }
        .help("start it with JetStream: `nats-server -js`; or switch it on for this account")
}

fn not_made(what: &str, error: &dyn std::fmt::Display) -> NatsError {
    NatsError { is_usage: true, ..NatsError::new(format!("{what} could not be made: {error}")) }
        .help("give this user the right to make it, or enough room in its account; `taskhost nats-config` shows what is needed")
}

async fn bucket(jetstream: &Context, replicas: usize) -> Result<ObjectStore, NatsError> {
    if let Ok(bucket) = jetstream.get_object_store(names::ARTIFACTS_BUCKET).await {
        return Ok(bucket);
    }
    let config = object_store::Config {
        bucket: names::ARTIFACTS_BUCKET.to_owned(),
        description: Some("taskhost: components, large values, blobs".to_owned()),
        max_age: AGE_MAX,
        max_bytes: -1,
        num_replicas: replicas,
        ..object_store::Config::default()
    };
    match jetstream.create_object_store(config).await {
        Ok(bucket) => Ok(bucket),
        Err(error) => match jetstream.get_object_store(names::ARTIFACTS_BUCKET).await {
            Ok(bucket) => Ok(bucket),
            Err(_) => Err(not_made(&format!("object store `{}`", names::ARTIFACTS_BUCKET), &error)),
        },
    }
}

/// The queue of task runs that want `labels`.
pub(crate) async fn tasks_consumer(tasks: &Stream, labels: &Labels) -> Result<PullConsumer, NatsError> {
    let name = names::tasks_consumer(labels);
    let config = consumer::pull::Config {
        durable_name: Some(name.clone()),
        description: Some("taskhost: shared by the workers with these labels".to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: WITH_WORKERS_MAX,
        max_waiting: PULLS_MAX,
        filter_subject: names::tasks_of_all(labels),
        ..consumer::pull::Config::default()
    };
    tasks.get_or_create_consumer(&name, config).await.map_err(|error| not_made(&format!("consumer `{name}`"), &error))
}

/// The outcomes of a flow run.
pub(crate) async fn results_consumer(results: &Stream, flow_run: FlowRunId) -> Result<PullConsumer, NatsError> {
    let name = names::results_consumer(flow_run);
    let config = consumer::pull::Config {
        durable_name: Some(name.clone()),
        description: Some("taskhost: the host of this flow run".to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ANSWER_ACK_WAIT,
        max_ack_pending: WITH_WORKERS_MAX,
        inactive_threshold: HOST_ABSENCE_MAX,
        filter_subject: names::results(flow_run),
        ..consumer::pull::Config::default()
    };
    results.get_or_create_consumer(&name, config).await.map_err(|error| not_made(&format!("consumer `{name}`"), &error))
}

/// Whether the queue has answers that the host of a flow run has not taken, be it that it has sent them; none if that is not known.
pub(crate) async fn has_answers(results: &Stream, flow_run: FlowRunId) -> Option<bool> {
    use async_nats::jetstream::context::ConsumerInfoErrorKind as Kind;
    match results.consumer_info(names::results_consumer(flow_run)).await {
        Ok(info) => Some(info.num_pending > 0 || info.num_ack_pending > 0),
        Err(error) => matches!(error.kind(), Kind::NotFound | Kind::StreamNotFound).then_some(false),
    }
}
