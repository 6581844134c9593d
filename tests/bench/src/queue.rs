//! A bare JetStream work queue with bare wasmtime behind it: messages of the same size and number, kept as durably, with the same promise (run
//! at least once, counted once), written as its users would write it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{self, AckPolicy, PullConsumer};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{self, RetentionPolicy};
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::runtime::Runtime;

use crate::Failure;
use crate::bare::Bare;

/// Messages that a worker has at one time: one in work, and the next ones.
const AHEAD: usize = 3;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages {
    pub(crate) count: u64,
    /// Calls that a message asks for.
    pub(crate) calls: u32,
    pub(crate) bytes: usize,
    pub(crate) result_bytes: usize,
}

/// See the top of the file.
pub(crate) struct Queue {
    runtime: Runtime,
    jetstream: Context,
    results: PullConsumer,
    ended: Arc<AtomicBool>,
    sent: AtomicU64,
}

impl Queue {
    /// With so many workers, each with a connection and a thread of its own, that call `bare`.
    pub(crate) fn new(address: &str, workers: usize, bare: &Arc<Bare>) -> Result<Queue, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let ended = Arc::new(AtomicBool::new(false));
        let (jetstream, results) = runtime.block_on(async {
            let jetstream = jetstream::new(connect(address).await?);
            let tasks = jetstream.get_or_create_stream(work_queue("bare-tasks", "bare.tasks")).await?;
            let results = jetstream.get_or_create_stream(work_queue("bare-results", "bare.results")).await?;
            let results = results.get_or_create_consumer("results", pull_config("results")).await?;
            tasks.get_or_create_consumer("tasks", pull_config("tasks")).await?;
            for _ in 0..workers {
                tokio::spawn(work(jetstream::new(connect(address).await?), Arc::clone(bare), Arc::clone(&ended)));
            }
            Ok::<_, Failure>((jetstream, results))
        })?;
        Ok(Queue { runtime, jetstream, results, ended, sent: AtomicU64::new(0) })
    }

    /// Time until all messages are answered.
    pub(crate) fn time(&self, messages: Messages) -> Result<Duration, Failure> {
        self.runtime.block_on(async {
            let mut answers = self.results.stream().max_messages_per_batch(500).messages().await?;
            let started = Instant::now();
            let mut acks = tokio::task::JoinSet::new();
            for _ in 0..messages.count {
                acks.spawn(self.send(messages).await?.into_future());
            }
            for _ in 0..messages.count {
                answers.next().await.ok_or("no more answers")??.ack().await?;
            }
            let time = started.elapsed();
            while let Some(ack) = acks.join_next().await {
                ack??;
            }
            Ok(time)
        })
    }

    /// Time of so many messages, each sent when the one before is answered.
    pub(crate) fn one_by_one(&self, messages: Messages) -> Result<Duration, Failure> {
        self.runtime.block_on(async {
            let mut answers = self.results.stream().max_messages_per_batch(500).messages().await?;
            let started = Instant::now();
            for _ in 0..messages.count {
                let ack = self.send(messages).await?;
                answers.next().await.ok_or("no more answers")??.ack().await?;
                ack.await?;
            }
            Ok(started.elapsed())
        })
    }

    async fn send(&self, messages: Messages) -> Result<jetstream::context::PublishAckFuture, Failure> {
        let mut payload = vec![7; messages.bytes.max(8)];
        payload[..4].copy_from_slice(&messages.calls.to_le_bytes());
        payload[4..8].copy_from_slice(&(messages.result_bytes as u32).to_le_bytes());
        let id = self.sent.fetch_add(1, Ordering::Relaxed);
        let message = PublishMessage::build().payload(payload.into()).message_id(format!("{:p}-{id}", &self.sent));
        Ok(self.jetstream.send_publish("bare.tasks", message).await?)
    }

    /// Time to put so many bytes into the object store and get them back.
    pub(crate) fn object(&self, bytes: usize) -> Result<Duration, Failure> {
        self.runtime.block_on(async {
            let config = jetstream::object_store::Config { bucket: "bare".to_owned(), ..Default::default() };
            let bucket = match self.jetstream.get_object_store("bare").await {
                Ok(bucket) => bucket,
                Err(_) => self.jetstream.create_object_store(config).await?,
            };
            let content = vec![7; bytes];
            let started = Instant::now();
            bucket.put("object", &mut &content[..]).await?;
            let mut object = bucket.get("object").await?;
            let mut back = Vec::with_capacity(bytes);
            tokio::io::AsyncReadExt::read_to_end(&mut object, &mut back).await?;
            let time = started.elapsed();
            bucket.delete("object").await?;
            if back == content { Ok(time) } else { Err("other bytes came back".into()) }
        })
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

pub(crate) async fn connect(address: &str) -> Result<async_nats::Client, Failure> {
    let url: async_nats::ServerAddr = address.parse()?;
    let (user, password) = (url.username().unwrap_or_default(), url.password().unwrap_or_default());
    let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    Ok(options.connect(url).await?)
}

fn work_queue(name: &str, subject: &str) -> stream::Config {
    stream::Config {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        ..stream::Config::default()
    }
}

fn pull_config(name: &str) -> consumer::pull::Config {
    consumer::pull::Config {
        durable_name: Some(name.to_owned()),
        ack_policy: AckPolicy::Explicit,
        max_ack_pending: 65_536,
        ..consumer::pull::Config::default()
    }
}

/// A worker: a message, its calls, the result kept by its stream, then the message let go.
async fn work(jetstream: Context, bare: Arc<Bare>, ended: Arc<AtomicBool>) -> Result<(), Failure> {
    let consumer: PullConsumer = jetstream.get_consumer_from_stream("tasks", "bare-tasks").await?;
    let mut messages = consumer.stream().max_messages_per_batch(AHEAD).messages().await?;
    let (run, mut runs) = tokio::sync::mpsc::channel::<(jetstream::Message, Bytes)>(1);
    let context = jetstream.clone();
    tokio::spawn(async move {
        // Answered beside the next calls.
        while let Some((message, result)) = runs.recv().await {
            let context = context.clone();
            tokio::spawn(async move {
                let id = message.info().map(|info| info.stream_sequence.to_string()).unwrap_or_default();
                let answer = PublishMessage::build().payload(result).message_id(format!("{id}.result"));
                if let Ok(ack) = context.send_publish("bare.results", answer).await
                    && ack.await.is_ok()
                {
                    let _ = message.double_ack().await;
                }
            });
        }
    });
    while let Some(message) = messages.next().await {
        if ended.load(Ordering::Relaxed) {
            break;
        }
        let message = message?;
        let number = |at: usize| {
            message.payload.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap_or_default()))
        };
        let (calls, result_bytes) = (number(0).unwrap_or_default(), number(4).unwrap_or_default());
        let own = Arc::clone(&bare);
        tokio::task::spawn_blocking(move || {
            for n in 0..calls {
                std::hint::black_box(own.call::<_, (u32,)>((n % 1_000 + 1,))?);
            }
            Ok::<_, Failure>(())
        })
        .await??;
        run.send((message, vec![7; result_bytes as usize].into())).await?;
    }
    Ok(())
}
