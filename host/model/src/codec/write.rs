//! Writing the parts that everything is made of.

use std::time::Duration;

/// From here on a duration is written as seconds and nanoseconds, after this mark.
pub(super) const LONG_DURATION: u64 = u64::MAX;

/// An unsigned LEB128 number.
#[inline]
pub fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A signed number, small if near to zero.
#[inline]
pub(super) fn signed(out: &mut Vec<u8>, number: i64) {
    varint(out, ((number << 1) ^ (number >> 63)) as u64);
}

/// A length and bytes.
pub fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A length and UTF-8.
pub fn text(out: &mut Vec<u8>, text: &str) {
    bytes(out, text.as_bytes());
}

/// Nanoseconds; 584 years and more in two numbers.
#[inline]
pub(super) fn duration(out: &mut Vec<u8>, duration: Duration) {
    match u64::try_from(duration.as_nanos()) {
        Ok(nanos) if nanos < LONG_DURATION => varint(out, nanos),
        _ => {
            varint(out, LONG_DURATION);
            varint(out, duration.as_secs());
            varint(out, u64::from(duration.subsec_nanos()));
        }
    }
}
