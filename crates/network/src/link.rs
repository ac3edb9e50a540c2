//! What hosts do to messages: access links that serialise them one after the other, and capacities with bounded queues.
//!
//! The owner of the hosts keeps one small state for each and calls in the order of the events; nothing here knows the others.

use peerlab_engine::time::{Span, Time};
use peerlab_model::units::Rate;

/// An access link; an absent rate is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Towards the network.
    pub upload: Option<Rate>,
    /// From the network.
    pub download: Option<Rate>,
}

/// The state of one host's access link: until when each direction is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkState {
    up_free: Time,
    down_free: Time,
}

impl Default for LinkState {
    fn default() -> Self {
        Self { up_free: Time::MIN, down_free: Time::MIN }
    }
}

impl Link {
    /// The same link with both rates times `factor`.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self { upload: self.upload.map(|rate| rate.scaled(factor)), download: self.download.map(|rate| rate.scaled(factor)) }
    }

    /// True if neither direction is limited.
    pub const fn is_unlimited(&self) -> bool {
        self.upload.is_none() && self.download.is_none()
    }

    /// When the last bit of a message that is sent at `now` has left the host, behind all that was sent before it (first
    /// come, first served). Calls come in the order of time.
    #[inline]
    pub fn depart(&self, state: &mut LinkState, now: Time, bytes: u32) -> Time {
        serve(self.upload.map(|rate| rate.transmission(u64::from(bytes))), &mut state.up_free, now)
    }

    /// When all that has been sent will have left the host; `now` if it has.
    #[inline]
    pub fn free(&self, state: &LinkState, now: Time) -> Time {
        state.up_free.max(now)
    }

    /// When the last bit of a message that reaches the downlink at `at` is in the host, behind all that reached it before.
    /// Calls come in the order of time.
    #[inline]
    pub fn arrive(&self, state: &mut LinkState, at: Time, bytes: u32) -> Time {
        serve(self.download.map(|rate| rate.transmission(u64::from(bytes))), &mut state.down_free, at)
    }
}

#[inline]
fn serve(service: Option<Span>, free: &mut Time, now: Time) -> Time {
    let Some(service) = service else { return now };
    *free = (*free).max(now).saturating_add(service);
    *free
}

/// How fast a host handles messages, and how many may wait: a queue with deterministic service (M/D/1/K where arrivals are Poisson).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    service: Span,
    queue: u32,
}

/// The state of one host's queue of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityState {
    free: Time,
}

impl Default for CapacityState {
    fn default() -> Self {
        Self { free: Time::MIN }
    }
}

impl Capacity {
    /// `per_second` messages per second (above 0), each taking the same time; `queue` may wait beside the one that is handled.
    ///
    /// # Panics
    /// If `per_second` is not above zero.
    pub fn new(per_second: f64, queue: u32) -> Self {
        assert!(per_second > 0.0, "a capacity of {per_second} messages per second");
        // A nanosecond is the shortest service there is; a century the longest, so that sums stay in range.
        let service = Span::from_secs_f64(1.0 / per_second).max(Span::from_nanos(1)).min(Span::from_secs(3_000_000_000));
        Self { service, queue }
    }

    /// The same host, `factor` times as fast.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self::new(factor / self.service.secs_f64(), self.queue)
    }

    /// The time that one message takes.
    pub const fn service(&self) -> Span {
        self.service
    }

    /// When the message that arrives at `now` will have been handled, or nothing if the queue is full. Calls come in the order of time.
    #[inline]
    pub fn admit(&self, state: &mut CapacityState, now: Time) -> Option<Time> {
        // All take the same time, so the backlog tells how many there are: one in service, the others waiting.
        let backlog = state.free.since(now).nanos();
        if backlog > self.service.nanos().saturating_mul(u64::from(self.queue)) {
            return None;
        }
        state.free = state.free.max(now).saturating_add(self.service);
        Some(state.free)
    }
}
