//! Large values and blobs between hosts and workers: by a store of artifacts that all of them reach, by the queue otherwise.

use std::path::{Path, PathBuf};
use std::time::Duration;

use taskhost_faults::{Ended, Host, Place, Server, Worker, component};

use crate::{Test, check};

pub(crate) const TESTS: &[Test] = &[
    ("artifacts/large_values_and_blobs_go_by_a_store_that_all_reach", shared),
    ("artifacts/large_values_and_blobs_go_by_the_queue_while_one_worker_does_not_reach_the_store", not_shared),
    ("artifacts/a_worker_with_another_store_is_found_out", another),
    ("artifacts/what_somebody_took_out_of_the_queue_is_put_again", emptied),
];

const MINUTE: Duration = Duration::from_secs(60);

/// By `first` workers have had time to look for the host's probe.
fn flow(place: &Place) -> Result<PathBuf, String> {
    let text = format!(
        "name = \"large\"\n[components]\nmisc = \"{}\"\nblobs = \"{}\"\n\
         [tasks.first]\ncall = \"misc.sleep\"\nwith.ms = 2500\n\
         [tasks.bytes]\ncall = \"misc.bytes\"\nwith.n = 300000\nafter = [\"first\"]\n\
         [tasks.sum-bytes]\ncall = \"misc.sum-bytes\"\nwith.bytes = \"${{bytes}}\"\n\
         [tasks.blob]\ncall = \"blobs.make\"\nwith.mib = 2\nwith.seed = 1\nafter = [\"first\"]\n\
         [tasks.sum-blob]\ncall = \"blobs.sum\"\nwith.data = \"${{blob}}\"\n\
         [outputs]\nbytes = \"${{sum-bytes}}\"\nblob = \"${{sum-blob}}\"\n",
        component("misc")?,
        component("blobs")?
    );
    Ok(place.write("large.toml", &text))
}

fn are_right(ended: &Ended) -> Result<(), String> {
    let (bytes, blob) = (ended.output("bytes").as_u64(), ended.output("blob").as_u64());
    check(bytes.is_some_and(|sum| sum > 0) && blob.is_some_and(|sum| sum > 0), || format!("{bytes:?} {blob:?}"))
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

/// Artifacts in the object store of the queue, and in the folder that is the store of the host.
fn went(places: [&Place; 3], is_shared: bool) -> Result<(), String> {
    let [host, one, two] = places;
    let server = Server::start(host)?;
    let _workers = [Worker::start(one, server.address(), "one")?, Worker::start(two, server.address(), "two")?];
    let ended = Host::run(host, &flow(host)?, server.address(), &[])?.succeeds(MINUTE)?;
    are_right(&ended)?;
    let objects = server.account().objects()?;
    let by_queue = objects.iter().filter(|name| name.starts_with("artifact-")).count();
    check(by_queue == if is_shared { 0 } else { 2 }, || format!("{objects:?}"))?;
    // The host's journal names both, whatever way they came; and there is the probe.
    let kept = files(&host.store());
    check(kept == 3, || format!("{kept} artifacts are in the store"))
}

fn shared() -> Result<(), String> {
    let place = Place::with_store()?;
    went([&place; 3], true)
}

fn not_shared() -> Result<(), String> {
    let (with, without) = (Place::with_store()?, Place::new()?);
    went([&with, &with, &without], false)
}

fn another() -> Result<(), String> {
    let (place, other) = (Place::with_store()?, Place::with_store()?);
    went([&place, &other, &place], false)
}

fn emptied() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let _workers = [Worker::start(&place, server.address(), "one")?, Worker::start(&place, server.address(), "two")?];
    let flow = flow(&place)?;
    are_right(&Host::run(&place, &flow, server.address(), &[])?.succeeds(MINUTE)?)?;
    server.account().empty_objects()?;
    // By the time that `first` ends nobody believes any more that they are there.
    std::thread::sleep(Duration::from_secs(4));
    are_right(&Host::run(&place, &flow, server.address(), &[])?.succeeds(MINUTE)?)
}
