//! May read `data`, and looks for a path that leads out of it.
//! allow.read = ["data"]
//! expect: ok: refused all
//! needs: files

pub(crate) fn attack(target: &crate::Target) -> Result<String, String> {
    if std::fs::read_to_string("data/inside.txt").ok().as_deref() != Some("inside") {
        return Err("what is granted cannot be read".to_owned());
    }
    let mut ways = crate::Ways::default();
    for path in [
        "data/../secret.txt",
        "data/deep/../../secret.txt",
        "data/./../secret.txt",
        "data//../secret.txt",
        "./data/../secret.txt",
        "../secret.txt",
        "secret.txt",
        "other/file.txt",
        "/secret.txt",
        "/data/../secret.txt",
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/self/root/etc/passwd",
        "data/../../../../../../../../etc/passwd",
        "data/..\\secret.txt",
        "data/\0/../../secret.txt",
        "DATA/inside.txt",
        "data /inside.txt",
        &format!("{}/secret.txt", target.folder),
        &format!("{}/data/inside.txt", target.folder),
        &format!("data/{}/secret.txt", target.folder),
    ] {
        ways.tried(path, std::fs::read(path));
        ways.tried(format_args!("the size of {path}"), std::fs::metadata(path));
    }
    for path in ["data/..", "data/../..", "..", "/", "data/deep/../.."] {
        ways.tried(
            format_args!("the folder {path}"),
            std::fs::read_dir(path).and_then(|mut all| all.next().transpose()),
        );
    }
    ways.verdict()
}
