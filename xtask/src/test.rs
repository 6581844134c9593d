//! `cargo xtask test`: builds the guests and runs every test of the host crates.

use std::time::Instant;

use crate::command::{self, Failure};
use crate::guests;
use crate::workspace::Workspace;

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    let start = Instant::now();
    guests::run()?;
    command::step("running all tests (the first time, some minutes more: wasmtime is large)");
    let workspace = Workspace::read()?;
    command::run(
        command::cargo()
            .args(["test", "--release"])
            .args(workspace.host_crates())
            .args(rest)
            // The command is among what is built for this run.
            .env("TASKHOST_TESTS_BUILT", "1"),
        "the failed tests are listed above; one alone: `cargo xtask test <part of its name>`",
    )?;
    println!("\nAll tests passed, in {} s.", start.elapsed().as_secs());
    Ok(())
}
