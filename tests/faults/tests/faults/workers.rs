//! Workers that are killed, stopped, slow, drained, or ended by what they are given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use taskhost_faults::{Host, Place, Server, Worker, eventually};

use crate::flows::{all_there, notes, notes_and, nothing_left, same};
use crate::{Test, check, tell};

pub(crate) const TESTS: &[Test] = &[
    ("workers/many_small_task_runs_while_workers_and_the_server_are_killed", storm),
    ("workers/a_task_that_ends_its_workers_and_those_beside_it_fails_alone", poison_in_company),
    ("workers/a_task_that_ends_its_workers_fails_alone", poison),
    ("workers/all_are_killed_and_new_ones_come", all_killed),
    ("workers/one_is_killed_mid_task", one_killed),
    ("workers/one_is_stopped_and_answers_late", stopped),
    ("workers/a_slow_one_takes_less_than_a_quick_one", slow),
    ("workers/one_that_drains_ends_what_runs_and_gives_back_the_rest", drained),
    ("workers/one_that_was_idle_takes_at_once", idle),
];

const MINUTE: Duration = Duration::from_secs(60);

fn one_killed() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let flow = notes(&place, &same(6, 2000))?;
    let mut first = Worker::start(&place, server.address(), "first")?;
    let mut host = Host::run(&place, &flow, server.address(), &[])?;
    eventually("a task run that has begun", MINUTE, || place.notes().begun() > 0)?;
    let _second = Worker::start(&place, server.address(), "second")?;
    first.kill();
    let ended = host.succeeds(2 * MINUTE)?;
    tell("one of two workers killed, 12 s of work", ended.took);
    all_there(&ended, 6)?;
    check(server.account().tasks_left()? == 0, || "something is left in the queue".to_owned())
}

fn all_killed() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let flow = notes(&place, &same(8, 1500))?;
    let mut first = Worker::start(&place, server.address(), "first")?;
    let mut second = Worker::start(&place, server.address(), "second")?;
    let mut host = Host::run(&place, &flow, server.address(), &[])?;
    eventually("task runs that have begun", MINUTE, || place.notes().begun() > 1)?;
    first.kill();
    second.kill();
    // Nobody is there: it is said, and waited for.
    let said = host.says("no worker", MINUTE)?;
    tell("that all workers are gone is said", said);
    let _third = Worker::start(&place, server.address(), "third")?;
    let ended = host.succeeds(2 * MINUTE)?;
    tell("all workers killed, then one comes", ended.took);
    all_there(&ended, 8)
}

fn stopped() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    // The second task keeps the flow run going while the late result arrives.
    let more = "\n[tasks.after]\ncall = \"misc.note\"\nwith.path = \"notes/after\"\nwith.n = 7\nwith.ms = 6000\nafter = [\"each\"]\n\
                allow.write = [\"notes\"]\n";
    let flow = notes_and(&place, &[3000], more)?;
    let first = Worker::start(&place, server.address(), "first")?;
    let mut host = Host::run(&place, &flow, server.address(), &[])?;
    eventually("a task run that has begun", MINUTE, || place.notes().of(0) == 1)?;
    first.pause();
    let _second = Worker::start(&place, server.address(), "second")?;
    let given = eventually("another worker to begin with it", MINUTE, || place.notes().of(0) == 2)?;
    tell("a stopped worker's task run is with another", given);
    eventually("the next task to begin", MINUTE, || place.notes().of("after") == 1)?;
    first.go_on();
    let ended = host.succeeds(2 * MINUTE)?;
    all_there(&ended, 1)?;
    check(place.notes().of("after") == 1, || "the next task ran again".to_owned())?;
    nothing_left(&server.account())?;
    // It is as good as before.
    eventually("the worker that was stopped to have nothing left", MINUTE, || first.figure("messages") == Some(0))
        .map(drop)
}

fn slow() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let text = format!(
        "name = \"slow\"\n[components]\nmisc = \"{}\"\n[tasks.each]\ncall = \"misc.work\"\nwith.ms = {:?}\nmap = [\"ms\"]\n\
         [outputs]\nall = \"${{each}}\"\n",
        taskhost_faults::component("misc")?,
        same(60, 50)
    );
    let flow = place.write("flow.toml", &text);
    let quick = Worker::start(&place, server.address(), "quick")?;
    let slow = Arc::new(Worker::start(&place, server.address(), "slow")?);
    // It has a tenth of the time.
    let is_over = Arc::new(AtomicBool::new(false));
    let (own, over) = (Arc::clone(&slow), Arc::clone(&is_over));
    let slowing = std::thread::spawn(move || {
        while !over.load(Ordering::SeqCst) {
            own.pause();
            std::thread::sleep(Duration::from_millis(450));
            own.go_on();
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let ended = Host::run(&place, &flow, server.address(), &[]).and_then(|mut host| host.succeeds(2 * MINUTE));
    is_over.store(true, Ordering::SeqCst);
    let _ = slowing.join();
    let ended = ended?;
    tell("3 s of work with a quick worker and one of a tenth", ended.took);
    check(*ended.output("all") == serde_json::json!(same(60, 50)), || format!("{}", ended.output("all")))?;
    let (by_quick, by_slow) = (quick.ended(), slow.ended());
    check(by_quick > 2 * by_slow, || format!("{by_quick} by the quick one, {by_slow} by the slow one"))
}

/// Each worker that has begun with a certain task run is killed. Those beside it are quick.
fn poison() -> Result<(), String> {
    ends_its_workers(0)
}

/// The same, and those beside it still run when their worker is killed.
fn poison_in_company() -> Result<(), String> {
    ends_its_workers(3000)
}

fn ends_its_workers(innocent_wait: u32) -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let mut waits = same(6, innocent_wait);
    waits[3] = 600_000;
    let flow = notes_and(&place, &waits, "on-failure = \"collect\"\n")?;
    let mut host = Host::run(&place, &flow, server.address(), &[])?;
    let mut killed = 0;
    while !host.has_ended() {
        let mut worker = Worker::start(&place, server.address(), &format!("worker{killed}"))?;
        let before = place.notes().of(3);
        eventually("a worker to begin with what ends it, or the end", 2 * MINUTE, || {
            place.notes().of(3) > before || host.has_ended()
        })?;
        if !host.has_ended() {
            worker.kill();
            killed += 1;
            check(killed < 10, || "ten workers were killed, and it goes on".to_owned())?;
        }
    }
    let ended = host.wait(MINUTE)?;
    tell(&format!("a task run that ended {killed} workers"), ended.took);
    let failures = ended.failures();
    check(failures.len() == 1 && failures[0].contains("it may be what ends"), || {
        format!("{failures:?}\n{}", ended.stderr)
    })?;
    let outputs = ended.output("all").as_array().ok_or_else(|| format!("{:#}", ended.json))?;
    for (at, output) in outputs.iter().enumerate().filter(|(at, _)| *at != 3) {
        check(output["ok"] == at, || format!("output {at} is {output}"))?;
    }
    check(outputs.len() == 6 && outputs[3].get("err").is_some(), || format!("{outputs:?}"))?;
    check(killed == 3, || format!("{killed} workers were killed"))?;
    check(server.account().tasks_left()? == 0, || "it is still in the queue".to_owned())
}

/// Messages of many task runs, partly answered, are lost in each way.
fn storm() -> Result<(), String> {
    let place = Place::new()?;
    let mut server = Server::start(&place)?;
    let waits: Vec<u32> = (0..3000).map(|at| at % 5 + 1).collect();
    let text = format!(
        "name = \"storm\"\n[components]\nmisc = \"{}\"\n[tasks.each]\ncall = \"misc.work\"\nwith.ms = {waits:?}\nmap = [\"ms\"]\n\
         [outputs]\nall = \"${{each}}\"\n",
        taskhost_faults::component("misc")?
    );
    let flow = place.write("flow.toml", &text);
    let start = |name: &str| Worker::start(&place, server.address(), name);
    let mut workers = vec![start("one")?, start("two")?];
    let mut host = Host::run(&place, &flow, server.address(), &[])?;
    for round in 0..3 {
        let next = start(&format!("next{round}"))?;
        let busy = eventually("a worker to be at it", 2 * MINUTE, || workers[0].ended() > 100 || host.has_ended());
        busy?;
        workers.remove(0).kill();
        workers.push(next);
    }
    server.kill();
    server.restart()?;
    let ended = host.succeeds(3 * MINUTE)?;
    tell("9 s of small task runs, three workers and the server killed", ended.took);
    check(*ended.output("all") == serde_json::json!(waits), || format!("{}", ended.output("all")))?;
    let runs = &ended.json["tasks"][0]["runs"];
    check(runs["ended"] == 3000 && runs["failed"] == 0, || format!("counted as {runs}"))
}

fn drained() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let flow = notes(&place, &same(8, 3000))?;
    // One at a time, so that most have not begun.
    let mut first = Worker::with(&place, server.address(), "first", &["--trust-hosts", "--concurrency", "1"])?;
    let mut host = Host::run(&place, &flow, server.address(), &[])?;
    eventually("a task run that has begun", MINUTE, || place.notes().begun() > 0)?;
    let _second = Worker::start(&place, server.address(), "second")?;
    first.drain();
    eventually("it to say that it takes nothing more", MINUTE, || {
        first.page("/readyz").map_or(true, |(status, _)| status == 503)
    })?;
    let (status, said) = first.wait(MINUTE)?;
    check(status.code() == Some(0), || format!("it ended with {status}:\n{said}"))?;
    let ended = host.succeeds(2 * MINUTE)?;
    tell("one worker drained, the other does the rest", ended.took);
    all_there(&ended, 8)?;
    check(place.notes().all() == 8, || format!("{} task runs for 8 results", place.notes().all()))
}

fn idle() -> Result<(), String> {
    let place = Place::new()?;
    let server = Server::start(&place)?;
    let flow = notes(&place, &same(1, 0))?;
    let _worker = Worker::start(&place, server.address(), "worker")?;
    Host::run(&place, &flow, server.address(), &[])?.succeeds(MINUTE)?;
    // Longer than the queue is silent to somebody who waits.
    std::thread::sleep(Duration::from_secs(12));
    let ended = Host::run(&place, &flow, server.address(), &[])?.succeeds(MINUTE)?;
    tell("a task run after 12 s of idleness", ended.took);
    all_there(&ended, 1)?;
    check(ended.took < Duration::from_secs(5), || format!("it took {:?}", ended.took))
}
