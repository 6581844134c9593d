//! Runs each folder below `cases/`: a command line, and what it writes to stdout and stderr.
//!
//! ```text
//! cases/<name>/command.txt      command lines, run one after another in the folder; $OUT is an empty folder
//!              flow.toml …      what they read
//!              stdout.txt       expected; absent means nothing
//!              stderr.txt
//!              exit-code.txt    expected exit codes, one a line
//! ```
//!
//! A new case is a new folder, no Rust. `BLESS=1 cargo test -p taskhost-tests --test cases` writes what is expected; look at the difference
//! before you keep it. Times, ids, digests and sizes of components are replaced by words, since they differ from run to run.

#[path = "support/taskhost.rs"]
mod taskhost;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Arguments, Failed, Trial};
use regex_lite::Regex;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let taskhost = taskhost::build(arguments.list);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(tests.join("cases"))
        .expect("a folder `cases`")
        .map(|entry| entry.expect("an entry that can be read").path())
        .filter(|path| path.join("command.txt").exists())
        .collect();
    cases.sort();
    let trials = cases
        .into_iter()
        .map(|folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let taskhost = taskhost.clone();
            Trial::test(name, move || Case { folder, taskhost }.check())
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A folder and the command that it tests.
struct Case {
    folder: PathBuf,
    taskhost: PathBuf,
}

/// What the command lines of a case said, one after another.
#[derive(Default)]
struct Said {
    stdout: String,
    stderr: String,
    exit_codes: String,
}

impl Case {
    fn check(&self) -> Result<(), Failed> {
        let said = self.run()?;
        let mut wrong = String::new();
        for (file, text) in
            [("exit-code.txt", &said.exit_codes), ("stdout.txt", &said.stdout), ("stderr.txt", &said.stderr)]
        {
            let path = self.folder.join(file);
            if std::env::var_os("BLESS").is_some() {
                bless(&path, text).map_err(|error| format!("could not write {}: {error}", path.display()))?;
                continue;
            }
            let expected = std::fs::read_to_string(&path).unwrap_or_default();
            if expected != *text {
                let _ = write!(wrong, "\n{file} should be\n{}\nbut is\n{}\n", quoted(&expected), quoted(text));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(format!("{wrong}\n(BLESS=1 accepts what is said now)").into()) }
    }

    fn run(&self) -> Result<Said, Failed> {
        let commands = std::fs::read_to_string(self.folder.join("command.txt"))?;
        self.check_guests(&commands)?;
        let out = OutFolder::new()?;
        let mut said = Said::default();
        let lines: Vec<&str> = commands.lines().filter(|line| !line.trim().is_empty()).collect();
        for line in &lines {
            self.run_line(line, lines.len() > 1, &out.0, &mut said)?;
        }
        Ok(said)
    }

    fn run_line(&self, line: &str, is_one_of_many: bool, out: &Path, said: &mut Said) -> Result<(), Failed> {
        let words = words(line, out)?;
        let Some(("taskhost", arguments)) = words.split_first().map(|(first, rest)| (&**first, rest)) else {
            return Err(format!("`{line}` does not begin with `taskhost`").into());
        };
        let output = Command::new(&self.taskhost)
            .args(arguments)
            .current_dir(&self.folder)
            .env("NO_COLOR", "1")
            .env("TASKHOST_CACHE_FOLDER", scratch("compiled"))
            .env("TASKHOST_DATA_FOLDER", scratch("data"))
            .env_remove("RUST_BACKTRACE")
            .output()?;
        if is_one_of_many {
            for text in [&mut said.stdout, &mut said.stderr] {
                let _ = writeln!(text, "$ {line}");
            }
        }
        said.stdout.push_str(&redacted(&String::from_utf8_lossy(&output.stdout), out));
        said.stderr.push_str(&redacted(&String::from_utf8_lossy(&output.stderr), out));
        let _ =
            writeln!(said.exit_codes, "{}", output.status.code().map_or("signal".to_owned(), |code| code.to_string()));
        Ok(())
    }

    /// Guests that the case names have to be built.
    fn check_guests(&self, commands: &str) -> Result<(), Failed> {
        let mut texts = vec![commands.to_owned()];
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                texts.push(String::from_utf8_lossy(&std::fs::read(path)?).into_owned());
            }
        }
        for guest in regex(r#"(\.\./)+[a-z0-9/-]+/components/[a-z-]+\.wasm"#).find_iter(&texts.join("\n")) {
            if !self.folder.join(guest.as_str()).exists() {
                return Err(format!("`{}` is not built: run `cargo xtask guests`", guest.as_str()).into());
            }
        }
        Ok(())
    }
}

fn bless(path: &Path, text: &str) -> std::io::Result<()> {
    match std::fs::read_to_string(path) {
        Ok(known) if known == text => Ok(()),
        Ok(_) if text.is_empty() => std::fs::remove_file(path),
        Err(_) if text.is_empty() => Ok(()),
        _ => std::fs::write(path, text),
    }
}

fn quoted(text: &str) -> String {
    text.lines().map(|line| format!("  | {line}\n")).collect()
}

/// Words as a shell splits them; quotes keep spaces.
fn words(line: &str, out: &Path) -> Result<Vec<String>, Failed> {
    let mut words = vec![String::new()];
    let (mut quote, mut is_open) = (None, false);
    for character in line.trim().chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => (quote, is_open) = (Some(character), true),
            (None, ' ') => {
                if is_open {
                    words.push(String::new());
                }
                is_open = false;
            }
            _ => {
                words.last_mut().expect("never empty").push(character);
                is_open = true;
            }
        }
    }
    if quote.is_some() {
        return Err(format!("`{line}` has an open quote").into());
    }
    Ok(words.into_iter().map(|word| word.replace("$OUT", &out.display().to_string())).collect())
}

/// A folder for all cases and runs, so that each guest is compiled once.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// An empty folder, deleted at the end.
struct OutFolder(PathBuf);

impl OutFolder {
    fn new() -> std::io::Result<OutFolder> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("out-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path)?;
        Ok(OutFolder(path))
    }
}

impl Drop for OutFolder {
    fn drop(&mut self) {
        // What is left over lies in the target folder, where it does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn redacted(text: &str, out: &Path) -> String {
    let text =
        text.replace(&out.display().to_string(), "$OUT").replace(&scratch("compiled").display().to_string(), "$CACHE");
    [
        (r"flow run [0-9a-z]{16}", "flow run [id]"),
        // Whether a task used much CPU time depends on the machine.
        (r"(?m)^most (CPU|memory): .*\n", ""),
        (r#""run": "[0-9a-z]{16}""#, r#""run": "[id]""#),
        (r#"(-seconds": )[0-9.e-]+"#, "$1[time]"),
        (r#"((size-bytes|memory-bytes-peak)": )[1-9][0-9]*"#, "$1[size]"),
        (r" *\b[0-9]+(\.[0-9]+)? (µs|ms|s)\b( CPU)?", " [time]"),
        // A table's columns are as wide as the durations below.
        (r"(?m)^(task +runs) +cpu +wall", "$1  cpu  wall"),
        (r"sha256:[0-9a-f]+…?", "[digest]"),
        (r"[0-9a-f]{64}-[0-9a-f]{16}", "[digest]"),
        (r"\b[0-9]+(\.[0-9]+)? KiB", "[size]"),
    ]
    .into_iter()
    .fold(text, |text, (pattern, word)| regex(pattern).replace_all(&text, word).into_owned())
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}
