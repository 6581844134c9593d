//! From a component's bytes to compiled code, and the private cache of compiled code on disk.
//!
//! Compiling takes 50 ms to many seconds, loading compiled code a fraction of a millisecond. A compiled file is native code, so
//! the cache trusts only a folder that nobody else can write to; its key holds the component's digest and everything of
//! the engine that the code depends on.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use taskhost_model::Digest;
use wasmtime::component::Component;
use wasmtime::{Engine, Result};

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
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let metadata = entry.metadata()?;
            if let Some(name) = name.strip_suffix(".cwasm").filter(|_| metadata.is_file()) {
                found.push(CachedComponent { name: name.to_owned(), size_bytes: metadata.len() });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Deletes everything in it; gives what was deleted.
    pub fn clear(&self) -> io::Result<Vec<CachedComponent>> {
        let found = self.list()?;
        for component in &found {
            let path = self.folder.join(format!("{}.cwasm", component.name));
            for path in [checksum_path(&path), path] {
                match fs::remove_file(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    done => done?,
                }
            }
        }
        Ok(found)
    }

    fn path(&self, engine: &Engine, digest: &Digest) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(format!("{}-{:016x}.cwasm", digest.hex(), hasher.finish()))
    }

    /// The compiled form, if it is here and may be trusted.
    #[expect(unsafe_code, reason = "loading compiled code is unsafe; see the argument inside")]
    fn load(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let path = self.path(engine, digest);
        if !is_private(&self.folder) || !is_whole(&path) {
            return None;
        }
        // SAFETY: the file must hold code that wasmtime made for this engine. It lies in a folder that is ours and that only we
        // can write to (checked just above), into which we only rename complete files that wasmtime made, under a name that
        // holds the component's digest and the hash of everything of the engine that the code depends on. Its checksum, written
        // beside it, shows that it is still what we wrote. wasmtime checks its version and settings once more.
        match unsafe { Component::deserialize_file(engine, &path) } {
            Ok(component) => Some(component),
            Err(_) => {
                // Of a crash while writing, or of another version: compile anew. Failing to delete it does no harm.
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps a compiled component. A cache that cannot be written is no reason to fail: the next start compiles again.
    fn keep(&self, engine: &Engine, digest: &Digest, component: &Component) -> io::Result<()> {
        make_private(&self.folder)?;
        if !is_private(&self.folder) {
            return Err(io::Error::other("others can write to the cache folder"));
        }
        let image = component.serialize().map_err(io::Error::other)?;
        let path = self.path(engine, digest);
        write_whole(&checksum_path(&path), Digest::of(&image).hex().as_bytes())?;
        write_whole(&path, &image)
    }
}

/// Puts a file in place in one step, so that nobody reads half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_added_extension(format!("{}.part", std::process::id()));
    let written = fs::File::create(&unfinished).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| fs::rename(&unfinished, path)).inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })
}

fn checksum_path(path: &Path) -> PathBuf {
    path.with_extension("sha256")
}

/// Whether a file of the cache is what was written: damage would be run as native code.
fn is_whole(path: &Path) -> bool {
    let is_file = |path: &Path| fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let checksum = checksum_path(path);
    if !is_file(path) || !is_file(&checksum) {
        return false;
    }
    match (fs::read(path), fs::read(checksum)) {
        (Ok(image), Ok(wanted)) => Digest::of(&image).hex().as_bytes() == wanted,
        _ => false,
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Whether nobody else can write to the folder.
#[cfg(unix)]
fn is_private(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(metadata) = fs::symlink_metadata(folder) else { return false };
    // A file made by this process belongs to this process's user; comparing with one avoids asking the system for our id.
    let ours = fs::metadata("/proc/self").map_or(true, |own| own.uid() == metadata.uid());
    metadata.is_dir() && ours && metadata.mode() & 0o022 == 0
}

#[cfg(not(unix))]
fn is_private(folder: &Path) -> bool {
    folder.is_dir()
}

/// Compiles, or loads what was compiled before.
pub(crate) fn compile(
    cache: Option<&CompileCache>,
    engine: &Engine,
    digest: &Digest,
    bytes: &[u8],
) -> Result<Component> {
    if let Some(component) = cache.and_then(|cache| cache.load(engine, digest)) {
        return Ok(component);
    }
    let component = Component::from_binary(engine, bytes)?;
    if let Some(cache) = cache {
        // See `keep`: compiling again is all that is lost.
        let _ = cache.keep(engine, digest, &component);
    }
    Ok(component)
}
