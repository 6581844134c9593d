//! `cargo xtask check`: what a change must pass besides its tests: formatting, lints, documentation, tidy, manifests.

use crate::command::{self, Failure};
use crate::workspace::Workspace;
use crate::{manifests, target, tidy};

pub(crate) fn run() -> Result<(), Failure> {
    command::step("formatting");
    command::run(command::cargo().args(["fmt", "--all", "--check"]), "cargo fmt --all")?;
    // Quick and needs no compiler, so it comes before what takes minutes.
    tidy::run()?;
    manifests::run()?;
    target::ensure()?;
    let workspace = Workspace::read()?;
    command::step("lints of the guests");
    let mut clippy = command::cargo();
    clippy.args(["clippy", "--target", target::WASM, "--profile", "guest"]);
    for package in workspace.for_guests() {
        clippy.args(["-p", &package.name]);
    }
    command::run(clippy.args(["--", "-D", "warnings"]), "correct what is listed above")?;
    command::step("lints of the host crates (the first time, some minutes: wasmtime is large)");
    command::run(
        command::cargo()
            .args(["clippy", "--release", "--all-targets"])
            .args(workspace.host_crates())
            .args(["--", "-D", "warnings"]),
        "correct what is listed above; an exception is `#[expect(…, reason = \"…\")]`",
    )?;
    command::step("documentation");
    command::run(
        command::cargo()
            .args(["doc", "--release", "--no-deps", "--lib"])
            .args(workspace.host_crates())
            .env("RUSTDOCFLAGS", "-D warnings"),
        "correct what is listed above",
    )?;
    command::run(
        command::cargo()
            .args(["doc", "--profile", "guest", "--target", target::WASM, "--no-deps", "--lib", "-p", "taskhost-task"])
            .env("RUSTDOCFLAGS", "-D warnings"),
        "correct what is listed above",
    )?;
    println!("\nNothing to correct.");
    Ok(())
}
