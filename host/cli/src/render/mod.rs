//! From values, diagnostics and reports to text. The only place of the project that words them for people.

pub(crate) mod diagnostics;
pub(crate) mod failure;
pub(crate) mod hints;
pub(crate) mod powers;
pub(crate) mod refusal;
pub(crate) mod report;
pub(crate) mod settings;
pub(crate) mod signature;
pub(crate) mod test_report;
pub(crate) mod usage;
pub(crate) mod values;

use std::time::Duration;

/// A time for people: `740 µs`, `12 ms`, `1.2 s`, `3 min 05 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds >= 60.0 {
        return format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60);
    }
    let (number, unit) = match seconds {
        s if s >= 0.9995 => (s, "s"),
        s if s >= 0.000_999_5 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    // Three digits say enough; a half millisecond more or less is chance anyway.
    let decimals = if number >= 9.95 || unit == "µs" { 0 } else { 1 };
    format!("{number:.decimals$} {unit}")
}

/// `1 task run`, `1,000 task runs`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// At most so many characters; `…` stands for the rest.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (time, text) in [
            (Duration::from_nanos(740_400), "740 µs"),
            (Duration::from_micros(1_250), "1.2 ms"),
            (Duration::from_micros(12_400), "12 ms"),
            (Duration::from_millis(1_240), "1.2 s"),
            (Duration::from_millis(999), "999 ms"),
            (Duration::from_secs(185), "3 min 05 s"),
            (Duration::ZERO, "0 µs"),
        ] {
            assert_eq!(duration(time), text);
        }
    }

    #[test]
    fn counts_have_a_plural_and_groups() {
        assert_eq!(count(1, "task run"), "1 task run");
        assert_eq!(count(0, "task run"), "0 task runs");
        assert_eq!(count(1_234_567, "task run"), "1,234,567 task runs");
    }
}
