//! `config` and `secrets`: settings that reach the guest by `wasi:config/store`, and the care that no secret goes further.

use std::sync::{Arc, LazyLock};

use memchr::memmem;
use taskhost_model::seams::Vault;
use taskhost_model::{Grants, TaskFailure, Value};
use wasmtime::Result;
use wasmtime::component::Linker;
use wasmtime_wasi_config::{WasiConfig, WasiConfigVariables};

use crate::state::HostState;

/// What stands for a secret's value.
const MASK: &str = "***";

/// A longer secret would be looked for in all that a task says for too long.
const SECRET_BYTES_MAX: usize = 64 << 10;

/// Each line is looked for by itself.
const SECRET_LINES_MAX: usize = 200;

/// Shorter lines of a secret are not masked: they would be found in any text.
const MASKED_BYTES_MIN: usize = 4;

/// So many letters and digits of a secret in a row are taken for a part of it.
const RESEMBLING_BYTES: usize = 6;

static NO_SETTINGS: LazyLock<Settings> = LazyLock::new(Settings::default);

/// Settings and secrets of a task.
#[derive(Default)]
pub(crate) struct Settings {
    variables: WasiConfigVariables,
    pub(crate) masks: Masks,
}

impl Settings {
    pub(super) fn prepare(grants: &Grants, vault: Option<&dyn Vault>) -> Result<Settings, TaskFailure> {
        let mut settings = Settings::default();
        for (key, value) in &grants.config {
            settings.variables.insert(&**key, &**value);
        }
        for name in &grants.secrets {
            let value = vault.and_then(|vault| vault.secret(name));
            let value =
                value.ok_or_else(|| TaskFailure::Ungrantable(format!("the secret `{name}` is not known here")))?;
            settings.variables.insert(&**name, &*value);
            settings.masks.add(&value).map_err(|why| TaskFailure::Ungrantable(format!("the secret `{name}` {why}")))?;
        }
        Ok(settings)
    }
}

pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    wasmtime_wasi_config::add_to_linker(linker, |state| WasiConfig::from(&state.settings().variables))
}

impl HostState {
    fn settings(&self) -> &Settings {
        self.capabilities.as_ref().map_or(&*NO_SETTINGS, |capabilities| &capabilities.settings)
    }

    /// Secrets of which nothing may be said; none for most tasks.
    pub(crate) fn masks(&self) -> Option<&Masks> {
        self.capabilities.as_ref().map(|capabilities| &capabilities.settings.masks).filter(|masks| !masks.0.is_empty())
    }
}

/// The values of a task's secrets, each line of them by itself.
#[derive(Clone, Default)]
pub(crate) struct Masks(Vec<Arc<str>>);

impl Masks {
    fn add(&mut self, value: &Arc<str>) -> Result<(), &'static str> {
        let masked: usize =
            value.lines().map(str::trim).filter(|line| line.len() >= MASKED_BYTES_MIN).map(str::len).sum();
        if value.len() > SECRET_BYTES_MAX || value.lines().count() > SECRET_LINES_MAX {
            return Err("is too long to be kept out of logs: at most 64 KiB and 200 lines");
        }
        if masked * 2 < value.len() {
            return Err("has lines that are too short to be kept out of logs: at least 4 characters");
        }
        let whole = std::iter::once(Arc::clone(value));
        let lines = value.lines().map(str::trim).filter(|line| line.len() >= MASKED_BYTES_MIN).map(Arc::from);
        self.0.extend(whole.chain(lines));
        // The longest first: one may be a part of another.
        self.0.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
        self.0.dedup();
        Ok(())
    }

    /// Bytes of the longest.
    pub(crate) fn longest(&self) -> usize {
        self.0.first().map_or(0, |text| text.len())
    }

    /// The text without any secret.
    pub(crate) fn masked(&self, text: String) -> String {
        String::from_utf8_lossy(&self.masked_bytes(text.into_bytes())).into_owned()
    }

    /// The bytes without any secret, whether they are text or not.
    pub(crate) fn masked_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.0.iter().fold(bytes, |bytes, secret| {
            let (mut masked, mut from) = (Vec::new(), 0);
            for at in memmem::find_iter(&bytes, secret.as_bytes()) {
                masked.extend_from_slice(&bytes[from..at]);
                masked.extend_from_slice(MASK.as_bytes());
                from = at + secret.len();
            }
            if from == 0 {
                return bytes;
            }
            masked.extend_from_slice(&bytes[from..]);
            masked
        })
    }

    /// Whether a value holds a secret in a string, or in bytes.
    pub(crate) fn is_in(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is_in_bytes(text.as_bytes()),
            // An image is searched whole: strings are never packed, and bytes may hold text.
            Value::List(list) => match (list.image(), list.values()) {
                (Some(image), _) => self.is_in_bytes(image),
                (None, Some(values)) => values.iter().any(|item| self.is_in(item)),
                (None, None) => false,
            },
            Value::Record(items) | Value::Tuple(items) => items.iter().any(|item| self.is_in(item)),
            Value::Variant(_, Some(inner))
            | Value::Option(Some(inner))
            | Value::Result(Ok(Some(inner)) | Err(Some(inner))) => self.is_in(inner),
            _ => false,
        }
    }

    /// Whether a text of the guest may hold a part of a secret, be it cut, escaped or in other letters: letters and digits alone are looked
    /// at, and a few in a row are enough. Not for long texts.
    pub(crate) fn resembles(&self, text: &str) -> bool {
        let texts = [bare(text.bytes()), bare(unescaped(text).into_iter())];
        self.0.iter().any(|secret| {
            let secret = bare(secret.bytes());
            let row = secret.len().min(RESEMBLING_BYTES);
            let is_in = |part: &[u8]| memmem::find(&secret, part).is_some();
            row == 0 || texts.iter().any(|text| text.windows(row).any(is_in))
        })
    }

    /// Whether bytes hold a secret.
    pub(crate) fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|secret| memmem::find(bytes, secret.as_bytes()).is_some())
    }
}

fn bare(bytes: impl Iterator<Item = u8>) -> Vec<u8> {
    let kept = bytes.filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
    kept.map(|byte| byte.to_ascii_lowercase()).collect()
}

/// `%41` as `A`, as in a URL.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
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
    bytes
}

impl std::fmt::Debug for Masks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_resembles_a_secret_is_found_cut_escaped_and_in_other_letters() {
        let mut masks = Masks::default();
        masks.add(&Arc::from("S3cr3t/T0ken+value")).expect("a secret");
        for text in [
            "open `/x/s3cr3t`",
            "send `GET https://a.org/S3cr3t%2fT0k`",
            "look up `t0kenvalue.org`",
            "%53%33%63%72%33%74",
        ] {
            assert!(masks.resembles(text), "{text}");
        }
        for text in ["open `/etc/passwd`", "connect to `1.2.3.4:443`", "", "s3c"] {
            assert!(!masks.resembles(text), "{text}");
        }
    }
}
