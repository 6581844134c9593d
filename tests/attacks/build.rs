//! Lists the attacks: each file of `src` but `lib.rs` is one, with a function `attack`.

use std::fmt::Write;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=src");
    let source = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("src");
    let mut names: Vec<String> = std::fs::read_dir(&source)
        .expect("the folder `src`")
        .filter_map(|entry| {
            let name = entry.expect("an entry that can be read").file_name().into_string().ok()?;
            name.strip_suffix(".rs").filter(|name| *name != "lib").map(str::to_owned)
        })
        .collect();
    names.sort();
    let mut text = String::new();
    for name in &names {
        let file = source.join(format!("{name}.rs"));
        writeln!(text, "#[path = {file:?}]\nmod {name};").expect("writing to a string");
    }
    text.push_str("fn attack_named(name: &str, host: &Target) -> Option<Result<String, String>> {\n    match name {\n");
    for name in &names {
        writeln!(text, "        {name:?} => Some({name}::attack(host)),").expect("writing to a string");
    }
    text.push_str("        _ => None,\n    }\n}\n");
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("attacks.rs"), text).expect("a file in the build folder");
}
