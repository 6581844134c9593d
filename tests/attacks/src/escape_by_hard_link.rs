//! May write in `out` and read `data`, and gives files outside a second name inside.
//! allow.read = ["data"]
//! allow.write = ["out"]
//! expect: ok: refused all
//! needs: files

pub(crate) fn attack(target: &crate::Target) -> Result<String, String> {
    let mut ways = crate::Ways::default();
    let outside = format!("{}/secret.txt", target.folder);
    for from in [
        "out/../secret.txt",
        "../secret.txt",
        "data/link-secret",
        "data/link-up/secret.txt",
        &outside,
        "data/inside.txt",
    ] {
        let linked = std::fs::hard_link(from, "out/stolen").and_then(|()| std::fs::read("out/stolen"));
        // What may only be read must not become what may be written.
        ways.tried(format_args!("a hard link to {from}"), linked);
        ways.tried(format_args!("moving {from}"), std::fs::rename(from, "out/stolen"));
        let _ = std::fs::remove_file("out/stolen");
    }
    for to in ["out/../secret.txt", "data/new.txt", "data/link-up/new.txt", &format!("{}/new.txt", target.folder)] {
        std::fs::write("out/mine", "x").map_err(|error| format!("what is granted cannot be written: {error}"))?;
        ways.tried(format_args!("linking to {to}"), std::fs::hard_link("out/mine", to));
        ways.tried(format_args!("moving to {to}"), std::fs::rename("out/mine", to));
        ways.tried(format_args!("copying to {to}"), std::fs::copy("out/mine", to));
    }
    ways.verdict()
}
