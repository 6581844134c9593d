//! `cargo xtask soak`: very many task runs in one process, which must not grow. `cargo xtask test` makes a short one.

use crate::command::{self, Failure};
use crate::guests;
use crate::workspace::Workspace;

/// How many task runs when nothing else is said.
const RUNS_DEFAULT: u64 = 10_000_000;

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    let runs = match rest {
        [] => RUNS_DEFAULT,
        [word, number] if word == "--runs" => number.replace('_', "").parse().map_err(|_| usage())?,
        _ => return Err(usage()),
    };
    guests::run()?;
    command::step(format_args!("{runs} task runs in one process"));
    let workspace = Workspace::read()?;
    let mut test = command::cargo();
    test.args(["test", "--release"]).args(workspace.host_crates()).args(["--test", "soak"]);
    test.env("TASKHOST_SOAK_RUNS", runs.to_string());
    command::run(&mut test, "the table above shows what grew")
}

fn usage() -> Failure {
    Failure::new("`soak` takes `--runs` and a number", "cargo xtask soak [--runs N]")
}
