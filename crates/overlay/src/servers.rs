//! What models with dedicated servers have in common: parameters that are checked in one way, and how long to wait for an answer.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, Numbering, PeerId, Span};

/// Notes a capacity that no server can have.
pub(crate) fn check_capacity(key: &str, capacity: Option<f64>, issues: &mut Issues) {
    if let Some(capacity) = capacity {
        let message = format!("a server handles more than 0 messages per second, not {capacity}; leave it out for no limit");
        issues.ensure(capacity > 0.0 && capacity.is_finite(), key, message);
    }
}

/// Notes every time that is too short to wait for anything.
pub(crate) fn check_durations(durations: &[(&str, Duration)], issues: &mut Issues) {
    for &(key, duration) in durations {
        issues.ensure(duration.span().nanos() >= 1_000_000, key, format!("{duration} is too short: 1 ms is the least"));
    }
}

/// A wait after so many doublings, at most `longest`.
pub(crate) fn doubled(first: Span, doublings: u16, longest: Span) -> Span {
    first.times(1 << doublings.min(20)).min(longest)
}

/// A server's number among the servers.
pub(crate) fn number_of(numbering: &Numbering, server: PeerId) -> u16 {
    (numbering.host(server).0 - numbering.population()) as u16
}
