//! Opens files and never closes one.
//! allow.read = ["data"]
//! expect: had more than its 64 files open
//! needs: files

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut files = Vec::new();
    loop {
        match std::fs::File::open("data/inside.txt") {
            Ok(file) => files.push(file),
            Err(error) => return Ok(format!("{} files, then {error}", files.len())),
        }
    }
}
