//! Times and sizes, as they are written on a command line.

use std::time::Duration;

/// `90s`, `15min`, `12h`, `7d`.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let seconds = match text[digits.len()..].trim() {
        "s" => 1,
        "min" | "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    let number: Option<u64> = digits.trim().parse().ok();
    let age = number.filter(|_| seconds > 0).and_then(|number| number.checked_mul(seconds));
    age.map(Duration::from_secs)
        .ok_or_else(|| "write a number with a unit, such as `90s`, `15min`, `12h` or `7d`".to_owned())
}

/// `4GiB`, `512 MiB`, `1000000`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let shift = match text[digits.len()..].trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => 64,
    };
    let number: Option<u64> = digits.trim().parse().ok().filter(|number| *number > 0);
    let bytes = number.and_then(|number| number.checked_mul(1_u64.checked_shl(shift).unwrap_or(0)));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "write a number with a unit, such as `512MiB` or `4GiB`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_unit() {
        assert_eq!(age("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(age("15 min"), Ok(Duration::from_secs(900)));
        for bad in ["", "7", "d", "7 weeks", "99999999999999999999d"] {
            assert!(age(bad).is_err(), "{bad}");
        }
    }
}
