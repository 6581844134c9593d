//! Python: componentize-py puts a Python, its standard library and the project's modules into a component, and imports them there.
//!
//! ```text
//! wit/ ──componentize-py──► bindings/ (for editors, mypy and unit tests)
//! wit/, src/, sdk/, packages of .taskhost/venv ──componentize-py──► component
//! ```

mod stubs;

use std::fs;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::{Build, Language, Stubs};
use crate::error::{Error, ToolFailure};
use crate::folder;
use crate::tools::venv::{self, Venv};
use crate::tools::{Run, Site, Tool, get};
use crate::wit::Wit;

/// Python.
pub(super) struct Python;

/// Keywords; the modules that a project has; and what they import, which a module of that name would hide.
const RESERVED: [&str; 41] = [
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "exports",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "imports",
    "in",
    "is",
    "lambda",
    "match",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "sdk",
    "src",
    "task",
    "try",
    "type",
    "typing",
    "while",
    "wit-world",
    "with",
    "yield",
];

const COMPONENTIZE: Tool = Tool {
    name: "componentize-py",
    programs: &[],
    version_arguments: &["--version"],
    pin: "0.25.1",
    places: |site| vec![Venv::of_project(site).program("componentize-py")],
    get: get::by_install,
};

/// The Python of the virtual environment, which runs the project's unit tests as well. What it is made of need not be there any more.
const PYTHON: Tool = Tool { pin: ">=3.11", ..venv::PYTHON };

/// The module that the component begins with: it imports the author's `tasks`.
const ENTRY: &str = "taskhost_task.entry";

/// Packages, and groups of them for developers.
const PROJECT_FILE: &str = "pyproject.toml";

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
        &[COMPONENTIZE]
    }

    fn inputs(&self) -> &'static [&'static str] {
        &["src", "sdk", PROJECT_FILE, ".taskhost/venv/installed.txt"]
    }

    fn install(&self, site: &Site<'_>) -> Result<(), Error> {
        let mut packages = vec![format!("{}=={}", COMPONENTIZE.name, site.pin(&COMPONENTIZE)?.version())];
        packages.extend(packages_of(site)?);
        Venv::of_project(site).install_once(site, &PYTHON, &packages)
    }

    fn build(&self, build: &Build<'_>) -> Result<(), Error> {
        let componentize = build.site.find(&COMPONENTIZE)?.program;
        build.step("writing bindings");
        write_bindings(build, &componentize)?;
        build.step("making a component of Python and the project, which takes some seconds");
        let said = run(
            build,
            command(build, "make the component", &componentize)
                .arg("componentize")
                .args(["-p", "src", "-p", "sdk", "-o"])
                .arg(&build.component)
                .arg(ENTRY),
        )?;
        build.warn(&said);
        Ok(())
    }

    fn stubs(&self, wit: &Wit) -> Option<Stubs> {
        let text = stubs::module(wit)?;
        let left_out = vec![PathBuf::from("tests/test_tasks.py")];
        Some(Stubs { files: vec![(PathBuf::from("src/tasks.py"), text)], left_out })
    }
}

fn command(build: &Build<'_>, doing: &str, program: &Path) -> Run {
    // Several packages may have a world of that name.
    let package = &build.wit.resolve.packages[build.wit.package].name;
    let version = package.version.as_ref().map_or(String::new(), |version| format!("@{version}"));
    let world = format!("{}:{}/{}{version}", package.namespace, package.name, build.wit.world_name());
    Run::new(doing, program)
        .args(["--quiet", "-d", "wit", "-w", &world])
        .env("VIRTUAL_ENV", Venv::of_project(&build.site).folder())
        .env("RUST_BACKTRACE", "0")
}

/// Runs it; a failure is told in Python's words.
fn run(build: &Build<'_>, run: Run) -> Result<String, Error> {
    match build.run(run) {
        Ok(output) => Ok(output.text),
        Err(Error::Tool(failure)) => Err(Error::Tool(Box::new(told(*failure)))),
        Err(other) => Err(other),
    }
}

/// In place of what componentize-py's own Python says around it, the author's mistake.
fn told(mut failure: ToolFailure) -> ToolFailure {
    const WRAPPED: &str = "AssertionError: ";
    const CAUSE: &str = "\n\nCaused by:\n";
    if let Some((_, error)) = failure.output.split_once(WRAPPED) {
        failure.output = match error.split_once(CAUSE) {
            // Python has printed its exception, and the cause is that exception once more.
            Some((printed, _)) if !printed.trim().is_empty() => printed.trim_end().to_owned(),
            Some((_, cause)) => cause.trim_end().to_owned(),
            None => error.trim_end().to_owned(),
        };
    }
    let missing = failure.output.rsplit_once("ModuleNotFoundError: No module named ").map(|(_, name)| name.trim());
    failure.help = missing.map(|name| match name {
        "'tasks'" => "the tasks stand in `src/tasks.py`".to_owned(),
        _ => format!(
            "if {name} is a package, add it to `dependencies` in `{PROJECT_FILE}` and run `taskhost build --install`; only those in pure \
             Python work in a component"
        ),
    });
    failure
}

/// Makes them beside, then puts those files into `bindings/` that are others.
fn write_bindings(build: &Build<'_>, componentize: &Path) -> Result<(), Error> {
    let fresh = build.work.join("bindings");
    folder::remove(&fresh)?;
    run(build, command(build, "make bindings of `wit/`", componentize).arg("bindings").arg(&fresh))?;
    let bindings = build.site.project.folder.join("bindings");
    folder::replace(&fresh, &bindings)
}

/// What the project imports, and what its developers use.
fn packages_of(site: &Site<'_>) -> Result<Vec<String>, Error> {
    let path = site.project.folder.join(PROJECT_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file("read", &path, &error)),
    };
    let wrong = |message: String| Error::rejected(format!("`{PROJECT_FILE}`: {message}"), None);
    let table = DeTable::parse(&text).map_err(|error| wrong(error.message().to_owned()))?;
    let inside =
        |outer: &str, inner: &str| table.get_ref().get(outer)?.get_ref().get(inner).map(|value| value.get_ref());
    let mut packages = Vec::new();
    for list in [inside("project", "dependencies"), inside("dependency-groups", "dev")].into_iter().flatten() {
        let list = list.as_array().ok_or_else(|| wrong("dependencies are a list of texts".to_owned()))?;
        // What is no text includes another group, which pip has no words for here.
        packages.extend(list.iter().filter_map(|package| package.get_ref().as_str()).map(str::to_owned));
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(output: &str) -> (String, Option<String>) {
        let failure = told(ToolFailure {
            doing: "make the component".to_owned(),
            command: "componentize-py".to_owned(),
            ending: "exit code 1".to_owned(),
            output: format!(
                "Traceback (most recent call last):\n  File \"…/componentize-py\", line 8, in <module>\n    sys.exit(script())\n\
                 AssertionError: {output}"
            ),
            help: None,
        });
        (failure.output, failure.help)
    }

    #[test]
    fn a_mistake_is_told_as_python_tells_it() {
        let said = "  File \"src/tasks.py\", line 17\n    def f(:\n          ^\nSyntaxError: invalid syntax\n\n\nCaused by:\n    \
                    SyntaxError: invalid syntax (tasks.py, line 17)\n";
        let expected = "  File \"src/tasks.py\", line 17\n    def f(:\n          ^\nSyntaxError: invalid syntax";
        assert_eq!(shown(said), (expected.to_owned(), None));
    }

    #[test]
    fn a_package_that_is_not_there_is_told_with_the_way_to_get_it() {
        let said = "Traceback (most recent call last):\n  File \"src/tasks.py\", line 1, in <module>\n    import numpy\n\
                    ModuleNotFoundError: No module named 'numpy'\n\n\nCaused by:\n    ModuleNotFoundError: No module named 'numpy'\n";
        let (output, help) = shown(said);
        assert!(output.ends_with("    import numpy\nModuleNotFoundError: No module named 'numpy'"), "{output}");
        assert!(help.expect("a hint").starts_with("if 'numpy' is a package, add it to `dependencies`"));
    }

    #[test]
    fn where_python_says_nothing_the_cause_is_told() {
        let said =
            "\n\nCaused by:\n    0: error while executing at wasm backtrace:\n    1: Exited with i32 exit status 1\n";
        assert!(shown(said).0.ends_with("1: Exited with i32 exit status 1"));
    }
}
