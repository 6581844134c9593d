//! Options for tests: nothing in the user's own folders is touched.

use std::path::Path;

use taskhost::HostOptions;

/// The defaults, but for the folders.
pub(crate) fn options() -> HostOptions {
    let scratch = |name: &str| Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
    HostOptions { cache_folder: scratch("compiled"), data_folder: scratch("data"), ..HostOptions::default() }
}
