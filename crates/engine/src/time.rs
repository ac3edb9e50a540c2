//! Virtual time: integer nanoseconds, so that adding never rounds and every machine agrees.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// An instant of simulated time, in nanoseconds since the start of measurement.
///
/// The warm-up lies before it and has negative times. The range is ±292 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// A length of simulated time, in nanoseconds; never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

impl Time {
    /// The start of measurement.
    pub const ZERO: Self = Self(0);
    /// Before everything.
    pub const MIN: Self = Self(i64::MIN);
    /// After everything: "never".
    pub const MAX: Self = Self(i64::MAX);

    /// The instant `nanos` nanoseconds after the start of measurement.
    #[inline]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The instant `seconds` after the start of measurement.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds * 1_000_000_000)
    }

    /// Nanoseconds since the start of measurement.
    #[inline]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds since the start of measurement, for statistics and display only.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time from `earlier` to `self`; zero if `earlier` is not earlier.
    #[inline]
    pub const fn since(self, earlier: Self) -> Span {
        let nanos = self.0.saturating_sub(earlier.0);
        Span(if nanos > 0 { nanos as u64 } else { 0 })
    }

    /// `self + span`, or [`Time::MAX`] where that is out of range.
    #[inline]
    pub const fn saturating_add(self, span: Span) -> Self {
        Self(self.0.saturating_add_unsigned(span.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any run.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `nanos` nanoseconds.
    #[inline]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros * 1_000)
    }

    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// A span of `seconds` seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1_000_000_000)
    }

    /// The nearest whole number of nanoseconds to `seconds`; zero for negative values and NaN, [`Span::MAX`] beyond the range.
    pub fn from_secs_f64(seconds: f64) -> Self {
        // A float-to-integer cast saturates, and takes NaN to zero.
        Self((seconds * 1e9 + 0.5) as u64)
    }

    /// Nanoseconds.
    #[inline]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds, for statistics and display only.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Milliseconds, for statistics and display only.
    pub fn millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// `self · factor`, rounded down to a nanosecond, for factors that come from configuration and draws.
    #[inline]
    pub fn scale(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor) as u64)
    }

    /// The sum, or [`Span::MAX`].
    #[inline]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or zero.
    #[inline]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self · count`, or [`Span::MAX`].
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl Add<Span> for Time {
    type Output = Self;
    #[inline]
    fn add(self, span: Span) -> Self {
        Self(self.0 + span.0 as i64)
    }
}

impl Sub<Span> for Time {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0 - span.0 as i64)
    }
}

impl Add for Span {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl fmt::Display for Time {
    /// Seconds with millisecond precision, as in logs: `12.345 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.secs_f64())
    }
}
