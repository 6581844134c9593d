//! [`Poster`]: posts bytes to one URL, by HTTP/1.1, over TLS with the system's certificates if it is `https`. One connection for each post, which
//! happens about once a second.
//!
//! It blocks, with a deadline for all of it but the look-up of the name; who posts has a thread for it, which nobody waits for beyond a bound.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use url::Url;

/// Bytes of an answer that are read: its first line is what counts.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Posts to one URL.
pub(crate) struct Poster {
    /// `host:port`, for people.
    place: String,
    host: String,
    port: u16,
    /// All of a request before the length of its body.
    head: String,
    /// None for `http`.
    tls: Option<Arc<ClientConfig>>,
}

/// Why a post failed.
#[derive(Debug)]
pub(crate) struct PostError {
    /// After "could not be sent: ".
    pub(crate) message: String,
    /// The server says that another try may help.
    pub(crate) is_busy: bool,
    /// Nobody took it, so it may be sent again.
    pub(crate) is_unreachable: bool,
}

impl Poster {
    /// To `url`, with these headers.
    pub(crate) fn new(url: &Url, headers: &[(String, String)]) -> Poster {
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        let named = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let query = url.query().map_or(String::new(), |query| format!("?{query}"));
        let mut head = format!(
            "POST {}{query} HTTP/1.1\r\nhost: {named}\r\nuser-agent: taskhost/{}\r\nconnection: close\r\n\
             content-type: application/x-protobuf\r\n",
            url.path(),
            env!("CARGO_PKG_VERSION")
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let tls = (url.scheme() == "https").then(client_config);
        // Without the brackets of an IPv6 address.
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Poster { place: format!("{host}:{port}"), host: bare, port, head, tls }
    }

    /// Posts, until `deadline` at the latest.
    pub(crate) fn post(&self, body: &[u8], deadline: Instant) -> Result<(), PostError> {
        let unreachable = |error: io::Error| PostError {
            message: format!("`{}` does not answer: {}", self.place, reason(&error)),
            is_busy: false,
            is_unreachable: true,
        };
        let stream = self.connect(deadline).map_err(unreachable)?;
        let stream = Timed { stream, deadline };
        let status = match &self.tls {
            None => self.exchange(stream, body),
            Some(tls) => ServerName::try_from(self.host.clone())
                .map_err(io::Error::other)
                .and_then(|name| ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other))
                .and_then(|connection| self.exchange(StreamOwned::new(connection, stream), body)),
        };
        match status.map_err(unreachable)? {
            200..=299 => Ok(()),
            status => Err(PostError {
                message: format!("`{}` answers with the HTTP status {status}", self.place),
                is_busy: matches!(status, 429 | 502 | 503 | 504),
                is_unreachable: false,
            }),
        }
    }

    fn connect(&self, deadline: Instant) -> io::Result<TcpStream> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match connect(&address, deadline) {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn exchange(&self, mut stream: impl Read + Write, body: &[u8]) -> io::Result<u16> {
        write!(stream, "{}content-length: {}\r\n\r\n", self.head, body.len())?;
        stream.write_all(body)?;
        stream.flush()?;
        let mut answer = Vec::new();
        let mut part = [0; 1 << 10];
        while answer.len() < ANSWER_BYTES_MAX {
            let count = stream.read(&mut part)?;
            answer.extend_from_slice(&part[..count]);
            if let Some(status) = status(&answer)? {
                return Ok(status);
            }
            if count == 0 {
                break;
            }
        }
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended before an answer"))
    }
}

fn connect(address: &SocketAddr, deadline: Instant) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, left(deadline)?)?;
    // A request is written in two parts.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn client_config() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("ring has what TLS needs").with_root_certificates(roots).with_no_client_auth();
    Arc::new(config)
}

/// The status of the first final answer, once its head is there.
fn status(answer: &[u8]) -> io::Result<Option<u16>> {
    let mut rest = answer;
    while let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
        let line = rest.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let status = line.strip_prefix("HTTP/1.").and_then(|line| line.split(' ').nth(1)?.parse().ok());
        match status {
            // Not the last word.
            Some(100..=199) => rest = &rest[end + 4..],
            Some(status) => return Ok(Some(status)),
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer is no HTTP")),
        }
    }
    Ok(None)
}

/// Time that is left; an error if there is none.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(too_late()) } else { Ok(left) }
}

fn too_late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it took too long")
}

/// A connection whose every step ends before the deadline.
struct Timed {
    stream: TcpStream,
    deadline: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        self.stream.read(buffer).map_err(in_time)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        self.stream.write(bytes).map_err(in_time)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Where a socket says that it would have to wait, time is up.
fn in_time(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { too_late() } else { error }
}

fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers one post, and gives what came.
    fn server(answer: &'static str) -> (Url, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1/traces?x=y", listener.local_addr().expect("an address"));
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let (mut came, mut part) = (Vec::new(), [0; 100]);
            while !came.ends_with(b"body") {
                let count = stream.read(&mut part).expect("bytes");
                came.extend_from_slice(&part[..count]);
            }
            stream.write_all(answer.as_bytes()).expect("an answer");
            String::from_utf8(came).expect("text")
        });
        (Url::parse(&url).expect("a URL"), thread)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn a_post_has_its_path_its_headers_and_its_length() {
        let (url, server) = server("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let poster = Poster::new(&url, &[("authorization".into(), "Bearer t".into())]);
        poster.post(b"body", soon()).expect("taken");
        let came = server.join().expect("a server");
        assert!(came.starts_with("POST /v1/traces?x=y HTTP/1.1\r\nhost: 127.0.0.1:"), "{came}");
        assert!(came.contains("\r\nauthorization: Bearer t\r\n"), "{came}");
        assert!(came.ends_with("\r\ncontent-length: 4\r\n\r\nbody"), "{came}");
    }

    #[test]
    fn a_status_says_whether_another_try_may_help() {
        for (answer, is_busy) in [("HTTP/1.1 503 x\r\n\r\n", true), ("HTTP/1.0 401 x\r\n\r\n", false)] {
            let (url, server) = server(answer);
            let error = Poster::new(&url, &[]).post(b"body", soon()).expect_err("refused");
            assert_eq!((error.is_busy, error.is_unreachable), (is_busy, false), "{error:?}");
            assert!(error.message.contains(answer.split(' ').nth(1).expect("a status")), "{error:?}");
            server.join().expect("a server");
        }
    }

    #[test]
    fn a_server_that_is_silent_or_away_is_left_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
        let poster = Poster::new(&url, &[]);
        let error = poster.post(b"body", Instant::now() + Duration::from_millis(50)).expect_err("silent");
        assert!(error.message.ends_with("it took too long"), "{error:?}");
        drop(listener);
        let error = poster.post(b"body", soon()).expect_err("away");
        assert!(error.is_unreachable && error.message.contains("refused"), "{error:?}");
    }
}
