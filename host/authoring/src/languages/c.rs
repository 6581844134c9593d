//! C and C++: a clang that knows wasm makes a core module, and bindings and the component around it are made here.
//!
//! ```text
//! wit/ ──bindings──► bindings/task.{h,c}, task_component_type.o ─┐
//! sdk/src/*, src/**/*.{c,cpp,cc,cxx} ──compiler──► objects ──────┴─link──► core module ──encode──► component
//! ```

mod bindings;
mod compiler;
mod sources;
mod stubs;

use std::fs;
use std::path::{Path, PathBuf};

use super::{Build, Language, Stubs};
use crate::componentize;
use crate::error::Error;
use crate::tools::{Site, Tool, run};
use crate::wit::Wit;
use compiler::Compiler;
use sources::Source;
use stubs::Words;

/// C.
pub(super) struct C;

/// C++.
pub(super) struct Cpp;

/// Any other compiler comes without a version of its own in `[tools]`.
const TOOLS: &[Tool] = &[compiler::ZIG];

const UNPINNED_TOOLS: &[Tool] = &[compiler::SDK_CLANG, compiler::CLANG];

const INPUTS: &[&str] = &["src", "sdk", FLAGS];

/// The flags of the component, of the native tests and of the editor alike, one in each line.
const FLAGS: &str = "compile_flags.txt";

/// What `abort.c` of the SDK imports besides the world of the project.
const STDERR_WIT: &str = "sdk/wit/stderr.wit";

impl Language for C {
    fn name(&self) -> &'static str {
        "c"
    }

    fn title(&self) -> &'static str {
        "C"
    }

    fn tools(&self) -> &'static [Tool] {
        TOOLS
    }

    fn unpinned_tools(&self) -> &'static [Tool] {
        UNPINNED_TOOLS
    }

    fn inputs(&self) -> &'static [&'static str] {
        INPUTS
    }

    fn install(&self, site: &Site<'_>) -> Result<(), Error> {
        compiler::install(site)
    }

    fn build(&self, build: &Build<'_>) -> Result<(), Error> {
        component(build)
    }

    fn brings_contract(&self) -> bool {
        true
    }

    fn stubs(&self, wit: &Wit) -> Option<Stubs> {
        let words = Words { header: "taskhost/task.h", fail: "task_fail", abort: "task_abort" };
        stubs(wit, &words, "c")
    }
}

impl Language for Cpp {
    fn name(&self) -> &'static str {
        "cpp"
    }

    fn title(&self) -> &'static str {
        "C++"
    }

    fn sdk(&self) -> &'static str {
        "c"
    }

    fn tools(&self) -> &'static [Tool] {
        TOOLS
    }

    fn unpinned_tools(&self) -> &'static [Tool] {
        UNPINNED_TOOLS
    }

    fn inputs(&self) -> &'static [&'static str] {
        INPUTS
    }

    fn install(&self, site: &Site<'_>) -> Result<(), Error> {
        compiler::install(site)
    }

    fn build(&self, build: &Build<'_>) -> Result<(), Error> {
        component(build)
    }

    fn brings_contract(&self) -> bool {
        true
    }

    fn stubs(&self, wit: &Wit) -> Option<Stubs> {
        let words = Words { header: "taskhost/task.hpp", fail: "taskhost::fail", abort: "taskhost::abort" };
        stubs(wit, &words, "cpp")
    }
}

fn stubs(wit: &Wit, words: &Words, ending: &str) -> Option<Stubs> {
    // A WIT that has no bindings is told when it is built.
    let tasks = stubs::tasks(wit, words).ok()?;
    let (tasks_path, tests_path) = (format!("src/tasks.{ending}").into(), format!("tests/tasks_test.{ending}").into());
    let mut stubs = Stubs { files: vec![(tasks_path, tasks)], left_out: Vec::new() };
    match stubs::has_fake_host(wit) {
        true => stubs.files.push((tests_path, stubs::tests(words))),
        false => stubs.left_out = vec!["Makefile".into(), tests_path],
    }
    Some(stubs)
}

/// The two differ in their templates only: either may have files of the other.
fn component(build: &Build<'_>) -> Result<(), Error> {
    let folder = &build.site.project.folder;
    let compiler = Compiler::find(&build.site)?;
    build.step("writing bindings");
    bindings::write(build.wit, folder)?;
    let core = core_module(build, &compiler)?;
    let mut module = fs::read(&core).map_err(|error| Error::file("read", &core, &error))?;
    let stderr = Wit::read_path(&folder.join(STDERR_WIT), Some("stderr"))?;
    componentize::embed_world(&mut module, &stderr.resolve, stderr.world)?;
    let component = componentize::encode(&module)?;
    fs::write(&build.component, component).map_err(|error| Error::file("write", &build.component, &error))
}

fn core_module(build: &Build<'_>, compiler: &Compiler) -> Result<PathBuf, Error> {
    let folder = &build.site.project.folder;
    let of_author = sources::of_author(folder)?;
    let has_cpp = of_author.iter().any(Source::is_cpp);
    let flags = flags(&folder.join(FLAGS))?;
    build.step(&format!("compiling with {}", compiler.title));
    // The linker takes what is defined twice from where it comes first: `malloc` from the SDK.
    let ours = sources::of_sdk(compiler.wants_malloc(), has_cpp);
    let all = ours.into_iter().chain(of_author).chain([Source::ours("bindings/task.c")]);
    let objects: Vec<PathBuf> =
        all.map(|source| object(build, compiler, &source, &flags)).collect::<Result<_, Error>>()?;
    let core = build.work.join("core.wasm");
    build.step("linking");
    build.run(
        compiler
            .run("link", has_cpp)
            .args(["-Os", "-mexec-model=reactor", "-s", "-Wl,-z,stack-size=1048576"])
            .args(compiler.link_flags())
            .arg("-o")
            .arg(run::shown_from(folder, &core))
            .args(objects.iter().map(|object| run::shown_from(folder, object)))
            .arg("bindings/task_component_type.o")
            .help("what is undefined and begins with `exports_` is a function of `wit/` that `src/` does not define: see `bindings/task.h`"),
    )?;
    Ok(core)
}

/// Compiles one file, from the project's folder on: so the compiler's messages and a failed `assert` name it.
fn object(build: &Build<'_>, compiler: &Compiler, source: &Source, flags: &[String]) -> Result<PathBuf, Error> {
    let object = build.work.join(format!("{}.o", source.path));
    if let Some(parent) = object.parent() {
        fs::create_dir_all(parent).map_err(|error| Error::file("make the folder", parent, &error))?;
    }
    // Asserts stay in: zig leaves them out when it optimizes.
    let run = compiler
        .run(&format!("compile `{}`", source.path), source.is_cpp())
        .args(["-Os", "-UNDEBUG"])
        .args(source.flags(flags))
        .args(["-c", "-o"])
        .arg(run::shown_from(&build.site.project.folder, &object))
        .arg(&source.path);
    let said = build.run(run)?;
    build.warn(&said.text);
    Ok(object)
}

fn flags(path: &Path) -> Result<Vec<String>, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::file("read", path, &error))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}
