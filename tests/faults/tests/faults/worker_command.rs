//! What a worker is told on its command line, and what it tells those who look after it.

use std::path::PathBuf;
use std::time::Duration;

use taskhost_faults::{Host, Place, Server, Worker, component, eventually};

use crate::flows::{all_there, notes, notes_and, same};
use crate::{Test, check, tell};

pub(crate) const TESTS: &[Test] = &[
    ("worker/one_that_starts_before_its_server_waits_for_it", waits),
    ("worker/one_that_waits_for_its_server_can_be_ended", ends_while_it_waits),
    ("worker/its_health_follows_its_server", health),
    ("worker/what_it_does_not_give_is_refused_with_the_reason", refused),
    ("worker/a_folder_is_the_one_of_the_worker", folder),
    ("worker/no_more_run_than_fit_into_its_memory", memory),
    ("worker/a_limit_beyond_its_memory_is_refused", beyond_memory),
];

const MINUTE: Duration = Duration::from_secs(60);

fn waits() -> Result<(), String> {
    let place = Place::new()?;
    let mut server = Server::start(&place)?;
    server.kill();
    let mut worker = Worker::starting(&place, server.address(), "early", &["--trust-hosts"])?;
    eventually("it to say that it waits", MINUTE, || worker.stderr().contains("waits for NATS"))?;
    let status = |path: &str| worker.page(path).map(|(status, _)| status);
    check(status("/livez")? == 200 && status("/readyz")? == 503, || "probes hear that it is ready".to_owned())?;
    server.restart()?;
    worker.starts(MINUTE)?;
    let ended = Host::run(&place, &notes(&place, &same(3, 0))?, server.address(), &[])?.succeeds(MINUTE)?;
    all_there(&ended, 3)
}

fn ends_while_it_waits() -> Result<(), String> {
    let place = Place::new()?;
    let mut server = Server::start(&place)?;
    server.kill();
    let mut worker = Worker::starting(&place, server.address(), "early", &[])?;
    eventually("it to say that it waits", MINUTE, || worker.stderr().contains("waits for NATS"))?;
    worker.drain();
    worker.wait(Duration::from_secs(10)).map(drop)
}

fn health() -> Result<(), String> {
    let place = Place::new()?;
    let mut server = Server::start(&place)?;
    let worker = Worker::start(&place, server.address(), "worker")?;
    let status = |path: &str| worker.page(path).map(|(status, _)| status);
    check(status("/livez")? == 200 && status("/readyz")? == 200, || "it is not well".to_owned())?;
    check(status("/other")? == 404, || "there is a page `/other`".to_owned())?;
    Host::run(&place, &notes(&place, &same(5, 0))?, server.address(), &[])?.succeeds(MINUTE)?;
    check(worker.ended() == 5 && worker.figure("task_runs_failed_total") == Some(0), || {
        format!("{:?}", worker.page("/metrics"))
    })?;
    check(worker.holds() == 0 && worker.figure("connected") == Some(1), || format!("{:?}", worker.page("/metrics")))?;
    server.kill();
    let noticed = eventually("it to miss its server", MINUTE, || status("/readyz") == Ok(503))?;
    tell("a worker notices that its server is gone", noticed);
    check(status("/livez")? == 200, || "it would be started again, in vain".to_owned())?;
    server.restart()?;
    let noticed = eventually("it to find its server again", MINUTE, || status("/readyz") == Ok(200))?;
    tell("a worker finds its server again", noticed);
    Ok(())
}

fn refused() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let _worker = Worker::with(&place, server.address(), "strict", &["--allow", "read=data"])?;
    let ended = Host::run(&place, &notes(&place, &same(2, 0))?, server.address(), &[])?.wait(MINUTE)?;
    let failures = ended.failures().join("\n");
    let has_reason = failures.contains("worker `strict` does not give") && failures.contains("notes");
    check(ended.code == Some(4) && has_reason, || format!("{:?}\n{failures}\n{}", ended.code, ended.stderr))?;
    check(place.notes().begun() == 0, || "it ran".to_owned())
}

fn folder() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    for (folder, text) in [("data", "the host's"), ("elsewhere/data", "the worker's")] {
        place.folder(folder);
        place.write(&format!("{folder}/whose.txt"), text);
    }
    let text = format!(
        "name = \"whose\"\n[components]\nmisc = \"{}\"\n[tasks.whose]\ncall = \"misc.try-read-file\"\n\
         with.path = \"data/whose.txt\"\nallow.read = [\"data\"]\n[outputs]\nwhose = \"${{whose}}\"\n",
        component("misc")?
    );
    let flow = place.write("flow.toml", &text);
    let elsewhere = place.path().join("elsewhere").display().to_string();
    let _worker = Worker::with(&place, server.address(), "worker", &["--allow", "read=data", "--folder", &elsewhere])?;
    let ended = Host::run(&place, &flow, server.address(), &[])?.succeeds(MINUTE)?;
    check(ended.output("whose") == "the worker's", || format!("it read {}", ended.output("whose")))
}

fn limited(place: &Place, mebibytes: u32) -> Result<PathBuf, String> {
    notes_and(place, &same(4, 500), &format!("limits.memory = \"{mebibytes} MiB\""))
}

fn memory() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let _worker = Worker::with(&place, server.address(), "small", &["--trust-hosts", "--memory", "100MiB"])?;
    let ended = Host::run(&place, &limited(&place, 64)?, server.address(), &[])?.succeeds(MINUTE)?;
    all_there(&ended, 4)?;
    let took = ended.json["wall-time-seconds"].as_f64().unwrap_or_default();
    check(took >= 2.0, || format!("four task runs of 0.5 s, of which one fits, took {took} s"))?;
    check(took < 20.0, || format!("it took {took} s"))
}

fn beyond_memory() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let _worker = Worker::with(&place, server.address(), "small", &["--trust-hosts", "--memory", "100MiB"])?;
    let ended = Host::run(&place, &limited(&place, 128)?, server.address(), &[])?.wait(MINUTE)?;
    let failures = ended.failures().join("\n");
    let has_reason = failures.contains("128 MiB") && failures.contains("100 MiB") && failures.contains("--memory");
    check(ended.code == Some(4) && has_reason, || format!("{:?}\n{failures}\n{}", ended.code, ended.stderr))
}
