//! Artifacts in a store elsewhere, here a folder: they are there before a row names them, come back from there, are looked at again, and only
//! what nobody needs is deleted.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use taskhost_model::seams::{Blobs, Journal};
use taskhost_model::{ArtifactRef, Digest, RunEvent, Value};
use taskhost_store::{CacheEntry, RunFilter, Store, StoreError, StoreOptions, TemporaryBlobs};

mod support;
use support::{Scratch, at, ended, events, id, numbers, record, succeeded};

/// A data folder, and a place that it shares with others.
fn open(scratch: &Scratch, place: &Scratch) -> Store {
    Store::open_with(&scratch.0, &options(place)).expect("a store")
}

fn options(place: &Scratch) -> StoreOptions {
    let artifacts = Some(format!("file://{}", place.0.display()));
    StoreOptions { artifacts, ..StoreOptions::default() }
}

/// The files of a folder and of the folders in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").path()) {
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files
}

/// A run with a large result; gives its events.
fn run(store: &Store, number: u32, result: Value) -> Vec<RunEvent> {
    let journal = store.create(record(number, "x"), || {}).expect("a run");
    let events = vec![ended(&"t".into(), 0, vec![result]), succeeded()];
    events.iter().for_each(|event| journal.append(at(1, event.clone())).expect("appended"));
    journal.flush().expect("durable");
    events
}

/// As if all that was put were named for the last time two days ago.
fn make_old(scratch: &Scratch) {
    let connection = rusqlite::Connection::open(scratch.file()).expect("a file");
    connection.busy_timeout(Duration::from_secs(30)).expect("a timeout");
    connection.execute("UPDATE sent SET named_ms = named_ms - 2 * 24 * 3600 * 1000", []).expect("changed");
}

#[test]
fn large_values_and_blobs_come_back_from_elsewhere_when_the_folder_has_lost_them() {
    let (scratch, place) = (Scratch::new(), Scratch::new());
    let store = open(&scratch, &place);
    let mut blob = store.blobs().create().expect("a blob");
    // Larger than what goes in one piece.
    let part: Vec<u8> = (0..1_000_003_u32).map(|number| (number % 251) as u8).collect();
    (0..20).for_each(|_| blob.append(&part).expect("appended"));
    let blob = blob.finish().expect("finished");
    assert_eq!(files(&place.0).len(), 1, "a blob is there when it is finished");
    let recorded = run(&store, 1, Value::tuple([Value::Blob(Arc::new(blob)), numbers(0, 5_000)]));
    assert_eq!(files(&place.0).len(), 2);
    drop(store);

    fs::remove_dir_all(scratch.0.join("artifacts")).expect("removed");
    let store = Store::open_for_reading_with(&scratch.0, &options(&place)).expect("a store");
    assert_eq!(events(&store, id(1)).into_iter().map(|event| event.event).collect::<Vec<_>>(), recorded);
    let reader = store.blobs().open(&blob).expect("a blob");
    let mut bytes = vec![0; 1_000_003];
    assert_eq!(reader.read_at(19 * 1_000_003, &mut bytes), Ok(1_000_003));
    assert!(bytes == part);
    // Now they are here again.
    fs::remove_dir_all(&place.0).expect("removed");
    assert_eq!(events(&store, id(1)).len(), 2);
}

#[test]
fn what_is_damaged_elsewhere_is_refused_and_what_is_damaged_here_is_fetched_anew() {
    let (scratch, place) = (Scratch::new(), Scratch::new());
    let store = open(&scratch, &place);
    run(&store, 1, numbers(0, 5_000));
    let (here, there) = (files(store.artifacts().folder()).remove(0), files(&place.0).remove(0));
    let whole = fs::read(&here).expect("bytes");
    assert_eq!(fs::read(&there).expect("bytes"), whole);
    let damaged: Vec<u8> = whole.iter().map(|byte| byte ^ 1).collect();
    fs::write(&here, &damaged).expect("damaged");
    assert_eq!(events(&store, id(1)).len(), 2);
    assert_eq!(fs::read(&here).expect("bytes"), whole);

    fs::remove_file(&here).expect("removed");
    for wrong in [&damaged[..], &whole[1..], &[&whole[..], b"x"].concat()] {
        fs::write(&there, wrong).expect("damaged");
        let Some(Err(error)) = store.events(id(1)).expect("a run").next() else { panic!("it is damaged") };
        assert!(matches!(&error, StoreError::ArtifactDamaged(path) if path.starts_with("file:")), "{error}");
    }
    fs::remove_file(&there).expect("removed");
    let Some(Err(error)) = store.events(id(1)).expect("a run").next() else { panic!("it is gone") };
    assert!(matches!(&error, StoreError::ArtifactMissing(_)), "{error}");
    assert!(files(store.artifacts().folder()).is_empty(), "nothing half is left");
}

#[test]
fn what_only_deleted_runs_needed_is_deleted_elsewhere_a_day_later_and_nothing_that_others_put() {
    let (scratch, other, place) = (Scratch::new(), Scratch::new(), Scratch::new());
    let (store, neighbour) = (open(&scratch, &place), open(&other, &place));
    run(&neighbour, 1, numbers(0, 5_000));
    run(&store, 1, numbers(0, 5_000));
    run(&store, 2, numbers(1, 5_000));
    run(&store, 3, numbers(2, 5_000));
    let (run, component) = (id(3), Digest::of(b"c"));
    let entry = CacheEntry { identity: [9; 32], value: numbers(2, 5_000), run, component, function: "f".into() };
    store.cache().put(entry).expect("put");
    store.flush().expect("written");
    assert_eq!(files(&place.0).len(), 3);
    store.delete(&[id(1), id(2), id(3)]).expect("deleted");
    assert_eq!(store.collect_elsewhere(), Ok(0), "too young");
    make_old(&scratch);
    assert_eq!(store.collect_elsewhere(), Ok(1), "the first is the neighbour's, the third is cached");
    assert_eq!(files(&place.0).len(), 2);
    neighbour.delete(&[id(1)]).expect("deleted");
    make_old(&other);
    assert_eq!(neighbour.collect_elsewhere(), Ok(1));
    // What is deleted is put again when it is needed again.
    self::run(&store, 4, numbers(1, 5_000));
    assert_eq!(files(&place.0).len(), 2);
    assert_eq!(store.runs(&RunFilter::default()).expect("runs").len(), 1);
}

#[test]
fn a_run_whose_values_cannot_be_put_is_told_why() {
    let (scratch, place) = (Scratch::new(), Scratch::new());
    let store = open(&scratch, &place);
    let journal = store.create(record(1, "x"), || {}).expect("a run");
    fs::remove_dir_all(&place.0).expect("removed");
    fs::write(&place.0, "no folder").expect("written");
    journal.append(at(1, ended(&"t".into(), 0, vec![numbers(0, 5_000)]))).expect("appended");
    let error = journal.flush().expect_err("it cannot be put");
    let url = format!("file://{}", place.0.display());
    assert!(
        error.message.starts_with(&format!("the store of artifacts `{url}` does not do what it is asked to: ")),
        "{error}"
    );
    assert!(error.help.is_some_and(|help| help.contains("TASKHOST_ARTIFACTS")));
    assert_eq!(events(&store, id(1)), [], "nothing refers to what is not there");
    fs::remove_file(&place.0).expect("removed");
}

#[test]
fn a_url_that_means_no_store_is_told_before_anything_begins() {
    let scratch = Scratch::new();
    for (url, words) in [
        ("bucket", "relative URL without a base"),
        ("ftp://bucket/x", "`ftp` is no scheme that is known"),
        ("s3:///x", "names no bucket"),
        ("s3://key:secret@bucket/x", "nothing else"),
    ] {
        let options = StoreOptions { artifacts: Some(url.into()), ..StoreOptions::default() };
        let error = Store::open_with(&scratch.0, &options).err().expect("refused");
        assert!(error.to_string().contains(words) && !error.to_string().contains("secret"), "{error}");
        assert!(error.help().is_some_and(|help| help.contains("s3://BUCKET/PREFIX")));
    }
}

#[test]
fn an_artifact_goes_by_the_place_to_who_records_nothing_and_back() {
    let (scratch, place) = (Scratch::new(), Scratch::new());
    let store = open(&scratch, &place);
    let host = store.shared().expect("a place");
    let worker = TemporaryBlobs::with_artifacts(&options(&place).artifacts.expect("a URL")).expect("blobs");
    let exchange = worker.shared().expect("a folder").expect("a place");

    let bytes = vec![7; 100_000];
    let artifact = ArtifactRef::of(&[&bytes]);
    host.put(artifact, &[&bytes[..10], &bytes[10..]]).expect("put");
    assert_eq!(exchange.get(&artifact).expect("fetched"), bytes);
    let mut blob = worker.create().expect("a blob");
    blob.append(b"of a worker").expect("appended");
    let blob = blob.finish().expect("finished");
    assert!(host.fetch(&blob).is_err(), "a worker's blob goes only where it is sent");
    exchange.send(blob).expect("sent");
    host.fetch(&blob).expect("fetched");
    assert!(store.blobs().open(&blob).is_ok());
    assert_eq!(files(&place.0).len(), 2);

    // What a worker has put is the host's to delete, as nobody else notes it.
    assert_eq!(store.collect_elsewhere().expect("collected"), 0, "what was used lately stays");
    make_old(&scratch);
    assert_eq!(store.collect_elsewhere().expect("collected"), 2);
    assert_eq!(files(&place.0).len(), 0);
}

#[test]
fn a_probe_is_found_only_in_its_own_place() {
    let (scratch, place, other) = (Scratch::new(), Scratch::new(), Scratch::new());
    let probe = open(&scratch, &place).shared().expect("a place").put_probe().expect("put");
    let found = |place: &Scratch| {
        let blobs = TemporaryBlobs::with_artifacts(&options(place).artifacts.expect("a URL")).expect("blobs");
        blobs.shared().expect("a folder").expect("a place").get(&probe).is_ok()
    };
    assert!(found(&place) && !found(&other));
}
