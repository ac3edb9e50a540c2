//! What an identity costs, and machines that have many.
//!
//! A machine computes for one identity after the other, in its sessions only; what it has computed for is its own for good, or for the session where
//! each has an identity of its own. Until then the seat is empty: nobody answers there.
//!
//! # Cost
//! Where identities cost nothing and nobody has more than others, a comparison for each host that comes online.

use std::ops::Range;

use peerlab_engine::Outbox;
use peerlab_engine::time::{Span, Time};
use peerlab_model::{HostId, Overlay};

use crate::common::Common;
use crate::observer::Observer;
use crate::shard::{Alarm, Phase, Seats};

impl<O: Overlay, V: Observer<O::Message>> Seats<O, V> {
    /// How many identities a host has or computes for: an attacker before its time no more than everybody.
    fn wanted(&self, host: HostId) -> u32 {
        let numbering = &self.common.setting.numbering;
        let (all, usual) = (numbering.peers_of(host), numbering.peers_per_host());
        if all > usual && self.conduct(host).is_none() { usual } else { all }
    }

    /// The seats of the identities that a host has paid for.
    pub(crate) fn paid_seats(&mut self, host: HostId) -> Range<u32> {
        let first = self.common.setting.numbering.first_seat(host);
        first..first + self.calendar(host).paid
    }

    /// All that a host wants has been paid for, long ago.
    pub(crate) fn pay_all(&mut self, host: HostId) -> Range<u32> {
        self.calendar(host).paid = self.wanted(host);
        self.paid_seats(host)
    }

    /// The seats under whose identities a host that comes online can join at once.
    pub(crate) fn recall_identities(&mut self, host: HostId) -> Range<u32> {
        if self.common.identity_cost == Span::ZERO || host.0 >= self.common.setting.numbering.population() {
            return self.pay_all(host);
        }
        if self.common.new_identities {
            self.calendar(host).paid = 0;
        }
        self.paid_seats(host)
    }

    /// A host that is online computes for its next identity, if it wants one more. `out` is its first seat's.
    pub(crate) fn expect_identity(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time) {
        if self.calendar(host).paid < self.wanted(host) {
            let after = self.common.identity_cost.max(Span::from_nanos(1));
            let seq = self.own_key(host, now).seq;
            out.timer(now + after, seq, Alarm::Identity);
        }
    }

    /// A host that has more identities than others begins to want them, now. `out` is its first seat's.
    pub(crate) fn want_identities(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time) {
        let usual = self.common.setting.numbering.peers_per_host();
        // One that computes for its first ones goes on with the others by itself.
        if self.is_online(host) && self.calendar(host).paid == usual {
            self.expect_identity(out, host, now);
        }
    }

    /// A host has computed for its next identity, which joins. `out` is its first seat's.
    pub(crate) fn gain_identity(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time) {
        let seat = self.paid_seats(host).end;
        self.calendar(host).paid += 1;
        if self.seat(seat).life.phase == Phase::Offline {
            self.begin_life(seat, now);
        }
        self.embody(seat, now);
        self.books.observer.online(now, self.identity(seat));
        self.act(out, seat, now, Overlay::join);
        self.expect_identity(out, host, now);
    }

    /// Members among the peers of the population that the shard has, and those of them that belong to hosts that cheat.
    fn count_members(&self) -> (u64, u64) {
        let population = self.common.setting.numbering.population();
        let (mut all, mut hostile) = (0, 0);
        for (host, seats) in self.hosts().filter(|(host, _)| host.0 < population) {
            let members = seats.iter().filter(|seat| seat.life.phase == Phase::Member).count() as u64;
            all += members;
            hostile += if self.conduct(host).is_some() { members } else { 0 };
        }
        (all, hostile)
    }
}

/// Name, unit and value of what is to be said of identities, where they cost something or some machines have many.
pub(crate) fn metrics<'s, O: Overlay, V: Observer<O::Message> + 's>(
    common: &Common<O>,
    shards: impl Iterator<Item = &'s Seats<O, V>>,
) -> Vec<(&'static str, &'static str, f64)> {
    if common.identity_cost == Span::ZERO && common.setting.numbering.sybils().1 == 0 {
        return Vec::new();
    }
    let (all, hostile) = shards.map(Seats::count_members).fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    vec![("identities", "identities", all as f64), ("hostile_identity_share", "1", hostile as f64 / all.max(1) as f64)]
}
