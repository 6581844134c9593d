//! May write in `out`, and makes links there that lead out of it.
//! allow.write = ["out"]
//! expect: ok: refused all
//! needs: files

use wasip2::filesystem::preopens::get_directories;

pub(crate) fn attack(target: &crate::Target) -> Result<String, String> {
    let folders = get_directories();
    let (out, _) = folders.iter().find(|(_, name)| name.ends_with("out")).ok_or("`out` is not there")?;
    let mut ways = crate::Ways::default();
    let targets = [
        "..".to_owned(),
        "../secret.txt".to_owned(),
        format!("{}/secret.txt", target.folder),
        "../data/..".to_owned(),
        "/".to_owned(),
    ];
    for (number, to) in targets.iter().enumerate() {
        let link = format!("link-{number}");
        // Making it may be allowed where following it is not; without a link, `link` is a file like any other.
        if out.symlink_at(to, &link).is_err() {
            ways.refused += 1;
            continue;
        }
        ways.tried(format_args!("reading by a link to {to}"), std::fs::read(format!("out/{link}")));
        ways.tried(format_args!("reading below a link to {to}"), std::fs::read(format!("out/{link}/secret.txt")));
        ways.tried(format_args!("writing by a link to {to}"), std::fs::write(format!("out/{link}"), "x"));
        ways.tried(format_args!("writing below a link to {to}"), std::fs::write(format!("out/{link}/new.txt"), "x"));
    }
    ways.verdict()
}
