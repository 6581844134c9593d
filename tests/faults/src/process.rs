//! [`Spawned`]: a process of a test, with what it has said. It is killed and waited for when the value goes.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::until;

/// The variable that tells the processes of one test, and what they start, from all others.
pub(crate) const MARK: &str = "TASKHOST_FAULTS_MARK";

/// See the top of the file.
pub struct Spawned {
    child: Child,
    name: String,
    stdout: Said,
    stderr: Said,
}

/// What was written so far.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>, Arc<Mutex<Option<std::thread::JoinHandle<()>>>>);

impl Said {
    fn listen(from: Option<impl Read + Send + 'static>) -> Said {
        let said = Said::default();
        if let Some(from) = from {
            let own = Arc::clone(&said.0);
            let reader = std::thread::spawn(move || {
                let mut lines = BufReader::new(from);
                loop {
                    let mut line = Vec::new();
                    match lines.read_until(b'\n', &mut line) {
                        Ok(1..) => own.lock().unwrap_or_else(PoisonError::into_inner).extend(line),
                        Ok(0) | Err(_) => return,
                    }
                }
            });
            *said.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(reader);
        }
        said
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// All of it, once the process is gone.
    fn whole(&self) -> String {
        if let Some(reader) = self.1.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = reader.join();
        }
        self.text()
    }
}

impl Spawned {
    /// Starts a process that says what it says to us.
    pub fn start(name: impl Into<String>, command: &mut Command) -> Result<Spawned, String> {
        let name = name.into();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("{name} does not start: {error}"))?;
        let (stdout, stderr) = (Said::listen(child.stdout.take()), Said::listen(child.stderr.take()));
        Ok(Spawned { child, name, stdout, stderr })
    }

    /// What the test calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        // Where it is gone already, there is nothing to tell.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits for its end; gives how it ended, stdout and stderr.
    pub fn wait(&mut self, max: Duration) -> Result<(ExitStatus, String, String), String> {
        let status = until(&format!("the end of {}", self.name), max, || self.child.try_wait().ok().flatten());
        match status {
            Ok(status) => Ok((status, self.stdout.whole(), self.stderr.whole())),
            Err(late) => Err(format!("{late}\nit has said:\n{}", self.stderr())),
        }
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Processes that a test has started or that were started by those, with their command lines. Reads /proc.
pub fn marked_processes(mark: &str) -> Vec<(u32, String)> {
    let wanted = format!("{MARK}={mark}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes()) {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ")));
        }
    }
    found
}
