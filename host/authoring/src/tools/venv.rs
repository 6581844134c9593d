//! [`Venv`]: packages of pip in a folder of their own, which the system's Python does not see.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Run, Site, Tool, get, nowhere};
use crate::error::Error;

/// The Python that makes the folder. 3.9 is the oldest that the packages which are installed so still support.
pub const PYTHON: Tool = Tool {
    name: "python",
    programs: &["python3", "python"],
    version_arguments: &["--version"],
    pin: ">=3.9",
    places: nowhere,
    get: |site| get_python(site, "install Python 3.9 or later"),
};

/// How to get Python on this system; `otherwise` is for one that has no package manager that we know.
pub fn get_python(site: &Site<'_>, otherwise: &str) -> String {
    let packages = [
        ("apt-get", "python3-venv"),
        ("dnf", "python3"),
        ("pacman", "python"),
        ("apk", "python3"),
        ("brew", "python"),
        ("winget", "Python.Python.3.13"),
    ];
    get::from_system(site, &packages, otherwise)
}

/// A virtual environment of Python.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The one in a project: for packages that its author may add to.
    pub fn of_project(site: &Site<'_>) -> Venv {
        Venv { folder: site.project.private_folder().join("venv") }
    }

    /// One for a single package of one version, which several projects share: a compiler of some hundred megabytes is there only once. In
    /// the project if this user has no folder for it.
    pub fn shared(site: &Site<'_>, package: &str, version: &super::Version) -> Venv {
        let name = format!("{package}-{version}");
        let folder = match &site.system.tools_folder {
            Some(folder) => folder.join(name),
            None => site.project.private_folder().join(name),
        };
        Venv { folder }
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program in it, whether it is there or not.
    pub fn program(&self, name: &str) -> PathBuf {
        let programs = if cfg!(windows) { "Scripts" } else { "bin" };
        self.folder.join(programs).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// A file that a package in it brought, by its path from `site-packages` on; none if it is not there.
    pub fn of_package(&self, path: &str) -> Option<PathBuf> {
        let inside = Path::new("site-packages").join(path);
        if cfg!(windows) {
            return Some(self.folder.join("Lib").join(inside)).filter(|file| file.exists());
        }
        // The folder between is called by Python's version.
        let pythons = fs::read_dir(self.folder.join("lib")).into_iter().flatten().flatten();
        pythons.map(|python| python.path().join(&inside)).find(|file| file.exists())
    }

    /// Makes it with that Python, if it is not there.
    pub fn make(&self, site: &Site<'_>, python: &Tool) -> Result<(), Error> {
        if self.program("python").exists() {
            return Ok(());
        }
        let system = site.find(python)?;
        site.progress.step(&format!("making a virtual environment in {}", self.folder.display()));
        if let Some(parent) = self.folder.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::file("make the folder", parent, &error))?;
        }
        Run::new("make a virtual environment", system.program)
            .args(["-m", "venv"])
            .arg(&self.folder)
            .help((python.get)(site))
            .go(site)?;
        Ok(())
    }

    /// Makes it, if it is not there, and installs packages as pip names them: `ziglang==0.17.1`. What is there already is left as it is.
    pub fn install(&self, site: &Site<'_>, packages: &[String]) -> Result<(), Error> {
        self.make(site, &PYTHON)?;
        site.progress.step(&format!("installing {} with pip", packages.join(", ")));
        let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"];
        let doing = format!("install {} with pip", packages.join(", "));
        Run::new(doing, self.program("python")).args(pip).args(packages).go(site)?;
        Ok(())
    }
}
