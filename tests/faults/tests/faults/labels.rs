//! Labels that nobody has, and workers of other versions: told within seconds, not waited for in silence.

use std::path::PathBuf;
use std::time::Duration;

use taskhost_faults::{FakeWorker, Host, Place, Server, Worker};

use crate::flows::{all_there, notes, notes_and, same};
use crate::{Test, check, tell};

pub(crate) const TESTS: &[Test] = &[
    ("labels/one_that_no_worker_has_is_told_and_waited_for", told),
    ("labels/one_that_no_worker_has_is_given_up", given_up),
    ("labels/any_are_taken_by_a_cluster_of_one_s_own", locally),
    ("labels/a_worker_of_another_version_is_told_with_both_versions", other_version),
];

const MINUTE: Duration = Duration::from_secs(60);

fn flow(place: &Place) -> Result<PathBuf, String> {
    notes_and(place, &same(4, 0), "runner = { kind = \"nats\", labels = [\"gpu\"] }")
}

fn told() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let plain = Worker::start(&place, server.address(), "plain")?;
    let mut host = Host::run(&place, &flow(&place)?, server.address(), &[])?;
    let said = host.says("no worker with the labels `gpu`", Duration::from_secs(20))?;
    tell("a label that no worker has is told", said);
    let _gpu = Worker::with(&place, server.address(), "gpu", &["--trust-hosts", "--labels", "gpu,eu"])?;
    let ended = host.succeeds(MINUTE)?;
    all_there(&ended, 4)?;
    check(plain.ended() == 0, || "a worker without the label was given task runs".to_owned())
}

fn given_up() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let _plain = Worker::start(&place, server.address(), "plain")?;
    let ended = Host::run(&place, &flow(&place)?, server.address(), &["--worker-wait", "4s"])?.wait(MINUTE)?;
    tell("a label that no worker has is given up after 4 s", ended.took);
    let failures = ended.failures().join("\n");
    check(ended.code == Some(4) && failures.contains("`gpu`") && failures.contains("waited 4s"), || {
        format!("{:?}\n{failures}\n{}", ended.code, ended.stderr)
    })?;
    check(ended.took < Duration::from_secs(30), || format!("it took {:?}", ended.took))?;
    check(server.account().tasks_left()? == 0, || "something is left in the queue".to_owned())
}

fn locally() -> Result<(), String> {
    let place = Place::new()?;
    let ended = Host::run_locally(&place, &flow(&place)?, &["--workers", "1"])?.succeeds(MINUTE)?;
    all_there(&ended, 4)
}

fn other_version() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let _other = FakeWorker::start(server.address(), "9.8.7", 99)?;
    let mut host = Host::run(&place, &notes(&place, &same(1, 0))?, server.address(), &["--worker-wait", "5s"])?;
    let said = host.says("taskhost 9.8.7 (protocol 99)", Duration::from_secs(20))?;
    tell("a worker of another version is told", said);
    let ended = host.wait(MINUTE)?;
    let failures = ended.failures().join("\n");
    let has_both = failures.contains("9.8.7 (protocol 99)") && failures.contains("(protocol 1)");
    check(ended.code == Some(4) && has_both, || format!("{:?}\n{failures}", ended.code))
}
