//! The text of `nats.conf`. Whatever comes from outside stands in quotes; what cannot is refused.

use std::fmt::Write as _;
use std::path::Path;

use nkeys::KeyPair;

use super::permissions::{self, User};
use super::{Keys, TenantsError, TenantsSettings};

/// The end of the name of the account of a tenant's workers.
pub(super) const WORKERS_SUFFIX: &str = "-workers";

/// Streams of a tenant: task runs, outcomes, objects.
const STREAMS: usize = 3;

/// The text; fails if an address or a path cannot stand in it.
pub(super) fn configuration(settings: &TenantsSettings, keys: &[Keys]) -> Result<String, TenantsError> {
    let limits = &settings.limits;
    let storage = limits.storage_bytes_max.saturating_mul(keys.len() as u64);
    let mut text = format!(
        "# A NATS server for taskhost, with accounts of its own for each tenant. Written by `taskhost nats-config`.\n\
         # Check it: `nats-server -t -c nats.conf`. After a change: `nats-server --signal reload`.\n\n\
         listen: {}\n\
         # Bytes of one message.\n\
         max_payload: {}\n\n\
         jetstream {{\n  store_dir: {}\n  # Bytes: the sum over all tenants. Streams in memory are not allowed.\n  \
         max_file_store: {storage}\n  max_memory_store: 0\n}}\n\n",
        listen(&settings.listen)?,
        limits.payload_bytes_max,
        path(&settings.store, "the store")?,
    );
    text += &tls(settings)?;
    for (name, user) in [("may_host", User::Host), ("may_worker", User::Worker)] {
        text += &allowed(name, user);
    }
    text += "accounts {\n";
    for of_tenant in keys {
        text += &with_streams(settings, of_tenant);
        text += &of_workers(settings, of_tenant);
    }
    text += "}\n";
    Ok(text)
}

fn tls(settings: &TenantsSettings) -> Result<String, TenantsError> {
    let Some(tls) = &settings.tls else {
        return Ok("# No TLS: whoever sees the network sees values. Keys never cross it.\n\n".to_owned());
    };
    let mut text = format!(
        "tls {{\n  cert_file: {}\n  key_file: {}\n",
        path(&tls.certificate, "the certificate")?,
        path(&tls.key, "the key")?
    );
    if let Some(ca) = &tls.clients_ca {
        let _ = write!(
            text,
            "  # Hosts and workers show certificates, too.\n  ca_file: {}\n  verify: true\n",
            path(ca, "the certificates of clients")?
        );
    }
    Ok(text + "}\n\n")
}

/// A variable of the configuration, so that the list stands there once.
fn allowed(name: &str, user: User) -> String {
    let mut text = format!("{name} {{\n  publish: [\n");
    for it in permissions::publish(user) {
        let _ = writeln!(text, "    {} # {}", quoted(&subject(user, &it.subject)), it.purpose);
    }
    text += "  ]\n  subscribe: [\n";
    for (subject, purpose) in permissions::subscribe(user) {
        let _ = writeln!(text, "    {} # {purpose}", quoted(&subject));
    }
    text + "  ]\n}\n\n"
}

fn subject(user: User, subject: &str) -> String {
    match user {
        User::Host => subject.to_owned(),
        User::Worker => permissions::of_workers(subject),
    }
}

/// The account that holds a tenant's streams.
fn with_streams(settings: &TenantsSettings, keys: &Keys) -> String {
    let (limits, tenant) = (&settings.limits, &keys.tenant);
    let workers = quoted(&format!("{tenant}{WORKERS_SUFFIX}"));
    let mut text = account(settings, tenant, &keys.host, "may_host", &format!("{tenant}/host.nk"));
    let _ = write!(
        text,
        "    jetstream {{ max_store: {}, max_memory: 0, max_streams: {STREAMS}, max_consumers: {} }}\n    exports: [\n",
        limits.storage_bytes_max, limits.consumers_max
    );
    for it in permissions::publish(User::Worker) {
        let answers = if it.has_many_answers { ", response_type: stream" } else { "" };
        let _ = writeln!(text, "      {{ service: {}, accounts: [{workers}]{answers} }}", quoted(&it.subject));
    }
    for (subject, _) in permissions::subscribe(User::Worker) {
        let _ = writeln!(text, "      {{ stream: {}, accounts: [{workers}] }}", quoted(&subject));
    }
    text + "    ]\n  }\n"
}

/// The account of a tenant's workers.
fn of_workers(settings: &TenantsSettings, keys: &Keys) -> String {
    let tenant = &keys.tenant;
    let name = format!("{tenant}{WORKERS_SUFFIX}");
    let mut text = account(settings, &name, &keys.worker, "may_worker", &format!("{tenant}/worker.nk"));
    text += "    imports: [\n";
    let from = |subject: &str| format!("{{ account: {}, subject: {} }}", quoted(tenant), quoted(subject));
    for it in permissions::publish(User::Worker) {
        let here = permissions::of_workers(&it.subject);
        let to = if here == it.subject { String::new() } else { format!(", to: {}", quoted(&here)) };
        let _ = writeln!(text, "      {{ service: {}{to} }}", from(&it.subject));
    }
    for (subject, _) in permissions::subscribe(User::Worker) {
        let _ = writeln!(text, "      {{ stream: {} }}", from(&subject));
    }
    text + "    ]\n  }\n"
}

/// The beginning of an account: who may connect, and how much.
fn account(settings: &TenantsSettings, name: &str, key: &KeyPair, may: &str, seed: &str) -> String {
    format!(
        "  {}: {{\n    # The seed is in {seed}.\n    users: [ {{ nkey: {}, permissions: ${may} }} ]\n    limits {{ max_connections: {}, \
         max_payload: {} }}\n",
        quoted(name),
        key.public_key(),
        settings.limits.connections_max,
        settings.limits.payload_bytes_max,
    )
}

fn listen(address: &str) -> Result<String, TenantsError> {
    let is_host = |host: &str| {
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match inner {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
            }
        }
    };
    match address.rsplit_once(':') {
        Some((host, port)) if is_host(host) && (port == "-1" || port.parse::<u16>().is_ok_and(|port| port > 0)) => {
            Ok(quoted(address))
        }
        _ => Err(TenantsError::new(
            format!("`{}` is no address to listen at", address.escape_debug()),
            "write `HOST:PORT`, such as `127.0.0.1:4222`, or `0.0.0.0:4222` for all networks",
        )),
    }
}

fn path(path: &Path, what: &str) -> Result<String, TenantsError> {
    match path.to_str() {
        Some(text) if !text.is_empty() && !text.contains(char::is_control) => Ok(quoted(text)),
        _ => Err(TenantsError::new(
            format!("{what}: `{}` cannot stand in a configuration", path.display().to_string().escape_debug()),
            "give a path that is not empty, in UTF-8, without control characters",
        )),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
