//! Compiled code on disk: kept, found again, and never loaded unless we wrote it under this very name.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use taskhost_model::ComponentSignature;
use taskhost_model::seams::Catalog;
use taskhost_sandbox::{CompileCache, Compiler, Sandbox, SandboxOptions};

/// A cache folder and a data folder, deleted at the end.
struct Folders(PathBuf);

impl Folders {
    fn new() -> Folders {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("taskhost-cache-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Folders(std::env::temp_dir().join(name))
    }

    fn cache(&self) -> CompileCache {
        CompileCache::new(self.0.join("cache"))
    }

    fn key(&self) -> PathBuf {
        self.0.join("data/compile-cache.key")
    }

    fn sandbox(&self) -> Arc<Sandbox> {
        let options = SandboxOptions {
            cache_folder: Some(self.0.join("cache")),
            data_folder: Some(self.0.join("data")),
            compiler: Compiler::InProcess,
            instances: 8,
            ..SandboxOptions::default()
        };
        Sandbox::new(options).expect("a sandbox")
    }

    /// As a new process would load it.
    fn load(&self, guest: &str) -> Arc<ComponentSignature> {
        self.sandbox().signature(&support::guest(guest)).expect("a component")
    }

    /// Where a guest's compiled code lies.
    fn compiled(&self, guest: &str) -> PathBuf {
        let digest = self.load(guest).digest.hex();
        let kept = self.cache().list().expect("listed");
        let name = &kept.iter().find(|kept| kept.name.starts_with(&digest)).expect("kept").name;
        self.0.join(format!("cache/{name}.cwasm"))
    }

    /// Puts something in the file's place: it is not loaded, but replaced by what was there.
    fn check_replaced(&self, path: &Path, planted: &[u8], what: &str) {
        let whole = fs::read(path).expect("readable");
        fs::write(path, planted).expect("written");
        let tasks = self.load("tiny").tasks.iter().map(|task| task.function.to_string()).collect::<Vec<_>>();
        assert!(tasks.contains(&"add-one".to_owned()), "{what}: {tasks:?}");
        assert_eq!(fs::read(path).expect("readable"), whole, "{what}: compiled anew");
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn compiled_components_are_kept_and_cleared() {
    let folders = Folders::new();
    let path = folders.compiled("tiny");
    let written = fs::metadata(&path).expect("kept").modified().expect("a time");
    folders.load("tiny");
    assert_eq!(fs::metadata(&path).expect("kept").modified().expect("a time"), written, "loaded, not compiled again");
    fs::write(path.with_extension("cwasm.17.part"), "unfinished").expect("written");
    assert_eq!(folders.cache().clear().expect("cleared").len(), 1);
    assert_eq!(fs::read_dir(folders.cache().folder()).expect("listed").count(), 0);
}

#[test]
fn a_damaged_cut_off_or_invented_file_is_compiled_anew() {
    let folders = Folders::new();
    let path = folders.compiled("tiny");
    let whole = fs::read(&path).expect("readable");
    for at in (0..whole.len()).step_by(whole.len() / 20).chain([whole.len() - 1]) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        folders.check_replaced(&path, &damaged, &format!("a bit flipped at {at}"));
        folders.check_replaced(&path, &whole[..at], &format!("cut off at {at}"));
    }
    // Compiled code that is fine, as `wasmtime compile` would make it, but without our tag.
    folders.check_replaced(&path, &whole[..whole.len() - 32], "no tag");
    let mut wrong_tag = whole.clone();
    wrong_tag.truncate(whole.len() - 32);
    wrong_tag.extend([0; 32]);
    folders.check_replaced(&path, &wrong_tag, "an invented tag");
}

#[test]
fn a_file_of_another_component_is_not_loaded_in_its_place() {
    let folders = Folders::new();
    let path = folders.compiled("tiny");
    let other = fs::read(folders.compiled("echo")).expect("readable");
    folders.check_replaced(&path, &other, "renamed");
}

#[test]
fn a_file_of_another_key_is_not_loaded() {
    let (ours, theirs) = (Folders::new(), Folders::new());
    let (path, other) = (ours.compiled("tiny"), theirs.compiled("tiny"));
    assert_eq!(path.file_name(), other.file_name());
    let other = fs::read(other).expect("readable");
    assert_ne!(fs::read(&path).expect("readable"), other);
    ours.check_replaced(&path, &other, "another key");
}

#[test]
fn a_key_that_is_lost_or_cut_off_is_made_anew() {
    let folders = Folders::new();
    let path = folders.compiled("tiny");
    for planted in [None, Some(vec![]), Some(vec![7; 31]), Some(vec![7; 33])] {
        let (key, whole) = (fs::read(folders.key()).expect("a key"), fs::read(&path).expect("readable"));
        match &planted {
            Some(planted) => fs::write(folders.key(), planted).expect("written"),
            None => fs::remove_file(folders.key()).expect("removed"),
        }
        folders.load("tiny");
        let new = fs::read(folders.key()).expect("a key");
        assert!(new.len() == 32 && new != key, "{planted:?}");
        assert_ne!(fs::read(&path).expect("readable"), whole, "tagged anew: {planted:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_or_folder_that_others_could_touch_is_not_used() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folders = Folders::new();
    let path = folders.compiled("tiny");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&folders.key()), mode(&folders.0.join("data"))), (0o600, 0o700));

    let key = fs::read(folders.key()).expect("a key");
    fs::set_permissions(folders.key(), fs::Permissions::from_mode(0o644)).expect("changed");
    folders.load("tiny");
    assert_ne!(fs::read(folders.key()).expect("a key"), key, "others could read it");

    let elsewhere = folders.0.join("known");
    fs::write(&elsewhere, [7; 32]).expect("written");
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o600)).expect("changed");
    fs::remove_file(folders.key()).expect("removed");
    symlink(&elsewhere, folders.key()).expect("a link");
    folders.load("tiny");
    assert_ne!(fs::read(folders.key()).expect("a key"), [7; 32], "a link is not followed");

    for folder in ["data", "cache"] {
        fs::remove_file(&path).expect("removed");
        fs::set_permissions(folders.0.join(folder), fs::Permissions::from_mode(0o777)).expect("changed");
        folders.load("tiny");
        assert!(!path.exists(), "others can write to the {folder} folder");
        fs::set_permissions(folders.0.join(folder), fs::Permissions::from_mode(0o700)).expect("changed");
        folders.load("tiny");
        assert!(path.exists());
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_read() {
    let folders = Folders::new();
    let path = folders.compiled("tiny");
    let whole = fs::read(&path).expect("readable");
    let elsewhere = folders.0.join("elsewhere");
    fs::rename(&path, &elsewhere).expect("moved");
    std::os::unix::fs::symlink(&elsewhere, &path).expect("a link");
    folders.load("tiny");
    assert!(fs::symlink_metadata(&path).expect("there").is_file(), "the link is replaced");
    fs::remove_file(&path).expect("removed");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    if made.is_ok_and(|status| status.success()) {
        // Reading it would wait for ever.
        folders.load("tiny");
        assert_eq!(fs::read(&path).expect("replaced"), whole);
        fs::remove_file(&path).expect("removed");
    }
    fs::create_dir(&path).expect("a folder in its place");
    folders.load("tiny");
}

#[test]
fn without_a_data_folder_nothing_is_kept() {
    let folders = Folders::new();
    let cache_folder = Some(folders.0.join("cache"));
    let options = SandboxOptions { cache_folder, instances: 8, ..SandboxOptions::default() };
    let sandbox = Sandbox::new(options).expect("a sandbox");
    sandbox.signature(&support::guest("tiny")).expect("a component");
    assert!(sandbox.cache().is_none() && !folders.0.exists());
}

#[test]
fn clearing_goes_on_after_what_cannot_be_deleted() {
    let folders = Folders::new();
    folders.compiled("tiny");
    let name = |digit: &str| folders.cache().folder().join(format!("{}-0.cwasm", digit.repeat(64)));
    for digit in ["0", "f"] {
        fs::write(name(digit), "planted").expect("written");
    }
    // A folder is not listed, so that it is no compiled component; everything else goes.
    fs::create_dir(name("7")).expect("a folder");
    assert_eq!(folders.cache().clear().expect("cleared").len(), 3);
    assert!(folders.cache().list().expect("listed").is_empty());
}

#[test]
fn what_several_threads_ask_for_at_once_is_compiled_once() {
    let folders = Folders::new();
    let (sandbox, barrier) = (folders.sandbox(), Barrier::new(4));
    let signatures: Vec<_> = std::thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            sandbox.signature(&support::guest("echo")).expect("a component")
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a signature")).collect()
    });
    assert!(signatures.iter().all(|signature| Arc::ptr_eq(signature, &signatures[0])));
}
