//! Tasks in each language, from nothing to a flow, as their pages in `docs/languages` say: with real toolchains, which
//! `taskhost build --install` gets.
//!
//! ```text
//! <language>::first-task   new, build --install, test, call, run; nothing changed, nothing built; native tests of project and SDK
//! <language>::own-wit      a project for a WIT of one's own builds at once
//! <language>::example      example-tasks/languages/<language>: build, test, native tests, run
//! round-trip               one value through a task of each language
//! ```
//!
//! `cargo xtask test --languages` runs them. A language whose toolchain cannot be here (no Node.js, no Python) is named aloud as not run.

#![expect(clippy::print_stderr, reason = "what is not run is said aloud")]

#[path = "support/taskhost.rs"]
mod taskhost;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};

/// Says that these tests are wanted: they take minutes, and get toolchains from the internet.
const WANTED: &str = "TASKHOST_TEST_LANGUAGES";

/// A language, and what its tests need.
struct Language {
    name: &'static str,
    /// Programs that have to be there: `--install` gets all others.
    needs: &'static [&'static str],
    /// What `--install` gets; two tests must not get it at the same time.
    toolchain: &'static str,
    /// Unit tests of a project, in its folder.
    native_tests: &'static [&'static [&'static str]],
    /// Unit tests of the SDK, in `guest-sdk/…`, with what a project of this language has installed.
    sdk_tests: Option<(&'static str, &'static [&'static str])>,
}

/// `$TOOL` is a program that `--install` got for the project; any other one is on the search path.
const LANGUAGES: [Language; 7] = [
    Language {
        name: "rust",
        needs: &["cargo", "rustup"],
        toolchain: "rust",
        native_tests: &[&["cargo", "test", "--quiet", "--workspace"]],
        sdk_tests: None,
    },
    Language {
        name: "c",
        needs: &["python3", "make", "cc"],
        toolchain: "zig",
        native_tests: &[&["make", "test"]],
        sdk_tests: Some(("guest-sdk/c/tests", &["make"])),
    },
    Language {
        name: "cpp",
        needs: &["python3", "make", "c++"],
        toolchain: "zig",
        native_tests: &[&["make", "test"]],
        sdk_tests: None,
    },
    Language {
        name: "python",
        needs: &["python3"],
        toolchain: "python",
        native_tests: &[&["$TOOL/pytest", "-q"], &["$TOOL/mypy"]],
        sdk_tests: Some(("guest-sdk/python", &["$TOOL/pytest", "-q"])),
    },
    Language {
        name: "javascript",
        needs: &["node", "npm"],
        toolchain: "node",
        native_tests: &[&["npm", "test"]],
        sdk_tests: Some(("guest-sdk/javascript", &["node", "--test", "tests/"])),
    },
    Language {
        name: "typescript",
        needs: &["node", "npm"],
        toolchain: "node",
        native_tests: &[&["npm", "test"]],
        sdk_tests: None,
    },
    Language {
        name: "go",
        needs: &["python3"],
        toolchain: "go",
        native_tests: &[&["$TOOL/go", "vet", "./..."], &["$TOOL/go", "test", "./..."]],
        sdk_tests: Some(("guest-sdk/go", &["$TOOL/go", "test", "./..."])),
    },
];

/// What a person would type after `taskhost new hello`.
const CALL: &[&str] = &["call", "components/hello.wasm", "greet", r#"person={"name":"Ada"}"#];
const RUN: &[&str] = &["run", "flow.toml", "-p", "name=Ada"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let is_wanted = std::env::var_os(WANTED).is_some();
    if !is_wanted {
        eprintln!("languages: not run; `cargo xtask test --languages` runs tasks in all languages");
    }
    let place = Arc::new(Place::new(taskhost::build(arguments.list || !is_wanted)));
    let examples = place.root.join("example-tasks/languages");
    let mut trials = Vec::new();
    let mut are_all_here = true;
    for language in &LANGUAGES {
        let missing = language.needs.iter().find(|program| !place.has(program));
        if let Some(missing) = missing.filter(|_| is_wanted) {
            eprintln!("languages: {} is NOT RUN: there is no `{missing}` on this machine", language.name);
        }
        are_all_here &= missing.is_none();
        let mut trial = |what: &str, test: fn(&Place, &'static Language) -> Result<(), Failed>| {
            let place = Arc::clone(&place);
            let trial = Trial::test(format!("{}::{what}", language.name), move || test(&place, language));
            trials.push(trial.with_ignored_flag(!is_wanted || missing.is_some()));
        };
        trial("first-task", first_task);
        trial("own-wit", own_wit);
        if examples.join(language.name).exists() {
            trial("example", example);
        }
    }
    let trial = Trial::test("round-trip", move || round_trip(&place));
    trials.push(trial.with_ignored_flag(!is_wanted || !are_all_here));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn first_task(place: &Place, language: &'static Language) -> Result<(), Failed> {
    let folder = place.empty(&format!("first/{}", language.name))?;
    let project = folder.join("hello");
    place.taskhost(&folder, &["new", "hello", "--lang", language.name])?;
    place.install(&project, language)?;
    let again = place.taskhost(&project, &["build"])?;
    wanted(&again, "up to date", "a build without changes")?;
    wanted(&place.taskhost(&project, &["test"])?, "passed", "`taskhost test`")?;
    wanted(&place.taskhost(&project, CALL)?, "Hello, Ada", "`taskhost call`")?;
    wanted(&place.taskhost(&project, RUN)?, "Hello, Ada", "`taskhost run`")?;
    place.native_tests(&project, &project, language, language.native_tests)?;
    match language.sdk_tests {
        Some((folder, command)) => place.native_tests(&place.root.join(folder), &project, language, &[command]),
        None => Ok(()),
    }
}

fn own_wit(place: &Place, language: &'static Language) -> Result<(), Failed> {
    let folder = place.empty(&format!("own/{}", language.name))?;
    fs::write(folder.join("shop.wit"), OWN_WIT)?;
    place.taskhost(&folder, &["new", "shop", "--lang", language.name, "--from", "shop.wit"])?;
    let project = folder.join("shop");
    place.install(&project, language)?;
    let shown = place.taskhost(&project, &["inspect", "components/shop.wasm"])?;
    wanted(&shown, "price", "`taskhost inspect`")?;
    let called =
        place.command(&project, &place.taskhost, &["call", "components/shop.wasm", "price", "article=tea"]).output()?;
    let said = String::from_utf8_lossy(&called.stderr);
    // In Rust it is `todo!`.
    let is_told = ["not written yet", "not yet implemented"].iter().any(|words| said.contains(words));
    if called.status.success() || !is_told {
        return Err(format!("a task that nobody has written yet said:\n{said}").into());
    }
    Ok(())
}

fn example(place: &Place, language: &'static Language) -> Result<(), Failed> {
    let project = place.root.join("example-tasks/languages").join(language.name);
    place.install(&project, language)?;
    wanted(&place.taskhost(&project, &["test"])?, "passed", "`taskhost test`")?;
    place.native_tests(&project, &project, language, language.native_tests)?;
    place.taskhost(&project, &["run", "flow.toml"])?;
    Ok(())
}

fn round_trip(place: &Place) -> Result<(), Failed> {
    let folder = place.root.join("example-tasks/languages/round-trip");
    for language in &LANGUAGES {
        place.install(&folder.join(language.name), language)?;
    }
    wanted(&place.taskhost(&folder, &["run", "flow.toml"])?, "differences = []", "the comparison")
}

fn wanted(said: &str, text: &str, of: &str) -> Result<(), Failed> {
    if said.contains(text) {
        return Ok(());
    }
    Err(format!("{of} does not say `{text}`, but:\n{said}").into())
}

/// A WIT as authors have them, with each kind of type once.
const OWN_WIT: &str = "\
package my:shop@0.1.0;

/// What the shop does.
interface tasks {
    record article { name: string, cents: u64, tags: list<string>, picture: option<list<u8>> }
    variant payment { cash, card(string) }
    enum size { small, large }
    flags wishes { gift-wrap, express }

    /// What an article costs.
    price: func(article: string) -> result<u64, string>;
    order: func(articles: list<article>, payment: payment, size: size, wishes: wishes) -> tuple<u32, f64>;
    find: func(name: string) -> option<article>;
    close: func();
}

world shop {
    include taskhost:task/imports@0.1.0;
    export tasks;
}
";

/// Where all of it happens.
struct Place {
    taskhost: PathBuf,
    root: PathBuf,
    scratch: PathBuf,
    /// Toolchains that are being got, each by one test only.
    installing: Vec<(&'static str, Mutex<()>)>,
}

impl Place {
    fn new(taskhost: PathBuf) -> Place {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's folder").to_owned();
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("languages");
        let installing = LANGUAGES.iter().map(|language| (language.toolchain, Mutex::new(()))).collect();
        Place { taskhost, root, scratch, installing }
    }

    fn has(&self, program: &str) -> bool {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
    }

    /// A folder with nothing in it.
    fn empty(&self, name: &str) -> Result<PathBuf, Failed> {
        let folder = self.scratch.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A command as a user would type it in a shell, not in a test of cargo.
    fn command(&self, folder: &Path, program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).env("NO_COLOR", "1");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_of_cargo)) {
            command.env_remove(name);
        }
        command
            .env("CARGO_TARGET_DIR", self.scratch.join("cargo"))
            .env("GOCACHE", self.scratch.join("go"))
            .env("TASKHOST", &self.taskhost)
            .env("TASKHOST_CACHE_FOLDER", self.scratch.join("compiled"))
            .env("TASKHOST_DATA_FOLDER", self.scratch.join("data"));
        command
    }

    /// Runs it to its end, and gives what it said on both streams.
    fn run(&self, mut command: Command) -> Result<String, Failed> {
        let output = command.output().map_err(|error| format!("`{command:?}` did not start: {error}"))?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match output.status.success() {
            true => Ok(said),
            false => Err(format!("`{command:?}` ended with {}:\n{said}", output.status).into()),
        }
    }

    fn taskhost(&self, folder: &Path, arguments: &[&str]) -> Result<String, Failed> {
        self.run(self.command(folder, &self.taskhost, arguments))
    }

    fn install(&self, project: &Path, language: &Language) -> Result<(), Failed> {
        let turn = self.installing.iter().find(|(toolchain, _)| *toolchain == language.toolchain);
        let _turn = turn.map(|(_, turn)| turn.lock().unwrap_or_else(PoisonError::into_inner));
        let said = self.taskhost(project, &["build", "--install"])?;
        wanted(&said, "components/", "`taskhost build --install`")
    }

    /// Commands in `folder`, with the tools of `project`.
    fn native_tests(
        &self,
        folder: &Path,
        project: &Path,
        language: &Language,
        commands: &[&[&str]],
    ) -> Result<(), Failed> {
        for words in commands {
            let program = match words[0].strip_prefix("$TOOL/") {
                Some(name) => self.tool(project, language, name)?,
                None => words[0].into(),
            };
            self.run(self.command(folder, program, &words[1..]))?;
        }
        Ok(())
    }

    /// A program that `taskhost build --install` has got, unless one was there.
    fn tool(&self, project: &Path, language: &Language, name: &str) -> Result<PathBuf, Failed> {
        let mut places = vec![project.join(".taskhost/venv/bin").join(name)];
        let shared = self.scratch.join("data/tools");
        for venv in fs::read_dir(shared).into_iter().flatten().flatten() {
            for python in fs::read_dir(venv.path().join("lib")).into_iter().flatten().flatten() {
                places.push(python.path().join("site-packages").join(language.name).join("bin").join(name));
            }
        }
        let found = places.into_iter().find(|place| place.is_file());
        found
            .or_else(|| self.has(name).then(|| name.into()))
            .ok_or_else(|| format!("`{name}` was not installed").into())
    }
}

/// Variables that cargo sets for its tests and that mean something else to another cargo.
fn is_of_cargo(name: &str) -> bool {
    name.starts_with("CARGO_") && name != "CARGO_HOME" || name.starts_with("RUSTUP_TOOLCHAIN") || name == "RUSTFLAGS"
}
