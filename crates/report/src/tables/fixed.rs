//! Decimal text of integers and of integer nanoseconds: exact, fixed-point, never scientific, trailing zeros trimmed.
//!
//! # Cost
//! No allocation, no floats, a few divisions per number. A run writes ten numbers for each lookup, so eight digits are computed at once, in the bytes of a
//! word, and written as a word; the [`Line`] ends where the number does.
//!
//! # Not here
//! Units with names (`50 ms`); the scenario reads those.

use std::fmt;

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const NANOS_PER_MILLISECOND: u64 = 1_000_000;

/// Ten to the power of the digits of a word.
const WORD: u64 = 100_000_000;

/// A text that grows at its end, where behind the end there may be anything.
#[derive(Debug, Default)]
pub struct Line {
    bytes: Vec<u8>,
    len: usize,
}

impl Line {
    /// The text so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Cuts it back to its first `len` bytes, of which it must have so many.
    pub fn truncate(&mut self, len: usize) {
        debug_assert!(len <= self.len);
        self.len = len;
    }

    /// So much room behind the end.
    #[inline]
    fn room<const BYTES: usize>(&mut self) -> &mut [u8; BYTES] {
        if self.bytes.len() - self.len < BYTES {
            self.grow(BYTES);
        }
        self.bytes[self.len..].first_chunk_mut().expect("made room for")
    }

    #[cold]
    fn grow(&mut self, bytes: usize) {
        self.bytes.resize((self.len + bytes).next_power_of_two().max(256), 0);
    }

    /// Appends a text.
    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        if self.bytes.len() - self.len < text.len() {
            self.grow(text.len());
        }
        self.bytes[self.len..][..text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    /// Appends a character of one byte.
    #[inline]
    pub fn push_byte(&mut self, byte: u8) {
        *self.room() = [byte];
        self.len += 1;
    }

    /// Appends the first `len` bytes of a word, the lowest first.
    #[inline]
    fn push_word(&mut self, word: u64, len: u32) {
        *self.room() = word.to_le_bytes();
        self.len += len as usize;
    }

    /// Appends an integer.
    #[inline]
    pub fn push_integer(&mut self, value: u64) {
        if value < 10 {
            self.push_byte(b'0' + value as u8);
        } else if value < WORD {
            let digits = digits(value);
            let leading = digits.trailing_zeros() / 8;
            self.push_word((digits | ZEROS) >> (8 * leading), 8 - leading);
        } else {
            self.push_large(value);
        }
    }

    #[inline(never)]
    fn push_large(&mut self, value: u64) {
        self.push_integer(value / WORD);
        self.push_word(digits(value % WORD) | ZEROS, 8);
    }

    /// Appends 16 hexadecimal digits.
    #[inline]
    pub fn push_hexadecimal(&mut self, value: u64) {
        for half in [value >> 32, value & 0xffff_ffff] {
            // A digit each byte, the first one highest.
            let digits = [(16, 0x0000_ffff_0000_ffff), (8, 0x00ff_00ff_00ff_00ff), (4, 0x0f0f_0f0f_0f0f_0f0f)]
                .into_iter()
                .fold(half, |word, (bits, kept)| (word << bits | word) & kept);
            let letters = (digits + 6 * ONES) >> 4 & ONES;
            self.push_word((digits + ZEROS + letters * u64::from(b'a' - b'9' - 1)).swap_bytes(), 8);
        }
    }

    /// Appends `nanos` in seconds: `-12.345678901`, `0`, `3.5`.
    #[inline]
    pub fn push_seconds(&mut self, nanos: i64) {
        if nanos < 0 {
            self.push(b"-");
        }
        self.push_decimal::<NANOS_PER_SECOND>(nanos.unsigned_abs());
    }

    /// Appends `nanos` in milliseconds: `123.456789`.
    #[inline]
    pub fn push_milliseconds(&mut self, nanos: u64) {
        self.push_decimal::<NANOS_PER_MILLISECOND>(nanos);
    }

    /// Appends `value / UNIT` for a `UNIT` that is a power of ten, at most a billion, known when this is compiled: else each number would cost two
    /// divisions.
    #[inline]
    fn push_decimal<const UNIT: u64>(&mut self, value: u64) {
        self.push_integer(value / UNIT);
        // Nine decimals: eight, and one more.
        let decimals = value % UNIT * (NANOS_PER_SECOND / UNIT);
        if decimals > 0 {
            let (first, last) = (digits(decimals / 10), (decimals % 10) as u8);
            self.push_byte(b'.');
            if last > 0 {
                self.push_word(first | ZEROS, 8);
                self.push_byte(b'0' + last);
            } else {
                self.push_word(first | ZEROS, 8 - first.leading_zeros() / 8);
            }
        }
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// A one in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The character `0` in each byte.
const ZEROS: u64 = ONES * b'0' as u64;

/// The eight digits of a value below [`WORD`], one in each byte, the first one lowest.
#[inline]
fn digits(value: u64) -> u64 {
    debug_assert!(value < WORD);
    // Two numbers of four digits, then four of two, then eight of one: all of a word are divided at once, by multiplying with 1/100 and 1/10 in parts
    // of 2^20 and 2^10.
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = (fours * 10_486) >> 20 & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - 100 * hundreds) << 16;
    let tens = (twos * 103) >> 10 & 0x000f_000f_000f_000f;
    tens | (twos - 10 * tens) << 8
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
