//! Templates, SDKs and the contract's WIT, as bytes in the program: `taskhost new` needs no checkout of this project.
//!
//! Writes lists of `include_bytes!`, which `src/template.rs` reads.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What an SDK's folder has for ourselves only: tests, what was built, what others read on our pages.
const NOT_IN_SDK: [&str; 11] = [
    "tests",
    "test",
    "target",
    "node_modules",
    "__pycache__",
    "dist",
    "build",
    "venv",
    "README.md",
    "Cargo.lock",
    "package-lock.json",
];

/// The same, by how names end.
const ENDINGS_NOT_IN_SDK: [&str; 6] = [".pyc", ".egg-info", "_test.go", ".test.js", ".test.ts", ".tgz"];

#[expect(clippy::print_stdout, reason = "cargo listens there")]
fn main() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (templates, sdks, wit) = (Path::new("templates"), project.join("guest-sdk"), project.join("wit"));
    let mut out = String::new();
    group(&mut out, "TEMPLATES", templates, &|_| true);
    group(&mut out, "SDKS", &sdks, &|name| {
        let is_hidden = name.starts_with('.');
        !is_hidden && !NOT_IN_SDK.contains(&name) && !ENDINGS_NOT_IN_SDK.iter().any(|ending| name.ends_with(ending))
    });
    writeln!(out, "pub(super) static WIT: &[File] = &{};", files(&wit, &|name| name.ends_with(".wit"))).expect("text");
    let place = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where")).join("embedded.rs");
    fs::write(&place, out).expect("a folder of ours");
    for folder in [templates, &sdks, &wit] {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
}

/// A list of the folders in a folder, with their files.
fn group(out: &mut String, name: &str, folder: &Path, is_in: &dyn Fn(&str) -> bool) {
    writeln!(out, "pub(super) static {name}: &[(&str, &[File])] = &[").expect("text");
    for path in entries(folder).into_iter().filter(|path| path.is_dir()) {
        let name = path.file_name().expect("it has a name").to_str().expect("UTF-8");
        writeln!(out, "    ({name:?}, &{}),", files(&path, is_in)).expect("text");
    }
    out.push_str("];\n");
}

fn files(folder: &Path, is_in: &dyn Fn(&str) -> bool) -> String {
    let mut all = Vec::new();
    collect(folder, is_in, &mut all);
    let mut out = "[\n".to_owned();
    for path in all {
        let inside = path.strip_prefix(folder).expect("found there").to_str().expect("UTF-8").replace('\\', "/");
        let absolute = fs::canonicalize(&path).expect("it is there");
        writeln!(out, "        ({inside:?}, include_bytes!({:?})),", absolute.to_str().expect("UTF-8")).expect("text");
    }
    out.push_str("    ]");
    out
}

/// Follows links: an SDK may have the contract's WIT by one.
fn collect(folder: &Path, is_in: &dyn Fn(&str) -> bool, all: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        let name = path.file_name().expect("it has a name").to_str().expect("UTF-8");
        match is_in(name) {
            true if path.is_dir() => collect(&path, is_in, all),
            true => all.push(path),
            false => {}
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths
}
