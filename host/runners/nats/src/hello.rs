//! Who is there: a host asks at [`WORKERS_SUBJECT`](crate::names::WORKERS_SUBJECT), each worker answers. The same in every version, so that
//! hosts and workers that do not understand each other can say so.

use serde::{Deserialize, Serialize};
use taskhost_model::Labels;

use crate::names::PROTOCOL;

/// In place of the labels of a worker that takes whatever is wanted.
pub(crate) const ALL_LABELS: &str = "*";

/// Most threads that a worker is believed to have.
const THREADS_MAX: u32 = 4096;

/// Longest question or answer that is read, in bytes.
const BYTES_MAX: usize = 4096;

/// A host's question.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Question {
    /// The host's taskhost.
    pub(crate) version: String,
    /// What it speaks.
    pub(crate) protocol: u32,
    /// What its task runs want, as one word; workers that have these labels begin to look into that queue.
    pub(crate) labels: Vec<String>,
    /// An artifact to look for in the worker's store of artifacts, if both have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) probe: Option<String>,
}

/// A worker, as it describes itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub struct WorkerHello {
    /// Its name; different for each worker process.
    pub name: String,
    /// Its taskhost.
    pub version: String,
    /// What it speaks.
    pub protocol: u32,
    /// What it has; `*` for one that takes whatever is wanted.
    pub labels: String,
    /// Threads that compute.
    pub threads: u32,
    /// It ends what it has and takes nothing more.
    #[serde(default)]
    pub draining: bool,
    /// The probe of the host that asks, if it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) found: Option<String>,
}

impl WorkerHello {
    /// What it has; none if its words are no labels of this version.
    pub(crate) fn labels(&self) -> Option<Labels> {
        self.labels.parse().ok()
    }

    /// Whether it may be what a worker of any version says: its words are shown to people, and its threads counted on.
    pub(crate) fn is_plausible(&self) -> bool {
        let is_word = |text: &str, length_max: usize| {
            text.len() <= length_max && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        };
        let are_words = is_word(&self.name, 256) && is_word(&self.version, 64) && is_word(&self.labels, 2048);
        are_words && self.threads <= THREADS_MAX
    }

    /// Whether it takes task runs that want `labels` of a host of this version.
    pub(crate) fn takes(&self, labels: &Labels) -> bool {
        let has_them = self.labels == ALL_LABELS || self.labels().is_some_and(|has| has.have(labels));
        self.protocol == PROTOCOL && !self.draining && has_them
    }
}

pub(crate) fn encode<T: Serialize>(message: &T) -> bytes::Bytes {
    serde_json::to_vec(message).unwrap_or_default().into()
}

/// None for what is no such message: anybody in the account may write here.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    if bytes.len() > BYTES_MAX { None } else { serde_json::from_slice(bytes).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_worker_says_is_not_heard() {
        let worker = WorkerHello {
            name: "one-1".to_owned(),
            version: "0.1.0".to_owned(),
            protocol: PROTOCOL,
            labels: "gpu,eu".to_owned(),
            threads: 2,
            draining: false,
            found: None,
        };
        assert!(worker.is_plausible());
        assert!(!WorkerHello { threads: u32::MAX, ..worker.clone() }.is_plausible());
        assert!(!WorkerHello { name: "one\n\u{2713} forged".to_owned(), ..worker.clone() }.is_plausible());
        assert!(!WorkerHello { labels: "x".repeat(4000), ..worker }.is_plausible());
    }
}
