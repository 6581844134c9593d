//! May read `data`, in which links lead out of it: to a file, to a folder, up, and by an absolute path.
//! allow.read = ["data"]
//! expect: ok: refused all
//! needs: files

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    if std::fs::read_to_string("data/link-inside").ok().as_deref() != Some("inside") {
        return Err("a link that stays inside cannot be read".to_owned());
    }
    let mut ways = crate::Ways::default();
    for path in [
        "data/link-secret",
        "data/link-absolute",
        "data/link-up/secret.txt",
        "data/link-up/data/link-secret",
        "data/link-up/other/file.txt",
        "data/link-other/file.txt",
        "data/link-loop",
        "data/deep/../link-up/secret.txt",
    ] {
        ways.tried(path, std::fs::read(path));
    }
    for path in ["data/link-up", "data/link-other"] {
        ways.tried(path, std::fs::read_dir(path).and_then(|mut all| all.next().transpose()));
    }
    ways.verdict()
}
