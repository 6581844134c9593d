//! Reads what the command line names, never more than fits: a device has no end.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use taskhost_model::task_run::Bytes;

use crate::error::CliError;

/// The bytes of a file, a device, or a pipe that is open already, such as that of `<(command)`.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, CliError> {
    let open = || {
        let metadata = fs::metadata(path)?;
        if is_named_pipe(path, &metadata) {
            return Err(io::Error::other("it is no file"));
        }
        let file = File::open(path)?;
        // Known without reading it.
        let is_larger = metadata.is_file() && metadata.len() > bytes_max;
        if is_larger { Ok(None) } else { at_most(file, bytes_max) }
    };
    let bytes = open().map_err(|error| CliError::reading(path, &error))?;
    bytes.ok_or_else(|| too_large(&format!("`{}`", path.display()), bytes_max))
}

/// Opening such a pipe waits until somebody writes, for ever if nobody does. One that the shell opened has no name, only a link to it.
#[cfg(unix)]
fn is_named_pipe(path: &Path, metadata: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type()) && fs::canonicalize(path).is_ok()
}

#[cfg(not(unix))]
fn is_named_pipe(_path: &Path, _metadata: &Metadata) -> bool {
    false
}

/// That there is something at a path of the command line; what it is shows when it is read.
pub(crate) fn is_there(path: &Path) -> Result<(), CliError> {
    std::fs::metadata(path).map(drop).map_err(|error| CliError::reading(path, &error))
}

/// The bytes of stdin.
pub(crate) fn read_stdin(bytes_max: u64) -> Result<Vec<u8>, CliError> {
    let bytes = at_most(io::stdin().lock(), bytes_max)
        .map_err(|error| CliError::usage(format!("could not read stdin: {error}"), "check what is piped into it"))?;
    bytes.ok_or_else(|| too_large("stdin", bytes_max))
}

/// Nothing if there are more.
fn at_most(from: impl Read, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

fn too_large(name: &str, bytes_max: u64) -> CliError {
    let message = format!("{name} is larger than {}", Bytes(bytes_max));
    CliError::usage(message, "give less, or let a task read large data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_read_up_to_the_limit() {
        assert_eq!(at_most(io::repeat(0), 1000).expect("bytes"), None);
        assert_eq!(at_most(&[1, 2, 3][..], 3).expect("bytes"), Some(vec![1, 2, 3]));
        assert_eq!(at_most(&[1, 2, 3][..], 2).expect("bytes"), None);
    }
}
