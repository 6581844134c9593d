//! [`Grants`]: what a task may touch, resolved from a flow's `allow`. Nothing is allowed unless it stands here.
//!
//! One file for each kind of grant: its grammar ([`FromStr`](std::str::FromStr)), and the question that the sandbox asks of it while a
//! guest runs. No I/O: names are resolved and folders opened by the sandbox.

mod address;
mod beyond;
mod folder;
mod http;
mod network;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use address::{Reach, reach};
pub use folder::{Access, FolderGrant};
pub use http::{HttpRule, UnsafePath};
pub use network::{HostPattern, NetworkRule, Transport};

/// What a task may touch.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Grants {
    /// `read` and `write`.
    pub folders: Vec<FolderGrant>,
    /// `network`: sockets.
    pub network: Vec<NetworkRule>,
    /// `http`: requests.
    pub http: Vec<HttpRule>,
    /// `env`: names of environment variables of the host.
    pub env: Vec<Arc<str>>,
    /// `secrets`: names; their values reach the guest by `wasi:config`.
    pub secrets: Vec<Arc<str>>,
    /// `config`: keys and values, by `wasi:config`.
    pub config: BTreeMap<Arc<str>, Arc<str>>,
}

impl Grants {
    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        *self == Grants::default()
    }

    /// Whether a guest may reach something that other computers answer: such a task can never be deterministic.
    pub fn reaches_out(&self) -> bool {
        !self.network.is_empty() || !self.http.is_empty()
    }
}

/// A grant that is not written as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrantError {
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl GrantError {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> GrantError {
        GrantError { message: message.into(), help: help.into() }
    }
}

impl std::fmt::Display for GrantError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for GrantError {}

/// Longest text of one grant, in bytes.
pub const GRANT_BYTES_MAX: usize = 4096;

/// A `*` in the middle matches within one segment, between two slashes; at the end, anything.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let (mut patterns, mut texts) = (pattern.split('/'), text.split('/'));
    let mut wanted = patterns.next();
    while let Some(segment) = wanted {
        let Some(found) = texts.next() else { return false };
        let following = patterns.next();
        match segment.strip_suffix('*') {
            Some(head) if following.is_none() => return matches_start(head, found),
            _ if !matches_segment(segment, found) => return false,
            _ => wanted = following,
        }
    }
    texts.next().is_none()
}

/// Whether some beginning of `text` fits.
fn matches_start(pattern: &str, text: &str) -> bool {
    if pattern.contains('*') { matches_segment(&format!("{pattern}*"), text) } else { text.starts_with(pattern) }
}

/// Within one segment; takes at most the product of both lengths: the last star is the only one that is ever moved.
fn matches_segment(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_segment_unless_it_is_the_last() {
        for (pattern, text, fits) in [
            ("/a/*", "/a/", true),
            ("/a/*", "/a/b/c", true),
            ("/a/*", "/a", false),
            ("/a*", "/ab/c", true),
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/b/c", false),
            ("/a/*/*", "/a/b/c/d", true),
            ("/a*b*c", "/axxbyyc", true),
            ("/a*b*c", "/axxbyyc/d", false),
            ("/a*b*", "/axxbyyc/d", true),
            ("/", "/", true),
            ("/", "/a", false),
        ] {
            assert_eq!(matches_glob(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_the_product_of_the_lengths() {
        assert!(!matches_glob(&format!("/{}b", "*a".repeat(1000)), &format!("/{}", "a".repeat(3000))));
    }
}
