//! Folders that a tool writes anew each time, and whose files keep their times if nothing has changed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// What Python puts beside modules that it has read.
const CACHE: &str = "__pycache__";

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
        let name = path.file_name().unwrap_or_default();
        let is_gone = name != CACHE && !fresh.join(name).exists();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_keeps_its_time_and_what_is_gone_is_deleted() {
        let folder = std::env::temp_dir().join(format!("taskhost-folder-{}", std::process::id()));
        let (made, place) = (folder.join("made"), folder.join("place"));
        let write = |path: &str, text: &str| {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("below the folder")).expect("ours");
            fs::write(path, text).expect("ours");
        };
        write("made/same/a.py", "a");
        write("made/same/b.py", "new");
        for (path, text) in [("same/a.py", "a"), ("same/b.py", "old"), ("gone/c.py", "c"), ("__pycache__/a.pyc", "")] {
            write(&format!("place/{path}"), text);
        }
        let time = || fs::metadata(place.join("same/a.py")).and_then(|file| file.modified()).expect("a time");
        let before = time();
        replace(&made, &place).expect("equal");
        assert_eq!(time(), before);
        assert_eq!(fs::read_to_string(place.join("same/b.py")).expect("there"), "new");
        assert!(!place.join("gone").exists());
        assert!(place.join("__pycache__/a.pyc").exists());
        fs::remove_dir_all(&folder).expect("ours");
    }
}
