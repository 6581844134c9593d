//! The way to a store: HTTP/1.1 over TCP, or over TLS with the certificates that this system trusts. Connections are used again.
//!
//! It is what the sandbox uses, too. A client library of its own would bring a second TLS.

use std::collections::HashMap;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use tokio::net::TcpStream;
use tokio::time::{Sleep, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::io::{Sent, Stream, TokioIo};

/// Until there is a connection, with TLS.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Until an answer begins, after the last bytes that the server took: a large request may take longer, as long as it moves.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Between two pieces of an answer.
const PIECE_TIME: Duration = Duration::from_secs(10);

/// An idle connection that is older is not used again: servers close them after a while.
const IDLE_TIME: Duration = Duration::from_secs(15);

/// Idle connections that are kept.
const IDLE_MAX: usize = 16;

/// A connection: takes requests, and knows how far the last one is.
struct Sender {
    requests: SendRequest<HttpRequestBody>,
    sent: Sent,
}

impl Sender {
    /// The beginning of the answer.
    async fn ask(
        &mut self,
        request: Request<HttpRequestBody>,
        answer_time: Duration,
    ) -> Result<Response<Incoming>, HttpError> {
        self.sent.touch();
        let mut answer = pin!(self.requests.send_request(request));
        loop {
            let until = self.sent.when() + answer_time;
            match timeout_at(until.into(), &mut answer).await {
                Ok(answer) => return answer.map_err(hyper_error),
                Err(_) if self.sent.when() + answer_time > until => {}
                Err(_) => return Err(late("no answer")),
            }
        }
    }
}

/// Makes clients.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allows_http = options.get_config_value(&ClientConfigKey::AllowHttp).as_deref() == Some("true");
        Ok(HttpClient::new(Client { allows_http, idle: Arc::default() }))
    }
}

/// Whom a connection leads to: whether by TLS, and the authority.
type Peer = (bool, String);

type Idle = Arc<Mutex<HashMap<Peer, Vec<(Sender, Instant)>>>>;

struct Client {
    allows_http: bool,
    idle: Idle,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

#[async_trait::async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (peer, request) = self.addressed(request)?;
        let mut sender = match self.idle_sender(&peer).await {
            Some(sender) => sender,
            None => timeout(CONNECT_TIME, connect(&peer)).await.unwrap_or_else(|_| Err(late("no connection")))?,
        };
        let (head, body) = sender.ask(request, ANSWER_TIME).await?.into_parts();
        let body = Answer { body, timer: Box::pin(tokio::time::sleep(PIECE_TIME)), back: None };
        let mut body = Answer { back: Some((sender, peer, Arc::clone(&self.idle))), ..body };
        if body.body.is_end_stream() {
            body.give_back();
        }
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

impl Client {
    /// The request as it is sent to a server, and which one.
    fn addressed(&self, mut request: HttpRequest) -> Result<(Peer, Request<HttpRequestBody>), HttpError> {
        let uri = request.uri().clone();
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        if !is_tls && !self.allows_http {
            let text = "its address is `http://`, which has no encryption; AWS_ALLOW_HTTP=true allows that";
            return Err(HttpError::new(HttpErrorKind::Unknown, Said(text)));
        }
        let authority = uri.authority().ok_or_else(|| HttpError::new(HttpErrorKind::Unknown, Said("no address")))?;
        let host =
            HeaderValue::from_str(authority.as_str()).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        request.headers_mut().entry(HOST).or_insert(host);
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
        Ok(((is_tls, authority.to_string()), request))
    }

    async fn idle_sender(&self, peer: &Peer) -> Option<Sender> {
        loop {
            let (mut sender, since) = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.get_mut(peer)?.pop()?
            };
            // Its driver may still have to notice that the answer is over.
            let is_ready = timeout(Duration::from_millis(100), sender.requests.ready()).await;
            if since.elapsed() < IDLE_TIME && matches!(is_ready, Ok(Ok(()))) {
                return Some(sender);
            }
        }
    }
}

async fn connect((is_tls, authority): &Peer) -> Result<Sender, HttpError> {
    let unreachable = |error| HttpError::new(HttpErrorKind::Connect, Unreachable(authority.clone(), error));
    let uri: Uri = authority.parse().map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(if *is_tls { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await.map_err(unreachable)?;
    // What is sent is whole requests.
    let _ = stream.set_nodelay(true);
    let stream: Box<dyn Stream> = match is_tls {
        false => Box::new(stream),
        true => {
            let name =
                ServerName::try_from(host.to_owned()).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
            Box::new(TLS.connect(name, stream).await.map_err(unreachable)?)
        }
    };
    speak(stream).await
}

async fn speak(stream: Box<dyn Stream>) -> Result<Sender, HttpError> {
    let sent = Sent::now();
    let (requests, connection) = http1::handshake(TokioIo(stream, sent.clone())).await.map_err(hyper_error)?;
    // What goes wrong with it is told to whoever waits for an answer.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(Sender { requests, sent })
}

/// With the certificates that this system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
static TLS: LazyLock<TlsConnector> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    // Certificates that cannot be read are as good as none: servers that need them are not trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    TlsConnector::from(Arc::new(config))
});

/// The body of an answer; at its end the connection is idle again.
struct Answer {
    body: Incoming,
    timer: Pin<Box<Sleep>>,
    back: Option<(Sender, Peer, Idle)>,
}

impl Answer {
    fn give_back(&mut self) {
        let Some((sender, peer, idle)) = self.back.take() else { return };
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        let senders = idle.entry(peer).or_default();
        senders.retain(|(sender, since)| since.elapsed() < IDLE_TIME && !sender.requests.is_closed());
        if senders.len() < IDLE_MAX {
            senders.push((sender, Instant::now()));
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(self.timer.as_mut().poll(context));
                return Poll::Ready(Some(Err(late("the answer stops half-way"))));
            }
        };
        self.timer = Box::pin(tokio::time::sleep(PIECE_TIME));
        if frame.is_none() || self.body.is_end_stream() {
            self.give_back();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(hyper_error)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A reason in words.
#[derive(Debug)]
struct Said(&'static str);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Said {}

/// Nobody is there.
#[derive(Debug)]
struct Unreachable(String, std::io::Error);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be reached: {}", self.0, self.1)
    }
}

impl std::error::Error for Unreachable {}

fn late(what: &'static str) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, Said(what))
}

/// A connection that was closed meanwhile may be tried again.
fn hyper_error(error: hyper::Error) -> HttpError {
    let kind = match () {
        () if error.is_closed() || error.is_incomplete_message() || error.is_canceled() => HttpErrorKind::Request,
        () if error.is_timeout() => HttpErrorKind::Timeout,
        () if error.is_parse() => HttpErrorKind::Decode,
        () => HttpErrorKind::Interrupted,
    };
    HttpError::new(kind, error)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SHORT: Duration = Duration::from_millis(400);

    /// How a request of 2 MiB ends, whose server takes 64 KiB of it after each pause, so many of them, and answers when it has all.
    fn ask(pieces: usize) -> Result<u16, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (ours, mut theirs) = tokio::io::duplex(64 << 10);
            let server = async move {
                let (mut left, mut piece) = (2 << 20, vec![0; 64 << 10]);
                for _ in 0..pieces {
                    tokio::time::sleep(SHORT / 10).await;
                    theirs.read_exact(&mut piece).await.expect("a piece");
                    left -= piece.len();
                }
                if left > 0 {
                    return std::future::pending().await;
                }
                theirs.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.expect("answered");
                // What is left of the head's length.
                let _ = theirs.read(&mut piece).await;
            };
            tokio::spawn(server);
            let mut sender = speak(Box::new(ours)).await.expect("a connection");
            let body = HttpRequestBody::from(Bytes::from(vec![7; 2 << 20]));
            let request = Request::put("/key").header(HOST, "there").body(body).expect("a request");
            let answer = sender.ask(request, SHORT).await;
            answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
        })
    }

    #[test]
    fn a_large_request_may_take_as_long_as_it_moves() {
        let began = Instant::now();
        assert_eq!(ask(32), Ok(200));
        assert!(began.elapsed() > SHORT, "it took longer than a server may be silent");
    }

    #[test]
    fn a_server_that_takes_nothing_more_is_given_up() {
        for pieces in [0, 1, 20] {
            let error = ask(pieces).expect_err("silence");
            assert!(error.contains("no answer"), "{error}");
        }
    }
}
