//! [`Host`]: a `taskhost run` or `taskhost runs resume` with the runner `nats`, and how it ended.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::place::Place;
use crate::process::Spawned;
use crate::wait::eventually;

/// See the top of the file.
pub struct Host {
    process: Spawned,
    since: Instant,
}

/// A host that is over.
pub struct Ended {
    /// Its exit code; none if it was killed.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub json: Value,
    /// What it wrote to stderr.
    pub stderr: String,
    /// From its start on.
    pub took: Duration,
}

impl Host {
    /// Runs a flow, with workers at an address.
    pub fn run(place: &Place, flow: &Path, address: &str, arguments: &[&str]) -> Result<Host, String> {
        let mut command = place.taskhost();
        command.arg("run").arg(flow).args(["--address", address]);
        Host::start(&mut command, arguments)
    }

    /// Runs a flow, with workers of its own.
    pub fn run_locally(place: &Place, flow: &Path, arguments: &[&str]) -> Result<Host, String> {
        Host::start(place.taskhost().arg("run").arg(flow), arguments)
    }

    /// Goes on with the last flow run of this place.
    pub fn resume(place: &Place, address: &str, arguments: &[&str]) -> Result<Host, String> {
        let mut command = place.taskhost();
        Host::start(command.args(["runs", "resume", "latest", "--address", address]), arguments)
    }

    /// Any command that runs a flow.
    pub fn start(command: &mut Command, arguments: &[&str]) -> Result<Host, String> {
        let command = command.args(["--runner", "nats", "--json"]).args(arguments);
        Ok(Host { since: Instant::now(), process: Spawned::start("the host", command)? })
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// Waits until it says something with `words` on stderr; gives how long after its start that was.
    pub fn says(&mut self, words: &str, max: Duration) -> Result<Duration, String> {
        let (process, since) = (&self.process, self.since);
        let said = eventually(&format!("the host to say `{words}`"), max, || process.stderr().contains(words));
        said.map(|_| since.elapsed()).map_err(|late| format!("{late}\nit has said:\n{}", self.stderr()))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        self.process.signal(Signal::INT);
    }

    /// Whether it is over.
    pub fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    /// Waits for its end.
    pub fn wait(&mut self, max: Duration) -> Result<Ended, String> {
        let (status, stdout, stderr) = self.process.wait(max)?;
        let json = serde_json::from_str(&stdout).unwrap_or(Value::Null);
        Ok(Ended { code: status.code(), json, stderr, took: self.since.elapsed() })
    }

    /// Waits for its end, which is success; gives its outputs.
    pub fn succeeds(&mut self, max: Duration) -> Result<Ended, String> {
        let ended = self.wait(max)?;
        match ended.code {
            Some(0) => Ok(ended),
            code => Err(format!("the host ended with {code:?}:\n{:#}\n{}", ended.json, ended.stderr)),
        }
    }
}

impl Ended {
    /// An output.
    pub fn output(&self, name: &str) -> &Value {
        &self.json["outputs"][name]
    }

    /// Why its task runs failed, as messages.
    pub fn failures(&self) -> Vec<String> {
        let tasks = self.json["tasks"].as_array().into_iter().flatten();
        let failures = tasks.flat_map(|task| task["failures"].as_array().into_iter().flatten());
        failures.filter_map(|failure| failure["message"].as_str().map(str::to_owned)).collect()
    }
}
