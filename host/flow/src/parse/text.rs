//! `${…}` inside strings.
//!
//! ```text
//! text      = ( "$${" | "${" reference "}" | any other character )*
//! reference = name ( "." name | "[" digits "]" )*
//! ```

use std::sync::Arc;

use crate::names::is_kebab;
use crate::source::Span;
use crate::written::{ExpressionKind, PartWritten, ReferenceWritten, StepWritten};

/// A mistake in a string: what, where (bytes of the string), and the way out.
pub(super) struct TextError {
    pub(super) message: String,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) help: String,
}

/// Takes a string apart. `place` maps bytes of the string to the file.
pub(super) fn parse(text: &str, place: impl Fn(usize, usize) -> Span) -> Result<ExpressionKind, Vec<TextError>> {
    let mut parts: Vec<PartWritten> = Vec::new();
    let mut errors = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find('$') {
        let dollar = at + found;
        plain.push_str(&text[at..dollar]);
        let rest = &text[dollar..];
        if rest.starts_with("$${") {
            plain.push_str("${");
            at = dollar + 3;
        } else if let Some(inside) = rest.strip_prefix("${") {
            match inside.find('}') {
                Some(close) => {
                    at = dollar + 2 + close + 1;
                    match reference(&inside[..close], dollar + 2) {
                        Ok((name, path)) => {
                            flush(&mut plain, &mut parts);
                            let span = Some(place(dollar, at));
                            parts.push(PartWritten::Reference(ReferenceWritten { name, path, span }));
                        }
                        Err(error) => errors.push(error),
                    }
                }
                None => {
                    errors.push(TextError {
                        message: "`${` has no `}`".to_owned(),
                        start: dollar,
                        end: text.len(),
                        help: "close it, or write `$${` for a literal `${`".to_owned(),
                    });
                    at = text.len();
                }
            }
        } else {
            plain.push('$');
            at = dollar + 1;
        }
    }
    plain.push_str(&text[at..]);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(assemble(plain, parts))
}

fn flush(plain: &mut String, parts: &mut Vec<PartWritten>) {
    if !plain.is_empty() {
        parts.push(PartWritten::Text(std::mem::take(plain).into()));
    }
}

fn assemble(mut plain: String, mut parts: Vec<PartWritten>) -> ExpressionKind {
    if parts.is_empty() {
        return ExpressionKind::Text(plain.into());
    }
    flush(&mut plain, &mut parts);
    match <[PartWritten; 1]>::try_from(parts) {
        Ok([PartWritten::Reference(reference)]) => ExpressionKind::Reference(reference),
        Ok([part]) => ExpressionKind::Parts(vec![part]),
        Err(parts) => ExpressionKind::Parts(parts),
    }
}

/// What stands between `${` and `}`, which begins at byte `start` of the string.
fn reference(text: &str, start: usize) -> Result<(Arc<str>, Vec<StepWritten>), TextError> {
    let error = |message: String, from: usize, to: usize| TextError {
        message,
        start: start + from,
        end: start + to.max(from),
        help: "a reference is `${name}`, `${name.field}` or `${name[0]}`; write `$${` for a literal `${`".to_owned(),
    };
    let head = text.find(['.', '[']).unwrap_or(text.len());
    let name = &text[..head];
    if !is_kebab(name) {
        let what = if name.is_empty() { "nothing".to_owned() } else { format!("`{name}`") };
        return Err(error(format!("{what} is no name of a parameter or task"), 0, head));
    }
    let mut path = Vec::new();
    let mut at = head;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(field) = rest.strip_prefix('.') {
            let length = field.find(['.', '[']).unwrap_or(field.len());
            if !is_kebab(&field[..length]) {
                return Err(error(format!("`{}` is no name of a field", &field[..length]), at + 1, at + 1 + length));
            }
            path.push(StepWritten::Field(field[..length].into()));
            at += 1 + length;
        } else {
            let index = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(digits, _)| digits);
            let Some(digits) = index else {
                return Err(error(format!("`{rest}` is neither a field nor an index"), at, text.len()));
            };
            let number = if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse::<u32>().ok() } else { None };
            let Some(number) = number else {
                return Err(error(format!("`{digits}` is no index"), at + 1, at + 1 + digits.len()));
            };
            path.push(StepWritten::Index(number as usize));
            at += digits.len() + 2;
        }
    }
    Ok((name.into(), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match parse(text, |start, end| Span { start, end }) {
            Ok(ExpressionKind::Text(text)) => format!("text {text}"),
            Ok(ExpressionKind::Reference(reference)) => format!("reference {reference}"),
            Ok(ExpressionKind::Parts(parts)) => parts
                .iter()
                .map(|part| match part {
                    PartWritten::Text(text) => format!("[{text}]"),
                    PartWritten::Reference(reference) => reference.to_string(),
                })
                .collect(),
            Ok(other) => panic!("{other:?}"),
            Err(errors) => errors
                .iter()
                .map(|error| format!("{} at {}..{}", error.message, error.start, error.end))
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    #[test]
    fn exactly_a_reference_is_a_reference_and_more_is_text() {
        assert_eq!(parsed("${a}"), "reference ${a}");
        assert_eq!(parsed("${a.b-1[0].c}"), "reference ${a.b-1[0].c}");
        assert_eq!(parsed("Hello, ${a}!"), "[Hello, ]${a}[!]");
        assert_eq!(parsed("${a}${b}"), "${a}${b}");
    }

    #[test]
    fn two_dollars_and_a_brace_are_a_literal_and_other_dollars_are_themselves() {
        assert_eq!(parsed("$${a}"), "text ${a}");
        assert_eq!(parsed("5 $ and $$ and {}"), "text 5 $ and $$ and {}");
        assert_eq!(parsed("$$${a}"), "text $${a}");
        assert_eq!(parsed(""), "text ");
    }

    #[test]
    fn what_is_no_reference_is_named_with_its_place() {
        assert_eq!(parsed("x ${a"), "`${` has no `}` at 2..5");
        assert_eq!(parsed("${}"), "nothing is no name of a parameter or task at 2..2");
        assert_eq!(
            parsed("${a_b} ${c.}"),
            "`a_b` is no name of a parameter or task at 2..5; `` is no name of a field at 11..11"
        );
        assert_eq!(parsed("${a[x]}"), "`x` is no index at 4..5");
        assert_eq!(parsed("${a[0]b}"), "`b` is neither a field nor an index at 6..7");
        assert_eq!(parsed("${a[99999999999]}"), "`99999999999` is no index at 4..15");
    }
}
