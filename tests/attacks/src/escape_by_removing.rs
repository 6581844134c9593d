//! May write in `out`, and removes and makes things around it.
//! allow.write = ["out"]
//! expect: ok: refused all
//! needs: files

pub(crate) fn attack(target: &crate::Target) -> Result<String, String> {
    let mut ways = crate::Ways::default();
    for path in ["out/../data", "out/..", "../data", &format!("{}/data", target.folder)] {
        ways.tried(format_args!("removing {path}"), std::fs::remove_dir_all(path));
        ways.tried(format_args!("emptying {path}"), std::fs::remove_file(format!("{path}/inside.txt")));
        ways.tried(format_args!("a folder in {path}"), std::fs::create_dir_all(format!("{path}/new")));
    }
    ways.tried("moving `out` away", std::fs::rename("out", "out/inside-itself"));
    ways.verdict()
}
