//! The ways out of this process: outputs to stdout, everything else to stderr. Nothing else of the project prints.
//!
//! Colours are written always and taken out by `anstream` where nobody would see them. A reader that went away
//! (`taskhost … | head`) is no error.

use std::borrow::Cow;
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

/// Columns and rows of the terminal behind stdout; none if it is none.
pub(crate) fn stdout_size() -> Option<(usize, usize)> {
    let out = io::stdout();
    let (columns, rows) = terminal_size::terminal_size_of(&out).filter(|_| out.is_terminal())?;
    Some((usize::from(columns.0), usize::from(rows.0)))
}

/// Writes to a terminal in place of the last lines, each of which fills one row: what is too long is cut off.
pub(crate) fn stdout_redrawn(lines: usize, text: &str) -> Result<(), CliError> {
    let raw = |command: &str| match io::stdout().lock().write_all(command.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::internal(format!("could not write to stdout: {error}")))
        }
        _ => Ok(()),
    };
    // Past `anstream`, which takes out more than colours where nobody wants colours.
    let up = if lines > 0 { format!("\u{1b}[{lines}F") } else { String::new() };
    raw(&format!("{up}\u{1b}[0J\u{1b}[?7l"))?;
    let written = stdout(text);
    raw("\u{1b}[?7h")?;
    written
}

/// Writes bytes to stdout as they are; only a terminal gets them as a text that cannot command it.
pub(crate) fn stdout_raw(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        return stdout(&visible(&String::from_utf8_lossy(bytes)));
    }
    match out.write_all(bytes).and_then(|()| out.flush()) {
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

/// Text of a guest or a file, fit for a terminal: what is not [`harmless`] is shown, not obeyed.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |character| character.escape_default().to_string())
}

/// The same in one line, so that it cannot pretend to be a line of ours.
pub(crate) fn visible_line(text: &str) -> Cow<'_, str> {
    let shown = visible(text);
    if shown.contains(['\n', '\t']) { shown.replace('\n', "\\n").replace('\t', "\\t").into() } else { shown }
}

/// JSON text, fit for a terminal: the same with JSON's own escapes, so that it still means the same.
pub(crate) fn visible_json(text: &str) -> Cow<'_, str> {
    // Such characters stand only inside strings, and none is beyond the 16 bits of an escape.
    escaped(text, |character| format!("\\u{:04x}", u32::from(character)))
}

fn escaped(text: &str, escape: impl Fn(char) -> String) -> Cow<'_, str> {
    if text.chars().all(harmless) {
        return text.into();
    }
    let show = |character: char| if harmless(character) { character.to_string() } else { escape(character) };
    text.chars().map(show).collect::<String>().into()
}

/// Whether a terminal only shows it. Control characters other than line ends and tabs command the terminal; invisible ones hide
/// that two texts differ, and those that turn the direction of writing let a text pretend to be another.
fn harmless(character: char) -> bool {
    match character {
        '\n' | '\t' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => false,
        _ => !character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_a_guest_are_shown_not_obeyed() {
        assert_eq!(visible("a\tb\n\u{1b}[2J\u{9b}1m"), "a\tb\n\\u{1b}[2J\\u{9b}1m");
        assert!(matches!(visible("plain ä"), Cow::Borrowed(_)));
    }

    #[test]
    fn invisible_and_turning_characters_are_shown() {
        assert_eq!(visible("a\u{202e}cod.exe\u{200b}\u{2028}\u{2066}"), "a\\u{202e}cod.exe\\u{200b}\\u{2028}\\u{2066}");
    }

    #[test]
    fn json_is_escaped_without_a_change_of_meaning() {
        let json = "{\"a\": \"\u{202e}b\u{9b}1m\u{feff}\"}";
        assert_eq!(visible_json(json), r#"{"a": "\u202eb\u009b1m\ufeff"}"#);
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(read(json), read(&visible_json(json)));
    }
}
