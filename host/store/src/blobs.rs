//! Blobs: bulk data that tasks make piece by piece and read where they like. They lie among the [`Artifacts`], by the digest of their bytes.
//!
//! A blob is hashed while it is written and gets its name when it is finished, so an equal one is there once. Whoever opens it first has all its
//! bytes looked at; from then on this process trusts the file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use blake3::Hasher;
use taskhost_model::ArtifactRef;
use taskhost_model::seams::{BlobError, BlobReader, BlobWriter, Blobs};

use crate::artifacts::Artifacts;
use crate::database::{private_folder, unique};
use crate::error::{At, StoreError};

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 64 << 10;

impl Blobs for Artifacts {
    fn create(&self) -> Result<Box<dyn BlobWriter>, BlobError> {
        let (file, path) = self.begin()?;
        let file = Some(BufWriter::with_capacity(BUFFER_BYTES, file));
        Ok(Box::new(Unfinished { artifacts: self.clone(), file, path, hasher: Hasher::new(), length: 0 }))
    }

    fn open(&self, blob: &ArtifactRef) -> Result<Arc<dyn BlobReader>, BlobError> {
        Ok(Arc::new(self.stored_blob(blob)?))
    }
}

impl Artifacts {
    fn stored_blob(&self, blob: &ArtifactRef) -> Result<Stored, StoreError> {
        let path = self.path(&blob.digest);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::ArtifactMissing(path)),
            other => other.at(&path)?,
        };
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
    /// None once it is finished.
    file: Option<BufWriter<File>>,
    path: PathBuf,
    hasher: Hasher,
    length: u64,
}

impl Unfinished {
    fn place(&mut self) -> Result<ArtifactRef, StoreError> {
        let mut file = self.file.take().expect("it is finished once");
        let digest = *self.hasher.finalize().as_bytes();
        let reference = ArtifactRef { digest, length: self.length };
        if self.artifacts.has(&reference) {
            let _ = fs::remove_file(&self.path);
            self.artifacts.unpin_file(&self.path);
            self.artifacts.pin(&self.artifacts.path(&digest));
            return Ok(reference);
        }
        if let Err(error) = file.flush() {
            self.remove();
            return Err(StoreError::io(&self.path, &error));
        }
        self.artifacts.place(file.get_ref(), &self.path, &reference)?;
        self.artifacts.verified(digest);
        Ok(reference)
    }

    fn remove(&self) {
        self.artifacts.unpin_file(&self.path);
        let _ = fs::remove_file(&self.path);
    }
}

impl BlobWriter for Unfinished {
    fn append(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(bytes).at(&self.path)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<ArtifactRef, BlobError> {
        Ok(self.place()?)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // What is still gathered is not worth writing.
            let _ = file.into_parts();
            self.remove();
        }
    }
}

/// A blob that can be read.
struct Stored {
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
pub struct TemporaryBlobs(Mutex<Option<Private>>);

struct Private {
    folder: PathBuf,
    artifacts: Artifacts,
}

impl TemporaryBlobs {
    /// None yet.
    pub fn new() -> TemporaryBlobs {
        TemporaryBlobs::default()
    }

    /// Where they are; none before the first.
    pub fn folder(&self) -> Option<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|private| private.folder.clone())
    }

    fn artifacts(&self) -> Result<Artifacts, StoreError> {
        let mut private = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(private) = &*private {
            return Ok(private.artifacts.clone());
        }
        let name = format!("taskhost-blobs-{}-{:x}", std::process::id(), unique());
        let folder = std::env::temp_dir().join(name);
        private_folder(&folder).at(&folder)?;
        let artifacts = Artifacts::new(folder.clone());
        *private = Some(Private { folder, artifacts: artifacts.clone() });
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
        remove(&self.folder);
    }
}

fn remove(folder: &Path) {
    // What cannot be removed is left to whoever clears the system's folder of temporary files.
    let _ = fs::remove_dir_all(folder);
}
