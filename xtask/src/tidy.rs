//! `cargo xtask tidy`: rules of the house that no compiler knows.
//!
//! Which crate may depend on which ([`ARROWS`]), a `//!` at the top of every Rust file, links that lead somewhere ([`links`]), no
//! path of somebody's own machine. Long files are a hint, no mistake.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{self, Failure};
use crate::links;
use crate::workspace::{Package, Workspace, root};

/// Who may depend on whom; tests of a crate may use anything. A new arrow is a decision: write down why, then add it here.
const ARROWS: &[(&str, &[&str])] = &[
    ("taskhost-model", &[]),
    ("taskhost-flow", &["taskhost-model"]),
    ("taskhost-engine", &["taskhost-model", "taskhost-flow"]),
    ("taskhost-sandbox", &["taskhost-model"]),
    ("taskhost-store", &["taskhost-model"]),
    ("taskhost-telemetry", &["taskhost-model", "taskhost-flow"]),
    ("taskhost-nats", &["taskhost-model"]),
    ("taskhost-authoring", &["taskhost-model", "taskhost-flow"]),
    (
        "taskhost",
        &[
            "taskhost-model",
            "taskhost-flow",
            "taskhost-engine",
            "taskhost-sandbox",
            "taskhost-store",
            "taskhost-telemetry",
            "taskhost-nats",
        ],
    ),
    (
        "taskhost-cli",
        &[
            "taskhost",
            "taskhost-model",
            "taskhost-flow",
            "taskhost-engine",
            "taskhost-sandbox",
            "taskhost-store",
            "taskhost-telemetry",
            "taskhost-authoring",
        ],
    ),
];

/// The one crate under `host/` that names wasmtime: replacing the engine, or auditing its use, is a matter of one folder.
const SANDBOX: &str = "taskhost-sandbox";

/// Past this a file may hold two thoughts.
const LINES_HINT: usize = 500;

/// Places on one machine, which mean nothing on another.
const OWN_PLACES: &[&str] = &["work", "home", "root"];

pub(crate) fn run() -> Result<(), Failure> {
    command::step("tidy");
    let workspace = Workspace::read()?;
    let mut mistakes: Vec<String> = workspace.packages.iter().flat_map(arrows).collect();
    let mut hints = Vec::new();
    for path in files(&root()) {
        // Only text is looked at; a file that is no UTF-8 is data.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let shown = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        if is_rust && !text.starts_with("//!") {
            mistakes.push(format!("{shown}:1: does not begin with `//!` and a sentence on the file's job"));
        }
        if is_rust && text.lines().count() > LINES_HINT {
            hints.push(format!("{shown}: {} lines; is there a seam?", text.lines().count()));
        }
        if path.extension().is_some_and(|extension| extension == "md") {
            mistakes.extend(links::broken(&path, &text).into_iter().map(|broken| format!("{shown}:{broken}")));
        }
        mistakes.extend(own_places(&text).into_iter().map(|place| format!("{shown}:{place}")));
    }
    for hint in &hints {
        println!("hint: {hint}");
    }
    if mistakes.is_empty() {
        return Ok(());
    }
    Err(Failure::new(mistakes.join("\n       "), "correct these; the rules are in xtask/src/tidy.rs"))
}

/// Dependencies that the house does not have.
fn arrows(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let folder = package.folder.strip_prefix(root()).unwrap_or(&package.folder);
    if package.is_for_guests() {
        let beyond = package.needs.iter().filter(|needed| *needed != "taskhost-task");
        return beyond.map(|needed| format!("{name}: a guest knows the SDK only, not `{needed}`")).collect();
    }
    if !folder.starts_with("host") {
        return Vec::new();
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(crate_name, _)| *crate_name == name) else {
        return vec![format!("{name}: not in the list ARROWS of xtask/src/tidy.rs")];
    };
    let mut mistakes: Vec<String> = package
        .needs
        .iter()
        .filter(|needed| !allowed.contains(&needed.as_str()))
        .map(|needed| format!("{name}: must not depend on `{needed}`"))
        .collect();
    if name != SANDBOX {
        let engine = package.dependencies.iter().filter(|needed| needed.starts_with("wasmtime"));
        mistakes.extend(engine.map(|needed| format!("{name}: only {SANDBOX} may depend on `{needed}`")));
    }
    mistakes
}

/// The project's own files: not what is built, and nothing hidden but `.ci` and `.cargo`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_hidden = name.starts_with('.') && !matches!(name.as_str(), ".ci" | ".cargo");
        // What tools make, and what they bring.
        let is_made =
            matches!(name.as_str(), "target" | "components" | "corpus" | "artifacts" | "node_modules" | "__pycache__");
        if is_hidden || is_made || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// `line: problem` for each absolute path of somebody's machine.
fn own_places(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for place in OWN_PLACES {
            let path = format!("/{place}/");
            let starts_there = line.match_indices(&path).any(|(at, _)| {
                !line[..at].ends_with(|before: char| before.is_alphanumeric() || "-_./}".contains(before))
            });
            if starts_there {
                found.push(format!("{}: `{path}…` is a path of one machine; make it relative", index + 1));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_one_machine_is_found_and_a_relative_one_is_not() {
        let absolute = ["see /", "work/main/x"].concat();
        assert_eq!(own_places(&absolute).len(), 1);
        assert!(own_places("see host/home/main and ./home/x and $base/home/").is_empty());
    }

    #[test]
    fn a_crate_that_reaches_up_is_told_so() {
        let package = |name: &str, needs: &[&str], dependencies: &[&str]| Package {
            name: name.to_owned(),
            folder: root().join("host/x"),
            component: None,
            needs: needs.iter().map(|name| (*name).to_owned()).collect(),
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert!(arrows(&package("taskhost-flow", &["taskhost-model"], &["toml"])).is_empty());
        assert_eq!(arrows(&package("taskhost-flow", &["taskhost-engine"], &[])).len(), 1);
        assert_eq!(arrows(&package("taskhost-engine", &[], &["wasmtime"])).len(), 1);
        assert!(arrows(&package("taskhost-sandbox", &[], &["wasmtime"])).is_empty());
        assert_eq!(arrows(&package("taskhost-unheard-of", &[], &[])).len(), 1);
    }
}
