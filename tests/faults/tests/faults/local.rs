//! Clusters on this machine, made for one flow run: however it ends, no process and no folder is left.

use std::time::Duration;

use taskhost_faults::{Host, Place, eventually, marked_processes};

use crate::flows::{all_there, notes, same};
use crate::{Test, check, tell};

pub(crate) const TESTS: &[Test] = &[
    ("local/a_cluster_goes_with_its_flow_run", ends),
    ("local/a_cluster_goes_when_its_host_is_interrupted_once", interrupted_once),
    ("local/a_cluster_goes_when_its_host_is_interrupted_twice", interrupted_twice),
    ("local/a_cluster_goes_when_its_host_is_interrupted_until_it_ends_at_once", interrupted_often),
    ("local/a_cluster_goes_when_its_host_is_killed", killed),
];

const MINUTE: Duration = Duration::from_secs(60);

/// How long what is left may live.
const END_MAX: Duration = Duration::from_secs(20);

fn nothing_left(place: &Place) -> Result<(), String> {
    let folders = || std::fs::read_dir(place.path().join("tmp")).map_or(0, |entries| entries.count());
    let gone = eventually("a cluster to go", END_MAX, || marked_processes(place.mark()).is_empty() && folders() == 0);
    let gone = gone.map_err(|late| {
        format!(
            "{late}; there are {folders} folders and {left:?}",
            folders = folders(),
            left = marked_processes(place.mark())
        )
    })?;
    tell("from the end of a host to that of its cluster", gone);
    Ok(())
}

fn begun(place: &Place, waits: &[u32]) -> Result<Host, String> {
    let host = Host::run_locally(place, &notes(place, waits)?, &["--workers", "2"])?;
    let begun = eventually("task runs that have begun", MINUTE, || place.notes().begun() == waits.len());
    begun.map_err(|late| format!("{late}\n{}", host.stderr()))?;
    check(marked_processes(place.mark()).len() >= 5, || format!("{:?}", marked_processes(place.mark())))?;
    Ok(host)
}

fn ends() -> Result<(), String> {
    let place = Place::new()?;
    let ended = Host::run_locally(&place, &notes(&place, &same(50, 20))?, &["--workers", "2"])?.succeeds(MINUTE)?;
    tell("a flow run with a cluster of its own", ended.took);
    all_there(&ended, 50)?;
    nothing_left(&place)
}

fn interrupted_once() -> Result<(), String> {
    let place = Place::new()?;
    let mut host = begun(&place, &same(4, 4000))?;
    host.interrupt();
    // What runs goes on to its end.
    let ended = host.wait(MINUTE)?;
    let runs = &ended.json["tasks"][0]["runs"];
    check(runs["ended"] == 4 && runs["failed"] == 0, || format!("{:#}\n{}", ended.json, ended.stderr))?;
    nothing_left(&place)
}

fn interrupted_twice() -> Result<(), String> {
    let place = Place::new()?;
    let mut host = begun(&place, &same(4, 100_000))?;
    host.interrupt();
    host.says("interrupted", MINUTE)?;
    host.interrupt();
    let ended = host.wait(MINUTE)?;
    check(ended.code == Some(130), || format!("exit code {:?}\n{}", ended.code, ended.stderr))?;
    nothing_left(&place)
}

fn interrupted_often() -> Result<(), String> {
    let place = Place::new()?;
    let mut host = begun(&place, &same(4, 100_000))?;
    let over = eventually("the host to end", MINUTE, || {
        host.interrupt();
        host.has_ended()
    });
    over?;
    nothing_left(&place)
}

fn killed() -> Result<(), String> {
    let place = Place::new()?;
    let mut host = begun(&place, &same(4, 100_000))?;
    host.kill();
    nothing_left(&place)
}
