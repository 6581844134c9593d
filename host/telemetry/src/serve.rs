//! `/metrics`: answers whoever asks, one after another, on a thread of its own, while the process runs.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of a request's head that are read: a scraper sends some hundred.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// How long a request, and its answer, may take: somebody who is silent or slow holds up others.
const STEP_TIME: Duration = Duration::from_secs(2);

/// What is answered: the text of all metrics, as it is when asked.
pub(crate) type Answer = Arc<dyn Fn() -> String + Send + Sync>;

/// Listens at `address`; gives where, if that was left open.
pub(crate) fn start(address: SocketAddr, answer: Answer) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let work = move || {
        loop {
            match listener.accept() {
                // Whoever went away has no use for an answer.
                Ok((stream, _)) => drop(exchange(stream, &answer)),
                // Out of files, perhaps for a moment.
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    };
    thread::Builder::new().name("taskhost-metrics".into()).spawn(work)?;
    Ok(address)
}

fn exchange(mut stream: TcpStream, answer: &Answer) -> io::Result<()> {
    stream.set_write_timeout(Some(STEP_TIME))?;
    let head = head(&mut stream)?;
    let mut words = head.split_ascii_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let (status, kind, body) = match (method, path) {
        ("GET" | "HEAD", "/metrics") => ("200 OK", "text/plain; version=0.0.4; charset=utf-8", answer()),
        ("GET" | "HEAD", _) => ("404 Not Found", "text/plain; charset=utf-8", "metrics are at /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "text/plain; charset=utf-8", "only GET is answered\n".to_owned()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    if method != "HEAD" {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}

/// The head of a request. What is too long is cut, and not understood.
fn head(stream: &mut TcpStream) -> io::Result<String> {
    let (mut head, mut part) = (Vec::new(), [0; 1 << 10]);
    let has_ended = |head: &[u8]| head.windows(4).any(|window| window == b"\r\n\r\n");
    let until = Instant::now() + STEP_TIME;
    while head.len() < HEAD_BYTES_MAX && !has_ended(&head) {
        let left = until.saturating_duration_since(Instant::now());
        // A time of zero would mean for ever.
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match stream.read(&mut part)? {
            0 => break,
            count => head.extend_from_slice(&part[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn metrics_are_answered_and_nothing_else_is() {
        let answer: Answer = Arc::new(|| "x 1\n".to_owned());
        let address = start("127.0.0.1:0".parse().expect("an address"), answer).expect("a port");
        let told = ask(address, "GET /metrics?x HTTP/1.1\r\nhost: a\r\n\r\n");
        assert!(told.starts_with("HTTP/1.1 200 OK\r\n") && told.ends_with("\r\n\r\nx 1\n"), "{told}");
        assert!(ask(address, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
        assert!(ask(address, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
        let head = ask(address, "HEAD /metrics HTTP/1.1\r\n\r\n");
        assert!(head.contains("content-length: 4\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        // Whoever sends no request is no reason to stop.
        drop(TcpStream::connect(address).expect("a connection"));
        assert!(ask(address, "GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
    }
}
