//! [`configuration`]: the files of a NATS server that serves several tenants, who see nothing of each other.
//!
//! A tenant is two accounts. The one of its name holds the streams, and its hosts connect there. `<tenant>-workers` has no JetStream: it
//! imports, subject by subject, what a worker needs of the first. Two, because NATS does not look at where an answer goes:
//! in one account a worker could ask for something that it may see, and have the answer sent to where it must not write, such as
//! JetStream's word for deleting a stream. An answer to an imported subject stays in the account of who asked.
//!
//! Pure: nothing is read or written here. `permissions.rs` says who may do what, `text.rs` writes it down.

mod permissions;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use nkeys::{KeyPair, KeyPairType};

/// Most tenants of one configuration.
pub const TENANTS_MAX: usize = 1_000;

/// Longest name of a tenant, in bytes.
pub const TENANT_BYTES_MAX: usize = 32;

/// Least of a limit on messages: objects go in pieces of 256 KiB, with headers.
pub const PAYLOAD_BYTES_MIN: u64 = 512 << 10;

/// Most of a limit on messages: beyond it NATS gets slow for everybody who shares the server.
pub const PAYLOAD_BYTES_MAX: u64 = 8 << 20;

/// Least of a limit on storage: a few messages.
pub const STORAGE_BYTES_MIN: u64 = 1 << 20;

/// Most of a limit on storage: the sum over all tenants must stay a number that NATS can read.
pub const STORAGE_BYTES_MAX: u64 = 1 << 50;

/// Most of the other limits.
const COUNT_MAX: u32 = 1_000_000;

/// What a configuration is made from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantsSettings {
    /// Their names.
    pub tenants: Vec<String>,
    /// The most of each.
    pub limits: TenantLimits,
    /// Without it whoever sees the network sees values. Keys never cross the network, with or without.
    pub tls: Option<TenantsTls>,
    /// `HOST:PORT`; a port of -1 takes a free one. Loopback unless it is changed: what listens to others is the operator's decision.
    pub listen: String,
    /// The folder where the server keeps the streams; a relative one begins where the server is started.
    pub store: PathBuf,
    /// Seeds that are there already, by their paths as [`TenantsSettings::seed_paths`] tells them. The others are made anew.
    pub seeds: BTreeMap<String, String>,
}

/// The most that one tenant may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TenantLimits {
    /// Bytes of its streams on disk, together. Set aside: the server's storage is the sum over all tenants.
    pub storage_bytes_max: u64,
    /// Connections of its hosts, and as many of its workers.
    pub connections_max: u32,
    /// Bytes of one message. Larger values go through the object store, so a tenant needs no more than a few pieces of it.
    pub payload_bytes_max: u64,
    /// Consumers of each of its streams: a queue for each set of labels, each flow run, each object that was read in the last half minute.
    pub consumers_max: u32,
}

impl Default for TenantLimits {
    fn default() -> TenantLimits {
        TenantLimits {
            storage_bytes_max: 10 << 30,
            connections_max: 100,
            payload_bytes_max: 1 << 20,
            consumers_max: 10_000,
        }
    }
}

/// The server's certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantsTls {
    /// Certificates, as PEM.
    pub certificate: PathBuf,
    /// Its key, as PEM.
    pub key: PathBuf,
    /// If given, hosts and workers must show a certificate that one of these has signed.
    pub clients_ca: Option<PathBuf>,
}

/// A file to write.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigurationFile {
    /// Below the folder of the configuration, with `/` between its parts.
    pub path: String,
    /// What stands in it.
    pub content: String,
    /// Whether only its owner may read it (mode 600).
    pub is_secret: bool,
}

/// Secrets are left out: this ends up in logs.
impl fmt::Debug for ConfigurationFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigurationFile").field("path", &self.path).field("is_secret", &self.is_secret).finish()
    }
}

/// A setting that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantsError {
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl TenantsError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> TenantsError {
        TenantsError { message: message.into(), help: help.into() }
    }
}

impl fmt::Display for TenantsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TenantsError {}

impl TenantsSettings {
    /// For these tenants, with the default limits, on loopback.
    pub fn new<T: Into<String>>(tenants: impl IntoIterator<Item = T>) -> TenantsSettings {
        TenantsSettings {
            tenants: tenants.into_iter().map(Into::into).collect(),
            limits: TenantLimits::default(),
            tls: None,
            listen: "127.0.0.1:4222".to_owned(),
            store: "nats-data".into(),
            seeds: BTreeMap::new(),
        }
    }

    /// Where the seeds are, below the folder of the configuration. One that is there, and is given as [`TenantsSettings::seeds`], stays:
    /// so a tenant is added without new keys for the others, and a key is changed by deleting its file.
    pub fn seed_paths(&self) -> Vec<String> {
        self.tenants.iter().flat_map(|tenant| [host_path(tenant), worker_path(tenant)]).collect()
    }
}

/// The keys of a tenant.
struct Keys {
    tenant: String,
    host: KeyPair,
    worker: KeyPair,
}

/// The files: `nats.conf`, and for each tenant the seeds of its hosts and of its workers.
pub fn configuration(settings: &TenantsSettings) -> Result<Vec<ConfigurationFile>, TenantsError> {
    check_tenants(&settings.tenants)?;
    check_limits(&settings.limits)?;
    let mut keys = Vec::new();
    let mut public = BTreeSet::new();
    for tenant in &settings.tenants {
        let pair = |path: String| key(settings, &path);
        let of_tenant =
            Keys { tenant: tenant.clone(), host: pair(host_path(tenant))?, worker: pair(worker_path(tenant))? };
        for (path, pair) in [(host_path(tenant), &of_tenant.host), (worker_path(tenant), &of_tenant.worker)] {
            if !public.insert(pair.public_key()) {
                return Err(TenantsError::new(
                    format!("`{path}` holds the same seed as another file"),
                    "delete one of them: a new one is made, and whoever uses it must get it",
                ));
            }
        }
        keys.push(of_tenant);
    }
    let mut files = vec![ConfigurationFile {
        path: "nats.conf".to_owned(),
        content: text::configuration(settings, &keys)?,
        is_secret: false,
    }];
    for of_tenant in &keys {
        for (path, pair) in
            [(host_path(&of_tenant.tenant), &of_tenant.host), (worker_path(&of_tenant.tenant), &of_tenant.worker)]
        {
            let seed = pair.seed().map_err(|error| TenantsError::new(format!("no seed: {error}"), "try again"))?;
            files.push(ConfigurationFile { path, content: seed + "\n", is_secret: true });
        }
    }
    Ok(files)
}

fn host_path(tenant: &str) -> String {
    format!("{tenant}/host.nk")
}

fn worker_path(tenant: &str) -> String {
    format!("{tenant}/worker.nk")
}

fn key(settings: &TenantsSettings, path: &str) -> Result<KeyPair, TenantsError> {
    let Some(seed) = settings.seeds.get(path) else { return Ok(KeyPair::new_user()) };
    match KeyPair::from_seed(seed.trim()) {
        Ok(pair) if matches!(pair.key_pair_type(), KeyPairType::User) => Ok(pair),
        _ => Err(TenantsError::new(
            format!("`{path}` holds no user's seed"),
            "delete it: a new one is made, and whoever uses it must get it",
        )),
    }
}

fn check_tenants(tenants: &[String]) -> Result<(), TenantsError> {
    if tenants.is_empty() || tenants.len() > TENANTS_MAX {
        let message = format!("{} tenants, at least 1 and at most {TENANTS_MAX} are allowed", tenants.len());
        return Err(TenantsError::new(message, "name each with `--tenant NAME`, or use a server for some of them"));
    }
    let mut seen = BTreeSet::new();
    for tenant in tenants {
        let shown = tenant.escape_debug();
        if !is_name(tenant) {
            return Err(TenantsError::new(
                format!("`{shown}` is no name for a tenant"),
                format!(
                    "write words of lower-case letters and digits with `-` between them, at most {TENANT_BYTES_MAX} bytes, such as \
                     `weather-eu`"
                ),
            ));
        }
        if tenant.ends_with(text::WORKERS_SUFFIX) {
            return Err(TenantsError::new(
                format!("the tenant `{shown}` would be taken for the workers of another"),
                format!("choose a name that does not end with `{}`", text::WORKERS_SUFFIX),
            ));
        }
        if !seen.insert(tenant) {
            return Err(TenantsError::new(format!("the tenant `{shown}` stands there twice"), "name each once"));
        }
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.len() <= TENANT_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split('-').all(is_word)
}

fn check_limits(limits: &TenantLimits) -> Result<(), TenantsError> {
    let count_max = u64::from(COUNT_MAX);
    for (what, value, min, max) in [
        ("storage", limits.storage_bytes_max, STORAGE_BYTES_MIN, STORAGE_BYTES_MAX),
        ("payload", limits.payload_bytes_max, PAYLOAD_BYTES_MIN, PAYLOAD_BYTES_MAX),
        ("connections", limits.connections_max.into(), 1, count_max),
        ("consumers", limits.consumers_max.into(), 1, count_max),
    ] {
        if !(min..=max).contains(&value) {
            return Err(TenantsError::new(
                format!("a limit of {value} on `{what}` is not possible"),
                format!("choose at least {min} and at most {max}"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut TenantsSettings)) -> String {
        let mut settings = TenantsSettings::new(["a", "b"]);
        change(&mut settings);
        let error = configuration(&settings).expect_err("refused");
        assert!(!error.help.is_empty());
        error.message
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let long = "a".repeat(TENANT_BYTES_MAX + 1);
        for bad in ["", "A", "-a", "a-", "a--b", "1a", "..", "a/b", "a b", "a.b", "$sys", "ä", "a\n", "\"", &long] {
            assert!(refusal(|settings| settings.tenants = vec![bad.to_owned()]).contains("is no name"), "{bad:?}");
        }
        for good in ["a", "weather-eu", "t1-2", &long[1..]] {
            assert!(configuration(&TenantsSettings::new([good])).is_ok(), "{good}");
        }
        assert!(refusal(|settings| settings.tenants = vec!["a-workers".to_owned()]).contains("workers of another"));
        assert!(refusal(|settings| settings.tenants = vec!["a".to_owned(); 2]).contains("twice"));
        assert!(refusal(|settings| settings.tenants = Vec::new()).contains("0 tenants"));
        assert!(refusal(|settings| settings.tenants = vec!["a".to_owned(); TENANTS_MAX + 1]).contains("1001 tenants"));
    }

    #[test]
    fn limits_without_meaning_are_refused() {
        assert!(refusal(|settings| settings.limits.storage_bytes_max = 0).contains("storage"));
        assert!(refusal(|settings| settings.limits.storage_bytes_max = u64::MAX).contains("storage"));
        assert!(refusal(|settings| settings.limits.payload_bytes_max = 1 << 10).contains("payload"));
        assert!(refusal(|settings| settings.limits.payload_bytes_max = 1 << 30).contains("payload"));
        assert!(refusal(|settings| settings.limits.connections_max = 0).contains("connections"));
        assert!(refusal(|settings| settings.limits.consumers_max = u32::MAX).contains("consumers"));
    }

    #[test]
    fn addresses_and_paths_cannot_hold_more_of_the_configuration() {
        for bad in ["", "4222", "host:", "host:99999", ":4222", "h\"o:1", "a b:1", "a\n:1"] {
            assert!(refusal(|settings| settings.listen = bad.to_owned()).contains("is no address"), "{bad:?}");
        }
        for good in ["127.0.0.1:-1", "[::1]:4222", "nats.example.com:4222", "0.0.0.0:4222"] {
            let settings = TenantsSettings { listen: good.to_owned(), ..TenantsSettings::new(["a"]) };
            assert!(configuration(&settings).is_ok(), "{good}");
        }
        assert!(refusal(|settings| settings.store = "a\nb".into()).contains("store"));
        assert!(refusal(|settings| settings.store = "".into()).contains("store"));
        let settings = TenantsSettings { store: "a\" b\\c".into(), ..TenantsSettings::new(["a"]) };
        let files = configuration(&settings).expect("files");
        assert!(files[0].content.contains(r#"store_dir: "a\" b\\c""#), "{}", files[0].content);
    }

    #[test]
    fn seeds_are_secret_and_stay_what_they_are() {
        let mut settings = TenantsSettings::new(["a", "b"]);
        let files = configuration(&settings).expect("files");
        let paths: Vec<(&str, bool)> = files.iter().map(|file| (&*file.path, file.is_secret)).collect();
        let expected = [
            ("nats.conf", false),
            ("a/host.nk", true),
            ("a/worker.nk", true),
            ("b/host.nk", true),
            ("b/worker.nk", true),
        ];
        assert_eq!(paths, expected);
        assert_eq!(settings.seed_paths(), expected[1..].iter().map(|(path, _)| *path).collect::<Vec<_>>());
        for file in &files[1..] {
            assert!(file.content.starts_with("SU") && !files[0].content.contains(file.content.trim()), "{}", file.path);
            assert!(!format!("{file:?}").contains(file.content.trim()));
            settings.seeds.insert(file.path.clone(), file.content.clone());
        }
        assert!(configuration(&settings).expect("files") == files, "nothing has changed");
        settings.seeds.remove("a/worker.nk");
        let again = configuration(&settings).expect("files");
        let changed: Vec<&str> =
            files.iter().zip(&again).filter(|(before, after)| before != after).map(|(file, _)| &*file.path).collect();
        assert_eq!(changed, ["nats.conf", "a/worker.nk"]);
    }

    #[test]
    fn damaged_and_shared_seeds_are_refused() {
        let seed = KeyPair::new_user().seed().expect("a seed");
        let account = KeyPair::new_account().seed().expect("a seed");
        for bad in ["", "SUA", &account, &seed[..seed.len() - 1]] {
            let refused = refusal(|settings| drop(settings.seeds.insert("a/host.nk".to_owned(), bad.to_owned())));
            assert!(refused.contains("`a/host.nk` holds no user's seed"), "{bad}");
        }
        let both = BTreeMap::from([("a/host.nk".to_owned(), seed.clone()), ("b/worker.nk".to_owned(), seed)]);
        assert!(refusal(|settings| settings.seeds = both).contains("the same seed"));
    }
}
