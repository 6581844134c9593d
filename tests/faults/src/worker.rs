//! [`Worker`]: a `taskhost worker`, and what it says of itself over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;

use crate::place::Place;
use crate::process::Spawned;
use crate::wait::until;

/// How long a worker may take to say that it takes task runs.
const START_MAX: Duration = Duration::from_secs(60);

/// How long an answer of its HTTP may take.
const HTTP_MAX: Duration = Duration::from_secs(3);

/// See the top of the file.
pub struct Worker {
    process: Spawned,
}

impl Worker {
    /// One thread, and it gives whatever flows grant; returns when it takes task runs.
    pub fn start(place: &Place, address: &str, name: &str) -> Result<Worker, String> {
        Worker::with(place, address, name, &["--trust-hosts"])
    }

    /// With these arguments; returns when it takes task runs.
    pub fn with(place: &Place, address: &str, name: &str, arguments: &[&str]) -> Result<Worker, String> {
        let mut worker = Worker::starting(place, address, name, arguments)?;
        worker.starts(START_MAX)?;
        Ok(worker)
    }

    /// With these arguments; it may still wait for its server.
    pub fn starting(place: &Place, address: &str, name: &str, arguments: &[&str]) -> Result<Worker, String> {
        let mut command = place.taskhost();
        command.args(["worker", "--address", address, "--name", name, "--workers", "1", "--health", "127.0.0.1:0"]);
        let process = Spawned::start(format!("worker `{name}`"), command.args(arguments))?;
        Ok(Worker { process })
    }

    /// Waits until it takes task runs.
    pub fn starts(&mut self, max: Duration) -> Result<(), String> {
        let told = until(&format!("{} to take task runs", self.process.name()), max, || {
            let said = self.process.stderr();
            if said.contains("takes task runs from") {
                return Some(Ok(()));
            }
            self.process.has_ended().then(|| Err(format!("{} has ended:\n{said}", self.process.name())))
        });
        told.map_err(|late| format!("{late}\nit has said:\n{}", self.process.stderr()))?
    }

    /// What it has written to stderr.
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// Status and body of one of its pages; an error if it does not answer.
    pub fn page(&self, path: &str) -> Result<(u16, String), String> {
        let failed = |error: std::io::Error| format!("{} does not answer: {error}", self.process.name());
        let said = self.process.stderr();
        let line = said.lines().find(|line| line.contains(", health at http://"));
        let health = line.and_then(|line| line.rsplit("http://").next()).ok_or("it does not say where")?;
        let mut stream = TcpStream::connect(health).map_err(failed)?;
        stream.set_read_timeout(Some(HTTP_MAX)).map_err(failed)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {health}\r\n\r\n").map_err(failed)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(failed)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer of HTTP")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status.ok_or("no status")?, body.to_owned()))
    }

    /// One of its figures, without `taskhost_worker_` before it; none if it does not answer.
    pub fn figure(&self, name: &str) -> Option<u64> {
        let (_, metrics) = self.page("/metrics").ok()?;
        let line = metrics.lines().find(|line| line.starts_with(&format!("taskhost_worker_{name}{{")))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Task runs that it has.
    pub fn holds(&self) -> u64 {
        self.figure("task_runs").unwrap_or(0)
    }

    /// Task runs that ended there.
    pub fn ended(&self) -> u64 {
        self.figure("task_runs_ended_total").unwrap_or(0)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGSTOP.
    pub fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    /// SIGTERM.
    pub fn drain(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Waits for its end; gives how it ended, and stderr.
    pub fn wait(&mut self, max: Duration) -> Result<(ExitStatus, String), String> {
        self.process.wait(max).map(|(status, _, stderr)| (status, stderr))
    }
}
