//! What the child process does: limits itself, reads a component, compiles it, writes the compiled code.
//!
//! It holds nothing but its three pipes, may open nearly nothing, write no file, and ends with its parent. What it does is in
//! the hands of whoever wrote the component only as far as Cranelift is.

use std::io::{self, Read, Write};

use taskhost_model::limits::COMPONENT_BYTES_MAX;

use super::EngineKind;
use crate::engine_config;

/// What the child was told is not valid WebAssembly. Not 1 or 2, with which other programs end for other reasons.
pub(super) const EXIT_INVALID: u8 = 65;

/// The child could not begin.
const EXIT_UNABLE: u8 = 71;

/// Most that compiling one component may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompileLimits {
    /// Address space, in bytes.
    pub memory_bytes_max: u64,
    /// Processor time of all its threads together, in seconds.
    pub cpu_seconds_max: u64,
}

impl CompileLimits {
    /// For components that nobody vouches for.
    pub const DEFAULT: CompileLimits = CompileLimits {
        // A module of a few MiB makes Cranelift ask for 6.5 GB.
        memory_bytes_max: 4 << 30,
        // A module of 160 KiB keeps Cranelift busy for minutes. The largest honest components, of 18 MB, take about half of this.
        cpu_seconds_max: 60,
    };
}

/// Files that the child may have open: its pipes, and what the standard library looks into when it starts threads. A compiler
/// that was taken over could otherwise look around with as many as it likes.
#[cfg(unix)]
const OPEN_FILES_MAX: u64 = 16;

/// The whole life of the child process: compiled code on stdout, or one line on stderr. Gives the exit code. To be called
/// before anything else in the process opens a file or starts a thread.
pub fn compile_stdin_to_stdout(engine: EngineKind, limits: CompileLimits) -> u8 {
    let compiled = confine(limits).map_err(|error| (EXIT_UNABLE, format!("could not limit itself: {error}")));
    let written = compiled.and_then(|()| compile(engine)).and_then(|image| {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(&image).and_then(|()| stdout.flush());
        written.map_err(|error| (EXIT_UNABLE, format!("could not write: {error}")))
    });
    match written {
        Ok(()) => 0,
        Err((code, line)) => {
            // Nobody else could be told.
            let _ = writeln!(io::stderr(), "{}", line.replace('\n', " "));
            code
        }
    }
}

fn compile(kind: EngineKind) -> Result<Vec<u8>, (u8, String)> {
    let unable = |what: &str, error: &dyn std::fmt::Display| (EXIT_UNABLE, format!("could not {what}: {error}"));
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| unable("read", &error))?;
    if bytes.len() as u64 > COMPONENT_BYTES_MAX {
        return Err((EXIT_INVALID, "the component is too large".to_owned()));
    }
    let engine = engine_config::compiling(kind).map_err(|error| unable("set up the compiler", &error))?;
    engine
        .precompile_component(&bytes)
        .map_err(|error| (EXIT_INVALID, error.chain().last().map_or_else(|| error.to_string(), ToString::to_string)))
}

#[cfg(unix)]
fn confine(limits: CompileLimits) -> io::Result<()> {
    use rustix::process::Resource;

    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    close_all_but_the_pipes();
    limit(Resource::As, limits.memory_bytes_max, limits.memory_bytes_max)?;
    // The first limit ends it with a signal that says why; the second cannot be caught.
    limit(Resource::Cpu, limits.cpu_seconds_max, limits.cpu_seconds_max + 1)?;
    // An image of its memory would fill the disk, and may hold what its parent's caller knows.
    limit(Resource::Core, 0, 0)?;
    // Pipes are not files: it can answer, and write nothing else.
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Nofile, OPEN_FILES_MAX, OPEN_FILES_MAX)
}

#[cfg(not(unix))]
fn confine(_limits: CompileLimits) -> io::Result<()> {
    Ok(())
}

/// A stricter limit that already holds stays.
#[cfg(unix)]
fn limit(resource: rustix::process::Resource, soft: u64, hard: u64) -> io::Result<()> {
    let now = rustix::process::getrlimit(resource);
    let hard = now.maximum.map_or(hard, |now| now.min(hard));
    let soft = now.current.map_or(soft, |now| now.min(soft)).min(hard);
    Ok(rustix::process::setrlimit(resource, rustix::process::Rlimit { current: Some(soft), maximum: Some(hard) })?)
}

/// Files that our parent got from its own parent, and did not know of.
#[cfg(unix)]
#[expect(unsafe_code, reason = "closing a file by its number is unsafe; see the argument inside")]
fn close_all_but_the_pipes() {
    let listed = std::fs::read_dir("/proc/self/fd").or_else(|_| std::fs::read_dir("/dev/fd"));
    let numbers: Vec<i32> = match listed {
        Ok(entries) => entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect(),
        Err(_) => (3..1024).collect(),
    };
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: nothing in this process may own the file. This is the first thing that a process of one thread does, and
        // it has opened nothing yet; the folder that was just read is closed again, and closing its number does nothing.
        unsafe { rustix::io::close(number) };
    }
}
