//! The parent's side of compiling in a child process: start it, feed it, bound what it says, stop it when it takes too long, and
//! tell what became of it.
//!
//! Everything that the child says is taken as said by whoever wrote the component.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::cache::IMAGE_BYTES_MAX;
use super::child::{CompileLimits, EXIT_INVALID};
use super::{CompileError, EngineKind};

/// How long a child may take all in all: one that waits takes no processor time.
pub(super) const WALL_TIME_MAX: Duration = Duration::from_secs(120);

/// What is read of its complaints: the first line counts.
const STDERR_BYTES_MAX: u64 = 4 << 10;

/// Characters of its complaint that are passed on.
const REASON_CHARS_MAX: usize = 200;

/// Threads that compile in a child: each has a stack and a heap within the child's address space.
const THREADS_MAX: usize = 8;

/// How often we look whether a child that has said everything has ended.
const END_POLL: Duration = Duration::from_millis(2);

/// Ends the child however we leave.
struct Running(process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Compiles in a child; gives compiled code that is yet to be loaded.
pub(super) fn compile(
    program: &Path,
    engine: EngineKind,
    bytes: &[u8],
    wall_time_max: Duration,
) -> Result<Vec<u8>, CompileError> {
    let end = Instant::now() + wall_time_max;
    let unable = |error: io::Error| {
        CompileError::failed(
            format_args!("could not be compiled: `{}` cannot be started: {error}", program.display()),
            "name a `taskhost` executable as the compiler",
        )
    };
    let mut child = start(program, engine).map_err(unable)?;
    let said = talk(&mut child.0, bytes).map_err(unable)?;
    let image = match said.image.recv_timeout(end.saturating_duration_since(Instant::now())) {
        Ok(Ok(image)) => image,
        Ok(Err(error)) => return Err(unable(error)),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            return Err(too_slow(wall_time_max.as_secs()));
        }
    };
    if image.len() as u64 > IMAGE_BYTES_MAX {
        return Err(CompileError::failed(
            format_args!("makes more than {} GiB of compiled code", IMAGE_BYTES_MAX >> 30),
            "split it into several components",
        ));
    }
    let status = wait(&mut child.0, end).map_err(unable)?.ok_or_else(|| too_slow(wall_time_max.as_secs()))?;
    if status.success() {
        return Ok(image);
    }
    // A pipe that a stranger holds open must not hold us.
    let complaint = said.complaint.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    Err(ending(status, &String::from_utf8_lossy(&complaint)))
}

fn start(program: &Path, engine: EngineKind) -> io::Result<Running> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let child = Command::new(program)
        .args(["__compile", engine.name()])
        .env_clear()
        // Read by the thread pool that Cranelift compiles on.
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    Ok(Running(child))
}

/// What the child says, as it comes.
struct Said {
    image: Receiver<io::Result<Vec<u8>>>,
    complaint: Receiver<Vec<u8>>,
}

/// Feeds the child and listens to it, on threads of their own that end with its pipes. Nobody waits for them, since a pipe may
/// stay open longer than the child lives.
fn talk(child: &mut process::Child, bytes: &[u8]) -> io::Result<Said> {
    let no_pipe = || io::Error::other("it has no pipes");
    let mut stdin = child.stdin.take().ok_or_else(no_pipe)?;
    let stdout = child.stdout.take().ok_or_else(no_pipe)?;
    let stderr = child.stderr.take().ok_or_else(no_pipe)?;
    let bytes = bytes.to_vec();
    let (send_image, image) = mpsc::sync_channel(1);
    let (send_complaint, complaint) = mpsc::sync_channel(1);
    let start = |work: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name("taskhost-compile".to_owned()).spawn(work).map(drop)
    };
    start(Box::new(move || {
        // It may end without reading everything.
        let _ = stdin.write_all(&bytes);
    }))?;
    start(Box::new(move || {
        let mut image = Vec::new();
        let read = stdout.take(IMAGE_BYTES_MAX + 1).read_to_end(&mut image);
        let _ = send_image.send(read.map(|_| image));
    }))?;
    start(Box::new(move || {
        let mut complaint = Vec::new();
        let _ = stderr.take(STDERR_BYTES_MAX).read_to_end(&mut complaint);
        let _ = send_complaint.send(complaint);
    }))?;
    Ok(Said { image, complaint })
}

/// Waits for its end; none if it does not come in time.
fn wait(child: &mut process::Child, end: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        thread::sleep(END_POLL);
    }
}

fn too_slow(seconds: u64) -> CompileError {
    CompileError::failed(
        format_args!("took more than {seconds} s to compile"),
        "split it into several components, or leave out what it does not need",
    )
}

/// Why a child gave nothing.
fn ending(status: ExitStatus, complaint: &str) -> CompileError {
    let reason = one_line(complaint);
    if status.code() == Some(i32::from(EXIT_INVALID)) {
        return CompileError::Invalid(reason);
    }
    let signal = signal_of(status);
    if matches!(signal, Some((Signal::TooMuchTime, _))) {
        return too_slow(CompileLimits::DEFAULT.cpu_seconds_max);
    }
    // What the standard library says before it gives up. A component that makes the child say so deceives its owner only.
    if complaint.contains("memory allocation of ") {
        return CompileError::failed(
            format_args!("needed more than {} GiB to compile", CompileLimits::DEFAULT.memory_bytes_max >> 30),
            "split it into several components, or its largest functions into smaller ones",
        );
    }
    let how = match signal {
        Some((_, name)) => name,
        None => status.code().map_or_else(|| "it was ended".to_owned(), |code| format!("exit code {code}")),
    };
    let reason = if reason.is_empty() { how } else { format!("{reason} ({how})") };
    CompileError::failed(
        format_args!("crashed the compiler: {reason}"),
        "the component may be damaged, or made to do so: build it again, and do not use it if you do not know its author",
    )
}

/// The first line, without what would move a terminal's cursor.
fn one_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|character| !character.is_control()).take(REASON_CHARS_MAX).collect()
}

/// What a signal that ended a child means to us.
enum Signal {
    TooMuchTime,
    Other,
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<(Signal, String)> {
    use std::os::unix::process::ExitStatusExt;

    use rustix::process::Signal as Unix;
    let number = status.signal()?;
    let name = match Unix::from_named_raw(number) {
        Some(Unix::XCPU) => return Some((Signal::TooMuchTime, String::new())),
        Some(Unix::SEGV) => "segmentation fault".to_owned(),
        Some(Unix::ABORT) => "aborted".to_owned(),
        Some(Unix::KILL) => "killed, maybe because the machine has no memory left".to_owned(),
        _ => format!("signal {number}"),
    };
    Some((Signal::Other, name))
}

#[cfg(not(unix))]
fn signal_of(_status: ExitStatus) -> Option<(Signal, String)> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    #[test]
    fn a_compiler_that_only_waits_is_stopped() {
        let path = std::env::temp_dir().join(format!("taskhost-waits-{}", process::id()));
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o700).open(&path).expect("a file");
        file.write_all(b"#!/bin/sh\nexec sleep 1000\n").expect("written");
        drop(file);
        let error = compile(&path, EngineKind::General, b"component", Duration::from_millis(50)).expect_err("stopped");
        std::fs::remove_file(&path).expect("removed");
        let CompileError::Failed(error) = error else { panic!("{error:?}") };
        assert!(error.message.starts_with("took more than"), "{}", error.message);
    }

    #[test]
    fn what_a_compiler_says_is_one_short_line_of_text() {
        assert_eq!(one_line("\n  \n\u{1b}[2Jbad\u{7}\nmore"), "[2Jbad");
        assert_eq!(one_line(&"x".repeat(5000)).len(), REASON_CHARS_MAX);
    }
}
