//! `cargo xtask fuzz`: all fuzz targets for some minutes, or one of them, or one input again.
//!
//! The targets are tests (`tests/fuzz`), which `cargo xtask test` runs for seconds. No special toolchain is needed.

use crate::command::{self, Failure};
use crate::guests;
use crate::workspace::Workspace;

const USAGE: &str = "cargo xtask fuzz [--minutes N] [--only TARGET] [--input FILE], with TARGET one of flow, component, result, value, grants";

/// How long when nothing else is said, over all targets.
const MINUTES_DEFAULT: u64 = 10;

/// How many targets share the time.
const TARGETS: u64 = 5;

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    let (mut minutes, mut only, mut input) = (MINUTES_DEFAULT, None, None);
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| Failure::new(format!("`{word}` wants a value"), USAGE))?;
        match word.as_str() {
            "--minutes" => {
                minutes =
                    value.parse().map_err(|_| Failure::new(format!("`{value}` is no number of minutes"), USAGE))?;
            }
            "--only" => only = Some(value),
            "--input" => input = Some(std::path::absolute(value).unwrap_or_else(|_| value.into())),
            _ => return Err(Failure::new(format!("`fuzz` knows no `{word}`"), USAGE)),
        }
    }
    guests::run()?;
    let shares = if only.is_some() { 1 } else { TARGETS };
    command::step(format_args!("fuzzing for {minutes} minutes"));
    let workspace = Workspace::read()?;
    let mut test = command::cargo();
    test.args(["test", "--release"]).args(workspace.host_crates()).args(["--test", "fuzz", "--"]);
    test.args(["--nocapture", "--test-threads", "1"]).args(only.map(|target| format!("{target}_")));
    test.env("TASKHOST_FUZZ_SECONDS", (minutes * 60 / shares).to_string());
    if let Some(input) = input {
        test.env("TASKHOST_FUZZ_INPUT", input);
    }
    command::run(
        &mut test,
        "the input that failed is kept in tests/fuzz/corpus; the line above says how to try it again",
    )
}
