//! Opens folders and streams of their entries and never closes one.
//! allow.read = ["data"]
//! expect: had more than its 64 files open
//! needs: files

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut folders = Vec::new();
    loop {
        match std::fs::read_dir("data") {
            Ok(folder) => folders.push(folder),
            Err(error) => return Ok(format!("{} folders, then {error}", folders.len())),
        }
    }
}
