//! Swaps a folder for a link that leads out, over and over, while another guest opens what lies behind it.
//! allow.write = ["out"]
//! timeout = "300 ms"
//! expect: did not end within its timeout
//! needs: files

use wasip2::filesystem::preopens::get_directories;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let folders = get_directories();
    let (out, _) = folders.iter().find(|(_, name)| name.ends_with("out")).ok_or("`out` is not there")?;
    let _ = std::fs::create_dir("out/folder");
    std::fs::write("out/folder/secret.txt", "inside").map_err(|error| error.to_string())?;
    let mut swaps = 0_u32;
    while std::hint::black_box(true) {
        let _ = out.symlink_at("..", "link");
        let _ = std::fs::rename("out/folder", "out/door");
        let _ = std::fs::rename("out/door", "out/folder");
        let _ = std::fs::rename("out/link", "out/door");
        let _ = std::fs::remove_file("out/door");
        swaps += 1;
    }
    Ok(swaps.to_string())
}
