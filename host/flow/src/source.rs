//! [`FlowSource`]: the text of a flow file and where it came from, and [`Span`]: a place in it.
//!
//! Reading files is the caller's work; this only turns bytes into text, and byte positions into lines and columns.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use taskhost_model::limits::FLOW_BYTES_MAX;

use crate::diagnostic::{Diagnostic, Diagnostics};

/// The text of a flow, with the path that messages name.
#[derive(Clone, PartialEq, Eq)]
pub struct FlowSource {
    path: PathBuf,
    text: Arc<str>,
    /// The byte at which each line starts, so that many mistakes in a large file are placed quickly.
    line_starts: Arc<[usize]>,
}

/// A place in a [`FlowSource`]: bytes from `start` up to, but not including, `end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// As a range of bytes.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Span {
        Span { start: range.start, end: range.end }
    }
}

/// A place as people count: both from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LineColumn {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// Its path: the text is long, and stands there.
impl fmt::Debug for FlowSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlowSource({:?})", self.path)
    }
}

impl FlowSource {
    /// A flow's text.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> FlowSource {
        let text = text.into();
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        FlowSource { path: path.into(), text, line_starts }
    }

    /// The text in a file's bytes. Bytes that are no UTF-8, or too many of them, are a mistake of the flow.
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<FlowSource, Diagnostics> {
        let path = path.into();
        if bytes.len() as u64 > FLOW_BYTES_MAX {
            let message = format!("the file has {} bytes, a flow has at most {FLOW_BYTES_MAX}", bytes.len());
            let source = Arc::new(FlowSource::new(path, ""));
            return Err(Diagnostic::error("too-large", message, &source, None).into());
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(FlowSource::new(path, text)),
            Err(error) => Err(not_utf8(path, error.utf8_error().valid_up_to(), error.as_bytes())),
        }
    }

    /// Where the flow came from; for a flow built in code, a name for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The line and column of a byte; past the end means the end.
    pub fn line_column(&self, byte: usize) -> LineColumn {
        let byte = self.text.floor_char_boundary(byte);
        let line = self.line_starts.partition_point(|start| *start <= byte);
        let line_start = self.line_starts[line - 1];
        LineColumn { line, column: 1 + self.text[line_start..byte].chars().count() }
    }

    /// A path that stands in this flow, seen from where the flow's own path is seen.
    pub fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}

/// The readable part is kept up to and with the bad byte's line, so that the place can be shown.
fn not_utf8(path: PathBuf, at: usize, bytes: &[u8]) -> Diagnostics {
    let message = format!("byte {at} (0x{:02x}) is not UTF-8 text", bytes[at]);
    let source = Arc::new(FlowSource::new(path, String::from_utf8_lossy(bytes).as_ref()));
    let span = Span { start: at, end: at + char::REPLACEMENT_CHARACTER.len_utf8() };
    let help = "save the flow as UTF-8; if this is no flow file, check the path";
    Diagnostic::error("not-utf-8", message, &source, Some(span)).with_help(help).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = FlowSource::new("f.toml", "a\näö = 1");
        assert_eq!(source.line_column(0), LineColumn { line: 1, column: 1 });
        assert_eq!(source.line_column(6), LineColumn { line: 2, column: 3 });
        assert_eq!(source.line_column(999), LineColumn { line: 2, column: 7 });
    }

    #[test]
    fn first_byte_that_is_not_utf8_is_shown() {
        let error = FlowSource::from_bytes("f.toml", b"name = \"a\"\nb = \xff\xfe".to_vec()).expect_err("no UTF-8");
        assert_eq!(
            error.to_string(),
            "f.toml:2:5: error[not-utf-8]: byte 15 (0xff) is not UTF-8 text\n\
             help: save the flow as UTF-8; if this is no flow file, check the path"
        );
    }
}
