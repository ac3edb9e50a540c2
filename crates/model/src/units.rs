//! Quantities as people write them: `"50 ms"`, `"16 KiB"`, `"10 Mbit/s"`.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use peerlab_engine::time::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of simulated time, such as `"1 h 30 min"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub Span);

/// An amount of data, in bytes, such as `"16 KiB"` (1024) or `"16 kB"` (1000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(pub u64);

/// A rate of data, in bits per second, such as `"10 Mbit/s"`. Never zero: who cannot send is offline, not slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(NonZeroU64);

/// Why a quantity could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {reason}; write for example {example}")]
pub struct UnitError {
    text: String,
    what: &'static str,
    reason: String,
    example: &'static str,
}

impl Duration {
    /// A duration of whole seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self(Span::from_secs(seconds))
    }

    /// A duration of whole milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Span::from_millis(millis))
    }

    /// The span that it stands for.
    pub const fn span(self) -> Span {
        self.0
    }
}

impl Rate {
    /// A rate of `bits` bits per second; nothing for zero.
    pub const fn bits_per_second(bits: u64) -> Option<Self> {
        match NonZeroU64::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// Bits per second.
    pub const fn bits(self) -> u64 {
        self.0.get()
    }

    /// This rate times `factor`, one bit per second at least.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self(NonZeroU64::new((self.bits() as f64 * factor) as u64).unwrap_or(NonZeroU64::MIN))
    }

    /// The time that `bytes` bytes take, rounded up to a nanosecond.
    #[inline]
    pub fn transmission(self, bytes: u64) -> Span {
        const PER_BYTE: u64 = 8_000_000_000;
        // Whatever a message is long: a division of 64 bits takes a third of the time of one of 128.
        let nanos = bytes.checked_mul(PER_BYTE).map_or_else(
            || u64::try_from((u128::from(bytes) * u128::from(PER_BYTE)).div_ceil(u128::from(self.bits()))).unwrap_or(u64::MAX),
            |nanobits| nanobits.div_ceil(self.bits()),
        );
        Span::from_nanos(nanos)
    }
}

impl FromStr for Duration {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error =
            |reason: String| UnitError { text: text.to_owned(), what: "a duration", reason, example: "\"50 ms\" or \"1 h 30 min\"" };
        let parsed = humantime::parse_duration(text.trim()).map_err(|e| error(e.to_string()))?;
        let nanos = u64::try_from(parsed.as_nanos()).ok().filter(|&nanos| nanos <= i64::MAX as u64 / 4);
        nanos.map(|nanos| Self(Span::from_nanos(nanos))).ok_or_else(|| error("longer than 70 years".to_owned()))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let std = std::time::Duration::from_nanos(self.0.nanos());
        // humantime writes years and months of fractional days, which nobody means here: keep to days and below.
        let (days, rest) = (std.as_secs() / 86_400, std.as_secs() % 86_400);
        let below = std::time::Duration::new(rest, std.subsec_nanos());
        match (days, below.is_zero()) {
            (0, _) => write!(f, "{}", humantime::format_duration(below)),
            (_, true) => write!(f, "{days}days"),
            (_, false) => write!(f, "{days}days {}", humantime::format_duration(below)),
        }
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        bytesize::ByteSize::from_str(text.trim()).map(|size| Self(size.as_u64())).map_err(|e| UnitError {
            text: text.to_owned(),
            what: "a size",
            reason: e.clone(),
            example: "\"256 KiB\" or \"100 MB\"",
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        let whole = UNITS.iter().find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        match whole {
            Some((name, unit)) => write!(f, "{} {name}", self.0 / unit),
            None => write!(f, "{} B", self.0),
        }
    }
}

const RATE_UNITS: [(&str, u64); 4] = [("Gbit/s", 1_000_000_000), ("Mbit/s", 1_000_000), ("kbit/s", 1_000), ("bit/s", 1)];

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = |reason: &str| UnitError {
            text: text.to_owned(),
            what: "a rate",
            reason: reason.to_owned(),
            example: "\"10 Mbit/s\" or \"300000 bit/s\"",
        };
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(|| error("the unit is missing"))?;
        let number: f64 = trimmed[..split].parse().map_err(|_| error("the number cannot be read"))?;
        let unit = trimmed[split..].trim();
        let (_, factor) = RATE_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .ok_or_else(|| error("the units are bit/s, kbit/s, Mbit/s and Gbit/s"))?;
        let bits = number * *factor as f64;
        if bits > 1e15 {
            return Err(error("more than 1000 Tbit/s"));
        }
        Self::bits_per_second(bits.round() as u64).ok_or_else(|| error("a rate is above zero; leave it out for an unlimited link"))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = RATE_UNITS.iter().find(|(_, factor)| self.bits().is_multiple_of(*factor));
        let (name, factor) = unit.unwrap_or(&RATE_UNITS[3]);
        write!(f, "{} {name}", self.bits() / factor)
    }
}

/// Written and read as a string with a unit; the schema says which kind by `format`.
macro_rules! as_text {
    ($type:ty, $name:literal, $format:literal, $expecting:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "description": $expecting })
            }
        }
    };
}

as_text!(Duration, "Duration", "duration-with-unit", "a duration such as \"50 ms\" or \"1 h 30 min\"");
as_text!(Size, "Size", "size-with-unit", "a size such as \"16 KiB\"");
as_text!(Rate, "Rate", "rate-with-unit", "a rate such as \"10 Mbit/s\"");
