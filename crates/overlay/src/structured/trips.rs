//! Round trips, as a peer measures them with its own requests, and how long it waits for answers.

use std::num::NonZeroU32;

use peerlab_model::{PeerId, Span, Time, Token};

/// Round trips that one peer remembers at most; the rest is measured again when it matters.
const MAX: usize = 512;

/// A smoothed round trip and its mean deviation, in microseconds (Jacobson 1988, as TCP does).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trip {
    /// Never zero, so that no trip at all takes no more room.
    mean_us: NonZeroU32,
    deviation_us: u32,
}

const _: () = assert!(size_of::<Option<Trip>>() == 8);

impl Trip {
    pub(crate) fn of(mean_us: u32, deviation_us: u32) -> Self {
        Self { mean_us: NonZeroU32::new(mean_us).unwrap_or(NonZeroU32::MIN), deviation_us }
    }

    pub(crate) fn new(sample: u32) -> Self {
        Self::of(sample, sample / 2)
    }

    /// Gains of 1/8 for the mean and 1/4 for the deviation.
    pub(crate) fn add(&mut self, sample: u32) {
        let error = i64::from(sample) - i64::from(self.mean_us.get());
        let deviation = i64::from(self.deviation_us) + (error.abs() - i64::from(self.deviation_us)) / 4;
        *self = Self::of((i64::from(self.mean_us.get()) + error / 8) as u32, deviation.max(0) as u32);
    }

    /// Takes a measurement into account, perhaps the first one.
    pub(crate) fn note(trip: &mut Option<Self>, measured: Span) {
        let sample = u32::try_from(measured.nanos() / 1000).unwrap_or(u32::MAX).max(1);
        match trip {
            Some(trip) => trip.add(sample),
            None => *trip = Some(Self::new(sample)),
        }
    }

    /// How long an answer may take: the mean and four deviations.
    fn patience(self) -> Span {
        Span::from_micros(u64::from(self.mean_us()) + 4 * u64::from(self.deviation_us))
    }

    pub(crate) fn mean(self) -> Span {
        Span::from_micros(self.mean_us().into())
    }

    pub(crate) fn mean_us(self) -> u32 {
        self.mean_us.get()
    }

    pub(crate) fn deviation_us(self) -> u32 {
        self.deviation_us
    }
}

/// How long a peer waits for an answer: for all of them the same, or by the round trip to who is asked (as TCP does).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// The longest silence that is waited for, and the one where nothing was measured.
    pub(crate) longest: Span,
    /// What it exceeds the smoothed round trip by at least; nothing: the longest is waited for by all.
    margin: Option<Span>,
}

impl Patience {
    /// With a `margin` if it is `adaptive`.
    pub(crate) fn new(longest: Span, adaptive: bool, margin: Span) -> Self {
        Self { longest, margin: adaptive.then_some(margin) }
    }

    /// True if round trips matter.
    #[inline]
    pub(crate) fn is_adaptive(self) -> bool {
        self.margin.is_some()
    }

    /// The silence of a peer with this round trip that is waited for.
    pub(crate) fn towards(self, trip: Option<Trip>) -> Span {
        match (self.margin, trip) {
            (Some(margin), Some(trip)) => trip.patience().max(trip.mean().saturating_add(margin)).min(self.longest),
            _ => self.longest,
        }
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

    /// Where all places are taken, whoever is next to `peer` by number gives way to it. Who asks strangers meets ever new ones, and those whom
    /// it asks now matter.
    fn make_room(&mut self, peer: PeerId) {
        if let Err(at) = self.list.binary_search_by_key(&peer, |&(peer, _)| peer)
            && self.list.len() == MAX
        {
            self.list.remove(at.min(MAX - 1));
        }
    }

    pub(crate) fn forget(&mut self, peer: PeerId) {
        if let Ok(at) = self.list.binary_search_by_key(&peer, |&(peer, _)| peer) {
            self.list.remove(at);
        }
    }

    /// The mean of all, in microseconds; 0 if there are none.
    pub(crate) fn mean_us(&self) -> u64 {
        let sum: u64 = self.list.iter().map(|(_, trip)| u64::from(trip.mean_us())).sum();
        sum / self.list.len().max(1) as u64
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }
}

/// Round trips, and the requests that will tell more of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopwatch {
    pub(crate) trips: Trips,
    /// Since when they have been under way.
    running: Vec<(Token, Time)>,
}

impl Stopwatch {
    /// Request `token` is sent to `to` now: for how long it is waited for.
    pub(crate) fn asked(&mut self, patience: Patience, to: PeerId, token: Token, now: Time) -> Span {
        self.running.push((token, now));
        patience.towards(self.trips.get(to))
    }

    /// `from` has answered request `token`.
    pub(crate) fn answered(&mut self, from: PeerId, token: Token, now: Time) {
        if let Some(since) = self.stop(token) {
            self.trips.make_room(from);
            self.trips.add(from, now.since(since));
        }
    }

    /// Request `token` has been given up: `of`'s next one waits for the longest. True if this one did not, so that the peer may live yet.
    pub(crate) fn silence(&mut self, patience: Patience, of: PeerId, token: Token, now: Time) -> bool {
        self.trips.forget(of);
        self.stop(token).is_some_and(|since| now.since(since) < patience.longest)
    }

    fn stop(&mut self, token: Token) -> Option<Time> {
        let at = self.running.iter().position(|&(running, _)| running == token)?;
        Some(self.running.swap_remove(at).1)
    }

    /// Bytes of protocol state.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Trips>() + self.trips.len() * size_of::<(PeerId, Trip)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_keeps_within_its_limits() {
        let trip = |mean_us, deviation_us| Some(Trip::of(mean_us, deviation_us));
        let adaptive = Patience::new(Span::from_millis(500), true, Span::from_millis(10));
        assert_eq!(adaptive.towards(trip(100_000, 20_000)), Span::from_millis(180));
        assert_eq!(adaptive.towards(trip(100_000, 1)), Span::from_millis(110), "the margin");
        assert_eq!(adaptive.towards(trip(400_000, 50_000)), Span::from_millis(500), "the longest");
        assert_eq!(adaptive.towards(None), Span::from_millis(500));
        assert_eq!(Patience::new(Span::from_millis(500), false, Span::ZERO).towards(trip(1, 0)), Span::from_millis(500));
    }

    #[test]
    fn silence_is_doubtful_only_if_it_was_short() {
        let mut requests = peerlab_model::Requests::default();
        let (mut watch, at) = (Stopwatch::default(), |millis| Time::ZERO + Span::from_millis(millis));
        let patience = Patience::new(Span::from_millis(500), true, Span::from_millis(10));
        let mut token = || requests.open(());
        let (first, peer) = (token(), PeerId(9));
        assert_eq!(watch.asked(patience, peer, first, at(0)), Span::from_millis(500), "nothing is known");
        watch.answered(peer, first, at(50));
        let second = token();
        assert_eq!(watch.asked(patience, peer, second, at(100)), Span::from_millis(150));
        assert!(watch.silence(patience, peer, second, at(250)));
        let third = token();
        assert_eq!(watch.asked(patience, peer, third, at(300)), Span::from_millis(500), "the measurement is forgotten");
        assert!(!watch.silence(patience, peer, third, at(800)));
        watch.answered(peer, third, at(900));
        assert_eq!(watch.trips.get(peer), None, "what was given up measures nothing");
    }

    #[test]
    fn whoever_is_asked_now_is_measured_though_many_were_before() {
        let (mut watch, mut requests) = (Stopwatch::default(), peerlab_model::Requests::default());
        let patience = Patience::new(Span::from_millis(500), true, Span::from_millis(10));
        for peer in (0..2 * MAX as u32).chain([0, 1]).map(PeerId) {
            let token = requests.open(());
            watch.asked(patience, peer, token, Time::ZERO);
            watch.answered(peer, token, Time::ZERO + Span::from_millis(50));
            assert!(watch.trips.get(peer).is_some(), "{peer:?}");
        }
        assert_eq!(watch.trips.len(), MAX);
    }

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
