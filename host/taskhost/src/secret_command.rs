//! [`Commands`]: programs that are run for what they print, within a time, and that do not outlive us.
//!
//! Without a terminal a command is the first of a process group of its own, so that all that it started can be ended with it. With one it
//! stays in ours: it may have to ask somebody for a password, which only the group in the foreground of a terminal can, and Ctrl-C reaches
//! it there by itself.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::secrets::SECRET_BYTES_MAX;

/// A command that asks somebody may take a while; one that hangs must not keep a flow from its error.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(30);

/// The commands that are running.
#[derive(Default)]
pub(crate) struct Commands(Mutex<State>);

#[derive(Default)]
struct State {
    is_stopped: bool,
    /// Invariant: none of these has been waited for, so that its number is nobody else's.
    running: Vec<Process>,
}

/// A child that runs.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Process {
    id: u32,
    leads_a_group: bool,
}

impl Commands {
    /// What a command writes to stdout, without one line end; its stderr is ours, and there is nothing for it to read.
    pub(crate) fn output(&self, command: &mut Command, name: &str) -> Result<Vec<u8>, String> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let (mut child, process) = self.spawn(command).map_err(|why| format!("command `{name}` {why}"))?;
        let read = self.read_until(&mut child, process, Instant::now() + COMMAND_TIME_MAX);
        if read.is_err() {
            self.end(&mut child, process);
        }
        read.map_err(|why| format!("command `{name}` {why}"))
    }

    /// Ends all that are running, and lets no other start.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.is_stopped = true;
        state.running.iter().for_each(|process| process.end());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, command: &mut Command) -> Result<(Child, Process), String> {
        let leads_a_group = !has_terminal();
        if leads_a_group {
            lead_a_group(command);
        }
        // One that starts meanwhile would be missed by `stop`.
        let mut state = self.state();
        if state.is_stopped {
            return Err("was not started: stopping".into());
        }
        let child = command.spawn().map_err(|error| format!("could not be started: {error}"))?;
        let process = Process { id: child.id(), leads_a_group };
        state.running.push(process);
        Ok((child, process))
    }

    fn read_until(&self, child: &mut Child, process: Process, end: Instant) -> Result<Vec<u8>, String> {
        let stdout = child.stdout.take().ok_or("has no stdout")?;
        let (sender, receiver) = std::sync::mpsc::sync_channel::<io::Result<Vec<u8>>>(1);
        // A thread of its own, since nothing else ends a read. It ends with the command's stdout, or with us.
        std::thread::Builder::new()
            .name("taskhost-secret".into())
            .spawn(move || {
                let mut bytes = Vec::new();
                let read = stdout.take(SECRET_BYTES_MAX + 3).read_to_end(&mut bytes);
                // Nobody listens any more after the time is up.
                let _ = sender.send(read.map(|_| bytes));
            })
            .map_err(|error| format!("could not be read: {error}"))?;
        let late = || format!("did not end within {} s", COMMAND_TIME_MAX.as_secs());
        let bytes = receiver.recv_timeout(end.saturating_duration_since(Instant::now())).map_err(|_| late())?;
        let bytes = bytes.map_err(|error| format!("could not be read: {error}"))?;
        if bytes.len() as u64 > SECRET_BYTES_MAX + 2 {
            return Err("wrote more than 64 KiB".into());
        }
        loop {
            match self.ended(child, process).map_err(|error| format!("was lost: {error}"))? {
                Some(status) if status.success() => return Ok(without_line_end(bytes)),
                Some(status) => return Err(format!("failed ({status})")),
                None if Instant::now() >= end => return Err(late()),
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    fn ended(&self, child: &mut Child, process: Process) -> io::Result<Option<ExitStatus>> {
        let mut state = self.state();
        let status = child.try_wait()?;
        if status.is_some() {
            state.running.retain(|running| *running != process);
        }
        Ok(status)
    }

    /// Nothing of a command that failed is of use, nor is what it started.
    fn end(&self, child: &mut Child, process: Process) {
        let mut state = self.state();
        if state.running.contains(&process) {
            process.end();
            // It may be over already.
            let _ = child.kill();
            let _ = child.wait();
            state.running.retain(|running| *running != process);
        }
    }
}

#[cfg(unix)]
impl Process {
    fn end(self) {
        use rustix::process::{Pid, Signal, kill_process, kill_process_group};
        let Some(id) = i32::try_from(self.id).ok().and_then(Pid::from_raw) else { return };
        // One that fails is over already. A program on a terminal may have to put it in order.
        let _ = match self.leads_a_group {
            true => kill_process_group(id, Signal::KILL),
            false => kill_process(id, Signal::TERM),
        };
    }
}

#[cfg(unix)]
fn lead_a_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(unix)]
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

#[cfg(not(unix))]
impl Process {
    fn end(self) {}
}

#[cfg(not(unix))]
fn lead_a_group(_command: &mut Command) {}

#[cfg(not(unix))]
fn has_terminal() -> bool {
    true
}

/// Without one line end at the end.
pub(crate) fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(line: &str) -> Result<Vec<u8>, String> {
        Commands::default().output(Command::new("sh").arg("-c").arg(line), line)
    }

    fn reason(line: &str) -> String {
        shell(line).expect_err("no value")
    }

    #[cfg(unix)]
    #[test]
    fn a_command_gives_its_stdout_without_one_line_end() {
        assert_eq!(shell("echo hunter22; echo").as_deref(), Ok(&b"hunter22\n"[..]));
        let program = Commands::default().output(Command::new("printf").args(["%s", "with space "]), "printf");
        assert_eq!(program.as_deref(), Ok(&b"with space "[..]));
        assert_eq!(shell("cat; echo hunter22").as_deref(), Ok(&b"hunter22"[..]));
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_fails_or_says_too_much_is_refused_with_the_reason() {
        assert!(reason("echo hunter22; exit 3").contains("failed (exit status: 3)"));
        assert!(reason("yes").ends_with("wrote more than 64 KiB"));
        let absent = Commands::default().output(&mut Command::new("no-such-program"), "no-such-program");
        assert!(absent.expect_err("no program").contains("could not be started"));
        for line in ["echo hunter22; exit 3", "yes"] {
            assert!(!reason(line).replace(line, "").contains("hunter22"), "a value is never told");
        }
    }

    #[test]
    fn nothing_starts_after_a_stop() {
        let commands = Commands::default();
        commands.stop();
        let refused = commands.output(&mut Command::new("sh"), "sh").expect_err("stopped");
        assert_eq!(refused, "command `sh` was not started: stopping");
    }
}
