//! `cargo xtask bench`: the benchmark against bare wasmtime, with the guests that it calls built first.

use crate::command::{self, Failure};
use crate::guests;
use crate::servers;
use crate::workspace::Workspace;

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    guests::run()?;
    command::step("building the benchmark, and the binary whose start is measured");
    let workspace = Workspace::read()?;
    command::run(
        // All host crates together: each alone would have wasmtime compiled anew, with other features.
        command::cargo().args(["build", "--release", "--bins"]).args(workspace.host_crates()),
        "the compiler's message stands above",
    )?;
    let nats_server = servers::nats(&workspace.target_folder)?;
    command::step("running the benchmark");
    let name = format!("taskhost-bench{}", std::env::consts::EXE_SUFFIX);
    command::run(
        command::program(workspace.target_folder.join("release").join(name))
            .env(servers::NATS_VARIABLE, nats_server)
            .args(rest),
        "read its message above; `cargo xtask bench --rounds 3` is quicker",
    )
}
