//! One `allow`: folders, rules and names are read, and each that is malformed or stands twice is told at its place.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::path::Path;
use std::sync::Arc;

use taskhost_model::grants::{Access, FolderGrant, GRANT_BYTES_MAX, GrantError, Grants, HttpRule, NetworkRule};

use super::FileCheck;
use crate::diagnostic::{Diagnostic, Severity};
use crate::names::{NAME_RULE, is_kebab, to_kebab};
use crate::written::{GrantsWritten, Text};

/// Whose `allow` it is, for messages.
#[derive(Clone, Copy)]
pub(super) enum Holder<'h> {
    Defaults,
    Task(&'h str),
}

impl fmt::Display for Holder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Defaults => f.write_str("`defaults`"),
            Holder::Task(name) => write!(f, "task `{name}`"),
        }
    }
}

/// What one `allow` says; none where it leaves out a key.
#[derive(Clone, Default)]
pub(super) struct Allowed {
    pub(super) read: Option<Vec<FolderGrant>>,
    pub(super) write: Option<Vec<FolderGrant>>,
    network: Option<Vec<NetworkRule>>,
    http: Option<Vec<HttpRule>>,
    env: Option<Vec<Arc<str>>>,
    secrets: Option<Vec<Arc<str>>>,
    config: Option<BTreeMap<Arc<str>, Arc<str>>>,
}

impl Allowed {
    /// With what `defaults` says where this says nothing.
    pub(super) fn over(self, defaults: &Allowed) -> Allowed {
        Allowed {
            read: self.read.or_else(|| defaults.read.clone()),
            write: self.write.or_else(|| defaults.write.clone()),
            network: self.network.or_else(|| defaults.network.clone()),
            http: self.http.or_else(|| defaults.http.clone()),
            env: self.env.or_else(|| defaults.env.clone()),
            secrets: self.secrets.or_else(|| defaults.secrets.clone()),
            config: self.config.or_else(|| defaults.config.clone()),
        }
    }

    /// As the sandbox wants it: writing includes reading, so a folder stands there once.
    pub(super) fn grants(self) -> Grants {
        let mut folders = self.write.unwrap_or_default();
        let written: HashSet<Arc<str>> = folders.iter().map(|folder| folder.guest_path.clone()).collect();
        folders.extend(self.read.into_iter().flatten().filter(|folder| !written.contains(&folder.guest_path)));
        Grants {
            folders,
            network: self.network.unwrap_or_default(),
            http: self.http.unwrap_or_default(),
            env: self.env.unwrap_or_default(),
            secrets: self.secrets.unwrap_or_default(),
            config: self.config.unwrap_or_default(),
        }
    }
}

impl FileCheck<'_, '_, '_> {
    /// Reads an `allow`; what is wrong in it is told and left out.
    pub(super) fn allowed(&mut self, written: &GrantsWritten, holder: Holder<'_>) -> Allowed {
        let base = match self.file.source.path().parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let folder = |access| move |text: &str| FolderGrant::new(text, base, access);
        let allowed = Allowed {
            write: self.entries(&written.write, "write", holder, folder(Access::Write)),
            read: self.entries(&written.read, "read", holder, folder(Access::Read)),
            network: self.entries(&written.network, "network", holder, |text| text.parse()),
            http: self.entries(&written.http, "http", holder, |text| text.parse()),
            env: self.entries(&written.env, "env", holder, variable),
            secrets: self.entries(&written.secrets, "secrets", holder, |text| kebab(text, "secret", "api-token")),
            config: self.settings(written, holder),
        };
        self.check_folders(written, &allowed, holder);
        allowed
    }

    fn entries<T: Eq + Hash + Clone>(
        &mut self,
        written: &Option<Vec<Text>>,
        key: &str,
        holder: Holder<'_>,
        read: impl Fn(&str) -> Result<T, GrantError>,
    ) -> Option<Vec<T>> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for text in written.as_ref()? {
            match read(&text.value) {
                Ok(entry) if seen.insert(entry.clone()) => all.push(entry),
                Ok(_) => {
                    let message = format!("`{key}` of {holder} names `{}` twice", text.value);
                    self.warn_duplicate(message, text);
                }
                Err(error) => self.bad_grant(key, holder, error, text),
            }
        }
        Some(all)
    }

    fn settings(&mut self, written: &GrantsWritten, holder: Holder<'_>) -> Option<BTreeMap<Arc<str>, Arc<str>>> {
        let mut settings = BTreeMap::new();
        for (key, value) in written.config.as_ref()? {
            if let Err(error) = setting(&key.value) {
                self.bad_grant("config", holder, error, key);
            } else if settings.insert(key.value.clone(), value.value.clone()).is_some() {
                self.warn_duplicate(format!("`config` of {holder} names `{}` twice", key.value), key);
            }
        }
        Some(settings)
    }

    pub(super) fn warn_duplicate(&mut self, message: String, text: &Text) {
        let warning = Diagnostic::new(Severity::Warning, "duplicate-grant", message, &self.file.source, text.span);
        self.push(warning.with_help("remove it"));
    }

    fn bad_grant(&mut self, key: &str, holder: Holder<'_>, error: GrantError, text: &Text) {
        let message = format!("`{key}` of {holder}: {}", error.message);
        self.push(self.diagnostic("bad-grant", message, text.span).with_help(error.help));
    }
}

fn wrong<T>(text: &str, why: &str, help: &str) -> Result<T, GrantError> {
    Err(GrantError { message: format!("`{}` {why}", text.escape_debug()), help: help.to_owned() })
}

/// Variables that begin so hold the values of secrets.
const SECRET_VARIABLE: &str = "TASKHOST_SECRET_";

/// The name of an environment variable.
fn variable(text: &str) -> Result<Arc<str>, GrantError> {
    let help = "name the variables, such as `LANG`; their values are those of whoever runs the flow";
    match text {
        "" => wrong(text, "is no name of a variable", help),
        _ if text.len() > GRANT_BYTES_MAX => {
            Err(GrantError { message: "a name is too long".to_owned(), help: help.to_owned() })
        }
        _ if text.contains('=') => {
            let help = "only names stand here; a value of your own goes into `config`, or is an argument";
            wrong(text, "is no name of a variable: it has a `=`", help)
        }
        _ if text.starts_with(SECRET_VARIABLE) => {
            let secret = text[SECRET_VARIABLE.len()..].to_lowercase().replace('_', "-");
            let secret = if is_kebab(&secret) { secret } else { "api-token".to_owned() };
            let help = format!("put it under `secrets`, as `{secret}`: then its value is kept out of logs and results");
            wrong(text, "holds a secret", &help)
        }
        _ if text.contains('\0') => wrong(text, "is no name of a variable: it has a NUL", help),
        _ if text.contains(|c: char| c.is_whitespace() || "*?$".contains(c)) => {
            wrong(text, "is no name of a variable, and there are no patterns", help)
        }
        _ => Ok(text.into()),
    }
}

/// A component decides how its settings are called.
fn setting(text: &str) -> Result<(), GrantError> {
    if text.is_empty() || text.len() > GRANT_BYTES_MAX || text.contains(char::is_control) {
        return wrong(text, "is no name of a setting", "name it as the component asks for it, such as `city`");
    }
    Ok(())
}

/// Secrets have names like everything else in a flow.
fn kebab(text: &str, thing: &str, example: &str) -> Result<Arc<str>, GrantError> {
    if is_kebab(text) && text.len() <= GRANT_BYTES_MAX {
        return Ok(text.into());
    }
    let why = format!("is no name of a {thing}: {NAME_RULE}");
    let help = match to_kebab(text) {
        Some(meant) => format!("write `{meant}`"),
        None => format!("write it as the one who runs the flow knows it, such as `{example}`"),
    };
    wrong(text, &why, &help)
}
