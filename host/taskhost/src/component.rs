//! [`Component`]: a component's file with a short name, for flows that are built in code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use taskhost_model::ComponentSignature;

/// A component's file. [`Host::component`](crate::Host::component) looks into it at once; [`Component::at`] leaves
/// that to the check of the flow.
#[derive(Clone, Debug)]
pub struct Component {
    pub(crate) name: Arc<str>,
    pub(crate) path: PathBuf,
    signature: Option<Arc<ComponentSignature>>,
}

impl Component {
    /// The component in the file at `path`, relative to the current folder. It is called as its file, without the
    /// ending.
    pub fn at(path: impl AsRef<Path>) -> Component {
        let path = path.as_ref();
        let name = short_name(path);
        Component { name, path: std::path::absolute(path).unwrap_or_else(|_| path.into()), signature: None }
    }

    pub(crate) fn with_signature(mut self, signature: Arc<ComponentSignature>) -> Component {
        self.signature = Some(signature);
        self
    }

    /// Called otherwise in flows.
    #[must_use]
    pub fn named(mut self, name: &str) -> Component {
        self.name = name.into();
        self
    }

    /// Its short name in flows.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its functions and their types, if a host has looked into it.
    pub fn signature(&self) -> Option<&ComponentSignature> {
        self.signature.as_deref()
    }
}

/// A kebab-case name from a file's: `My_Numbers v2.wasm` is `my-numbers-v2`.
fn short_name(path: &Path) -> Arc<str> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let words: Vec<&str> = stem.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let name = words.join("-");
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name.into(),
        Some(_) => format!("component-{name}").into(),
        None => "component".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_called_as_their_files() {
        for (path, name) in
            [("a/numbers.wasm", "numbers"), ("My_Numbers v2.wasm", "my-numbers-v2"), ("7.wasm", "component-7")]
        {
            assert_eq!(Component::at(path).name(), name);
        }
    }
}
