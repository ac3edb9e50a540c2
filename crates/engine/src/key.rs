//! The order of events, which is a property of the events.
//!
//! A run is a pure function of (scenario, seed). That holds because events are handed out by [`EventKey`] alone: instant,
//! then origin, then the origin's own counter. Insertion order, hash order and thread order cannot reach a result.
//!
//! # Not here
//! Cancellation. Whoever sets a timer remembers what it waits for and ignores the stale ones: nothing to search, nothing to leak.

use crate::time::Time;

/// The place of an event in the total order of its run. No two events share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// When it happens.
    pub time: Time,
    /// The actor that caused it.
    pub origin: u32,
    /// The origin's own counter when it did.
    pub seq: u32,
}
