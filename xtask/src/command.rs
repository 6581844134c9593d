//! Starting programs: said before it happens, and a failure that names the next step.

use std::fmt;
use std::process::{Command, Stdio};

/// A chore that did not work, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: String,
    next: String,
}

impl Failure {
    /// `problem` in one sentence; `next` is what the reader should do.
    pub(crate) fn new(problem: impl Into<String>, next: impl Into<String>) -> Failure {
        Failure { problem: problem.into(), next: next.into() }
    }

    /// What did not work, without the advice.
    pub(crate) fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nnext: {}", self.problem, self.next)
    }
}

/// A program, started in the project's folder.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(crate::workspace::root());
    command
}

/// The cargo that runs this chore, as if it were called from a shell: build scripts that look at what cargo tells of *this* package would make a
/// part of all dependencies be built anew, here and at the next call by hand.
pub(crate) fn cargo() -> Command {
    let mut cargo = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Says what happens, so that a long silence has a name.
pub(crate) fn step(what: impl fmt::Display) {
    println!("==> {what}");
}

/// Runs `command` with its output on ours; `next` is the advice if it fails.
pub(crate) fn run(command: &mut Command, next: &str) -> Result<(), Failure> {
    let line = line_of(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("`{line}` ended with {status}"), next)),
        Err(error) => Err(Failure::new(format!("`{line}` did not start: {error}"), next)),
    }
}

/// Runs `command` and gives what it prints to stdout; none if it fails or does not start.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn line_of(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program()).file_stem().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
