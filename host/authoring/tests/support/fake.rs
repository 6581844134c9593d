//! A language whose compiler is a shell script: what all languages have in common is tested with it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this")]

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use taskhost_authoring::languages::Build;
use taskhost_authoring::tools::{Run, Site, System, Tool, nowhere};
use taskhost_authoring::{Error, Language, Progress, Project};
use taskhost_flow::FlowSource;

use super::Folder;

/// `fakec` copies `src/main.wat`, made a component by the test, to where it is told.
pub struct Fake;

pub static FAKE: Fake = Fake;

const FAKEC: Tool = Tool {
    name: "fakec",
    programs: &["fakec"],
    version_arguments: &["--version"],
    pin: ">=1.0",
    places: nowhere,
    get: |_| "get it with `sudo fake install fakec`".to_owned(),
};

impl Language for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn title(&self) -> &'static str {
        "Fake"
    }

    fn tools(&self) -> &'static [Tool] {
        &[FAKEC]
    }

    fn inputs(&self) -> &'static [&'static str] {
        &["src"]
    }

    fn install(&self, _site: &Site<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn build(&self, build: &Build<'_>) -> Result<(), Error> {
        let fakec = build.site.find(&FAKEC)?;
        build.step("compiling with fakec");
        let run = Run::new("compile with fakec", fakec.program).arg("src/main.wasm").arg(&build.component);
        let said = build.run(run)?;
        build.warn(&said.text);
        Ok(())
    }
}

pub const WIT: &str = "package my:fake@0.1.0;\n\ninterface tasks {\n  /// Nothing.\n  nothing: func();\n}\n\nworld fake {\n  export tasks;\n}\n";

/// The component of the world above.
const WAT: &str = r#"
(component
  (core module $m (func (export "nothing")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "nothing")))
  (instance $tasks (export "nothing" (func $f)))
  (export "my:fake/tasks@0.1.0" (instance $tasks)))
"#;

/// A project in a folder, with its compiler in `bin`: a script that begins like this.
pub fn project(folder: &Folder, script: &str) -> Project {
    folder.write("wit/world.wit", WIT);
    fs::create_dir_all(folder.path().join("src")).expect("a folder");
    fs::write(folder.path().join("src/main.wasm"), wat::parse_str(WAT).expect("it is WAT")).expect("a file");
    compiler(folder, script);
    let source = Arc::new(FlowSource::new("taskhost.toml", "[tools]\nfakec = \">=1.0\"\n"));
    folder.write("taskhost.toml", source.text());
    Project {
        folder: folder.path().to_owned(),
        name: "fake".into(),
        language: &FAKE,
        world: None,
        pins: Vec::new(),
        source,
    }
}

/// Puts another compiler there. It says that it is version 1.2.3; `script` is what it does.
pub fn compiler(folder: &Folder, script: &str) {
    let text = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'fakec 1.2.3'; exit; fi\necho run >> runs.txt\n{script}\n"
    );
    folder.write("bin/fakec", &text);
    let path = folder.path().join("bin/fakec");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("ours to change");
}

/// How often it compiled.
pub fn runs(folder: &Folder) -> usize {
    fs::read_to_string(folder.path().join("runs.txt")).map_or(0, |text| text.lines().count())
}

/// Programs in `bin`, and those of every system.
pub fn system(folder: &Folder) -> System {
    let mut search_path = OsString::from(folder.path().join("bin"));
    search_path.push(":/usr/bin:/bin");
    System { search_path, tools_folder: None }
}

/// Takes down what is told.
#[derive(Default)]
pub struct Heard {
    pub told: RefCell<Vec<String>>,
    pub stop: AtomicBool,
}

impl Progress for Heard {
    fn step(&self, doing: &str) {
        self.told.borrow_mut().push(format!("step {doing}"));
    }

    fn line(&self, line: &str) {
        self.told.borrow_mut().push(format!("line {line}"));
        if line.contains("stop now") {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn warn(&self, text: &str) {
        self.told.borrow_mut().push(format!("warn {text}"));
    }

    fn is_interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Whether a process that wrote its number into a file is still there.
pub fn is_alive(folder: &Folder, file: &str) -> bool {
    let id = folder.read(file);
    Path::new("/proc").join(id.trim()).exists()
}
