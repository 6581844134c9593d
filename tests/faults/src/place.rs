//! [`Place`]: the folder of a test, and what is found there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::process::MARK;

static TASKHOST: OnceLock<PathBuf> = OnceLock::new();

/// The command beside this test, built anew if it is out of date. `cargo xtask test` has just built it with everything else, and says so.
pub fn build_taskhost(only_lists: bool) {
    let test = std::env::current_exe().expect("a path of this test");
    let profile_folder = test.ancestors().nth(2).expect("target/<profile>/deps/<this test>").to_owned();
    let taskhost = profile_folder.join(format!("taskhost{}", std::env::consts::EXE_SUFFIX));
    let is_built = std::env::var_os("TASKHOST_TESTS_BUILT").is_some() && taskhost.exists();
    if !only_lists && !is_built {
        let profile = match profile_folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--package", "taskhost-cli", "--profile", profile, "--target-dir"])
            .arg(profile_folder.parent().expect("a target folder"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.is_ok_and(|status| status.success()), "`taskhost` does not build");
    }
    let _ = TASKHOST.set(taskhost);
}

/// The path of a test guest's component, for a flow.
pub fn component(guest: &str) -> Result<String, String> {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder `tests`").join("guests");
    let path = guests.join(guest).join("components").join(format!("{guest}.wasm"));
    if path.exists() {
        Ok(path.display().to_string())
    } else {
        Err(format!("`{}` is not built: run `cargo xtask guests`", path.display()))
    }
}

/// The target folder that this test is in.
pub(crate) fn target_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a path of this test");
    test.ancestors().nth(3).expect("target/<profile>/deps/<this test>").to_owned()
}

/// A private folder that goes with the value.
pub struct Place {
    path: PathBuf,
    mark: String,
    /// Whether its processes have a store of artifacts.
    has_store: bool,
}

impl Place {
    /// A new one.
    pub fn new() -> Result<Place, String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("faults-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(&mark);
        let place = Place { path, mark, has_store: false };
        place.folder("notes");
        place.folder("tmp");
        Ok(place)
    }

    /// A new one whose processes have a store of artifacts elsewhere: a folder of the place.
    pub fn with_store() -> Result<Place, String> {
        let mut place = Place::new()?;
        place.folder("store");
        place.has_store = true;
        Ok(place)
    }

    /// The folder that is its store of artifacts.
    pub fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its processes are marked with.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// A folder in it, which is made.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path).expect("a folder in the temporary folder");
        path
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        std::fs::write(&path, text).expect("a file in the temporary folder");
        path
    }

    /// `program` as all processes of this test are started: marked, with folders of their own, and without what this machine sets.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        for variable in
            ["TASKHOST_NATS", "TASKHOST_NATS_CREDENTIALS", "TASKHOST_NATS_CA", "TASKHOST_ARTIFACTS", "RUST_BACKTRACE"]
        {
            command.env_remove(variable);
        }
        if self.has_store {
            command.env("TASKHOST_ARTIFACTS", format!("file://{}", self.store().display()));
        }
        // For clusters that hosts make.
        if let Ok(server) = crate::server::program() {
            command.env("TASKHOST_NATS_SERVER", server);
        }
        command
            .env("NO_COLOR", "1")
            .env(MARK, &self.mark)
            .env("TMPDIR", self.path.join("tmp"))
            .env("TASKHOST_DATA_FOLDER", self.path.join("data"))
            // Of all tests together: the same components are compiled once.
            .env("TASKHOST_CACHE_FOLDER", target_folder().join("tmp").join("faults-cache"));
        command
    }

    /// `taskhost`, so.
    pub fn taskhost(&self) -> Command {
        self.command(TASKHOST.get().expect("`build_taskhost` comes first"))
    }

    /// How often each task run has begun.
    pub fn notes(&self) -> Notes {
        Notes(self.path.join("notes"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Files that guests append a line to when they begin (`misc.note`); workers that trust their hosts let them.
#[derive(Clone)]
pub struct Notes(PathBuf);

impl Notes {
    /// How often the task run with this name has begun.
    pub fn of(&self, name: impl std::fmt::Display) -> usize {
        std::fs::read_to_string(self.0.join(name.to_string())).map_or(0, |text| text.lines().count())
    }

    /// Task runs that have begun at least once.
    pub fn begun(&self) -> usize {
        std::fs::read_dir(&self.0).map_or(0, |files| files.count())
    }

    /// How often task runs have begun together.
    pub fn all(&self) -> usize {
        let files = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        files.map(|file| self.of(file.file_name().to_string_lossy())).sum()
    }
}
