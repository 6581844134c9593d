//! `cargo xtask guests`: builds every guest in one go and puts each component where flows and tests look for it.
//!
//! The crate `example-numbers` in `example-tasks/02-…` becomes `example-tasks/02-…/components/numbers.wasm`, and `guest-echo`
//! in `tests/guests/echo` becomes `tests/guests/echo/components/echo.wasm`.

use std::fs;
use std::path::Path;

use crate::command::{self, Failure};
use crate::target;
use crate::workspace::{Package, Workspace, root};

pub(crate) fn run() -> Result<(), Failure> {
    target::ensure()?;
    let workspace = Workspace::read()?;
    let guests: Vec<(&Package, &str)> =
        workspace.for_guests().filter_map(|package| Some((package, package.component.as_deref()?))).collect();
    command::step(format_args!("building {} guests for {}", guests.len(), target::WASM));
    let mut build = command::cargo();
    build.args(["build", "--target", target::WASM, "--profile", "guest"]);
    for (package, _) in &guests {
        build.args(["-p", &package.name]);
    }
    command::run(&mut build, "read the compiler's message above; the guests are in example-tasks/ and tests/guests/")?;
    let built = workspace.target_folder.join(target::WASM).join("guest");
    let mut changed = 0;
    for (package, component) in &guests {
        changed += usize::from(place(package, &built.join(format!("{component}.wasm")))?);
    }
    println!("{} components are in place, {changed} of them new or changed", guests.len());
    Ok(())
}

/// Copies a component beside its crate, and says whether that changed anything: an unchanged file keeps its time.
fn place(package: &Package, built: &Path) -> Result<bool, Failure> {
    let name = package.name.trim_start_matches("example-").trim_start_matches("guest-");
    let folder = package.folder.join("components");
    let wanted = folder.join(format!("{name}.wasm"));
    let shown = wanted.strip_prefix(root()).unwrap_or(&wanted).display().to_string();
    let wrong = |error: std::io::Error| {
        Failure::new(
            format!("failed to write `{shown}`: {error}"),
            "look at the permissions and the free space of that folder",
        )
    };
    let bytes = fs::read(built).map_err(|_| {
        Failure::new(format!("cargo built no `{}`", built.display()), "cargo clean, and the same command again")
    })?;
    if fs::read(&wanted).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    fs::create_dir_all(&folder).map_err(wrong)?;
    // A run that reads the component now must see the old or the new one whole.
    let partial = folder.join(format!(".{name}.partial"));
    fs::write(&partial, &bytes).and_then(|()| fs::rename(&partial, &wanted)).map_err(wrong)?;
    println!("    {shown} ({} KiB)", bytes.len().div_ceil(1024));
    Ok(true)
}
