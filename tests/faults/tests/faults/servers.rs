//! Servers that are killed, forget everything, lead a cluster, or have no room.

use std::time::Duration;

use taskhost_faults::{Cluster, Host, Place, Server, Worker, eventually};

use crate::flows::{all_there, notes, same};
use crate::{Test, check, tell};

pub(crate) const TESTS: &[Test] = &[
    ("servers/the_leader_of_a_cluster_is_killed", leader),
    ("servers/one_is_killed_and_started_again", restarted),
    ("servers/one_is_killed_and_has_lost_everything", forgotten),
    ("servers/a_full_queue_makes_it_slow", full),
    ("servers/a_queue_without_room_for_one_message_is_told", tiny),
];

const MINUTE: Duration = Duration::from_secs(60);

fn restarted() -> Result<(), String> {
    let place = Place::new()?;
    let mut server = Server::start(&place)?;
    let flow = notes(&place, &same(10, 1500))?;
    let _workers = ["one", "two"]
        .map(|name| Worker::start(&place, server.address(), name))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let mut host = Host::run(&place, &flow, server.address(), &[])?;
    eventually("task runs that have begun", MINUTE, || place.notes().begun() > 1)?;
    server.kill();
    // Longer than a task run takes: its answer has to wait.
    std::thread::sleep(Duration::from_secs(3));
    server.restart()?;
    let ended = host.succeeds(2 * MINUTE)?;
    tell("a server killed for 3 s", ended.took);
    all_there(&ended, 10)
}

fn forgotten() -> Result<(), String> {
    let place = Place::new()?;
    let mut server = Server::start(&place)?;
    let flow = notes(&place, &same(10, 1500))?;
    let _workers = ["one", "two"]
        .map(|name| Worker::start(&place, server.address(), name))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let mut host = Host::run(&place, &flow, server.address(), &[])?;
    eventually("task runs that have begun", MINUTE, || place.notes().begun() > 1)?;
    server.kill();
    server.forget();
    server.restart()?;
    let ended = host.succeeds(2 * MINUTE)?;
    tell("a server killed that forgets everything", ended.took);
    all_there(&ended, 10)
}

fn leader() -> Result<(), String> {
    let place = Place::new()?;
    let mut cluster = Cluster::start(&place)?;
    let address = cluster.address();
    let flow = notes(&place, &same(10, 1500))?;
    let _workers =
        ["one", "two"].map(|name| Worker::start(&place, &address, name)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut host = Host::run(&place, &flow, &address, &["--replicas", "3"])?;
    eventually("task runs that have begun", MINUTE, || place.notes().begun() > 1)?;
    let leader = cluster.account().leader()?;
    cluster.kill(&leader)?;
    let ended = host.succeeds(2 * MINUTE)?;
    tell("the leader of three servers killed", ended.took);
    all_there(&ended, 10)
}

fn full() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    // For two or three messages.
    server.account().make_streams(2000)?;
    let flow = notes(&place, &same(60, 100))?;
    let _worker = Worker::start(&place, server.address(), "worker")?;
    // With less patience than it takes: waiting for room is no silence.
    let ended = Host::run(&place, &flow, server.address(), &["--server-wait", "2s"])?.succeeds(2 * MINUTE)?;
    tell("60 task runs of 0.1 s through a tiny queue", ended.took);
    all_there(&ended, 60)
}

fn tiny() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    server.account().make_streams(100)?;
    let flow = notes(&place, &same(3, 0))?;
    let _worker = Worker::start(&place, server.address(), "worker")?;
    let ended = Host::run(&place, &flow, server.address(), &["--server-wait", "3s"])?.wait(MINUTE)?;
    tell("a queue without room gives up", ended.took);
    check(ended.code == Some(4), || format!("exit code {:?}\n{}", ended.code, ended.stderr))?;
    let failures = ended.failures().join("\n");
    check(failures.contains("maximum bytes exceeded"), || failures.clone())
}
