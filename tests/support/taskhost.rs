//! The command `taskhost` that lies beside a test's own program.

use std::path::PathBuf;
use std::process::Command;

/// The command beside this test, built anew if it is out of date. `cargo xtask test` has just built it with everything else, and says so:
/// alone it would be built once more, with fewer features.
pub(crate) fn build(only_lists: bool) -> PathBuf {
    let test = std::env::current_exe().expect("a path of this test");
    let profile_folder = test.ancestors().nth(2).expect("target/<profile>/deps/<this test>").to_owned();
    let taskhost = profile_folder.join(format!("taskhost{}", std::env::consts::EXE_SUFFIX));
    let is_built = std::env::var_os("TASKHOST_TESTS_BUILT").is_some() && taskhost.exists();
    if !only_lists && !is_built {
        let profile = match profile_folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--package", "taskhost-cli", "--profile", profile, "--target-dir"])
            .arg(profile_folder.parent().expect("a target folder"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.is_ok_and(|status| status.success()), "`taskhost` does not build");
    }
    taskhost
}
