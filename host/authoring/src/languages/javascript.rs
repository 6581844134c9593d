//! JavaScript and TypeScript: the SDK bundles the project's modules by esbuild and has an engine (QuickJS, or StarlingMonkey) put into a
//! component with them.
//!
//! ```text
//! wit/ ──► wit.json ──sdk/componentize/build.js──► bindings/ (types, for editors and tsc)
//! bindings/, src/ ──tsc──► mistakes (TypeScript)
//! wit.json, src/, sdk/, node_modules/ ──sdk/componentize/build.js──► component
//! ```

mod stubs;

use std::fs;
use std::path::{Path, PathBuf};

use super::{Build, Language, Stubs};
use crate::error::Error;
use crate::tools::{Run, Site, Tool, get, nowhere, npm, run};
use crate::wit::Wit;

/// JavaScript.
pub(super) struct JavaScript;

/// TypeScript.
pub(super) struct TypeScript;

const NODE: Tool = Tool {
    name: "node",
    programs: &["node", "nodejs"],
    version_arguments: &["--version"],
    pin: ">=20.0",
    places: nowhere,
    get: |site| {
        let packages = [
            ("apt-get", "nodejs npm"),
            ("dnf", "nodejs nodejs-npm"),
            ("pacman", "nodejs npm"),
            ("apk", "nodejs npm"),
            ("brew", "node"),
            ("winget", "OpenJS.NodeJS.LTS"),
        ];
        get::from_system(site, &packages, "install Node.js 20 or later")
    },
};

const TOOLS: &[Tool] = &[NODE];

const INPUTS: &[&str] = &[
    "src",
    "sdk",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "jsconfig.json",
    // What npm has installed.
    "node_modules/.package-lock.json",
];

/// npm refuses to install a package into one of its own name.
const RESERVED: &[&str] = &["componentize-qjs", "esbuild", "typescript"];

/// The SDK's part that runs while a component is built.
const BUILD_SCRIPT: &str = "sdk/componentize/build.js";

impl Language for JavaScript {
    fn name(&self) -> &'static str {
        "javascript"
    }

    fn title(&self) -> &'static str {
        "JavaScript"
    }

    fn reserved(&self) -> &'static [&'static str] {
        RESERVED
    }

    fn tools(&self) -> &'static [Tool] {
        TOOLS
    }

    fn inputs(&self) -> &'static [&'static str] {
        INPUTS
    }

    fn install(&self, site: &Site<'_>) -> Result<(), Error> {
        install(site)
    }

    fn build(&self, build: &Build<'_>) -> Result<(), Error> {
        let node = build.site.find(&NODE)?.program;
        let wit = write_wit(build)?;
        component(build, &node, &wit)
    }

    fn stubs(&self, wit: &Wit) -> Option<Stubs> {
        Some(stubs::of(wit, false))
    }
}

impl Language for TypeScript {
    fn name(&self) -> &'static str {
        "typescript"
    }

    fn title(&self) -> &'static str {
        "TypeScript"
    }

    fn sdk(&self) -> &'static str {
        "javascript"
    }

    fn reserved(&self) -> &'static [&'static str] {
        RESERVED
    }

    fn tools(&self) -> &'static [Tool] {
        TOOLS
    }

    fn inputs(&self) -> &'static [&'static str] {
        INPUTS
    }

    fn install(&self, site: &Site<'_>) -> Result<(), Error> {
        install(site)
    }

    fn build(&self, build: &Build<'_>) -> Result<(), Error> {
        let node = build.site.find(&NODE)?.program;
        let wit = write_wit(build)?;
        build.step("writing bindings");
        build.run(script(build, "write bindings", &node, &wit).arg("--types"))?;
        check_types(build)?;
        component(build, &node, &wit)
    }

    fn stubs(&self, wit: &Wit) -> Option<Stubs> {
        Some(stubs::of(wit, true))
    }
}

fn install(site: &Site<'_>) -> Result<(), Error> {
    site.find(&NODE)?;
    npm::install(site)
}

/// The resolved WIT, as JSON: the script has no parser of its own.
fn write_wit(build: &Build<'_>) -> Result<PathBuf, Error> {
    let path = build.work.join("wit.json");
    let json = serde_json::to_vec(&build.wit.resolve)
        .map_err(|error| Error::internal(format!("failed to write `wit/` as JSON: {error}")))?;
    fs::write(&path, json).map_err(|error| Error::file("write", &path, &error))?;
    Ok(path)
}

fn script(build: &Build<'_>, doing: &str, node: &Path, wit: &Path) -> Run {
    let folder = &build.site.project.folder;
    Run::new(doing, node)
        .args([BUILD_SCRIPT, "--wit-json"])
        .arg(run::shown_from(folder, wit))
        .args(["--world", build.wit.world_name()])
}

fn component(build: &Build<'_>, node: &Path, wit: &Path) -> Result<(), Error> {
    build.step("bundling the modules and making a component of them and the engine");
    let component = run::shown_from(&build.site.project.folder, &build.component);
    let said = build.run(script(build, "make the component", node, wit).arg("--out").arg(component))?;
    build.warn(&said.text);
    Ok(())
}

/// `tsc` finds types that do not fit; esbuild just leaves types out.
fn check_types(build: &Build<'_>) -> Result<(), Error> {
    let tsc = npm::program(&build.site, "tsc");
    if !tsc.exists() {
        return Err(npm::missing("typescript"));
    }
    build.step("checking types with tsc");
    build.run(Run::new("check types with tsc", tsc).args(["-p", "."]))?;
    Ok(())
}
