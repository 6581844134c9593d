//! [`Tool`]: a program of a language that builds with it. Found where the project or the system has it, in the version that is pinned.
//!
//! [`run`] starts one, [`version`] compares versions, [`venv`] and [`npm`] get one without touching the system.

pub mod get;
pub mod npm;
pub mod run;
pub mod venv;
pub mod version;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::progress::Progress;
use crate::project::Project;

pub use run::{Output, Run};
pub use version::{Pin, Version};

/// A program that building needs.
pub struct Tool {
    /// What `[tools]` calls it.
    pub name: &'static str,
    /// What the program is called, the best one first.
    pub programs: &'static [&'static str],
    /// What makes it tell its version; the first number with a point in its answer is it.
    pub version_arguments: &'static [&'static str],
    /// The versions that are good, where the project pins none: as in `[tools]`.
    pub pin: &'static str,
    /// Where it may lie besides the search path: these places come first.
    pub places: fn(&Site<'_>) -> Vec<PathBuf>,
    /// How to get it on this system, in one line.
    pub get: fn(&Site<'_>) -> String,
}

/// A tool that is there, in a good version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The program's file.
    pub program: PathBuf,
    /// Its version.
    pub version: Version,
}

/// A project, the system that it is built on, and who watches.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The project.
    pub project: &'a Project,
    /// The system.
    pub system: &'a System,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

/// What tools are looked for in.
#[derive(Clone, Debug)]
pub struct System {
    /// Folders of programs, as in the variable `PATH`.
    pub search_path: OsString,
    /// Where tools are put that several projects share; none if this user has no such folder.
    pub tools_folder: Option<PathBuf>,
}

impl System {
    /// That of this process: its `PATH`, and `tools` in the user's data folder (`TASKHOST_DATA_FOLDER`, else `taskhost` below
    /// `XDG_DATA_HOME` or `~/.local/share`).
    pub fn of_process() -> System {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let named = variable("TASKHOST_DATA_FOLDER");
        let of_user = || {
            let folder = variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
            folder.map(|folder| folder.join("taskhost"))
        };
        System {
            search_path: env::var_os("PATH").unwrap_or_default(),
            tools_folder: named.or_else(of_user).map(|folder| folder.join("tools")),
        }
    }

    /// The first program of that name on the search path.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        self.programs(name).next()
    }

    fn programs(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        let name = format!("{name}{}", env::consts::EXE_SUFFIX);
        env::split_paths(&self.search_path)
            .filter(|folder| folder.is_absolute())
            .map(move |folder| folder.join(&name))
            .filter(|path| is_program(path))
            .collect::<Vec<_>>()
            .into_iter()
    }
}

impl Site<'_> {
    /// A tool, in a version that the project wants. If there is one, but of another version, the error says so.
    pub fn find(&self, tool: &Tool) -> Result<Found, Error> {
        let pin = self.pin(tool)?;
        let mut others = Vec::new();
        for program in self.candidates(tool) {
            match self.version(&program, tool)? {
                Some(version) if pin.allows(&version) => return Ok(Found { program, version }),
                version => others.push((program, version)),
            }
        }
        Err(self.not_found(tool, &pin, &others))
    }

    /// The versions of a tool that the project wants.
    pub fn pin(&self, tool: &Tool) -> Result<Pin, Error> {
        match self.project.pin(tool.name) {
            Some(written) => Ok(written.pin.clone()),
            None => tool.pin.parse().map_err(|reason| Error::internal(format!("the pin of {}: {reason}", tool.name))),
        }
    }

    /// Whether the tool that was remembered as `before` is still there and still good: without asking it for its version.
    pub(crate) fn is_same(&self, tool: &Tool, before: &serde_json::Value) -> bool {
        let is_that = |path: &PathBuf| before["program"] == serde_json::json!(path);
        let allowed = before["version"].as_str().and_then(|version| version.parse().ok());
        let is_allowed = allowed.is_some_and(|version| self.pin(tool).is_ok_and(|pin| pin.allows(&version)));
        let known = self.candidates(tool).into_iter().find(is_that);
        is_allowed && known.is_some_and(|path| crate::fresh::file_mark(&path) == before["file"])
    }

    fn candidates(&self, tool: &Tool) -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = (tool.places)(self).into_iter().filter(|path| is_program(path)).collect();
        for name in tool.programs {
            all.extend(self.system.programs(name));
        }
        let mut seen = std::collections::HashSet::new();
        all.retain(|path| seen.insert(path.clone()));
        all
    }

    /// What a program says that its version is; none if it says nothing of the kind, as one that only looks like the tool.
    fn version(&self, program: &Path, tool: &Tool) -> Result<Option<Version>, Error> {
        let run = Run::new(format!("ask {} for its version", tool.name), program).args(tool.version_arguments).quiet();
        match run.go(self) {
            Ok(said) => Ok(Version::in_text(&said.text)),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(_) => Ok(None),
        }
    }

    fn not_found(&self, tool: &Tool, pin: &Pin, others: &[(PathBuf, Option<Version>)]) -> Error {
        let title = self.project.language.title();
        let Some((program, version)) = others.first() else {
            let message = format!("building {title} needs `{}` {pin}, which is not there", tool.name);
            return Error::usage(message, (tool.get)(self));
        };
        let is = match version {
            Some(version) => format!("is {version}"),
            None => "does not tell its version".to_owned(),
        };
        let message = format!("building {title} needs `{}` {pin}, and `{}` {is}", tool.name, program.display());
        match self.project.pin(tool.name) {
            Some(written) => {
                let help = format!("{}; or change the version here", (tool.get)(self));
                self.project.mistake("wrong-version", message, Some(written.span), Some(help))
            }
            None => Error::usage(message, (tool.get)(self)),
        }
    }
}

/// Nowhere but on the search path.
pub fn nowhere(_site: &Site<'_>) -> Vec<PathBuf> {
    Vec::new()
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}
