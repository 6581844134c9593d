//! Whatever the text is, reading and checking it ends with a flow or with messages, soon, and without a panic.

mod support;

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use support::{Files, PARALLEL, catalog};
use taskhost_flow::{Checked, Diagnostics, FlowSource, check, parse};

const TOUR: &str = r#"
runner = { kind = "threads", workers = 2 }
[defaults]
limits = { memory = "64 MiB", cpu = "1.5s" }
[parameters]
n = { default = [1, 2] }
p = { type = "record { a: u8, b: option<string> }", default = { a = 1 } }
[components]
t = { path = "t.wasm" }
[tasks.a]
call = "t.tasks.may-fail"
with.n = "${n}"
map = ["n"]
on-failure = "collect"
[tasks.b]
call = "t.take-person"
with.person = { name = "x ${p.b} $${y}", age = "${p.a}", tags = ['${n}'] }
when = "${yes}"
after = ["a"]
[tasks.yes]
call = "t.give-bool"
timeout = "1h"
[tasks.sub]
flow = "sub.toml"
[outputs]
all = "${a[0]}"
b = { x = ["${b}"], y = 1 }
"#;

fn whole(bytes: Vec<u8>) -> Result<Checked, Diagnostics> {
    let source = Arc::new(FlowSource::from_bytes("flow.toml", bytes)?);
    check(parse(&source)?, &Files([("sub.toml", "[tasks.a]\nflow = \"flow.toml\"\n")].into()), &catalog())
}

fn survives(bytes: Vec<u8>) {
    if let Err(diagnostics) = whole(bytes) {
        assert!(diagnostics.has_errors());
        assert!(!support::picture(&diagnostics).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives(bytes);
    }

    #[test]
    fn arbitrary_tokens_do_no_harm(tokens in proptest::collection::vec(
        prop::sample::select(vec!["[", "]", "tasks", ".", "a", "\n", "=", "\"", "${", "}", "call", "with", "{", ",", "'", "5",
            "-", "ä", "map", "flow", "parameters", "type", "list<", "\"u32\"", "\"${a}\"", "\"t.sum\"", "[tasks.a]\n", "\"\"\""]), 0..40)) {
        survives(tokens.concat().into_bytes());
    }

    #[test]
    fn damaged_flows_do_no_harm(
        tour in any::<bool>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>(), any::<prop::sample::Index>()), 1..6),
    ) {
        let mut bytes = if tour { TOUR } else { PARALLEL }.as_bytes().to_vec();
        for (at, kind, byte, other) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte & 0x7f,
                1 => { bytes.remove(at); }
                2 => bytes.insert(at, byte),
                _ => {
                    let other = other.index(bytes.len());
                    let piece: Vec<u8> = bytes[at.min(other)..at.max(other)].iter().copied().take(30).collect();
                    let after = bytes.split_off(at);
                    bytes.extend(piece);
                    bytes.extend(after);
                }
            }
            if bytes.is_empty() { break; }
        }
        survives(bytes);
    }
}

#[test]
fn deep_nesting_is_refused_by_name() {
    for text in [
        "a=".to_owned() + &"[".repeat(100_000),
        "a.".repeat(100_000) + "b = 1",
        "x = ".to_owned() + &"{a=".repeat(100_000),
    ] {
        survives(text.into_bytes());
    }
    let deep = format!("[parameters.p]\ntype = \"{}u8{}\"\n", "list<".repeat(50_000), ">".repeat(50_000));
    survives(deep.into_bytes());
}

/// `count` tasks, each of which takes the result of the one before (or of the first).
fn large(count: usize, chain: bool) -> String {
    let mut text = String::from("components.t = \"t.wasm\"\n[tasks.n0]\ncall = \"t.give-u32\"\n");
    for at in 1..count {
        let before = if chain { at - 1 } else { 0 };
        write!(text, "[tasks.n{at}]\ncall = \"t.take-u32\"\nwith.n = \"${{n{before}}}\"\n").expect("a string");
    }
    text
}

#[test]
fn ten_thousand_tasks_are_checked() {
    assert_eq!(whole(large(10_000, false).into_bytes()).expect("a good flow").flow.tasks.len(), 10_000);
}

#[test]
fn chain_of_a_hundred_thousand_tasks_is_checked() {
    let flow = whole(large(100_000, true).into_bytes()).expect("a good flow").flow;
    assert_eq!(flow.tasks[99_999].needs, [99_998]);
}

#[test]
fn cycle_of_a_hundred_thousand_tasks_is_shown_in_short() {
    let text =
        large(100_000, true).replacen("call = \"t.give-u32\"", "call = \"t.take-u32\"\nwith.n = \"${n99999}\"", 1);
    let diagnostics = whole(text.into_bytes()).expect_err("a cycle");
    assert_eq!(diagnostics.len(), 1);
    let message = &diagnostics.iter().next().expect("one").message;
    assert_eq!(
        message,
        "tasks wait for each other: `n0 → n1 → n2 → n3 → n4 → … → n99996 → n99997 → n99998 → n99999 → n0`"
    );
}

#[test]
fn fifty_thousand_mistakes_are_all_told() {
    let text = large(50_000, true).replace("${n", "${m");
    assert_eq!(whole(text.into_bytes()).expect_err("mistakes").len(), 49_999);
}
