//! A catalog and surroundings that are tables, and a picture of diagnostics that a test can compare.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use taskhost_flow::{Checked, Diagnostics, FlowSource, FolderState, Surroundings, check, parse};
use taskhost_model::grants::FolderGrant;
use taskhost_model::seams::{Catalog, CatalogError};
use taskhost_model::signature::ImportedInterface;
use taskhost_model::{ComponentSignature, Digest, TaskSignature, ValueType};

/// Components by path; their tasks are written as in WIT, `interface/function` where the interface matters:
/// `"random-num: func(stop: u32) -> result<u32, string>"`. `!name: reason` is a function that cannot be one, `<name` an import.
#[derive(Default)]
pub struct TestCatalog(HashMap<String, Result<Arc<ComponentSignature>, CatalogError>>);

impl TestCatalog {
    pub fn with(mut self, path: &str, tasks: &[&str]) -> TestCatalog {
        self.0.insert(path.to_owned(), Ok(Arc::new(signature(path, tasks))));
        self
    }

    pub fn with_unusable(mut self, path: &str, message: &str, help: &str) -> TestCatalog {
        let error = CatalogError { message: message.to_owned(), help: Some(help.to_owned()) };
        self.0.insert(path.to_owned(), Err(error));
        self
    }
}

impl Catalog for TestCatalog {
    fn signature(&self, path: &Path) -> Result<Arc<ComponentSignature>, CatalogError> {
        self.0.get(path.to_str().expect("a readable path")).cloned().unwrap_or_else(|| {
            Err(CatalogError {
                message: "does not exist".to_owned(),
                help: Some("build it, or fix the path".to_owned()),
            })
        })
    }
}

fn signature(path: &str, tasks: &[&str]) -> ComponentSignature {
    ComponentSignature {
        digest: Digest::of(path.as_bytes()),
        size_bytes: 1,
        tasks: tasks.iter().filter(|task| !task.starts_with(['!', '<'])).map(|task| task_signature(task)).collect(),
        unusable: tasks
            .iter()
            .filter_map(|task| task.strip_prefix('!')?.split_once(": "))
            .map(|(name, reason)| (name.into(), reason.to_owned()))
            .collect(),
        imports: tasks
            .iter()
            .filter_map(|task| task.strip_prefix('<'))
            .map(|name| ImportedInterface { name: name.into(), functions: Vec::new() })
            .collect(),
    }
}

fn task_signature(text: &str) -> TaskSignature {
    let (name, rest) = text.split_once(": func(").expect("a name");
    let (parameters, result) = rest.rsplit_once(" -> ").map_or((rest, None), |(before, ty)| (before, Some(ty)));
    let (interface, function) = name.rsplit_once('#').map_or(("demo:all/tasks@0.1.0", name), |(i, f)| (i, f));
    let parameters = parameters.trim_end_matches(')');
    TaskSignature {
        interface: Some(interface.into()),
        function: function.into(),
        parameters: split_top(parameters)
            .into_iter()
            .map(|part| part.split_once(": ").expect("a parameter"))
            .map(|(name, ty)| (name.into(), ty.parse::<ValueType>().expect("a type")))
            .collect(),
        result: result.map(|ty| ty.parse().expect("a type")),
        docs: None,
    }
}

/// Splits at commas that are in no brackets.
fn split_top(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '<' | '{' | '(' => depth += 1,
            '>' | '}' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Files beside the flow, by path.
#[derive(Default)]
pub struct Files(pub HashMap<&'static str, &'static str>);

impl Surroundings for Files {
    fn subflow(&self, path: &Path) -> Result<Arc<FlowSource>, String> {
        let text = self.0.get(path.to_str().expect("a readable path")).ok_or("does not exist")?;
        Ok(Arc::new(FlowSource::new(path, *text)))
    }

    fn default_file(&self, path: &Path) -> Result<Vec<u8>, String> {
        let text = self.0.get(path.to_str().expect("a readable path")).ok_or("does not exist")?;
        Ok(text.as_bytes().to_vec())
    }

    fn folder(&self, grant: &FolderGrant) -> FolderState {
        let path = grant.host_path();
        let path = path.strip_prefix(".").unwrap_or(&path);
        let is = |file: &&str| Path::new(file) == path;
        match self.0.keys().any(|file| Path::new(file).starts_with(path)) {
            _ if self.0.keys().any(is) => FolderState::Unusable { reason: "is a file".into(), help: "…".into() },
            true => FolderState::There,
            false => FolderState::Absent,
        }
    }
}

/// The catalog of most tests.
pub fn catalog() -> TestCatalog {
    TestCatalog::default()
        .with(
            "components/numbers.wasm",
            &["random-num: func(stop: u32) -> result<u32, string>", "sum: func(numbers: list<u32>) -> u64"],
        )
        .with(
            "t.wasm",
            &[
                "give-u32: func() -> u32",
                "give-u64: func() -> u64",
                "give-string: func() -> string",
                "give-bool: func() -> bool",
                "give-list: func() -> list<u32>",
                "give-person: func() -> record { name: string, age: u8, tags: list<string> }",
                "give-pair: func() -> tuple<u32, string>",
                "give-maybe: func() -> option<u32>",
                "give-nothing: func()",
                "may-fail: func(n: u32) -> result<u32, string>",
                "may-fail-oddly: func() -> result<u32, record { code: u8 }>",
                "take-u32: func(n: u32) -> u32",
                "take-u64: func(n: u64) -> u64",
                "take-u8: func(n: u8) -> u8",
                "take-s32: func(n: s32) -> s32",
                "take-f64: func(x: f64) -> f64",
                "take-bool: func(b: bool) -> bool",
                "take-string: func(text: string) -> string",
                "take-bytes: func(bytes: list<u8>) -> u32",
                "take-maybe: func(n: option<u32>) -> u32",
                "take-result: func(r: result<u32, string>) -> u32",
                "take-numbers: func(numbers: list<u32>) -> u32",
                "take-maybes: func(numbers: list<option<u32>>) -> u32",
                "take-person: func(person: record { name: string, age: u8, tags: list<string> }) -> string",
                "take-pair: func(pair: tuple<u32, string>) -> string",
                "take-colour: func(colour: enum { red, green }) -> string",
                "take-results: func(all: list<result<u32, string>>) -> u32",
                "add: func(a: u32, b: u32) -> u32",
                "demo:one/first@1.0.0#same: func() -> u32",
                "demo:one/second@1.0.0#same: func() -> u32",
                "!stream-it: it takes a `stream`, which is not available in this version",
            ],
        )
        .with(
            "all.wasm",
            &[
                "run: func() -> u32",
                "<wasi:io/streams@0.2.6",
                "<wasi:filesystem/preopens@0.2.6",
                "<wasi:filesystem/types@0.2.6",
                "<wasi:sockets/tcp@0.2.6",
                "<wasi:http/outgoing-handler@0.2.6",
                "<wasi:cli/environment@0.2.6",
                "<wasi:config/store@0.2.0-rc.1",
                "<wasi:clocks/wall-clock@0.2.6",
            ],
        )
        .with(
            "open.wasm",
            &[
                "demo:open/tasks@1.0.0#sum: func() -> u32",
                "demo:open/other@1.0.0#sum: func() -> u32",
                "demo:open/tasks@1.0.0#count: func() -> u32",
                "!demo:open/tasks@1.0.0.open: its result is a resource",
            ],
        )
        .with("files.wasm", &["run: func() -> u32", "<wasi:filesystem/types@0.2.6"])
        .with_unusable("broken.wasm", "is no WebAssembly", "build it again")
}

pub fn check_in(text: &str, files: &Files) -> Result<Checked, Diagnostics> {
    let source = Arc::new(FlowSource::new("flow.toml", text));
    check(parse(&source)?, files, &catalog())
}

pub fn check_text(text: &str) -> Result<Checked, Diagnostics> {
    check_in(text, &Files::default())
}

/// Each diagnostic as `line:column code: message | underlined text | help`.
pub fn picture(diagnostics: &Diagnostics) -> String {
    let line = |diagnostic: &taskhost_flow::Diagnostic| {
        let source = &diagnostic.source;
        let place = diagnostic.span.map(|span| {
            let at = source.line_column(span.start);
            let file = match source.path().to_str() {
                Some("flow.toml") | None => String::new(),
                Some(other) => format!("{other}:"),
            };
            (format!("{file}{}:{} ", at.line, at.column), underlined(&source.text()[span.range()]))
        });
        let (place, underlined) = place.unwrap_or_default();
        let help = diagnostic.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        let severity = match diagnostic.severity {
            taskhost_flow::Severity::Error => "",
            other => other.name(),
        };
        format!("{place}{severity}[{}] {}{underlined}{help}", diagnostic.code, diagnostic.message)
    };
    diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn underlined(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" | {text}") }
}

/// The flow is rejected with exactly these messages.
#[track_caller]
pub fn rejected(text: &str, expected: &str) {
    rejected_in(text, &Files::default(), expected);
}

#[track_caller]
pub fn rejected_in(text: &str, files: &Files, expected: &str) {
    match check_in(text, files) {
        Ok(_) => panic!("accepted"),
        Err(diagnostics) => same(&picture(&diagnostics), expected),
    }
}

/// Reading alone, without the check, finds exactly these mistakes.
#[track_caller]
pub fn misshapen(text: &str, expected: &str) {
    let source = Arc::new(FlowSource::new("flow.toml", text));
    let mistakes = parse(&source).map_or_else(|mistakes| mistakes, |file| Diagnostics::new(file.mistakes));
    same(&picture(&mistakes), expected);
}

/// The flow is accepted with exactly these warnings and notes.
#[track_caller]
pub fn accepted(text: &str, expected: &str) -> Arc<taskhost_flow::Flow> {
    match check_text(text) {
        Ok(checked) => {
            same(&picture(&checked.notes), expected);
            checked.flow
        }
        Err(diagnostics) => panic!("rejected:\n{}", picture(&diagnostics)),
    }
}

#[track_caller]
fn same(actual: &str, expected: &str) {
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    let actual: Vec<&str> = actual.lines().collect();
    assert!(actual == expected, "expected:\n{}\n\nactual:\n{}\n", expected.join("\n"), actual.join("\n"));
}

/// The flow of the front page.
pub const PARALLEL: &str = r#"
name = "parallel-execution"
description = "Draws three random numbers below `stop` at the same time and adds them up."

[parameters.stop]
type = "u32"
default = 5
description = "Upper bound, exclusive"

[components]
numbers = "components/numbers.wasm"

[tasks.number-1]
call = "numbers.random-num"
with.stop = "${stop}"

[tasks.number-2]
call = "numbers.random-num"
with.stop = "${stop}"

[tasks.number-3]
call = "numbers.random-num"
with.stop = "${stop}"

[tasks.sum-numbers]
call = "numbers.sum"
with.numbers = ["${number-1}", "${number-2}", "${number-3}"]

[outputs]
total = "${sum-numbers}"
"#;
