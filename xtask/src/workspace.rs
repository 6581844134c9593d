//! The crates of the workspace, as `cargo metadata` tells them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{self, Failure};

/// What the chores need to know of the workspace.
pub(crate) struct Workspace {
    /// In cargo's order.
    pub(crate) packages: Vec<Package>,
    /// Where cargo puts what it builds; respects CARGO_TARGET_DIR and `.cargo/config.toml`.
    pub(crate) target_folder: PathBuf,
}

/// A crate of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// Name of the target that becomes a component: a `cdylib`, which only components have, or a guest's `bin`.
    pub(crate) component: Option<String>,
    /// Crates of the workspace that it depends on, tests left out.
    pub(crate) needs: Vec<String>,
    /// Everything that it depends on, tests included.
    pub(crate) dependencies: Vec<String>,
}

/// The project's folder: that of the checkout which cargo runs the chore in, even if it was built in another one with the same target
/// folder.
pub(crate) fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let xtask = Path::new(&xtask);
    xtask.parent().unwrap_or(xtask).to_owned()
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn read() -> Result<Workspace, Failure> {
        let wrong =
            || Failure::new("`cargo metadata` gave no answer", "run `cargo metadata --no-deps` and read its message");
        let text = command::output(command::cargo().args(["metadata", "--no-deps", "--format-version=1"]))
            .ok_or_else(wrong)?;
        let metadata: Value = serde_json::from_str(&text).map_err(|_| wrong())?;
        let packages = metadata["packages"].as_array().ok_or_else(wrong)?;
        let target_folder = metadata["target_directory"].as_str().ok_or_else(wrong)?;
        Ok(Workspace {
            packages: packages.iter().map(Package::of).collect::<Option<_>>().ok_or_else(wrong)?,
            target_folder: target_folder.into(),
        })
    }

    /// Crates that are built for wasm32-wasip2: the guests and what they depend on.
    pub(crate) fn for_guests(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_for_guests())
    }

    /// `--workspace` and an `--exclude` for each crate that is not built for the host.
    pub(crate) fn host_crates(&self) -> Vec<String> {
        let excluded = self.for_guests().flat_map(|package| ["--exclude".to_owned(), package.name.clone()]);
        std::iter::once("--workspace".to_owned()).chain(excluded).collect()
    }
}

impl Package {
    fn of(metadata: &Value) -> Option<Package> {
        let folder = Path::new(metadata["manifest_path"].as_str()?).parent()?.to_owned();
        let is_component =
            |target: &&Value| target["kind"].as_array().is_some_and(|kinds| kinds.contains(&"cdylib".into()));
        let is_guest = folder.strip_prefix(root().join("tests/guests")).is_ok();
        let is_command =
            |target: &&Value| is_guest && target["kind"].as_array().is_some_and(|kinds| kinds.contains(&"bin".into()));
        let targets = metadata["targets"].as_array()?;
        let component = targets.iter().find(is_component).or_else(|| targets.iter().find(is_command));
        let dependencies = metadata["dependencies"].as_array()?;
        let of_workspace = |dependency: &&Value| dependency["kind"].is_null() && dependency["path"].is_string();
        let name = |dependency: &Value| dependency["name"].as_str().map(str::to_owned);
        Some(Package {
            name: metadata["name"].as_str()?.to_owned(),
            folder,
            component: component.and_then(|target| target["name"].as_str()).map(|name| name.replace('-', "_")),
            needs: dependencies.iter().filter(of_workspace).filter_map(name).collect(),
            dependencies: dependencies.iter().filter_map(name).collect(),
        })
    }

    /// Whether it is built for wasm32-wasip2.
    pub(crate) fn is_for_guests(&self) -> bool {
        let folder = self.folder.strip_prefix(root()).unwrap_or(&self.folder);
        ["guest-sdk", "example-tasks", "tests/guests", "tests/attacks"].iter().any(|start| folder.starts_with(start))
    }
}
