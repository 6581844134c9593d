//! Sizes (`"64 MiB"`) and durations (`"1.5s"`).

use std::time::Duration;

const SIZES: &[(&str, f64)] = &[
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

const DURATIONS: &[(&str, f64)] = &[("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

/// More is a mistake, and would overflow a clock.
const SECONDS_MAX: f64 = 1000.0 * 365.0 * 86_400.0;

/// More is a mistake, and would not be exact.
const BYTES_MAX: f64 = 9_007_199_254_740_992.0;

/// Bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let bytes = scaled(text, SIZES)?.round();
    match bytes {
        1.0..=BYTES_MAX => Ok(bytes as u64),
        _ => Err(format!("`{text}` is not between 1 B and {BYTES_MAX} B")),
    }
}

/// A time.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = scaled(text, DURATIONS)?;
    match seconds {
        1e-9..=SECONDS_MAX => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("`{text}` is not between 1 ns and 1000 years")),
    }
}

fn scaled(text: &str, units: &[(&str, f64)]) -> Result<f64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim_start_matches(' '));
    let number: f64 = match number.parse() {
        Ok(number) if !number_is_odd(&text[..digits]) => number,
        _ => return Err(format!("`{text}` does not begin with a number")),
    };
    match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => Ok(number * factor),
        None if unit.is_empty() => Err(format!("`{text}` has no unit")),
        None => Err(format!("`{unit}` is no unit of this")),
    }
}

/// `.5` and `5.` are left to other languages.
fn number_is_odd(number: &str) -> bool {
    number.starts_with('.') || number.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        assert_eq!(size("64 MiB"), Ok(64 << 20));
        assert_eq!(size("1.5 GB"), Ok(1_500_000_000));
        assert_eq!(size("512KiB"), Ok(512 << 10));
        assert_eq!(size("7 B"), Ok(7));
        for bad in ["", "64", "MiB", "64 mib", "0 B", "-1 B", "1..5 GB", "99999999 TiB", "5. B"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_have_units_from_milliseconds_to_days() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        for bad in ["", "1", "s", "0s", "1 year", "-1s", "1e9s", "99999999999999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
