//! Looking on: what a run lets anyone see, at no cost where nobody looks.
//!
//! An [`Observer`] is told of everything and can change nothing. `()` observes nothing and is compiled away; a tuple observes
//! with each of its parts. With several shards each has an observer of its own; what they saw is merged by whoever reads it.

use peerlab_engine::time::{Span, Time};
use peerlab_model::{Hit, LookupId, PeerId, Target};

/// Told of what happens in one shard, in the order of each peer's own events.
#[expect(unused_variables, reason = "the default of every method is to look away, and the names document the arguments")]
pub trait Observer<M>: Send {
    /// `from` sends a message; it will take `delay` (before any queue at the receiver), or is lost where that is `None`.
    #[inline]
    fn sent(&mut self, now: Time, from: PeerId, to: PeerId, message: &M, delay: Option<Span>) {}

    /// A message is handled by a live peer.
    #[inline]
    fn delivered(&mut self, now: Time, from: PeerId, to: PeerId, message: &M) {}

    /// A message has reached a host that is offline, or that did not yet live its present life when it was sent, or whose queue is full.
    #[inline]
    fn dropped(&mut self, now: Time, from: PeerId, message: &M) {}

    /// A peer comes online.
    #[inline]
    fn online(&mut self, now: Time, peer: PeerId) {}

    /// A peer has become a member.
    #[inline]
    fn joined(&mut self, now: Time, peer: PeerId) {}

    /// A peer goes offline.
    #[inline]
    fn offline(&mut self, now: Time, peer: PeerId) {}

    /// A peer asks a question.
    #[inline]
    fn asked(&mut self, now: Time, lookup: LookupId, target: Target) {}

    /// An answer is in the origin's hands.
    #[inline]
    fn hit(&mut self, now: Time, lookup: LookupId, hit: Hit) {}

    /// A model has ended a lookup.
    #[inline]
    fn finished(&mut self, now: Time, lookup: LookupId) {}
}

impl<M> Observer<M> for () {}

impl<M, A: Observer<M>, B: Observer<M>> Observer<M> for (A, B) {
    fn sent(&mut self, now: Time, from: PeerId, to: PeerId, message: &M, delay: Option<Span>) {
        self.0.sent(now, from, to, message, delay);
        self.1.sent(now, from, to, message, delay);
    }

    fn delivered(&mut self, now: Time, from: PeerId, to: PeerId, message: &M) {
        self.0.delivered(now, from, to, message);
        self.1.delivered(now, from, to, message);
    }

    fn dropped(&mut self, now: Time, from: PeerId, message: &M) {
        self.0.dropped(now, from, message);
        self.1.dropped(now, from, message);
    }

    fn online(&mut self, now: Time, peer: PeerId) {
        self.0.online(now, peer);
        self.1.online(now, peer);
    }

    fn joined(&mut self, now: Time, peer: PeerId) {
        self.0.joined(now, peer);
        self.1.joined(now, peer);
    }

    fn offline(&mut self, now: Time, peer: PeerId) {
        self.0.offline(now, peer);
        self.1.offline(now, peer);
    }

    fn asked(&mut self, now: Time, lookup: LookupId, target: Target) {
        self.0.asked(now, lookup, target);
        self.1.asked(now, lookup, target);
    }

    fn hit(&mut self, now: Time, lookup: LookupId, hit: Hit) {
        self.0.hit(now, lookup, hit);
        self.1.hit(now, lookup, hit);
    }

    fn finished(&mut self, now: Time, lookup: LookupId) {
        self.0.finished(now, lookup);
        self.1.finished(now, lookup);
    }
}
