//! The real binary in an empty folder of its own.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use taskhost_model::{FlowRunId, Origin, RunEvent};
use taskhost_store::{RunFilter, RunSummary, Store};

/// An empty folder, deleted at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), content).expect("a file");
    }

    /// `taskhost` with these arguments, in this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taskhost"));
        let scratch = |name: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        command.args(arguments).current_dir(&self.0).env("NO_COLOR", "1");
        command.env("TASKHOST_CACHE_FOLDER", scratch("compiled")).env("TASKHOST_DATA_FOLDER", scratch("data"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().expect("a process").into()
    }

    /// The same with a data folder of its own: `latest` is ours.
    pub(crate) fn recorded(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("TASKHOST_DATA_FOLDER", self.data());
        command
    }

    /// What the same prints.
    pub(crate) fn said(&self, arguments: &[&str]) -> Said {
        self.recorded(arguments).output().expect("a process").into()
    }

    /// What it recorded in.
    pub(crate) fn store(&self) -> Store {
        Store::open_for_reading(&self.data()).expect("a store")
    }

    /// The flow run that it recorded last.
    pub(crate) fn newest(&self) -> RunSummary {
        let filter = RunFilter { limit: Some(1), ..RunFilter::default() };
        self.store().runs(&filter).expect("runs").pop().expect("a run")
    }

    /// How often each task run of a flow run was carried out to its end: `clean[3]` → 1.
    pub(crate) fn carried_out(&self, id: FlowRunId) -> BTreeMap<String, u32> {
        let mut times = BTreeMap::new();
        for event in self.store().events(id).expect("events") {
            if let RunEvent::TaskRunsEnded { task, first, count, origin: Origin::Run, .. } = event.expect("one").event {
                (first..first + count).for_each(|index| *times.entry(format!("{task}[{index}]")).or_insert(0) += 1);
            }
        }
        times
    }

    /// What [`Folder::recorded`] records in.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a process said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        Said {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    /// The JSON object on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Waits for something that another process does; panics if it does not happen.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The path of a test guest.
pub(crate) fn guest(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/guests/{name}/components/{name}.wasm"));
    assert!(path.exists(), "guest `{name}` is not built: run `cargo xtask guests`");
    path.display().to_string()
}
