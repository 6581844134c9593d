//! Blobs: bulk data that tasks make piece by piece and read where they like. They lie among the [`Artifacts`], by the digest of their bytes.
//!
//! A blob is hashed while it is written and gets its name when it is finished, so an equal one is there once. Whoever opens it first has all its
//! bytes looked at; from then on this process trusts the file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blake3::Hasher;
use taskhost_model::ArtifactRef;
use taskhost_model::seams::{BlobError, BlobReader, BlobWriter, Blobs};

use crate::artifacts::{Artifacts, Unplaced};
use crate::database::{private_folder, unique};
use crate::elsewhere::Elsewhere;
use crate::error::{At, StoreError};
use crate::queue::Queue;
use crate::shared::SharedArtifacts;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 64 << 10;

impl Blobs for Artifacts {
    fn create(&self) -> Result<Box<dyn BlobWriter>, BlobError> {
        Ok(Box::new(Unfinished::begin(self, None)?))
    }

    fn open(&self, blob: &ArtifactRef) -> Result<Arc<dyn BlobReader>, BlobError> {
        Ok(Arc::new(self.or_fetched(blob, || self.stored_blob(blob))?))
    }
}

impl Artifacts {
    pub(crate) fn stored_blob(&self, blob: &ArtifactRef) -> Result<Stored, StoreError> {
        let path = self.path(&blob.digest);
        let file = self.open_file(&path)?;
        let has_length = file.metadata().at(&path)?.len() == blob.length;
        if !has_length || !(self.is_verified(&blob.digest) || has_digest(&file, blob).at(&path)?) {
            return Err(StoreError::ArtifactDamaged(path));
        }
        self.verified(blob.digest);
        Ok(Stored { file, path, length: blob.length })
    }
}

fn has_digest(file: &File, blob: &ArtifactRef) -> io::Result<bool> {
    let mut hasher = Hasher::new();
    hasher.update_reader(file)?;
    Ok(*hasher.finalize().as_bytes() == blob.digest)
}

/// A blob that is being written.
struct Unfinished {
    artifacts: Artifacts,
    file: Unplaced,
    /// Bytes that are not in the file yet.
    gathered: Vec<u8>,
    hasher: Hasher,
    length: u64,
    /// To whom a blob is told that is to be elsewhere, too.
    queue: Option<Arc<Queue>>,
}

impl Unfinished {
    fn begin(artifacts: &Artifacts, queue: Option<Arc<Queue>>) -> Result<Unfinished, StoreError> {
        Ok(Unfinished {
            artifacts: artifacts.clone(),
            file: artifacts.begin()?,
            gathered: Vec::new(),
            hasher: Hasher::new(),
            length: 0,
            queue,
        })
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        if self.gathered.len() + bytes.len() <= BUFFER_BYTES {
            self.gathered.extend_from_slice(bytes);
            return Ok(());
        }
        self.write_gathered()?;
        self.file.file.write_all(bytes).at(&self.file.path)
    }

    fn write_gathered(&mut self) -> Result<(), StoreError> {
        self.file.file.write_all(&self.gathered).at(&self.file.path)?;
        self.gathered.clear();
        Ok(())
    }

    fn place(mut self) -> Result<ArtifactRef, StoreError> {
        let reference = ArtifactRef { digest: *self.hasher.finalize().as_bytes(), length: self.length };
        if !self.artifacts.pin_known(&reference) {
            self.write_gathered()?;
            self.file.place(&reference)?;
            self.artifacts.verified(reference.digest);
        }
        // Here it is waited for by the task that made it, and not by the journal.
        if self.queue.is_some() {
            self.artifacts.send(reference, self.queue.as_deref())?;
        }
        Ok(reference)
    }
}

impl BlobWriter for Unfinished {
    fn append(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        Ok(self.add(bytes)?)
    }

    fn finish(self: Box<Self>) -> Result<ArtifactRef, BlobError> {
        Ok(self.place()?)
    }
}

/// Blobs of a store that records runs.
pub(crate) struct StoreBlobs {
    pub(crate) artifacts: Artifacts,
    pub(crate) queue: Option<Arc<Queue>>,
}

impl Blobs for StoreBlobs {
    fn create(&self) -> Result<Box<dyn BlobWriter>, BlobError> {
        Ok(Box::new(Unfinished::begin(&self.artifacts, self.queue.clone())?))
    }

    fn open(&self, blob: &ArtifactRef) -> Result<Arc<dyn BlobReader>, BlobError> {
        self.artifacts.open(blob)
    }
}

/// A blob that can be read.
pub(crate) struct Stored {
    file: File,
    path: PathBuf,
    length: u64,
}

impl BlobReader for Stored {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, BlobError> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = into.len().min(left);
        let mut read = 0;
        while read < wanted {
            match read_some(&self.file, offset + read as u64, &mut into[read..wanted]) {
                // It was cut after it was opened.
                Ok(0) => return Err(StoreError::ArtifactDamaged(self.path.clone()).into()),
                Ok(some) => read += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StoreError::io(&self.path, &error).into()),
            }
        }
        Ok(read)
    }
}

#[cfg(unix)]
fn read_some(file: &File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, offset)
}

#[cfg(windows)]
fn read_some(file: &File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, offset)
}

/// Blobs of hosts that record nothing: in a private folder, which is made for the first one and goes with this.
#[derive(Default)]
pub struct TemporaryBlobs {
    private: Mutex<Option<Private>>,
    /// Where others put some, too.
    elsewhere: Option<Arc<Elsewhere>>,
}

struct Private {
    folder: PathBuf,
    artifacts: Artifacts,
    /// Locked as long as this process lives.
    _owner: File,
}

/// Beginning of the names of folders of this kind.
const PRIVATE: &str = "taskhost-blobs-";

/// The file in it that its process holds locked.
const OWNER: &str = ".owner";

/// Removes what processes left that were killed.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PRIVATE) {
            continue;
        }
        // One without the file is being made, or is not ours.
        let owner = File::options().write(true).open(entry.path().join(OWNER));
        if owner.is_ok_and(|owner| owner.try_lock().is_ok()) {
            remove(&entry.path());
        }
    }
}

impl TemporaryBlobs {
    /// None yet.
    pub fn new() -> TemporaryBlobs {
        TemporaryBlobs::default()
    }

    /// None yet; those that others have put into the store of this URL can be had.
    pub fn with_artifacts(url: &str) -> Result<TemporaryBlobs, StoreError> {
        Ok(TemporaryBlobs { private: Mutex::default(), elsewhere: Some(Arc::new(Elsewhere::new(url)?)) })
    }

    /// The way to exchange artifacts with others; none without such a store.
    pub fn shared(&self) -> Result<Option<SharedArtifacts>, StoreError> {
        if self.elsewhere.is_none() {
            return Ok(None);
        }
        Ok(SharedArtifacts::new(self.artifacts()?, None))
    }

    /// Where they are; none before the first.
    pub fn folder(&self) -> Option<PathBuf> {
        self.private.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|private| private.folder.clone())
    }

    /// Removes those that were made longest ago, until no more than `bytes_max` are left together; none that is younger than `age_min`. Whoever
    /// has one open reads on.
    pub fn make_room(&self, bytes_max: u64, age_min: Duration) -> Result<(), StoreError> {
        let private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(artifacts) = private.as_ref().map(|private| private.artifacts.clone()) else { return Ok(()) };
        drop(private);
        let mut files: Vec<_> = artifacts.all()?.into_iter().filter(|file| file.digest.is_some()).collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.age()));
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files {
            if bytes <= bytes_max || file.age().is_none_or(|age| age < age_min) {
                return Ok(());
            }
            fs::remove_file(&file.path).at(&file.path)?;
            bytes -= file.bytes;
        }
        Ok(())
    }

    /// Removes those of the whole process, which is about to end.
    pub fn close_all() {
        std::mem::take(&mut *private_folders()).iter().for_each(|folder| remove(folder));
    }

    /// Removes them.
    pub fn close(&self) {
        drop(self.private.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn artifacts(&self) -> Result<Artifacts, StoreError> {
        let mut private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(private) = &*private {
            return Ok(private.artifacts.clone());
        }
        let parent = std::env::temp_dir();
        sweep(&parent);
        let name = format!("{PRIVATE}{}-{:x}", std::process::id(), unique());
        let (folder, unowned) = (parent.join(&name), parent.join(format!(".{name}")));
        private_folder(&unowned).at(&unowned)?;
        let path = unowned.join(OWNER);
        let owner = File::create(&path).at(&path)?;
        owner.lock().at(&path)?;
        // Only now may others look at it.
        fs::rename(&unowned, &folder).at(&folder)?;
        private_folders().push(folder.clone());
        let artifacts = Artifacts::new(folder.join("artifacts")).with_elsewhere(self.elsewhere.clone());
        *private = Some(Private { folder, artifacts: artifacts.clone(), _owner: owner });
        Ok(artifacts)
    }
}

impl Blobs for TemporaryBlobs {
    fn create(&self) -> Result<Box<dyn BlobWriter>, BlobError> {
        self.artifacts()?.create()
    }

    fn open(&self, blob: &ArtifactRef) -> Result<Arc<dyn BlobReader>, BlobError> {
        self.artifacts()?.open(blob)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        private_folders().retain(|known| *known != self.folder);
        remove(&self.folder);
    }
}

/// Those of this process: a host may live on in threads until its end.
fn private_folders() -> MutexGuard<'static, Vec<PathBuf>> {
    static ALL: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove(folder: &Path) {
    // What cannot be removed is left to whoever clears the system's folder of temporary files.
    let _ = fs::remove_dir_all(folder);
}
