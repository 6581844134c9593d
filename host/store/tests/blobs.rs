//! Blobs: what is written is read, equal ones are there once, nothing is left behind, and nothing that is still wanted is collected.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use taskhost_model::seams::{Blobs, Journal};
use taskhost_model::{ArtifactRef, Digest, Value, ValueType};
use taskhost_store::{Artifacts, CacheEntry, RecordedParameter, TemporaryBlobs};

mod support;
use support::{Scratch, at, ended, id, numbers, record, succeeded};

fn made(blobs: &dyn Blobs, parts: &[&[u8]]) -> ArtifactRef {
    let mut writer = blobs.create().expect("a blob");
    parts.iter().for_each(|part| writer.append(part).expect("appended"));
    writer.finish().expect("finished")
}

fn read(blobs: &dyn Blobs, blob: &ArtifactRef, offset: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let read = blobs.open(blob).expect("a blob").read_at(offset, &mut bytes).expect("read");
    bytes.truncate(read);
    bytes
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| fs::read_dir(folder).map(|entries| entries.map(|entry| entry.expect("one").path()));
    let Ok(folders) = entries(folder) else { return Vec::new() };
    folders.flat_map(|folder| entries(&folder).into_iter().flatten()).collect()
}

fn set_age(path: &Path, age: Duration) {
    let file = fs::File::options().write(true).open(path).expect("a file");
    file.set_modified(SystemTime::now() - age).expect("a time");
}

#[test]
fn a_blob_is_read_anywhere_and_kept_once() {
    let scratch = Scratch::new();
    let blobs = Artifacts::new(scratch.0.join("artifacts"));
    let large = vec![7; 200_000];
    let blob = made(&blobs, &[b"head", &large, b"tail"]);
    assert_eq!(blob.length, 200_008);
    assert_eq!(blob.digest, *blake3::hash(&[b"head", &large[..], b"tail"].concat()).as_bytes());
    assert_eq!(read(&blobs, &blob, 0, 5), b"head\x07");
    assert_eq!(read(&blobs, &blob, 200_003, 100), b"\x07tail", "the end");
    assert_eq!(read(&blobs, &blob, 200_008, 100), b"");
    assert_eq!(read(&blobs, &blob, u64::MAX, 100), b"");
    assert_eq!(made(&blobs, &[b"head", &large[..1], &large[1..], b"tail"]), blob);
    let empty = made(&blobs, &[]);
    assert_eq!(read(&blobs, &empty, 0, 10), b"");
    assert_eq!(files(&scratch.0.join("artifacts")).len(), 2);
}

#[test]
fn a_blob_that_is_given_up_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let blobs = Artifacts::new(scratch.0.join("artifacts"));
    let mut writer = blobs.create().expect("a blob");
    writer.append(&[1; 100_000]).expect("appended");
    assert_eq!(files(&scratch.0.join("artifacts")).len(), 1);
    drop(writer);
    assert_eq!(files(&scratch.0.join("artifacts")).len(), 0);
}

#[test]
fn a_damaged_or_missing_blob_is_refused() {
    let scratch = Scratch::new();
    let folder = scratch.0.join("artifacts");
    let blob = made(&Artifacts::new(folder.clone()), &[&[5; 100_000]]);
    let refusal = |blobs: &Artifacts| blobs.open(&blob).err().expect("refused").message;
    let path = files(&folder).remove(0);
    let mut bytes = fs::read(&path).expect("bytes");
    bytes[99_999] = 6;
    fs::write(&path, &bytes).expect("damaged");
    assert!(refusal(&Artifacts::new(folder.clone())).contains("has another digest"));
    fs::write(&path, &bytes[1..]).expect("cut");
    assert!(refusal(&Artifacts::new(folder.clone())).contains("has another digest"));
    fs::remove_file(&path).expect("removed");
    assert!(refusal(&Artifacts::new(folder.clone())).contains("is gone"));
}

#[test]
fn what_a_task_still_writes_or_has_not_returned_yet_is_not_collected() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let journal = store.create(record(1, "x"), || {}).expect("a run");
    let mut unfinished = store.artifacts().create().expect("a blob");
    unfinished.append(b"some").expect("appended");
    let blob = made(store.artifacts(), &[b"finished, and in no result yet"]);
    let other = scratch.open();
    assert_eq!(other.collect_artifacts(Duration::ZERO).expect("collected").files, 0);
    assert_eq!(read(store.artifacts(), &blob, 0, 8), b"finished");
    unfinished.finish().expect("finished");
    journal.append(at(1, succeeded())).expect("appended");
    drop(journal);
}

#[test]
fn a_blob_is_kept_as_long_as_a_run_or_a_cached_result_names_it() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let blob = |content: &[u8]| {
        let blob = made(store.artifacts(), &[content]);
        (blob, Value::Blob(Arc::new(blob)))
    };
    let ((given, parameter), (small, inline)) = (blob(b"a parameter"), blob(b"a result"));
    let ((large, element), (cached, result)) = (blob(b"in a large result"), blob(b"in a cached result"));
    let mut begun = record(1, "x");
    begun.parameters = vec![RecordedParameter { name: "p".into(), ty: ValueType::String, value: parameter }];
    let journal = store.create(begun, || {}).expect("a run");
    // Kept as an artifact itself, and so looked into.
    let listed = Value::tuple([element, numbers(0, 5_000)]);
    journal.append(at(1, ended(&"t".into(), 0, vec![inline, listed]))).expect("appended");
    journal.append(at(2, succeeded())).expect("appended");
    let (run, component) = (id(1), Digest::of(b"c"));
    let entry = CacheEntry { identity: [9; 32], value: result, run, component, function: "f".into() };
    store.cache().put(entry).expect("put");
    journal.flush().expect("durable");
    drop(journal);
    let is_there = |blob: &ArtifactRef| store.artifacts().path(&blob.digest).exists();
    assert_eq!(store.collect_artifacts(Duration::ZERO).expect("collected").files, 0);
    assert!(store.cache().size().expect("a size").bytes >= cached.length);

    store.delete(&[id(1)]).expect("deleted");
    assert_eq!(store.collect_artifacts(Duration::ZERO).expect("collected").files, 4, "with the large result itself");
    assert_eq!([given, small, large, cached].each_ref().map(is_there), [false, false, false, true]);
    // A result that was taken from the cache is about to be named by the run that took it.
    assert!(store.cache().get(&[9; 32], None).expect("a result").is_some());
    store.cache().clear().expect("cleared");
    assert_eq!(store.collect_artifacts(Duration::ZERO).expect("collected").files, 0);
    store.artifacts().path(&cached.digest).metadata().expect("still there");
    set_age(&store.artifacts().path(&cached.digest), Duration::from_secs(1));
    assert_eq!(store.collect_artifacts(Duration::ZERO).expect("collected").files, 1);
}

#[test]
fn left_overs_of_a_process_that_died_are_collected_when_they_are_old() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let dead = Artifacts::new(store.artifacts().folder().to_owned());
    let mut unfinished = dead.create().expect("a blob");
    unfinished.append(&[1; 100_000]).expect("appended");
    std::mem::forget(unfinished);
    made(&dead, &[b"in no result"]);
    let left = files(store.artifacts().folder());
    assert_eq!(left.len(), 2);
    left.iter().for_each(|path| set_age(path, Duration::from_secs(60)));
    assert_eq!(store.collect_artifacts(Duration::from_secs(300)).expect("collected").files, 0, "young");
    assert_eq!(store.collect_artifacts(Duration::ZERO).expect("collected").files, 1, "it may still be written");
    files(store.artifacts().folder()).iter().for_each(|path| set_age(path, Duration::from_secs(1_000)));
    assert_eq!(store.collect_artifacts(Duration::ZERO).expect("collected").files, 1);
    assert_eq!(store.run(id(1)).ok(), None);
}

#[test]
fn blobs_of_a_host_that_records_nothing_go_with_it() {
    let blobs = TemporaryBlobs::new();
    assert_eq!(blobs.folder(), None, "nothing is made before it is needed");
    let blob = made(&blobs, &[b"once"]);
    let folder = blobs.folder().expect("a folder");
    assert_eq!(read(&blobs, &blob, 0, 9), b"once");
    let reader = blobs.open(&blob).expect("a blob");
    drop(blobs);
    assert!(!folder.exists());
    let mut bytes = [0; 4];
    assert_eq!(reader.read_at(0, &mut bytes), Ok(4), "who reads may go on");
}

#[test]
fn what_is_made_again_is_not_collected_between_two_looks_at_it() {
    let scratch = Scratch::new();
    let (maker, collector) = (scratch.open(), scratch.open());
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                collector.collect_artifacts(Duration::ZERO).expect("collected");
            }
        });
        for _ in 0..300 {
            let blob = made(&*maker.blobs(), &[b"the same each time"]);
            let file = maker.artifacts().path(&blob.digest);
            assert!(file.exists(), "it is wanted now");
            // As one that an earlier run named, and nobody since.
            set_age(&file, Duration::from_secs(10));
        }
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
