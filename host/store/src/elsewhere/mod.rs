//! [`Elsewhere`]: artifacts in a store that several computers reach, such as S3, named by a URL. The folder of [`Artifacts`] then holds copies.
//!
//! One thread of its own speaks with it, which starts with the first question; without a URL there is none. What was put is noted in the table
//! `sent` (`writer/sent.rs`), and only what was put from here is deleted from here.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use blake3::Hasher;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Location;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use taskhost_model::ArtifactRef;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

mod http;
mod io;
mod place;

use crate::artifacts::Artifacts;
use crate::error::{At, StoreError};

/// What is larger goes in parts of this size, a few at a time.
const PART_BYTES: usize = 8 << 20;

/// Parts of one upload under way at once.
const PARTS_AT_ONCE: usize = 4;

/// Artifacts under way at once.
const AT_ONCE: usize = 8;

/// Characters of an answer that are told when something is wrong.
const DETAIL_MAX: usize = 300;

/// An error that took so long to be known was silence.
const SILENT_MIN: Duration = Duration::from_secs(5);

/// After its silence a store is not asked again for so long: a run asks several times before it ends, and would wait each time.
const REST_TIME: Duration = Duration::from_secs(10);

/// A store of artifacts elsewhere.
pub(crate) struct Elsewhere {
    url: String,
    store: Arc<dyn ObjectStore>,
    prefix: Location,
    worker: OnceLock<Worker>,
    /// When it was silent last, as what was told then.
    silent: Mutex<Option<(Instant, StoreError)>>,
}

/// The thread that speaks with it, until this is dropped.
struct Worker {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elsewhere({})", self.url)
    }
}

impl Elsewhere {
    /// The store of this URL. Nothing is asked of it yet.
    pub(crate) fn new(url: &str) -> Result<Elsewhere, StoreError> {
        let (store, prefix) = place::open(url)?;
        Ok(Elsewhere { url: url.to_owned(), store, prefix, worker: OnceLock::new(), silent: Mutex::default() })
    }

    /// Its URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Puts artifacts there from their files; gives for each whether it was not there before.
    pub(crate) fn put_all(
        &self,
        artifacts: &Artifacts,
        wanted: Vec<ArtifactRef>,
    ) -> Result<Vec<(ArtifactRef, bool)>, StoreError> {
        let puts: Vec<_> = wanted.into_iter().map(|reference| self.put(artifacts, reference)).collect();
        let all = stream::iter(puts).buffer_unordered(AT_ONCE).try_collect();
        self.ask(all)
    }

    fn put(
        &self,
        artifacts: &Artifacts,
        reference: ArtifactRef,
    ) -> impl Future<Output = Result<(ArtifactRef, bool), StoreError>> + Send + 'static {
        let (store, location, url) = (Arc::clone(&self.store), self.location(&reference), self.url.clone());
        let path = artifacts.path(&reference.digest);
        async move {
            let failed = |error| wrong(&url, &error);
            match store.head(&location).await {
                Ok(there) if there.size == reference.length => return Ok((reference, false)),
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
            let mut file = File::open(&path).at(&path)?;
            if reference.length <= PART_BYTES as u64 {
                let mut bytes = Vec::with_capacity(reference.length as usize);
                file.read_to_end(&mut bytes).at(&path)?;
                store.put(&location, Bytes::from(bytes).into()).await.map_err(failed)?;
                return Ok((reference, true));
            }
            let upload = store.put_multipart(&location).await.map_err(failed)?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
            let sent = async {
                loop {
                    let mut part = Vec::with_capacity(PART_BYTES);
                    Read::by_ref(&mut file).take(PART_BYTES as u64).read_to_end(&mut part).at(&path)?;
                    if part.is_empty() {
                        return Ok(());
                    }
                    upload.wait_for_capacity(PARTS_AT_ONCE).await.map_err(failed)?;
                    upload.put(part.into());
                }
            };
            match sent.await {
                Ok(()) => upload.finish().await.map_err(failed).map(|_| (reference, true)),
                Err(error) => {
                    // Parts that are left cost money; if they cannot be removed, the first error is the one to tell.
                    let _ = upload.abort().await;
                    Err(error)
                }
            }
        }
    }

    /// Fetches an artifact into the folder; its bytes are those of its digest.
    pub(crate) fn fetch(&self, artifacts: &Artifacts, reference: ArtifactRef) -> Result<(), StoreError> {
        let (store, location, url) = (Arc::clone(&self.store), self.location(&reference), self.url.clone());
        let place = self.url_of(&reference);
        let artifacts = artifacts.clone();
        self.ask(async move {
            let answer = match store.get(&location).await {
                Err(object_store::Error::NotFound { .. }) => return Err(StoreError::ArtifactMissing(place.into())),
                answer => answer.map_err(|error| wrong(&url, &error))?,
            };
            let mut fetching = artifacts.begin()?;
            let (mut hasher, mut length) = (Hasher::new(), 0);
            let mut bytes = answer.into_stream();
            while let Some(some) = bytes.next().await {
                let some = some.map_err(|error| wrong(&url, &error))?;
                length += some.len() as u64;
                if length > reference.length {
                    return Err(StoreError::ArtifactDamaged(place.into()));
                }
                hasher.update(&some);
                fetching.file.write_all(&some).at(&fetching.path)?;
            }
            if length != reference.length || *hasher.finalize().as_bytes() != reference.digest {
                return Err(StoreError::ArtifactDamaged(place.into()));
            }
            fetching.place(&reference)
        })
    }

    /// Deletes these; what is not there is deleted already.
    pub(crate) fn delete_all(&self, digests: &[[u8; 32]]) -> Result<(), StoreError> {
        let locations: Vec<_> =
            digests.iter().map(|digest| Ok(self.location(&ArtifactRef { digest: *digest, length: 0 }))).collect();
        let (store, url) = (Arc::clone(&self.store), self.url.clone());
        self.ask(async move {
            let mut deleted = store.delete_stream(stream::iter(locations).boxed());
            while let Some(one) = deleted.next().await {
                match one {
                    Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(wrong(&url, &error)),
                }
            }
            Ok(())
        })
    }

    fn location(&self, reference: &ArtifactRef) -> Location {
        let hex = blake3::Hash::from_bytes(reference.digest).to_hex();
        self.prefix.clone().join(&hex[..2]).join(hex.as_str())
    }

    fn url_of(&self, reference: &ArtifactRef) -> String {
        let hex = blake3::Hash::from_bytes(reference.digest).to_hex();
        format!("{}/{}/{hex}", self.url.trim_end_matches('/'), &hex[..2])
    }

    /// Asks something of the store, unless it was silent just now.
    fn ask<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let silent = || self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, error)) = &*silent()
            && when.elapsed() < REST_TIME
        {
            return Err(error.clone());
        }
        let began = Instant::now();
        let answer = self.wait(work)?;
        if let Err(error @ StoreError::Elsewhere { .. }) = &answer
            && began.elapsed() >= SILENT_MIN
        {
            *silent() = Some((Instant::now(), error.clone()));
        }
        answer
    }

    /// Carries something out on the thread, and waits for it.
    fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.worker()?.handle.spawn(async move {
            let _ = sender.send(work.await);
        });
        receiver.recv().map_err(|_| StoreError::Closed)
    }

    fn worker(&self) -> Result<&Worker, StoreError> {
        if let Some(worker) = self.worker.get() {
            return Ok(worker);
        }
        let failed = |error: std::io::Error| StoreError::Elsewhere { url: self.url.clone(), detail: error.to_string() };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let work = move || {
            let _ = runtime.block_on(stopped);
        };
        thread::Builder::new().name("taskhost-artifacts".into()).spawn(work).map_err(failed)?;
        // If another one was quicker, this one's thread ends with its sender.
        Ok(self.worker.get_or_init(|| Worker { handle, _stop: stop }))
    }
}

/// What a store says, in few words: its innermost reason.
fn wrong(url: &str, error: &object_store::Error) -> StoreError {
    let mut reason: &dyn std::error::Error = error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    let words = reason.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut detail: String = words.chars().take(DETAIL_MAX).collect();
    if detail.len() < words.len() {
        detail.push('…');
    }
    StoreError::Elsewhere { url: url.to_owned(), detail }
}
