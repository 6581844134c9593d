//! [`NatsSettings`] and [`connect`]: the way to a NATS account, with its credentials and certificates.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event, RequestErrorKind, ServerAddr, ServerError};
use tokio::sync::watch;

use crate::error::NatsError;
use crate::names::{HOST_INBOX, TASKS_STREAM, WORKER_INBOX, WORKERS_API};
use crate::trouble::Trouble;

/// The prefix of JetStream's API in an account that has streams.
const JETSTREAM_API: &str = "$JS.API";

/// How long one try to reach a server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an answer of JetStream's API, or its word that a message is kept, may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest pause between two tries to reach a server again.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(4);

/// Largest file of credentials that is read, in bytes.
const CREDENTIALS_BYTES_MAX: u64 = 64 << 10;

/// Publishes whose acknowledgement is awaited at one time.
const PUBLISHES_MAX: usize = 4096;

/// Where NATS is, and who we are there.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct NatsSettings {
    /// `nats://host:4222`, or `tls://…`; several servers of one cluster with commas between them. May hold `user:password@`.
    pub address: String,
    /// A file with an nkey seed, or a credentials file (`.creds`: a JWT and its seed).
    pub credentials: Option<PathBuf>,
    /// Certificates that servers are checked against, as PEM, beside those of the system.
    pub tls_ca: Option<PathBuf>,
    /// The certificate and the key that we show, as PEM.
    pub tls_identity: Option<(PathBuf, PathBuf)>,
    /// On how many servers of a cluster what is sent is kept: streams are made so, and those that are kept otherwise refused. None: on one, or as
    /// they are.
    pub replicas: Option<usize>,
}

impl NatsSettings {
    /// A server without credentials.
    pub fn new(address: impl Into<String>) -> NatsSettings {
        NatsSettings { address: address.into(), credentials: None, tls_ca: None, tls_identity: None, replicas: None }
    }

    /// The address without user and password, for people.
    pub fn shown(&self) -> String {
        let without = |address: &str| match (address.find("://"), address.rfind('@')) {
            (Some(scheme), Some(at)) => format!("{}{}", &address[..scheme + 3], &address[at + 1..]),
            (None, Some(at)) => address[at + 1..].to_owned(),
            _ => address.to_owned(),
        };
        self.address.split(',').map(|address| without(address.trim())).collect::<Vec<_>>().join(",")
    }
}

/// Which side of the queue we are on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// It sends task runs.
    Host,
    /// It carries them out; it waits for a server that is not there yet.
    Worker,
}

/// An open connection.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    /// How often a connection was made.
    connected: watch::Receiver<u64>,
    /// What the server said last that this user may not do.
    forbidden: Arc<Mutex<Option<String>>>,
}

impl Connection {
    /// Whether a server answers at the moment.
    pub(crate) fn is_up(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// What this user tried and may not do, in the server's words.
    pub(crate) fn forbidden(&self) -> Option<String> {
        self.forbidden.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the next time that the connection is made again: a server does not remember what was asked of it before.
    pub(crate) fn reconnected(&self) -> impl Future<Output = ()> + use<> {
        let mut connected = self.connected.clone();
        // Of the first connection we may hear late.
        let before = (*connected.borrow()).max(1);
        async move {
            // Once the client has gone there is no next time.
            if connected.wait_for(|now| *now > before).await.is_err() {
                std::future::pending().await
            }
        }
    }
}

/// Connects. A connection that breaks later is made again, for as long as the process lives. A worker waits for a server that is not there.
/// Why it waits is told by `trouble`.
pub(crate) async fn connect(
    settings: &NatsSettings,
    side: Side,
    name: &str,
    trouble: &Trouble,
) -> Result<Connection, NatsError> {
    let addresses = addresses(&settings.address)?;
    let (tell, connected) = watch::channel(0);
    let forbidden: Arc<Mutex<Option<String>>> = Arc::default();
    let heard = Arc::clone(&forbidden);
    let mut options = ConnectOptions::new()
        .name(name)
        .custom_inbox_prefix(if side == Side::Host { HOST_INBOX } else { WORKER_INBOX })
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(ANSWER_TIMEOUT))
        .ping_interval(Duration::from_secs(10))
        .max_reconnects(None)
        .reconnect_delay_callback(pause)
        .event_callback(move |event| {
            if matches!(event, Event::Connected) {
                tell.send_modify(|times| *times += 1);
            }
            if let Event::ServerError(ServerError::Other(words)) = &event
                && words.to_lowercase().contains("permissions violation")
            {
                *heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(words.clone());
            }
            async move { tracing::info!(target: "taskhost::nats", event = %event, "connection") }
        });
    if settings.tls_ca.is_some() || settings.tls_identity.is_some() {
        options = options.require_tls(true);
    }
    let named =
        addresses.iter().find_map(|address| Some((address.username()?, address.password().unwrap_or_default())));
    if let Some((user, password)) = named {
        options = options.user_and_password(decoded(user), decoded(password));
    }
    if let Some(path) = &settings.credentials {
        options = with_credentials(options, path)?;
    }
    if let Some(ca) = &settings.tls_ca {
        readable(ca, "certificates")?;
        options = options.add_root_certificates(ca.clone());
    }
    if let Some((certificate, key)) = &settings.tls_identity {
        readable(certificate, "the certificate")?;
        readable(key, "the key")?;
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    let mut tries = 0;
    let client = loop {
        match options.clone().connect(&addresses[..]).await {
            Ok(client) => {
                trouble.is(None);
                break client;
            }
            Err(error) if side == Side::Worker && is_absent(&error) => {
                tracing::warn!(target: "taskhost::nats", %error, "no connection yet");
                trouble.is(Some(error.to_string()));
                tries += 1;
                tokio::time::sleep(pause(tries)).await;
            }
            Err(error) => return Err(unreachable(settings, &error)),
        }
    };
    let is_apart = side == Side::Worker && is_apart(&client, &forbidden).await?;
    let prefix = if is_apart { WORKERS_API } else { JETSTREAM_API };
    let jetstream = jetstream::context::ContextBuilder::new()
        .api_prefix(prefix)
        .timeout(ANSWER_TIMEOUT)
        .ack_timeout(ANSWER_TIMEOUT)
        .max_ack_inflight(PUBLISHES_MAX)
        .build(client.clone());
    Ok(Connection { client, jetstream, connected, forbidden })
}

/// Whether this is the account of a tenant's workers, apart from that of the streams ([`tenants`](crate::tenants)). An error if this user may
/// ask neither there nor here.
async fn is_apart(client: &Client, forbidden: &Mutex<Option<String>>) -> Result<bool, NatsError> {
    let ask = |api: &str| client.request(format!("{api}.STREAM.INFO.{TASKS_STREAM}"), "".into());
    loop {
        match ask(WORKERS_API).await {
            Ok(_) => return Ok(true),
            // Elsewhere nobody answers at this subject, which the server says at once.
            Err(error) if error.kind() == RequestErrorKind::NoResponders => return Ok(false),
            // Silence tells nothing, unless it is only there: whoever may not ask is not answered.
            Err(_) => match ask(JETSTREAM_API).await {
                Err(error) if error.kind() != RequestErrorKind::NoResponders => {}
                _ => {
                    // That it may not ask there is as it should be.
                    forbidden.lock().unwrap_or_else(PoisonError::into_inner).take();
                    return Ok(false);
                }
            },
        }
        if let Some(words) = &*forbidden.lock().unwrap_or_else(PoisonError::into_inner) {
            let help = "give the credentials of a worker, such as `worker.nk` of `taskhost nats-config`";
            return Err(NatsError::usage(format!("this user may not do what a worker does: {words}"), help));
        }
    }
}

/// Longer and longer, so that a server that comes back is not overrun.
fn pause(tries: usize) -> Duration {
    let exponent = u32::try_from(tries.min(8)).unwrap_or(8);
    (Duration::from_millis(50) * 2_u32.pow(exponent)).min(RECONNECT_DELAY_MAX)
}

fn addresses(text: &str) -> Result<Vec<ServerAddr>, NatsError> {
    let help = "write `nats://HOST:4222`, or `tls://HOST:4222`";
    let parsed = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
        let of_another_kind = part.split_once("://").is_some_and(|(scheme, _)| !matches!(scheme, "nats" | "tls"));
        match part.parse::<ServerAddr>() {
            Ok(address) if !of_another_kind && !address.host().is_empty() => Ok(address),
            _ => Err(NatsError::usage("the address is not one of a NATS server".to_owned(), help)),
        }
    });
    let parsed = parsed.collect::<Result<Vec<ServerAddr>, NatsError>>()?;
    if parsed.is_empty() {
        return Err(NatsError::usage("the address of the NATS server is empty", help));
    }
    Ok(parsed)
}

/// Without the `%xx` of a URL.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn with_credentials(options: ConnectOptions, path: &Path) -> Result<ConnectOptions, NatsError> {
    let bad = |reason: String| {
        let help = "give a file with an nkey seed (it begins with `SU`), or a credentials file with a JWT and a seed";
        NatsError::usage(format!("credentials `{}` {reason}", path.display()), help)
    };
    readable(path, "credentials")?;
    let text = std::fs::read_to_string(path).map_err(|error| bad(format!("cannot be read: {error}")))?;
    if text.contains("BEGIN NATS USER JWT") {
        return options.credentials(&text).map_err(|_| bad("are damaged".to_owned()));
    }
    let seed = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    match nkeys::KeyPair::from_seed(seed) {
        Ok(_) if seed.starts_with("SU") => Ok(options.nkey(seed.to_owned())),
        _ => Err(bad("hold neither a user's seed nor a JWT".to_owned())),
    }
}

/// An error now, and with the file's name, if it is missing or no file.
fn readable(path: &Path, what: &str) -> Result<(), NatsError> {
    let help = "correct the path, or the file's permissions";
    match std::fs::metadata(path) {
        Ok(file) if !file.is_file() => Err(NatsError::usage(format!("{what}: `{}` is no file", path.display()), help)),
        Ok(file) if file.len() > CREDENTIALS_BYTES_MAX => {
            Err(NatsError::usage(format!("{what}: `{}` is too large for that", path.display()), help))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(NatsError::usage(format!("{what}: `{}`: {error}", path.display()), help)),
    }
}

/// Whether nobody answers, unlike one who answers no.
fn is_absent(error: &async_nats::ConnectError) -> bool {
    use async_nats::ConnectErrorKind as Kind;
    matches!(error.kind(), Kind::Dns | Kind::TimedOut | Kind::Io)
}

fn unreachable(settings: &NatsSettings, error: &async_nats::ConnectError) -> NatsError {
    use async_nats::ConnectErrorKind as Kind;
    let shown = settings.shown();
    let said = error.to_string();
    let help = match error.kind() {
        _ if said.contains("CertificateRequired") => {
            "this server asks for a certificate: `--tls-cert FILE --tls-key FILE`"
        }
        _ if said.contains("UnknownIssuer") => "give the certificates that the server's is signed by: `--tls-ca FILE`",
        _ if said.contains("InvalidContentType") => "the server has no TLS: write `nats://…`, and no `--tls-…`",
        Kind::Authentication | Kind::AuthorizationViolation => {
            "give the credentials of this account: `--credentials FILE`, or `user:password@` in the address"
        }
        Kind::Tls => "give the certificates that the server's is signed by: `--tls-ca FILE`",
        _ => "see that a NATS server with JetStream listens there: `nats-server -js`",
    };
    NatsError { is_usage: true, ..NatsError::new(format!("no connection to NATS at `{shown}`: {error}")).help(help) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (address, shown) in [
            ("nats://ada:se@cret@db:4222", "nats://db:4222"),
            ("ada:secret@db", "db"),
            ("nats://a:b@one:1, tls://two:2", "nats://one:1,tls://two:2"),
        ] {
            assert_eq!(NatsSettings::new(address).shown(), shown);
        }
    }

    #[test]
    fn what_is_no_address_of_nats_is_refused() {
        for address in ["", " , ", "http://host:80", "ws://host", "nats://"] {
            assert!(addresses(address).is_err(), "{address:?}");
        }
        assert_eq!(addresses("nats://a:1,b").expect("addresses").len(), 2);
    }

    #[test]
    fn a_password_in_a_url_may_hold_any_character() {
        assert_eq!(decoded("se%40cr%3Aet%"), "se@cr:et%");
    }

    #[test]
    fn pauses_grow_and_stay_short() {
        assert!(pause(1) < pause(3) && pause(10_000) == RECONNECT_DELAY_MAX);
    }
}
