//! Decimal text of integer nanoseconds: exact, fixed-point, never scientific, trailing zeros trimmed.
//!
//! # Cost
//! No allocation, no floats: a few divisions per number.
//!
//! # Not here
//! Units with names (`50 ms`); the scenario reads those.

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const NANOS_PER_MILLISECOND: u64 = 1_000_000;

/// Appends `nanos` in seconds: `-12.345678901`, `0`, `3.5`.
pub fn push_seconds(text: &mut Vec<u8>, nanos: i64) {
    if nanos < 0 {
        text.push(b'-');
    }
    push_decimal::<NANOS_PER_SECOND>(text, nanos.unsigned_abs());
}

/// Appends `nanos` in milliseconds: `123.456789`.
pub fn push_milliseconds(text: &mut Vec<u8>, nanos: u64) {
    push_decimal::<NANOS_PER_MILLISECOND>(text, nanos);
}

/// Appends an integer in decimal.
pub(crate) fn push_integer(text: &mut Vec<u8>, value: u64) {
    // Most numbers of a row are small.
    if value < 10 {
        text.push(b'0' + value as u8);
    } else {
        text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }
}

/// Appends `value / UNIT` for a `UNIT` that is a power of ten, known when this is compiled: else each number would cost two divisions.
fn push_decimal<const UNIT: u64>(text: &mut Vec<u8>, value: u64) {
    push_integer(text, value / UNIT);
    let rest = value % UNIT;
    if rest > 0 {
        let point = text.len();
        // The unit's own digit stands where the point goes, and keeps the zeros after it.
        push_integer(text, UNIT + rest);
        text[point] = b'.';
        let zeros = text.iter().rev().take_while(|&&digit| digit == b'0').count();
        text.truncate(text.len() - zeros);
    }
}

/// Reads a fixed-point decimal of a unit of `10^places` nanoseconds: 9 for seconds, 6 for milliseconds.
///
/// `None` for anything else: an exponent, more decimals than nanoseconds have, an overflow, an empty text.
pub fn parse_nanos(text: &[u8], places: u32) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let point = digits.iter().position(|&byte| byte == b'.');
    let (whole, decimals) = match point {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &digits[..0]),
    };
    if whole.is_empty() || decimals.len() > places as usize || (point.is_some() && decimals.is_empty()) {
        return None;
    }
    let mut value = 0_i64;
    let padding = std::iter::repeat_n(&b'0', places as usize - decimals.len());
    for &digit in whole.iter().chain(decimals).chain(padding) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
    }
    Some(if negative { -value } else { value })
}
