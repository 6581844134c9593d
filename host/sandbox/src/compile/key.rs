//! The key that shows which compiled files are ours: 32 random bytes in the user's private data folder.
//!
//! Whoever can write to the cache folder, or to a copy of it, still cannot make a file with our tag.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// Its name in the data folder.
const FILE: &str = "compile-cache.key";

/// Length of the key, as BLAKE3 wants it.
const LENGTH: usize = blake3::KEY_LEN;

/// The key of the compile cache.
pub(super) struct Key([u8; LENGTH]);

impl Key {
    /// The key in this data folder; made if there is none, or none that only we can read.
    pub(super) fn open(folder: &Path) -> io::Result<Key> {
        make_private(folder)?;
        if !is_private(folder) {
            return Err(io::Error::other("others can write to the data folder"));
        }
        let path = folder.join(FILE);
        if let Some(key) = read(&path) {
            return Ok(key);
        }
        make(&path)?;
        // Another process may have been quicker, or its key may have replaced ours: what lies there counts.
        read(&path).ok_or_else(|| io::Error::other("the key cannot be read back"))
    }

    /// The tag of a file with this name and content. The name is part of it, so that a file cannot stand in for another.
    pub(super) fn tag(&self, name: &str, content: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(content);
        hasher.finalize()
    }
}

/// A key is worth nothing if somebody else knows or made it.
fn read(path: &Path) -> Option<Key> {
    let file = open_plain(path)?;
    if !is_secret(&file) {
        return None;
    }
    let mut bytes = Vec::with_capacity(LENGTH + 1);
    file.take(LENGTH as u64 + 1).read_to_end(&mut bytes).ok()?;
    Some(Key(bytes.try_into().ok()?))
}

/// Puts a new key in place in one step: nobody reads half a key.
fn make(path: &Path) -> io::Result<()> {
    let mut random = [0; LENGTH];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let unfinished = path.with_added_extension(format!("{}.part", std::process::id()));
    let _ = fs::remove_file(&unfinished);
    let made = create_secret(&unfinished).and_then(|mut file| file.write_all(&random));
    made.and_then(|()| fs::rename(&unfinished, path)).inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })
}

/// Opens a file for reading, if it is one: no link is followed, no pipe waited for.
pub(super) fn open_plain(path: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    let file = options.open(path).ok()?;
    file.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(file)
}

/// Makes a file that was not there, for this user only.
pub(super) fn create_secret(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Whether the folder is ours, and nobody else can write to it.
#[cfg(unix)]
pub(super) fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir() && is_ours(&metadata, 0o022))
}

#[cfg(not(unix))]
pub(super) fn is_private(folder: &Path) -> bool {
    folder.is_dir()
}

#[cfg(unix)]
fn is_secret(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| is_ours(&metadata, 0o077))
}

#[cfg(not(unix))]
fn is_secret(_file: &File) -> bool {
    true
}

/// Whether this user owns it, and it gives others none of these rights.
#[cfg(unix)]
fn is_ours(metadata: &fs::Metadata, others: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & others == 0
}
