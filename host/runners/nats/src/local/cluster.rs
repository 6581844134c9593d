//! [`LocalCluster`]: the host's hold on a keeper.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::error::NatsError;

/// How long a server and workers may take to start.
const START_MAX: Duration = Duration::from_secs(30);

/// How long they may take to end.
const END_MAX: Duration = Duration::from_secs(5);

/// A local cluster to make.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LocalOptions {
    /// The `taskhost` executable.
    pub program: PathBuf,
    /// Worker processes.
    pub workers: usize,
    /// Arguments for each worker, such as how many threads it has.
    pub arguments: Vec<OsString>,
}

impl LocalOptions {
    /// So many workers of this program.
    pub fn new(program: impl Into<PathBuf>, workers: usize, arguments: Vec<OsString>) -> LocalOptions {
        LocalOptions { program: program.into(), workers: workers.max(1), arguments }
    }
}

/// A server and workers on this machine. Dropping it takes them down.
pub struct LocalCluster {
    keeper: Child,
    stdin: Option<ChildStdin>,
    /// With user and password.
    pub address: String,
}

impl LocalCluster {
    /// Starts them; returns when the server listens.
    pub fn start(options: &LocalOptions) -> Result<LocalCluster, NatsError> {
        // Before a process is between that would have to pass the message on.
        super::find_server(None)?;
        let mut command = Command::new(&options.program);
        command.arg("__cluster").arg("--workers").arg(options.workers.to_string()).arg("--").args(&options.arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let failed = |error| NatsError::new(format!("`{}` cannot be started: {error}", options.program.display()));
        let mut keeper = command.spawn().map_err(failed)?;
        let (stdin, stdout) = (keeper.stdin.take(), keeper.stdout.take());
        let mut cluster = LocalCluster { keeper, stdin, address: String::new() };
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = stdout.map(|stdout| BufReader::new(stdout.take(4096)).read_line(&mut line));
            let _ = tell.send(read.map(|_| line));
        });
        match told.recv_timeout(START_MAX) {
            Ok(Some(line)) if !line.trim().is_empty() => {
                cluster.address = line.trim().to_owned();
                Ok(cluster)
            }
            Ok(_) => Err(NatsError::new("the local cluster ended while it was started")),
            Err(_) => Err(NatsError::new(format!("the local cluster has not started after {START_MAX:?}"))),
        }
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let until = Instant::now() + END_MAX;
        while Instant::now() < until {
            if matches!(self.keeper.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
