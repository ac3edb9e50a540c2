//! Machines that hang: alive, but handling nothing, until they go on as if nothing had happened.
//!
//! What reaches a frozen host waits, and so do its timers; both are handled when it goes on. One that never goes on loses them.
//!
//! # Cost
//! Nothing on the path of an event: the lives of a frozen host's peers are marked so that each event finds them as it would find those of a host
//! that is offline, and only then is asked why.

use peerlab_engine::time::{Span, Time};
use peerlab_engine::{EventKey, Outbox};
use peerlab_model::{HostId, Overlay, PeerId};

use crate::books::{Envelope, Load};
use crate::observer::Observer;
use crate::shard::{Alarm, Seats};
use crate::tally::Fate;

/// A host that handles nothing for the time being.
pub(crate) struct Frozen {
    until: Time,
    /// By peer of the host, what its life was marked with before: when it began, and its first timer.
    lives: Box<[(Time, u32)]>,
}

impl<O: Overlay, V: Observer<O::Message>> Seats<O, V> {
    /// True if a host hangs.
    pub(crate) fn is_frozen(&self, host: HostId) -> bool {
        self.frozen.contains_key(&host.0)
    }

    /// When the present life of a host that is online began.
    pub(crate) fn began(&self, host: HostId) -> Time {
        self.frozen.get(&host.0).map_or(self.host(host)[0].life.began(), |frozen| frozen.lives[0].0)
    }

    /// A host that is online hangs until `until`.
    pub(crate) fn freeze(&mut self, host: HostId, until: Time) {
        if let Some(frozen) = self.frozen.get_mut(&host.0) {
            frozen.until = frozen.until.max(until);
            return;
        }
        let seats = self.common.setting.numbering.seats_of(host);
        let lives = seats.map(|seat| self.seat_mut(seat).life.hang()).collect();
        self.frozen.insert(host.0, Frozen { until, lives });
    }

    /// A host goes on if its time has come.
    pub(crate) fn thaw_at(&mut self, host: HostId, now: Time) {
        if self.frozen.get(&host.0).is_some_and(|frozen| frozen.until <= now) {
            self.thaw(host);
        }
    }

    /// A host goes on. True if it was frozen.
    pub(crate) fn thaw(&mut self, host: HostId) -> bool {
        let Some(Frozen { lives, .. }) = self.frozen.remove(&host.0) else { return false };
        for (seat, life) in self.common.setting.numbering.seats_of(host).zip(lives) {
            self.seat_mut(seat).life.go_on(life);
        }
        true
    }

    /// Until when the peer at a seat hangs and what its life was marked with, if it does and will go on.
    fn hanging(&self, seat: u32) -> Option<(Time, (Time, u32))> {
        let numbering = &self.common.setting.numbering;
        let host = numbering.host_of(seat);
        let frozen = self.frozen.get(&host.0).filter(|frozen| frozen.until < Time::MAX)?;
        // Whatever the order at that instant: once it is past, the host has gone on.
        let again = frozen.until + Span::from_nanos(1);
        Some((again, frozen.lives[(seat - numbering.first_seat(host)) as usize]))
    }

    /// A message for a peer that is not there to handle it: it is dropped, or it waits until the peer goes on.
    #[cold]
    pub(crate) fn nobody_home(&mut self, out: &mut Outbox<'_, Self>, seat: u32, now: Time, from: PeerId, envelope: Envelope<O::Message>) {
        if let Some((again, (began, _))) = self.hanging(seat)
            && envelope.label.sent >= began
        {
            let seq = self.seat_mut(seat).life.next_seq();
            return out.postpone(again, seq, from.0, envelope);
        }
        if let Load::Overlay(message) = &envelope.load {
            self.books.observer.dropped(now, from, message);
        }
        self.books.ended(now, envelope.label, Fate::Offline);
    }

    /// A timer for a peer that is not there to handle it: of an earlier life, or it goes off when the peer goes on.
    #[cold]
    pub(crate) fn overslept(&mut self, out: &mut Outbox<'_, Self>, seat: u32, key: EventKey, alarm: Alarm<O::Timer>) {
        if let Some((again, (_, first_seq))) = self.hanging(seat)
            && key.seq >= first_seq
        {
            let seq = self.seat_mut(seat).life.next_seq();
            out.timer(again, seq, alarm);
        }
    }
}
