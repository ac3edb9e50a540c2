//! Round trips, as a peer measures them with its own requests.

use peerlab_model::{PeerId, Span};

/// Round trips that one peer remembers at most; the rest is measured again when it matters.
const MAX: usize = 512;

/// A smoothed round trip and its mean deviation, in microseconds (Jacobson 1988, as TCP does).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trip {
    pub(crate) mean_us: u32,
    pub(crate) deviation_us: u32,
}

impl Trip {
    pub(crate) fn new(sample: u32) -> Self {
        Self { mean_us: sample, deviation_us: sample / 2 }
    }

    /// Gains of 1/8 for the mean and 1/4 for the deviation.
    pub(crate) fn add(&mut self, sample: u32) {
        let error = i64::from(sample) - i64::from(self.mean_us);
        self.mean_us = (i64::from(self.mean_us) + error / 8).max(1) as u32;
        self.deviation_us = (i64::from(self.deviation_us) + (error.abs() - i64::from(self.deviation_us)) / 4).max(0) as u32;
    }

    /// How long to wait for an answer: the mean and four deviations.
    pub(crate) fn patience(self) -> Span {
        Span::from_micros(u64::from(self.mean_us) + 4 * u64::from(self.deviation_us))
    }

    pub(crate) fn mean(self) -> Span {
        Span::from_micros(u64::from(self.mean_us))
    }
}

/// The round trips to the peers in one peer's tables, in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trips {
    list: Vec<(PeerId, Trip)>,
}

impl Trips {
    #[inline]
    pub(crate) fn get(&self, peer: PeerId) -> Option<Trip> {
        let at = self.list.binary_search_by_key(&peer, |&(peer, _)| peer).ok()?;
        Some(self.list[at].1)
    }

    /// A measurement. Of somebody new, too, if there is room.
    pub(crate) fn add(&mut self, peer: PeerId, trip: Span) {
        let sample = u32::try_from(trip.nanos() / 1000).unwrap_or(u32::MAX).max(1);
        match self.list.binary_search_by_key(&peer, |&(peer, _)| peer) {
            Ok(at) => self.list[at].1.add(sample),
            Err(at) if self.list.len() < MAX => self.list.insert(at, (peer, Trip::new(sample))),
            Err(_) => {}
        }
    }

    pub(crate) fn forget(&mut self, peer: PeerId) {
        if let Ok(at) = self.list.binary_search_by_key(&peer, |&(peer, _)| peer) {
            self.list.remove(at);
        }
    }

    /// The mean of all, in microseconds; 0 if there are none.
    pub(crate) fn mean_us(&self) -> u64 {
        let sum: u64 = self.list.iter().map(|(_, trip)| u64::from(trip.mean_us)).sum();
        sum / self.list.len().max(1) as u64
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_round_trip_leaves_little_patience() {
        let mut trips = Trips::default();
        let peer = PeerId(3);
        trips.add(peer, Span::from_millis(100));
        assert_eq!(trips.get(peer).map(Trip::patience), Some(Span::from_millis(300)));
        (0..40).for_each(|_| trips.add(peer, Span::from_millis(100)));
        let patience = trips.get(peer).expect("it was measured").patience();
        assert!(patience < Span::from_millis(101), "{patience:?}");
        trips.add(peer, Span::from_millis(180));
        assert_eq!(trips.get(peer).expect("it was measured").mean(), Span::from_millis(110));
    }
}
