//! Whether there is anything to build: what a component was built from is remembered beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::languages;
use crate::project::{FILE, Project};
use crate::tools::{Found, Site};

/// Folders that are no source of anything, wherever they lie.
const NO_SOURCES: [&str; 8] =
    [".git", ".taskhost", "components", "target", "node_modules", "__pycache__", ".venv", "venv"];

/// What a build depends on.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Basis {
    /// A digest of all inputs, with their paths.
    inputs: String,
    /// Tools, each by its version and by its file, which is looked at instead of asking it each time.
    tools: BTreeMap<&'static str, Json>,
}

impl Basis {
    /// Of a project as it is now, built by these tools.
    pub(crate) fn of(site: &Site<'_>, tools: &[(&'static str, Found)]) -> Result<Basis, Error> {
        let tools = tools.iter().map(|(name, found)| {
            (*name, json!({ "version": found.version.to_string(), "program": found.program, "file": file_mark(&found.program) }))
        });
        Ok(Basis { inputs: digest(site.project)?, tools: tools.collect() })
    }

    fn json(&self, component: &[u8]) -> Json {
        json!({
            "taskhost": env!("CARGO_PKG_VERSION"),
            "inputs": self.inputs,
            "tools": self.tools,
            "component": hex(&Sha256::digest(component)),
        })
    }

    /// Remembers that this component was built from it.
    pub(crate) fn remember(&self, project: &Project, component: &[u8]) -> Result<(), Error> {
        let place = place(project);
        fs::write(&place, format!("{:#}\n", self.json(component))).map_err(|error| Error::file("write", &place, &error))
    }
}

/// Whether the component is there and was built from what is there now, by the tools that would build it now.
pub(crate) fn is_fresh(site: &Site<'_>) -> Result<bool, Error> {
    let project = site.project;
    let Some(before) =
        fs::read_to_string(place(project)).ok().and_then(|text| serde_json::from_str::<Json>(&text).ok())
    else {
        return Ok(false);
    };
    let Ok(component) = fs::read(project.component()) else { return Ok(false) };
    Ok(before["taskhost"] == env!("CARGO_PKG_VERSION")
        && before["component"] == hex(&Sha256::digest(&component))
        && languages::all_tools(project.language).all(|tool| match &before["tools"][tool.name] {
            // It was built without.
            Json::Null => true,
            known => site.is_same(tool, known),
        })
        && before["inputs"] == digest(project)?)
}

/// Changes if a program is replaced: its size and the time of its last change.
pub(crate) fn file_mark(path: &Path) -> Json {
    let Ok(metadata) = fs::metadata(path) else { return Json::Null };
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    json!([metadata.len(), modified.map(|time| time.as_nanos().to_string())])
}

fn place(project: &Project) -> PathBuf {
    project.private_folder().join("build.json")
}

/// Every file that a build reads, in a fixed order.
pub(crate) fn inputs(project: &Project) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for name in project.language.inputs().iter().chain(&[FILE, "wit"]) {
        collect(&project.folder.join(name), &mut all);
    }
    // What a build writes is none of what it reads, where a language's sources lie in the project's folder itself.
    let bindings = project.folder.join("bindings");
    all.retain(|path| !path.starts_with(&bindings));
    all.sort();
    all.dedup();
    all
}

fn collect(path: &Path, all: &mut Vec<PathBuf>) {
    // Links are followed: an SDK may be one. One that leads back up ends where the path is too long for the system.
    let Ok(metadata) = fs::metadata(path) else { return };
    if !metadata.is_dir() {
        all.push(path.to_owned());
        return;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.path());
    for path in names.filter(|path| !NO_SOURCES.iter().any(|name| path.file_name() == Some(name.as_ref()))) {
        collect(&path, all);
    }
}

fn digest(project: &Project) -> Result<String, Error> {
    let mut whole = Sha256::new();
    for path in inputs(project) {
        let bytes = fs::read(&path).map_err(|error| Error::file("read", &path, &error))?;
        let inside = path.strip_prefix(&project.folder).unwrap_or(&path);
        whole.update(inside.as_os_str().as_encoded_bytes());
        whole.update([0]);
        whole.update(Sha256::digest(&bytes));
    }
    Ok(hex(&whole.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
