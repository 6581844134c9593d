//! May read `data`, and changes it.
//! allow.read = ["data"]
//! expect: ok: refused all
//! needs: files

use std::fs::OpenOptions;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut ways = crate::Ways::default();
    let file = "data/inside.txt";
    ways.tried("writing", std::fs::write(file, "x"));
    ways.tried("appending", OpenOptions::new().append(true).open(file));
    ways.tried("emptying", OpenOptions::new().write(true).truncate(true).open(file));
    ways.tried("making", std::fs::write("data/new.txt", "x"));
    ways.tried("removing", std::fs::remove_file(file));
    ways.tried("moving", std::fs::rename(file, "data/other.txt"));
    ways.tried("linking", std::fs::hard_link(file, "data/other.txt"));
    ways.tried("a folder", std::fs::create_dir("data/new"));
    ways.tried("removing a folder", std::fs::remove_dir_all("data/deep"));
    for (folder, _) in get_directories() {
        ways.tried("a symbolic link", folder.symlink_at("inside.txt", "link-new"));
        let open = |flags| folder.open_at(PathFlags::empty(), "inside.txt", OpenFlags::empty(), flags);
        ways.tried("opening for writing", open(DescriptorFlags::READ | DescriptorFlags::WRITE));
        if let Ok(file) = open(DescriptorFlags::READ) {
            ways.tried("a size", file.set_size(0));
            ways.tried("a write", file.write(b"x", 0));
            ways.tried(
                "a stream",
                file.write_via_stream(0).and_then(|stream| {
                    stream
                        .blocking_write_and_flush(b"x")
                        .map_err(|_| wasip2::filesystem::types::ErrorCode::NotPermitted)
                }),
            );
        }
    }
    ways.verdict()
}
