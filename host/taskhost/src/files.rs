//! [`Files`]: flows and default files from the file system, each with a limit on its size.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use taskhost_flow::check::Surroundings;
use taskhost_flow::{Diagnostics, FlowSource};
use taskhost_model::limits::{FLOW_BYTES_MAX, Limits};
use taskhost_model::task_run::Bytes;

/// Largest `default-file`: it becomes a value, and the largest value that a task may return is also the largest that
/// one can be given.
const DEFAULT_FILE_BYTES_MAX: u64 = Limits::DEFAULT.result_bytes_max;

/// What lies beside a flow in the file system.
pub(crate) struct Files;

impl Surroundings for Files {
    fn subflow(&self, path: &Path) -> Result<Arc<FlowSource>, String> {
        let bytes = read(path, FLOW_BYTES_MAX)?;
        source(path, bytes).map_err(|mistakes| {
            let all: Vec<String> = mistakes.iter().map(|mistake| mistake.message.clone()).collect();
            format!("cannot be read: {}", all.join("; "))
        })
    }

    fn default_file(&self, path: &Path) -> Result<Vec<u8>, String> {
        read(path, DEFAULT_FILE_BYTES_MAX)
    }

    fn folder_exists(&self, path: &Path) -> bool {
        path.is_dir()
    }
}

/// A folder `taskhost` of this user, as the XDG base directory specification has it: below the folder that the variable names, if that is
/// absolute, or below one in the user's home.
pub(crate) fn user_folder(variable: &str, in_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(in_home)))?;
    Some(folder.join("taskhost"))
}

/// The flow in the bytes of a file.
pub(crate) fn source(path: &Path, bytes: Vec<u8>) -> Result<Arc<FlowSource>, Diagnostics> {
    FlowSource::from_bytes(path, bytes).map(Arc::new)
}

/// The content of a file that has at most `bytes_max`. The message reads after "file `x` …".
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    // Looked at before it is opened: opening a pipe without a writer waits for ever.
    let metadata = fs::metadata(path).map_err(reason)?;
    if metadata.is_dir() {
        return Err("is a folder".into());
    }
    if !metadata.is_file() {
        return Err("is not a regular file".into());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(reason)?;
    // One more than allowed shows that there is more; what the metadata said may have changed.
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(reason)?;
    match bytes.len() as u64 > bytes_max {
        true => Err(format!("is larger than {}", Bytes(bytes_max))),
        false => Ok(bytes),
    }
}

fn reason(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".into(),
        io::ErrorKind::PermissionDenied => "may not be read by this user".into(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_of_a_fair_size_is_refused_with_its_reason() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let reason = |path: &str, max| read(&here.join(path), max).expect_err("refused");
        assert_eq!(reason("no-such-file", 10), "does not exist");
        assert_eq!(reason("src", 10), "is a folder");
        assert_eq!(reason("Cargo.toml", 10), "is larger than 10 B");
        assert!(read(&here.join("Cargo.toml"), 1 << 20).is_ok());
    }

    #[test]
    fn folders_are_told_from_files_and_from_nothing() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let exists = |path: &str| Files.folder_exists(&here.join(path));
        assert_eq!(["src", "Cargo.toml", "no-such-folder"].map(exists), [true, false, false]);
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_not_read() {
        assert_eq!(read(Path::new("/dev/zero"), 10), Err("is not a regular file".into()));
    }
}
