//! `cargo xtask test`: builds the guests, installs the servers that tests start, and runs every test of the host crates.

use std::time::Instant;

use crate::command::{self, Failure};
use crate::guests;
use crate::servers;
use crate::workspace::Workspace;

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    let start = Instant::now();
    guests::run()?;
    let workspace = Workspace::read()?;
    servers::install_s3(&workspace.target_folder)?;
    let nats_server = servers::nats(&workspace.target_folder)?;
    command::step("running all tests (the first time, some minutes more: wasmtime is large)");
    command::run(
        command::cargo()
            .args(["test", "--release"])
            .args(workspace.host_crates())
            .args(rest)
            // The command is among what is built for this run.
            .env("TASKHOST_TESTS_BUILT", "1")
            .env(servers::NATS_VARIABLE, nats_server),
        "the failed tests are listed above; one alone: `cargo xtask test <part of its name>`",
    )?;
    println!("\nAll tests passed, in {} s.", start.elapsed().as_secs());
    Ok(())
}
