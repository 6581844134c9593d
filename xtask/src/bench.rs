//! `cargo xtask bench`: the benchmark against bare wasmtime, with the guests that it calls built first.

use crate::command::{self, Failure};
use crate::guests;

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    guests::run()?;
    command::step("building the binary whose start is measured");
    command::run(
        command::cargo().args(["build", "--release", "-p", "taskhost-cli"]),
        "the compiler's message stands above",
    )?;
    command::step("running the benchmark");
    command::run(
        command::cargo().args(["run", "--release", "-p", "taskhost-bench", "--"]).args(rest),
        "read its message above; `cargo xtask bench --rounds 3` is quicker",
    )
}
