//! The ways out of this process: outputs to stdout, everything else to stderr. Nothing else of the project prints.
//!
//! Colours are written always and taken out by `anstream` where nobody would see them. A reader that went away
//! (`taskhost … | head`) is no error.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::error::CliError;

/// Good news.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Bad news.
pub(crate) const BAD: Style = AnsiColor::BrightRed.on_default().bold();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Names and headings.
pub(crate) const STRONG: Style = Style::new().bold();
/// The way out.
pub(crate) const HELP: Style = AnsiColor::BrightCyan.on_default().bold();
/// To be looked at.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();

/// `text` in a style.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes to stdout, without a line end of its own.
pub(crate) fn stdout(text: &str) -> Result<(), CliError> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::internal(format!("could not write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes to stderr, without a line end of its own. Where stderr is gone there is nobody left to tell.
pub(crate) fn stderr(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Whether people watch stderr.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Columns of the terminal behind stderr; 100 for anything else.
pub(crate) fn terminal_width() -> usize {
    // `indicatif` would answer too, but only after setting up its drawing.
    console_width().unwrap_or(100)
}

fn console_width() -> Option<usize> {
    if !stderr_is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0))
}

/// Text of a guest or a file, fit for a terminal: control characters other than line ends and tabs are shown, not obeyed.
pub(crate) fn visible(text: &str) -> std::borrow::Cow<'_, str> {
    let harmless = |character: char| !character.is_control() || matches!(character, '\n' | '\t');
    if text.chars().all(harmless) {
        return text.into();
    }
    let show = |character: char| {
        if harmless(character) { character.to_string() } else { character.escape_default().to_string() }
    };
    text.chars().map(show).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_a_guest_are_shown_not_obeyed() {
        assert_eq!(visible("a\tb\n\u{1b}[2J\u{9b}1m"), "a\tb\n\\u{1b}[2J\\u{9b}1m");
        assert!(matches!(visible("plain ä"), std::borrow::Cow::Borrowed(_)));
    }
}
