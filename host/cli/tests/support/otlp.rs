//! A collector for tests: an HTTP server that reads OTLP's Protocol Buffers by the numbers of fields, as the published
//! `opentelemetry/proto/trace/v1/trace.proto` has them.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What came.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    came: Arc<Mutex<Came>>,
    pub(crate) endpoint: String,
}

#[derive(Default)]
struct Came {
    spans: Vec<Span>,
    heads: Vec<String>,
    bytes: Vec<u8>,
    resource: BTreeMap<String, String>,
}

/// A span, as far as the tests look at it.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) trace: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) parent: Vec<u8>,
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Values as text.
    pub(crate) attributes: BTreeMap<String, String>,
    /// 0 unset, 1 ok, 2 error.
    pub(crate) status: u64,
    pub(crate) message: String,
}

impl Span {
    pub(crate) fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", |value| value)
    }

    pub(crate) fn took(&self) -> Duration {
        Duration::from_nanos(self.end.checked_sub(self.start).expect("an end after the start"))
    }
}

impl Collector {
    /// One that somebody else serves.
    pub(crate) fn at(endpoint: String) -> Collector {
        Collector { came: Arc::default(), endpoint }
    }

    pub(crate) fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let collector = Collector::at(endpoint);
        let ours = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                ours.take(stream.expect("a connection"));
            }
        });
        collector
    }

    /// Takes a post.
    pub(crate) fn take(&self, mut stream: impl Read + Write) {
        let (head, body) = request(&mut stream);
        let mut came = self.came.lock().expect("a lock");
        came.bytes.extend_from_slice(&body);
        came.heads.push(head);
        for resource_spans in fields(&body).messages(1) {
            for resource in fields(resource_spans).messages(1) {
                came.resource.extend(attributes(resource, 1));
            }
            for scope_spans in fields(resource_spans).messages(2) {
                came.spans.extend(fields(scope_spans).messages(2).map(span));
            }
        }
        drop(came);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("an answer");
        stream.flush().expect("an answer");
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.came.lock().expect("a lock").spans.clone()
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.came.lock().expect("a lock").heads.clone()
    }

    /// All bodies as they came.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.came.lock().expect("a lock").bytes.clone()
    }

    pub(crate) fn resource(&self) -> BTreeMap<String, String> {
        self.came.lock().expect("a lock").resource.clone()
    }
}

/// Head and body of a request with a `content-length`.
fn request(stream: &mut impl Read) -> (String, Vec<u8>) {
    let (mut came, mut part) = (Vec::new(), [0; 1 << 16]);
    loop {
        let count = stream.read(&mut part).expect("bytes");
        assert!(count > 0, "a request is whole");
        came.extend_from_slice(&part[..count]);
        let Some(end) = came.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(came[..end].to_vec()).expect("a text");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        if came.len() == end + 4 + length.parse::<usize>().expect("a number") {
            return (head, came.split_off(end + 4));
        }
    }
}

fn span(bytes: &[u8]) -> Span {
    let all = fields(bytes);
    let status = all.messages(15).next().map(fields).unwrap_or_default();
    Span {
        trace: all.bytes(1).to_vec(),
        id: all.bytes(2).to_vec(),
        parent: all.bytes(4).to_vec(),
        name: all.text(5),
        start: all.number(7),
        end: all.number(8),
        attributes: attributes(bytes, 9),
        status: status.number(3),
        message: status.text(2),
    }
}

fn attributes(bytes: &[u8], field: u64) -> BTreeMap<String, String> {
    let pair = |pair: &[u8]| {
        let pair = fields(pair);
        let value = pair.messages(2).next().map(fields).unwrap_or_default();
        let text = match value.0.first() {
            Some((1, Content::Bytes(text))) => String::from_utf8_lossy(text).into_owned(),
            Some((2, Content::Number(is))) => (*is != 0).to_string(),
            Some((3, Content::Number(number))) => number.to_string(),
            Some((4, Content::Number(bits))) => f64::from_bits(*bits).to_string(),
            other => panic!("{other:?} is no value"),
        };
        (pair.text(1), text)
    };
    fields(bytes).messages(field).map(pair).collect()
}

#[derive(Debug)]
enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in order.
#[derive(Default)]
struct Fields<'a>(Vec<(u64, Content<'a>)>);

impl<'a> Fields<'a> {
    fn messages(&self, field: u64) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter_map(move |(number, content)| match content {
            Content::Bytes(bytes) if *number == field => Some(*bytes),
            _ => None,
        })
    }

    fn bytes(&self, field: u64) -> &'a [u8] {
        self.messages(field).next().unwrap_or_default()
    }

    fn text(&self, field: u64) -> String {
        String::from_utf8(self.bytes(field).to_vec()).expect("a text")
    }

    fn number(&self, field: u64) -> u64 {
        let number = self.0.iter().find_map(|(number, content)| match content {
            Content::Number(value) if *number == field => Some(*value),
            _ => None,
        });
        number.unwrap_or_default()
    }
}

fn fields(mut bytes: &[u8]) -> Fields<'_> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (byte, rest) = bytes.split_first().expect("a byte");
            *bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }
    fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(count);
        *bytes = rest;
        taken
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let content = match tag & 7 {
            0 => Content::Number(varint(&mut bytes)),
            1 => Content::Number(u64::from_le_bytes(take(&mut bytes, 8).try_into().expect("8 bytes"))),
            2 => {
                let length = varint(&mut bytes) as usize;
                Content::Bytes(take(&mut bytes, length))
            }
            5 => Content::Number(u64::from(u32::from_le_bytes(take(&mut bytes, 4).try_into().expect("4 bytes")))),
            other => panic!("{other} is no kind of field"),
        };
        fields.push((tag >> 3, content));
    }
    Fields(fields)
}

/// What an HTTP server says at `/metrics`; none if nobody listens.
pub(crate) fn scrape(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Waits until something is there, for a generous time.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
