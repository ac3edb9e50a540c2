//! What a peer may spend, and how many copies of a lookup that allows (paper, sections 4.1 and 4.3).

use peerlab_model::{Span, Time};

/// One peer's account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Bytes that may be spent (paper: b_avail). Below zero while what has to be sent exceeds the budget.
    avail: i64,
    credited: Time,
    /// Copies of a lookup (paper: the parallelism window w_p).
    window: u8,
    next_adjustment: Time,
    /// Explorations and lookups since the last adjustment.
    explored: u32,
    lookups: u32,
}

/// The rules of an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) r_avg: u32,
    pub(super) b_burst: u32,
    pub(super) w_max: u8,
    /// Bytes of an exchange.
    pub(super) exchange: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { avail: 0, credited: Time::ZERO, window: 1, next_adjustment: Time::ZERO, explored: 0, lookups: 0 }
    }
}

impl Budget {
    /// A new account; it is full, and stays so until something has to be paid.
    pub(super) fn new(limits: &Limits, now: Time) -> Self {
        let next_adjustment = now.saturating_add(Self::interval(limits));
        Self { avail: i64::from(limits.b_burst), credited: now, next_adjustment, ..Self::default() }
    }

    /// Half the time in which the budget fills (p2psim).
    fn interval(limits: &Limits) -> Span {
        Span::from_nanos(u64::from(limits.b_burst) * 500_000_000 / u64::from(limits.r_avg))
    }

    pub(super) fn pay(&mut self, bytes: u32) {
        self.avail -= i64::from(bytes);
    }

    /// Credits the time that has gone by. Gives how many explorations are paid for by what exceeds the burst. What they cost is known when they
    /// have been answered: till then the excess stays.
    pub(super) fn credit(&mut self, limits: &Limits, now: Time) -> u32 {
        let micros = (now.since(self.credited).nanos() / 1000) as i64;
        self.avail += micros * i64::from(limits.r_avg) / 1_000_000;
        self.credited = now;
        let excess = self.avail - i64::from(limits.b_burst);
        if now >= self.next_adjustment {
            self.adjust(limits, now);
        }
        self.avail = self.avail.min(2 * i64::from(limits.b_burst));
        if excess <= 0 { 0 } else { u32::try_from(excess / i64::from(limits.exchange)).unwrap_or(u32::MAX).max(1) }
    }

    /// Nothing can be explored: what exceeds the burst is lost.
    pub(super) fn cap(&mut self, limits: &Limits) {
        self.avail = self.avail.min(i64::from(limits.b_burst));
    }

    /// One copy more if there was more to explore than to look up; half as many if nothing was left to explore with (p2psim; paper: additive
    /// increase, multiplicative decrease).
    fn adjust(&mut self, limits: &Limits, now: Time) {
        if self.explored > self.lookups {
            self.window = (self.window + 1).min(limits.w_max);
        } else if self.explored == 0 && self.lookups > 0 {
            self.window = (self.window / 2).max(1);
        }
        (self.explored, self.lookups) = (0, 0);
        self.next_adjustment = now.saturating_add(Self::interval(limits));
    }

    /// How many copies of a lookup may be sent, of the `wanted` ones.
    pub(super) fn width(&self, limits: &Limits, wanted: u8) -> u8 {
        let affordable = (self.avail / i64::from(limits.exchange)).clamp(1, i64::from(limits.w_max)) as u8;
        affordable.min(self.window).min(wanted)
    }

    pub(super) fn explored(&mut self) {
        self.explored += 1;
    }

    pub(super) fn looked_up(&mut self) {
        self.lookups += 1;
    }

    pub(super) fn is_spent(&self) -> bool {
        self.avail < 0
    }

    pub(super) fn window(&self) -> u8 {
        self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { r_avg: 100, b_burst: 1000, w_max: 6, exchange: 250 };

    #[test]
    fn what_exceeds_the_burst_is_for_exploration() {
        let mut budget = Budget::new(&LIMITS, Time::ZERO);
        assert_eq!(budget.credit(&LIMITS, Time::from_secs(5)), 2);
        budget.pay(500 + 1500);
        assert!(budget.is_spent());
        assert_eq!((budget.credit(&LIMITS, Time::from_secs(10)), budget.is_spent()), (0, false));
    }

    #[test]
    fn the_window_opens_slowly_and_closes_fast() {
        let mut budget = Budget::new(&LIMITS, Time::ZERO);
        for turn in 1..=9 {
            budget.explored();
            budget.credit(&LIMITS, Time::from_secs(5 * turn));
            budget.cap(&LIMITS);
        }
        assert_eq!(budget.window(), 6);
        assert_eq!(budget.width(&LIMITS, 8), 4, "1000 bytes pay for four");
        budget.looked_up();
        budget.credit(&LIMITS, Time::from_secs(50));
        assert_eq!(budget.window(), 3);
    }
}
