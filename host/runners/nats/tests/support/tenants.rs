//! A server with the configuration that `tenants` writes, and clients with the keys of its users.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event};
use taskhost_nats::names::{HOST_INBOX, TASKS_STREAM, WORKER_INBOX, WORKERS_API};
use taskhost_nats::tenants::{ConfigurationFile, TenantsSettings, configuration};

use super::{PATIENCE, Server};

/// How long an answer may take that must come.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// A server for tenants.
pub(crate) struct Tenants {
    pub(crate) server: Server,
    /// By path.
    pub(crate) seeds: BTreeMap<String, String>,
}

/// A user's connection, and what the server complained of.
pub(crate) struct User {
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    /// The prefix of JetStream's API.
    api: &'static str,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Tenants {
    pub(crate) fn start(settings: TenantsSettings) -> Tenants {
        Tenants::start_changed(settings, |text| text)
    }

    /// `change` is what an operator does to the text.
    pub(crate) fn start_changed(mut settings: TenantsSettings, change: impl FnOnce(String) -> String) -> Tenants {
        settings.listen = "127.0.0.1:-1".to_owned();
        settings.store = "data".into();
        let mut files = configuration(&settings).expect("a configuration");
        let text = std::mem::take(&mut files[0].content);
        files[0].content = change(text);
        let server = Server::with(|folder| {
            write(folder, &files);
            folder.join("nats.conf")
        });
        Tenants { server, seeds: seeds(&files) }
    }

    /// Writes another configuration, has the server read it, and knows its keys.
    pub(crate) fn reload(&mut self, mut settings: TenantsSettings) {
        settings.listen = format!("127.0.0.1:{}", self.server.port);
        settings.store = "data".into();
        let files = configuration(&settings).expect("a configuration");
        write(&self.server.folder, &files);
        self.seeds = seeds(&files);
        self.server.reload();
    }

    pub(crate) async fn host(&self, tenant: &str) -> User {
        let seed = &self.seeds[&format!("{tenant}/host.nk")];
        self.user(ConnectOptions::with_nkey(seed.clone()), HOST_INBOX, "$JS.API").await.expect("a host's connection")
    }

    pub(crate) async fn worker(&self, tenant: &str) -> User {
        let seed = &self.seeds[&format!("{tenant}/worker.nk")];
        self.user(ConnectOptions::with_nkey(seed.clone()), WORKER_INBOX, WORKERS_API)
            .await
            .expect("a worker's connection")
    }

    pub(crate) async fn user(
        &self,
        options: ConnectOptions,
        inbox: &str,
        api: &'static str,
    ) -> Result<User, async_nats::ConnectError> {
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&complaints);
        let options =
            options.custom_inbox_prefix(inbox).request_timeout(Some(ANSWER_MAX)).event_callback(move |event| {
                let text = match event {
                    Event::ServerError(error) => Some(error.to_string()),
                    Event::Disconnected => Some("disconnected".to_owned()),
                    _ => None,
                };
                all.lock().expect("complaints").extend(text);
                std::future::ready(())
            });
        let client = options.connect(self.server.url()).await?;
        let jetstream = jetstream::with_prefix(client.clone(), api);
        Ok(User { client, jetstream, api, complaints })
    }
}

impl User {
    /// Waits until the server has done what was sent to it: flushing only writes.
    pub(crate) async fn is_heard(&self) {
        self.api(&format!("{}.STREAM.INFO.{TASKS_STREAM}", self.api), serde_json::Value::Null).await;
    }

    /// Waits until the server has complained with all of these words.
    pub(crate) async fn hears(&self, words: &[&str]) {
        let until = Instant::now() + PATIENCE;
        let is_heard = |said: &Vec<String>| said.iter().any(|said| words.iter().all(|word| said.contains(word)));
        while !is_heard(&self.complaints.lock().expect("complaints")) {
            let said = self.complaints.lock().expect("complaints").clone();
            assert!(Instant::now() < until, "the server did not say {words:?}, but {said:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The server has complained of nothing, up to now.
    pub(crate) async fn hears_nothing(&self) {
        self.is_heard().await;
        assert!(self.complaints.lock().expect("complaints").is_empty(), "{:?}", self.complaints);
    }

    /// The server lets it not publish there, even without waiting for an answer.
    pub(crate) async fn must_not_publish(&self, subject: &str) {
        self.client.publish(subject.to_owned(), "{}".into()).await.expect("sent");
        self.hears(&["Permissions Violation for Publish", &format!("\"{subject}\"")]).await;
    }

    pub(crate) async fn must_not_subscribe(&self, subject: &str) {
        let _subscription = self.client.subscribe(subject.to_owned()).await.expect("sent");
        self.hears(&["Permissions Violation for Subscription", &format!("\"{subject}\"")]).await;
    }

    /// An answer of JetStream's API, whatever it says.
    pub(crate) async fn api(&self, subject: &str, body: serde_json::Value) -> serde_json::Value {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.client.request(subject.to_owned(), body.into()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{subject}: {error}"));
        serde_json::from_slice(&answer.payload).expect("JSON")
    }
}

fn seeds(files: &[ConfigurationFile]) -> BTreeMap<String, String> {
    let secret = files.iter().filter(|file| file.is_secret);
    secret.map(|file| (file.path.clone(), file.content.trim().to_owned())).collect()
}

fn write(folder: &Path, files: &[ConfigurationFile]) {
    for file in files {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, &file.content).expect("written");
    }
}
