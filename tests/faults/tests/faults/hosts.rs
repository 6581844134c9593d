//! Hosts that are killed or interrupted, and what others find afterwards.

use std::time::Duration;

use taskhost_faults::{Host, Place, Server, Worker, eventually};

use crate::flows::{all_there, notes, nothing_left, same};
use crate::{Test, check, tell};

pub(crate) const TESTS: &[Test] = &[
    ("hosts/one_is_killed_and_another_goes_on", killed),
    ("hosts/one_is_interrupted_and_another_goes_on_with_the_same_workers", interrupted),
];

const MINUTE: Duration = Duration::from_secs(60);

fn killed() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let flow = notes(&place, &[0, 0, 0, 0, 8000, 8000])?;
    let worker = Worker::start(&place, server.address(), "worker")?;
    let mut host = Host::run(&place, &flow, server.address(), &[])?;
    eventually("what is quick to end", MINUTE, || worker.ended() >= 4 && place.notes().begun() == 6)?;
    // The journal is at most some milliseconds behind.
    std::thread::sleep(Duration::from_secs(1));
    host.kill();
    let ended = Host::resume(&place, server.address(), &[])?.succeeds(2 * MINUTE)?;
    tell("a host killed, and gone on with", ended.took);
    check(*ended.output("all") == serde_json::json!([0, 1, 2, 3, 4, 5]), || format!("{:#}", ended.json))?;
    for quick in 0..4 {
        let begun = place.notes().of(quick);
        check(begun == 1, || format!("task run {quick} had ended, and ran {begun} times"))?;
    }
    check(server.account().tasks_left()? == 0, || "something is left in the queue".to_owned())
}

fn interrupted() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let flow = notes(&place, &same(4, 4000))?;
    let worker = Worker::start(&place, server.address(), "worker")?;
    let mut host = Host::run(&place, &flow, server.address(), &[])?;
    eventually("task runs that have begun", MINUTE, || place.notes().begun() == 4)?;
    host.interrupt();
    host.says("interrupted", MINUTE)?;
    host.interrupt();
    let ended = host.wait(MINUTE)?;
    tell("a host interrupted twice", ended.took);
    check(ended.code == Some(130), || format!("exit code {:?}\n{}", ended.code, ended.stderr))?;
    eventually("the worker to stop", MINUTE, || worker.holds() == 0)?;
    nothing_left(&server.account())?;
    // At once: the worker has heard that this flow run is over, but only of that host.
    let ended = Host::resume(&place, server.address(), &[])?.succeeds(MINUTE)?;
    all_there(&ended, 4)
}
