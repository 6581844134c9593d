//! `http`: requests by wasi:http. Each is judged by method and URL, and so is each redirect, since a guest follows one by sending
//! another request. The name is looked up here, and only addresses that the rule opens are connected to.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use taskhost_model::TaskCall;
use taskhost_model::grants::{HttpRule, UnsafePath};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest, Method, OutgoingRequest};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

use super::Lane;
use super::lookup::Lookups;
use super::refused::{Refused, quoted, shown};
use crate::state::HostState;

/// How long a step of a request may take if the guest does not say.
const STEP_TIME: Duration = Duration::from_secs(600);

/// Bytes of a method's name: far more than any that is in use.
const METHOD_BYTES_MAX: usize = 64;

/// Bytes of a host and a port; a name has at most 253.
const AUTHORITY_BYTES_MAX: usize = 300;

/// Bytes of header fields that a guest may hold, as wasmtime-wasi-http counts them.
const FIELDS_BYTES_MAX: usize = 64 << 10;

type Judged<T> = Result<T, Error>;
type Ending = Box<dyn Future<Output = Judged<()>> + Send>;

/// HTTP of one task run.
pub(crate) struct HttpState {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

struct Hooks {
    call: Arc<TaskCall>,
    refused: Refused,
    lookups: Lookups,
    /// Requests that are under way.
    open: Arc<AtomicU32>,
    /// Whether every request is allowed.
    allows_all: bool,
}

impl HttpState {
    fn new(call: &Arc<TaskCall>, refused: &Refused, lookups: &Lookups, allows_all: bool) -> HttpState {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(FIELDS_BYTES_MAX);
        let (call, refused, lookups) = (Arc::clone(call), refused.clone(), lookups.clone());
        HttpState { ctx, hooks: Hooks { call, refused, lookups, open: Arc::default(), allows_all } }
    }
}

impl WasiHttpView for HostState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let HostState { http, table, request, refused, network, is_network_open, .. } = self;
        let new = || Box::new(HttpState::new(&request.call, refused, &network.lookups, *is_network_open));
        let http = http.get_or_insert_with(new);
        WasiHttpCtxView { hooks: &mut http.hooks, table, ctx: &mut http.ctx }
    }
}

/// wasi:http 0.2 for all guests, 0.3 for those with async functions.
pub(super) fn link(linker: &mut Linker<HostState>, lane: Lane) -> wasmtime::Result<()> {
    match lane {
        Lane::Direct => wasmtime_wasi_http::p2::add_only_http_to_linker_sync(linker)?,
        Lane::Waiting => wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?,
        Lane::Concurrent => {
            wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
            wasmtime_wasi_http::p3::add_to_linker(linker)?;
        }
    }
    linker.allow_shadowing(true);
    let set_method = |mut store: StoreContextMut<'_, HostState>,
                      (request, method): (Resource<OutgoingRequest>, Method)| {
        // The host keeps it as long as the guest keeps the request.
        if matches!(&method, Method::Other(name) if name.len() > METHOD_BYTES_MAX) {
            return Ok((Err(()),));
        }
        Ok((HostOutgoingRequest::set_method(&mut store.data_mut().http(), request, method)?,))
    };
    let set_authority = |mut store: StoreContextMut<'_, HostState>,
                         (request, authority): (Resource<OutgoingRequest>, Option<String>)| {
        if authority.as_ref().is_some_and(|authority| authority.len() > AUTHORITY_BYTES_MAX) {
            return Ok((Err(()),));
        }
        Ok((HostOutgoingRequest::set_authority(&mut store.data_mut().http(), request, authority)?,))
    };
    let mut types = linker.instance("wasi:http/types@0.2.12")?;
    types.func_wrap("[method]outgoing-request.set-method", set_method)?;
    types.func_wrap("[method]outgoing-request.set-authority", set_authority)?;
    if lane == Lane::Concurrent {
        link_p3(linker)?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

/// The same for WASI 0.3.
fn link_p3(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    use wasmtime_wasi_http::p3::Request;
    use wasmtime_wasi_http::p3::bindings::http::types::{HostRequest, Method};
    let mut types = linker.instance("wasi:http/types@0.3.0")?;
    types.func_wrap(
        "[method]request.set-method",
        |mut store: StoreContextMut<'_, HostState>, (request, method): (Resource<Request>, Method)| {
            if matches!(&method, Method::Other(name) if name.len() > METHOD_BYTES_MAX) {
                return Ok((Err(()),));
            }
            Ok((HostRequest::set_method(&mut store.data_mut().http(), request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]request.set-authority",
        |mut store: StoreContextMut<'_, HostState>, (request, authority): (Resource<Request>, Option<String>)| {
            if authority.as_ref().is_some_and(|authority| authority.len() > AUTHORITY_BYTES_MAX) {
                return Ok((Err(()),));
            }
            Ok((HostRequest::set_authority(&mut store.data_mut().http(), request, authority)?,))
        },
    )
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Ending,
    ) -> Box<dyn Future<Output = Judged<(Response<WasiBody>, Ending)>> + Send> {
        let judged = self.judge(&request);
        let place = judged.and_then(|target| Ok((target, self.place()?)));
        let (method, refused, lookups) = (request.method().to_string(), self.refused.clone(), self.lookups.clone());
        Box::new(async move {
            let (target, place) = place?;
            let (host, port, scheme) =
                (target.host.clone(), target.port, if target.is_https { "https" } else { "http" });
            let sent = send(request, options.unwrap_or_default(), target, &lookups, place).await;
            if matches!(sent, Err(Error::DestinationIpProhibited)) {
                let attempt = format!(
                    "send a request to `{}`, which leads to an inside address: a name opens none, the task has to ask for the address",
                    shown(&host)
                );
                refused.note(
                    attempt,
                    format!("http = [{}]", quoted(&format!("{} {scheme}://ADDRESS:{port}/*", shown(&method)))),
                );
            }
            sent
        })
    }
}

/// Where a request that is allowed goes.
struct Target {
    host: String,
    port: u16,
    is_https: bool,
    /// The rules that allow it; they also say which addresses.
    rules: Vec<HttpRule>,
    /// Whether it needs none.
    is_free: bool,
}

impl Hooks {
    /// Whom a request is for, if a rule allows it.
    fn judge(&self, request: &Request<WasiBody>) -> Judged<Target> {
        let (target, path) = target_of(request.uri())?;
        if self.allows_all {
            return Ok(Target { is_free: true, ..target });
        }
        let method = request.method().as_str();
        let rules = self.call.grants.http.iter();
        let fits = |rule: &&HttpRule| rule.allows(method, target.is_https, &target.host, target.port, path);
        let rules: Vec<HttpRule> = rules.filter(fits).cloned().collect();
        if !rules.is_empty() {
            return Ok(Target { rules, ..target });
        }
        self.refuse(method, request.uri(), path);
        Err(Error::HttpRequestDenied)
    }

    fn refuse(&self, method: &str, uri: &Uri, path: &str) {
        // The query may hold what is private.
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        let url = format!("{}://{authority}{path}", uri.scheme_str().unwrap_or("https"));
        let why = UnsafePath::find(path).map_or_else(String::new, |odd| format!(" (its path has {})", odd.0));
        let wanted = format!("{method} {url}");
        let rule = [wanted.clone(), format!("{}/*", wanted.strip_suffix(path).unwrap_or(&wanted))];
        let rule = rule.into_iter().find(|rule| rule.parse::<HttpRule>().is_ok());
        self.refused.note(
            format!("send `{} {}`{why}", shown(method), shown(&url)),
            rule.map_or_else(String::new, |rule| format!("http = [{}]", quoted(&rule))),
        );
    }

    /// Room for one more request.
    fn place(&self) -> Judged<Place> {
        let place = Place(Arc::clone(&self.open));
        if place.0.fetch_add(1, Ordering::Relaxed) >= self.call.limits.sockets_max {
            return Err(Error::ConnectionLimitReached);
        }
        Ok(place)
    }
}

/// A request under way; gives its place back when it is over.
struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn target_of(uri: &Uri) -> Judged<(Target, &str)> {
    let is_https = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(Error::HttpProtocolError),
    };
    let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
    let host =
        authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    // One form for each address, for the rule and for the server.
    let host = host.parse::<IpAddr>().map_or(host, |address| address.to_canonical().to_string());
    // `port_u16` is none also for a port that is no number.
    let port = match (authority.port(), authority.port_u16()) {
        (None, _) if authority.as_str().ends_with(':') => return Err(Error::HttpRequestUriInvalid),
        (None, _) => {
            if is_https {
                443
            } else {
                80
            }
        }
        (Some(_), port) => port.ok_or(Error::HttpRequestUriInvalid)?,
    };
    if host.is_empty() || authority.as_str().contains('@') {
        return Err(Error::HttpRequestUriInvalid);
    }
    Ok((Target { host, port, is_https, rules: Vec::new(), is_free: false }, uri.path()))
}

impl Target {
    /// The addresses that it may be reached at.
    async fn addresses(&self, lookups: &Lookups) -> Judged<Vec<SocketAddr>> {
        let opens = |address: &SocketAddr| {
            self.is_free || self.rules.iter().any(|rule| rule.host.opens(address.ip().to_canonical()))
        };
        let found = lookups.addresses(&self.host).await.map_err(|_| not_found())?;
        let found: Vec<SocketAddr> = found.into_iter().map(|address| SocketAddr::new(address, self.port)).collect();
        if found.is_empty() {
            return Err(not_found());
        }
        let allowed: Vec<SocketAddr> = found.into_iter().filter(opens).collect();
        if allowed.is_empty() { Err(Error::DestinationIpProhibited) } else { Ok(allowed) }
    }

    /// The field that tells a server which of its sites is meant.
    fn host_field(&self) -> Judged<HeaderValue> {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let is_usual = self.port == if self.is_https { 443 } else { 80 };
        let field = if is_usual { host } else { format!("{host}:{}", self.port) };
        HeaderValue::try_from(field).map_err(|_| Error::HttpRequestUriInvalid)
    }

    async fn connect(&self, lookups: &Lookups) -> Judged<Box<dyn Stream>> {
        let addresses = self.addresses(lookups).await?;
        let stream = TcpStream::connect(&addresses[..]).await.map_err(Error::Connect)?;
        if !self.is_https {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(self.host.clone()).map_err(|_| Error::HttpRequestUriInvalid)?;
        Ok(Box::new(TLS.connect(name, stream).await.map_err(Error::Tls)?))
    }
}

fn not_found() -> Error {
    Error::DnsError { rcode: Some("the name could not be resolved".to_owned()), info_code: None }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// With the certificates that this system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others. Loaded with the first request.
static TLS: LazyLock<TlsConnector> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    // Certificates that cannot be read are as good as none: servers that need them are not trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    TlsConnector::from(Arc::new(config))
});

async fn within<T>(time: Option<Duration>, late: Error, work: impl Future<Output = Judged<T>>) -> Judged<T> {
    tokio::time::timeout(time.unwrap_or(STEP_TIME), work).await.unwrap_or(Err(late))
}

/// Sends a request that was judged; the connection lives until its response is read.
async fn send(
    mut request: Request<WasiBody>,
    options: RequestOptions,
    target: Target,
    lookups: &Lookups,
    place: Place,
) -> Judged<(Response<WasiBody>, Ending)> {
    let host = target.host_field()?;
    let stream = within(options.connect_timeout, Error::ConnectionTimeout, target.connect(lookups)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Driven beside the guest; dropped with it, since the task is aborted with its handle.
    let driver = wasmtime_wasi::runtime::spawn(async move {
        let _place = place;
        connection.await
    });
    // A server may hold many sites, and the rule allows this one.
    request.headers_mut().insert(http::header::HOST, host);
    // Only a proxy is told scheme and authority.
    *request.uri_mut() = request.uri().path_and_query().map_or(Uri::from_static("/"), |path| Uri::from(path.clone()));
    let answer = within(options.first_byte_timeout, Error::ConnectionReadTimeout, async {
        Ok(sender.send_request(request).await?)
    });
    let response = answer.await?;
    let between = options.between_bytes_timeout.unwrap_or(STEP_TIME);
    let body = response.map(|body| Timed::new(body, between).boxed_unsync());
    let ending: Ending = Box::new(async move { driver.await.map_err(Error::from) });
    Ok((body, ending))
}

/// A body whose frames must not be further apart than this.
struct Timed {
    body: Incoming,
    between: Duration,
    late: Pin<Box<Sleep>>,
}

impl Timed {
    fn new(body: Incoming, between: Duration) -> Timed {
        Timed { body, between, late: Box::pin(tokio::time::sleep(between)) }
    }
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Judged<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            // A time too far away to be told is never.
            if let Some(next) = Instant::now().checked_add(self.between) {
                self.late.as_mut().reset(next);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        self.late.as_mut().poll(context).map(|()| Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
