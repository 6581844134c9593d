//! `allow`, `strict` and `deterministic`: their shape. What a folder or rule means is for [`check`](crate::check()).

use toml::de::DeValue;

use super::reader::{Entry, Reader};
use crate::keys::Table;
use crate::source::Span;
use crate::written::{ExpressionKind, GrantsWritten, Spanned, Text};

/// One of the three keys.
pub(super) fn key(reader: &mut Reader<'_>, entry: &Entry<'_>, grants: &mut GrantsWritten) {
    match entry.key {
        "strict" => grants.strict = reader.bool(entry),
        "deterministic" => grants.deterministic = reader.bool(entry),
        _ => allow(reader, entry, grants),
    }
}

fn allow(reader: &mut Reader<'_>, entry: &Entry<'_>, grants: &mut GrantsWritten) {
    grants.span = Some(entry.key_span);
    let help = "name what is allowed, such as `allow = { read = [\"data\"] }`; nothing else is";
    let Some(table) = reader.helped(help, |reader| reader.table(entry)) else { return };
    for entry in reader.known_entries(Table::Allow, table) {
        match entry.key {
            "read" => grants.read = texts(reader, &entry, "data"),
            "write" => grants.write = texts(reader, &entry, "out"),
            "network" => grants.network = texts(reader, &entry, "api.example.com:443"),
            "http" => grants.http = texts(reader, &entry, "GET https://api.example.com/v1/*"),
            "env" => grants.env = texts(reader, &entry, "LANG"),
            "secrets" => grants.secrets = texts(reader, &entry, "api-token"),
            "config" => grants.config = config(reader, &entry),
            _ => reader.unread(&entry),
        }
    }
}

/// An array of strings.
fn texts(reader: &mut Reader<'_>, entry: &Entry<'_>, example: &str) -> Option<Vec<Text>> {
    let Some(array) = entry.value.get_ref().as_array() else {
        let given = entry.value.get_ref().as_str().unwrap_or(example);
        let help = format!("write `{} = [{given:?}]`", entry.key);
        reader.helped(&help, |reader| reader.shape(entry, "an array of strings"));
        return None;
    };
    let mut texts = Vec::with_capacity(array.len());
    for value in array.iter() {
        let element = Entry { key: entry.key, key_span: entry.key_span, value };
        match value.get_ref().as_str() {
            Some(text) => texts.push(Spanned::at(text, element.value_span())),
            None => {
                let help = format!("write `{} = [{example:?}]`", entry.key);
                reader.helped(&help, |reader| reader.shape(&element, "strings"));
            }
        }
    }
    Some(texts)
}

/// A table of strings.
fn config(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Vec<(Text, Text)>> {
    let help = "write `config = { city = \"Oslo\" }`";
    let table = reader.helped(help, |reader| reader.table(entry))?;
    let mut settings = Vec::new();
    for entry in reader.entries(table) {
        let name: Text = Spanned::at(entry.key, entry.key_span);
        match entry.value.get_ref() {
            DeValue::String(text) => {
                settings.extend(setting(reader, text, entry.value_span()).map(|text| (name, text)))
            }
            other => {
                let written = match other {
                    DeValue::Integer(number) => number.to_string(),
                    DeValue::Float(number) => number.to_string(),
                    DeValue::Boolean(value) => value.to_string(),
                    _ => "…".to_owned(),
                };
                let help = format!("settings are text: write `{} = \"{written}\"`", entry.key);
                reader.helped(&help, |reader| reader.shape(&entry, "a string"));
            }
        }
    }
    Some(settings)
}

/// What is granted stands in the flow and nowhere else, so a setting has no references.
fn setting(reader: &mut Reader<'_>, text: &str, span: Span) -> Option<Text> {
    match reader.string(text, span) {
        ExpressionKind::Text(text) => Some(Spanned { value: text, span: Some(span) }),
        ExpressionKind::Invalid => None,
        _ => {
            reader.error("bad-grant", format!("the setting `{text}` refers to something else"), Some(span)).help =
                Some("a setting is a literal; write `$${` for a literal `${`".to_owned());
            None
        }
    }
}
