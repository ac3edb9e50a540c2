//! Rate limits: how much one machine may ask of another before it is turned away unread.
//!
//! A token bucket in its shortest form, the generic cell rate algorithm (ITU-T I.371): of each machine that asks, the time at which its bucket will
//! be full again. Identities of one machine share its bucket: what is limited is an address.
//!
//! # Cost
//! Some 24 bytes for each machine that has asked so lately that its bucket is not full; the others are forgotten, at the latest when there are twice
//! as many.
//!
//! # Not here
//! A word to those who are turned away. They wait for an answer that does not come, as from a packet filter.

use std::collections::BTreeMap;

use peerlab_model::{HostId, Issues, Span, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much one machine may ask.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Questions per second in the long run. Required.
    pub rate: f64,
    /// Questions at once after a silence: 1 at least. Default: 10.
    #[serde(default = "ten")]
    pub burst: u32,
}

const fn ten() -> u32 {
    10
}

/// The shortest and the longest time between two questions, in questions per second.
const RATES: std::ops::RangeInclusive<f64> = 1e-4..=1e6;

/// Fewer buckets than this are not looked through.
const FEW: usize = 64;

impl RateLimit {
    /// Notes what cannot work, at this key.
    pub(crate) fn check(limit: Option<Self>, key: &str, issues: &mut Issues) {
        let Some(Self { rate, burst }) = limit else { return };
        let message = format!("a rate lies between {} and {} questions per second, not at {rate}", RATES.start(), RATES.end());
        issues.ensure(RATES.contains(&rate), format_args!("{key}.rate"), message);
        issues.ensure(burst >= 1, format_args!("{key}.burst"), "who may never ask once gets no answer at all");
    }
}

/// The buckets of all who ask of one machine.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
    /// When each bucket will be full again.
    full: BTreeMap<HostId, Time>,
    /// So many are looked through for those that are.
    many: usize,
}

impl Limiter {
    /// True if a question of `from` is taken in now; it takes its token.
    pub(crate) fn admits(&mut self, limit: RateLimit, from: HostId, now: Time) -> bool {
        let gap = Span::from_secs_f64(1.0 / limit.rate);
        let full = self.full.get(&from).map_or(now, |&full| full.max(now));
        if full.since(now) > gap.times(u64::from(limit.burst.max(1)) - 1) {
            return false;
        }
        if self.full.len() >= self.many.max(FEW) {
            self.full.retain(|_, full| *full > now);
            self.many = 2 * self.full.len();
        }
        self.full.insert(from, full.saturating_add(gap));
        true
    }

    pub(crate) fn bytes(&self) -> usize {
        self.full.len() * size_of::<(HostId, Time)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit { rate: 2.0, burst: 5 };

    #[test]
    fn a_burst_is_taken_in_and_then_so_many_a_second() {
        let mut limiter = Limiter::default();
        let admitted = |limiter: &mut Limiter, host, from: u64, to: u64| {
            (from..to).filter(|tenth| limiter.admits(LIMIT, HostId(host), Time::ZERO + Span::from_millis(100 * tenth))).count()
        };
        assert_eq!(admitted(&mut limiter, 1, 0, 1000), 5 + 199, "a hundred seconds, ten questions in each");
        assert_eq!(admitted(&mut limiter, 2, 1000, 1001), 1, "another one has a bucket of its own");
        assert_eq!((0..20).filter(|_| limiter.admits(LIMIT, HostId(1), Time::ZERO + Span::from_secs(200))).count(), 5);
    }

    #[test]
    fn whose_bucket_is_full_is_forgotten() {
        let mut limiter = Limiter::default();
        for second in 0..10_000 {
            assert!(limiter.admits(LIMIT, HostId(second), Time::ZERO + Span::from_secs(u64::from(second))));
            assert!(limiter.full.len() <= FEW, "{}", limiter.full.len());
        }
    }
}
