//! [`Artifacts`]: values that are too large for a journal, by the BLAKE3 digest of their binary form. A folder; a value that several runs use is
//! there once.
//!
//! A file that no committed row names yet is *pinned*: its time of change lies ahead, and whoever collects left-overs passes it by. A process
//! renews its pins while it carries runs out; those of one that died expire. Bulk data that tasks make piece by piece is in `blobs.rs`.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use taskhost_model::codec::decode_artifact;
use taskhost_model::{ArtifactRef, Value};

use crate::database::unique;
use crate::elsewhere::Elsewhere;
use crate::error::{At, StoreError};

/// How far ahead the time of a pinned file lies.
const PIN: Duration = Duration::from_secs(15 * 60);

/// How often pins are renewed.
const PIN_AGAIN: Duration = Duration::from_secs(5 * 60);

/// A pin that is older is not renewed: nobody will name that file any more.
const PIN_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Digests that are remembered as looked at; beyond it all are forgotten, and looked at again.
const VERIFIED_MAX: usize = 100_000;

/// Beginning of the names of files that are being written.
const UNFINISHED: &str = ".new-";

/// Extension of the file, beside the folder, that is locked while files are taken into use or collected.
const LOCK: &str = "lock";

/// More files than this are made durable together with everything else on their disk.
#[cfg(target_os = "linux")]
const SYNC_EACH_MAX: usize = 16;

/// A folder of values. Cheap to clone; clones know of each other what is not on the disk yet.
#[derive(Clone, Debug)]
pub struct Artifacts {
    folder: PathBuf,
    /// Where they all are, if the folder has only copies.
    elsewhere: Option<Arc<Elsewhere>>,
    shared: Arc<Shared>,
}

#[derive(Default, Debug)]
struct Shared {
    /// Files that are not on the disk for sure.
    unsynced: Mutex<Vec<PathBuf>>,
    /// Since when they are pinned.
    pinned: Mutex<HashMap<PathBuf, Instant>>,
    /// When pins were renewed.
    renewed: Mutex<Option<Instant>>,
    /// Digests of blobs whose bytes this process has written or looked at.
    verified: Mutex<HashSet<[u8; 32]>>,
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
}

impl Artifacts {
    /// Those in `folder`, which is made when the first one is put.
    pub fn new(folder: PathBuf) -> Artifacts {
        Artifacts { folder, elsewhere: None, shared: Arc::default() }
    }

    /// The same as copies of those in a store elsewhere.
    pub(crate) fn with_elsewhere(self, elsewhere: Option<Arc<Elsewhere>>) -> Artifacts {
        Artifacts { elsewhere, ..self }
    }

    pub(crate) fn elsewhere(&self) -> Option<&Elsewhere> {
        self.elsewhere.as_deref()
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

    /// Keeps bytes, given in parts, by their name, which it gives. The file is whole from the moment that it has its name, but durable only after the next commit that
    /// waits for the disk, and pinned until a commit names it.
    pub fn put(&self, reference: ArtifactRef, parts: &[&[u8]]) -> Result<ArtifactRef, StoreError> {
        let path = self.path(&reference.digest);
        if self.pin_known(&reference) {
            return Ok(reference);
        }
        let (mut file, unfinished) = unfinished_in(path.parent().expect("it has one"))?;
        if let Err(error) = parts.iter().try_for_each(|part| file.write_all(part)) {
            let _ = fs::remove_file(&unfinished);
            return Err(StoreError::io(&path, &error));
        }
        self.place(&file, &unfinished, &reference)?;
        self.verified(reference.digest);
        Ok(reference)
    }

    /// A new file to be written and placed; it is pinned.
    pub(crate) fn begin(&self) -> Result<Unplaced, StoreError> {
        let (file, path) = unfinished_in(&self.folder.join("unfinished"))?;
        self.pin(&path);
        Ok(Unplaced { artifacts: self.clone(), file, path, is_placed: false })
    }

    /// Gives a file that is written the name of its digest. If that fails it is removed.
    pub(crate) fn place(&self, file: &File, unfinished: &Path, reference: &ArtifactRef) -> Result<(), StoreError> {
        let path = self.path(&reference.digest);
        let _in_use = self.in_use();
        let ahead = SystemTime::now() + PIN;
        let renamed = file.set_modified(ahead).and_then(|()| match fs::rename(unfinished, &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && unfinished.exists() => {
                fs::create_dir_all(path.parent().expect("it has one")).and_then(|()| fs::rename(unfinished, &path))
            }
            other => other,
        });
        if renamed.is_err() {
            let _ = fs::remove_file(unfinished);
        }
        self.unpin_file(unfinished);
        renamed.at(&path)?;
        lock(&self.shared.pinned).insert(path.clone(), Instant::now());
        lock(&self.shared.unsynced).push(path);
        Ok(())
    }

    /// Whether a file is there whose bytes this process knows; it is pinned. Any other one is written anew: it may be damaged.
    pub(crate) fn pin_known(&self, reference: &ArtifactRef) -> bool {
        let _in_use = self.in_use();
        let is_known = self.is_verified(&reference.digest) && self.has(reference);
        if is_known {
            self.pin(&self.path(&reference.digest));
        }
        is_known
    }

    /// As long as it lives, nobody collects: between the look at a file and its pin, nobody may remove it.
    fn in_use(&self) -> Option<File> {
        let lock = self.lock_file().ok()?;
        lock.lock_shared().ok()?;
        Some(lock)
    }

    /// As long as it lives, nobody takes a file into use. None where files cannot be locked.
    pub(crate) fn collecting(&self) -> Option<File> {
        let lock = self.lock_file().ok()?;
        lock.lock().ok()?;
        Some(lock)
    }

    fn lock_file(&self) -> io::Result<File> {
        let path = self.folder.with_extension(LOCK);
        match File::options().create(true).truncate(false).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
                File::options().create(true).truncate(false).write(true).open(&path)
            }
            other => other,
        }
    }

    /// Whether the file of a digest is there and whole, as far as its length tells.
    pub(crate) fn has(&self, reference: &ArtifactRef) -> bool {
        fs::metadata(self.path(&reference.digest)).is_ok_and(|metadata| metadata.len() == reference.length)
    }

    /// Sees to it that a file is not collected before a commit names it.
    pub(crate) fn pin(&self, path: &Path) {
        let _in_use = self.in_use();
        lock(&self.shared.pinned).insert(path.to_owned(), Instant::now());
        // What cannot be touched cannot be removed either: both need the same rights.
        let _ = set_modified(path, SystemTime::now() + PIN);
    }

    /// A commit names these.
    pub(crate) fn unpin(&self, named: &[ArtifactRef]) {
        for reference in named {
            let path = self.path(&reference.digest);
            if self.unpin_file(&path) {
                let _ = set_modified(&path, SystemTime::now());
            }
        }
    }

    pub(crate) fn unpin_file(&self, path: &Path) -> bool {
        lock(&self.shared.pinned).remove(path).is_some()
    }

    /// Renews the pins of this process, if it is time to.
    pub(crate) fn renew_pins(&self) {
        let mut renewed = lock(&self.shared.renewed);
        if renewed.get_or_insert_with(Instant::now).elapsed() < PIN_AGAIN {
            return;
        }
        *renewed = Some(Instant::now());
        let mut pinned = lock(&self.shared.pinned);
        pinned.retain(|path, since| since.elapsed() < PIN_MAX && set_modified(path, SystemTime::now() + PIN).is_ok());
    }

    /// Whether this process has looked at the bytes of a blob.
    pub(crate) fn is_verified(&self, digest: &[u8; 32]) -> bool {
        lock(&self.shared.verified).contains(digest)
    }

    /// The bytes of a blob are those of its digest.
    pub(crate) fn verified(&self, digest: [u8; 32]) {
        let mut verified = lock(&self.shared.verified);
        if verified.len() >= VERIFIED_MAX {
            verified.clear();
        }
        verified.insert(digest);
    }

    /// The bytes of a digest, which were looked at again.
    pub fn get(&self, reference: &ArtifactRef) -> Result<Vec<u8>, StoreError> {
        self.or_fetched(reference, || self.get_here(reference))
    }

    fn get_here(&self, reference: &ArtifactRef) -> Result<Vec<u8>, StoreError> {
        let path = self.path(&reference.digest);
        let file = self.open_file(&path)?;
        // One byte more than expected is enough to see that it is too long.
        let mut bytes = Vec::new();
        file.take(reference.length.saturating_add(1)).read_to_end(&mut bytes).at(&path)?;
        if bytes.len() as u64 != reference.length || ArtifactRef::of(&[&bytes]) != *reference {
            return Err(StoreError::ArtifactDamaged(path));
        }
        Ok(bytes)
    }

    pub(crate) fn open_file(&self, path: &Path) -> Result<File, StoreError> {
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::ArtifactMissing(path.to_owned())),
            other => other.at(path),
        }
    }

    /// What `read` finds in the folder, or finds there once the artifact was fetched from elsewhere.
    pub(crate) fn or_fetched<T>(
        &self,
        reference: &ArtifactRef,
        read: impl Fn() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match (read(), self.elsewhere()) {
            (Err(StoreError::ArtifactMissing(_) | StoreError::ArtifactDamaged(_)), Some(elsewhere)) => {
                elsewhere.fetch(self, *reference)?;
                read()
            }
            (here, _) => here,
        }
    }

    /// The value of a digest.
    pub fn value(&self, reference: &ArtifactRef) -> Result<Value, StoreError> {
        let bytes = self.get(reference)?.into();
        let path = || self.path(&reference.digest);
        decode_artifact(reference, &bytes)
            .map_err(|error| StoreError::Damaged { file: path(), detail: error.to_string() })
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

    /// Waits until all files that were placed are on the disk.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let files = std::mem::take(&mut *lock(&self.shared.unsynced));
        let synced = self.sync_files(&files);
        if synced.is_err() {
            lock(&self.shared.unsynced).extend(files);
        }
        synced
    }

    fn sync_files(&self, files: &[PathBuf]) -> Result<(), StoreError> {
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
        let mut all = Vec::new();
        for folder in entries(&self.folder)? {
            for path in entries(&folder)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let digest = blake3::Hash::from_hex(&name).ok().map(|hash| *hash.as_bytes());
                // A file of another name is not ours; one without metadata is gone by now.
                let Some(metadata) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) else { continue };
                if digest.is_some() || name.starts_with(UNFINISHED) {
                    all.push(Found { path, digest, bytes: metadata.len() });
                }
            }
        }
        Ok(all)
    }
}

/// A file that is being written, and goes away unless it is placed.
pub(crate) struct Unplaced {
    artifacts: Artifacts,
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    is_placed: bool,
}

impl Unplaced {
    /// Gives it the name of its digest. One that is there is replaced: it may be damaged.
    pub(crate) fn place(mut self, reference: &ArtifactRef) -> Result<(), StoreError> {
        // If that fails it is removed there.
        self.is_placed = true;
        self.artifacts.place(&self.file, &self.path, reference)
    }
}

impl Drop for Unplaced {
    fn drop(&mut self) {
        if !self.is_placed {
            self.artifacts.unpin_file(&self.path);
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Found {
    /// How long nobody has used it; none if it is gone, or pinned.
    pub(crate) fn age(&self) -> Option<Duration> {
        let changed = fs::metadata(&self.path).and_then(|metadata| metadata.modified()).ok()?;
        SystemTime::now().duration_since(changed).ok()
    }
}

/// A new file of a name that nobody else has, in a folder that is made if need be.
fn unfinished_in(folder: &Path) -> Result<(File, PathBuf), StoreError> {
    let path = folder.join(format!("{UNFINISHED}{:x}-{:x}", std::process::id(), unique()));
    let file = match File::create(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).at(folder)?;
            File::create(&path)
        }
        other => other,
    };
    Ok((file.at(&path)?, path))
}

fn set_modified(path: &Path, time: SystemTime) -> io::Result<()> {
    File::options().write(true).open(path)?.set_modified(time)
}

/// What is locked is consistent between any two lines.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is in a folder; nothing if there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        entries => entries.at(folder)?.map(|entry| Ok(entry.at(folder)?.path())).collect(),
    }
}
