//! Each target runs for a few seconds, from another seed each time; a test's name begins with that of its target.

use std::path::Path;

use taskhost_fuzz::{Loader, duration, flow_parser, grants, hostile_corpus, hostile_results, run, value_codec};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The example flows, and some that have been trouble.
fn flows() -> Vec<Vec<u8>> {
    let mut flows: Vec<Vec<u8>> = std::fs::read_dir(root().join("example-tasks"))
        .expect("example-tasks exists")
        .filter_map(|entry| std::fs::read(entry.expect("readable").path().join("flow.toml")).ok())
        .collect();
    assert!(flows.len() >= 6, "the examples are the corpus");
    flows.push(
        b"[tasks.a]\ncall = \"x.y\"\nwith.a = [{ b = \"${a[0].c}\" }, \"$${x}\"]\nmap = [\"a\"]\nwhen = \"${p}\"\n"
            .to_vec(),
    );
    flows
}

/// A fresh loader every so often, since one keeps each component that it has loaded.
struct Loaders(Loader, u32);

impl Loaders {
    fn new() -> Loaders {
        Loaders(Loader::new(), 0)
    }

    fn next(&mut self) -> &Loader {
        self.1 += 1;
        if self.1.is_multiple_of(500) {
            self.0 = Loader::new();
        }
        &self.0
    }
}

#[test]
fn flow_no_text_makes_the_parser_panic() {
    assert!(run("flow", duration(), &flows(), flow_parser) > 0);
}

#[test]
fn component_no_bytes_make_the_loader_panic() {
    let tiny = root().join("tests/guests/tiny/components/tiny.wasm");
    let bytes =
        std::fs::read(&tiny).unwrap_or_else(|_| panic!("{} is missing: run `cargo xtask guests`", tiny.display()));
    let mut loaders = Loaders::new();
    run("component", duration(), &[bytes], |bytes| {
        let _ = loaders.next().load(bytes);
    });
}

#[test]
fn result_no_memory_of_a_guest_makes_lifting_panic() {
    let mut loaders = Loaders::new();
    run("result", duration(), &hostile_corpus(), |bytes| hostile_results(loaders.next(), bytes));
}

#[test]
fn value_what_is_read_is_written_as_it_was() {
    run("value", duration(), &[], value_codec);
}

#[test]
fn grants_a_rule_prints_as_itself_and_allows_no_other_host() {
    run("grants", duration(), &[], grants);
}
