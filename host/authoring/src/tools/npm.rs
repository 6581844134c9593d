//! Packages of npm, in the project's `node_modules`, as its `package.json` and its lock say.

use std::path::PathBuf;

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

/// Installs what `package.json` says, exactly as locked if it is.
pub fn install(site: &Site<'_>) -> Result<(), Error> {
    let npm = site.find(&NPM)?;
    let is_locked = site.project.folder.join("package-lock.json").exists();
    site.progress.step("installing packages with npm");
    let verb = if is_locked { "ci" } else { "install" };
    Run::new("install packages with npm", npm.program).args([verb, "--no-audit", "--no-fund"]).go(site)?;
    Ok(())
}
