//! The Rust target `wasm32-wasip2`: there already, installed by rustup, or one error with the ways out.

use std::path::Path;

use crate::command::{self, Failure};

/// What guests are built for.
pub(crate) const WASM: &str = "wasm32-wasip2";

/// Makes sure that guests can be built.
pub(crate) fn ensure() -> Result<(), Failure> {
    if is_installed() {
        return Ok(());
    }
    command::step(format_args!("installing the Rust target {WASM}: rustup target add {WASM}"));
    // In the project's folder, so that a rust-toolchain.toml there is respected.
    match command::run(command::program("rustup").args(["target", "add", WASM]), "") {
        Ok(()) if is_installed() => Ok(()),
        Ok(()) => Err(missing("rustup added it, but to another compiler than `rustc` here")),
        Err(failure) => Err(missing(failure.problem())),
    }
}

/// Whether the standard library for the target lies where the compiler looks for it.
fn is_installed() -> bool {
    let folder = command::output(command::program("rustc").args(["--print", "target-libdir", "--target", WASM]));
    let Some(entries) = folder.and_then(|folder| Path::new(folder.trim()).read_dir().ok()) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

fn missing(why: &str) -> Failure {
    let version = command::output(command::program("rustc").arg("--version")).unwrap_or_default();
    Failure::new(
        format!("the Rust target `{WASM}` is not installed: {why}"),
        format!(
            "one of these, then the same command again:
  - with rustup and a network: `rustup target add {WASM}`
  - rustup behind a proxy or mirror: set HTTPS_PROXY or RUSTUP_DIST_SERVER, then the same
  - without a network: fetch `rust-std-<version>-{WASM}.tar.xz` for this compiler elsewhere
    ({}), unpack it, and run its `install.sh --prefix=\"$(rustc --print sysroot)\"`
  - without rustup: install Rust from https://rustup.rs, or your distribution's package of the standard library for wasm32-wasip2",
            version.trim()
        ),
    )
}
