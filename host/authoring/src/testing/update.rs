//! `taskhost test --update`: what was returned in place of what was expected. The rest of the file stays as it is, to the letter.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use taskhost_flow::FlowSource;
use taskhost_model::{Value, ValueType, json};

use super::{Expected, Mismatch, Place, Test, TestHost, toml_text};
use crate::error::Error;

/// What was written down.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Updated {
    /// Tests whose expectation was changed or added.
    pub tests: usize,
    /// Files that were written: `tests.toml`, and those of `returns-file`.
    pub files: Vec<PathBuf>,
}

/// What is to be written down.
pub(super) struct Changes<'s> {
    source: &'s Arc<FlowSource>,
    edits: Vec<(Range<usize>, String)>,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Changes<'_> {
    pub(super) fn new(source: &Arc<FlowSource>) -> Changes<'_> {
        Changes { source, edits: Vec::new(), files: Vec::new() }
    }

    /// Takes what a test returned for what it is to return, if that can be written down; whether it is.
    pub(super) fn take(
        &mut self,
        test: &Test,
        value: &Value,
        mismatches: &[Mismatch],
        host: &dyn TestHost,
    ) -> Result<bool, Error> {
        let is_wrong = mismatches.iter().any(|mismatch| matches!(mismatch, Mismatch::Value { .. }));
        let has_value = test.ty != ValueType::tuple([]);
        match &test.expected {
            Expected::File(_, path) if is_wrong => {
                self.files.push((path.clone(), content(value, host)?));
                return Ok(true);
            }
            Expected::Value(_) | Expected::Json(_) if is_wrong => {}
            Expected::Success if has_value => {}
            _ => return Ok(false),
        }
        let as_toml = match &test.expected {
            Expected::Json(_) => None,
            _ => toml_text::value(value, &test.ty),
        };
        let written = match as_toml {
            Some(toml) => format!("returns = {toml}"),
            None => format!("returns-json = {}", toml_text::literal(&json::to_string(value, &test.ty))),
        };
        let text = self.source.text();
        self.edits.push(match test.place {
            Place::At(span) => (span.range(), written),
            Place::After(end) => (end..end, format!(", {written}")),
            Place::Below(end) => {
                let line_end = text[end..].find('\n').map_or(text.len(), |newline| end + newline);
                (line_end..line_end, format!("\n{written}"))
            }
            Place::Scattered => return Ok(false),
        });
        Ok(true)
    }

    pub(super) fn write(mut self) -> Result<Updated, Error> {
        let tests = self.edits.len() + self.files.len();
        if !self.edits.is_empty() {
            let text = self.text();
            self.files.insert(0, (self.source.path().to_owned(), text.into_bytes()));
        }
        for (path, bytes) in &self.files {
            write(path, bytes)?;
        }
        Ok(Updated { tests, files: self.files.into_iter().map(|(path, _)| path).collect() })
    }

    /// From the end on, so that places before stay where they are.
    fn text(&mut self) -> String {
        self.edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut text = self.source.text().to_string();
        for (range, written) in &self.edits {
            text.replace_range(range.clone(), written);
        }
        text
    }
}

/// In one step: whoever reads it meanwhile sees the old or the new one whole.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    fs::write(&partial, bytes)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|error| Error::file("write", path, &error))
}

fn content(value: &Value, host: &dyn TestHost) -> Result<Vec<u8>, Error> {
    match value {
        Value::String(text) => Ok(text.as_bytes().to_vec()),
        Value::List(list) if list.as_bytes().is_some() => {
            Ok(list.as_bytes().map(|bytes| bytes.to_vec()).unwrap_or_default())
        }
        Value::Blob(blob) => host.blob(blob),
        _ => Err(Error::internal("the content of a file is a text, bytes or a blob")),
    }
}
