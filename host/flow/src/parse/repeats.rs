//! `retry`, `cache`, `priority` and `[limits.tags]`: their shape. What they mean together is for [`check`](crate::check()).

use taskhost_model::Reuse;
use toml::de::DeValue;

use super::reader::{Entry, Reader};
use crate::check::repeats::{ATTEMPTS_MAX, BACKOFF_MAX, PRIORITY_MAX};
use crate::keys::Table;
use crate::written::{CacheWritten, RetryWritten, Spanned, Text};

/// More at one time is no limit.
const TAG_LIMIT_MAX: u32 = 1_000_000;

/// A table, or a number of attempts.
pub(super) fn retry(reader: &mut Reader<'_>, entry: &Entry<'_>) -> RetryWritten {
    let mut retry = RetryWritten { given: Some(Spanned::at((), entry.key_span)), ..RetryWritten::default() };
    let table = match entry.value.get_ref() {
        DeValue::Table(table) => table,
        DeValue::Integer(_) => {
            retry.attempts = reader.count(entry, ATTEMPTS_MAX);
            return retry;
        }
        _ => {
            let help = "write `retry = 3`, or `retry = { attempts = 3, delay = \"1s\" }`";
            reader.helped(help, |reader| reader.shape(entry, "a number of attempts or a table"));
            return retry;
        }
    };
    for entry in reader.known_entries(Table::Retry, table) {
        match entry.key {
            "attempts" => retry.attempts = reader.count(&entry, ATTEMPTS_MAX),
            "delay" => retry.delay = reader.duration(&entry),
            "backoff" => retry.backoff = factor(reader, &entry),
            "max-delay" => retry.delay_max = reader.duration(&entry),
            "jitter" => retry.jitter = reader.bool(&entry).map(|jitter| jitter.value),
            _ => reader.unread(&entry),
        }
    }
    retry
}

fn factor(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<f64> {
    let factor = match entry.value.get_ref() {
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number as f64)
        }
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => {
            reader.shape(entry, "a number");
            return None;
        }
    };
    let fits = factor.filter(|factor| (1.0..=BACKOFF_MAX).contains(factor));
    if fits.is_none() {
        let message = format!("`{}` wants a number from 1 to {BACKOFF_MAX}", entry.key);
        reader.error("bad-value", message, Some(entry.value_span()));
    }
    fits
}

/// `true`, `false`, or how old a result may be.
pub(super) fn cache(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<CacheWritten> {
    let reuse = match entry.value.get_ref() {
        DeValue::Boolean(true) => Some(Reuse::Always),
        DeValue::Boolean(false) => None,
        DeValue::String(_) => Some(Reuse::Within(reader.duration(entry)?)),
        _ => {
            let help = "write `cache = true`, or how old a result may be: `cache = \"1h\"`";
            reader.helped(help, |reader| reader.shape(entry, "`true`, `false` or a duration"));
            return None;
        }
    };
    Some(Spanned { value: reuse, span: Some(entry.key_span) })
}

/// A whole number, perhaps below 0.
pub(super) fn priority(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Spanned<i32>> {
    let DeValue::Integer(number) = entry.value.get_ref() else {
        reader.shape(entry, "an integer");
        return None;
    };
    match i32::from_str_radix(number.as_str(), number.radix()) {
        Ok(priority) if (-PRIORITY_MAX..=PRIORITY_MAX).contains(&priority) => {
            Some(Spanned::at(priority, entry.value_span()))
        }
        _ => {
            let message = format!("`{}` wants a number from -{PRIORITY_MAX} to {PRIORITY_MAX}", entry.key);
            reader.error("bad-value", message, Some(entry.value_span())).help =
                Some("higher ones start first; it is 0 where none is given".to_owned());
            None
        }
    }
}

/// `[limits]` of a flow.
pub(super) fn flow_limits(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Vec<(Text, u32)> {
    let mut limits = Vec::new();
    let Some(table) = reader.table(entry) else { return limits };
    for entry in reader.known_entries(Table::FlowLimits, table) {
        match entry.key {
            "tags" => {
                let help = "write how many task runs with a tag may run at one time: `tags = { database = 4 }`";
                let Some(table) = reader.helped(help, |reader| reader.table(&entry)) else { continue };
                for entry in reader.entries(table) {
                    let count = reader.count(&entry, TAG_LIMIT_MAX);
                    limits.extend(count.map(|count| (Spanned::at(entry.key, entry.key_span), count)));
                }
            }
            _ => reader.unread(&entry),
        }
    }
    limits
}
