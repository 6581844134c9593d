//! Folders that a tool writes anew each time, and whose files keep their times if nothing has changed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Deletes a folder with all that is in it, if it is there.
pub(crate) fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file("delete", folder, &error)),
        _ => Ok(()),
    }
}

/// Makes `old` what `fresh` is. Equal files stay with their times, so that editors and compilers do not look at them again.
pub(crate) fn replace(fresh: &Path, old: &Path) -> Result<(), Error> {
    fs::create_dir_all(old).map_err(|error| Error::file("make the folder", old, &error))?;
    for path in entries(old)? {
        let is_gone = !fresh.join(path.file_name().unwrap_or_default()).exists();
        if is_gone && path.is_dir() {
            remove(&path)?;
        } else if is_gone {
            fs::remove_file(&path).map_err(|error| Error::file("delete", &path, &error))?;
        }
    }
    for path in entries(fresh)? {
        let place = old.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            replace(&path, &place)?;
            continue;
        }
        let bytes = fs::read(&path).map_err(|error| Error::file("read", &path, &error))?;
        if !fs::read(&place).is_ok_and(|present| present == bytes) {
            fs::write(&place, bytes).map_err(|error| Error::file("write", &place, &error))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(|error| Error::file("read the folder", folder, &error))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}
