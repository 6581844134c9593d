//! `cargo xtask test`: builds the guests, installs the servers that tests start, and runs every test of the host crates. With `--languages`
//! it runs tasks in all languages instead, whose toolchains are large.

use std::time::Instant;

use crate::command::{self, Failure};
use crate::guests;
use crate::servers;
use crate::workspace::Workspace;

/// Asks for the tests in [`languages`].
const LANGUAGES: &str = "--languages";

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    let start = Instant::now();
    if rest.iter().any(|argument| argument == LANGUAGES) {
        let rest: Vec<&String> = rest.iter().filter(|argument| *argument != LANGUAGES).collect();
        languages(&rest)?;
    } else {
        all(rest)?;
    }
    println!("\nAll tests passed, in {} s.", start.elapsed().as_secs());
    Ok(())
}

fn all(rest: &[String]) -> Result<(), Failure> {
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
    Ok(())
}

fn languages(rest: &[&String]) -> Result<(), Failure> {
    let crates = Workspace::read()?.host_crates();
    command::step("building the command `taskhost` (the first time, some minutes: wasmtime is large)");
    command::run(
        command::cargo().args(["build", "--release"]).args(&crates).args(["--bin", "taskhost"]),
        "read the compiler's message above; Rust 1.95 or newer and a C compiler are needed",
    )?;
    command::step("running tasks in all languages (the first time, their toolchains are installed, by pip and npm)");
    command::run(
        command::cargo()
            .args(["test", "--release"])
            .args(&crates)
            .args(["--test", "languages"])
            .args(rest)
            .env("TASKHOST_TESTS_BUILT", "1")
            .env("TASKHOST_TEST_LANGUAGES", "1"),
        "the failed tests are listed above; one alone: `cargo xtask test --languages <part of its name>`",
    )
}
