//! [`KeptComponents`]: components that a worker has fetched, on disk by digest, so that each comes once.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use taskhost_model::{Digest, limits};

use crate::files;

/// Bytes that are kept; beyond them the oldest go.
const BYTES_MAX: u64 = 4 << 30;

/// See the top of the file.
pub(crate) struct KeptComponents {
    folder: PathBuf,
}

impl KeptComponents {
    /// In the cache folder.
    pub(crate) fn new(cache: PathBuf) -> KeptComponents {
        KeptComponents { folder: cache.join("components") }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.wasm", digest.hex()))
    }

    /// The bytes, if they are kept and whole.
    pub(crate) fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let bytes = files::read(&path, limits::COMPONENT_BYTES_MAX).ok()?;
        if Digest::of(&bytes) == *digest {
            return Some(bytes);
        }
        // Damaged: it is fetched again.
        let _ = fs::remove_file(path);
        None
    }

    /// Keeps them. What cannot be kept is fetched again another time.
    pub(crate) fn put(&self, digest: &Digest, bytes: &[u8]) {
        let _ = self.try_put(digest, bytes);
        self.make_room();
    }

    fn try_put(&self, digest: &Digest, bytes: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // Whole or not at all, whoever else does the same.
        let draft = self.folder.join(format!("{}.{}.draft", digest.hex(), std::process::id()));
        let written = fs::File::create(&draft).and_then(|mut file| file.write_all(bytes));
        let placed = written.and_then(|()| fs::rename(&draft, self.path(digest)));
        if placed.is_err() {
            let _ = fs::remove_file(draft);
        }
        placed
    }

    fn make_room(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let known = entries.flatten().filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), entry.path()))
        });
        let mut known: Vec<_> = known.collect();
        known.sort();
        let mut bytes: u64 = known.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in known {
            if bytes <= BYTES_MAX {
                return;
            }
            if fs::remove_file(path).is_ok() {
                bytes -= length;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_component_is_not_given() {
        let folder = std::env::temp_dir().join(format!("taskhost-kept-{}", std::process::id()));
        let kept = KeptComponents::new(folder.clone());
        let digest = Digest::of(b"whole");
        assert_eq!(kept.get(&digest), None);
        kept.put(&digest, b"whole");
        assert_eq!(kept.get(&digest).as_deref(), Some(&b"whole"[..]));
        fs::write(kept.path(&digest), b"hole").expect("a file");
        assert_eq!(kept.get(&digest), None);
        fs::remove_dir_all(folder).expect("its own folder");
    }
}
