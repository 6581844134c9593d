//! [`Labels`]: what a task wants of the worker that carries it out, and what a worker has.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Most labels of a worker: it takes from a queue for each choice of some of them that is in use.
pub const LABELS_MAX: usize = 16;

/// Longest label, in bytes.
pub const LABEL_BYTES_MAX: usize = 32;

/// Labels, sorted, each once. A worker takes a task whose labels it has all; every worker takes a task without labels.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Labels(Arc<[Arc<str>]>);

impl Labels {
    /// From words such as `gpu`: lower-case letters, digits and `-`.
    pub fn new<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Result<Labels, BadLabel> {
        let mut labels = Vec::new();
        for word in words {
            let word = word.as_ref();
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if word.is_empty() || word.len() > LABEL_BYTES_MAX || !word.bytes().all(fits) {
                return Err(BadLabel(format!("`{}` is no label", word.escape_debug())));
            }
            labels.push(Arc::from(word));
        }
        labels.sort_unstable();
        labels.dedup();
        if labels.len() > LABELS_MAX {
            return Err(BadLabel(format!("{} labels, at most {LABELS_MAX} are allowed", labels.len())));
        }
        Ok(Labels(labels.into()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|label| &**label)
    }

    /// Whether a worker that has these takes a task that wants `wanted`.
    pub fn have(&self, wanted: &Labels) -> bool {
        wanted.0.iter().all(|label| self.0.binary_search(label).is_ok())
    }

    /// As one word, `eu+gpu`; `_` for none.
    pub fn token(&self) -> String {
        if self.is_empty() { "_".to_owned() } else { self.0.join("+") }
    }

    /// From what [`Labels::token`] gives.
    pub fn of_token(token: &str) -> Option<Labels> {
        if token == "_" { Some(Labels::default()) } else { Labels::new(token.split('+')).ok() }
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// `gpu,eu`; nothing for none.
impl FromStr for Labels {
    type Err = BadLabel;

    fn from_str(text: &str) -> Result<Labels, BadLabel> {
        Labels::new(text.split(',').map(str::trim).filter(|word| !word.is_empty()))
    }
}

/// A word that is no label, or too many of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadLabel(pub String);

impl fmt::Display for BadLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; a label is a word of lower-case letters, digits and `-`, such as `gpu`", self.0)
    }
}

impl std::error::Error for BadLabel {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_takes_what_it_has_all_labels_of() {
        let labels = |text: &str| text.parse::<Labels>().expect(text);
        for (worker, task, takes) in
            [("", "", true), ("gpu", "", true), ("gpu,eu", "eu", true), ("eu", "gpu", false), ("eu", "eu,gpu", false)]
        {
            assert_eq!(labels(worker).have(&labels(task)), takes, "{worker} {task}");
        }
    }

    #[test]
    fn labels_are_one_word_whatever_their_order() {
        for (text, token) in [("", "_"), ("gpu", "gpu"), ("gpu, eu,gpu", "eu+gpu")] {
            let labels: Labels = text.parse().expect(text);
            assert_eq!(labels.token(), token);
            assert_eq!(Labels::of_token(token), Some(labels));
        }
        for bad in ["a.b", "*", ">", "a b", "A", "_", "a+b", &"a".repeat(33)] {
            assert!(Labels::new([bad]).is_err(), "{bad}");
        }
    }
}
