//! Packages of npm, in the project's `node_modules`, as its `package.json` and its lock say.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Run, Site, Tool, get, nowhere};
use crate::error::Error;

/// What comes with Node.js.
pub const NPM: Tool = Tool {
    name: "npm",
    programs: &["npm"],
    version_arguments: &["--version"],
    pin: ">=9.0",
    places: nowhere,
    get: |site| {
        let packages = [
            ("apt-get", "npm"),
            ("dnf", "nodejs-npm"),
            ("pacman", "npm"),
            ("apk", "npm"),
            ("brew", "node"),
            ("winget", "OpenJS.NodeJS.LTS"),
        ];
        get::from_system(site, &packages, "install Node.js, which npm comes with")
    },
};

/// A program that a package of the project brings, whether it is there or not.
pub fn program(site: &Site<'_>, name: &str) -> PathBuf {
    site.project.folder.join("node_modules/.bin").join(name)
}

/// What to do about a package that is not there.
pub fn missing(package: &str) -> Error {
    let message = format!("there is no {package} in `node_modules`");
    Error::usage(message, "get what `package.json` names with `taskhost build --install`, or `npm install`")
}

/// Installs what `package.json` says, exactly as locked if it is; not if that was done already: `.taskhost/npm.json` remembers it.
pub fn install(site: &Site<'_>) -> Result<(), Error> {
    let noted = site.project.private_folder().join("npm.json");
    let folder = &site.project.folder;
    let is_there = folder.join("node_modules/.package-lock.json").exists();
    if is_there && fs::read_to_string(&noted).is_ok_and(|installed| installed == wanted(folder)) {
        return Ok(());
    }
    let npm = site.find(&NPM)?;
    let is_locked = folder.join("package-lock.json").exists();
    site.progress.step("installing packages with npm");
    let verb = if is_locked { "ci" } else { "install" };
    Run::new("install packages with npm", npm.program).args([verb, "--no-audit", "--no-fund"]).go(site)?;
    let parent = noted.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(|error| Error::file("make the folder", parent, &error))?;
    fs::write(&noted, wanted(folder)).map_err(|error| Error::file("write", &noted, &error))
}

/// What npm goes by.
fn wanted(folder: &Path) -> String {
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    serde_json::json!([text("package.json"), text("package-lock.json")]).to_string()
}
