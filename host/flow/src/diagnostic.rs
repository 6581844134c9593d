//! [`Diagnostic`]: a message about a flow, with its place and the way out.
//!
//! Data only: underlining and colours are the work of whoever shows it. The plain `Display` is one line and its help.

use std::fmt;
use std::sync::Arc;

use crate::source::{FlowSource, Span};

/// How much a [`Diagnostic`] matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// The flow cannot run.
    Error,
    /// The flow runs, but part of it is without effect.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// As it stands in a message: `error`, `warning`, `note`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// A message about a flow.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The kind of mistake, kebab-case; stable, so that programs may look at it.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong; stands alone, without the place.
    pub message: String,
    /// The offending text; none for a flow that was built in code, or if a whole file is meant.
    pub span: Option<Span>,
    /// What to write at the underlined text, if the message does not say it all.
    pub label: Option<String>,
    /// Further places in the same source that explain the first.
    pub related: Vec<(Span, String)>,
    /// What to do instead.
    pub help: Option<String>,
    /// The file that the spans belong to.
    pub source: Arc<FlowSource>,
}

impl Diagnostic {
    /// A message of any severity.
    pub fn new(
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
        source: &Arc<FlowSource>,
        span: Option<Span>,
    ) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            span,
            label: None,
            related: Vec::new(),
            help: None,
            source: source.clone(),
        }
    }

    /// A mistake.
    pub fn error(
        code: &'static str,
        message: impl Into<String>,
        source: &Arc<FlowSource>,
        span: Option<Span>,
    ) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, message, source, span)
    }

    /// With what to do instead.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// With what to do instead, if that is known.
    #[must_use]
    pub fn with_help_if(mut self, help: Option<String>) -> Diagnostic {
        self.help = help.or(self.help);
        self
    }

    /// With a few words at the underlined text.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = Some(label.into());
        self
    }

    /// With a further place; nothing for a flow built in code.
    #[must_use]
    pub fn with_related(mut self, span: Option<Span>, label: impl Into<String>) -> Diagnostic {
        self.related.extend(span.map(|span| (span, label.into())));
        self
    }
}

/// `flow.toml:12:10: error[unknown-task]: no task named …`, then the help.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.source.path().display())?;
        if let Some(span) = self.span {
            let place = self.source.line_column(span.start);
            write!(f, "{}:{}:", place.line, place.column)?;
        }
        write!(f, " {}[{}]: {}", self.severity.name(), self.code, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

/// All messages about a flow and its subflows: file by file, in the order of the text.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Sorts them: files in the order in which they were first mentioned.
    pub fn new(mut all: Vec<Diagnostic>) -> Diagnostics {
        let mut sources: Vec<Arc<FlowSource>> = Vec::new();
        let mut keyed: Vec<(usize, Diagnostic)> = Vec::with_capacity(all.len());
        for diagnostic in all.drain(..) {
            let known = sources.iter().position(|source| Arc::ptr_eq(source, &diagnostic.source));
            let file = known.unwrap_or_else(|| {
                sources.push(diagnostic.source.clone());
                sources.len() - 1
            });
            keyed.push((file, diagnostic));
        }
        keyed.sort_by_key(|(file, diagnostic)| (*file, diagnostic.span.map(|span| span.start), diagnostic.severity));
        Diagnostics(keyed.into_iter().map(|(_, diagnostic)| diagnostic).collect())
    }

    /// Whether the flow cannot run.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics(vec![diagnostic])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
