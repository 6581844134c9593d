//! Opens a file behind a folder that another guest swaps for a link which leads out.
//! allow.write = ["out"]
//! beside: swap_links
//! expect: ok: never read the secret
//! needs: files

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    for _ in 0..20_000 {
        for path in ["out/door/secret.txt", "out/link/secret.txt"] {
            if std::fs::read_to_string(path).is_ok_and(|text| text != "inside") {
                return Err(format!("escaped by {path}"));
            }
        }
        let _ = std::fs::write("out/door/new.txt", "x");
    }
    Ok("never read the secret".to_owned())
}
