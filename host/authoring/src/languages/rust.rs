//! Rust: cargo, for wasm32-wasip2. Its linker makes the component, and cargo knows best whether there is anything to do.

mod stubs;

use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::{Build, Language, Stubs};
use crate::error::Error;
use crate::tools::{Found, Run, Site, Tool, get};
use crate::wit::Wit;

/// Rust.
pub(super) struct Rust;

/// Keywords, crates that are there always, and what cargo keeps for itself.
const RESERVED: [&str; 54] = [
    "abstract",
    "alloc",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "typeof",
    "unsafe",
    "unsized",
    "virtual",
    "where",
    "while",
    "yield",
];

const TARGET: &str = "wasm32-wasip2";

const CARGO: Tool = Tool {
    name: "cargo",
    programs: &["cargo"],
    version_arguments: &["--version"],
    // Edition 2024, and the target as rustup has it.
    pin: ">=1.85",
    places: |_| of_user("cargo"),
    get: |site| {
        let packages = [("brew", "rustup"), ("winget", "Rustlang.Rustup")];
        get::from_system(site, &packages, "get Rust from https://rustup.rs")
    },
};

const RUSTUP: Tool = Tool {
    name: "rustup",
    programs: &["rustup"],
    version_arguments: &["--version"],
    pin: ">=1.20",
    places: |_| of_user("rustup"),
    get: CARGO.get,
};

/// Where rustup puts programs, also for a shell that does not know of it yet.
fn of_user(name: &str) -> Vec<PathBuf> {
    let folder = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("CARGO_HOME").or_else(|| Some(folder("HOME")?.join(".cargo")));
    home.map(|home| home.join("bin").join(name)).into_iter().collect()
}

impl Language for Rust {
    fn name(&self) -> &'static str {
        "rust"
    }

    fn title(&self) -> &'static str {
        "Rust"
    }

    fn reserved(&self) -> &'static [&'static str] {
        &RESERVED
    }

    fn tools(&self) -> &'static [Tool] {
        &[CARGO]
    }

    fn inputs(&self) -> &'static [&'static str] {
        &["src", "sdk", "build.rs", "Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain.toml"]
    }

    fn knows_best(&self) -> bool {
        true
    }

    fn install(&self, site: &Site<'_>) -> Result<(), Error> {
        // Cargo itself is for the system, or for rustup's own installer.
        let cargo = site.find(&CARGO)?;
        if has_target(site, &cargo)? {
            return Ok(());
        }
        let rustup = site.find(&RUSTUP)?;
        site.progress.step(&format!("adding the target {TARGET} with rustup"));
        Run::new(format!("add the target {TARGET}"), rustup.program).args(["target", "add", TARGET]).go(site)?;
        Ok(())
    }

    fn build(&self, build: &Build<'_>) -> Result<(), Error> {
        let cargo = build.site.find(&CARGO)?;
        if !has_target(&build.site, &cargo)? {
            let message = format!("Rust's target {TARGET} is not installed");
            let help = format!("get it with `rustup target add {TARGET}`, or `taskhost build --install`");
            return Err(Error::usage(message, help));
        }
        build.step("compiling with cargo");
        let output = build.run(
            Run::new("compile with cargo", cargo.program)
                .args(["build", "--release", "--lib", "--target", TARGET])
                .arg("--message-format=json-render-diagnostics")
                .answer(),
        );
        let output = output.map_err(|error| match error {
            Error::Tool(mut failure) => {
                failure.output = without_status(&failure.output);
                Error::Tool(failure)
            }
            other => other,
        })?;
        build.warn(&without_status(&output.text));
        let built = artifact(&output.answer).ok_or_else(|| {
            let help = "add `crate-type = [\"cdylib\"]` to `[lib]` in `Cargo.toml`".to_owned();
            Error::rejected("cargo made no component", Some(help))
        })?;
        fs::copy(&built, &build.component).map_err(|error| Error::file("copy", &built, &error))?;
        Ok(())
    }

    fn stubs(&self, wit: &Wit) -> Option<Stubs> {
        let text = stubs::library(wit)?;
        Some(Stubs { files: vec![(PathBuf::from("src/lib.rs"), text)], left_out: Vec::new() })
    }
}

/// Whether the standard library is there for the target. Asked of the compiler that cargo uses in this project.
fn has_target(site: &Site<'_>, cargo: &Found) -> Result<bool, Error> {
    let beside = cargo.program.with_file_name(format!("rustc{}", std::env::consts::EXE_SUFFIX));
    let rustc = if beside.exists() { Some(beside) } else { site.system.program("rustc") };
    let Some(rustc) = rustc else {
        return Err(Error::usage("building Rust needs `rustc`, which is not there", (CARGO.get)(site)));
    };
    let folder = Run::new("ask rustc for its targets", rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .quiet()
        .answer()
        .go(site)?;
    let folder = PathBuf::from(folder.answer.trim());
    let mut files = fs::read_dir(folder).into_iter().flatten().flatten();
    Ok(files.any(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}

/// What cargo said, without the lines that say what it does: a word that ends in the twelfth column.
fn without_status(text: &str) -> String {
    let is_status = |line: &str| {
        let word = line.get(..12).map(str::trim_start).filter(|_| line.as_bytes().get(12) == Some(&b' '));
        word.is_some_and(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic()))
    };
    text.lines().filter(|line| !is_status(line)).flat_map(|line| [line, "\n"]).collect()
}

/// The component that cargo made of the project's own package, which it names last.
fn artifact(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().rev().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let is_component = |message: &Json| {
        let kinds = message["target"]["crate_types"].as_array();
        message["reason"] == "compiler-artifact" && kinds.is_some_and(|kinds| kinds.contains(&"cdylib".into()))
    };
    messages.filter(is_component).find_map(|message| {
        let files = message["filenames"].as_array()?;
        files.iter().filter_map(Json::as_str).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
    })
}
