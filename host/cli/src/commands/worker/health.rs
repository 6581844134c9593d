//! The worker's own small HTTP: whether it lives, whether it takes task runs, and its figures for Prometheus.
//!
//! Answers one request after another, each within a second: it is for probes, not for the public.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use taskhost::TaskWorker;
use taskhost::nats::Trouble;

use crate::error::CliError;

/// How long a request may take.
const REQUEST_MAX: Duration = Duration::from_secs(1);

/// Bytes of a request that are read.
const REQUEST_BYTES_MAX: u64 = 8 << 10;

/// The worker, once it has its connection, and what it waits for until then.
#[derive(Clone)]
pub(super) struct Seen {
    worker: Arc<OnceLock<Weak<TaskWorker>>>,
    trouble: Arc<Trouble>,
}

impl Seen {
    pub(super) fn new(trouble: &Arc<Trouble>) -> Seen {
        Seen { worker: Arc::default(), trouble: Arc::clone(trouble) }
    }

    /// It has its connection.
    pub(super) fn set(&self, worker: &Arc<TaskWorker>) {
        let _ = self.worker.set(Arc::downgrade(worker));
    }
}

/// Listens until the process ends; gives the address, whose port may have been left to the system.
pub(super) fn serve(address: SocketAddr, worker: &Seen, name: &str) -> Result<SocketAddr, CliError> {
    let failed = |error: std::io::Error| {
        let message = format!("`--health {address}` cannot be listened at: {error}");
        CliError::usage(message, "give another port, or 0 for any that is free")
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (worker, name) = (worker.clone(), name.to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who does not listen to the answer has asked for nothing.
            let _ = answer(stream, &worker, &name);
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream, seen: &Seen, name: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_MAX))?;
    stream.set_write_timeout(Some(REQUEST_MAX))?;
    let mut request = BufReader::new((&stream).take(REQUEST_BYTES_MAX));
    let mut line = String::new();
    request.read_line(&mut line)?;
    // The headers are read so that closing is no reset.
    let mut header = String::new();
    while request.read_line(&mut header)? > 2 {
        header.clear();
    }
    let mut words = line.split_ascii_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let worker = seen.worker.get().map(Weak::upgrade);
    let (status, body) = match (method, path, worker) {
        (_, _, Some(None)) => ("503 Service Unavailable", "it ends\n".to_owned()),
        ("GET" | "HEAD", "/livez", _) => ("200 OK", "it lives\n".to_owned()),
        ("GET" | "HEAD", "/readyz", None) => {
            let why = seen.trouble.now().map(|why| format!(": {why}")).unwrap_or_default();
            ("503 Service Unavailable", format!("it waits for its NATS server{why}\n"))
        }
        ("GET" | "HEAD", "/readyz", Some(Some(worker))) => ready(&worker),
        ("GET" | "HEAD", "/metrics", None) => ("200 OK", figures(&[connected(false)], name)),
        ("GET" | "HEAD", "/metrics", Some(Some(worker))) => ("200 OK", metrics(&worker, name)),
        ("GET" | "HEAD", _, _) => ("404 Not Found", "there are /livez, /readyz and /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "only GET\n".to_owned()),
    };
    let length = body.len();
    let body = if method == "HEAD" { "" } else { &body };
    let head = "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nConnection: close";
    write!(stream, "HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn ready(worker: &TaskWorker) -> (&'static str, String) {
    let status = worker.status();
    match (status.is_connected, status.is_draining, worker.trouble()) {
        (_, true, _) => ("503 Service Unavailable", "it takes nothing more\n".to_owned()),
        (false, ..) => ("503 Service Unavailable", "its NATS server does not answer\n".to_owned()),
        (true, _, Some(why)) => ("503 Service Unavailable", format!("it takes nothing: {why}\n")),
        (true, ..) => ("200 OK", "it takes task runs\n".to_owned()),
    }
}

fn metrics(worker: &TaskWorker, name: &str) -> String {
    let status = worker.status();
    let all = [
        connected(status.is_connected),
        ("taskhost_worker_draining", "gauge", "Whether it takes nothing more.", u64::from(status.is_draining)),
        ("taskhost_worker_messages", "gauge", "Messages that it has.", status.messages as u64),
        ("taskhost_worker_task_runs", "gauge", "Task runs that it has.", status.runs as u64),
        ("taskhost_worker_task_runs_ended_total", "counter", "Task runs that ended here.", status.runs_ended),
        ("taskhost_worker_task_runs_failed_total", "counter", "Of these, those that failed.", status.runs_failed),
        (
            "taskhost_worker_task_runs_given_back_total",
            "counter",
            "Task runs given back of messages that it had begun with.",
            status.runs_given_back,
        ),
    ];
    figures(&all, name)
}

/// A name, a kind, what it is, a number.
type Figure = (&'static str, &'static str, &'static str, u64);

fn connected(is_connected: bool) -> Figure {
    ("taskhost_worker_connected", "gauge", "Whether the NATS server answers.", u64::from(is_connected))
}

fn figures(figures: &[Figure], name: &str) -> String {
    let figure = |(metric, kind, help, value): &Figure| {
        format!("# HELP {metric} {help}\n# TYPE {metric} {kind}\n{metric}{{worker=\"{name}\"}} {value}\n")
    };
    figures.iter().map(figure).collect()
}
