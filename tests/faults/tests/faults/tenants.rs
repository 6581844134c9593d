//! Tenants of one server, configured by `taskhost nats-config`: real hosts and workers with the keys that it writes.

use std::path::PathBuf;
use std::time::Duration;

use taskhost_faults::{Host, Place, Server, Worker, eventually};

use crate::flows::{all_there, notes, same};
use crate::{Test, check, tell};

pub(crate) const TESTS: &[Test] = &[
    ("tenants/each_has_its_own_hosts_and_workers", apart),
    ("tenants/a_host_with_a_worker_s_key_is_told_so", wrong_key),
    ("tenants/a_worker_with_a_host_s_key_says_so_and_takes_nothing_of_others", workers_key),
];

const MINUTE: Duration = Duration::from_secs(60);

/// How soon a user that may not do what it tries is told.
const TOLD_MAX: Duration = Duration::from_secs(30);

/// A server for the tenants `red` and `blue`.
fn server(place: &Place) -> Result<Server, String> {
    let written = place
        .taskhost()
        .args(["nats-config", "--tenant", "red", "--tenant", "blue", "--storage", "64MiB", "--store"])
        .arg(place.path().join("streams"))
        .arg("--output")
        .arg(place.path().join("nats"))
        .output()
        .map_err(|error| error.to_string())?;
    check(written.status.success(), || String::from_utf8_lossy(&written.stderr).into_owned())?;
    Server::configured(place, &place.path().join("nats/nats.conf"))
}

fn key(place: &Place, user: &str) -> String {
    let path: PathBuf = place.path().join("nats").join(format!("{user}.nk"));
    path.display().to_string()
}

fn worker(place: &Place, server: &Server, name: &str, user: &str) -> Result<Worker, String> {
    Worker::with(place, server.address(), name, &["--trust-hosts", "--credentials", &key(place, user)])
}

fn apart() -> Result<(), String> {
    let place = Place::new()?;
    let server = server(&place)?;
    let [red, blue] = [worker(&place, &server, "red", "red/worker")?, worker(&place, &server, "blue", "blue/worker")?];
    // Large enough for messages, and for objects.
    let flow = notes(&place, &same(40, 5))?;
    let ended = Host::run(&place, &flow, server.address(), &["--credentials", &key(&place, "red/host")])?;
    all_there(&{ ended }.succeeds(MINUTE)?, 40)?;
    check((red.ended(), blue.ended()) == (40, 0), || format!("red {}, blue {}", red.ended(), blue.ended()))
}

fn wrong_key() -> Result<(), String> {
    let place = Place::new()?;
    let server = server(&place)?;
    let flow = notes(&place, &same(1, 0))?;
    let ended =
        Host::run(&place, &flow, server.address(), &["--credentials", &key(&place, "red/worker")])?.wait(TOLD_MAX)?;
    tell("a host with a worker's key is told", ended.took);
    let is_told = ended.stderr.contains("may not do what a host does") && ended.stderr.contains("host.nk");
    check(ended.code == Some(2) && is_told, || format!("{:?}\n{}", ended.code, ended.stderr))
}

fn workers_key() -> Result<(), String> {
    let place = Place::new()?;
    let server = server(&place)?;
    let red = worker(&place, &server, "red", "red/worker")?;
    // What it may not do it does not find; the others are not held up.
    let confused =
        Worker::starting(&place, server.address(), "confused", &["--credentials", &key(&place, "red/host")])?;
    eventually("it to say so", TOLD_MAX, || confused.stderr().contains("may not do what a worker does"))?;
    let flow = notes(&place, &same(10, 50))?;
    let ended = Host::run(&place, &flow, server.address(), &["--credentials", &key(&place, "red/host")])?;
    all_there(&{ ended }.succeeds(MINUTE)?, 10)?;
    check(red.ended() == 10, || format!("red has ended {}", red.ended()))
}
