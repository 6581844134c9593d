//! `cargo xtask simulate`: random flows against the scheduler, with crashes, more than a test has time for.

use crate::command::{self, Failure};

/// How many when nothing else is said: some minutes.
const SEEDS_DEFAULT: u64 = 1_000_000;

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    let seeds: u64 = match rest {
        [] => SEEDS_DEFAULT,
        [word, number] if word == "--seeds" => number.replace('_', "").parse().map_err(|_| usage())?,
        _ => return Err(usage()),
    };
    command::step(format_args!("{seeds} random flows, each disturbed, crashed and resumed"));
    let mut test = command::cargo();
    test.args(["test", "--release", "--package", "taskhost-engine", "--test", "simulation"]);
    test.env("TASKHOST_SEEDS", seeds.to_string());
    command::run(&mut test, "the seed is named above; it alone: `TASKHOST_SEED=N cargo xtask simulate`")
}

fn usage() -> Failure {
    Failure::new("`simulate` takes `--seeds` and a number", "cargo xtask simulate [--seeds N]")
}
