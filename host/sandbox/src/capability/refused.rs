//! [`Refused`]: what a guest tried and was not granted, remembered for the report.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use taskhost_model::Refusal;
use taskhost_model::powers::gather;

/// Characters of a guest's text in a refusal: enough for any honest path or host.
const TEXT_CHARS_MAX: usize = 300;

/// A list that several parts of a task run add to. Memory is taken only when it is shared or has something in it.
pub(crate) struct SharedList<T>(OnceLock<Arc<Mutex<Vec<T>>>>);

impl<T> Default for SharedList<T> {
    fn default() -> SharedList<T> {
        SharedList(OnceLock::new())
    }
}

/// The same list.
impl<T> Clone for SharedList<T> {
    fn clone(&self) -> SharedList<T> {
        SharedList(OnceLock::from(Arc::clone(self.0.get_or_init(Arc::default))))
    }
}

impl<T> SharedList<T> {
    /// Whether nobody ever looked at it.
    fn is_unused(&self) -> bool {
        self.0.get().is_none()
    }

    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Vec<T>) -> R) -> R {
        work(&mut self.0.get_or_init(Arc::default).lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The refusals of one task run.
#[derive(Clone, Default)]
pub(crate) struct Refused(SharedList<Refusal>);

impl Refused {
    /// Remembers an attempt (after "tried to") and what would allow it.
    pub(crate) fn note(&self, attempt: String, grant: String) {
        self.0.with(|refusals| gather(refusals, &[Refusal { attempt, grant }]));
    }

    /// What was refused so far, in order.
    pub(crate) fn take(&self) -> Vec<Refusal> {
        if self.0.is_unused() { Vec::new() } else { self.0.with(std::mem::take) }
    }
}

/// A guest's text, cut.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Text as a basic string of TOML.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in shown(text).chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(character))),
            character => quoted.push(character),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_a_string_of_toml() {
        assert_eq!(quoted("it's a \"b\\\n"), "\"it's a \\\"b\\\\\\u000A\"");
    }
}
