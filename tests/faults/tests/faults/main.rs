//! Faults with real processes: a server, workers, hosts, and what happens when one of them is killed, stopped, cut off or replaced.
//!
//! Each test asserts that every task run's result is there exactly once and right, and that it all ends within a stated time. Those times are
//! for slow machines; `-- --nocapture` says how long it took here. Without a NATS server each test fails, and says how to get one.

mod artifacts;
mod flows;
mod hosts;
mod labels;
mod local;
mod network;
mod servers;
mod tenants;
mod worker_command;
mod workers;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// Tests at one time: they mostly wait.
const SIDE_BY_SIDE: usize = 6;

/// A test, with what it promises as its name.
type Test = (&'static str, fn() -> Result<(), String>);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(SIDE_BY_SIDE));
    taskhost_faults::build_taskhost(arguments.list);
    // The longest first.
    let all: [&[Test]; 9] = [
        workers::TESTS,
        servers::TESTS,
        network::TESTS,
        hosts::TESTS,
        labels::TESTS,
        artifacts::TESTS,
        tenants::TESTS,
        local::TESTS,
        worker_command::TESTS,
    ];
    let trials = all.into_iter().flatten().map(|(name, test)| Trial::test(*name, move || test().map_err(Failed::from)));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// Fails a test with words.
fn check(is_so: bool, words: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(words()) }
}

/// For those who look on with `--nocapture`.
#[expect(clippy::print_stderr, reason = "figures of a test are for those who ran it")]
fn tell(what: &str, took: std::time::Duration) {
    eprintln!("    {what}: {:.1} s", took.as_secs_f64());
}
