//! [`TomlFile`]: takes the tables of our TOML files apart and collects what is wrong, in the words of a flow's mistakes.

use std::path::Path;
use std::sync::Arc;

use taskhost_flow::written::{Spanned, Text};
use taskhost_flow::{Diagnostic, Diagnostics, FlowSource, Span, names};
use toml::Spanned as TomlSpanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::error::Error;

/// Largest file of ours that is read, in bytes: ten thousand times the usual.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// The text of a file; a byte that is no UTF-8 is a mistake with a place.
pub(crate) fn read(path: &Path) -> Result<Arc<FlowSource>, Error> {
    let size = std::fs::metadata(path).map_err(|error| Error::file("read", path, &error))?.len();
    if size > FILE_BYTES_MAX {
        let message = format!("`{}` has {size} bytes, at most {FILE_BYTES_MAX} are read", path.display());
        return Err(Error::rejected(message, None));
    }
    let bytes = std::fs::read(path).map_err(|error| Error::file("read", path, &error))?;
    Ok(Arc::new(FlowSource::from_bytes(path, bytes)?))
}

/// A key and what stands behind it.
pub(crate) struct Entry<'t> {
    pub(crate) key: &'t str,
    pub(crate) key_span: Span,
    pub(crate) value: &'t TomlSpanned<DeValue<'t>>,
}

impl Entry<'_> {
    pub(crate) fn value_span(&self) -> Span {
        self.value.span().into()
    }
}

/// Reads one file.
pub(crate) struct TomlFile {
    pub(crate) source: Arc<FlowSource>,
    pub(crate) mistakes: Vec<Diagnostic>,
}

impl TomlFile {
    pub(crate) fn new(source: &Arc<FlowSource>) -> TomlFile {
        TomlFile { source: source.clone(), mistakes: Vec::new() }
    }

    /// Notes a mistake, and gives it for a help to be added.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Option<Span>,
    ) -> &mut Diagnostic {
        self.mistakes.push(Diagnostic::error(code, message, &self.source, span));
        self.mistakes.last_mut().expect("just pushed")
    }

    /// All mistakes, if there are any.
    pub(crate) fn done<T>(self, read: Option<T>) -> Result<T, Diagnostics> {
        match read {
            Some(read) if self.mistakes.is_empty() => Ok(read),
            _ => Err(Diagnostics::new(self.mistakes)),
        }
    }

    /// The entries in the order of the text.
    pub(crate) fn entries<'t>(&self, table: &'t DeTable<'t>) -> Vec<Entry<'t>> {
        let entry = |(key, value): (&'t TomlSpanned<DeString<'t>>, _)| Entry {
            key: key.get_ref().as_ref(),
            key_span: key.span().into(),
            value,
        };
        let mut entries: Vec<Entry<'t>> = table.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.key_span);
        entries
    }

    /// The entries whose keys are `known`; the others are mistakes. `title` is what the table is called in messages.
    pub(crate) fn known<'t>(&mut self, title: &str, known: &[&str], table: &'t DeTable<'t>) -> Vec<Entry<'t>> {
        let (good, bad): (Vec<_>, Vec<_>) =
            self.entries(table).into_iter().partition(|entry| known.contains(&entry.key));
        for entry in bad {
            let help = names::help(entry.key, known.iter().copied());
            let message = format!("{title} has no key `{}`", entry.key);
            self.error("unknown-key", message, Some(entry.key_span)).help = help;
        }
        good
    }

    /// The shape is wrong.
    pub(crate) fn shape(&mut self, key: &str, wanted: &str, value: &TomlSpanned<DeValue<'_>>) -> &mut Diagnostic {
        let kind = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.error("wrong-shape", format!("`{key}` wants {wanted}, not {kind}"), Some(value.span().into()))
    }

    pub(crate) fn table<'t>(&mut self, entry: &Entry<'t>) -> Option<&'t DeTable<'t>> {
        let table = entry.value.get_ref().as_table();
        if table.is_none() {
            self.shape(entry.key, "a table", entry.value);
        }
        table
    }

    pub(crate) fn text(&mut self, entry: &Entry<'_>) -> Option<Text> {
        let text = entry.value.get_ref().as_str();
        if text.is_none() {
            self.shape(entry.key, "a string", entry.value);
        }
        Some(Spanned::at(text?, entry.value_span()))
    }
}
