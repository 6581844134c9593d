//! The queues of a tenant, made and used by hand.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::object_store::{self, ObjectStore};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, Stream};
use futures_util::StreamExt;
use taskhost_nats::names::{ARTIFACTS_BUCKET, RESULTS_STREAM, RESULTS_SUBJECTS, TASKS_STREAM, TASKS_SUBJECTS};
use tokio::io::AsyncReadExt;

use super::tenants::User;

/// A subject of task runs without labels.
pub(crate) const TASK: &str = "taskhost.1.tasks._.0000000000000001";

/// The subject of their outcomes.
pub(crate) const RESULT: &str = "taskhost.1.results.0000000000000001";

/// How long a message may be with a worker in these tests.
pub(crate) const ACK_WAIT: Duration = Duration::from_millis(300);

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let limited = async { tokio::time::timeout(Duration::from_secs(120), test).await };
    runtime.expect("a runtime").block_on(limited).expect("within two minutes");
}

/// What the first host of a tenant makes.
pub(crate) struct Queues {
    pub(crate) tasks: Stream,
    pub(crate) results: Stream,
    pub(crate) artifacts: ObjectStore,
}

pub(crate) async fn make_queues(host: &User) -> Queues {
    let queue = |name: &str, subjects: &str| stream::Config {
        name: name.to_owned(),
        subjects: vec![subjects.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        ..stream::Config::default()
    };
    let bucket = object_store::Config { bucket: ARTIFACTS_BUCKET.to_owned(), max_bytes: -1, ..Default::default() };
    Queues {
        tasks: host.jetstream.create_stream(queue(TASKS_STREAM, TASKS_SUBJECTS)).await.expect("a stream"),
        results: host.jetstream.create_stream(queue(RESULTS_STREAM, RESULTS_SUBJECTS)).await.expect("a stream"),
        artifacts: host.jetstream.create_object_store(bucket).await.expect("a bucket"),
    }
}

pub(crate) async fn make_consumer(stream: &Stream, name: &str, filter: &str) -> PullConsumer {
    let config = pull::Config {
        durable_name: Some(name.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: 2,
        filter_subject: filter.to_owned(),
        ..pull::Config::default()
    };
    stream.get_or_create_consumer(name, config).await.expect("a consumer")
}

pub(crate) async fn send(user: &User, subject: &str, payload: &'static str) -> u64 {
    let sent = user.jetstream.publish(subject.to_owned(), payload.into()).await.expect("sent");
    sent.await.expect("kept").sequence
}

pub(crate) async fn take(consumer: &PullConsumer) -> async_nats::jetstream::Message {
    let mut messages =
        consumer.batch().max_messages(1).expires(Duration::from_secs(10)).messages().await.expect("a pull");
    messages.next().await.expect("a message").expect("no error")
}

pub(crate) async fn messages_of(stream: &Stream) -> u64 {
    stream.get_info().await.expect("information").state.messages
}

pub(crate) async fn read(bucket: &ObjectStore, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    bucket.get(name).await.expect("an object").read_to_end(&mut bytes).await.expect("read");
    bytes
}
