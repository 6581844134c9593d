//! [`Reader`]: takes TOML values of a wanted shape and collects what is wrong.

use std::sync::Arc;
use std::time::Duration;

use taskhost_model::ValueType;
use toml::Spanned as TomlSpanned;
use toml::de::{DeString, DeTable, DeValue};

use super::units;
use crate::diagnostic::Diagnostic;
use crate::keys::{self, Table};
use crate::names::Suggestions;
use crate::source::{FlowSource, Span};
use crate::written::{Spanned, Text};

/// A key and what stands behind it.
pub(super) struct Entry<'t> {
    pub(super) key: &'t str,
    pub(super) key_span: Span,
    pub(super) value: &'t TomlSpanned<DeValue<'t>>,
}

impl Entry<'_> {
    pub(super) fn value_span(&self) -> Span {
        self.value.span().into()
    }
}

/// Reads one file.
pub(super) struct Reader<'s> {
    pub(super) source: &'s Arc<FlowSource>,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) suggestions: Suggestions,
    /// Parameters and components of which only the name is known.
    pub(super) unreadable: Vec<Arc<str>>,
    /// Unknown keys like no other: what stands there may be anything. For each, the names of its table; none if it is no table.
    pub(super) strange: Vec<Option<Vec<Arc<str>>>>,
    /// Names may be missing, so there is no sense in checking the rest.
    pub(super) outline_is_wrong: bool,
}

/// As messages name it.
pub(super) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s Arc<FlowSource>) -> Reader<'s> {
        Reader {
            source,
            diagnostics: Vec::new(),
            suggestions: Suggestions::new(),
            unreadable: Vec::new(),
            strange: Vec::new(),
            outline_is_wrong: false,
        }
    }

    /// Notes a mistake, and gives it for a help to be added.
    pub(super) fn error(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Option<Span>,
    ) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::error(code, message, self.source, span));
        self.diagnostics.last_mut().expect("just pushed")
    }

    /// The entries in the order of the text.
    pub(super) fn entries<'t>(&self, table: &'t DeTable<'t>) -> Vec<Entry<'t>> {
        let entry = |(key, value): (&'t TomlSpanned<DeString<'t>>, _)| Entry {
            key: key.get_ref().as_ref(),
            key_span: key.span().into(),
            value,
        };
        let mut entries: Vec<Entry<'t>> = table.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.key_span);
        entries
    }

    /// The entries whose keys this version knows; the others are mistakes. One that is only misspelt is read as what it means, so
    /// that its mistake hides no others and brings none.
    pub(super) fn known_entries<'t>(&mut self, place: Table, table: &'t DeTable<'t>) -> Vec<Entry<'t>> {
        self.strange.clear();
        let entries = self.entries(table);
        let mut known: Vec<Entry<'t>> = Vec::with_capacity(entries.len());
        for entry in entries {
            match keys::find(place, entry.key) {
                Some(key) if key.available => known.push(entry),
                Some(_) => self.unread(&entry),
                None => {
                    let Some(meant) = self.unknown_key(place, &entry) else { continue };
                    // Tables of names are put together: a flow may have `[task.a]` beside `[tasks.b]`.
                    let is_new = place == Table::Flow
                        || table.get(meant).is_none() && !known.iter().any(|other| other.key == meant);
                    if is_new {
                        known.push(Entry { key: meant, ..entry });
                    }
                }
            }
        }
        known
    }

    /// Tells an unknown key, and gives the known one that it means.
    fn unknown_key(&mut self, place: Table, entry: &Entry<'_>) -> Option<&'static str> {
        let known = keys::keys_of(place).filter(|key| key.available).map(|key| key.name);
        let meant = self.suggestions.nearest(entry.key, known.clone());
        let help = match misplaced(place, entry.key).filter(|_| meant.is_none()) {
            None => self.suggestions.help(entry.key, known),
            help => help,
        };
        let message = format!("{} has no key `{}`", place.title(), entry.key);
        self.error("unknown-key", message, Some(entry.key_span)).help = help;
        if meant.is_none() {
            let names = entry
                .value
                .get_ref()
                .as_table()
                .map(|table| table.keys().map(|key| key.get_ref().as_ref().into()).collect());
            self.strange.push(names);
        }
        meant
    }

    /// Whether something since `before` was of a wrong shape or had no meaning, so that it is as if it was not there.
    pub(super) fn lost_since(&self, before: usize) -> bool {
        self.diagnostics[before..].iter().any(|mistake| ["wrong-shape", "bad-value", "bad-map"].contains(&mistake.code))
    }

    /// A key of a later version.
    pub(super) fn unread(&mut self, entry: &Entry<'_>) {
        let message = format!("`{}` is not available in this version", entry.key);
        self.error("unavailable-key", message, Some(entry.key_span)).help = Some("remove it".to_owned());
    }

    /// The shape is wrong.
    pub(super) fn shape(&mut self, entry: &Entry<'_>, wanted: &str) {
        let message = format!("`{}` wants {wanted}, not {}", entry.key, kind_of(entry.value.get_ref()));
        self.error("wrong-shape", message, Some(entry.value_span()));
    }

    /// Reads something whose mistakes have this way out, if they name none.
    pub(super) fn helped<T>(&mut self, help: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.diagnostics.len();
        let value = read(self);
        for diagnostic in &mut self.diagnostics[before..] {
            diagnostic.help.get_or_insert_with(|| help.to_owned());
        }
        value
    }

    pub(super) fn bool(&mut self, entry: &Entry<'_>) -> Option<Spanned<bool>> {
        let value = entry.value.get_ref().as_bool();
        if value.is_none() {
            let help = format!("write `{} = true`, without quotes", entry.key);
            self.helped(&help, |reader| reader.shape(entry, "`true` or `false`"));
        }
        Some(Spanned::at(value?, entry.value_span()))
    }

    pub(super) fn table<'t>(&mut self, entry: &Entry<'t>) -> Option<&'t DeTable<'t>> {
        let table = entry.value.get_ref().as_table();
        if table.is_none() {
            self.shape(entry, "a table");
        }
        table
    }

    pub(super) fn text(&mut self, entry: &Entry<'_>) -> Option<Text> {
        let text = entry.value.get_ref().as_str();
        if text.is_none() {
            self.shape(entry, "a string");
        }
        Some(Spanned::at(text?, entry.value_span()))
    }

    /// A table of things by free names; how a name may look is for `check`.
    pub(super) fn named<T>(
        &mut self,
        entry: &Entry<'_>,
        read: impl Fn(&mut Self, Text, &Entry<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(table) = self.table(entry) else {
            self.outline_is_wrong = true;
            return Vec::new();
        };
        let mut all = Vec::new();
        for entry in self.entries(table) {
            let name = Spanned::at(entry.key, entry.key_span);
            all.extend(read(self, name, &entry));
        }
        all
    }

    /// One name, or an array of them. They name things that exist, so their spelling is for `check`.
    pub(super) fn names(&mut self, entry: &Entry<'_>) -> Vec<Text> {
        let Some(array) = entry.value.get_ref().as_array() else {
            if entry.value.get_ref().is_str() {
                return self.text(entry).into_iter().collect();
            }
            self.shape(entry, "a name or an array of names");
            return Vec::new();
        };
        let element = |value| Entry { key: entry.key, key_span: entry.key_span, value };
        if array.is_empty() && entry.key == "map" {
            self.error("bad-map", "`map` names no argument", Some(entry.value_span())).help =
                Some("name the arguments to map over, or remove `map`".to_owned());
        }
        let mut names = Vec::new();
        for value in array.iter() {
            match value.get_ref().as_str() {
                Some(name) => names.push(Spanned::at(name, value.span().into())),
                None => self.shape(&element(value), "names"),
            }
        }
        names
    }

    pub(super) fn value_type(&mut self, entry: &Entry<'_>) -> Option<Spanned<ValueType>> {
        let text = self.text(entry)?;
        match text.value.parse::<ValueType>() {
            Ok(ty) => Some(Spanned { value: ty, span: text.span }),
            Err(error) => {
                let rest = text.value.get(error.offset..).unwrap_or_default();
                let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
                let one = rest.chars().next().map_or(0, char::len_utf8);
                let end = error.offset + word.max(one);
                let span = self.inside(entry.value_span(), &text.value, error.offset, end);
                let message = format!("`{}` is no WIT type: {}", text.value, error.message);
                self.error("bad-type", message, Some(span)).help = Some(
                    "types are written as in WIT, such as `u32`, `list<string>` or `record { name: string, age: u8 }`"
                        .to_owned(),
                );
                None
            }
        }
    }

    pub(super) fn size(&mut self, entry: &Entry<'_>) -> Option<u64> {
        let read = match entry.value.get_ref() {
            DeValue::Integer(number) => match u64::from_str_radix(number.as_str(), number.radix()) {
                Ok(bytes) if bytes > 0 => Ok(bytes),
                _ => Err(format!("`{}` wants at least 1 byte", entry.key)),
            },
            DeValue::String(text) => units::size(text),
            _ => {
                self.shape(entry, "a size such as `\"64 MiB\"`, or bytes");
                return None;
            }
        };
        self.unit(read, "bad-size", "a size is `\"64 MiB\"`, `\"1.5 GB\"`, `\"512 KiB\"` or a number of bytes", entry)
    }

    pub(super) fn duration(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        let DeValue::String(text) = entry.value.get_ref() else {
            let number = match entry.value.get_ref() {
                DeValue::Integer(number) => number.to_string(),
                DeValue::Float(number) => number.to_string(),
                _ => "1.5".to_owned(),
            };
            let help = format!("write `{} = \"{number}s\"` if seconds are meant", entry.key);
            self.helped(&help, |reader| reader.shape(entry, "a duration such as `\"1.5s\"`"));
            return None;
        };
        let help = "a duration is `\"250ms\"`, `\"1s\"`, `\"1.5m\"`, `\"1h\"` or `\"2d\"`";
        self.unit(units::duration(text), "bad-duration", help, entry)
    }

    fn unit<T>(&mut self, read: Result<T, String>, code: &'static str, help: &str, entry: &Entry<'_>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(message) => {
                self.error(code, message, Some(entry.value_span())).help = Some(help.to_owned());
                None
            }
        }
    }

    pub(super) fn count(&mut self, entry: &Entry<'_>, most: u32) -> Option<u32> {
        let DeValue::Integer(number) = entry.value.get_ref() else {
            self.shape(entry, "an integer");
            return None;
        };
        match u32::from_str_radix(number.as_str(), number.radix()) {
            Ok(count) if (1..=most).contains(&count) => Some(count),
            _ => {
                let message = format!("`{}` wants a number from 1 to {most}", entry.key);
                self.error("bad-value", message, Some(entry.value_span()));
                None
            }
        }
    }

    /// The place of a part of a string value. Escapes move it; then the whole string is meant.
    pub(super) fn inside(&self, value: Span, text: &str, start: usize, end: usize) -> Span {
        places(self.source, value, text)(start, end)
    }
}

/// Where a key belongs that is known, but not here.
fn misplaced(place: Table, key: &str) -> Option<String> {
    let is_in = |table| keys::find(table, key).is_some_and(|key| key.available);
    match place {
        Table::Task | Table::Defaults if is_in(Table::Limits) => {
            Some(format!("it goes into `limits`: write `limits.{key}`"))
        }
        Table::Task | Table::Defaults if is_in(Table::Allow) => {
            Some(format!("it goes into `allow`: write `allow.{key}`"))
        }
        Table::Flow if is_in(Table::Defaults) => {
            Some(format!("it goes into `[defaults]`, or into a task: write `defaults.{key}`"))
        }
        Table::Flow | Table::FlowLimits if is_in(Table::Limits) => {
            Some(format!("it goes into `limits` of `[defaults]` or of a task: write `defaults.limits.{key}`"))
        }
        Table::Flow if is_in(Table::Allow) => {
            Some(format!("it goes into `allow` of `[defaults]` or of a task: write `defaults.allow.{key}`"))
        }
        Table::FlowLimits if is_in(Table::Defaults) => {
            Some(format!("it goes into `[defaults]`, or into a task: write `defaults.{key}`"))
        }
        Table::Limits | Table::Allow if is_in(Table::Defaults) => {
            Some(format!("it stands beside {}, not in it", place.title()))
        }
        _ => None,
    }
}

/// The places of parts of the string `text` that stands at `value`. Escapes move them; then the whole string is meant.
pub(super) fn places(source: &FlowSource, value: Span, text: &str) -> impl Fn(usize, usize) -> Span + use<> {
    let raw = source.text().get(value.range()).unwrap_or_default();
    let quotes = raw.bytes().take(3).take_while(|byte| matches!(byte, b'"' | b'\'')).count();
    let mut begin = if quotes == 2 { 1 } else { quotes };
    if quotes == 3 {
        begin += raw[3..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).take(2).count();
    }
    // Compared once for all parts: a string may have a million of them.
    let is_plain = raw.get(begin..).is_some_and(|rest| rest.starts_with(text));
    move |start, end| match is_plain {
        true => Span { start: value.start + begin + start, end: value.start + begin + end },
        false => value,
    }
}
