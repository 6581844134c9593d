//! A network between host and server that loses everything, for some time or for good.

use std::time::{Duration, Instant};

use taskhost_faults::{Host, Link, Place, Server, Worker, eventually};

use crate::flows::{all_there, notes, same};
use crate::{Test, check, tell};

pub(crate) const TESTS: &[Test] =
    &[("network/a_host_that_was_cut_off_goes_on", heals), ("network/a_host_that_stays_cut_off_gives_up", stays)];

const MINUTE: Duration = Duration::from_secs(60);

/// A host at the far end of a link, some of whose task runs have begun.
struct CutOff {
    place: Place,
    _server: Server,
    _worker: Worker,
    host: Host,
    link: Link,
}

fn far(arguments: &[&str]) -> Result<CutOff, String> {
    let place = Place::new()?;
    let link = Link::new();
    let server = Server::at(&place, &link.server_host())?;
    let flow = notes(&place, &same(6, 5000))?;
    let worker = Worker::start(&place, server.address(), "worker")?;
    let address = link.address(server.address())?;
    let mut command = link.taskhost(&place);
    let host = Host::start(command.arg("run").arg(flow).args(["--address", &address]), arguments)?;
    eventually("task runs that have begun", MINUTE, || place.notes().begun() > 1)?;
    link.cut()?;
    Ok(CutOff { place, _server: server, _worker: worker, host, link })
}

fn heals() -> Result<(), String> {
    let mut far = far(&[])?;
    // Until after the task runs have ended, and been given up by nobody.
    std::thread::sleep(Duration::from_secs(15));
    check(!far.host.has_ended(), || "it did not wait".to_owned())?;
    far.link.heal()?;
    let healed = Instant::now();
    let ended = far.host.succeeds(2 * MINUTE)?;
    tell(&format!("from the end of a cut of 15 s to the end of the run, by {}", far.link.kind()), healed.elapsed());
    all_there(&ended, 6)?;
    check(far.place.notes().all() == 6, || format!("{} task runs for 6 results", far.place.notes().all()))
}

fn stays() -> Result<(), String> {
    let mut far = far(&["--server-wait", "10s"])?;
    let cut = Instant::now();
    let ended = far.host.wait(MINUTE)?;
    tell(&format!("a silent server is given up, with 10 s of patience, by {}", far.link.kind()), cut.elapsed());
    let failures = ended.failures().join("\n");
    check(ended.code == Some(4) && failures.contains("has not answered for 10s"), || {
        format!("{:?}\n{failures}\n{}", ended.code, ended.stderr)
    })
}
