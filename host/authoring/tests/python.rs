//! Projects in Python: what is called, and when. componentize-py and Python are shell scripts here: the real ones need a network to get, and
//! ten seconds for each component.
#![cfg(unix)]

mod support;

#[path = "support/fake.rs"]
mod fake;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fake::{Heard, system};
use support::{Folder, told};
use taskhost_authoring::build::{BuildOptions, Built, build};
use taskhost_authoring::new::{New, create};
use taskhost_authoring::tools::Site;
use taskhost_authoring::{Error, Project, languages, progress};

/// Notes how it was called, makes bindings of one module, and takes a component from beside the project.
const COMPONENTIZE_PY: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "componentize-py 0.25.1"; exit; fi
echo "$VIRTUAL_ENV $*" >> ../calls.txt
for last; do :; done
case "$*" in
*" bindings "*) mkdir "$last" && mkdir "$last/wit_world" && cp wit/world.wit "$last/wit_world/__init__.py" ;;
*) if [ -f ../fails.txt ]; then cat ../fails.txt >&2; exit 1; fi; cp ../component.wasm .taskhost/build/hello.component.wasm ;;
esac
"#;

/// Makes virtual environments whose pip puts the program above into them.
const PYTHON: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "Python 3.12.1"; exit; fi
echo "python $*" >> ../calls.txt
mkdir -p "$3/bin"
cp ../bin/pip "$3/bin/python"
"#;

const PIP: &str = r#"#!/bin/sh
echo "venv $*" >> ../calls.txt
if [ "$3" = install ]; then cp ../componentize-py "$(dirname "$0")/componentize-py"; fi
"#;

fn program(folder: &Folder, path: &str, text: &str) {
    folder.write(path, text);
    fs::set_permissions(folder.path().join(path), fs::Permissions::from_mode(0o755)).expect("ours to change");
}

/// A new project in `hello`, on a system with Python, and without componentize-py.
fn hello() -> (Folder, Project) {
    let folder = Folder::new();
    program(&folder, "bin/python3", PYTHON);
    program(&folder, "bin/pip", PIP);
    program(&folder, "componentize-py", COMPONENTIZE_PY);
    fs::write(folder.path().join("component.wasm"), wat::parse_str("(component)").expect("it is WAT")).expect("ours");
    let place = folder.path().join("hello");
    let language = languages::find("python").expect("Python");
    let created = create(&New { folder: &place, language, from: None }).unwrap_or_else(|error| panic!("{error}"));
    (folder, created.project)
}

fn built(folder: &Folder, project: &Project, install: bool) -> Result<Built, Error> {
    let site = Site { project, system: &system(folder), progress: &progress::Silent };
    build(&site, BuildOptions { install, anew: false })
}

/// What was called since the last time, with the folder as `DIR`.
fn calls(folder: &Folder) -> Vec<String> {
    let path = folder.path().join("calls.txt");
    let text = fs::read_to_string(&path).unwrap_or_default().replace(&*folder.path().to_string_lossy(), "DIR");
    let _ = fs::remove_file(path);
    text.lines().map(str::to_owned).collect()
}

const VENV: &str = "python -m venv DIR/hello/.taskhost/venv";
const INSTALL: &str = "venv -m pip install --disable-pip-version-check --no-input --progress-bar off componentize-py==0.25.1 \
                       pytest==9.2.0 mypy==2.4.1";
const BINDINGS: &str = "DIR/hello/.taskhost/venv --quiet -d wit -w hello bindings .taskhost/build/bindings";
const COMPONENT: &str = "DIR/hello/.taskhost/venv --quiet -d wit -w hello componentize -p src -p sdk -o \
                         .taskhost/build/hello.component.wasm taskhost_task.entry";

#[test]
fn what_is_there_is_neither_installed_nor_built_again() {
    let (folder, project) = hello();
    let text = told(&folder, built(&folder, &project, false));
    assert!(text.contains("building Python needs `componentize-py` 0.25.1, which is not there"), "{text}");
    assert!(text.contains("get it with `taskhost build --install`"), "{text}");
    built(&folder, &project, true).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(calls(&folder), [VENV, INSTALL, BINDINGS, COMPONENT]);
    assert!(folder.read("hello/bindings/wit_world/__init__.py").contains("interface tasks"));
    built(&folder, &project, true).expect("nothing to do");
    assert_eq!(calls(&folder), [""; 0]);
    folder.write("hello/src/more.py", "");
    built(&folder, &project, false).expect("a new source");
    assert_eq!(calls(&folder), [BINDINGS, COMPONENT]);
}

#[test]
fn another_package_is_installed_and_built_with() {
    let (folder, project) = hello();
    built(&folder, &project, true).expect("it is built");
    let pyproject = folder.read("hello/pyproject.toml");
    folder
        .write("hello/pyproject.toml", &pyproject.replace("dependencies = []", "dependencies = [\"tabulate==0.9.0\"]"));
    calls(&folder);
    built(&folder, &project, true).expect("it is built");
    let called = calls(&folder);
    assert_eq!(called[0], "venv -m pip --version");
    assert!(called[1].contains(" componentize-py==0.25.1 tabulate==0.9.0 pytest==9.2.0 "), "{called:?}");
    assert_eq!(called[2..], [BINDINGS, COMPONENT]);
}

#[test]
fn a_project_that_was_moved_gets_its_packages_anew() {
    let (folder, project) = hello();
    built(&folder, &project, true).expect("it is built");
    calls(&folder);
    fs::rename(folder.path().join("hello"), folder.path().join("moved")).expect("ours to move");
    let project = Project::find(&folder.path().join("moved")).expect("it is a project");
    built(&folder, &project, true).expect("it is built");
    assert_eq!(calls(&folder)[..2], [&VENV.replace("hello", "moved"), INSTALL]);
}

#[test]
fn an_error_of_python_is_all_that_the_author_reads() {
    let (folder, project) = hello();
    let fails = |text: &str, install| {
        folder.write("fails.txt", &format!("Traceback (most recent call last):\n  ^^^^\nAssertionError: {text}\n"));
        told(&folder, built(&folder, &project, install))
    };
    let text = fails("ModuleNotFoundError: No module named 'tabulate'\n\n\nCaused by:\n    ModuleNotFoundError", true);
    let first: Vec<&str> = text.lines().take(1).collect();
    assert_eq!(first, ["ModuleNotFoundError: No module named 'tabulate'"]);
    assert!(text.contains("help: name its package in `dependencies` of `pyproject.toml`"), "{text}");
    let pyproject = folder.read("hello/pyproject.toml");
    folder.write("hello/pyproject.toml", &pyproject.replace("dependencies = []", "dependencies = [\"tabulate\"]"));
    let text = fails("ModuleNotFoundError: No module named 'tabulate'\n", false);
    assert!(text.contains("help: what `pyproject.toml` names is not installed: `taskhost build --install`"), "{text}");
}

#[test]
fn who_stops_it_finds_all_as_it_was() {
    let (folder, project) = hello();
    built(&folder, &project, true).expect("it is built");
    let before = fs::read(folder.path().join("hello/components/hello.wasm")).expect("it is there");
    folder.write("hello/src/more.py", "");
    let slow = COMPONENTIZE_PY.replace("*) if", "*) echo stop now; sleep 60; if");
    program(&folder, "hello/.taskhost/venv/bin/componentize-py", &slow);
    let site = Site { project: &project, system: &system(&folder), progress: &Heard::default() };
    assert!(matches!(build(&site, BuildOptions::default()), Err(Error::Interrupted)));
    assert_eq!(fs::read(folder.path().join("hello/components/hello.wasm")).expect("still there"), before);
    program(&folder, "hello/.taskhost/venv/bin/componentize-py", COMPONENTIZE_PY);
    assert!(built(&folder, &project, false).is_ok());
}
