//! Python: componentize-py makes bindings, and the component: it runs Python with the author's modules and keeps its memory.
//!
//! ```text
//! pyproject.toml ──install──► .taskhost/venv, with componentize-py and the packages that the tasks import
//! wit/ ──bindings──► bindings/wit_world, for editors, mypy and native tests
//! wit/, src/, sdk/, venv ──componentize──► component
//! ```

mod bindings;
mod packages;
mod said;
mod stubs;

use std::path::PathBuf;

use super::{Build, Language, Stubs};
use crate::error::Error;
use crate::tools::venv::Venv;
use crate::tools::{Found, Run, Site, Tool, get, run};
use crate::wit::Wit;
use packages::Packages;

/// Python.
pub(super) struct Python;

/// Keywords, as far as they could be names, and modules that the bindings bring.
const RESERVED: [&str; 36] = [
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "componentize-py-async-support",
    "componentize-py-types",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "poll-loop",
    "raise",
    "return",
    "try",
    "while",
    "wit-world",
    "with",
    "yield",
];

const COMPONENTIZE_PY: Tool = Tool {
    name: PACKAGE,
    programs: &[PACKAGE],
    version_arguments: &["--version"],
    pin: "0.25.1",
    places: |site| vec![Venv::of_project(site).program(PACKAGE)],
    get: get::by_install,
};

const PACKAGE: &str = "componentize-py";

/// The SDK's module of which the component is made; it imports the author's `tasks`.
const ENTRY: &str = "taskhost_task.entry";

impl Language for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn title(&self) -> &'static str {
        "Python"
    }

    fn reserved(&self) -> &'static [&'static str] {
        &RESERVED
    }

    fn tools(&self) -> &'static [Tool] {
        &[COMPONENTIZE_PY]
    }

    fn inputs(&self) -> &'static [&'static str] {
        &["src", "sdk", packages::PYPROJECT, packages::INSTALLED]
    }

    fn install(&self, site: &Site<'_>) -> Result<(), Error> {
        Packages::wanted(site)?.install(site)
    }

    fn build(&self, build: &Build<'_>) -> Result<(), Error> {
        let tool = build.site.find(&COMPONENTIZE_PY)?;
        bindings::write(build, &tool)?;
        build
            .step(&format!("making the component with componentize-py {}, which takes some ten seconds", tool.version));
        let component = run::shown_from(&build.site.project.folder, &build.component);
        let run = call(build, &tool, "make the component")
            .args(["componentize", "-p", "src", "-p", "sdk", "-o"])
            .arg(component)
            .arg(ENTRY);
        let output = said::of_python(build.run(run)).map_err(|error| with_help(build, error))?;
        // What the author's modules print while they are imported.
        build.warn(&output.text);
        Ok(())
    }

    fn stubs(&self, wit: &Wit) -> Option<Stubs> {
        let text = stubs::tasks(wit)?;
        let files =
            vec![(PathBuf::from("src/tasks.py"), text), (PathBuf::from("tests/test_tasks.py"), stubs::tests(wit))];
        Some(Stubs { files, left_out: Vec::new() })
    }
}

/// A call of componentize-py for the project's world.
fn call(build: &Build<'_>, tool: &Found, doing: &str) -> Run {
    let run = Run::new(doing, &tool.program)
        // Its own backtraces are of no use to an author.
        .env("RUST_BACKTRACE", "0")
        .args(["--quiet", "-d", "wit", "-w", build.wit.world_name()]);
    let venv = Venv::of_project(&build.site);
    match venv.folder().exists() {
        // Where it looks for packages that the tasks import.
        true => run.env("VIRTUAL_ENV", venv.folder()),
        false => run,
    }
}

/// A module that is missing may be one of a package that is named, but not installed.
fn with_help(build: &Build<'_>, error: Error) -> Error {
    let Error::Tool(mut failure) = error else { return error };
    if failure.output.contains("ModuleNotFoundError") {
        let are_installed = Packages::wanted(&build.site).is_ok_and(|packages| packages.are_installed(&build.site));
        let help = match are_installed {
            true => "name its package in `dependencies` of `pyproject.toml`: `taskhost build --install` gets it then",
            false => "what `pyproject.toml` names is not installed: `taskhost build --install` gets it",
        };
        failure.help = Some(help.to_owned());
    }
    Error::Tool(failure)
}
