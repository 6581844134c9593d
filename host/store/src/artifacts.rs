//! [`Artifacts`]: values that are too large for a journal, by the BLAKE3 digest of their binary form. A folder; a value that several runs use is
//! there once.
//!
//! A store elsewhere (S3 and the like) has the same three questions to answer: put these bytes, get those of this digest, which are there. So
//! all files are touched here and nowhere else.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use taskhost_model::codec::decode_value;
use taskhost_model::{ArtifactRef, Value};

use crate::database::unique;
use crate::error::{At, StoreError};

/// A file that was there before is touched when it is used again after so long, so that it is not collected as a left-over meanwhile.
const TOUCH_AFTER: Duration = Duration::from_secs(300);

/// Beginning of the names of files that are being written.
const UNFINISHED: &str = ".new-";

/// More files than this are made durable together with everything else on their disk.
#[cfg(target_os = "linux")]
const SYNC_EACH_MAX: usize = 16;

/// A folder of values.
#[derive(Clone, Debug)]
pub struct Artifacts {
    folder: PathBuf,
}

/// What is in the folder.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ArtifactSizes {
    /// Values.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A file of the folder.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// None for one that was never finished.
    pub(crate) digest: Option<[u8; 32]>,
    pub(crate) bytes: u64,
    pub(crate) age: Duration,
}

impl Artifacts {
    /// Those in `folder`, which is made when the first one is put.
    pub fn new(folder: PathBuf) -> Artifacts {
        Artifacts { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the value of a digest is, if it is there.
    pub fn path(&self, digest: &[u8; 32]) -> PathBuf {
        let hex = blake3::Hash::from_bytes(*digest).to_hex();
        self.folder.join(&hex[..2]).join(hex.as_str())
    }

    /// Keeps bytes; gives their name, and the file if it is new. A new file is whole from the moment that it has its name, but durable only
    /// after the next commit that waits for the disk.
    pub fn put(&self, bytes: &[u8]) -> Result<(ArtifactRef, Option<PathBuf>), StoreError> {
        let digest = *blake3::hash(bytes).as_bytes();
        let reference = ArtifactRef { digest, length: bytes.len() as u64 };
        let path = self.path(&digest);
        if is_there(&path, reference.length) {
            return Ok((reference, None));
        }
        let folder = path.parent().expect("it has one");
        let unfinished = folder.join(format!("{UNFINISHED}{:x}-{:x}", std::process::id(), unique()));
        let mut file = match File::create(&unfinished) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).at(folder)?;
                File::create(&unfinished)
            }
            other => other,
        }
        .at(&unfinished)?;
        let written = file.write_all(bytes).and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written.at(&path)?;
        Ok((reference, Some(path)))
    }

    /// The bytes of a digest, which were looked at again.
    pub fn get(&self, reference: &ArtifactRef) -> Result<Vec<u8>, StoreError> {
        let path = self.path(&reference.digest);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::ArtifactMissing(path)),
            other => other.at(&path)?,
        };
        // One byte more than expected is enough to see that it is too long.
        let mut bytes = Vec::new();
        file.take(reference.length.saturating_add(1)).read_to_end(&mut bytes).at(&path)?;
        if bytes.len() as u64 != reference.length || *blake3::hash(&bytes).as_bytes() != reference.digest {
            return Err(StoreError::ArtifactDamaged(path));
        }
        Ok(bytes)
    }

    /// The value of a digest.
    pub fn value(&self, reference: &ArtifactRef) -> Result<Value, StoreError> {
        let bytes = self.get(reference)?;
        let path = || self.path(&reference.digest);
        decode_value(&bytes).map_err(|error| StoreError::Damaged { file: path(), detail: error.to_string() })
    }

    /// How many there are, and how large.
    pub fn sizes(&self) -> Result<ArtifactSizes, StoreError> {
        let mut sizes = ArtifactSizes::default();
        for found in self.all()?.iter().filter(|found| found.digest.is_some()) {
            sizes.count += 1;
            sizes.bytes += found.bytes;
        }
        Ok(sizes)
    }

    /// Waits until these files, which [`Artifacts::put`] made, are on the disk.
    pub(crate) fn sync(&self, files: &[PathBuf]) -> Result<(), StoreError> {
        #[cfg(target_os = "linux")]
        if files.len() > SYNC_EACH_MAX {
            let folder = File::open(&self.folder).at(&self.folder)?;
            return rustix::fs::syncfs(&folder).map_err(io::Error::from).at(&self.folder);
        }
        for path in files {
            match File::open(path) {
                // Collected meanwhile, so nobody needs it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                file => file.and_then(|file| file.sync_data()).at(path)?,
            }
        }
        Ok(())
    }

    /// Every file of the folder.
    pub(crate) fn all(&self) -> Result<Vec<Found>, StoreError> {
        let now = SystemTime::now();
        let mut all = Vec::new();
        for folder in entries(&self.folder)? {
            for path in entries(&folder)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let digest = blake3::Hash::from_hex(&name).ok().map(|hash| *hash.as_bytes());
                // A file of another name is not ours; one without metadata is gone by now.
                let Some(metadata) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) else { continue };
                if digest.is_some() || name.starts_with(UNFINISHED) {
                    let age = metadata.modified().ok().and_then(|time| now.duration_since(time).ok());
                    all.push(Found { path, digest, bytes: metadata.len(), age: age.unwrap_or_default() });
                }
            }
        }
        Ok(all)
    }
}

/// Whether the file is there and whole; if so it counts as just used.
fn is_there(path: &Path, length: u64) -> bool {
    let Ok(metadata) = fs::metadata(path) else { return false };
    if metadata.len() != length {
        return false;
    }
    let age = metadata.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
    if age.is_none_or(|age| age > TOUCH_AFTER) {
        // If it cannot be touched, it is not collected either: both need the same rights.
        let _ = File::options().write(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
    }
    true
}

/// What is in a folder; nothing if there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        entries => entries.at(folder)?.map(|entry| Ok(entry.at(folder)?.path())).collect(),
    }
}
