//! [`Account`]: streams as an operator sees and makes them; [`FakeWorker`]: one of another version.

use std::time::Duration;

use async_nats::ServerAddr;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt as _;
use tokio::runtime::Runtime;

/// The names of version 1 of what hosts and workers say to each other.
const TASKS: (&str, &str) = ("taskhost-1-tasks", "taskhost.1.tasks.*.*");
const RESULTS: (&str, &str) = ("taskhost-1-results", "taskhost.1.results.*");
const WORKERS: &str = "taskhost.workers";
const ARTIFACTS: &str = "taskhost-1-artifacts";

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// See the top of the file.
pub struct Account {
    address: String,
    runtime: Runtime,
}

impl Account {
    /// Of a server without accounts.
    pub fn at(address: &str) -> Account {
        Account { address: address.to_owned(), runtime: runtime() }
    }

    fn ask<T, F: Future<Output = Result<T, async_nats::Error>>>(
        &self,
        ask: impl FnOnce(Context) -> F,
    ) -> Result<T, String> {
        self.runtime.block_on(async {
            let asked = async {
                let addresses = self.address.split(',').map(str::parse).collect::<Result<Vec<ServerAddr>, _>>()?;
                let client = async_nats::connect(&addresses[..]).await?;
                ask(jetstream::new(client)).await
            };
            match tokio::time::timeout(ANSWER_MAX, asked).await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(_) => Err("NATS does not answer".to_owned()),
            }
        })
    }

    /// Whether streams can be made.
    pub fn has_jetstream(&self) -> bool {
        self.ask(|jetstream| async move { Ok(jetstream.query_account().await?) }).is_ok()
    }

    /// Makes the streams as an operator might, with room for so many bytes of task runs.
    pub fn make_streams(&self, bytes_max: i64) -> Result<(), String> {
        self.ask(|jetstream| async move {
            for ((name, subject), max_bytes) in [(TASKS, bytes_max), (RESULTS, -1)] {
                let config = Config {
                    name: name.to_owned(),
                    subjects: vec![subject.to_owned()],
                    retention: RetentionPolicy::WorkQueue,
                    discard: DiscardPolicy::New,
                    max_bytes,
                    ..Config::default()
                };
                jetstream.create_stream(config).await?;
            }
            Ok(())
        })
    }

    /// Messages to workers that nobody has answered.
    pub fn tasks_left(&self) -> Result<u64, String> {
        self.ask(|jetstream| async move { Ok(jetstream.get_stream(TASKS.0).await?.get_info().await?.state.messages) })
    }

    /// Answers that no host has taken.
    pub fn results_left(&self) -> Result<u64, String> {
        self.ask(|jetstream| async move { Ok(jetstream.get_stream(RESULTS.0).await?.get_info().await?.state.messages) })
    }

    /// Names of what is in the object store.
    pub fn objects(&self) -> Result<Vec<String>, String> {
        self.ask(|jetstream| async move {
            let mut objects = jetstream.get_object_store(ARTIFACTS).await?.list().await?;
            let mut names = Vec::new();
            while let Some(object) = objects.next().await {
                names.push(object?.name);
            }
            Ok(names)
        })
    }

    /// Takes everything out of the object store.
    pub fn empty_objects(&self) -> Result<(), String> {
        let stream = format!("OBJ_{ARTIFACTS}");
        self.ask(|jetstream| async move { Ok(jetstream.get_stream(stream).await?.purge().await.map(drop)?) })
    }

    /// The server that leads the stream of task runs.
    pub fn leader(&self) -> Result<String, String> {
        let info = self.ask(|jetstream| async move { Ok(jetstream.get_stream(TASKS.0).await?.get_info().await?) })?;
        info.cluster.and_then(|cluster| cluster.leader).ok_or_else(|| "the stream has no leader".to_owned())
    }
}

/// Answers hosts as a worker of another version does, until it is dropped.
pub struct FakeWorker(Option<Runtime>);

impl FakeWorker {
    /// With a version and a protocol number.
    pub fn start(address: &str, version: &str, protocol: u32) -> Result<FakeWorker, String> {
        let runtime = runtime();
        let hello = serde_json::json!({
            "name": "of-another-version", "version": version, "protocol": protocol, "labels": "", "threads": 1,
            "something-new": [1, 2],
        });
        let listening = runtime.block_on(async {
            let client = async_nats::connect(address).await.map_err(|error| error.to_string())?;
            let questions = client.subscribe(WORKERS).await.map_err(|error| error.to_string())?;
            client.flush().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((client, questions))
        });
        let (client, mut questions) = listening?;
        runtime.spawn(async move {
            while let Some(question) = questions.next().await {
                if let Some(reply) = question.reply {
                    let _ = client.publish(reply, hello.to_string().into()).await;
                }
            }
        });
        Ok(FakeWorker(Some(runtime)))
    }
}

impl Drop for FakeWorker {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn runtime() -> Runtime {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    built.expect("a thread can be started")
}
