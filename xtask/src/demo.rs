//! `cargo xtask demo`: runs the example flows, in the order of the reading tour.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::command::{self, Failure};
use crate::guests;
use crate::workspace::{Workspace, root};

pub(crate) fn run() -> Result<(), Failure> {
    guests::run()?;
    command::step("building the command `taskhost` (the first time, some minutes: wasmtime is large)");
    let workspace = Workspace::read()?;
    command::run(
        // With the features that tests build it with: what one of the two has built is there for the other.
        command::cargo().args(["build", "--release"]).args(workspace.host_crates()).args(["--bin", "taskhost"]),
        "read the compiler's message above; Rust 1.95 or newer and a C compiler are needed",
    )?;
    let name = format!("taskhost{}", std::env::consts::EXE_SUFFIX);
    let taskhost = workspace.target_folder.join("release").join(name);
    let flows = flows()?;
    for folder in &flows {
        let flow = format!("example-tasks/{folder}/flow.toml");
        println!("\n──── {folder} ────\n$ taskhost run {flow}");
        let start = Instant::now();
        command::run(
            command::program(&taskhost).args(["run", &flow]),
            &format!("read the message above; `taskhost check {flow}` looks for mistakes without running"),
        )?;
        println!("({} ms)", start.elapsed().as_millis());
    }
    println!("\nAll {} example flows ran. Read them in example-tasks/, from 01-hello on.", flows.len());
    Ok(())
}

/// Folders of `example-tasks/` that hold a flow, sorted.
fn flows() -> Result<Vec<String>, Failure> {
    let folder = root().join("example-tasks");
    let entries = fs::read_dir(&folder).map_err(|error| {
        Failure::new(format!("failed to read `example-tasks`: {error}"), "check the project out again")
    })?;
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let mut names: Vec<String> = paths
        .iter()
        .filter(|path| path.join("flow.toml").is_file())
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}
