//! The cache of compiled code on disk. A compiled file is native code that runs in our process, so only files that we wrote are
//! loaded: each ends with a tag that nobody can make without our key.
//!
//! A file's name holds the component's digest and everything of the engine that the code depends on.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use taskhost_model::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::key::{self, Key};

/// Ending of compiled files.
const ENDING: &str = ".cwasm";

/// Compiled code larger than this is not read: a planted file may be of any size.
pub(super) const IMAGE_BYTES_MAX: u64 = 1 << 30;

/// The tag at the end of a file.
const TAG_BYTES: usize = blake3::OUT_LEN;

/// Compiled components on disk.
#[derive(Clone, Debug)]
pub struct CompileCache {
    folder: PathBuf,
}

/// A file of the cache.
#[derive(Clone, Debug)]
pub struct CachedComponent {
    /// Hexadecimal digest of the component, and the engine's key.
    pub name: String,
    /// Size of the compiled code in bytes.
    pub size_bytes: u64,
}

impl CompileCache {
    /// The cache in `folder`, which is made when it is first written to.
    pub fn new(folder: PathBuf) -> CompileCache {
        CompileCache { folder }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is in it.
    pub fn list(&self) -> io::Result<Vec<CachedComponent>> {
        let mut found = Vec::new();
        for entry in self.entries()? {
            let name = entry.file_name().to_string_lossy().into_owned();
            // It may be gone by now: another process replaces and clears as we do.
            let Ok(metadata) = entry.metadata() else { continue };
            if let Some(name) = name.strip_suffix(ENDING).filter(|_| metadata.is_file()) {
                found.push(CachedComponent { name: name.to_owned(), size_bytes: metadata.len() });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Deletes everything in it; gives what was deleted. What cannot be deleted is left, and the first reason given, after
    /// everything else is gone.
    pub fn clear(&self) -> io::Result<Vec<CachedComponent>> {
        let found = self.list()?;
        let mut failure = None;
        for component in &found {
            match fs::remove_file(self.folder.join(format!("{}{ENDING}", component.name))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => failure = failure.or(Some(error)),
                _ => {}
            }
        }
        for entry in self.entries()?.into_iter().filter(|entry| is_left_over(&entry.file_name().to_string_lossy())) {
            // Of a process that was killed while it wrote.
            let _ = fs::remove_file(entry.path());
        }
        failure.map_or(Ok(found), Err)
    }

    fn entries(&self) -> io::Result<Vec<fs::DirEntry>> {
        match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries?.collect(),
        }
    }
}

/// Whether a file in the cache is a part of one that was never finished, or the checksum that an older version wrote.
fn is_left_over(name: &str) -> bool {
    let is_ours = name.len() > 64 && name.as_bytes()[..64].iter().all(u8::is_ascii_hexdigit);
    is_ours && (name.ends_with(".part") || name.ends_with(".sha256"))
}

/// The cache together with the key that says which of its files may be loaded.
pub(crate) struct TrustedCache {
    files: CompileCache,
    data_folder: PathBuf,
    key: OnceLock<Option<Key>>,
}

impl TrustedCache {
    /// Compiled code in `cache_folder`, the key in `data_folder`; both are made at the first use.
    pub(crate) fn new(cache_folder: PathBuf, data_folder: PathBuf) -> TrustedCache {
        TrustedCache { files: CompileCache::new(cache_folder), data_folder, key: OnceLock::new() }
    }

    /// What is kept.
    pub(crate) fn files(&self) -> &CompileCache {
        &self.files
    }

    fn key(&self) -> Option<&Key> {
        self.key.get_or_init(|| Key::open(&self.data_folder).ok()).as_ref()
    }

    /// The compiled form, if it is here and ours.
    #[expect(unsafe_code, reason = "loading compiled code is unsafe; see the argument inside")]
    pub(super) fn load(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let name = file_name(engine, digest);
        let path = self.files.folder.join(&name);
        let file = key::open_plain(&path)?;
        let component = self.verified(&name, file).and_then(|image| {
            // SAFETY: the bytes must be code that wasmtime made for this engine. Their tag was just checked: only a holder
            // of our key can have made it, for this very name, and we do so for nothing but what wasmtime compiled (see
            // `keep`). The name holds the component's digest and the hash of everything of the engine that the code depends
            // on. What is loaded are the checked bytes in our memory, whatever becomes of the file meanwhile. wasmtime
            // checks its version and settings once more.
            unsafe { Component::deserialize(engine, image) }.ok()
        });
        if component.is_none() {
            // Planted, damaged, of another key or version: compiled anew. Failing to delete it does no harm.
            let _ = fs::remove_file(&path);
        }
        component
    }

    /// The file's content without its tag, if the tag is right.
    fn verified(&self, name: &str, file: fs::File) -> Option<Vec<u8>> {
        let size = file.metadata().ok()?.len();
        if size > IMAGE_BYTES_MAX {
            return None;
        }
        let mut bytes = Vec::with_capacity(size as usize);
        file.take(IMAGE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        let tag: [u8; TAG_BYTES] = *bytes.last_chunk()?;
        bytes.truncate(bytes.len() - TAG_BYTES);
        // `blake3::Hash` compares in constant time.
        (self.key()?.tag(name, &bytes) == tag).then_some(bytes)
    }

    /// Keeps compiled code, with its tag.
    pub(super) fn keep(&self, engine: &Engine, digest: &Digest, mut image: Vec<u8>) -> io::Result<()> {
        let key = self.key().ok_or_else(|| io::Error::other("there is no key"))?;
        key::make_private(&self.files.folder)?;
        if !key::is_private(&self.files.folder) {
            return Err(io::Error::other("others can write to the cache folder"));
        }
        let name = file_name(engine, digest);
        let tag = key.tag(&name, &image);
        image.extend_from_slice(tag.as_bytes());
        write_whole(&self.files.folder.join(name), &image)
    }
}

fn file_name(engine: &Engine, digest: &Digest) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}{ENDING}", digest.hex(), hasher.finish())
}

/// Puts a file in place in one step, so that nobody reads half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_added_extension(format!("{}.part", std::process::id()));
    // Left by a process of the same number that was killed, or planted.
    let _ = fs::remove_file(&unfinished);
    let written = key::create_secret(&unfinished).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| fs::rename(&unfinished, path)).inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })
}
