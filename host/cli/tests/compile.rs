//! Components are compiled in a child process: one made to hurt the compiler is refused, and the host goes on.
#![cfg(unix)]

mod support;

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use support::{Folder, guest};
use taskhost_model::ComponentSignature;
use taskhost_model::seams::{Catalog, CatalogError};
use taskhost_sandbox::{Compiler, Sandbox, SandboxOptions};

/// One test at a time: a script cannot be started while another thread is about to start a process that still holds it open.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn sandbox(program: PathBuf) -> Arc<Sandbox> {
    let compiler = Compiler::Child { program };
    let options = SandboxOptions { compiler, instances: 4, ..SandboxOptions::default() };
    Sandbox::new(options).expect("a sandbox")
}

impl Folder {
    /// A shell script.
    fn script(&self, text: &str) -> PathBuf {
        let path = self.0.join("script");
        let _ = std::fs::remove_file(&path);
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o700).open(&path).expect("a file");
        write!(file, "#!/bin/sh\n{text}\n").expect("written");
        path
    }

    /// `taskhost` as a compiler, with other limits.
    fn compiler(&self, limits: &str) -> PathBuf {
        self.script(&format!("exec '{}' \"$@\" {limits}", env!("CARGO_BIN_EXE_taskhost")))
    }

    fn compile(&self, program: PathBuf, component: &[u8]) -> Result<Arc<ComponentSignature>, CatalogError> {
        self.write("component.wasm", component);
        sandbox(program).signature(&self.0.join("component.wasm"))
    }
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], &*leb128(content.len()), content].concat()
}

/// A component with one core module, whose functions take and give nothing.
fn component(bodies: &[Vec<u8>]) -> Vec<u8> {
    let count = leb128(bodies.len());
    let code: Vec<u8> = bodies.iter().flat_map(|body| [leb128(body.len()), body.clone()].concat()).collect();
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[count.clone(), vec![0; bodies.len()]].concat()),
        section(10, &[count, code].concat()),
    ];
    let instance = section(2, &[1, 0, 0, 0]);
    [b"\0asm\x0d\0\x01\0".to_vec(), section(1, &module.concat()), instance].concat()
}

/// Many functions of 50,000 locals each: minutes of processor time.
fn many_locals() -> Vec<u8> {
    component(&vec![[vec![1], leb128(50_000), vec![0x7f, 0x0b]].concat(); 20_000])
}

/// Loops over many locals: gigabytes.
fn used_locals() -> Vec<u8> {
    let mut body = [vec![1], leb128(50_000), vec![0x7f]].concat();
    for local in (0..50_000).step_by(10).map(leb128) {
        let add_one = [&[0x03, 0x40, 0x20], &*local, &[0x41, 1, 0x6a, 0x21], &*local, &[0x41, 0, 0x0d, 0, 0x0b]];
        body.extend(add_one.concat());
    }
    body.push(0x0b);
    component(&vec![body; 4])
}

#[test]
fn a_child_compiles_as_this_process_would() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let child = sandbox(env!("CARGO_BIN_EXE_taskhost").into());
    let options = SandboxOptions { instances: 4, ..SandboxOptions::default() };
    let own = Sandbox::new(options).expect("a sandbox");
    for name in ["tiny", "echo", "async-tasks"] {
        let path = PathBuf::from(guest(name));
        assert_eq!(child.signature(&path), own.signature(&path), "{name}");
    }
}

#[test]
fn a_component_over_a_limit_is_refused() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::new();
    for (limits, bomb, wanted) in [
        ("--cpu 1", many_locals(), "took more than 60 s to compile"),
        // The allocator reserves the first GiB of address space at once.
        ("--memory 1500000000", used_locals(), "needed more than 4 GiB to compile"),
    ] {
        let error = folder.compile(folder.compiler(limits), &bomb).expect_err(limits);
        assert_eq!(error.message, wanted);
        assert!(error.help.is_some());
    }
}

#[test]
fn large_and_deeply_nested_functions_are_compiled_or_refused() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::new();
    let nested = [vec![0], [0x02, 0x40].repeat(50_000), vec![0x0b; 50_001]].concat();
    let million = [vec![0], [0x41, 1, 0x1a].repeat(1_000_000), vec![0x0b]].concat();
    let table = [vec![0, 0x02, 0x40, 0x41, 0, 0x0e], leb128(1_000_000), vec![0; 1_000_001], vec![0x0b, 0x0b]].concat();
    for (what, body, is_fine) in [("nested", nested, true), ("long", million, true), ("br_table", table, false)] {
        let compiled = folder.compile(env!("CARGO_BIN_EXE_taskhost").into(), &component(&[body]));
        assert_eq!(compiled.is_ok(), is_fine, "{what}: {compiled:?}");
        if let Err(error) = compiled {
            assert!(error.message.starts_with("is not valid: "), "{what}: {}", error.message);
        }
    }
}

#[test]
fn a_component_that_is_cut_off_is_not_valid() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::new();
    let whole = std::fs::read(guest("tiny")).expect("a guest");
    let cut = folder.compile(env!("CARGO_BIN_EXE_taskhost").into(), &whole[..whole.len() / 2]);
    let error = cut.expect_err("cut off");
    assert!(error.message.starts_with("is not valid: "), "{}", error.message);
}

#[test]
fn a_program_that_is_no_compiler_is_named() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::new();
    let tiny = std::fs::read(guest("tiny")).expect("a guest");
    for (text, wanted) in [
        ("exit 0", "is no `taskhost` of this version"),
        ("echo hello", "is no `taskhost` of this version"),
        ("cat", "is no `taskhost` of this version"),
        ("exit 7", "crashed the compiler: exit code 7"),
        ("kill -SEGV $$", "crashed the compiler: segmentation fault"),
        ("printf '\\033[2J gone\\nmore' >&2; kill -ABRT $$", "crashed the compiler: [2J gone (aborted)"),
        ("while :; do echo flood; done >&2", "crashed the compiler: flood"),
    ] {
        let error = folder.compile(folder.script(text), &tiny).expect_err(text);
        assert!(error.message.contains(wanted), "{text}: {}", error.message);
        assert!(error.message.len() < 400, "{text}: {}", error.message);
    }
    let error = folder.compile(folder.0.join("absent"), &tiny).expect_err("absent");
    assert!(error.message.contains("cannot be started"), "{}", error.message);
}

#[test]
fn the_compiler_sees_neither_our_environment_nor_our_files() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::new();
    let tiny = std::fs::read(guest("tiny")).expect("a guest");
    // Its complaint is what it sees; `PWD` and the like are the shell's own.
    let script = folder.script("env | grep -c -e CARGO -e HOME -e PATH= >&2; exit 9");
    let error = folder.compile(script, &tiny).expect_err("no compiler");
    assert!(error.message.contains("crashed the compiler: 0 "), "{}", error.message);
}
