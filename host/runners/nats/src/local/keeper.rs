//! The keeper: a process that holds a server and workers as long as its stdin is open.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::server::{Server, find_server, word};
use crate::error::NatsError;

/// The variable by which a worker hears the address; a command line could be read by everybody on the machine.
pub(super) const ADDRESS_VARIABLE: &str = "TASKHOST_NATS";

/// How often it looks whether its children live.
const LOOK: Duration = Duration::from_millis(100);

/// Workers that are started again before it is taken for hopeless.
const RESTARTS_MAX: usize = 100;

/// How long workers may take to end what they have, once told.
const END_WAIT: Duration = Duration::from_secs(2);

/// What a keeper holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeeperOptions {
    /// The program of the NATS server, if it is told.
    pub server: Option<PathBuf>,
    /// The `taskhost` executable.
    pub program: PathBuf,
    /// Worker processes.
    pub workers: usize,
    /// Arguments for each, after `worker`.
    pub arguments: Vec<OsString>,
}

impl KeeperOptions {
    /// So many workers of this program.
    pub fn new(program: PathBuf, workers: usize, arguments: Vec<OsString>) -> KeeperOptions {
        KeeperOptions { server: None, program, workers: workers.max(1), arguments }
    }
}

/// Holds a server and workers until stdin ends. Writes the address to stdout when the server listens.
pub fn keep(options: &KeeperOptions) -> Result<(), NatsError> {
    let folder = Folder::make()?;
    let server = find_server(options.server.as_deref())?;
    let mut server = Server::start(&server, &folder.0)?;
    let mut workers = Vec::new();
    for _ in 0..options.workers {
        workers.push(Worker::start(options, &server.address)?);
    }
    let told = writeln!(io::stdout(), "{}", server.address).and_then(|()| io::stdout().flush());
    told.map_err(|error| NatsError::new(format!("nobody hears the keeper: {error}")))?;
    let (ended, end) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        // What comes is of no meaning, only its end.
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        drop(ended);
    });
    let mut restarts = 0;
    while end.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        if server.has_ended() {
            return Err(NatsError::new("the NATS server of this flow run has ended"));
        }
        for worker in &mut workers {
            if worker.has_ended() && restarts < RESTARTS_MAX {
                restarts += 1;
                *worker = Worker::start(options, &server.address)?;
            }
        }
    }
    // Its stdin ends with this process; what it has is of no use any more.
    workers.iter_mut().for_each(Worker::end);
    Ok(())
}

/// A worker process. It ends when its stdin does, so also if the keeper is killed.
struct Worker(Child);

impl Worker {
    fn start(options: &KeeperOptions, address: &str) -> Result<Worker, NatsError> {
        let child = Command::new(&options.program)
            .arg("worker")
            .arg("--end-with-stdin")
            .args(&options.arguments)
            .env(ADDRESS_VARIABLE, address)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let failed = |error| NatsError::new(format!("`{}` cannot be started: {error}", options.program.display()));
        child.map(Worker).map_err(failed)
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)))
    }

    fn end(&mut self) {
        drop(self.0.stdin.take());
        let until = std::time::Instant::now() + END_WAIT;
        while !self.has_ended() && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

/// A private folder that goes with the keeper.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Folder, NatsError> {
        let path = std::env::temp_dir().join(format!("taskhost-nats-{}-{}", std::process::id(), word()));
        let made = make_private(&path);
        made.map_err(|error| NatsError::new(format!("no folder `{}`: {error}", path.display())))?;
        Ok(Folder(path))
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
