//! [`Files`]: flows and default files from the file system, each with a limit on its size.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use taskhost_flow::{Diagnostics, FlowSource, FolderState, Surroundings};
use taskhost_model::ArtifactRef;
use taskhost_model::grants::{Access, FolderGrant};
use taskhost_model::limits::{FLOW_BYTES_MAX, Limits};
use taskhost_model::task_run::Bytes;
use taskhost_store::RunRecord;

use crate::blobs;

/// Largest `default-file` that becomes a text or bytes: it becomes a value, and the largest value that a task may return is also the largest that
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

    fn blob(&self, path: &Path) -> Result<ArtifactRef, String> {
        blobs::name_of(path).map_err(reason)
    }

    fn folder(&self, grant: &FolderGrant) -> FolderState {
        let mut path = grant.base.clone().unwrap_or_else(|| "/".into());
        for (at, step) in grant.steps().enumerate() {
            path.push(step);
            // As the sandbox goes: step by step, through no link.
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(metadata) if metadata.is_symlink() => return link(grant, at, &path),
                Ok(metadata) => return no_folder(grant, at, &metadata),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return FolderState::Absent,
                Err(error) => return unusable(reason(error), "check who may enter the folders on the way"),
            }
        }
        match File::open(if path.as_os_str().is_empty() { Path::new(".") } else { &path }) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => FolderState::Absent,
            Err(error) => unusable(reason(error), "change who may read it, or grant another one"),
            Ok(_) => FolderState::There,
        }
    }
}

/// What lay beside the flow of a recorded flow run: subflows as they were, everything else as it is.
pub(crate) struct Recorded<'a>(pub(crate) &'a RunRecord);

impl Surroundings for Recorded<'_> {
    fn subflow(&self, path: &Path) -> Result<Arc<FlowSource>, String> {
        let own = crate::recording::absolute(path);
        match self.0.files.iter().find(|file| file.path == own) {
            Some(file) => Ok(Arc::new(FlowSource::new(path, &*file.text))),
            None => Files.subflow(path),
        }
    }

    fn default_file(&self, path: &Path) -> Result<Vec<u8>, String> {
        Files.default_file(path)
    }

    fn folder(&self, grant: &FolderGrant) -> FolderState {
        Files.folder(grant)
    }
}

fn unusable(reason: impl Into<String>, help: impl Into<String>) -> FolderState {
    FolderState::Unusable { reason: reason.into(), help: help.into() }
}

/// The first steps of a granted folder, as a flow names them.
fn beginning(grant: &FolderGrant, steps: usize) -> String {
    let steps = grant.steps().take(steps).collect::<Vec<_>>().join("/");
    match (&grant.base, steps.is_empty()) {
        (None, _) => format!("/{steps}"),
        (Some(_), true) => ".".to_owned(),
        (Some(_), false) => steps,
    }
}

/// The step `at` of the way, which ends at `path`, is a symbolic link.
fn link(grant: &FolderGrant, at: usize, path: &Path) -> FolderState {
    let reason = match at + 1 == grant.steps().count() {
        true => "is a symbolic link".to_owned(),
        false => format!("leads through the symbolic link `{}`", beginning(grant, at + 1)),
    };
    let here = grant.base.as_deref().map(|base| if base.as_os_str().is_empty() { Path::new(".") } else { base });
    let here = here.and_then(|base| fs::canonicalize(base).ok());
    let target = fs::canonicalize(path).ok().filter(|path| path.is_dir());
    let meant = target.map(|path| grant.steps().skip(at + 1).fold(path, |path, step| path.join(step)));
    let help = match meant.as_deref().map(|path| here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)) {
        Some(path) if path.as_os_str().is_empty() => "grant the folder that it points to: `.`".to_owned(),
        Some(path) => format!("grant the folder that it points to: `{}`", path.display()),
        None => "grant the folder that is meant; the link leads to none".to_owned(),
    };
    unusable(reason, help)
}

/// The step `at` of the way is a file, or a pipe or the like.
fn no_folder(grant: &FolderGrant, at: usize, metadata: &fs::Metadata) -> FolderState {
    let what = if metadata.is_file() { "a file" } else { "no folder" };
    let reason = match at + 1 == grant.steps().count() {
        true => format!("is {what}"),
        false => format!("leads through `{}`, which is {what}", beginning(grant, at + 1)),
    };
    let help = match (&grant.base, at) {
        (None, 0) => "grant a folder, not a file".to_owned(),
        (None, _) if grant.access == Access::Write && grant.steps().next().is_some_and(is_of_the_system) => {
            "single files are not granted, and the folder around it is the system's; let the task write in a folder of its own".to_owned()
        }
        _ => format!("single files are not granted; grant the folder that holds it: `{}`", beginning(grant, at)),
    };
    unusable(reason, help)
}

/// Whether a folder below `/` holds files that the machine needs: to grant the writing of all of them is never what was meant.
fn is_of_the_system(folder: &str) -> bool {
    ["bin", "boot", "etc", "lib", "lib32", "lib64", "opt", "root", "run", "sbin", "usr", "var"].contains(&folder)
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
        let state = |text: &str| Files.folder(&FolderGrant::new(text, here, Access::Read).expect("a folder"));
        assert_eq!(
            ["src/builder", ".", "no-such/folder"].map(state),
            [FolderState::There, FolderState::There, FolderState::Absent]
        );
        let help = "single files are not granted; grant the folder that holds it: `src`";
        assert_eq!(state("src/lib.rs"), unusable("is a file", help));
        assert_eq!(state("src/lib.rs/x"), unusable("leads through `src/lib.rs`, which is a file", help));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_is_told_to_have_a_folder_of_the_system_written_to() {
        let help = |access| {
            let grant = FolderGrant::new("/etc/passwd", Path::new("."), access).expect("a folder");
            let FolderState::Unusable { help, .. } = Files.folder(&grant) else { panic!("a file") };
            help
        };
        assert!(help(Access::Read).ends_with("grant the folder that holds it: `/etc`"));
        assert!(help(Access::Write).ends_with("let the task write in a folder of its own"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_on_the_way_is_told_with_the_folder_that_it_points_to() {
        let here = std::env::temp_dir().join(format!("taskhost-links-{}", std::process::id()));
        fs::create_dir_all(here.join("data")).expect("folders");
        for (link, target) in [("link", "data"), ("nowhere", "nothing"), ("out", "/usr")] {
            std::os::unix::fs::symlink(target, here.join(link)).expect("a link");
        }
        let state = |text: &str| Files.folder(&FolderGrant::new(text, &here, Access::Write).expect("a folder"));
        let found = ["link", "link/new", "nowhere", "out"].map(state);
        let _ = fs::remove_dir_all(&here);
        let points = |folder: &str| format!("grant the folder that it points to: `{folder}`");
        assert_eq!(found[0], unusable("is a symbolic link", points("data")));
        assert_eq!(found[1], unusable("leads through the symbolic link `link`", points("data/new")));
        assert_eq!(found[2], unusable("is a symbolic link", "grant the folder that is meant; the link leads to none"));
        assert_eq!(found[3], unusable("is a symbolic link", points("/usr")));
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_not_read() {
        assert_eq!(read(Path::new("/dev/zero"), 10), Err("is not a regular file".into()));
    }
}
