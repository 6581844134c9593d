//! [`Exchange`]: components, large values and blobs, on their way between hosts and workers: objects of the account's object store, named
//! by their digest, or artifacts of a store that both sides reach ([`crate::shared`]). What is there is not sent again; what is fetched is
//! compared with its digest.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_nats::jetstream::object_store::{GetErrorKind, InfoErrorKind, ObjectMetadata, ObjectStore, PutErrorKind};
use taskhost_model::codec::{decode_artifact, encode_value_in_parts};
use taskhost_model::limits::COMPONENT_BYTES_MAX;
use taskhost_model::seams::{BlobReader, Blobs};
use taskhost_model::{ArtifactRef, Digest, Value};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::host::HostSite;
use crate::recent::Recent;
use crate::shared::{SharedArtifacts, Way};

/// Bytes of a piece of an object: half of the largest message, between these. Each piece is waited for, so that larger ones are quicker.
const PIECE_BYTES: std::ops::RangeInclusive<usize> = 64 << 10..=1 << 20;

/// How long it is believed that an object is still there. Short: somebody may have emptied the store, and a look costs little.
const BELIEVED: Duration = Duration::from_secs(5);

/// An object that is older is put again. Far less than the store keeps it.
const YOUNG: Duration = Duration::from_secs(2 * 24 * 3600);

/// Objects that are remembered as being there.
const BELIEVED_MAX: usize = 65_536;

/// How often an object is fetched before it is given up: whoever puts it anew takes the old one away while it is read.
const FETCHES: u32 = 4;

/// How long an object store that does not answer is asked again.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two such questions.
const SILENCE_PAUSE: Duration = Duration::from_millis(500);

/// Largest value that is fetched, in bytes: beyond the largest result that a task may have.
const VALUE_BYTES_MAX: u64 = 4 << 30;

/// Objects of an account.
pub(crate) struct Exchange {
    bucket: ObjectStore,
    shared: Option<Arc<dyn SharedArtifacts>>,
    blobs: Arc<dyn Blobs>,
    piece_bytes: usize,
    /// Values that were fetched or put.
    recent: Mutex<Recent>,
    believed: Mutex<HashMap<String, Instant>>,
    /// Held while an object is put or fetched, so that it is done once.
    busy: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Exchange {
    /// Blobs come from and go to `blobs`. Messages have `payload_bytes_max` at most. Values that were fetched or put are kept up to so many bytes together.
    pub(crate) fn new(
        bucket: ObjectStore,
        shared: Option<Arc<dyn SharedArtifacts>>,
        blobs: Arc<dyn Blobs>,
        payload_bytes_max: usize,
        recent_bytes_max: u64,
    ) -> Exchange {
        let piece_bytes = (payload_bytes_max / 2).clamp(*PIECE_BYTES.start(), *PIECE_BYTES.end());
        let recent = Mutex::new(Recent::new(recent_bytes_max));
        Exchange { bucket, shared, blobs, piece_bytes, recent, believed: Mutex::default(), busy: Mutex::default() }
    }

    /// Puts a value.
    pub(crate) async fn put_value(&self, reference: &ArtifactRef, value: &Value, way: Way) -> Result<(), String> {
        let name = artifact(reference);
        match way {
            Way::Queue => {
                let put = || async {
                    let (head, image) = encode_value_in_parts(value);
                    self.put(&name, &mut head.chain(&*image)).await
                };
                self.once(&name, put).await?;
            }
            Way::Shared => {
                let put = |shared: &dyn SharedArtifacts| {
                    let (head, image) = encode_value_in_parts(value);
                    shared.put(reference, &[&head, &image])
                };
                self.shared_once(&name, put).await?;
            }
        }
        // It may come back as an argument.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).keep(*reference, value);
        Ok(())
    }

    /// A value that the other side has put.
    pub(crate) async fn value(&self, value: &ArtifactRef, way: Way) -> Result<Value, String> {
        if value.length > VALUE_BYTES_MAX {
            return Err(format!("a value of {} bytes is too large", value.length));
        }
        let name = artifact(value);
        let turn = self.turn(&name);
        let _held = turn.lock().await;
        if let Some(known) = self.recent.lock().unwrap_or_else(PoisonError::into_inner).get(value) {
            return Ok(known);
        }
        let (bytes, found) = match way {
            Way::Queue => self.bytes(&name, value.length).await?,
            Way::Shared => (self.shared(|shared| shared.get(value))?, *value),
        };
        if found != *value {
            return Err(format!("value `{value}` is damaged"));
        }
        let bytes = bytes.into();
        let decoded =
            tokio::task::block_in_place(|| decode_artifact(value, &bytes)).map_err(|error| error.to_string())?;
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).keep(*value, &decoded);
        // It need not be put when it is handed on.
        self.believe(&of(&name, way));
        Ok(decoded)
    }

    /// Puts a blob that this side has.
    pub(crate) async fn put_blob(&self, blob: &ArtifactRef, way: Way) -> Result<(), String> {
        let name = artifact(blob);
        if way == Way::Shared {
            return self.shared_once(&name, |shared| shared.put_blob(blob)).await;
        }
        self.once(&name, || async {
            let (blobs, wanted) = (Arc::clone(&self.blobs), *blob);
            let reader = tokio::task::block_in_place(|| blobs.open(&wanted)).map_err(|error| error.message)?;
            self.put(&name, &mut Pieces { reader, at: 0 }).await
        })
        .await
    }

    /// Brings a blob that the other side has put to this one, unless it is here.
    pub(crate) async fn fetch_blob(&self, blob: &ArtifactRef, way: Way) -> Result<(), String> {
        let is_here = || tokio::task::block_in_place(|| self.blobs.open(blob)).is_ok();
        if is_here() {
            return Ok(());
        }
        let name = artifact(blob);
        let turn = self.turn(&name);
        let _held = turn.lock().await;
        if way == Way::Shared {
            return self.shared(|shared| shared.fetch_blob(blob));
        }
        if is_here() {
            return Ok(());
        }
        let mut tries = Tries::default();
        loop {
            match self.fetch_blob_once(&name, blob).await {
                Ok(()) => return Ok(()),
                Err(reason) => tries.another(&name, reason).await?,
            }
        }
    }

    async fn fetch_blob_once(&self, name: &str, blob: &ArtifactRef) -> Result<(), Unfetched> {
        let mut object = self.bucket.get(name).await?;
        let mut writer = self.blobs.create().map_err(|error| Unfetched::Final(error.message))?;
        let mut piece = vec![0; self.piece_bytes];
        loop {
            let count = object.read(&mut piece).await.map_err(|error| Unfetched::Passing(error.to_string()))?;
            if count == 0 {
                break;
            }
            writer.append(&piece[..count]).map_err(|error| Unfetched::Final(error.message))?;
        }
        let found = tokio::task::block_in_place(|| writer.finish());
        let found = found.map_err(|error| Unfetched::Final(error.message))?;
        if found == *blob { Ok(()) } else { Err(Unfetched::Passing(format!("`{blob}` is damaged"))) }
    }

    /// Puts a component.
    pub(crate) async fn put_component(&self, digest: &Digest, site: &Arc<dyn HostSite>) -> Result<(), String> {
        let name = component(digest);
        self.once(&name, || async {
            let (site, wanted) = (Arc::clone(site), *digest);
            let bytes = tokio::task::spawn_blocking(move || site.component(&wanted)).await;
            let bytes = bytes.map_err(|error| error.to_string())??;
            self.put(&name, &mut &*bytes).await
        })
        .await
    }

    /// A component that a host has put.
    pub(crate) async fn component(&self, digest: &Digest) -> Result<Vec<u8>, String> {
        let (bytes, _) = self.bytes(&component(digest), COMPONENT_BYTES_MAX).await?;
        if tokio::task::block_in_place(|| Digest::of(&bytes)) != *digest {
            return Err(format!("component {digest} is damaged"));
        }
        Ok(bytes)
    }

    fn turn(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(busy.entry(name.to_owned()).or_default())
    }

    fn is_believed(&self, name: &str) -> bool {
        let believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        believed.get(name).is_some_and(|since| since.elapsed() < BELIEVED)
    }

    fn believe(&self, name: &str) {
        let mut believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        if believed.len() >= BELIEVED_MAX {
            believed.clear();
        }
        believed.insert(name.to_owned(), Instant::now());
    }

    /// Puts an object that is not there yet.
    async fn once<F: Future<Output = Result<(), String>>>(
        &self,
        name: &str,
        put: impl FnOnce() -> F,
    ) -> Result<(), String> {
        if self.is_believed(name) {
            return Ok(());
        }
        let turn = self.turn(name);
        let _held = turn.lock().await;
        if !self.is_believed(name) {
            if !self.is_there(name).await? {
                put().await?;
            }
            self.believe(name);
        }
        Ok(())
    }

    /// What a store that both sides reach does.
    fn shared<T>(&self, work: impl FnOnce(&dyn SharedArtifacts) -> Result<T, String>) -> Result<T, String> {
        let shared = self.shared.as_deref().ok_or("it is in a store of artifacts that is not known here")?;
        tokio::task::block_in_place(|| work(shared))
    }

    /// Puts what that store does not have yet.
    async fn shared_once(
        &self,
        name: &str,
        put: impl FnOnce(&dyn SharedArtifacts) -> Result<(), String>,
    ) -> Result<(), String> {
        let name = of(name, Way::Shared);
        let turn = self.turn(&name);
        let _held = turn.lock().await;
        if !self.is_believed(&name) {
            self.shared(put)?;
            self.believe(&name);
        }
        Ok(())
    }

    /// Whether an object is there, and young enough to stay for some time.
    async fn is_there(&self, name: &str) -> Result<bool, String> {
        match self.bucket.info(name).await {
            Ok(info) => Ok(!info.deleted && info.modified.is_some_and(|at| is_young(at.unix_timestamp()))),
            Err(error) if matches!(error.kind(), InfoErrorKind::NotFound) => Ok(false),
            Err(error) => Err(format!("the object store does not answer: {error}")),
        }
    }

    async fn put(&self, name: &str, bytes: &mut (impl AsyncRead + Unpin)) -> Result<(), String> {
        let object =
            ObjectMetadata { name: name.to_owned(), chunk_size: Some(self.piece_bytes), ..ObjectMetadata::default() };
        match self.bucket.put(object, bytes).await {
            Ok(_) => Ok(()),
            // Those of an equal object that was there before; a worker may not take them away.
            Err(error) if error.kind() == PutErrorKind::PurgeOldChunks => Ok(()),
            Err(error) => Err(format!("the object store takes no more: {error}")),
        }
    }

    /// With their name as an artifact.
    async fn bytes(&self, name: &str, bytes_max: u64) -> Result<(Vec<u8>, ArtifactRef), String> {
        let mut tries = Tries::default();
        loop {
            match self.bytes_once(name, bytes_max).await {
                Ok(bytes) => return Ok(bytes),
                Err(reason) => tries.another(name, reason).await?,
            }
        }
    }

    async fn bytes_once(&self, name: &str, bytes_max: u64) -> Result<(Vec<u8>, ArtifactRef), Unfetched> {
        let mut object = self.bucket.get(name).await?;
        let size = object.info().size as u64;
        if size > bytes_max {
            return Err(Unfetched::Final(format!("object `{name}` is larger than was said")));
        }
        let mut bytes = Vec::with_capacity(size as usize);
        let mut hasher = blake3::Hasher::new();
        loop {
            let before = bytes.len();
            if before as u64 > bytes_max {
                return Err(Unfetched::Final(format!("object `{name}` is larger than was said")));
            }
            let read = (&mut object).take(self.piece_bytes as u64).read_to_end(&mut bytes).await;
            if read.map_err(|error| Unfetched::Passing(error.to_string()))? == 0 {
                return Ok((bytes, ArtifactRef { digest: *hasher.finalize().as_bytes(), length: hasher.count() }));
            }
            // While the next piece is on its way.
            hasher.update(&bytes[before..]);
        }
    }
}

/// Tries to fetch an object.
#[derive(Default)]
struct Tries {
    count: u32,
    silent_since: Option<Instant>,
}

impl Tries {
    /// Waits before another one, unless this was the last.
    async fn another(&mut self, name: &str, reason: Unfetched) -> Result<(), String> {
        match reason {
            Unfetched::Silent(_) if self.silent_since.get_or_insert_with(Instant::now).elapsed() < PATIENCE => {
                tokio::time::sleep(SILENCE_PAUSE).await;
                Ok(())
            }
            Unfetched::Passing(_) if self.count + 1 < FETCHES => {
                self.count += 1;
                tokio::time::sleep(Duration::from_millis(50) * self.count).await;
                Ok(())
            }
            Unfetched::Passing(reason) | Unfetched::Silent(reason) | Unfetched::Final(reason) => {
                Err(format!("`{name}` could not be fetched: {reason}"))
            }
        }
    }
}

/// Why an object could not be fetched.
enum Unfetched {
    /// It may be there the next time.
    Passing(String),
    /// The store does not answer.
    Silent(String),
    Final(String),
}

impl From<async_nats::jetstream::object_store::GetError> for Unfetched {
    fn from(error: async_nats::jetstream::object_store::GetError) -> Unfetched {
        match error.kind() {
            GetErrorKind::NotFound => Unfetched::Passing("it is not in the object store".to_owned()),
            _ => Unfetched::Silent(error.to_string()),
        }
    }
}

fn is_young(unix_seconds: i64) -> bool {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let age = now.as_secs().saturating_sub(u64::try_from(unix_seconds).unwrap_or(0));
    age < YOUNG.as_secs()
}

fn artifact(reference: &ArtifactRef) -> String {
    reference.digest.iter().fold("artifact-".to_owned(), |name, byte| name + &format!("{byte:02x}"))
}

/// What is believed to be there, by the way that it has gone.
fn of(name: &str, way: Way) -> String {
    match way {
        Way::Queue => name.to_owned(),
        Way::Shared => format!("shared {name}"),
    }
}

fn component(digest: &Digest) -> String {
    format!("component-{}", digest.hex())
}

/// A blob that is read from front to back.
struct Pieces {
    reader: Arc<dyn BlobReader>,
    at: u64,
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wanted = into.remaining().min(*PIECE_BYTES.end());
        let count = self.reader.read_at(self.at, into.initialize_unfilled_to(wanted)).map_err(io::Error::other)?;
        into.advance(count);
        self.at += count as u64;
        Poll::Ready(Ok(()))
    }
}
