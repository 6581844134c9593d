//! `cargo xtask sanitize`: the sandbox's tests and the fuzz targets under the address sanitizer, in a target folder of their own.
//!
//! wasmtime is built once more for it, which takes ten minutes; so this is not part of `test`. The sanitizer's runtime comes
//! with the stable toolchain, its flag does not, hence `RUSTC_BOOTSTRAP`.

use crate::command::{self, Failure};
use crate::guests;
use crate::workspace::root;

/// Proc macros and build scripts must not be built with the sanitizer, so the target is named.
const TARGET: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    guests::run()?;
    command::step("building and testing with the address sanitizer (the first time, ten minutes)");
    command::run(
        command::cargo()
            .args(["test", "--release", "--target", TARGET, "-p", "taskhost-sandbox", "-p", "taskhost-fuzz"])
            .args(rest)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", "-Zsanitizer=address")
            // Some things live as long as the process: the handle of a thread's async runtime.
            .env("ASAN_OPTIONS", "detect_leaks=0")
            .env("CARGO_TARGET_DIR", root().join("target/sanitize")),
        "the sanitizer's report stands above: it is a bug in unsafe code, ours or a dependency's",
    )
}
